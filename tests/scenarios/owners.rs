//! Former owners go on as if nothing had happened: whatever tool they use, without force.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::fleet::{self, How};
use super::oracles::Allowed;
use super::world::{Objects, World};
use crate::support;

/// `kubectl apply` as most people use it.
fn client_side() -> Vec<&'static str> {
    vec!["apply"]
}

/// `kubectl apply --server-side` of a manager, such as Helm.
fn server_side(manager: &'static str) -> Vec<&'static str> {
    vec!["apply", "--server-side", "--field-manager", manager]
}

impl World {
    /// Judges, compares the whole fleet, and lets every owner go on.
    pub async fn is_exact(&self, before: &Objects) {
        self.judge(Allowed::default()).await;
        self.compare(before).await;
        self.owners_go_on().await;
    }

    /// Every owner applies a changed manifest, without force.
    pub async fn owners_go_on(&self) {
        self.owners_go_on_but(&[]).await;
    }

    /// The same, but for the owners of some objects, which are somebody else's by now.
    pub async fn owners_go_on_but(&self, but: &[&str]) {
        for mut owned in fleet::fleet(&self.namespace) {
            let name = owned.manifest["metadata"]["name"].clone();
            if name == "both" || but.iter().any(|other| name == *other) {
                continue;
            }
            owned.manifest = fleet::changed(&owned);
            self.write(&owned).await;
            let kind = owned.manifest["kind"].as_str().unwrap_or_default();
            let live = self.get(kind, name.as_str().unwrap_or_default()).await;
            for at in ["/spec/replicas", "/spec/size", "/data"] {
                if let Some(wanted) = owned.manifest.pointer(at) {
                    assert_eq!(live.pointer(at), Some(wanted), "{name} is its owner's");
                }
            }
            let owner = json!(owned.manager).to_string();
            let fields = live["metadata"]["managedFields"].to_string();
            assert!(owned.how == How::ClientSide || fields.contains(&owner));
        }
        if !but.contains(&"shared") {
            self.scale("capacity", "Deployment", "shared", 10).await;
        }
        if !but.contains(&"both") {
            self.two_owners_go_on().await;
        }
    }

    /// Two who own a field change it together. Alone, each meets the other, and nobody else.
    async fn two_owners_go_on(&self) {
        let manifest = |replicas| fleet::deployment(&self.namespace, "both", replicas);
        let refused = self.apply("portal-team", &manifest(Some(7))).await;
        let refused = refused
            .expect_err("the other one still wants 6")
            .to_string();
        assert!(refused.contains("\"helm\""), "{refused}");
        assert!(!refused.contains("pingzhan"), "{refused}");
        let left = self.apply("portal-team", &manifest(None)).await;
        left.expect("who leaves a field to the other meets nobody");
        let live = self.get("Deployment", "both").await;
        assert_eq!(live["spec"]["replicas"], 6, "it is still the other's");
        let changed = self.apply("helm", &manifest(Some(7))).await;
        changed.expect("the only owner changes it");
    }

    /// Runs kubectl with a manifest. Its write is the scenario's.
    async fn kubectl(&self, args: &[&str], manifest: &Value) -> Result<(), String> {
        let mut command = support::kubectl_with(&self.plane.kubeconfig);
        let command = command
            .args(args)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let kind = manifest["kind"].as_str().unwrap_or_default();
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let before = self.version_of(kind, name).await;
        let mut child = command.spawn().expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("it reads a manifest");
        let text = manifest.to_string();
        stdin.write_all(text.as_bytes()).expect("it takes it");
        drop(stdin);
        let output = child.wait_with_output().expect("kubectl ends");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let live = self.api(kind).get(name).await.expect("it is there");
        self.note(&live, before.as_ref());
        Ok(())
    }

    async fn applies(&self, args: &[&str], manifest: &Value) {
        if let Err(said) = self.kubectl(args, manifest).await {
            panic!("kubectl {args:?} is refused: {said}");
        }
    }
}

/// A call of kubectl and the manifest that it is given.
type Call = (Vec<&'static str>, Value);

/// `kubectl scale`, whose manager is kubectl's own.
fn scale() -> Vec<&'static str> {
    vec!["scale", "--replicas=9"]
}

/// `kubectl patch`, which updates.
fn patch() -> Vec<&'static str> {
    let patch = r#"{"spec":{"replicas":7}}"#;
    vec!["patch", "--field-manager=tuning", "--patch", patch]
}

