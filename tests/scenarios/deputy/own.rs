//! What is never touched: the operator's own namespaces, those of the cluster, what people cannot act
//! without, and what its owner has left out; by name, and by selectors that are too wide.

use serde_json::{Value, json};

use super::case::{By, Case, Family, Table, act, made, named, step};
use crate::scenarios::acts::REQUESTERS;

/// Namespaces in which nothing is ever touched, and what is said of them.
pub const NEVER: [(&str, &str); 5] = [
    ("pingzhan-system", "in the operator's own namespace"),
    (
        "pingzhan-playbooks",
        "in the namespace of playbook accounts",
    ),
    ("kube-system", "in a namespace of the cluster's own"),
    ("kube-public", "in a namespace of the cluster's own"),
    ("kube-node-lease", "in a namespace of the cluster's own"),
];
/// What is said of each of them.
const SAID: &str = "never touched";
/// The key of the label by which what lies in wait is selected.
pub const LABEL: &str = "deputy.example.com/lies";
/// The label of a namespace that the API server gives it.
const NAME: &str = "kubernetes.io/metadata.name";
/// What stands for a parameter's value.
const PLACE: &str = "${parameters.place}";

/// Labels of what people cannot act without, or of what is left out, and what is said of it.
pub const NEEDED: [(&str, &str, &str); 12] = [
    ("pingzhan.dev/role", "dns", "it resolves names"),
    ("pingzhan.dev/role", "cni", "the network of the cluster"),
    ("pingzhan.dev/role", "csi", "the storage of the cluster"),
    (
        "pingzhan.dev/role",
        "ingress",
        "lets traffic into the cluster",
    ),
    ("pingzhan.dev/role", "identity", "says who people are"),
    (
        "pingzhan.dev/role",
        "panel",
        "a panel from which people act",
    ),
    ("pingzhan.dev/exclude", "true", LEFT),
    ("k8s-app", "kube-dns", "it resolves names"),
    (
        "app.kubernetes.io/name",
        "cilium",
        "the network of the cluster",
    ),
    (
        "app.kubernetes.io/part-of",
        "longhorn",
        "the storage of the cluster",
    ),
    ("app", "keycloak", "says who people are"),
    (
        "app.kubernetes.io/part-of",
        "pingzhan",
        "a panel from which people act",
    ),
];
/// What is said of what its owner has left out.
const LEFT: &str = "pingzhan.dev/exclude=true";
/// Namespaces of the scenario with a label of ours: the end of the name, the label, and what is said.
pub const MARKED: [(&str, &str, &str, &str); 2] = [
    ("left", "pingzhan.dev/exclude", "true", LEFT),
    (
        "doors",
        "pingzhan.dev/role",
        "identity",
        "says who people are",
    ),
];

/// Acts that select what they change, and a kind for each.
const ACTS: [(&str, &str); 5] = [
    ("scale", "Deployment"),
    ("suspend", "CronJob"),
    ("patch", "Deployment"),
    ("config", "ConfigMap"),
    ("route", "Ingress"),
];

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Own;
    by_name(table);
    by_selector(table);
    by_reference(table);
    by_isolate(table);
    by_freeze(table);
    automation(table);
    needed(table);
    by_apply(table);
    by_route(table);
}

/// Something that an act asks for, of which its target has nothing yet.
pub fn asked(table: &mut Table<'_>, act: &str) -> Value {
    match act {
        "scale" => json!({ "percent": table.one_of(&[50, 200, 300]) }),
        "suspend" => json!({ "onResume": table.one_of(&["RunMissedOnce", "SkipMissed"]) }),
        "patch" => {
            let value = table.one_of(&[5, 10, 30]);
            json!({ "set": [{ "path": "/spec/minReadySeconds", "value": value }] })
        }
        "config" => json!({ "set": { "carousel": table.one_of(&["off", "no"]) } }),
        "route" => json!({ "to": { "name": "deputy-page", "port": table.one_of(&[80, 8080]) } }),
        other => panic!("nothing is asked by {other}"),
    }
}

/// All of them.
fn all() -> Vec<&'static str> {
    NEVER.iter().map(|(space, _)| *space).collect()
}

/// A selection of namespaces by one requirement on the label that is their name.
fn by_label(operator: &str, values: &[&str]) -> Value {
    json!({ "matchExpressions": [{ "key": NAME, "operator": operator, "values": values }] })
}

