//! Objects that exist for a mode's lifetime: made and deleted, adopted, edited and deleted by people,
//! refused, and never anybody else's.

use pingzhan::api::condition::types;
use pingzhan::api::{EmergencyMode, Level, Phase};
use pingzhan::field::creation;
use pingzhan::ledger::{Entry, State};
use serde_json::{Value, json};

use super::acts::message;
use super::drift::assert_let_go;
use super::levels::proposed;
use super::oracles::{Allowed, Evidence};
use super::world::World;

/// A notice that the playbook makes.
fn notice(world: &World, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": world.namespace, "labels": { "for": "citizens" } },
        "data": { "text": "stay at home" },
    })
}

fn stages(objects: &[Value]) -> Value {
    json!([{ "name": "tell", "steps": [{ "name": "notices", "apply": { "objects": objects } }] }])
}

const ALL: [&str; 6] = ["get", "list", "watch", "patch", "create", "delete"];

/// A world whose account may make and delete, with an operator that runs.
async fn world() -> World {
    let world = World::new().await;
    world.account(&world.namespace, &json!(ALL)).await;
    world.started().await
}

/// A mode in force that has made one notice.
async fn told(world: &World, drift: Value) -> EmergencyMode {
    let mut playbook = world.playbook(&stages(&[notice(world, "notice")]));
    playbook["drift"] = drift;
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await
}

fn entries<'a>(evidence: &'a Evidence, mode: &EmergencyMode) -> Vec<&'a Entry> {
    evidence.ledger(mode).entries.values().collect()
}

impl World {
    /// Declares a mode of a playbook at level III, which one person approves, and waits for its plan.
    async fn planned(&self, stages: &Value) -> String {
        self.publish("flood", self.playbook(stages)).await;
        self.declare("flood", json!({ "level": "III" })).await;
        let mode = self
            .until("flood", "waits for approval", |status| {
                let waits = |on: &String| on.contains("from emergency-approvers");
                status.plan.is_some() && status.waiting_on.as_ref().is_some_and(waits)
            })
            .await;
        let plan = mode.status.and_then(|status| status.plan);
        plan.expect("a plan").hash
    }

    /// Says how much of a quota is used.
    async fn counted(&self, quota: &str, status: Value) {
        let api: kube::Api<k8s_openapi::api::core::v1::ResourceQuota> =
            kube::Api::namespaced(self.client.clone(), &self.namespace);
        let patch = kube::api::Patch::Merge(json!({ "status": status }));
        let params = kube::api::PatchParams::default();
        let patched = api.patch_status(quota, &params, &patch).await;
        patched.expect("the status is accepted");
    }

    /// Waits until a notice of this name could not be made any more.
    async fn no_more(&self, name: &str) {
        let api = self.api("ConfigMap");
        let one = serde_json::from_value(notice(self, name)).expect("an object");
        let params = kube::api::PostParams {
            dry_run: true,
            field_manager: None,
        };
        let refused = async {
            while api.create(&params, &one).await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(super::world::PATIENCE, refused).await;
        in_time.expect("what refuses it is in force");
    }

    /// What is said of the first target that status lists.
    async fn said(&self) -> String {
        let status = self.mode("flood").await.status.expect("a status");
        let first = status
            .targets
            .first()
            .and_then(|target| target.message.clone());
        first.unwrap_or_default()
    }
}

/// The states of all entries, in order.
fn states(evidence: &Evidence, mode: &EmergencyMode) -> Vec<State> {
    entries(evidence, mode)
        .iter()
        .map(|entry| entry.state)
        .collect()
}

/// The promise: it is there in wartime under our name, its uid is in the journal, and then it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_there_for_the_modes_lifetime_and_gone_after() {
    let world = world().await;
    let before = world.snapshot().await;
    let objects = [notice(&world, "notice"), notice(&world, "second")];
    let active = world.switch("flood", &stages(&objects)).await;
    let made = world.get("ConfigMap", "notice").await;
    assert_eq!(made["data"], json!({ "text": "stay at home" }));
    let labels = &made["metadata"]["labels"];
    assert_eq!(labels["pingzhan.dev/held-by"], "flood");
    assert_eq!(labels["pingzhan.dev/made-for"], json!(active.metadata.uid));
    assert_eq!(labels["for"], "citizens");
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &active), [State::Applied; 2]);
    let all = entries(&evidence, &active);
    let entry = all.iter().find(|entry| entry.target.name == "notice");
    let entry = entry.expect("it is journalled");
    assert!(entry.confirmed);
    let uid = made["metadata"]["uid"].as_str();
    assert_eq!(creation::given(entry.ours()), uid);

    // What controllers and colleagues hang on it is no edit of it.
    let label = json!({ "metadata": { "labels": { "seen": "yes" }, "annotations": { "a": "b" } } });
    world.merge("auditor", "ConfigMap", "second", label).await;
    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &closed), [State::OwnersBack; 2]);
    assert_eq!(world.version_of("ConfigMap", "notice").await, None);
    world.compare(&before).await;
    assert_eq!(world.snapshot().await.len(), before.len());
}

