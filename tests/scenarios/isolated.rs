//! Networks are cut for a mode's lifetime, kept cut against whoever opens them, and open again after.

use pingzhan::api::Concern;
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::{PATIENCE, World};

fn stages(isolate: &Value) -> Value {
    json!([{ "name": "close", "steps": [{ "name": "cut", "isolate": isolate }] }])
}

fn here(world: &World) -> Value {
    json!({ "names": [world.namespace] })
}

/// A world whose account may make policies, and see what they come to.
async fn world() -> World {
    let world = World::with_closed_kinds().await;
    let all = json!(["get", "list", "watch", "patch", "create", "delete"]);
    let see = json!(["get", "list"]);
    world
        .allow(json!([
            { "apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": all },
            { "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": see },
            { "apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": see },
            { "apiGroups": [""], "resources": ["services", "pods"], "verbs": see },
            { "apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": see },
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"] },
        ]))
        .await;
    world.started().await
}

/// A policy of the team whose namespace it is.
fn theirs(world: &World) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "web", "namespace": world.namespace },
        "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "podSelector": {} }] }] },
    })
}

/// What runs in the namespace, and what leads there: three pods of two workloads, a Service, an Ingress and a
/// route.
async fn inhabited(world: &World) {
    let space = world.namespace.as_str();
    let named = |name: &str, app: &str| json!({ "name": name, "namespace": space, "labels": { "app": app } });
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": named("robot", "web") });
    world.put("v1", "serviceaccounts", space, account).await;
    for (name, app) in [("web-1", "web"), ("web-2", "web"), ("batch-1", "batch")] {
        let mut metadata = named(name, app);
        metadata["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "name": app, "uid": format!("{space}-{app}"), "controller": true }]);
        let container = json!({ "name": "main", "image": "registry.example.com/main:1" });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": { "serviceAccountName": "robot", "containers": [container] } });
        world.put("v1", "pods", space, pod).await;
    }
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": named("web", "web"),
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] } });
    world.put("v1", "services", space, service).await;
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": named("web", "web"), "spec": { "defaultBackend": backend } });
    let route = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": named("web", "web"),
        "spec": { "parentRefs": [{ "name": "city" }],
            "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }] } });
    for object in [ingress, route] {
        world.apply("team", &object).await.expect("it is theirs");
    }
}

