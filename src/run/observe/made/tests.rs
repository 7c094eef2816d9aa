//! Whether an object may be made, asked of a stand-in server.

use super::*;
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::cluster::{Clients, Discovery};
use crate::engine::protect::Own;
use crate::playbook::Making;
use crate::step::apply;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What the server says to whoever tries.
#[derive(Clone, Copy)]
struct Server {
    /// What is there already.
    there: Option<fn() -> Value>,
    /// The code and message of a dry run.
    tried: (u16, &'static str),
    /// Whether the account may delete.
    deletes: bool,
}

const WILLING: Server = Server {
    there: None,
    tried: (201, ""),
    deletes: true,
};

fn named(name: &str) -> Value {
    json!({ "kind": "Status", "reason": "NotFound", "details": { "name": name } })
}

fn kinds() -> Value {
    let of = |kind: &str, plural: &str| {
        json!({ "resource": plural, "scope": "Namespaced",
        "responseKind": { "group": "", "version": "v1", "kind": kind } })
    };
    json!({ "metadata": {}, "items": [{ "metadata": { "name": "" }, "versions": [
        { "version": "v1", "resources": [of("ConfigMap", "configmaps"), of("Secret", "secrets")] }] }] })
}

/// The kinds of rights.
fn groups() -> Value {
    let of = |kind: &str, plural: &str, scope: &str| {
        json!({ "resource": plural, "scope": scope,
        "responseKind": { "group": RBAC, "version": "v1", "kind": kind } })
    };
    let resources = [
        of("RoleBinding", "rolebindings", "Namespaced"),
        of("ClusterRole", "clusterroles", "Cluster"),
        of("ClusterRoleBinding", "clusterrolebindings", "Cluster"),
    ];
    json!({ "metadata": {}, "items": [{ "metadata": { "name": RBAC },
        "versions": [{ "version": "v1", "resources": resources }] }] })
}

fn answer(server: Server, asked: &Asked) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    let spaces = ["portal", "kept"].map(|name| {
        let labels = if name == "kept" {
            json!({ "pingzhan.dev/exclude": "true" })
        } else {
            json!({})
        };
        json!({ "metadata": { "name": name, "labels": labels } })
    });
    match (asked.method.as_str(), path) {
        (_, "/api") => reply(200, kinds()),
        (_, "/apis") => reply(200, groups()),
        (_, "/api/v1/namespaces") => reply(200, json!({ "metadata": {}, "items": spaces })),
        ("GET", "/api/v1/namespaces/portal/configmaps/notice") => match server.there {
            Some(object) => reply(200, object()),
            None => reply(404, named("notice")),
        },
        ("POST", "/api/v1/namespaces/portal/configmaps") => {
            assert!(
                asked.path.contains("dryRun=All"),
                "nothing is made: {}",
                asked.path
            );
            let (code, message) = server.tried;
            let said = json!({ "kind": "Status", "reason": "x", "message": message, "details": { "causes": [{}] } });
            reply(code, said)
        }
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
            reply(201, json!({ "status": { "allowed": server.deletes } }))
        }
        _ => reply(404, json!({})),
    }
}

fn notice() -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "notice", "namespace": "portal" }, "data": { "text": "stay at home" } })
}

/// What is found of an object.
async fn look(server: Server, object: Value) -> Found {
    let fake = Fake::new(move |asked| answer(server, asked));
    let account = Clients::fake(&fake.client());
    let discovery = Discovery::new(fake.client());
    let view = View {
        account: &account,
        discovery: &discovery,
        scope: None,
        own: Own {
            operator: "pay-operator",
            accounts: "pay-accounts",
        },
        explains: false,
    };
    let making = Making {
        objects: vec![object.clone()],
        adopt: false,
    };
    let query = apply::needs(&making).remove(0);
    let namespaces = Namespaces::read(view, [&query].into_iter()).await;
    run(view, &namespaces, &query, &object, false).await
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = notice();
    change(&mut object);
    object
}

