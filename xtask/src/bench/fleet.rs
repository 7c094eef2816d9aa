//! The fleet: Deployments of a realistic size in twenty namespaces, each field of which has the
//! owners that a real one has (Helm, a platform team's server-side apply, a controller's status).

use futures::{StreamExt, TryStreamExt};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use snafu::{ResultExt, ensure};

use super::{ApiSnafu, Error, WrongSnafu};
use crate::progress::Progress;
use pingzhan::field::{Image, Path, Projection, project};

/// How many namespaces the fleet is spread over.
pub const NAMESPACES: usize = 20;
/// The label by which the playbook selects it.
pub const LABEL: &str = "fleet";
/// Replicas in peacetime.
pub const BASE: i64 = 3;
/// Replicas in wartime.
pub const AFTER: i64 = 9;
/// Requests at a time while the fleet is loaded.
const LOADING: usize = 24;
/// Objects a page of a list.
const PAGE: usize = 500;

/// The namespace of a member.
pub fn namespace(member: usize) -> String {
    format!("bench-{:02}", member % NAMESPACES)
}

/// The name of a member.
pub fn name(member: usize) -> String {
    format!("service-{member:05}")
}

/// The field that is switched.
pub fn replicas() -> Path {
    Path::fields(["spec", "replicas"])
}

/// One Deployment: two containers with probes, resources and environment.
pub fn deployment(member: usize) -> Value {
    let name = name(member);
    let container = |part: &str, port: u16| {
        let environment: Vec<Value> = (0..6)
            .map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value-{n}-of-{name}")}))
            .collect();
        json!({
            "name": part,
            "image": format!("registry.invalid/yunxi/{part}:1.4.{}", member % 10),
            "ports": [{"name": part, "containerPort": port, "protocol": "TCP"}],
            "env": environment,
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": part, "scheme": "HTTP"}, "periodSeconds": 5},
        })
    };
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace(member),
            "labels": {LABEL: "bench", "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace(member)},
        },
        "spec": {
            "replicas": BASE,
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": name}},
                "spec": {"containers": [container("web", 8080), container("proxy", 9090)]},
            },
        },
    })
}

/// The requests that make one member what it is.
fn requests(member: usize) -> Vec<(Method, String, &'static str, Value)> {
    let (namespace, name) = (namespace(member), name(member));
    let all = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let one = format!("{all}/{name}");
    let platform = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"annotations": {"yunxi.example/tier": "critical", "yunxi.example/team": "portal"}},
        "spec": {"replicas": BASE},
    });
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
            "lastTransitionTime": "2026-11-01T00:00:00Z", "lastUpdateTime": "2026-11-01T00:00:00Z",
        })
    };
    let status = json!({"status": {
        "observedGeneration": 1, "replicas": BASE, "readyReplicas": BASE,
        "updatedReplicas": BASE, "availableReplicas": BASE,
        "conditions": [condition("Available"), condition("Progressing")],
    }});
    vec![
        (
            Method::POST,
            format!("{all}?fieldManager=helm"),
            "application/json",
            deployment(member),
        ),
        (
            Method::PATCH,
            format!("{one}?fieldManager=platform"),
            "application/apply-patch+yaml",
            platform,
        ),
        (
            Method::PATCH,
            format!("{one}/status?fieldManager=kube-controller-manager"),
            "application/merge-patch+json",
            status,
        ),
    ]
}

/// Sends a request and takes the parsed answer.
pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: &Value,
) -> Result<Value, Error> {
    request(&[], client, method, path, kind, body).await
}

/// The same as a person, in the name of one of their groups.
pub async fn send_as(
    (name, group): (&str, &str),
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: &Value,
) -> Result<Value, Error> {
    let who = [
        ("impersonate-user", name),
        ("impersonate-group", group),
        ("impersonate-group", "system:masters"),
    ];
    request(&who, client, method, path, kind, body).await
}

async fn request(
    who: &[(&str, &str)],
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: &Value,
) -> Result<Value, Error> {
    let doing = format!("{method} {path}");
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind);
    for (header, value) in who {
        request = request.header(*header, *value);
    }
    let request = request.body(body);
    let request = request.map_err(kube::Error::HttpError).map_err(Box::new);
    let request = request.context(ApiSnafu { doing: &doing })?;
    let answer = client.request::<Value>(request).await.map_err(Box::new);
    answer.context(ApiSnafu { doing })
}

/// Makes the namespaces of the fleet and of the operator.
pub async fn namespaces(client: &Client) -> Result<(), Error> {
    let fleet = (0..NAMESPACES).map(namespace);
    let own = ["pingzhan-system", "pingzhan-playbooks"].map(str::to_owned);
    for name in fleet.chain(own) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        send(
            client,
            Method::POST,
            "/api/v1/namespaces",
            "application/json",
            &body,
        )
        .await?;
    }
    Ok(())
}

/// Makes the fleet grow from one size to another.
pub async fn grow(
    client: &Client,
    from: usize,
    to: usize,
    progress: Progress,
) -> Result<(), Error> {
    let task = progress.task(&format!("load {} Deployments", to - from));
    futures::stream::iter(from..to)
        .map(|member| async move {
            for (method, path, kind, body) in requests(member) {
                send(client, method, &path, kind, &body).await?;
            }
            Ok::<(), Error>(())
        })
        .buffer_unordered(LOADING)
        .try_collect::<Vec<()>>()
        .await?;
    task.done(&format!("{to} in all"));
    Ok(())
}

/// The fleet as it is, whole objects dropped.
pub async fn look(client: &Client) -> Result<Vec<Projection>, Error> {
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let path = format!(
            "/apis/apps/v1/deployments?labelSelector={LABEL}%3Dbench&limit={PAGE}&continue={next}"
        );
        let mut page = send(client, Method::GET, &path, "application/json", &Value::Null).await?;
        let items = page.get_mut("items").and_then(Value::as_array_mut);
        for item in items.map(std::mem::take).into_iter().flatten() {
            let mut item = item;
            item["apiVersion"] = "apps/v1".into();
            item["kind"] = "Deployment".into();
            seen.extend(project::project(&item, "deployments", &[replicas()], true));
        }
        let token = page["metadata"]["continue"].as_str();
        token.unwrap_or_default().clone_into(&mut next);
        if next.is_empty() {
            return Ok(seen);
        }
    }
}

/// Refuses figures of a run that did not bring the fleet back.
pub fn check(fleet: &[Projection], size: usize) -> Result<(), Error> {
    let problem = format!("{} of {size} Deployments are there", fleet.len());
    ensure!(fleet.len() == size, WrongSnafu { problem });
    let base = Image::Present(BASE.into());
    for one in fleet {
        let field = one.field(&replicas());
        let back = field.is_some_and(|seen| {
            seen.image == base && seen.ours.is_empty() && seen.owners.len() == 2
        });
        let problem = format!(
            "{}/{} was not brought back exactly: {field:?}, held by {:?}",
            one.target.namespace, one.target.name, one.held_by
        );
        ensure!(back && one.held_by.is_none(), WrongSnafu { problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes and memory say nothing about real fleets unless the objects are of a real size.
    #[test]
    fn a_member_is_about_three_kilobytes_before_its_owners() {
        let size = deployment(7).to_string().len();
        assert!((1_800..4_000).contains(&size), "{size}");
    }
}
