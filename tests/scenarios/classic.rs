//! Acting as accounts by the classic verb, as on every server before 1.36, where the operator may act as
//! those accounts only that are named.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, PostParams};
use pingzhan::api::{Phase, names};
use pingzhan::policies::Names;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::ending::halve;
use super::fleet;
use super::oracles::Allowed;
use super::world::{PATIENCE, World};
use crate::support::{kubectl_with, repository};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// What lets the operator act as accounts on a server that constrains it.
const CONSTRAINED: &str = "manifests/impersonation-constrained.yaml";

/// An operator that has the classic verb and nothing of constrained impersonation. Dropped, it has again what
/// other tests of this control plane stand on, whatever became of the test.
struct Classic {
    kubeconfig: PathBuf,
}

impl Classic {
    /// Waits until the API server goes by it.
    async fn of(world: &World, accounts: &[&str]) -> Self {
        let classic = Self {
            kubeconfig: world.plane.kubeconfig.clone(),
        };
        let role = "clusterrolebinding/pingzhan-acts";
        world.plane.kubectl(&["delete", role]);
        lend(world, accounts).await;
        // As whom it may not act, and what it could do as others by the other rights.
        is_allowed(world, &right("impersonate", "", "nobody"), false).await;
        let group = "authentication.k8s.io";
        let constrained = right("impersonate:serviceaccount", group, accounts[0]);
        is_allowed(world, &constrained, false).await;
        let get = json!({ "verb": "impersonate-on:serviceaccount:get", "resource": "namespaces" });
        is_allowed(world, &get, false).await;
        classic
    }
}

impl Drop for Classic {
    fn drop(&mut self) {
        let mut apply = kubectl_with(&self.kubeconfig);
        apply.args(["apply", "--server-side", "--force-conflicts"]);
        apply.args(["-f", CONSTRAINED]);
        let applied = apply.current_dir(repository()).output();
        let is_back = applied.is_ok_and(|applied| applied.status.success());
        assert!(is_back || std::thread::panicking(), "it is not back");
    }
}

/// The classic role, as it is shipped, with these accounts named in it.
fn role(accounts: &[&str]) -> Value {
    let text = std::fs::read_to_string(repository().join("manifests/impersonation.yaml"));
    let text = text.expect("it is generated");
    let documents = serde_yaml::Deserializer::from_str(&text);
    let mut objects = documents.map(|one| Value::deserialize(one).expect("YAML"));
    let role = objects.find(|object| object["kind"] == "Role");
    let mut role = role.expect("a role");
    for rule in role["rules"].as_array_mut().expect("rules") {
        rule["resourceNames"] = json!(accounts);
    }
    role
}

/// Lets the operator act as these accounts and no others.
async fn lend(world: &World, accounts: &[&str]) {
    let space = names::ACCOUNT_NAMESPACE;
    world.put(RBAC, "roles", space, role(accounts)).await;
    for account in accounts {
        is_allowed(world, &right("impersonate", "", account), true).await;
    }
}

/// A right on an account of playbooks.
fn right(verb: &str, group: &str, account: &str) -> Value {
    json!({ "verb": verb, "group": group, "resource": "serviceaccounts", "name": account,
        "namespace": names::ACCOUNT_NAMESPACE })
}

/// Waits until the operator has a right, or has it not any more.
async fn is_allowed(world: &World, right: &Value, wanted: bool) {
    let review: SubjectAccessReview = serde_json::from_value(json!({
        "metadata": {},
        "spec": { "user": Names::default().operator(), "resourceAttributes": right },
    }))
    .expect("a review");
    let api: Api<SubjectAccessReview> = Api::all(world.client.clone());
    let params = PostParams::default();
    let follows = async {
        loop {
            let answer = api.create(&params, &review).await;
            let status = answer.expect("the server answers").status;
            if status.expect("an answer").allowed == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, follows).await;
    in_time.unwrap_or_else(|_| panic!("it never becomes {wanted}: {right}"));
}

/// Servers before 1.36 know the classic verb only, and who gives it may name the accounts: these are acted as,
/// there and back. Another one is not, and whoever reads why must not go and give rights to the account: it
/// is the operator that lacks one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_is_carried_out_with_the_classic_verb_on_one_named_account() {
    let mut world = World::new().await;
    let web = fleet::deployment(&world.namespace, "web", Some(4));
    world.apply("office", &web).await.expect("it is created");
    let own = world.namespace.clone();
    let _classic = Classic::of(&world, &[own.as_str()]).await;
    world.start().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["web"])]);
    world.switch("flood", &stages).await;
    assert_eq!(world.get("Deployment", "web").await["spec"]["replicas"], 2);
    world.come_back("flood").await;
    world.compare(&before).await;

    let other = format!("{own}-other");
    world
        .account(&other, &json!(["get", "list", "watch", "patch"]))
        .await;
    let mut playbook = world.playbook(&stages);
    playbook["serviceAccountName"] = json!(other);
    world.publish("typhoon", playbook.clone()).await;
    world.declare("typhoon", json!({})).await;
    let why = world.blocked("typhoon", "Unreadable").await;
    for part in [
        format!("{}/{other} could not", names::ACCOUNT_NAMESPACE).as_str(),
        "name it in the Role pingzhan-playbook-accounts",
        "impersonation.accounts",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    world.compare(&before).await;

    // What is said to be missing is all that was. Whoever writes the playbook has it looked at at once.
    lend(&world, &[own.as_str(), other.as_str()]).await;
    playbook["title"] = json!({ "en": "Typhoon" });
    let api_version = format!("{}/{}", names::GROUP, names::VERSION);
    let metadata = json!({ "name": "typhoon" });
    let book = json!({ "apiVersion": api_version, "kind": "Playbook", "metadata": metadata,
        "spec": playbook });
    world.put(&api_version, "playbooks", "", book).await;
    world.phase("typhoon", Phase::Active).await;
    world.come_back("typhoon").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    world.stop().await;
}
