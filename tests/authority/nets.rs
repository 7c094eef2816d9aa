//! Rules that stand behind others: that each rule is met by some attack, and that those which the schema
//! comes before hold by themselves where somebody has weakened the CRD.

use std::collections::BTreeSet;

use kube::Client;
use pingzhan::policies::{self, Names};
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::people::MASTERS;
use pingzhan::sandtable::service::Service;
use serde_json::{Value, json};

use super::acts::{Act, GUARD, LISTS, ONLY, RIGHTS, acting, change, change_at, plan_of};
use super::ask::{Answer, Ask, Form, MERGE, Refusal, send};
use super::attacks::Case;
use super::people::{INSIDER, OPERATOR_ITSELF, Rights, WANG, Who, ZHOU};
use super::world::{MODES, OPEN, PLAYBOOKS, RECORDS, World, declaration, playbook, record};

/// Rules that no attack on what is shipped gets to, and why.
const BEHIND: [(&str, &str); 7] = [
    ("you have no name", "tried below, by people of their own"),
    (
        "spec.requestedAs is empty",
        "tried below, by people of their own",
    ),
    (
        "abort and breakGlass are set once",
        "the schema says so first",
    ),
    ("posture goes from Wartime", "the schema says so first"),
    (
        "status is written by the operator only",
        "the status subresource sees to it",
    ),
    (
        "a record of the journal is never changed",
        "the schema says so first",
    ),
    (
        "labels, annotations, finalizers and owners are not changed",
        "of custom resources the server hears nothing but status there",
    ),
];
/// Rules about what the sand table does not serve.
const UNSERVED: [&str; 3] = [
    "nobody gets a token",
    "nobody goes into pods",
    "the API server itself serves",
];
/// Resources that the sand table does not serve.
const UNSERVED_PARTS: [&str; 5] = [
    "apiservices",
    "serviceaccounts/token",
    "pods/exec",
    "pods/attach",
    "pods/ephemeralcontainers",
];
/// Policies that list what they are about by name.
const LISTING: [&str; 2] = [GUARD, ONLY];
/// Policies that are not asked about authority, or that only warn.
const OTHERS: [&str; 2] = ["pingzhan-emergencymode-advice", "pingzhan-new-targets"];

/// What a rule says, as far as it is always the same.
fn words(rule: &Value) -> String {
    let made = rule["messageExpression"].as_str();
    let Some(made) = made else {
        return rule["message"].as_str().expect("a message").to_owned();
    };
    let parts = made.split('\'').skip(1).step_by(2);
    let longest = parts.max_by_key(|part| part.len()).expect("a text");
    longest.trim_end_matches('\\').to_owned()
}

/// Rules that none of these answers is by.
pub fn unmet(answers: &BTreeSet<String>, connects: bool) -> Vec<String> {
    let mut unmet = Vec::new();
    for policy in policies::all(&Names::default()) {
        if OTHERS.contains(&policy.name) {
            continue;
        }
        let objects = policy.objects().expect("YAML");
        for rule in objects[0]["spec"]["validations"].as_array().expect("rules") {
            let words = words(rule);
            let said = rule["message"].as_str().unwrap_or_default();
            let behind = BEHIND.iter().any(|(begin, _)| said.starts_with(begin));
            let unserved = !connects && UNSERVED.iter().any(|begin| said.starts_with(begin));
            let met = answers.iter().any(|answer| answer.contains(words.trim()));
            if !met && !behind && !unserved {
                unmet.push(format!("{}: {words}", policy.name));
            }
        }
    }
    unmet
}

/// Requests that a policy is there for, and that no attack which it refused was: what is done, and to what.
pub fn untried(attacks: &[Case], answers: &[Answer], connects: bool) -> Vec<String> {
    let mut untried = Vec::new();
    for policy in policies::all(&Names::default()) {
        if !LISTING.contains(&policy.name) {
            continue;
        }
        let by = Refusal::Policy(policy.name, "");
        let refused = attacks.iter().zip(answers);
        let refused = refused.filter(|(_, answer)| answer.is(by));
        let tried: BTreeSet<String> = refused.map(|(case, _)| asked(&case.ask)).collect();
        let objects = policy.objects().expect("YAML");
        let rules = &objects[0]["spec"]["matchConstraints"]["resourceRules"];
        for request in rules.as_array().expect("rules").iter().flat_map(listed) {
            let mut unserved = UNSERVED_PARTS.iter();
            let unserved = !connects && unserved.any(|part| request.ends_with(part));
            if !tried.contains(&request) && !unserved {
                untried.push(format!("{}: {request}", policy.name));
            }
        }
    }
    untried
}

