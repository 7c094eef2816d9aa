//! Offline restore by a person, while the policies are in force: the last way back may not be closed by
//! what guards the others, nor by what an account may not do any more.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, ListParams, PostParams};
use pingzhan::api::{ChangeRecord, EmergencyMode, EmergencyModeStatus, Phase, TurnKind, names};
use pingzhan::recover::{self, Restored};
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ending::{LEASE, halve};
use super::world::{Objects, PATIENCE, World};
use crate::authority::world::World as Guarded;
use crate::cli::town::{self, expect};

/// The roles for people.
const EXAMPLE: &str = "manifests/people.example.yaml";
/// The mode that is brought back.
const MODE: &str = "high-water";
/// How long whoever may not have the lease tries to take it.
const SHORT: Duration = Duration::from_secs(3);
const RBAC: &str = "rbac.authorization.k8s.io";

/// A person, and a group that they are in.
type Who = (&'static str, &'static str);

/// Restores as somebody, who writes targets as the playbook's account or as themselves.
async fn restore(
    world: &World,
    (user, group): Who,
    ourselves: bool,
    wait: Duration,
    progress: impl FnMut(&[Restored]),
) -> Result<Vec<Restored>, String> {
    let config = world.config_as(user, &[group]).await;
    let (settings, clock) = (world.settings(user), Clock::machine());
    let only = Some(MODE);
    let done = recover::restore(config, settings, clock, ourselves, only, wait, progress).await;
    done.map_err(|error| error.to_string())
}

async fn play(world: &World, before: &Objects) {
    let engineer = restore(world, ("he", "platform"), false, SHORT, |_| ()).await;
    let said = engineer.expect_err("who may not recover has the lease");
    assert!(
        said.starts_with("you may not take the operator's lease: "),
        "{said}"
    );
    let lead = restore(world, ("rao", "platform-leads"), false, LEASE, |_| ()).await;
    let lead = lead.expect("who may recover does");
    assert_eq!((lead[0].closed, &lead[0].left), (true, &Vec::new()));
    world.is_exact(before).await;
}

/// Nobody is left but a person with the role of the example. The policies are there, operator and mode are
/// not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_may_recover_brings_everything_back_under_the_policies() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "helm-api", "shared"])]);
    world.switch(MODE, &stages).await;
    world.stop().await;
    world.take_away(MODE).await;
    let example = crate::support::repository().join(EXAMPLE);
    let example = example.to_str().expect("a path");
    world
        .plane
        .kubectl(&["apply", "--server-side", "-f", example]);
    let guarded = Guarded::install(world.client.clone(), true).await;
    let played = AssertUnwindSafe(play(&world, &before)).catch_unwind().await;
    guarded.leave().await;
    world.plane.kubectl(&["delete", "-f", example]);
    if let Err(failed) = played {
        std::panic::resume_unwind(failed);
    }
}

/// Waits until somebody may do something, or may not any more: authorisers follow what is stored.
async fn may(world: &World, user: &str, attributes: &Value, wanted: bool) {
    let review =
        json!({ "metadata": {}, "spec": { "user": user, "resourceAttributes": attributes } });
    let review: SubjectAccessReview = serde_json::from_value(review).expect("a review");
    let api: Api<SubjectAccessReview> = Api::all(world.client.clone());
    let follows = async {
        loop {
            let answer = api.create(&PostParams::default(), &review).await;
            let answer = answer.expect("the server answers").status;
            if answer.expect("an answer").allowed == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, follows).await;
    in_time.unwrap_or_else(|_| panic!("{user} never may: {wanted}"));
}

/// To do this with the fleet's Deployments.
fn deployments(world: &World, verb: &str) -> Value {
    json!({ "verb": verb, "group": "apps", "resource": "deployments", "namespace": world.namespace })
}

/// A binding of people to a role of this namespace.
async fn bind(world: &World, space: &str, role: &str, users: &[&str]) {
    let subjects = users
        .iter()
        .map(|user| json!({ "apiGroup": RBAC, "kind": "User", "name": user }));
    let binding = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
        "metadata": { "name": format!("{}-people", world.namespace), "namespace": space },
        "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": role },
        "subjects": subjects.collect::<Vec<_>>(),
    });
    let version = format!("{RBAC}/v1");
    world.put(&version, "rolebindings", space, binding).await;
}