/// Questions for names, as whatever closes the way out lets them out.
fn questions() -> Value {
    let label = "kubernetes.io/metadata.name";
    let system = json!({ "matchLabels": { label: "kube-system" } });
    json!({
        "to": [
            { "namespaceSelector": system, "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } },
            { "namespaceSelector": system, "podSelector": { "matchLabels": { "app.kubernetes.io/name": "coredns" } } },
            { "namespaceSelector": { "matchLabels": { label: "openshift-dns" } } },
            { "ipBlock": { "cidr": "169.254.0.0/16" } },
        ],
        "ports": [
            { "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" },
            { "port": 5353, "protocol": "UDP" }, { "port": 5353, "protocol": "TCP" },
        ],
    })
}

/// What is made keeps names and probes: of so many policies that close the way out each lets questions for
/// names out, none says anything of it otherwise, and all of them are of the API's own kind, which lets a
/// node reach its own pods, and no plugin's, of which some mean nodes as well.
fn keep_names_and_probes(cuts: &[Value], closing: usize) {
    let closes = |cut: &&Value| {
        let types = cut["spec"]["policyTypes"].as_array();
        types.is_some_and(|types| types.contains(&json!("Egress")))
    };
    assert_eq!(cuts.iter().filter(closes).count(), closing, "{cuts:?}");
    for cut in cuts {
        assert_eq!(cut["apiVersion"], "networking.k8s.io/v1");
        let out = closes(&cut).then(|| json!([questions()]));
        assert_eq!(cut["spec"].get("egress"), out.as_ref(), "{cut}");
    }
}

impl World {
    /// The policies that modes made here.
    async fn cuts(&self) -> Vec<Value> {
        let all = self.snapshot().await.into_values();
        all.filter(|object| {
            object["kind"] == "NetworkPolicy"
                && object["metadata"]["labels"]["pingzhan.dev/made-for"].is_string()
        })
        .collect()
    }

    /// Waits until there is one of these, and it is as it should be.
    async fn cut_is(&self, what: impl Fn(&Value) -> bool) {
        let holds = async {
            while !self.cuts().await.iter().any(&what) {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, holds).await;
        in_time.expect("it is cut again");
    }
}

/// The promise: cut for the mode's lifetime, and nothing of it is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_are_cut_for_the_modes_lifetime_and_open_after() {
    for (preset, more, policies, closing) in [
        ("DenyAll", json!({}), 1, 1),
        (
            "AllowOnly",
            json!({ "from": { "matchLabels": { "tier": "gate" } }, "ports": [{ "port": 80 }] }),
            1,
            0,
        ),
        (
            "CutThirdParties",
            json!({ "outside": ["10.9.0.0/16"] }),
            2,
            1,
        ),
        (
            "Open",
            json!({ "from": { "names": ["police"] }, "pods": { "matchLabels": { "app": "web" } } }),
            1,
            0,
        ),
    ] {
        let world = world().await;
        world
            .apply("team", &theirs(&world))
            .await
            .expect("it is theirs");
        let before = world.snapshot().await;
        let mut isolate = json!({ "preset": preset, "namespaces": here(&world) });
        for (field, value) in more.as_object().expect("fields") {
            isolate[field] = value.clone();
        }
        let active = world.switch("flood", &stages(&isolate)).await;
        let cuts = world.cuts().await;
        assert_eq!(cuts.len(), policies, "{preset}");
        keep_names_and_probes(&cuts, closing);
        let evidence = world.judge(Allowed::default()).await;
        let ledger = evidence.ledger(&active);
        assert!(ledger.entries.values().all(|entry| {
            let is_policy = &*entry.target.kind == "NetworkPolicy";
            is_policy && entry.state == State::Applied
        }));
        world.come_back("flood").await;
        world.judge(Allowed::default()).await;
        world.compare(&before).await;
        assert_eq!(world.snapshot().await.len(), before.len(), "{preset}");
    }
}

/// Whoever opens it may be the attacker: it is closed again, whatever was done to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_kept_against_whoever_opens_it() {
    let world = world().await;
    let before = world.snapshot().await;
    let isolate = json!({ "preset": "DenyAll", "namespaces": here(&world) });
    world.switch("flood", &stages(&isolate)).await;
    let cut = world.cuts().await[0].clone();
    let name = cut["metadata"]["name"].as_str().expect("a name");
    let opened =
        json!({ "spec": { "ingress": [{}], "podSelector": { "matchLabels": { "app": "none" } } } });
    world.merge("intruder", "NetworkPolicy", name, opened).await;
    world.cut_is(|now| now["spec"] == cut["spec"]).await;
    world.remove("NetworkPolicy", name).await;
    world.cut_is(|now| now["spec"] == cut["spec"]).await;
    world.come_back("flood").await;
    assert_eq!(world.snapshot().await.len(), before.len());
}

/// A selector that is too wide must not cut off what everybody depends on, nor whoever asked to be left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_cut_where_nothing_is_ever_touched() {
    let world = world().await;
    let mark = world.namespace.clone();
    let mut named = Vec::new();
    for (suffix, exclude) in [("a", "false"), ("b", "true")] {
        let name = format!("{mark}-{suffix}");
        let labels = json!({ "mark": mark, "pingzhan.dev/exclude": exclude });
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        world.put("v1", "namespaces", "", space).await;
        named.push(name);
    }
    named.extend(
        [
            "kube-system",
            "kube-public",
            "pingzhan-system",
            "pingzhan-playbooks",
        ]
        .map(str::to_owned),
    );
    let isolate = json!({ "preset": "DenyAll", "namespaces": { "names": named } });
    world.switch("flood", &stages(&isolate)).await;
    let resource = super::world::resource("NetworkPolicy");
    let all: kube::Api<kube::api::DynamicObject> =
        kube::Api::all_with(world.client.clone(), &resource);
    let made = async || {
        let listed = all.list(&kube::api::ListParams::default()).await;
        let listed = listed.expect("policies can be listed").into_iter();
        let ours = listed.filter(|object| {
            let labels = object.metadata.labels.as_ref();
            labels.is_some_and(|labels| {
                labels
                    .get("pingzhan.dev/held-by")
                    .is_some_and(|by| by == "flood")
            })
        });
        ours.filter_map(|object| object.metadata.namespace)
            .filter(|space| named.contains(space))
            .collect::<Vec<_>>()
    };
    assert_eq!(made().await, [named[0].clone()]);
    world.come_back("flood").await;
    assert_eq!(made().await, Vec::<String>::new());
}

