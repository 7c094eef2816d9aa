//! The chart as Helm renders it, and whether a real API server takes what it makes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pingzhan::api::names::{ACCOUNT_NAMESPACE, DEFAULT_NAMESPACE};
use pingzhan::policies::{self, Names};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::support::{self, repository};

/// Helm on the chart; the environment of whoever runs the tests has no say.
fn helm(verb: &[&str], more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(support::helm())
        .args(verb)
        .args(["charts/pingzhan", "--namespace", DEFAULT_NAMESPACE])
        .args(more)
        .current_dir(repository())
        .env_clear()
        .env("HOME", folder.path())
        .output();
    output.expect("helm runs")
}

/// What the chart renders with these values.
fn rendered(more: &[&str]) -> String {
    let output = helm(&["template", "pingzhan"], more);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    String::from_utf8(output.stdout).expect("text")
}

fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let read = documents.map(|document| Value::deserialize(document).expect("YAML"));
    read.filter(|object| !object.is_null()).collect()
}

/// Objects by kind and name, without what only Helm's users see.
fn compared(text: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for mut object in objects(text) {
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        for of_helm in ["labels", "annotations"] {
            let Some(Value::Object(mut left)) = metadata.remove(of_helm) else {
                continue;
            };
            left.retain(|key, _| {
                !key.starts_with("app.kubernetes.io/") && !key.starts_with("helm.sh/")
            });
            if !left.is_empty() {
                metadata.insert(of_helm.to_owned(), left.into());
            }
        }
        let kind = object["kind"].as_str().expect("a kind");
        let name = object["metadata"]["name"].as_str().expect("a name");
        all.insert(format!("{kind} {name}"), object);
    }
    all
}

/// The operator's Deployment, with the chart's defaults.
fn deployment() -> Value {
    let all = compared(&rendered(&[]));
    all["Deployment pingzhan"].clone()
}

/// kubectl with an object or many on its input.
fn kubectl(kubeconfig: &Path, args: &[&str], input: &str) -> Output {
    let mut child = support::kubectl_with(kubeconfig)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let mut pipe = child.stdin.take().expect("its input is piped");
    pipe.write_all(input.as_bytes()).expect("it is read");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Two ways to install must not install two different things, and one of them is not Helm's.
#[test]
fn the_chart_renders_what_the_plain_manifest_holds() {
    let output = helm(&["lint", "--strict"], &[]);
    assert!(output.status.success(), "{}", said(&output));
    let plain = std::fs::read_to_string(repository().join("manifests/install.yaml"));
    let mut plain = compared(&plain.expect("it is generated"));
    // Helm makes the namespace of a release by itself.
    let own = plain.remove(&format!("Namespace {DEFAULT_NAMESPACE}"));
    assert!(own.is_some(), "{:?}", plain.keys());
    let chart = compared(&rendered(&["--kube-version", "1.35.0"]));
    let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&chart), names(&plain));
    for (name, object) in &chart {
        assert_eq!(object, &plain[name], "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let image = &chart["Deployment pingzhan"]["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, &json!(format!("pingzhan:{version}")));
}

/// A server that knows constrained impersonation gets that, in the chart as in the manifests, and nothing
/// of the classic verb.
#[test]
fn the_chart_lets_the_operator_act_as_accounts_as_the_manifest_for_new_servers_does() {
    let path = repository().join("manifests/impersonation-constrained.yaml");
    let plain = compared(&std::fs::read_to_string(path).expect("it is generated"));
    let chart = compared(&rendered(&["--kube-version", "1.36.0"]));
    assert_eq!(plain.len(), 4, "{:?}", plain.keys());
    for (name, object) in &plain {
        assert_eq!(Some(object), chart.get(name), "{name}");
    }
    let classic = [
        "--kube-version",
        "1.36.0",
        "--set",
        "impersonation.mode=classic",
    ];
    for (args, lends) in [(&classic[..2], false), (&classic[..], true)] {
        let text = rendered(args);
        assert_eq!(text.contains("get, impersonate]"), lends, "{args:?}");
    }
}