/// The playbook's account loses its binding in the middle: it may still read what it changed, and write
/// ConfigMaps, by another one.
async fn lose_a_right(world: &World) {
    let reads = json!(["get", "list", "watch"]);
    let writes = json!(["get", "list", "watch", "patch"]);
    let rules = json!([
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": reads },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": writes },
    ]);
    world.allow(rules).await;
    let space = world.namespace.as_str();
    let delete = ["-n", space, "delete", "rolebinding", space];
    world.plane.kubectl(&delete);
    let account = format!("system:serviceaccount:{}:{space}", names::ACCOUNT_NAMESPACE);
    may(world, &account, &deployments(world, "patch"), false).await;
    may(world, &account, &deployments(world, "get"), true).await;
}

/// Whether what needs the right is stuck, and status says so with both ways out; the rest is back.
fn says_who_may(status: &EmergencyModeStatus) -> bool {
    let counts = status.counts.unwrap_or_default();
    let waits = status.waiting_on.as_deref().unwrap_or_default();
    let way = format!("`pingzhan restore --from-records --as-yourself {MODE}`");
    let says = [
        "3 of them are forbidden to the playbook's account",
        "give the right back",
        &way,
    ];
    (counts.stuck, counts.restored) == (3, 1) && says.iter().all(|one| waits.contains(one))
}

/// What the API server says of each Deployment that is stuck.
fn reasons(mode: &EmergencyMode) -> Vec<&str> {
    let targets = mode.status.iter().flat_map(|status| &status.targets);
    let stuck = targets.filter(|target| target.state == "Stuck");
    stuck
        .filter_map(|target| target.message.as_deref())
        .collect()
}

/// Restores as somebody, as themselves, until this is said of every field that is left; then they give up.
async fn gives_up(world: &World, who: Who, says: &str) -> Vec<String> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let look = move |now: &[Restored]| {
        let left = now.iter().flat_map(|mode| mode.left.clone());
        let _ = tell.send(left.collect::<Vec<String>>());
    };
    let said = async {
        while let Some(left) = told.recv().await {
            if !left.is_empty() && left.iter().all(|line| line.contains(says)) {
                return left;
            }
        }
        panic!("nobody says of what is left: {says}")
    };
    tokio::select! {
        done = restore(world, who, true, LEASE, look) => panic!("{who:?} ended: {done:?}"),
        left = said => left,
    }
}