/// A namespace that appears in the middle of an incident is one through which somebody gets about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_appears_meanwhile_is_cut_too() {
    let world = world().await;
    let mark = world.namespace.clone();
    let space = async |suffix: &str| {
        let name = format!("{mark}-{suffix}");
        let metadata = json!({ "name": name, "labels": { "mark": mark } });
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
        world.put("v1", "namespaces", "", space).await;
        name
    };
    space("first").await;
    let isolate = json!({ "preset": "DenyAll", "namespaces": { "matchLabels": { "mark": mark } } });
    let mut stages = stages(&isolate);
    stages[0]["steps"][0]["newTargets"] = json!("Adopt");
    world.switch("flood", &stages).await;
    let late = space("late").await;
    let resource = super::world::resource("NetworkPolicy");
    let there: kube::Api<kube::api::DynamicObject> =
        kube::Api::namespaced_with(world.client.clone(), &late, &resource);
    let count = async || {
        let listed = there.list(&kube::api::ListParams::default()).await;
        listed.expect("policies can be listed").items.len()
    };
    let cut = async {
        while count().await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, cut).await;
    in_time.expect("it is cut");
    world.come_back("flood").await;
    assert_eq!(count().await, 0);
}

/// What a plan of one cut finds, as whoever approves reads it: how grave, and what.
async fn found(world: &World, name: &str, preset: &str, more: &Value) -> Vec<(Concern, String)> {
    let mut isolate = json!({ "preset": preset, "namespaces": here(world) });
    for (field, value) in more.as_object().expect("fields") {
        isolate[field] = value.clone();
    }
    world.publish(name, world.playbook(&stages(&isolate))).await;
    world.declare(name, json!({ "level": "III" })).await;
    let planned = world.until(name, "has a plan", |status| {
        let plan = status.plan.as_ref();
        plan.is_some_and(|plan| plan.findings.is_some())
    });
    let plan = planned.await.status.and_then(|status| status.plan);
    let findings = plan.and_then(|plan| plan.findings).expect("findings");
    let listed = findings.listed.into_iter();
    listed.map(|one| (one.concern, one.message)).collect()
}

/// A cut in name only is worse than none: who approves must be told that nothing enforces it, what others go
/// on allowing, how many pods are meant, and which ways in are closed by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_a_cut_comes_to() {
    let world = world().await;
    world
        .apply("team", &theirs(&world))
        .await
        .expect("it is theirs");
    inhabited(&world).await;
    let all = "it is for 3 pods of 2 workloads in 1 namespace";
    let ways = "1 Service, 1 Ingress and 1 HTTPRoute";
    let police =
        json!({ "from": { "names": ["police"] }, "pods": { "matchLabels": { "app": "web" } } });
    let gate = json!({ "from": { "names": ["gate"] } });
    let rows = [
        (
            "DenyAll",
            json!({}),
            all,
            Some(format!("nothing comes through {ways} any more")),
        ),
        (
            "AllowOnly",
            gate,
            all,
            Some(format!("through {ways} only what is named comes any more")),
        ),
        ("CutThirdParties", json!({}), all, None),
        (
            "Open",
            police,
            "it is for 2 pods of 1 workload in 1 namespace",
            None,
        ),
    ];
    for (preset, more, size, closes) in rows {
        let listed = found(&world, &preset.to_lowercase(), preset, &more).await;
        let says = |concern: Concern, words: &str| {
            let mut all = listed.iter();
            all.any(|(of, text)| *of == concern && text.contains(words))
        };
        assert!(says(Concern::Harm, "no network plugin"), "{listed:?}");
        assert!(says(Concern::Note, size), "{preset}: {listed:?}");
        let named = listed.iter().any(|(_, text)| text.contains("1 Service"));
        assert_eq!(named, closes.is_some(), "{preset}: {listed:?}");
        if let Some(closes) = closes {
            assert!(says(Concern::Risk, &closes), "{preset}: {listed:?}");
        }
        let allowing = format!("{}/web goes on allowing", world.namespace);
        let is_said = preset != "Open";
        assert_eq!(
            says(Concern::Risk, &allowing),
            is_said,
            "{preset}: {listed:?}"
        );
    }
}
