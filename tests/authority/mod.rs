//! Nobody acts without authority, and the API server says so first: generated requests of people who
//! may not, of programs and of impostors, against everything that is guarded, by every form in which a
//! change can be sent. Each must be refused, by the policy that is there for it and in its words, and
//! nothing may have changed afterwards. The same table is played on a real API server and on the sand
//! table.
//!
//! `PINGZHAN_AUTHORITY_SEED` plays another seed than the usual one.

mod acts;
mod ask;
mod attacks;
mod declared;
mod example;
mod frozen;
mod limits;
mod nets;
mod people;
mod races;
pub mod world;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::Client;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::people::{MASTERS, User};
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::{load, schema};
use serde_json::{Value, json};

use self::acts::change;
use self::ask::{Answer, Ask, Form, Refusal, send};
use self::attacks::{Case, Cases};
use self::people::{DEPLOYER, Who, ZHOU};
use self::world::{MODES, OPEN, World, declaration};
use crate::support;

/// What is played where nothing else is asked for.
const SEED: u64 = 7;
/// Requests at once.
const AT_ONCE: usize = 16;
/// How many attacks, and how many acts of those who may, are the least.
const ATTACKS: usize = 1_000;
const ALLOWED: usize = 100;

fn seed() -> u64 {
    let said = support::variable("PINGZHAN_AUTHORITY_SEED");
    said.map_or(SEED, |said| {
        said.to_str()
            .and_then(|said| said.parse().ok())
            .expect("a seed is a number")
    })
}

/// Sends requests, some at once; gives the answers in the order of the cases.
async fn play(client: &Client, cases: &[Case]) -> Vec<Answer> {
    let sent = cases
        .iter()
        .map(|case| send(client, Some(&case.who), &case.ask));
    futures::stream::iter(sent)
        .buffered(AT_ONCE)
        .collect()
        .await
}

fn told(case: &Case, answer: &Answer) -> String {
    let Case {
        what,
        who,
        ask,
        refused,
    } = case;
    format!(
        "{}: {what}\n    {} {}?{}\n    expected {refused:?}\n    answered {} {}",
        who.name,
        ask.method,
        ask.path,
        ask.query,
        answer.code,
        answer.message()
    )
}

/// What is unwise is let through, and said to whoever does it.
async fn advised(world: &World) {
    let declared = |who: &Who, metadata: Value| {
        let mut mode = declaration("attacked-advice", who, json!({ "requestedAs": "duty" }));
        let metadata = metadata.as_object().expect("metadata").clone();
        mode["metadata"]
            .as_object_mut()
            .expect("metadata")
            .extend(metadata);
        Ask::with("POST", MODES, mode).dry()
    };
    let git = json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": "emergencies" } });
    let argo = json!({ "annotations": { "argocd.argoproj.io/tracking-id": "emergencies" } });
    let renew =
        json!({ "expiresAfter": "30h", "requestedBy": DEPLOYER.name, "requestedAs": "duty" });
    let renew = change(&world.modes[OPEN], &renew, Form::Merge).dry();
    for (who, ask, said) in [
        (ZHOU, declared(&ZHOU, json!({})), None),
        (ZHOU, declared(&ZHOU, git), Some("has marks of GitOps")),
        (ZHOU, declared(&ZHOU, argo), Some("has marks of GitOps")),
        (
            DEPLOYER,
            declared(&DEPLOYER, json!({})),
            Some("the requester is a service account"),
        ),
        (DEPLOYER, renew, Some("the requester is a service account")),
    ] {
        let answer = send(&world.admin, Some(&who), &ask).await;
        assert!(answer.is_taken(), "{}", answer.message());
        let warned = answer.warnings.contains("pingzhan-emergencymode-advice");
        assert_eq!(warned, said.is_some(), "{}", answer.warnings);
        assert!(
            said.is_none_or(|said| answer.warnings.contains(said)),
            "{}",
            answer.warnings
        );
    }
}

