//! The story: declare, approve, switch, a freeze, a rival, an engineer, stand down, exact return. Every act
//! says what it shows, and none goes on before the cluster shows it.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use pingzhan::api::{EmergencyModeStatus, Phase, StageState, TargetStatus};
use pingzhan::t;
use serde_json::json;
use snafu::{OptionExt, ensure};

use super::people::{People, Person};
use super::played::PLAYED;
use super::teller::{self, Teller};
use super::whole::{self, Objects, Verdict};
use super::{Error, UnexpectedSnafu, mode, owners, refused, watch};
use crate::fleet::City;
use crate::surroundings::Stopwatch;

/// How many acts there are.
pub const ACTS: usize = 9;

/// What people need grows: 4 in peacetime, 250 % of it in wartime. Where people are frozen out, it is there.
const GROWN: (&str, &str, i32, i32) = ("hotline", "hotline-web", 4, 10);
/// Where the rival puts the peacetime value back: 4 in peacetime, 30 % of it in wartime.
const CONTESTED: (&str, &str, i32, i32) = ("housing-fund", "fund-web", 4, 2);
/// Where an engineer sets a third value: 2 in wartime.
const EDITED: (&str, &str, i32, i32) = ("education", "examination-marks", 3, 2);

/// What the acts share.
pub struct Stage<'a> {
    /// Sees everything.
    pub admin: &'a Client,
    /// What it is played on.
    pub city: &'a City,
    /// Who acts.
    pub people: &'a People,
    /// Who tells it.
    pub teller: Teller,
}

/// Plays everything after the city is there. Returns how whole objects compare.
pub async fn play(stage: &Stage<'_>, before: &Objects) -> Result<Verdict, Error> {
    let plan_hash = declare(stage).await?;
    approve(stage, &plan_hash).await?;
    switch(stage).await?;
    rival(stage).await?;
    engineer(stage).await?;
    stand_down(stage).await?;
    let verdict = compare(stage, before).await?;
    if verdict.differences.is_empty() {
        owners::play(stage).await?;
    }
    Ok(verdict)
}

async fn declare(stage: &Stage<'_>) -> Result<String, Error> {
    let (teller, zhou) = (stage.teller, &stage.people.zhou);
    let lang = teller.lang;
    teller::act(2, ACTS, &t!(lang, "demo-declare"));
    mode::declare(zhou, &t!(lang, "demo-reason")).await?;
    teller::say(&t!(
        lang,
        "demo-declared",
        who = zhou.name,
        group = zhou.group
    ));
    let planned = |status: &EmergencyModeStatus| status.plan.is_some();
    let status = watch::mode(&zhou.client, mode::NAME, "planned", |_| {}, planned).await?;
    let plan = status.plan.unwrap_or_default();
    teller::say(&t!(
        lang,
        "demo-planned",
        changes = plan.changes,
        targets = plan.targets,
        hash = short(&plan.hash)
    ));
    if let Some(waiting) = status.waiting_on {
        teller::say(&t!(lang, "demo-waiting", sentence = waiting));
    }
    Ok(plan.hash)
}

async fn approve(stage: &Stage<'_>, hash: &str) -> Result<(), Error> {
    let (teller, people) = (stage.teller, stage.people);
    let lang = teller.lang;
    teller::act(3, ACTS, &t!(lang, "demo-approve"));
    let pending = |status: &EmergencyModeStatus| status.phase == Some(Phase::Pending);
    let own = mode::approve(&people.zhou, hash).await;
    if let Err(Error::Refused { why, .. }) = own {
        teller::say(&t!(
            lang,
            "demo-own-refused",
            who = people.zhou.name,
            why = why
        ));
    } else {
        own?;
        watch::mode(
            &people.zhou.client,
            mode::NAME,
            "still pending",
            |_| {},
            pending,
        )
        .await?;
        teller::say(&t!(lang, "demo-own-ignored", who = people.zhou.name));
    }
    mode::approve(&people.lin, hash).await?;
    let client = &people.lin.client;
    let status = watch::mode(client, mode::NAME, "still pending", |_| {}, pending).await?;
    teller::say(&t!(lang, "demo-approved", who = people.lin.name, n = 1));
    if let Some(waiting) = status.waiting_on {
        teller::say(&t!(lang, "demo-waiting", sentence = waiting));
    }
    mode::approve(&people.chen, hash).await?;
    teller::say(&t!(lang, "demo-approved", who = people.chen.name, n = 2));
    Ok(())
}

