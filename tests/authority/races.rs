//! What people do at the same moment.

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::acts::RIGHTS;
use super::ask::{Answer, Ask, JSON_PATCH, MERGE, Refusal, send};
use super::people::{INSIDER, OPERATOR_ITSELF, Rights, VERBS, Who, ZHOU};
use super::world::{MODES, World, declaration, hash};

/// Twelve approvers.
pub const CHIEFS: [&str; 12] = [
    "chief-1", "chief-2", "chief-3", "chief-4", "chief-5", "chief-6", "chief-7", "chief-8",
    "chief-9", "chief-10", "chief-11", "chief-12",
];
/// How often the plan changes under an approver's hands: as often as a list has room for.
const ROUNDS: usize = 30;
/// How often somebody tries again what met a change of somebody else's.
const TRIES: usize = 40;

pub fn chief(name: &'static str) -> Who {
    Who {
        name,
        groups: &["chiefs"],
        rights: Rights::Verbs(&VERBS),
    }
}

async fn declare(world: &mut World, name: &str, plan: &str) {
    let ask = Ask::with("POST", MODES, declaration(name, &ZHOU, json!({})));
    let declared = send(&world.admin, Some(&ZHOU), &ask).await;
    assert!(declared.is_taken(), "{}", declared.message());
    let plan = json!({ "hash": plan, "changes": 1, "targets": 1, "amendments": 0 });
    world
        .status(name, json!({ "phase": "Pending", "plan": plan }))
        .await;
    world.done += 1;
}

/// Appends an approval without looking what is there: the first one makes the list.
fn approval(name: &str, who: &Who, plan: &str, is_first: bool) -> Ask {
    let item = json!({ "by": who.name, "as": "chiefs", "planHash": plan });
    let operation = if is_first {
        json!([{ "op": "test", "path": "/spec/approvals", "value": null },
            { "op": "add", "path": "/spec/approvals", "value": [item] }])
    } else {
        json!([{ "op": "add", "path": "/spec/approvals/-", "value": item }])
    };
    Ask::with("PATCH", format!("{MODES}/{name}"), operation).media(JSON_PATCH)
}

/// Twelve people approve at the same moment: everybody's word is kept, and nobody's twice.
pub async fn crowd(world: &mut World) {
    let (name, plan) = ("attacked-crowd", hash('a'));
    declare(world, name, &plan).await;
    let first = json!({ "spec": { "approvals": [{ "by": INSIDER.name, "as": "chiefs", "planHash": plan }] } });
    let ask = Ask::with("PATCH", format!("{MODES}/{name}"), first).media(MERGE);
    assert!(send(&world.admin, Some(&INSIDER), &ask).await.is_taken());
    let admin = &world.admin;
    let all = futures::stream::iter(CHIEFS).map(|who| {
        let plan = &plan;
        async move {
            let who = chief(who);
            for _ in 0..TRIES {
                let answer = send(admin, Some(&who), &approval(name, &who, plan, false)).await;
                if answer.code != 409 {
                    assert!(answer.is_taken(), "{}: {}", who.name, answer.message());
                    return;
                }
            }
            panic!("{} does not get through", who.name);
        }
    });
    all.buffer_unordered(CHIEFS.len())
        .collect::<Vec<()>>()
        .await;
    let mode = world.read(&format!("{MODES}/{name}")).await;
    let approvals = mode["spec"]["approvals"].as_array().expect("approvals");
    let mut by: Vec<&str> = approvals
        .iter()
        .filter_map(|one| one["by"].as_str())
        .collect();
    by.sort_unstable();
    let mut wanted: Vec<&str> = CHIEFS.into_iter().chain([INSIDER.name]).collect();
    wanted.sort_unstable();
    assert_eq!(by, wanted);
    world.done += CHIEFS.len() + 1;
}

fn version(answer: &Answer) -> u64 {
    let version = answer.body["metadata"]["resourceVersion"].as_str();
    version
        .and_then(|version| version.parse().ok())
        .expect("a version")
}

/// The plan changes while somebody approves it: no approval of the old one is taken after that. Says
/// how many came too late.
pub async fn changing_plan(world: &mut World) -> usize {
    let name = "attacked-changing";
    let letters: Vec<char> = ('0'..='9').chain('a'..='f').collect();
    let plan = |round: usize| hash(letters[round % letters.len()]);
    declare(world, name, &plan(0)).await;
    let (mut late, mut taken) = (0, 0);
    for round in 0..ROUNDS {
        let next = json!({ "status": { "plan": { "hash": plan(round + 1) } } });
        let next = Ask::with("PATCH", format!("{MODES}/{name}/status"), next).media(MERGE);
        let next = next.query("fieldManager=pingzhan-operator");
        let who = chief(CHIEFS[round % CHIEFS.len()]);
        let approve = approval(name, &who, &plan(round), taken == 0);
        // Both at once; every other time the approval comes a little later.
        let (changed, approved) = if round % 2 == 0 {
            tokio::join!(
                send(&world.admin, Some(&OPERATOR_ITSELF), &next),
                send(&world.admin, Some(&who), &approve),
            )
        } else {
            let changed = send(&world.admin, Some(&OPERATOR_ITSELF), &next).await;
            (changed, send(&world.admin, Some(&who), &approve).await)
        };
        assert!(changed.is_taken(), "{}", changed.message());
        if approved.is_taken() {
            assert!(
                version(&approved) < version(&changed),
                "round {round}: approved after the change"
            );
            taken += 1;
        } else {
            let refused = Refusal::Policy(RIGHTS, "approvals[].planHash must be");
            assert!(
                approved.is(refused) || approved.code == 409,
                "{}",
                approved.message()
            );
            late += usize::from(approved.is(refused));
        }
    }
    let mode = world.read(&format!("{MODES}/{name}")).await;
    let stored = mode["spec"]["approvals"].as_array().map_or(0, Vec::len);
    assert_eq!(
        stored,
        taken,
        "what was refused is not there: {}",
        Value::from(stored)
    );
    assert!(late >= ROUNDS / 2, "{late} of {ROUNDS} came too late");
    world.done += ROUNDS + taken;
    late
}