/// Plays everything; whoever calls cleans up.
async fn attack(world: &mut World, server: &str) {
    let seed = seed();
    let began = tokio::time::Instant::now();
    let limited = limits::kept(world).await;
    let cases = Cases::of(world, seed);
    let (attacks, allowed) = (cases.attacks, cases.allowed);
    let before = world.everything().await;
    let answers = play(&world.admin, &attacks).await;
    let mut wrong = Vec::new();
    let mut by: BTreeMap<String, usize> = BTreeMap::new();
    for (case, answer) in attacks.iter().zip(&answers) {
        let found = case.refused.iter().find(|refusal| answer.is(**refusal));
        match found {
            Some(Refusal::Policy(policy, _)) => *by.entry((*policy).to_owned()).or_default() += 1,
            Some(other) => *by.entry(format!("{other:?}")).or_default() += 1,
            None => wrong.push(told(case, answer)),
        }
    }
    let said = answers.iter().map(|answer| answer.message().to_owned());
    let mut unmet = nets::unmet(&said.chain(limited).collect(), world.connects);
    unmet.extend(nets::untried(&attacks, &answers, world.connects));
    let answers = play(&world.admin, &allowed).await;
    for (case, answer) in allowed.iter().zip(&answers) {
        if !answer.is_taken() {
            wrong.push(told(case, answer));
        }
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(
        unmet.is_empty(),
        "no attack is refused by these rules, or is one of these requests: {unmet:#?}"
    );
    let after = world.everything().await;
    let keys = before.keys().chain(after.keys());
    let changed: Vec<&String> = keys
        .filter(|key| before.get(*key) != after.get(*key))
        .collect();
    assert!(
        changed.is_empty(),
        "seed {seed}: these were changed: {changed:?}"
    );
    advised(world).await;
    frozen::spared(world).await;
    races::crowd(world).await;
    let late = races::changing_plan(world).await;
    let (attacks, allowed) = (attacks.len() + late, allowed.len() + world.done);
    println!(
        "{server}, seed {seed}: {attacks} attacks refused ({by:?}; {late} approvals of a plan that had changed), \
         {allowed} acts of those who may let through, in {:?}",
        began.elapsed()
    );
    assert!(attacks >= ATTACKS && allowed >= ALLOWED, "too few");
}

/// A policy that lets one of these through is a hole that nobody sees before it is used; one that
/// refuses what people may do stands in their way in an emergency.
#[tokio::test]
async fn a_real_api_server_refuses_every_act_without_authority() {
    let plane = support::cluster().await;
    let mut world = World::prepare(plane.client.clone(), true).await;
    let played = async {
        attack(&mut world, "real API server").await;
        let of = async |name: &str, group: &str| plane.client_as(name, &[group, MASTERS]).await;
        nets::nobody(&world, of).await;
    };
    let played = AssertUnwindSafe(played).catch_unwind().await;
    world.leave().await;
    if let Err(failed) = played {
        std::panic::resume_unwind(failed);
    }
}

/// A sand table with our kinds, after something was done to them, and the operator's rights.
fn sand_table(now: Timestamp, change: impl Fn(&mut Value)) -> Server {
    let mut server = Server::new(schema::builtin(), 7, now);
    let mut load = |text: &str| {
        let loaded = load::manifests(&mut server, text, now);
        loaded.expect("it is accepted");
    };
    for mut kind in world::kinds() {
        change(&mut kind);
        load(&kind.to_string());
    }
    for manifest in ["namespaces", "rbac"] {
        let path = support::repository().join(format!("manifests/{manifest}.yaml"));
        load(&std::fs::read_to_string(path).expect("it is generated"));
    }
    let default =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "default" } });
    load(&default.to_string());
    server
}

/// A rehearsal in which people may do what they may not on the cluster, or may not do what they may,
/// rehearses something else.
#[tokio::test]
async fn the_sand_table_refuses_every_act_without_authority() {
    let clock = Clock::machine();
    let server = sand_table(clock.now(), |_| ());
    let service = Service::new(server, move || clock.now());
    let mut world = World::prepare(service.client(), false).await;
    attack(&mut world, "sand table").await;
    let of = async |name: &str, group: &str| service.of(member(name, group)).client();
    nets::nobody(&world, of).await;
}

/// Somebody who has come in by this name, in this group, and whom roles let do everything.
fn member(name: &str, group: &str) -> User {
    User {
        name: name.to_owned(),
        groups: vec![group.to_owned(), MASTERS.to_owned()],
        ..User::default()
    }
}