/// Somebody's object is taken over only where the playbook says so, field by field, and stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_there_already_is_refused_or_adopted_and_comes_back_exactly() {
    let world = world().await;
    let mut theirs = notice(&world, "notice");
    theirs["data"] = json!({ "text": "welcome", "contact": "12345" });
    theirs["metadata"]["labels"] = json!({ "for": "everybody" });
    world
        .apply("portal-team", &theirs)
        .await
        .expect("it is theirs");
    let before = world.snapshot().await;
    let asked = stages(&[notice(&world, "notice")]);
    world.publish("refused", world.playbook(&asked)).await;
    world.declare("refused", json!({})).await;
    let why = world.blocked("refused", "PlanFaulty").await;
    assert!(
        why.contains("notice is there already") && why.contains("adopt: true"),
        "{why}"
    );

    let mut adopting = asked;
    adopting[0]["steps"][0]["apply"]["adopt"] = json!(true);
    let active = world.switch("adopted", &adopting).await;
    let made = world.get("ConfigMap", "notice").await;
    assert_eq!(
        made["data"],
        json!({ "text": "stay at home", "contact": "12345" })
    );
    assert_eq!(made["metadata"]["labels"]["for"], "citizens");
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &active), [State::Applied; 2]);
    world.come_back("adopted").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    theirs["data"]["text"] = json!("welcome back");
    world
        .apply("portal-team", &theirs)
        .await
        .expect("the owner goes on");
}

/// A foreign edit is never deleted unseen: a person decides, and may let it go or keep it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_somebody_edited_waits_for_a_verdict_and_then_goes_or_stays() {
    for (choice, stays) in [("Ours", false), ("Keep", true)] {
        let world = world().await;
        told(&world, json!({})).await;
        let edit = json!({ "data": { "text": "go to the shelter", "where": "school" } });
        world.merge("colleague", "ConfigMap", "notice", edit).await;
        let drifted = world.until("flood", "says that it drifted", |status| {
            status.counts.is_some_and(|counts| counts.drifted == 1)
        });
        let drifted = drifted.await;
        let targets = drifted.status.expect("a status").targets;
        let said = targets[0].message.clone().unwrap_or_default();
        assert_eq!(said, "colleague changed /data/text, /data/where");
        world.stand_down("flood").await;
        world
            .until("flood", "waits for a verdict", |status| {
                status.counts.is_some_and(|counts| counts.drifted == 1)
                    && status.phase == Some(Phase::Restoring)
            })
            .await;
        world.judge(Allowed::default()).await;
        world.verdict("flood", choice).await;
        let closed = world.phase("flood", Phase::Closed).await;
        let evidence = world.judge(Allowed::OVERWRITE).await;
        if stays {
            assert_eq!(states(&evidence, &closed), [State::Kept]);
            let kept = world.get("ConfigMap", "notice").await;
            assert_let_go(&kept);
            assert_eq!(kept["data"]["where"], "school");
        } else {
            assert_eq!(states(&evidence, &closed), [State::OwnersBack]);
            assert_eq!(world.version_of("ConfigMap", "notice").await, None);
        }
    }
}