fn by_name(table: &mut Table<'_>) {
    let (bait, free) = (table.ground.bait(), table.ground.free());
    for (word, kind) in ACTS {
        for (space, said) in table.rng.choose_multiple(NEVER, 3) {
            let asked = asked(table, word);
            let what = format!("{word} of a {kind} in {space}");
            let step = step(word, &asked, &named(kind, space, &bait));
            table.stop(what, step, By::Alone, said);
        }
        let asked = asked(table, word);
        let targets = named(kind, &table.ground.space, &free);
        let what = format!("{word} of a {kind} of its own");
        table.take(what, step(word, &asked, &targets));
    }
}

/// A way to mean what must not be meant.
struct Way {
    what: &'static str,
    /// Fields of the targets beside the kind.
    targets: Value,
    /// To what the declarer narrows the mode.
    scope: Option<Value>,
}

impl Way {
    fn new(what: &'static str, targets: Value) -> Self {
        Self {
            what,
            targets,
            scope: None,
        }
    }

    fn scoped(what: &'static str, targets: Value, scope: Value) -> Self {
        Self {
            what,
            targets,
            scope: Some(scope),
        }
    }

    /// The step of a kind, and how the mode is declared.
    fn put<'t>(
        self,
        table: &'t mut Table<'_>,
        (word, kind): (&str, &str),
        is_honest: bool,
    ) -> &'t mut Case {
        let asked = asked(table, word);
        let mut targets = self.targets;
        targets["kinds"] = json!([kind]);
        let (what, step) = (
            format!("{word} by {}", self.what),
            step(word, &asked, &targets),
        );
        let case = if is_honest {
            table.take(what, step)
        } else {
            table.stop(what, step, By::Alone, SAID)
        };
        match &self.scope {
            Some(scope) => case.scope(scope),
            None => case,
        }
    }
}

/// Ways that reach what lies in wait, and nothing else.
fn ways(table: &mut Table<'_>) -> Vec<Way> {
    let (own, bait) = (table.ground.space.clone(), table.ground.bait());
    let (space, _) = table.one_of(&NEVER);
    let lies = json!({ "matchLabels": { LABEL: bait } });
    let of = |namespaces: Value| json!({ "namespaces": namespaces, "selector": lies });
    let wide = json!({ "selector": lies });
    let exists = |operator: &str, key: &str| json!({ "matchExpressions": [{ "key": key, "operator": operator }] });
    vec![
        Way::new(
            "the namespace's label",
            of(json!({ "matchLabels": { NAME: space } })),
        ),
        Way::new("a list of labels", of(by_label("In", &all()))),
        Way::new("all but its own", of(by_label("NotIn", &[&own]))),
        Way::new("a label that all have", of(exists("Exists", NAME))),
        Way::new(
            "a label that none has",
            of(exists("DoesNotExist", "deputy.example.com/none")),
        ),
        Way::new("an empty selector", of(json!({}))),
        Way::new("no selector", wide.clone()),
        Way::new("the object's name alone", json!({ "names": [bait] })),
        Way::new(
            "the label that ours have",
            of(json!({ "matchLabels": { "app.kubernetes.io/name": "pingzhan" } })),
        ),
        Way::scoped(
            "the mode's scope",
            wide.clone(),
            json!({ "names": [space] }),
        ),
        Way::scoped(
            "labels of the mode's scope",
            wide,
            json!({ "matchLabels": { NAME: space } }),
        ),
    ]
}

fn by_selector(table: &mut Table<'_>) {
    for (place, way) in ways(table).into_iter().enumerate() {
        let Way {
            what,
            targets,
            scope,
        } = way;
        let acts = 1 + place % 2;
        for act in table.rng.choose_multiple(ACTS, acts) {
            let (targets, scope) = (targets.clone(), scope.clone());
            let way = Way {
                what,
                targets,
                scope,
            };
            way.put(table, act, false);
        }
    }
    let condition = "object.metadata.namespace == parameters.place";
    let at = |label: String| json!({ "where": condition, "selector": { "matchLabels": { LABEL: label } } });
    for act in table.rng.choose_multiple(ACTS, 2) {
        let (space, _) = table.one_of(&NEVER);
        let targets = at(table.ground.bait());
        let way = Way::new("a condition over a parameter", targets);
        way.put(table, act, false).given("place", space);
    }
    let act = table.one_of(&ACTS);
    let (own, free) = (table.ground.space.clone(), table.ground.free());
    let way = Way::new(
        "a condition over a parameter that is its own",
        at(free.clone()),
    );
    way.put(table, act, true).given("place", &own);
    let lies = json!({ "matchLabels": { LABEL: free } });
    let labelled = json!({ "namespaces": { "matchLabels": { NAME: own } }, "selector": lies });
    let act = table.one_of(&ACTS);
    Way::new("its own namespace's label", labelled).put(table, act, true);
    let scope = json!({ "names": [own] });
    let act = table.one_of(&ACTS);
    Way::scoped("a scope of its own", json!({ "selector": lies }), scope).put(table, act, true);
}

