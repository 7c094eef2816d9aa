//! A change freeze (封网), attacked: where it holds, people and the programs that it names are stopped in
//! every form; nobody else is, and nowhere else. And the records by which the operator tries whether
//! policies are in force: nobody gets past a policy by calling a record so.

use serde_json::{Value, json};

use super::acts::{ONLY, change_at};
use super::ask::{Ask, Form, Refusal, send};
use super::attacks::{Case, Cases};
use super::people::{
    ACCOUNT, CONTROLLER, DEPLOYER, ENDER, FENG, GAO, GHOST, HE, MALLORY, OPERATOR_ITSELF, ROOT,
    WANG, Who,
};
use super::world::{ACCOUNTS, World, needed, probe as marked};
use pingzhan::api::names::FREEZE_POLICY;

/// The freeze.
pub const FREEZE: &str = "freeze-attacked";
/// What is frozen.
pub const FROZEN: &str = "/api/v1/namespaces/default";
/// Where the freeze is.
pub const FREEZES: &str = "/apis/pingzhan.dev/v1alpha1/namespaces/default/changefreezes";
/// Where rights to what is frozen are given.
pub const ROLE_BINDINGS: &str =
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
/// Those who work in the frozen namespace.
const WORKERS: [Who; 7] = [GAO, GHOST, DEPLOYER, CONTROLLER, HE, WANG, FENG];
/// Those of them who are stopped: people whom nothing excepts, and the program that is named.
const STOPPED: [Who; 5] = [GAO, GHOST, ROOT, DEPLOYER, FENG];

/// A freeze, as its step writes it.
pub fn freeze(name: &str) -> Value {
    json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze", "metadata": { "name": name }, "spec": {
        "mode": "attacked-open", "until": "2026-07-02T00:00:00Z", "mayAct": "the group platform and commander-wang",
        "automation": [DEPLOYER.name], "users": [WANG.name], "groups": ["platform"],
    } })
}

/// How the operator tries whether the freeze is in force in a namespace.
pub fn probe(space: &str) -> Ask {
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": FREEZE, "namespace": space },
        "eventTime": "2026-07-01T00:00:00.000000Z", "reason": "Probe", "action": "Probe", "type": "Normal",
        "reportingController": "pingzhan.dev/operator", "reportingInstance": "pingzhan-0",
        "regarding": { "kind": "Namespace", "namespace": space, "name": space },
    });
    let path = format!("/apis/events.k8s.io/v1/namespaces/{space}/events");
    Ask::with("POST", path, event).dry()
}

/// Rights to ConfigMaps of the frozen namespace, of those who work there.
pub fn rights() -> Vec<Value> {
    let group = "rbac.authorization.k8s.io";
    let (of, name) = (format!("{group}/v1"), "attack-works");
    let maps = json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] });
    let role = json!({ "apiVersion": of, "kind": "ClusterRole", "metadata": { "name": name },
        "rules": [maps] });
    let subjects: Vec<Value> = WORKERS.iter().map(Who::subject).collect();
    let binding = json!({ "apiVersion": of, "kind": "RoleBinding",
        "metadata": { "name": name, "namespace": "default" },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": name }, "subjects": subjects });
    vec![role, binding]
}

impl Cases<'_> {
    /// Everything is sent to take effect: a dry run changes nothing, and is let through.
    pub fn stopped(&mut self) {
        let maps = format!("{FROZEN}/configmaps");
        let held = |what: &str| Refusal::Policy(FREEZE_POLICY, leaked(format!("holds {what} of")));
        let plain =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "plain" } });
        let data = json!({ "data": { "a": "b" } });
        for who in STOPPED {
            for metadata in [
                json!({ "name": "attacked" }),
                json!({ "generateName": "attacked-" }),
            ] {
                let ask = Ask::with("POST", &maps, json!({ "metadata": metadata }));
                self.stored("made where it is frozen", &who, ask, held("create"));
            }
            for form in Form::ALL {
                let ask = change_at(&format!("{maps}/plain"), &plain, &data, form);
                self.stored("changed where it is frozen", &who, ask, held("update"));
            }
            for ask in [
                Ask::new("DELETE", format!("{maps}/plain")),
                Ask::new("DELETE", &maps),
            ] {
                self.stored("deleted where it is frozen", &who, ask, held("delete"));
            }
        }
        let label = json!({ "metadata": { "labels": { "a": "b" } } });
        let ask = change_at(FROZEN, &json!({}), &label, Form::Merge);
        self.stored("the frozen namespace itself", &ROOT, ask, held("update"));
        let ask = probe("default");
        self.stored("the probe", &OPERATOR_ITSELF, ask, held("create"));
    }

    /// A record that is marked for a policy is refused, whoever sends it.
    pub fn probed(&mut self) {
        for policy in needed() {
            let refused = Refusal::Policy(policy, "refused as it should be");
            let ask = marked(policy);
            self.stored("the probe", &OPERATOR_ITSELF, ask.clone(), refused);
            let only = Refusal::Policy(ONLY, "only the operator writes changerecords");
            let ask = Ask {
                query: String::new(),
                ..ask
            };
            self.case(
                "a record that calls itself a probe",
                &MALLORY,
                ask,
                vec![refused, only],
            );
        }
    }

    /// As it is, and not as a dry run.
    fn stored(&mut self, what: &str, who: &Who, ask: Ask, refused: Refusal) {
        let (what, refused) = (what.to_owned(), vec![refused]);
        self.attacks.push(Case {
            what,
            who: *who,
            ask,
            refused,
        });
    }
}

fn leaked(text: String) -> &'static str {
    text.leak()
}

/// What the freeze must leave alone: those whom it excepts, programs that it does not name, other
/// namespaces, dry runs.
pub async fn spared(world: &mut World) {
    let made = |space: &str, name: &str| {
        let body = json!({ "metadata": { "name": name } });
        Ask::with("POST", format!("{space}/configmaps"), body)
    };
    for (at, who) in [HE, WANG, CONTROLLER, ACCOUNT].iter().enumerate() {
        let name = format!("spared-{at}");
        world.act(who, made(FROZEN, &name)).await;
        let ask = Ask::new("DELETE", format!("{FROZEN}/configmaps/{name}"));
        world.act(&CONTROLLER, ask).await;
    }
    world.act(&ROOT, made(ACCOUNTS, "elsewhere")).await;
    let ask = Ask::new("DELETE", format!("{ACCOUNTS}/configmaps/elsewhere"));
    world.act(&ROOT, ask).await;
    for who in STOPPED {
        let answer = send(&world.admin, Some(&who), &made(FROZEN, "tried").dry()).await;
        assert!(answer.is_taken(), "{}: {}", who.name, answer.message());
        world.done += 1;
    }
    // Who may restore offline lifts what stops them, and a namespace that ends takes its own along.
    for (who, list) in [(FENG, FREEZES.to_owned()), (ENDER, world.ending_freezes())] {
        let ask = Ask::new("DELETE", format!("{list}/{FREEZE}"));
        world.act(&who, ask).await;
    }
}