/// Reassert makes it again, with a uid of its own in the journal; Yield lets it go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_somebody_deletes_in_wartime_is_made_again_or_let_go() {
    let world = world().await;
    let active = told(&world, json!({})).await;
    let first = world.get("ConfigMap", "notice").await["metadata"]["uid"].clone();
    world.remove("ConfigMap", "notice").await;
    let again = world
        .becomes("ConfigMap", "notice", "is made again", |object| {
            object["metadata"]["uid"] != first
        })
        .await;
    let evidence = world.judge(Allowed::default()).await;
    let entry = entries(&evidence, &active)[0];
    assert_eq!(entry.state, State::Applied);
    assert_eq!(
        creation::given(entry.ours()),
        again["metadata"]["uid"].as_str()
    );
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    assert_eq!(world.version_of("ConfigMap", "notice").await, None);

    let mut playbook = world.playbook(&stages(&[notice(&world, "yielding")]));
    playbook["drift"] = json!({ "active": "Yield" });
    world.publish("yielding", playbook).await;
    world.declare("yielding", json!({})).await;
    let active = world.phase("yielding", Phase::Active).await;
    world.remove("ConfigMap", "yielding").await;
    world
        .until("yielding", "lets it go", |status| {
            status.counts.is_some_and(|counts| counts.kept == 1)
        })
        .await;
    world.come_back("yielding").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &active), [State::Kept]);
    assert_eq!(world.version_of("ConfigMap", "yielding").await, None);
}

/// Enforce has the object as the playbook says, whoever edits it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_object_is_made_anew_under_enforce() {
    let world = world().await;
    told(&world, json!({ "active": "Enforce" })).await;
    let edit = json!({ "data": { "text": "go out", "more": "x" }, "metadata": { "labels": { "theirs": "yes" } } });
    world.merge("colleague", "ConfigMap", "notice", edit).await;
    let again = world
        .becomes("ConfigMap", "notice", "is as it was made", |object| {
            object["data"] == json!({ "text": "stay at home" })
        })
        .await;
    assert_eq!(again["metadata"]["labels"]["theirs"], "yes");
    world.judge(Allowed::OVERWRITE).await;
    world.come_back("flood").await;
    world.judge(Allowed::OVERWRITE).await;
    assert_eq!(world.version_of("ConfigMap", "notice").await, None);
}

/// Between plan and switch somebody else may take the name: theirs is never ours, and never deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_took_the_name_before_the_switch_is_left_alone() {
    let world = world().await;
    let hash = world.planned(&stages(&[notice(&world, "notice")])).await;
    let mut theirs = notice(&world, "notice");
    theirs["data"] = json!({ "text": "welcome" });
    world
        .apply("portal-team", &theirs)
        .await
        .expect("it is theirs");
    let before = world.snapshot().await;
    world.approve("flood", "chief-li", &hash).await;
    let blocked = world.blocked("flood", "StageFailed").await;
    assert!(blocked.contains("tell"), "{blocked}");
    let said = world.said().await;
    assert!(
        said.contains("is there already, made by portal-team"),
        "{said}"
    );
    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &closed), [State::Refused]);
    assert_eq!(world.snapshot().await, before, "theirs was never touched");
}

