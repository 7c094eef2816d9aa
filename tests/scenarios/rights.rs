//! Rights that are given and taken for a mode's lifetime: exactly these, never more than the account may
//! give, and exactly put back.

use kube::api::{Api, PostParams};
use pingzhan::api::Phase;
use pingzhan::api::condition::types;
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
        "metadata": { "name": name, "namespace": world.namespace, "labels": { "party": world.namespace } },
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
        json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"] }),
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
        "lockDown": { "bindings": { "matchLabels": { "party": world.namespace } } },
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
        "purpose": "find the sick in flooded districts", "legalBasis": "个人信息保护法 第十三条第一款第四项",
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
        "个人信息保护法 第十三条第一款第四项"
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

/// Takes vendors out of every binding here.
fn revoking(world: &World) -> Value {
    stages(&json!({ "revoke": [{
        "subjects": [{ "kind": "Group", "name": "vendors" }],
        "namespaces": { "names": [world.namespace] },
    }] }))
}

impl World {
    /// Whom a binding was ever for, by the names of groups.
    async fn ever_in(&self, name: &str) -> Vec<Vec<String>> {
        let events = self.history.events().await.into_iter();
        let own = events.filter(|event| event.kind == "RoleBinding" && event.name() == name);
        let named = |one: &Value| one["name"].as_str().map(str::to_owned);
        let lists = own.map(|event| {
            let list = event.object["subjects"].as_array().cloned();
            list.iter().flatten().filter_map(named).collect()
        });
        lists.collect()
    }

    /// Waits until a binding is for these groups.
    async fn is_for(&self, name: &str, groups: &[&str]) {
        let wanted: Vec<Value> = groups.iter().map(|name| group(name)).collect();
        let is = |object: &Value| object["subjects"] == json!(wanted);
        let what = format!("is for {groups:?}");
        self.becomes("RoleBinding", name, &what, is).await;
    }
}

/// Somebody lost a right in the middle of the incident, while the plan waited for its approval: the switch
/// gives it back in no moment, and takes nothing from whoever was let in since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_somebody_took_out_while_a_plan_waited_never_comes_back() {
    let world = world(true).await;
    let made = async |groups: &[&str]| {
        let subjects: Vec<Value> = groups.iter().map(|name| group(name)).collect();
        let object = binding(&world, "mixed", &subjects);
        world.apply("helm", &object).await.expect("it is accepted");
    };
    made(&["bob", "vendors", "staff"]).await;
    let playbook = world.playbook(&revoking(&world));
    world.publish("cyber", playbook).await;
    world.declare("cyber", json!({ "level": "II" })).await;
    let planned = world
        .until("cyber", "has a plan", |status| status.plan.is_some())
        .await;
    let plan = planned.status.and_then(|status| status.plan);
    let hash = plan.expect("a plan").hash;
    made(&["vendors", "staff", "carol"]).await;
    let before = world.snapshot().await;
    world.approve("cyber", "lin", &hash).await;
    world.approve("cyber", "he", &hash).await;
    let active = world.phase("cyber", Phase::Active).await;
    world.is_for("mixed", &["staff", "carol"]).await;
    let evidence = world.judge(Allowed::default()).await;
    let mut entries = evidence.ledger(&active).entries.values();
    let last = entries.next_back().expect("a change");
    assert_eq!(last.state, State::Applied);
    assert_eq!(
        last.after.value(),
        Some(&json!([group("staff"), group("carol")]))
    );
    world.come_back("cyber").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    let lists = world.ever_in("mixed").await;
    let last_with = lists
        .iter()
        .rposition(|list| list.contains(&"bob".to_owned()));
    assert_eq!(last_with, Some(0), "{lists:?}");
}

/// Whoever lets a supplier in again lets nobody else in by it: whom a colleague took out as well stays out,
/// which is said, and asked about at the return.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_kept_puts_nobody_back_whom_others_took_out() {
    let world = world(true).await;
    let all = [group("bob"), group("vendors"), group("staff")];
    let object = binding(&world, "mixed", &all);
    world.apply("helm", &object).await.expect("it is accepted");
    let before = world.snapshot().await;
    world.switch("cyber", &revoking(&world)).await;
    world.is_for("mixed", &["bob", "staff"]).await;
    let shorter = json!({ "subjects": [group("staff")] });
    world.merge("admin", "RoleBinding", "mixed", shorter).await;
    world
        .condition("cyber", types::DRIFTED, "WaitsForVerdict")
        .await;
    let again = json!({ "subjects": [group("vendors"), group("staff")] });
    world.merge("intruder", "RoleBinding", "mixed", again).await;
    world.is_for("mixed", &["staff"]).await;
    world.judge(Allowed::OVERWRITE).await;
    let lists = world.ever_in("mixed").await;
    let since = lists
        .iter()
        .skip_while(|list| list.contains(&"bob".to_owned()));
    let back = since.filter(|list| list.contains(&"bob".to_owned()));
    assert_eq!(back.count(), 0, "{lists:?}");
    world.stand_down("cyber").await;
    world
        .until("cyber", "waits for a person", |status| {
            let drifted = status.counts.is_some_and(|counts| counts.drifted == 1);
            status.phase == Some(Phase::Restoring) && drifted
        })
        .await;
    world.verdict("cyber", "Ours").await;
    world.phase("cyber", Phase::Closed).await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
}

/// Whoever is let in by a binding that was there all along, and that gave suppliers nothing when the plan was
/// made, has the same as by a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_let_in_by_another_binding_is_taken_out_of_it_too() {
    let world = world(true).await;
    for (name, groups) in [
        ("mixed", &["vendors", "staff"][..]),
        ("other", &["staff"][..]),
    ] {
        let subjects: Vec<Value> = groups.iter().map(|name| group(name)).collect();
        let object = binding(&world, name, &subjects);
        world.apply("helm", &object).await.expect("it is accepted");
    }
    let before = world.snapshot().await;
    let mut stages = revoking(&world);
    stages[0]["steps"][0]["newTargets"] = json!("Adopt");
    let active = world.switch("cyber", &stages).await;
    world.is_for("mixed", &["staff"]).await;
    let let_in = json!({ "subjects": [group("vendors"), group("staff")] });
    // Once this is seen the other binding is known as it was.
    let first = let_in.clone();
    world.merge("intruder", "RoleBinding", "mixed", first).await;
    world.is_for("mixed", &["staff"]).await;
    world
        .merge("intruder", "RoleBinding", "other", let_in)
        .await;
    world.is_for("other", &["staff"]).await;
    world.becomes_readable("vendors", false).await;
    let evidence = world.judge(Allowed::OVERWRITE).await;
    let entries = evidence.ledger(&active).entries.values();
    let amendments: Vec<i64> = entries.map(|entry| entry.amendment).collect();
    assert_eq!(amendments, [0, 1]);
    world.come_back("cyber").await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare_but(&before, &["other"]).await;
    let other = world.get("RoleBinding", "other").await;
    assert_eq!(
        other["subjects"],
        json!([group("vendors"), group("staff")]),
        "as it was when its turn came"
    );
}