/// What a rule is about: each operation on each resource. What is deleted one by one is deleted all at once,
/// too, but namespaces.
fn listed(rule: &Value) -> Vec<String> {
    let resources = texts(&rule["resources"]).flat_map(|one| match one {
        "*/status" => vec!["emergencymodes/status", "playbooks/status"],
        // No kind of ours has one: whoever tries is answered so.
        "*/scale" => Vec::new(),
        named => vec![named],
    });
    let mut all = Vec::new();
    for resource in resources {
        for operation in texts(&rule["operations"]) {
            // A status is neither made nor deleted.
            if resource.ends_with("/status") && operation != "UPDATE" {
                continue;
            }
            if operation == "DELETE" && resource != "namespaces" {
                all.push(format!("DELETE all {resource}"));
            }
            all.push(format!("{operation} {resource}"));
        }
    }
    all
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(Value::as_str)
}

/// What a request does, in the words of [`listed`]. An apply counts as a change.
fn asked(ask: &Ask) -> String {
    let parts: Vec<&str> = ask.path.trim_start_matches('/').split('/').collect();
    // `api/VERSION`, or `apis/GROUP/VERSION`.
    let place = &parts[if parts[0] == "api" { 2 } else { 3 }..];
    let place = match place {
        ["namespaces", _, within @ ..] if !within.is_empty() => within,
        whole => whole,
    };
    let resource = match place {
        [resource, _, part, ..] => format!("{resource}/{part}"),
        _ => place[0].to_owned(),
    };
    let operation = match ask.method {
        "POST" if ["pods/exec", "pods/attach"].contains(&resource.as_str()) => "CONNECT",
        "POST" => "CREATE",
        "PUT" | "PATCH" => "UPDATE",
        "DELETE" if place.len() == 1 => "DELETE all",
        other => other,
    };
    format!("{operation} {resource}")
}

/// Somebody with every right on a kind may take the rules out of it: the operator finds that, and until
/// it does the policies have to hold alone.
#[tokio::test]
async fn what_the_schema_refuses_is_refused_where_the_schema_was_weakened() {
    let clock = Clock::machine();
    let server = super::sand_table(clock.now(), |kind| {
        let version = &mut kind["spec"]["versions"][0];
        let spec = version.pointer_mut("/schema/openAPIV3Schema/properties/spec");
        let spec = spec.and_then(Value::as_object_mut).expect("a schema");
        spec.remove("x-kubernetes-validations");
        version
            .as_object_mut()
            .expect("a version")
            .remove("subresources");
    });
    let service = Service::new(server, move || clock.now());
    let mut world = World::install(service.client(), false).await;
    let (mode, kept) = weak(&mut world).await;
    let another = Act::BreakGlass.said(INSIDER.name, "command", "");
    for (parts, words) in [
        (
            json!({ "status": { "phase": "Closed" } }),
            "status is written by the operator only",
        ),
        (
            json!({ "spec": { "posture": "Wartime" } }),
            "posture goes from Wartime",
        ),
        (json!({ "spec": { "breakGlass": another } }), "are set once"),
        (json!({ "spec": { "breakGlass": null } }), "are set once"),
        (
            json!({ "spec": { "nature": "Exercise" } }),
            "spec is frozen",
        ),
    ] {
        refuses(
            &world,
            &INSIDER,
            (MODES, &mode),
            &parts,
            Refusal::Policy(RIGHTS, words),
        )
        .await;
    }
    let words = "a record of the journal is never changed";
    let refused = Refusal::Policy("pingzhan-operator-only", words);
    let epoch = json!({ "spec": { "epoch": 2 } });
    refuses(&world, &OPERATOR_ITSELF, (RECORDS, &kept), &epoch, refused).await;
}

/// A mode that was stood down after somebody acted without quorum, and a record.
async fn weak(world: &mut World) -> (Value, Value) {
    let path = format!("{MODES}/weak");
    let mode = declaration("weak", &ZHOU, json!({}));
    world.act(&ZHOU, Ask::with("POST", MODES, mode)).await;
    let glass = Act::BreakGlass.said(WANG.name, acting(Act::BreakGlass, &WANG), "");
    let glass = json!({ "spec": { "breakGlass": glass } });
    let down = json!({ "spec": { "posture": "Peacetime" } });
    for (who, change) in [(WANG, glass), (ZHOU, down)] {
        world
            .act(&who, Ask::with("PATCH", &path, change).media(MERGE))
            .await;
    }
    let record = Ask::with("POST", RECORDS, record("weak", 1));
    let kept = world.act(&OPERATOR_ITSELF, record).await;
    (world.read(&path).await, kept)
}