/// Rights, quota and admission are asked before anybody approves, each in a sentence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_refuse_it_is_said_while_the_plan_is_made() {
    let world = world().await;
    let asked = world.playbook(&stages(&[notice(&world, "notice")]));
    world.publish("flood", asked).await;
    for (verbs, wanted) in [
        (&ALL[..4], "cannot make ConfigMap"),
        (&ALL[..5], "may not delete ConfigMap"),
    ] {
        world.account(&world.namespace, &json!(verbs)).await;
        let name = format!("without-{}", verbs.len());
        let book = world.playbook(&stages(&[notice(&world, "notice")]));
        world.publish(&name, book).await;
        world.declare(&name, json!({})).await;
        let why = world.blocked(&name, "Unreadable").await;
        assert!(why.contains(wanted), "{why}");
        world.stand_down(&name).await;
    }
    world.account(&world.namespace, &json!(ALL)).await;
    // One of each namespace's own is there already.
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "few", "namespace": world.namespace }, "spec": { "hard": { "count/configmaps": "0" } } });
    world
        .put("v1", "resourcequotas", &world.namespace, quota)
        .await;
    // No controller counts here, so the count is said by hand.
    let counted =
        json!({ "hard": { "count/configmaps": "0" }, "used": { "count/configmaps": "0" } });
    world.counted("few", counted).await;
    world.no_more("probe").await;
    world.declare("flood", json!({})).await;
    let why = world.blocked("flood", "Unreadable").await;
    assert!(why.contains("exceeded quota: few"), "{why}");
    world.judge(Allowed::default()).await;
}

/// Admission may refuse it after the plan: that is said of it, and nothing is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_refuses_the_object_is_named() {
    let world = world().await;
    let hash = world.planned(&stages(&[notice(&world, "notice")])).await;
    let group = "admissionregistration.k8s.io/v1";
    let name = format!("no-notices-{}", world.namespace);
    let policy = json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
        "spec": { "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"] }] },
            "validations": [{ "expression": "object.metadata.name != 'notice'", "message": "no notices here" }] } });
    world
        .put(group, "validatingadmissionpolicies", "", policy)
        .await;
    let binding = json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"],
            "matchResources": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": world.namespace } } } } });
    world
        .put(group, "validatingadmissionpolicybindings", "", binding)
        .await;
    world.no_more("notice").await;
    world.approve("flood", "chief-li", &hash).await;
    world.blocked("flood", "StageFailed").await;
    let said = world.said().await;
    assert!(said.contains("no notices here"), "{said}");
    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(states(&evidence, &closed), [State::Refused]);
}

/// With no operator and no mode left, the records alone delete what was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_alone_delete_what_was_made() {
    let mut world = world().await;
    let before = world.snapshot().await;
    told(&world, json!({})).await;
    world.stop().await;
    let config = world.operator_config().await;
    let wait = std::time::Duration::from_secs(30);
    let settings = world.settings("recovery");
    let restored = pingzhan::recover::restore(
        config,
        settings,
        pingzhan::run::clock::Clock::machine(),
        false,
        Some("flood"),
        wait,
        |_| {},
    )
    .await;
    let restored = restored.expect("it is restored");
    assert!(restored[0].closed, "{restored:?}");
    assert_eq!(restored[0].back, 1);
    assert_eq!(world.version_of("ConfigMap", "notice").await, None);
    world.compare(&before).await;
}

