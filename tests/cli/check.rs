//! `check` on a real control plane: what is in order, and each thing that is not.

use std::fmt::Write as _;
use std::path::Path;

use kube::api::{Api, Patch, PatchParams};
use pingzhan::api::EmergencyMode;
use pingzhan::policies::{self, Names};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::town::{self, Town, call, expect, seen};
use crate::support::{self, repository};

/// A page without who leads, and for how long.
fn blotted(page: &str) -> String {
    let line = |line: &str| {
        let leads = ["leads; it was there", "主持，"]
            .iter()
            .any(|word| line.contains(word));
        if leads {
            "  ✔ (somebody leads)".to_owned()
        } else {
            line.trim_end().to_owned()
        }
    };
    page.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What a line of a check says.
struct Told {
    part: String,
    result: String,
    text: String,
}

/// How a check ends, and its lines.
fn told(kubeconfig: &Path, line: &str) -> (i32, Vec<Told>) {
    let said = call(kubeconfig, &format!("{line} -o json"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut told = Vec::new();
    for part in town::json(&said)["parts"].as_array().expect("parts") {
        for line in part["lines"].as_array().expect("lines") {
            let is_bad = line["result"] == "bad";
            let says_next = line["next"].is_string();
            assert!(!is_bad || says_next, "{line} says not what to do next");
            told.push(Told {
                part: text(&part["part"]),
                result: text(&line["result"]),
                text: text(&line["text"]),
            });
        }
    }
    (said.code, told)
}

/// The lines that are not good: their texts.
fn wrong(kubeconfig: &Path) -> (i32, Vec<String>) {
    let (code, lines) = told(kubeconfig, "check");
    let wrong = lines.into_iter().filter(|line| line.result == "bad");
    (code, wrong.map(|line| line.text).collect())
}

/// Something that is broken, how it is mended, and what is said of it.
struct Break {
    change: Vec<String>,
    back: Vec<String>,
    said: &'static str,
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

fn patch(object: &str, patch: &str) -> Vec<String> {
    words(&["patch", object, "--type=json", "-p", patch])
}

/// As it is shipped.
fn applied(path: &str) -> Vec<String> {
    let path = repository().join("manifests").join(path);
    let path = path.to_str().expect("a path");
    words(&["apply", "--server-side", "--force-conflicts", "-f", path])
}

fn breaks() -> Vec<Break> {
    let policy = "validatingadmissionpolicy/pingzhan-new-targets";
    let binding = "validatingadmissionpolicybinding/pingzhan-new-targets";
    vec![
        Break {
            change: patch(
                "crd/playbooks.pingzhan.dev",
                r#"[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/hazard/maxLength","value":99}]"#,
            ),
            back: applied("crds/playbooks.yaml"),
            said: "playbooks.pingzhan.dev is not this version's",
        },
        Break {
            change: patch(
                policy,
                r#"[{"op":"add","path":"/spec/matchConditions/0","value":{"name":"never","expression":"false"}}]"#,
            ),
            back: patch(
                policy,
                r#"[{"op":"remove","path":"/spec/matchConditions/0"}]"#,
            ),
            said: "ValidatingAdmissionPolicy pingzhan-new-targets is not this version's",
        },
        Break {
            change: patch(
                binding,
                r#"[{"op":"replace","path":"/spec/validationActions","value":["Audit"]}]"#,
            ),
            back: patch(
                binding,
                r#"[{"op":"replace","path":"/spec/validationActions","value":["Deny","Audit"]}]"#,
            ),
            said: "ValidatingAdmissionPolicyBinding pingzhan-new-targets is not this version's",
        },
        Break {
            change: patch(
                "clusterrole/pingzhan-operator",
                r#"[{"op":"remove","path":"/rules/0"}]"#,
            ),
            back: applied("rbac.yaml"),
            said: "lacks: ",
        },
    ]
}

impl Town {
    /// The admission policies, as `kubectl apply` installs them.
    fn armed(&self) {
        let folder = repository().join("manifests/policies");
        let folder = folder.to_str().expect("a path");
        let line = ["apply", "--server-side", "--force-conflicts", "-f", folder];
        self.plane.kubectl(&line);
    }

    /// The admission policies, as they are where this user is the operator. The next test finds that they
    /// were written, and gets those that are shipped.
    fn armed_for(&self, user: &str) {
        let usual = Names::default();
        let names = Names::new(user, usual.namespace(), usual.accounts()).expect("plain names");
        let texts = policies::all(&names).into_iter().map(|policy| policy.text);
        let texts: Vec<String> = texts.collect();
        self.applied("policies.yaml", &texts.join("---\n"));
    }

    /// Lets a user do what the operator's account may: every role that it has.
    fn bound(&self, user: &str) {
        let subject =
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user });
        let mut bindings = Vec::new();
        for file in ["rbac.yaml", "impersonation-constrained.yaml"] {
            let text = std::fs::read_to_string(repository().join("manifests").join(file));
            let text = text.expect("it is generated");
            for document in serde_yaml::Deserializer::from_str(&text) {
                let mut object = Value::deserialize(document).expect("YAML");
                if object["subjects"].is_array() {
                    let name = object["metadata"]["name"].as_str().expect("a name");
                    object["metadata"]["name"] = json!(format!("{name}-outside"));
                    object["subjects"] = json!([subject]);
                    bindings.push(object);
                }
            }
        }
        assert_eq!(bindings.len(), 4, "{bindings:?}");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": bindings });
        self.applied("bindings.json", &list.to_string());
    }

    fn applied(&self, file: &str, text: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(file);
        std::fs::write(&path, text).expect("it is written");
        let path = path.to_str().expect("a path");
        let line = ["apply", "--server-side", "--force-conflicts", "-f", path];
        self.plane.kubectl(&line);
    }

    /// Without them.
    fn disarmed(&self) {
        let all = policies::all(&Names::default()).into_iter();
        let all: Vec<&str> = all.map(|policy| policy.name).collect();
        for kind in [
            "validatingadmissionpolicybinding",
            "validatingadmissionpolicy",
        ] {
            let line = [&["delete", "--ignore-not-found", kind], &all[..]].concat();
            self.plane.kubectl(&line);
        }
    }

    /// What is wrong after a change, which is then taken back.
    fn broken(&self, change: &[String], back: &[String]) -> (i32, Vec<String>) {
        let kubectl = |line: &[String]| {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            self.plane.kubectl(&line)
        };
        kubectl(change);
        let found = wrong(&self.plane.kubeconfig);
        kubectl(back);
        found
    }
}

/// Whoever installs it asks this before the emergency: it must not say that all is well when it is not,
/// and every line must say what to do.
#[tokio::test]
async fn each_thing_that_is_broken_is_named_and_nothing_else() {
    let mut town = Town::called("hillside").await;
    town.disarmed();
    let (code, texts) = wrong(&town.plane.kubeconfig);
    assert_eq!(code, 1);
    assert!(
        texts.iter().any(|text| text.contains("No operator leads")),
        "{texts:?}"
    );
    let policies = texts
        .iter()
        .filter(|text| text.contains("pingzhan-new-targets is missing"));
    assert_eq!(policies.count(), 2, "{texts:?}");
    town.armed();
    town.start();
    town.plane.kubectl(&[
        "wait",
        "playbook/town",
        "--for=condition=Ready",
        "--timeout=60s",
    ]);
    assert_eq!(wrong(&town.plane.kubeconfig), (0, Vec::new()));

    let mut found = Vec::new();
    for Break { change, back, said } in breaks() {
        found.push((town.broken(&change, &back), said));
    }
    let accounts = ["-n", "pingzhan-playbooks"];
    town.plane
        .kubectl(&[&accounts[..], &["delete", "serviceaccount", "town"]].concat());
    found.push((
        wrong(&town.plane.kubeconfig),
        "there is no account pingzhan-playbooks/town",
    ));
    town.plane
        .kubectl(&[&accounts[..], &["create", "serviceaccount", "town"]].concat());
    town.disarmed();
    for ((code, texts), said) in found {
        assert_eq!(code, 1, "{said}");
        assert_eq!(texts.len(), 1, "{said}: {texts:?}");
        assert!(texts[0].contains(said), "{said}: {texts:?}");
    }
}

/// What people read, as administrator and as somebody with few rights, in both languages.
#[tokio::test]
async fn the_pages_of_check_read_well() {
    let mut town = Town::called("lakeside").await;
    town.armed();
    town.start();
    town.plane.kubectl(&[
        "wait",
        "playbook/town",
        "--for=condition=Ready",
        "--timeout=60s",
    ]);
    let mut pages = String::new();
    for (who, kubeconfig) in [("admin", &town.plane.kubeconfig), ("zhou", &town.duty)] {
        for lang in ["en", "zh-CN"] {
            let page = blotted(&seen(kubeconfig, lang, "check"));
            let _ = writeln!(pages, "$ pingzhan check    # {who}\n{}\n", page.trim_end());
        }
    }
    let pre = blotted(&seen(&town.plane.kubeconfig, "en", "check --pre"));
    let _ = writeln!(pages, "$ pingzhan check --pre\n{}", pre.trim_end());
    town.disarmed();
    insta::assert_snapshot!("check_pages", pages);
}

/// Who may not install it learns so before they begin, and the code is for scripts.
#[tokio::test]
async fn who_may_not_install_it_is_told_so() {
    let town = Town::called("seaside").await;
    expect(&town.plane.kubeconfig, "check --pre", 0);
    let said = expect(&town.duty, "check --pre -o json", 1);
    let parts = town::json(&said)["parts"].clone();
    let you: Vec<&Value> = parts
        .as_array()
        .expect("parts")
        .iter()
        .filter(|part| part["part"] == "you")
        .collect();
    let text = you[0]["lines"][0]["text"].as_str().expect("a text");
    assert!(text.contains("customresourcedefinitions"), "{text}");
}

/// Who the operator is, where it runs outside the cluster.
const OPS: &str = "ops@city";

/// Who runs the operator outside the cluster gives it a user of its own. The policies let that user write
/// what is the operator's, and the account of the chart not any more; and whoever checks the installation
/// must not be told that every policy is a mistake.
#[tokio::test]
async fn an_operator_outside_the_cluster_under_its_own_name_carries_a_mode_out_and_check_agrees() {
    let mut town = Town::new().await;
    town.bound(OPS);
    town.armed_for(OPS);
    let ops = town.plane.identity(OPS, &[]);
    town.start_as(&ops);
    town.plane.kubectl(&[
        "wait",
        "playbook/town",
        "--for=condition=Ready",
        "--timeout=60s",
    ]);
    town.emergency("storm");
    assert_eq!(town.replicas(), "9");

    // RBAC lets the account write it, as where it is the operator.
    let account = support::client(&town.plane.operator()).await;
    let modes: Api<EmergencyMode> = Api::all(account);
    let closed = Patch::Merge(json!({ "status": { "phase": "Closed" } }));
    let params = PatchParams::default();
    let written = modes.patch_status("storm", &params, &closed).await;
    let refused = written.expect_err("it is not the operator");
    let refused = refused.to_string();
    assert!(
        refused.contains("pingzhan-operator-only") && refused.contains("only the operator writes"),
        "{refused}"
    );

    let admin = &town.plane.kubeconfig;
    let not_good = |line: &str| {
        let (code, lines) = told(admin, line);
        let own = lines
            .into_iter()
            .filter(|line| line.result != "good" && line.part != "you");
        let own = own.map(|line| format!("{} {}: {}", line.part, line.result, line.text));
        (code, own.collect::<Vec<_>>())
    };
    // Whoever may write policies may write a name: that it is another than the usual one is said.
    let usual = Names::default().operator().to_owned();
    let other =
        format!("policies look: The policies let {OPS} write as the operator, and not {usual}");
    assert_eq!(not_good("check"), (0, vec![other]));
    let line = format!("check --operator-user {OPS}");
    assert_eq!(not_good(&line), (0, Vec::new()));
    let (code, wrong) = not_good(&format!("check --operator-user {usual}"));
    let policies = wrong.iter().filter(|line| line.starts_with("policies bad"));
    assert_eq!((code, policies.count()), (1, 6), "{wrong:?}");

    expect(&town.duty, "stand-down storm --wait --timeout 90s", 0);
    assert_eq!(town.replicas(), "3");
}
