//! Rights that are given and taken for a mode's lifetime: exactly these, never more than the account may
//! give, and exactly put back.

use kube::api::{Api, PostParams};
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

fn stages(access: &Value) -> Value {
    json!([{ "name": "rights", "steps": [{ "name": "who", "access": access }] }])
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": GROUP, "name": name })
}

fn binding(world: &World, name: &str, subjects: &[Value]) -> Value {
    json!({
        "apiVersion": VERSION, "kind": "RoleBinding",
        "metadata": { "name": name, "namespace": world.namespace, "labels": { "party": "third" } },
        "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": format!("{}-reader", world.namespace) },
        "subjects": subjects,
    })
}

/// A world with a role that is given, whose account may write bindings, and `bind` that role if so.
async fn world(binds: bool) -> World {
    let world = World::with_closed_kinds().await;
    let all = json!(["get", "list", "watch", "patch", "create", "delete"]);
    let reader = format!("{}-reader", world.namespace);
    let mut rules = vec![
        json!({ "apiGroups": [GROUP], "resources": ["rolebindings", "clusterrolebindings"], "verbs": all }),
        json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"] }),
    ];
    if binds {
        rules.push(json!({ "apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": [reader] }));
    }
    world.allow(json!(rules)).await;
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
    let role = json!({ "apiVersion": VERSION, "kind": "ClusterRole", "metadata": { "name": reader }, "rules": rules });
    world.put(VERSION, "clusterroles", "", role).await;
    world.started().await
}

impl World {
    /// Whether somebody of a group may read Secrets here.
    async fn may_read(&self, group: &str) -> bool {
        use k8s_openapi::api::authorization::v1::SubjectAccessReview;
        let review: SubjectAccessReview = serde_json::from_value(json!({
            "metadata": {}, "spec": { "user": "somebody", "groups": [group], "resourceAttributes": {
                "verb": "get", "resource": "secrets", "namespace": self.namespace } },
        }))
        .expect("a review");
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        answer
            .expect("the server answers")
            .status
            .expect("an answer")
            .allowed
    }

    /// Waits until somebody of a group may, or may not any more: authorisers follow what is stored.
    async fn becomes_readable(&self, group: &str, wanted: bool) {
        let holds = async {
            while self.may_read(group).await != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(super::world::PATIENCE, holds).await;
        in_time.unwrap_or_else(|_| panic!("{group} never may: {wanted}"));
    }
}

/// The promise: exactly these people lose what these bindings give, and have exactly it back, in the order
/// and from the owner that it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn third_parties_are_locked_out_and_let_in_again_exactly() {
    let world = world(true).await;
    let vendors = [
        group("vendors"),
        group("helpers"),
        json!({ "kind": "User", "apiGroup": GROUP, "name": "zhao" }),
    ];
    let mixed = [group("staff"), group("vendors"), group("auditors")];
    let mut own = binding(&world, "mixed", &mixed);
    if let Some(metadata) = own["metadata"].as_object_mut() {
        metadata.remove("labels");
    }
    for (owner, object) in [("helm", binding(&world, "vendor", &vendors)), ("flux", own)] {
        world.apply(owner, &object).await.expect("it is accepted");
    }
    let before = world.snapshot().await;
    world.becomes_readable("vendors", true).await;
    let access = json!({
        "lockDown": { "bindings": { "matchLabels": { "party": "third" } } },
        "revoke": [{ "subjects": [{ "kind": "Group", "name": "vendors" }], "namespaces": { "names": [world.namespace] } }],
    });
    let active = world.switch("cyber", &stages(&access)).await;
    assert_eq!(
        world.get("RoleBinding", "vendor").await.get("subjects"),
        None
    );
    let left = world.get("RoleBinding", "mixed").await["subjects"].clone();
    assert_eq!(left, json!([group("staff"), group("auditors")]));
    world.becomes_readable("vendors", false).await;
    assert!(world.may_read("staff").await);
    let evidence = world.judge(Allowed::default()).await;
    let entries = evidence.ledger(&active).entries.values();
    let states: Vec<State> = entries.map(|entry| entry.state).collect();
    assert_eq!(states, [State::Applied; 2]);

    // Whoever lets them in again meanwhile may be one of them.
    let again = json!({ "subjects": vendors });
    world
        .merge("intruder", "RoleBinding", "vendor", again)
        .await;
    world.becomes_readable("vendors", false).await;
    world.come_back("cyber").await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
    let mut next = binding(&world, "vendor", &vendors[..1]);
    next["metadata"]["labels"]["reviewed"] = json!("yes");
    let applied = world.apply("helm", &next).await;
    applied.expect("the owner goes on without a conflict");
}

fn grant(world: &World) -> Value {
    let role = format!("{}-reader", world.namespace);
    json!({ "grant": [{
        "subjects": [{ "kind": "Group", "name": "community" }],
        "role": { "kind": "ClusterRole", "name": role }, "namespaces": { "names": [world.namespace] },
        "purpose": "find the sick in flooded districts", "legalBasis": "突发事件应对法 第六十八条",
    }] })
}

/// A right for a purpose ends with what it was given for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_is_given_for_the_modes_lifetime_with_its_purpose() {
    let world = world(true).await;
    let before = world.snapshot().await;
    world.switch("flood", &stages(&grant(&world))).await;
    world.becomes_readable("community", true).await;
    let all = world.snapshot().await;
    let made = all.values().find(|object| {
        object["metadata"]["annotations"]["pingzhan.dev/purpose"]
            == "find the sick in flooded districts"
    });
    let made = made.expect("the purpose is on the binding");
    assert_eq!(
        made["metadata"]["annotations"]["pingzhan.dev/legal-basis"],
        "突发事件应对法 第六十八条"
    );
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.becomes_readable("community", false).await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    assert_eq!(world.snapshot().await.len(), before.len());
}

/// An account that may write bindings is not one that may give whatever there is: the API server says so, and
/// the plan in its words, before anybody is asked to approve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_what_the_account_may_not_give() {
    let world = world(false).await;
    world
        .publish("flood", world.playbook(&stages(&grant(&world))))
        .await;
    world.declare("flood", json!({})).await;
    let why = world.blocked("flood", "Unreadable").await;
    assert!(
        why.contains("`bind`") && why.contains("attempting to grant"),
        "{why}"
    );
    assert!(!world.may_read("community").await);
}

/// What the operator itself and the cluster live by is never taken away, whatever a label says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bindings_of_the_accounts_and_of_the_cluster_stay() {
    let world = world(true).await;
    let own = json!({ "kind": "ServiceAccount", "namespace": "pingzhan-playbooks", "name": world.namespace });
    let mut object = binding(&world, "own", &[group("vendors"), own]);
    object["metadata"]["labels"] = json!({ "mark": world.namespace });
    world.apply("helm", &object).await.expect("it is accepted");
    let before = world.snapshot().await;
    let access = json!({
        "lockDown": { "bindings": { "matchLabels": { "mark": world.namespace } } },
        "revoke": [{ "subjects": [{ "kind": "Group", "name": "system:masters" }] }],
    });
    let active = world.switch("cyber", &stages(&access)).await;
    let evidence = world.judge(Allowed::default()).await;
    assert!(evidence.ledger(&active).entries.is_empty());
    world.compare(&before).await;
    world.come_back("cyber").await;
}