/// A level that says something else changes the object that is there; one that has no use for an
/// object takes it away, in the middle of the emergency.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_changes_what_is_made_and_takes_away_what_it_does_not_name() {
    let world = world().await;
    let before = world.snapshot().await;
    let mut calm = notice(&world, "notice");
    calm["data"]["text"] = json!("be careful");
    let stage = |name: &str, level: &str, objects: &[Value]| {
        json!({ "name": name, "levels": [level],
            "steps": [{ "name": "notices", "apply": { "objects": objects } }] })
    };
    let grave = [notice(&world, "notice"), notice(&world, "second")];
    let stages = json!([stage("calm", "IV", &[calm]), stage("grave", "III", &grave)]);
    world.switch("flood", &stages).await;
    let first = world.get("ConfigMap", "notice").await;
    assert_eq!(first["data"]["text"], "be careful");

    let proposal = world.propose(Level::III).await;
    world.grant(Level::III, &proposed(&proposal)).await;
    let raised = world
        .becomes(
            "ConfigMap",
            "notice",
            "is as the graver level says",
            |object| object["data"]["text"] == "stay at home",
        )
        .await;
    assert_eq!(raised["metadata"]["uid"], first["metadata"]["uid"]);
    world
        .becomes("ConfigMap", "second", "is made", |object| {
            object["data"]["text"] == "stay at home"
        })
        .await;
    world.judge(Allowed::default()).await;

    // Level IV needs nobody, and what one approved ends by the word of one.
    let proposal = world.propose(Level::IV).await;
    world.approve("flood", "lin", &proposed(&proposal)).await;
    world
        .becomes(
            "ConfigMap",
            "notice",
            "is as at the level before",
            |object| object["data"]["text"] == "be careful",
        )
        .await;
    world
        .until("flood", "has taken the second away", |status| {
            status.counts.is_some_and(|counts| counts.restored == 1)
        })
        .await;
    assert_eq!(world.version_of("ConfigMap", "second").await, None);
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    assert_eq!(world.snapshot().await.len(), before.len());
}

/// What finalizers keep is waited for with a sentence, is stuck after a while, and holds nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_finalizers_keep_is_waited_for_and_holds_nothing_else() {
    let world = world().await;
    let both = [notice(&world, "kept"), notice(&world, "free")];
    world.switch("flood", &stages(&both)).await;
    // A playbook may give none; whoever else writes one may.
    let keeps = json!({ "metadata": { "finalizers": ["example.com/keep"] } });
    world.merge("keeper", "ConfigMap", "kept", keeps).await;
    world.stand_down("flood").await;
    let waiting = world.until("flood", "waits for it", |status| {
        status
            .waiting_on
            .as_ref()
            .is_some_and(|on| on.contains("example.com/keep"))
    });
    let waiting = waiting.await;
    assert_eq!(
        world.version_of("ConfigMap", "free").await,
        None,
        "{waiting:?}"
    );
    let off = json!({ "metadata": { "finalizers": null } });
    let api = world.api("ConfigMap");
    let patch = kube::api::Patch::Merge(off);
    api.patch("kept", &kube::api::PatchParams::default(), &patch)
        .await
        .expect("it is let go");
    let closed = world.phase("flood", Phase::Closed).await;
    assert_eq!(
        closed
            .status
            .expect("a status")
            .counts
            .map(|counts| counts.restored),
        Some(2)
    );
    assert_eq!(world.version_of("ConfigMap", "kept").await, None);
}

/// A namespace that ends takes the object along, and the mode ends too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_ends_refuses_the_object_and_the_mode_still_ends() {
    let world = world().await;
    let other = format!("{}-annex", world.namespace);
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": other, "finalizers": ["example.com/keep"] } });
    world.put("v1", "namespaces", "", space).await;
    let rbac = "rbac.authorization.k8s.io/v1";
    let metadata = json!({ "name": "maker", "namespace": other });
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ALL }]);
    world
        .put(
            rbac,
            "roles",
            &other,
            json!({ "apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules }),
        )
        .await;
    let binding = json!({ "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker" },
        "subjects": [{ "kind": "ServiceAccount", "name": world.namespace, "namespace": pingzhan::api::names::ACCOUNT_NAMESPACE }] });
    world.put(rbac, "rolebindings", &other, binding).await;
    let mut object = notice(&world, "notice");
    object["metadata"]["namespace"] = json!(other);
    let hash = world.planned(&stages(&[object])).await;
    let spaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(world.client.clone());
    spaces
        .delete(&other, &kube::api::DeleteParams::default())
        .await
        .expect("it ends");
    world.approve("flood", "chief-li", &hash).await;
    world.blocked("flood", "StageFailed").await;
    let said = world.said().await;
    assert!(
        said.contains("being terminated") || said.contains("Forbidden"),
        "{said}"
    );
    let closed = world.come_back("flood").await;
    assert!(message(&closed, types::RESTORED).len() > 1);
}