async fn switch(stage: &Stage<'_>) -> Result<(), Error> {
    let (teller, client) = (stage.teller, &stage.people.zhou.client);
    let lang = teller.lang;
    teller::act(4, ACTS, &t!(lang, "demo-switch"));
    let clock = Stopwatch::start();
    let api: Api<pingzhan::api::EmergencyMode> = Api::all(client.clone());
    let now = api
        .get(mode::NAME)
        .await
        .map_err(refused("a look at the mode"))?;
    let total = now
        .status
        .and_then(|status| status.plan)
        .unwrap_or_default()
        .changes;
    let mut bar = teller.bar(&t!(lang, "demo-switch-bar"), positive(total));
    let seen = |status: &EmergencyModeStatus| {
        let applied = status.counts.unwrap_or_default().applied;
        bar.at(positive(applied), &running(status));
    };
    let active = |status: &EmergencyModeStatus| status.phase == Some(Phase::Active);
    let status = watch::mode(client, mode::NAME, "active", seen, active).await?;
    bar.done();
    for part in &status.stages {
        teller::say(&t!(
            lang,
            "demo-stage",
            name = part.name.clone(),
            applied = part.applied,
            changes = part.changes
        ));
    }
    let failed: i64 = status.stages.iter().map(|part| part.failed).sum();
    ensure!(
        failed == 0,
        UnexpectedSnafu {
            what: format!("{failed} changes failed: {:?}", status.targets)
        }
    );
    let took = teller::short(clock.elapsed());
    teller::say(&t!(lang, "demo-active", took = took));
    let (namespace, name, base, wartime) = GROWN;
    watch::replicas(stage.admin, (namespace, name), wartime, 0).await?;
    teller::say(&t!(
        lang,
        "demo-example",
        object = format!("{namespace}/{name}"),
        base = base,
        after = wartime
    ));
    Ok(())
}

async fn rival(stage: &Stage<'_>) -> Result<(), Error> {
    let teller = stage.teller;
    let lang = teller.lang;
    teller::act(5, ACTS, &t!(lang, "demo-rival"));
    if PLAYED.freezes {
        frozen(stage).await?;
    }
    let (namespace, name, base, wartime) = CONTESTED;
    let put = scale(&stage.people.script, (namespace, name), base, "old-script").await?;
    let clock = Stopwatch::start();
    teller::say(&t!(
        lang,
        "demo-put-back",
        object = format!("{namespace}/{name}"),
        value = base
    ));
    watch::replicas(stage.admin, (namespace, name), wartime, put).await?;
    teller::say(&t!(
        lang,
        "demo-held",
        value = wartime,
        took = teller::short(clock.elapsed())
    ));
    Ok(())
}

/// The rival begins where people change nothing.
async fn frozen(stage: &Stage<'_>) -> Result<(), Error> {
    let (namespace, name, base, wartime) = GROWN;
    let put = scale(&stage.people.script, (namespace, name), base, "old-script").await;
    let Err(Error::Refused { why, .. }) = put else {
        let what = format!("the freeze lets old-script scale {name}");
        return UnexpectedSnafu { what }.fail();
    };
    watch::replicas(stage.admin, (namespace, name), wartime, 0).await?;
    teller::say(&t!(
        stage.teller.lang,
        "demo-frozen",
        object = format!("{namespace}/{name}"),
        value = base,
        why = why
    ));
    Ok(())
}

async fn engineer(stage: &Stage<'_>) -> Result<(), Error> {
    let (teller, he) = (stage.teller, &stage.people.he);
    let lang = teller.lang;
    teller::act(6, ACTS, &t!(lang, "demo-engineer"));
    let (namespace, name, third, wartime) = EDITED;
    let edited = scale(he, (namespace, name), third, "kubectl-edit").await?;
    teller::say(&t!(
        lang,
        "demo-third-value",
        who = he.name,
        object = format!("{namespace}/{name}"),
        value = third
    ));
    let drifted = |status: &EmergencyModeStatus| drifted(status, name).is_some();
    let status = watch::mode(&he.client, mode::NAME, "drifted", |_| {}, drifted).await?;
    let target = find(&status, name)?;
    watch::replicas(stage.admin, (namespace, name), third, edited - 1).await?;
    teller::say(&t!(lang, "demo-drifted", path = target.path.clone()));
    let seen = target.seen.clone().unwrap_or_default();
    mode::ours(he, &target.uid, &target.path, &seen).await?;
    let settled = |status: &EmergencyModeStatus| self::drifted(status, name).is_none();
    watch::mode(&he.client, mode::NAME, "settled", |_| {}, settled).await?;
    watch::replicas(stage.admin, (namespace, name), wartime, edited).await?;
    teller::say(&t!(lang, "demo-ours", who = he.name, value = wartime));
    Ok(())
}

