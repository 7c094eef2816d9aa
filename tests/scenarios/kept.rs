//! A mode whose object a program keeps as it is in a repository: whenever it heals it would wipe what people
//! say. Admission refuses to have one made so; what it lets through is named until it is over.

use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, Phase, names};
use serde_json::{Value, json};

use super::acts::{REQUESTERS, message};
use super::ending::halve;
use super::world::World;
use crate::support::people::person;

/// The accounts of the controllers. Somebody has put them into the group that declares.
const FLUX: &str = "system:serviceaccount:flux-system:kustomize-controller";
const ARGO: &str = "system:serviceaccount:argocd:argocd-application-controller";

/// The object as it would stand in a repository, with the marks that Flux puts on all it applies.
fn manifest(spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION), "kind": "EmergencyMode",
        "metadata": { "name": "flood", "labels": marks(&json!("emergencies"), &json!("flux-system")) },
        "spec": spec,
    })
}

fn marks(name: &Value, namespace: &Value) -> Value {
    json!({
        "kustomize.toolkit.fluxcd.io/name": name,
        "kustomize.toolkit.fluxcd.io/namespace": namespace,
    })
}

/// Applies as Flux does: by server-side apply, with force.
async fn applies(flux: &Client, manifest: &Value) -> Result<(), String> {
    let api: Api<EmergencyMode> = Api::all(flux.clone());
    let params = PatchParams::apply("kustomize-controller").force();
    let applied = api.patch("flood", &params, &Patch::Apply(manifest)).await;
    applied.map(drop).map_err(|error| error.to_string())
}

impl World {
    async fn marked(&self, client: &Client, metadata: Value) {
        let api: Api<EmergencyMode> = Api::all(client.clone());
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let marked = api.patch("flood", &PatchParams::default(), &patch).await;
        marked.expect("who may update it may label it");
    }

    /// Waits until nothing keeps the mode any more.
    async fn is_declared(&self) {
        self.until("flood", "is kept no more", |status| {
            condition::get(&status.conditions, types::KEPT_IN_GIT)
                .is_some_and(|kept| kept.status == "False" && kept.reason == "Declared")
        })
        .await;
    }
}

/// A repository makes no emergency. One that people have declared and that a repository takes over is
/// named, with what puts it there, on the mode and by an Event, and not any more when the marks are off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_that_a_program_keeps_says_by_what_until_it_is_let_go() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    world.publish("flood", world.playbook(&stages)).await;
    let flux = person(&world.client, FLUX, REQUESTERS);
    let own = json!({ "playbookRef": { "name": "flood" }, "level": "IV", "reason": "the river rises",
        "requestedBy": FLUX, "requestedAs": REQUESTERS, "expiresAfter": "1h" });
    let refused = applies(&flux, &manifest(&own)).await;
    let refused = refused.expect_err("no repository declares");
    assert!(refused.contains("does not belong in Git"), "{refused}");

    world.declare("flood", json!({})).await;
    let active = world.phase("flood", Phase::Active).await;
    let status = active.status.expect("a status");
    assert!(condition::get(&status.conditions, types::KEPT_IN_GIT).is_none());
    let spec = serde_json::to_value(&active.spec).expect("a mode is JSON");
    let applied = applies(&flux, &manifest(&spec)).await;
    applied.expect("what is there already may be taken over");
    let kept = world
        .condition("flood", types::KEPT_IN_GIT, "Kustomization")
        .await;
    let said = message(&kept, types::KEPT_IN_GIT);
    let says = "Kustomization flux-system/emergencies puts this object there";
    assert!(
        said.starts_with(says) && said.contains("`pingzhan declare`"),
        "{said}"
    );
    world.event(&kept, types::KEPT_IN_GIT, says).await;
    let status = kept.status.expect("a status");
    assert_eq!(status.phase, Some(Phase::Active), "it goes on");

    let off = json!({ "labels": marks(&Value::Null, &Value::Null) });
    world.marked(&world.client, off).await;
    world.is_declared().await;
    let tracking = |id: Value| json!({ "annotations": { "argocd.argoproj.io/tracking-id": id } });
    let id = json!("emergencies:pingzhan.dev/EmergencyMode:/flood");
    let argo = person(&world.client, ARGO, "argocd");
    world.marked(&argo, tracking(id)).await;
    let kept = world
        .condition("flood", types::KEPT_IN_GIT, "Application")
        .await;
    let said = message(&kept, types::KEPT_IN_GIT);
    assert!(said.starts_with("Application emergencies puts"), "{said}");
    world.marked(&world.client, tracking(Value::Null)).await;
    world.is_declared().await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
