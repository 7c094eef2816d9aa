//! The roles for people that are shipped as an example give what the reference page says, and no more.

use pingzhan::run::clock::Clock;
use pingzhan::sandtable::load;
use pingzhan::sandtable::service::Service;
use serde_json::{Value, json};

use super::acts::{ACTS, Act, change};
use super::ask::{Ask, Form, MERGE, send};
use super::frozen::{FREEZES, freeze};
use super::people::{OPERATOR_ITSELF, Rights, Who};
use super::world::{LEASES, MODES, PLAYBOOKS, RECORDS, World, declaration, hash, playbook, record};
use crate::support;

const fn member(name: &'static str, group: &'static [&'static str]) -> Who {
    Who {
        name,
        groups: group,
        rights: Rights::None,
    }
}

const REQUESTER: Who = member("zhou", &["emergency-duty"]);
const APPROVER: Who = member("lin", &["emergency-approvers"]);
const COMMANDER: Who = member("wang", &["emergency-command"]);
const ENGINEER: Who = member("he", &["platform"]);
const LEAD: Who = member("rao", &["platform-leads"]);
const AUDITOR: Who = member("tao", &["auditors"]);

/// What each may do, as the reference page has it.
const MAY: [(Who, &[Act]); 6] = [
    (
        REQUESTER,
        &[
            Act::StandDown,
            Act::Pause,
            Act::Abort,
            Act::Level,
            Act::Renew,
        ],
    ),
    (
        APPROVER,
        &[
            Act::Approve,
            Act::StandDown,
            Act::Pause,
            Act::Abort,
            Act::Review,
            Act::Abandon,
            Act::Verdict,
        ],
    ),
    (
        COMMANDER,
        &[
            Act::StandDown,
            Act::Pause,
            Act::Abort,
            Act::Answer,
            Act::Skip,
            Act::Verdict,
            Act::BreakGlass,
            Act::Abandon,
        ],
    ),
    (ENGINEER, &[Act::Verdict]),
    (LEAD, &[]),
    (AUDITOR, &[]),
];

/// A playbook that names the groups of the example.
fn flood() -> Value {
    let mut playbook = playbook("flood-response", "flood");
    playbook["spec"]["authority"] = json!({ "requesterGroups": ["emergency-duty"],
        "approverGroups": ["emergency-approvers"], "breakGlassGroups": ["emergency-command"] });
    playbook["spec"]["stages"][0]["steps"][0]["gate"]["groups"] = json!(["emergency-command"]);
    playbook
}

async fn is_taken(world: &World, who: &Who, ask: Ask) -> (bool, String) {
    let answer = send(&world.admin, Some(who), &ask.dry()).await;
    assert!(
        answer.is_taken() || answer.code == 403,
        "{}",
        answer.message()
    );
    (answer.is_taken(), answer.message().to_owned())
}

/// Who copies the example must find that people can do their part in an emergency, and nobody else's.
#[tokio::test]
async fn the_example_roles_give_what_the_reference_says() {
    let clock = Clock::machine();
    let now = clock.now();
    let mut server = super::sand_table(now, |_| ());
    let path = support::repository().join("manifests/people.example.yaml");
    let example = std::fs::read_to_string(path).expect("it is generated");
    load::manifests(&mut server, &example, now).expect("it is accepted");
    let service = Service::new(server, move || clock.now());
    let mut world = World::install(service.client(), false).await;
    stage(&mut world).await;
    for (who, may) in MAY {
        acts(&world, &who, may).await;
        beside(&world, &who).await;
    }
}

/// Two modes, one of them without quorum, and a record.
async fn stage(world: &mut World) {
    world
        .act(&ENGINEER, Ask::with("POST", PLAYBOOKS, flood()))
        .await;
    for name in ["open", "glass"] {
        let mode = declaration(name, &REQUESTER, of_flood());
        world.act(&REQUESTER, Ask::with("POST", MODES, mode)).await;
        let plan = json!({ "hash": hash('a'), "changes": 1, "targets": 1, "amendments": 0 });
        let status = json!({ "phase": "Active", "plan": plan });
        world.status(name, status).await;
    }
    let glass = Act::BreakGlass.said(COMMANDER.name, COMMANDER.group(), "");
    let glass = json!({ "spec": { "breakGlass": glass } });
    let glass = Ask::with("PATCH", format!("{MODES}/glass"), glass).media(MERGE);
    world.act(&COMMANDER, glass).await;
    let record = Ask::with("POST", RECORDS, record("open", 1));
    world.act(&OPERATOR_ITSELF, record).await;
}

fn of_flood() -> Value {
    json!({ "playbookRef": { "name": "flood-response" } })
}

/// What somebody may do with modes.
async fn acts(world: &World, who: &Who, may: &[Act]) {
    let declared = Ask::with("POST", MODES, declaration("new", who, of_flood()));
    let (taken, message) = is_taken(world, who, declared).await;
    assert_eq!(taken, *who == REQUESTER, "{} declares: {message}", who.name);
    for act in ACTS {
        let mode = if act == Act::Review { "glass" } else { "open" };
        let mode = world.read(&format!("{MODES}/{mode}")).await;
        let said = act.said(who.name, who.group(), &hash('a'));
        let fields = act.written(&mode, &said, (who.name, who.group()));
        let ask = change(&mode, &fields, Form::Merge);
        let (taken, message) = is_taken(world, who, ask).await;
        assert_eq!(taken, may.contains(&act), "{} {act:?}: {message}", who.name);
    }
}

/// What somebody may do beside modes.
async fn beside(world: &World, who: &Who) {
    let closed = json!({ "status": { "phase": "Closed" } });
    let closed = Ask::with("PATCH", format!("{MODES}/open/status"), closed).media(MERGE);
    let lease = json!({ "metadata": { "name": "pingzhan-operator" } });
    let owner = json!({ "spec": { "owner": "another" } });
    let owner = Ask::with("PATCH", format!("{PLAYBOOKS}/flood-response"), owner).media(MERGE);
    for (ask, whose) in [
        (Ask::with("POST", RECORDS, record("open", 2)), LEAD),
        (Ask::with("POST", FREEZES, freeze("new")), LEAD),
        (closed, LEAD),
        (Ask::with("POST", LEASES, lease), LEAD),
        (owner, ENGINEER),
    ] {
        let path = ask.path.clone();
        let (taken, message) = is_taken(world, who, ask).await;
        assert_eq!(taken, *who == whose, "{} {path}: {message}", who.name);
    }
}