/// Three people try: one has everything but `recover`, one has it and not the objects, one has both.
async fn three_people(world: &World) {
    let space = world.namespace.as_str();
    let hands = json!([
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "patch"] },
    ]);
    let version = format!("{RBAC}/v1");
    let role = json!({ "apiVersion": version, "kind": "Role", "rules": hands,
        "metadata": { "name": "hands", "namespace": space } });
    world.put(&version, "roles", space, role).await;
    bind(world, space, "hands", &["wei", "rao"]).await;
    let system = names::DEFAULT_NAMESPACE;
    bind(world, system, "pingzhan-recovery", &["wei"]).await;
    let lease = json!({ "verb": "update", "group": "coordination.k8s.io", "resource": "leases",
        "namespace": system });
    may(world, "wei", &lease, true).await;
    may(world, "rao", &deployments(world, "patch"), true).await;

    let wartime = world.snapshot().await;
    let wei = restore(world, ("wei", "platform"), true, SHORT, |_| ()).await;
    let said = wei.expect_err("who may not recover has taken the lease");
    assert!(
        said.starts_with("you may not take the operator's lease: ")
            && said.contains("`recover` on playbooks given by name"),
        "{said}"
    );
    let cannot = "User \"hua\" cannot get resource \"deployments\"";
    let left = gives_up(world, ("hua", "platform-leads"), cannot).await;
    assert_eq!(left.len(), 3, "{left:#?}");
    assert!(
        left.iter().all(|line| line.contains("yourself")),
        "{left:#?}"
    );
    let after = world.snapshot().await;
    assert!(
        after == wartime,
        "somebody who may not has written: {after:#?}"
    );

    let kubeconfig = world.plane.identity("rao", &["platform-leads"]);
    let line = format!("restore --from-records --as-yourself {MODE} --yes -o json");
    let called = tokio::task::spawn_blocking(move || expect(&kubeconfig, &line, 0)).await;
    let all = town::json(&called.expect("the program ends"));
    let restored = &all["modes"][0];
    assert_eq!(restored["closed"], true, "{all}");
    assert_eq!(restored["left"], json!([]), "{all}");
    let binding = format!("{space}-people");
    let delete = ["-n", system, "delete", "rolebinding", &binding];
    world.plane.kubectl(&delete);
}

/// Who led last, as the records have it.
async fn last_leader(world: &World, mode: &EmergencyMode) -> String {
    let uid = mode.metadata.uid.as_deref().expect("a mode has a uid");
    let of_mode = ListParams::default().labels(&format!("{}={uid}", names::MODE_UID_LABEL));
    let api: Api<ChangeRecord> = Api::all(world.client.clone());
    let records = api.list(&of_mode).await.expect("records are listed");
    let specs = records.items.into_iter().map(|record| record.spec);
    let turns = specs.filter_map(|spec| Some((spec.sequence, spec.turn?)));
    let leaders = turns.filter(|(_, turn)| turn.kind == TurnKind::Leader);
    let last = leaders.max_by_key(|(sequence, _)| *sequence);
    let (_, turn) = last.expect("somebody led");
    turn.by.unwrap_or_default()
}

/// The account has lost a right in the middle, and nobody can give it back at once: everything else comes
/// back, and what is left comes back by the hands of a person who may, who is named in the journal. Who
/// may not is told what is missing, and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_recover_brings_back_as_themselves_what_the_account_may_not_any_more() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let mut stage = halve(&world, "shed", &["portal-web", "helm-api", "shared"]);
    let calm = json!({ "name": "calm", "config": { "set": { "homepage.carousel": "off" } },
        "targets": { "kinds": ["ConfigMap"], "namespaces": { "names": [world.namespace] },
            "names": ["portal-flags"] } });
    stage["steps"].as_array_mut().expect("steps").push(calm);
    world.switch(MODE, &json!([stage])).await;
    lose_a_right(&world).await;
    world.stand_down(MODE).await;
    let what = "says who may bring back what is forbidden";
    let stuck = world.until(MODE, what, says_who_may).await;
    let reasons = reasons(&stuck);
    assert_eq!(reasons.len(), 3, "{reasons:#?}");
    let cannot = "cannot patch resource \"deployments\"";
    for why in reasons {
        assert!(
            why.starts_with("Forbidden: ") && why.contains(cannot),
            "{why}"
        );
    }
    world.stop().await;
    let example = crate::support::repository().join(EXAMPLE);
    let example = example.to_str().expect("a path");
    let apply = ["apply", "--server-side", "-f", example];
    world.plane.kubectl(&apply);
    let played = AssertUnwindSafe(three_people(&world)).catch_unwind().await;
    world.plane.kubectl(&["delete", "-f", example]);
    if let Err(failed) = played {
        std::panic::resume_unwind(failed);
    }
    world.start().await;
    let closed = world.phase(MODE, Phase::Closed).await;
    let by = last_leader(&world, &closed).await;
    assert!(by.starts_with("rao (restore-"), "{by}");
    world.is_exact(&before).await;
}