/// What may be made and deleted again is a place with nothing at it.
#[tokio::test]
async fn what_may_be_made_is_a_place_with_nothing_at_it() {
    let found = look(WILLING, notice()).await;
    assert!(
        found.problems.is_empty() && found.faults.is_empty(),
        "{found:?}"
    );
    assert_eq!(found.objects.len(), 1);
    assert!(creation::is(&found.objects[0].target.uid));
    // What a mode made is the same place, whatever is there.
    let made = Server {
        there: Some(|| {
            let mut object = creation::body(&notice(), "flood", "u");
            object["metadata"]["uid"] = json!("77");
            object
        }),
        tried: (403, "must not be asked"),
        ..WILLING
    };
    let found = look(made, notice()).await;
    assert!(found.problems.is_empty() && creation::is(&found.objects[0].target.uid));
}

/// Whoever approves has to know that it will not be made, or not be taken away.
#[tokio::test]
async fn what_would_be_refused_is_said_with_who_and_why() {
    let refused = |code, message| Server {
        tried: (code, message),
        ..WILLING
    };
    let found = look(refused(422, "data is not a map"), notice()).await;
    assert!(found.faults[0].contains("ConfigMap portal/notice cannot be made: data is not a map"));
    let found = look(refused(403, "exceeded quota: few"), notice()).await;
    assert!(found.problems[0].contains("cannot make ConfigMap portal/notice: exceeded quota: few"));
    let keeps = Server {
        deletes: false,
        ..WILLING
    };
    let found = look(keeps, notice()).await;
    assert!(
        found.problems[0].contains("may not delete ConfigMap portal/notice"),
        "{found:?}"
    );
}

/// What nothing may touch is not made there either, and nobody is asked.
#[tokio::test]
async fn what_is_never_touched_is_never_made() {
    let rows = [
        (
            with(|one| one["metadata"]["namespace"] = json!("pay-operator")),
            "no namespace pay-operator",
        ),
        (
            with(|one| one["metadata"]["labels"] = json!({ "app": "coredns" })),
            "resolves names",
        ),
        (with(|one| one["kind"] = json!("Secret")), "never touched"),
        (
            with(|one| one["metadata"]["name"] = json!(7)),
            "does not come to a text",
        ),
        (
            with(|one| one["apiVersion"] = json!("v2")),
            "write `apiVersion: v1`",
        ),
        (
            with(|one| one["metadata"]["namespace"] = json!(null)),
            "give `metadata.namespace`",
        ),
    ];
    for (object, why) in rows {
        let found = look(WILLING, object).await;
        let said = found.faults.iter().chain(&found.problems).cloned();
        let said: Vec<String> = said.collect();
        assert!(
            found.objects.is_empty() && said.join("").contains(why),
            "{why}: {found:?}"
        );
    }
    let kept = with(|one| one["metadata"]["namespace"] = json!("kept"));
    let found = look(WILLING, kept).await;
    assert!(
        found.faults.is_empty() && found.protected[0].why.contains("exclude=true"),
        "{found:?}"
    );
}

/// What `access` may not give, `apply` does not make, whatever a parameter came to.
#[tokio::test]
async fn rights_that_no_playbook_gives_are_not_made() {
    let version = format!("{RBAC}/v1");
    let binding = |kind: &str, name: &str, who: &str, whom: &str| {
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name },
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "edit" },
            "subjects": [{ "kind": who, "name": whom }] });
        if kind == "RoleBinding" {
            object["metadata"]["namespace"] = json!("portal");
        }
        object
    };
    let role = |name: &str, labels: &Value| {
        json!({ "apiVersion": version, "kind": "ClusterRole", "rules": [],
            "metadata": { "name": name, "labels": labels } })
    };
    let boot = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
    let operator = "system:serviceaccount:pay-operator:pingzhan";
    let cluster = "system:serviceaccounts:kube-system";
    let (one, all) = ("RoleBinding", "ClusterRoleBinding");
    let rows = [
        (binding(one, "more", "User", operator), "its rights"),
        (binding(one, "more", "Group", cluster), "gives no rights to"),
        (
            binding(all, "more", "User", "system:anonymous"),
            "not signed in",
        ),
        (
            binding(all, "more", "Group", "system:authenticated"),
            "does not give everybody",
        ),
        (
            binding(all, "cluster-admin", "User", "li"),
            "a binding of the cluster's own",
        ),
        (
            role("system:more", &json!({})),
            "a role of the cluster's own",
        ),
        (role("more", &boot), "a role of the cluster's own"),
    ];
    for (object, why) in rows {
        let found = look(WILLING, object.clone()).await;
        let said = found.faults.join("");
        assert!(
            found.objects.is_empty() && said.contains(why),
            "{object}: {found:?}"
        );
    }
}