/// A parameter stands for no namespace of a selection: who approves a playbook could not know what it means.
fn by_reference(table: &mut Table<'_>) {
    let names = json!({ "names": [PLACE] });
    let bait = table.ground.bait();
    let labels = json!({ "matchLabels": { NAME: PLACE } });
    for (what, namespaces) in [("names", &names), ("labels", &labels)] {
        let (word, kind) = table.one_of(&ACTS);
        let asked = asked(table, word);
        let targets = json!({ "kinds": [kind], "namespaces": namespaces, "names": [bait] });
        let step = step(word, &asked, &targets);
        let (space, _) = table.one_of(&NEVER);
        let what = format!("{word} where a parameter stands in {what}");
        table
            .stop(what, step, By::Lint, "PZ0409")
            .given("place", space);
    }
    let freeze = freeze(&names);
    let isolate = json!({ "preset": "DenyAll", "namespaces": names });
    for (word, asked) in [("freeze", &freeze), ("isolate", &isolate)] {
        let (space, _) = table.one_of(&NEVER);
        let what = format!("{word} where a parameter says");
        table
            .stop(what, act(word, asked), By::Lint, "PZ0409")
            .given("place", space);
    }
}

/// A cut of one of the presets.
fn cut(table: &mut Table<'_>, namespaces: &Value) -> Value {
    let preset = table.one_of(&["DenyAll", "AllowOnly", "CutThirdParties"]);
    preset_of(preset, namespaces)
}

fn preset_of(preset: &str, namespaces: &Value) -> Value {
    let mut isolate = json!({ "preset": preset, "namespaces": namespaces });
    if preset == "AllowOnly" {
        isolate["from"] = json!({ "names": ["kube-system"] });
    }
    act("isolate", &isolate)
}

fn by_isolate(table: &mut Table<'_>) {
    for (space, said) in table.rng.choose_multiple(NEVER, 3) {
        let step = cut(table, &json!({ "names": [space] }));
        table.stop(format!("a cut of {space}"), step, By::Alone, said);
    }
    let step = cut(table, &by_label("In", &all()));
    table.stop("a cut of all of them", step, By::Alone, SAID);
    let (space, said) = table.one_of(&NEVER);
    let step = cut(table, &json!({}));
    table
        .stop("a cut of the mode's scope", step, By::Alone, said)
        .scope(&json!({ "names": [space] }));
    let own = json!({ "names": [table.ground.space] });
    for preset in ["DenyAll", "AllowOnly", "CutThirdParties"] {
        table.take(format!("{preset} of its own"), preset_of(preset, &own));
    }
}

fn freeze(namespaces: &Value) -> Value {
    json!({ "namespaces": namespaces, "except": [{ "kind": "Group", "name": REQUESTERS }] })
}

fn by_freeze(table: &mut Table<'_>) {
    for (space, said) in table.rng.choose_multiple(NEVER, 3) {
        let said = if space.starts_with("kube-") {
            "never frozen"
        } else {
            said
        };
        let step = act("freeze", &freeze(&json!({ "names": [space] })));
        table.stop(format!("a freeze of {space}"), step, By::Alone, said);
    }
    let step = act("freeze", &freeze(&by_label("In", &all())));
    table.stop("a freeze of all of them", step, By::Alone, "never frozen");
    let step = act("freeze", &freeze(&json!({})));
    table
        .stop("a freeze of the mode's scope", step, By::Alone, "never")
        .scope(&json!({ "names": all() }));
    let own = json!({ "names": [table.ground.space] });
    table.take("a freeze of its own", act("freeze", &freeze(&own)));
}