/// Whoever names the accounts lends these and no others, whatever the server knows; and where none is named,
/// all of their namespace.
#[test]
fn the_accounts_that_are_named_are_lent_and_no_others_in_both_forms() {
    let chosen = ["--set", "impersonation.accounts={flood,typhoon.east}"];
    let lends = |object: &Value| {
        let verbs = object["rules"].as_array().into_iter().flatten();
        let verbs = verbs.flat_map(|rule| rule["verbs"].as_array().expect("verbs"));
        let mut verbs = verbs.filter_map(Value::as_str);
        verbs.any(|verb| verb == "impersonate" || verb.starts_with("impersonate:"))
    };
    let forms = [
        ("1.35.0", vec![("", vec!["get", "impersonate"])]),
        (
            "1.36.0",
            vec![
                ("authentication.k8s.io", vec!["impersonate:serviceaccount"]),
                ("", vec!["get"]),
            ],
        ),
    ];
    for (version, expected) in forms {
        for (more, names) in [
            (&chosen[..], json!(["flood", "typhoon.east"])),
            (&chosen[..0], Value::Null),
        ] {
            let all = compared(&rendered(&[&["--kube-version", version], more].concat()));
            let lending = all.iter().filter(|(_, object)| lends(object));
            let lending: Vec<_> = lending.collect();
            assert_eq!(lending.len(), 1, "{version}: {lending:?}");
            let (name, role) = lending[0];
            assert_eq!(name, "Role pingzhan-playbook-accounts");
            assert_eq!(role["metadata"]["namespace"], ACCOUNT_NAMESPACE);
            let rules = expected.iter().map(|(group, verbs)| {
                let mut one =
                    json!({ "apiGroups": [group], "resources": ["serviceaccounts"], "verbs": verbs });
                if !names.is_null() {
                    one["resourceNames"] = names.clone();
                }
                one
            });
            assert_eq!(role["rules"], rules.collect::<Value>(), "{version}");
        }
    }
}

/// What an API server refuses is found here, not by whoever installs: unknown fields, rights that
/// cannot be given, a CRD whose rules cost too much.
#[tokio::test]
async fn a_real_api_server_takes_everything_that_the_chart_renders() {
    let plane = support::cluster().await;
    let text = rendered(&["--set", "metrics.service.annotations.a=b"]);
    let apply = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--force-conflicts",
        "-f",
        "-",
    ];
    let output = kubectl(&plane.kubeconfig, &apply, &text);
    assert!(output.status.success(), "{}", said(&output));
    let applied = said(&output).matches("serverside-applied").count();
    assert_eq!(applied, objects(&text).len(), "{}", said(&output));
}

/// A Deployment is taken whatever its pods ask for; they would be refused one by one, later, where
/// nobody looks.
#[tokio::test]
async fn pods_of_the_chart_are_admitted_where_the_restricted_standard_is_enforced() {
    let plane = support::cluster().await;
    let mut pod = deployment()["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = "operator".into();
    pod["metadata"]["namespace"] = DEFAULT_NAMESPACE.into();
    // Nobody else makes a pod of the operator.
    let maker = "--as=system:serviceaccount:kube-system:replicaset-controller";
    let dry = "--dry-run=server";
    let create = ["create", maker, dry, "--validate=strict", "-f", "-"];
    let output = kubectl(&plane.kubeconfig, &create, &pod.to_string());
    assert!(output.status.success(), "{}", said(&output));

    // The standard is enforced there, or the above says nothing.
    pod["spec"]["securityContext"] = json!({ "runAsNonRoot": false });
    let output = kubectl(&plane.kubeconfig, &create, &pod.to_string());
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("restricted"), "{}", said(&output));
}