fn flags(world: &World, data: &Value) -> Value {
    let metadata = json!({ "name": "flags", "namespace": world.namespace });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": metadata })
}

/// How the owners begin.
fn first(world: &World) -> Vec<Call> {
    let web = |name: &str, replicas| fleet::deployment(&world.namespace, name, replicas);
    let data = json!({ "carousel": "on", "banner": "hello" });
    vec![
        (client_side(), web("legacy", Some(5))),
        (client_side(), flags(world, &data)),
        (server_side("portal-team"), web("modern", Some(8))),
        (server_side("helm"), web("released", Some(4))),
        (server_side("portal-team"), web("both", Some(6))),
        (server_side("helm"), web("both", Some(6))),
        (client_side(), web("scaled", None)),
        (scale(), web("scaled", None)),
        (server_side("portal-team"), web("patched", None)),
        (patch(), web("patched", None)),
    ]
}

/// How they go on.
fn next(world: &World) -> Vec<Call> {
    let web = |name: &str, replicas| fleet::deployment(&world.namespace, name, replicas);
    let mut scaled = web("scaled", None);
    let container = &mut scaled["spec"]["template"]["spec"]["containers"][0];
    container["image"] = json!("registry.example.com/web:2");
    vec![
        (client_side(), web("legacy", Some(6))),
        (
            client_side(),
            flags(world, &json!({ "carousel": "sometimes" })),
        ),
        (server_side("portal-team"), web("modern", Some(9))),
        (server_side("helm"), web("released", Some(5))),
        (server_side("portal-team"), web("both", None)),
        (server_side("helm"), web("both", Some(7))),
        (client_side(), scaled),
        (patch(), web("patched", None)),
    ]
}

/// What comes of it.
const COUNTS: [(&str, i64); 6] = [
    ("legacy", 6),
    ("modern", 9),
    ("released", 5),
    ("both", 7),
    ("scaled", 9),
    ("patched", 7),
];

/// Everybody's tool is kubectl. After a return its applies, with and without `--server-side`, by
/// one owner and by two, set new values and take fields away as before, and never need
/// `--force-conflicts`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_who_use_kubectl_go_on_as_if_nothing_had_happened() {
    let world = World::new().await.started().await;
    for (args, manifest) in first(&world) {
        world.applies(&args, &manifest).await;
    }
    let before = world.snapshot().await;
    let here = json!({ "names": [world.namespace] });
    let stages = json!([{ "name": "shed", "steps": [
        { "name": "halve", "scale": { "percent": 50 }, "targets": { "kinds": ["Deployment"], "namespaces": here } },
        { "name": "calm", "config": { "set": { "carousel": "off", "banner": "" } },
          "targets": { "kinds": ["ConfigMap"], "namespaces": here, "names": ["flags"] } },
    ] }]);
    world.switch("flood", &stages).await;
    let web = |name: &str, replicas| fleet::deployment(&world.namespace, name, Some(replicas));
    let helm = server_side("helm");
    let refused = world.kubectl(&helm, &web("released", 5)).await;
    let said = refused.expect_err("wartime holds it");
    assert!(said.contains("pingzhan/flood/"), "{said}");
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    let team = server_side("portal-team");
    let alone = world.kubectl(&team, &web("both", 7)).await;
    let said = alone.expect_err("the other one still wants 6");
    assert!(
        said.contains("\"helm\"") && !said.contains("pingzhan"),
        "{said}"
    );
    for (args, manifest) in next(&world) {
        world.applies(&args, &manifest).await;
    }
    for (name, replicas) in COUNTS {
        let live = world.get("Deployment", name).await;
        assert_eq!(live["spec"]["replicas"], replicas, "{name}");
    }
    let data = &world.get("ConfigMap", "flags").await["data"];
    assert_eq!(
        *data,
        json!({ "carousel": "sometimes" }),
        "a key that is given up goes"
    );
}