async fn stand_down(stage: &Stage<'_>) -> Result<(), Error> {
    let (teller, zhou) = (stage.teller, &stage.people.zhou);
    let lang = teller.lang;
    teller::act(7, ACTS, &t!(lang, "demo-stand-down"));
    let nothing = |_: &EmergencyModeStatus| true;
    let status = watch::mode(&zhou.client, mode::NAME, "read", |_| {}, nothing).await?;
    let total = positive(status.counts.unwrap_or_default().applied);
    mode::stand_down(zhou).await?;
    teller::say(&t!(lang, "demo-stood-down", who = zhou.name));
    let clock = Stopwatch::start();
    let mut bar = teller.bar(&t!(lang, "demo-return-bar"), total);
    let seen = |status: &EmergencyModeStatus| {
        bar.at(positive(status.counts.unwrap_or_default().restored), "");
    };
    let closed = |status: &EmergencyModeStatus| status.phase == Some(Phase::Closed);
    let (namespace, name, base, _) = GROWN;
    let first = async {
        watch::replicas(stage.admin, (namespace, name), base, 0).await?;
        Ok(teller::short(clock.elapsed()))
    };
    let all = watch::mode(&zhou.client, mode::NAME, "closed", seen, closed);
    let (_, first) = tokio::try_join!(all, first)?;
    bar.done();
    teller::say(&t!(
        lang,
        "demo-value-back",
        object = format!("{namespace}/{name}"),
        value = base,
        took = first
    ));
    teller::say(&t!(
        lang,
        "demo-closed",
        took = teller::short(clock.elapsed())
    ));
    Ok(())
}

async fn compare(stage: &Stage<'_>, before: &Objects) -> Result<Verdict, Error> {
    let teller = stage.teller;
    let lang = teller.lang;
    teller::act(8, ACTS, &t!(lang, "demo-compare"));
    let after = whole::take(stage.admin, stage.city).await?;
    let verdict = whole::compare(before, &after);
    teller::say(&t!(
        lang,
        "demo-compared",
        objects = before.len(),
        fields = verdict.fields
    ));
    for (object, sentence) in &verdict.differences {
        teller::say(&format!("{object}: {sentence}"));
    }
    Ok(verdict)
}

/// Sets the replicas of a Deployment under some field manager. Says in which generation.
async fn scale(
    person: &Person,
    at: (&str, &str),
    replicas: i32,
    manager: &str,
) -> Result<i64, Error> {
    let api: Api<Deployment> = Api::namespaced(person.client.clone(), at.0);
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    let answer = api.patch(at.1, &params, &patch).await;
    let object = answer.map_err(refused(format!("{} scaling {}", person.name, at.1)))?;
    Ok(object.metadata.generation.unwrap_or_default())
}

fn drifted<'a>(status: &'a EmergencyModeStatus, name: &str) -> Option<&'a TargetStatus> {
    status
        .targets
        .iter()
        .find(|target| target.name == name && target.state == "Drifted")
}

fn find<'a>(status: &'a EmergencyModeStatus, name: &str) -> Result<&'a TargetStatus, Error> {
    drifted(status, name).context(UnexpectedSnafu {
        what: format!("{name} is not drifted"),
    })
}

/// The names of the stages that run.
fn running(status: &EmergencyModeStatus) -> String {
    let running = status
        .stages
        .iter()
        .filter(|stage| stage.state == StageState::Running);
    running
        .map(|stage| stage.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first characters of a hash, enough to compare by eye.
fn short(hash: &str) -> String {
    hash.chars().take("sha256:".len() + 12).collect()
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rival puts back what the fleet has in peacetime, or the story shows nothing. No autoscaler may
    /// own what they change.
    #[test]
    fn the_rival_puts_the_peacetime_value_back() {
        let city = crate::fleet::yunxi();
        let number = |namespace: &str, name: &str| {
            let (_, workload) = city.find(namespace, name).unwrap();
            assert_eq!((workload.hpa, workload.keda), (None, None));
            i32::try_from(workload.replicas).unwrap()
        };
        for (namespace, name, peacetime, _) in [GROWN, CONTESTED] {
            assert_eq!(number(namespace, name), peacetime);
        }
        let edited = number(EDITED.0, EDITED.1);
        assert!(EDITED.2 != edited && EDITED.2 != EDITED.3);
    }
}