/// A flag or a path that the program does not know would be a pod that never becomes ready.
#[tokio::test]
async fn the_operator_becomes_ready_with_the_flags_and_probes_of_the_chart() {
    let plane = support::cluster().await;
    let deployment = deployment();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let args = container["args"].as_array().expect("flags").iter();
    let args = args.map(|flag| flag.as_str().expect("a text"));
    // Tests run side by side: a free port, and who holds the lease does not matter.
    let args = args.map(|flag| match flag.split_once('=') {
        Some(("--metrics-address", _)) => "--metrics-address=127.0.0.1:0",
        _ => flag,
    });
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut operator = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
        .args(args)
        .env("KUBECONFIG", plane.operator())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("the operator starts");
    let answers = async {
        loop {
            let text = std::fs::read_to_string(&log).expect("a log");
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let address =
                lines.filter_map(|line: Value| line["address"].as_str().map(str::to_owned));
            for address in address {
                let ask = |probe: &str| answer(&address, &container[probe]["httpGet"]);
                let answers = (ask("livenessProbe").await, ask("readinessProbe").await);
                if answers == (200, 200) {
                    return;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let ready = tokio::time::timeout(std::time::Duration::from_mins(1), answers).await;
    operator.kill().expect("it is ours");
    operator.wait().expect("it ends");
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(ready.is_ok(), "it did not become ready:\n{log}");
}

/// The status that a probe is answered with; 0 where nobody answers.
async fn answer(address: &str, probe: &Value) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let path = probe["path"].as_str().expect("a path");
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
        return 0;
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut said = String::new();
    let asked = stream.write_all(request.as_bytes()).await;
    if asked.is_err() || stream.read_to_string(&mut said).await.is_err() {
        return 0;
    }
    let code = said.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_default()
}

/// A signals file that is not where the operator looks would be found out in the emergency.
#[test]
fn the_signals_secret_is_mounted_where_the_operator_looks() {
    let text = rendered(&["--set", "signals.existingSecret=pingzhan-signals"]);
    let all = compared(&text);
    let pod = &all["Deployment pingzhan"]["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
    assert!(arguments.contains(&json!("--signals=/etc/pingzhan/signals/signals.yaml")));
    let mount = &pod["containers"][0]["volumeMounts"][0];
    assert_eq!(mount["mountPath"], "/etc/pingzhan/signals");
    assert_eq!(mount["name"], pod["volumes"][0]["name"]);
    assert_eq!(
        pod["volumes"][0]["secret"]["secretName"],
        "pingzhan-signals"
    );
    assert!(!rendered(&[]).contains("signals"));
}

/// Where the operator runs as somebody else, the account of the chart must not pass for it, nor the other
/// way round.
#[test]
fn the_user_name_of_the_operator_stands_in_every_policy_that_asks_for_it() {
    let account = "system:serviceaccount:pingzhan-system:pingzhan'";
    let by_default = rendered(&[]);
    let asked = by_default.matches(account).count();
    assert!(asked >= 5, "{asked}");
    let text = rendered(&["--set", "operator.userName=ops@city"]);
    assert_eq!(text.matches(account).count(), 0);
    assert_eq!(text.matches("'ops@city'").count(), asked);
    // The operator and `pingzhan check` hold the cluster's against what they make of that name themselves.
    let usual = Names::default();
    let names = Names::new("ops@city", usual.namespace(), usual.accounts()).expect("plain names");
    let own = policies::all(&names).into_iter().map(|policy| policy.text);
    let own = compared(&own.collect::<Vec<_>>().join("---\n"));
    let chart = compared(&text);
    assert_eq!(own.len(), 2 * policies::all(&usual).len());
    for (name, object) in &own {
        assert_eq!(chart.get(name), Some(object), "{name}");
    }
    let without = rendered(&["--set", "policies.enabled=false"]);
    assert!(!without.contains("ValidatingAdmissionPolicy"));
}

/// A value that nothing reads is a setting that somebody believes in.
#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for (set, named) in [
        ("image.repository=", "/image/repository"),
        ("image.registry=a", "registry"),
        ("operator.concurrency=64", "/operator/concurrency"),
        ("operator.leaseDuration=soon", "/operator/leaseDuration"),
        ("replicas=two", "/replicas"),
        ("operator.userName=a'b", "/operator/userName"),
    ] {
        let output = helm(&["template", "pingzhan"], &["--set", set]);
        assert!(!output.status.success(), "{set} was taken");
        assert!(said(&output).contains(named), "{set}: {}", said(&output));
    }
    // The last of two flags counts.
    let output = helm(&["template", "pingzhan"], &["--namespace", "elsewhere"]);
    assert!(
        said(&output).contains("--namespace pingzhan-system"),
        "{}",
        said(&output)
    );
}

/// Policies that guard what Helm brings must not stand in the way of whoever upgrades it or takes it away
/// again, and must not let the way back go by the way.
#[tokio::test]
async fn the_chart_is_upgraded_and_removed_while_its_policies_guard() {
    let plane = support::cluster_with_controllers("chart").await;
    let binding = ["create", "clusterrolebinding", "installers"];
    let role = ["--clusterrole=cluster-admin", "--group=installers"];
    plane.kubectl(&[&binding[..], &role].concat());
    let installer = plane.identity("installer", &["installers"]);
    let as_installer = installer.to_str().expect("a path");
    let carry_out = |verb: &[&str], more: &[&str]| {
        let always = ["--kubeconfig", as_installer];
        let image = ["--set", "image.repository=registry/pingzhan"];
        let output = helm(verb, &[&always, &image[..], more].concat());
        assert!(output.status.success(), "{verb:?}: {}", said(&output));
    };
    let delete = |dry: &str| {
        let crd = [
            "delete",
            "crd",
            "changerecords.pingzhan.dev",
            "--wait=false",
        ];
        kubectl(&installer, &[&crd[..], &[dry]].concat(), "")
    };
    let becomes = async |guarded: bool| {
        while delete("--dry-run=server").status.success() == guarded {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let patience = std::time::Duration::from_mins(1);
    // What the tests need is there already: it becomes the release's.
    let all = ["--take-ownership", "--force-conflicts"];
    carry_out(&["install", "pingzhan"], &all);
    let guarded = tokio::time::timeout(patience, becomes(true)).await;
    guarded.expect("the guard comes into force");
    let refused = said(&delete("--dry-run=none"));
    let next = "delete validatingadmissionpolicybinding/pingzhan-guard";
    assert!(refused.contains(next), "{refused}");
    carry_out(
        &["upgrade", "pingzhan"],
        &["--set", "operator.concurrency=16"],
    );

    let uninstall = Command::new(support::helm())
        .args(["uninstall", "pingzhan", "--namespace", DEFAULT_NAMESPACE])
        .args(["--kubeconfig", as_installer])
        .output()
        .expect("helm runs");
    assert!(uninstall.status.success(), "{}", said(&uninstall));
    let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings,crd";
    let left = plane.kubectl(&["get", kinds, "-o", "name"]);
    let policies: Vec<&str> = left.lines().filter(|line| line.contains("polic")).collect();
    assert!(policies.is_empty(), "{left}");
    assert_eq!(left.matches("pingzhan.dev").count(), 4, "{left}");
    let free = tokio::time::timeout(patience, becomes(false)).await;
    free.expect("nothing guards any more");
    let gone = delete("--dry-run=none");
    assert!(gone.status.success(), "{}", said(&gone));
}

/// What Helm removes with the chart must not be the way back of what is still switched.
#[test]
fn crds_and_accounts_stay_when_the_chart_goes() {
    let kept = |text: &str| {
        let all = objects(text).into_iter();
        let policy =
            |object: &Value| object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
        let kept = all.filter(policy);
        let kinds = kept.map(|object| object["kind"].as_str().unwrap_or_default().to_owned());
        let mut kinds: Vec<String> = kinds.collect();
        kinds.sort();
        kinds
    };
    let crd = "CustomResourceDefinition";
    let all = [crd, crd, crd, crd, "Namespace"];
    assert_eq!(kept(&rendered(&[])), all);
    let off = "crds.enabled=false,accountsNamespace.create=false";
    let without = rendered(&["--set", off]);
    assert!(kept(&without).is_empty());
    assert!(!without.contains(crd));
}