/// Who is stopped and who may go on is for people and for named automation: never for the machine.
fn automation(table: &mut Table<'_>) {
    let own = json!({ "names": [table.ground.space] });
    let with = |field: &str, who: Value| {
        let mut freeze = freeze(&own);
        freeze[field] = json!([who]);
        act("freeze", &freeze)
    };
    for (space, _) in NEVER {
        let who = json!({ "kind": "ServiceAccount", "namespace": space, "name": "deployer" });
        let what = format!("a freeze that stops accounts of {space}");
        table.stop(what, with("automation", who), By::Lint, "PZ0581");
    }
    let operator = "system:serviceaccount:pingzhan-system:pingzhan";
    let others = [
        json!({ "kind": "User", "name": operator }),
        json!({ "kind": "Group", "name": "system:nodes" }),
    ];
    for who in others {
        let what = format!("a freeze that stops {}", who["name"]);
        table.stop(what, with("automation", who), By::Lint, "PZ0581");
    }
    // Nobody has a name with a line's end in it.
    let smuggled = json!({ "kind": "User", "name": "mallory\nsystem:anonymous" });
    let step = with("except", smuggled);
    table.stop("two names in one", step, By::Lint, "PZ0580");
    let nowhere = json!({ "kind": "ServiceAccount", "name": "deployer" });
    let step = with("automation", nowhere);
    table.stop("an account of no namespace", step, By::Lint, "PZ0580");
}

/// The name of what has one of the labels.
pub fn needed_name(place: usize) -> String {
    format!("needed-{place}")
}

fn needed(table: &mut Table<'_>) {
    let own = table.ground.space.clone();
    for (place, (key, value, said)) in NEEDED.into_iter().enumerate() {
        let word = table.one_of(&["scale", "patch"]);
        let asked = asked(table, word);
        let step = step(
            word,
            &asked,
            &named("Deployment", &own, &needed_name(place)),
        );
        table.stop(format!("{word} of {key}={value}"), step, By::Alone, said);
    }
    let free = table.ground.free();
    for (end, key, value, said) in MARKED {
        let space = table.ground.named(end);
        let word = table.one_of(&["scale", "patch"]);
        let asked = asked(table, word);
        let what = format!("{word} in a namespace with {key}={value}");
        let targets = named("Deployment", &space, &free);
        table.stop(what, step(word, &asked, &targets), By::Alone, said);
        let step = cut(table, &json!({ "names": [space] }));
        let what = format!("a cut of a namespace with {key}={value}");
        table.stop(what, step, By::Alone, said);
    }
    let left = json!({ "names": [table.ground.named("left")] });
    let step = act("freeze", &freeze(&left));
    table.stop("a freeze of what is left out", step, By::Alone, LEFT);
}

/// An object of one of some kinds, in a namespace.
fn object(table: &mut Table<'_>, space: &str) -> Value {
    let kind = table.one_of(&[
        "ConfigMap",
        "ServiceAccount",
        "RoleBinding",
        "NetworkPolicy",
    ]);
    let (version, more) = match kind {
        "RoleBinding" => (
            "rbac.authorization.k8s.io/v1",
            json!({
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "mallory" }],
            }),
        ),
        "NetworkPolicy" => (
            "networking.k8s.io/v1",
            json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress"] } }),
        ),
        _ => ("v1", json!({})),
    };
    let mut object = more;
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    object["metadata"] = json!({ "name": table.ground.named("made"), "namespace": space });
    object
}

fn by_apply(table: &mut Table<'_>) {
    for (space, said) in NEVER {
        let object = object(table, space);
        let what = format!("a {} that is made in {space}", object["kind"]);
        table.stop(what, made(&object), By::Lint, "PZ0544");
        let object = self::object(table, PLACE);
        let what = format!(
            "a {} that is made where a parameter says: {space}",
            object["kind"]
        );
        let case = table.stop(what, made(&object), By::Plan, said);
        case.given("place", space);
    }
    let own = table.ground.space.clone();
    let object = object(table, &own);
    table.take("an object of its own", made(&object));
    let object = self::object(table, PLACE);
    let case = table.take("an object where a parameter says: its own", made(&object));
    case.given("place", &own);
}

/// Traffic is sent to no namespace in which nothing is touched.
fn by_route(table: &mut Table<'_>) {
    let kind = "gateway.networking.k8s.io/HTTPRoute";
    for (space, _) in NEVER {
        let to = json!({ "to": { "name": "page", "port": 80, "namespace": space } });
        let targets = named(kind, &table.ground.space, &table.ground.free());
        let step = step("route", &to, &targets);
        table.stop(format!("traffic to {space}"), step, By::Lint, "PZ0544");
    }
}