async fn refuses(
    world: &World,
    who: &Who,
    (list, object): (&str, &Value),
    parts: &Value,
    refused: Refusal,
) {
    let path = format!(
        "{list}/{}",
        object["metadata"]["name"].as_str().expect("a name")
    );
    for form in [Form::Merge, Form::Put] {
        let ask = change_at(&path, object, parts, form);
        let answer = send(&world.admin, Some(who), &ask).await;
        assert!(
            answer.is(refused),
            "{parts}: {} {}",
            answer.code,
            answer.message()
        );
    }
}

/// Who has come in by an identity that is none: by what name and in what group, and what they read.
const BLANK: [(&str, &str, &str); 6] = [
    (" ", "duty", NAMELESS),
    ("\u{3000}", "duty", NAMELESS),
    ("\u{a0} ", "duty", NAMELESS),
    ("system:anonymous", "duty", NAMELESS),
    (ZHOU.name, " ", "spec.requestedAs is empty"),
    (ZHOU.name, "\u{3000}", "spec.requestedAs is empty"),
];
const NAMELESS: &str = "you have no name";

/// An identity that is empty is nobody: who has come in by one must not act, also where a playbook lists
/// such a group.
///
/// A header carries no blanks at the ends of a name: on a real server these people come by certificates.
/// `of` is somebody of this name in this group, whom roles let do everything.
pub async fn nobody(world: &World, of: impl AsyncFn(&str, &str) -> Client) {
    let mut lists = playbook("blank", "flood");
    lists["spec"]["authority"]["requesterGroups"] = json!(["duty", " ", "\u{3000}"]);
    world.apply(&format!("{PLAYBOOKS}/blank"), lists).await;
    for (name, group, words) in BLANK {
        let client = of(name, group).await;
        let more = json!({ "playbookRef": { "name": "blank" }, "requestedBy": name, "requestedAs": group });
        let ask = Ask::with("POST", MODES, declaration("empty", &ZHOU, more));
        tried(&client, None, &ask, &[Refusal::Policy(RIGHTS, words)]).await;
        if words == NAMELESS {
            let pause = change(&world.modes[OPEN], &json!({ "paused": true }), Form::Merge);
            tried(&client, None, &pause, &[Refusal::Policy(RIGHTS, words)]).await;
        }
        let said = Act::Approve.said(name, group, &plan_of(OPEN));
        let fields = Act::Approve.written(&world.modes[OPEN], &said, (name, group));
        let approve = change(&world.modes[OPEN], &fields, Form::Merge);
        tried(
            &client,
            None,
            &approve,
            &[RIGHTS, LISTS].map(|policy| Refusal::Policy(policy, "")),
        )
        .await;
    }
    unnamed(world).await;
}

/// By headers: an empty name is no impersonation, so that the request is the impersonator's own, and
/// stands for nobody else; with groups it makes no sense. An empty group is none of anybody's.
async fn unnamed(world: &World) {
    let who = |name: &'static str, groups: &'static [&'static str]| Who {
        name,
        groups,
        rights: Rights::None,
    };
    let declared = |group: &str| {
        let more = json!({ "requestedAs": group });
        Ask::with("POST", MODES, declaration("empty", &ZHOU, more))
    };
    let own = Refusal::Policy(RIGHTS, "a mode is declared in nobody else");
    tried(&world.admin, Some(&who("", &[])), &declared("duty"), &[own]).await;
    let in_no_group = who(ZHOU.name, &["", MASTERS]);
    let other = Refusal::Policy(RIGHTS, "spec.requestedAs must be one of the groups");
    for (group, refused) in [("duty", other), ("", Refusal::Schema)] {
        let ask = declared(group);
        tried(&world.admin, Some(&in_no_group), &ask, &[refused]).await;
    }
    let answer = send(&world.admin, Some(&who("", &["duty"])), &declared("duty")).await;
    let says = "without impersonating a user name";
    let is = answer.code == 400 && answer.message().contains(says);
    assert!(is, "{} {}", answer.code, answer.message());
}

async fn tried(client: &Client, who: Option<&Who>, ask: &Ask, refused: &[Refusal]) {
    let answer = send(client, who, ask).await;
    assert!(
        refused.iter().any(|refusal| answer.is(*refusal)),
        "{ask:?}, expected {refused:?}: {} {}",
        answer.code,
        answer.message()
    );
}

/// Whoever comes without any name at all, which no real server lets them.
#[tokio::test]
async fn nobody_acts_without_a_name() {
    let clock = Clock::machine();
    let server = super::sand_table(clock.now(), |_| ());
    let service = Service::new(server, move || clock.now());
    let world = World::install(service.client(), false).await;
    let client = service.of(super::member("", "duty")).client();
    let ask = Ask::with("POST", MODES, declaration("empty", &ZHOU, json!({})));
    let refused = Refusal::Policy(RIGHTS, "must be , the authenticated user");
    tried(&client, None, &ask, &[refused]).await;
    drop(world);
}
