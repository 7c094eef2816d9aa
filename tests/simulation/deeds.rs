//! Acts and suspension: a playbook that also stops `CronJobs`, runs a Job, calls, tells people, waits and
//! asks, while processes die at any request and servers are bad, those outside too. Each act is done once
//! for every idempotency key, never before it is journalled, and undone once, after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, StatusCode};
use pingzhan::api::{ActEvent, ChangeRecordSpec, names};
use pingzhan::run::signal::Signals;
use pingzhan::run::signal::http::Reply;
use serde_json::{Value, json};

use super::city::{City, SPACE};
use super::play::{Outcome, Schedule};
use super::runs::all;
use super::seeds::Kind;
use super::story::{APPROVERS, Act, Happening, Story};
use super::weather::{Fault, Weather, Which, mixed};
use super::wire::Life;
use crate::scenarios::fleet::{How, Owned};
use crate::scenarios::history::Event;
use crate::support::{self, one_in};

/// The stage of acts.
const STAGE: &str = "acts";
/// The channel over which people are told.
const CHANNEL: &str = "districts";

/// What is there beside the fleet: what runs by itself, and what is waited for.
pub fn more() -> Vec<Owned> {
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let nightly = |name: &str, suspend: Option<bool>| {
        let mut object = json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": { "name": name, "namespace": SPACE },
            "spec": { "schedule": "0 3 * * *",
                "jobTemplate": { "spec": { "template": { "spec": pods } } } },
        });
        if let Some(suspend) = suspend {
            object["spec"]["suspend"] = suspend.into();
        }
        object
    };
    let owned = |manager, manifest| Owned {
        manager,
        how: How::Apply,
        manifest,
    };
    vec![
        owned("helm", nightly("pensions", Some(false))),
        owned("kubectl", nightly("reports", None)),
        owned(
            "portal-team",
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "level": "high" },
                "metadata": { "name": "gauge", "namespace": SPACE } }),
        ),
    ]
}

/// The stages that are there beside the others.
pub fn stages() -> [Value; 2] {
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let job = json!({ "template": { "spec": pods } });
    let here = json!({ "names": [SPACE] });
    let targets =
        |kind: &str, name: &str| json!({ "kinds": [kind], "namespaces": here, "names": [name] });
    [
        json!({ "name": "stop", "dependsOn": ["shed"], "steps": [
            { "name": "nightly", "suspend": { "onResume": "SkipMissed" }, "targets": targets("CronJob", "pensions") },
            { "name": "reports", "suspend": {}, "targets": targets("CronJob", "reports") },
        ] }),
        json!({ "name": STAGE, "dependsOn": ["stop"], "steps": [
            { "name": "gauge", "wait": { "expression": "object.data.level == 'high'" },
                "targets": targets("ConfigMap", "gauge") },
            { "name": "export", "after": ["gauge"], "run": { "namespace": SPACE, "job": job, "undo": job } },
            { "name": "divert", "after": ["export"],
                "call": { "url": "http://127.0.0.1/divert", "undo": "http://127.0.0.1/normal" } },
            { "name": "tell", "after": ["divert"],
                "notify": { "channels": [CHANNEL], "message": { "en": "lines are diverted" } } },
            { "name": "ask", "after": ["divert"], "gate": { "groups": ["emergency-command"],
                "prompt": { "en": "Go on?" }, "timeout": "20s", "onTimeout": "Proceed" } },
        ] }),
    ]
}

/// What was sent outside, and taken.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The last part of the address.
    path: String,
    /// The idempotency key.
    key: String,
    /// What the API server had stored by then.
    revision: u64,
}

/// Everything outside.
#[derive(Default)]
pub struct Outside {
    heard: Mutex<Vec<Heard>>,
    /// Of how many requests the first seed makes one in three a refusal; none where all is well.
    bad: Mutex<Option<u64>>,
    asked: Mutex<u64>,
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outside {
    /// From now on one request in three is refused, or not answered though it was taken.
    pub fn is_bad(&self, seed: Option<u64>) {
        *locked(&self.bad) = seed;
    }

    /// The keys under which something was sent, as often as it was.
    pub fn keys(&self) -> Vec<String> {
        let heard = locked(&self.heard);
        heard.iter().map(|one| one.key.clone()).collect()
    }

    fn answer(&self, url: &str, headers: &HeaderMap, revision: u64) -> StatusCode {
        let mut asked = locked(&self.asked);
        *asked += 1;
        let drawn = locked(&self.bad).map(|seed| mixed(seed, 7, *asked) % 6);
        if drawn == Some(0) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let key = headers.get("webhook-id").and_then(|key| key.to_str().ok());
        locked(&self.heard).push(Heard {
            path: url.rsplit('/').next().unwrap_or_default().to_owned(),
            key: key.unwrap_or_default().to_owned(),
            revision,
        });
        if drawn == Some(1) {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        StatusCode::OK
    }
}

/// How a process reaches what is outside: not at all once it is dead.
pub fn signals(city: &Arc<City>, life: &Arc<Life>, alarms: bool) -> Signals {
    let (city, life) = (city.clone(), life.clone());
    let answer = move |_: &Method, url: &str, headers: &HeaderMap, _: &[u8]| {
        let status = if life.is_dead() {
            StatusCode::BAD_GATEWAY
        } else {
            let revision = city.service.lock().store.revision();
            city.outside.answer(url, headers, revision)
        };
        Reply {
            status,
            body: bytes::Bytes::new(),
        }
    };
    let url = "http://127.0.0.1/told";
    let signals = if alarms {
        support::alarms(CHANNEL, url)
    } else {
        support::signals(CHANNEL, url)
    };
    signals.played(Arc::new(answer))
}

/// A Job that an act created, and not one of the fleet.
pub fn is_of_an_act(event: &Event) -> bool {
    is_an_acts(&event.object)
}

/// Whether an act created an object.
pub fn is_an_acts(object: &Value) -> bool {
    object["metadata"]["annotations"].get(names::ACT).is_some()
}

/// What is against the rules of acts.
pub fn violations(city: &City, events: &[Event]) -> Vec<String> {
    let heard = locked(&city.outside.heard).clone();
    let mut jobs: BTreeMap<String, u64> = BTreeMap::new();
    for job in events
        .iter()
        .filter(|event| event.kind == "Job" && is_of_an_act(event))
    {
        jobs.entry(job.name().to_owned()).or_insert(job.version);
    }
    objections(&noted(events), &heard, &jobs)
}

/// The same, of when each act was journalled, what was heard outside, and when each Job was created.
fn objections(
    noted: &BTreeMap<(String, String), u64>,
    heard: &[Heard],
    jobs: &BTreeMap<String, u64>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let there = |name: &&String| !name.ends_with("-undo");
    let (done, undone): (Vec<_>, Vec<_>) = jobs.keys().partition(there);
    for (what, names) in [("a Job", &done), ("what undoes a Job", &undone)] {
        if names.len() > 1 {
            wrong.push(format!("O3: {what} was run more than once: {names:?}"));
        }
    }
    let calls = |path: &str| {
        heard
            .iter()
            .filter(|one| one.path == path)
            .collect::<Vec<_>>()
    };
    for path in ["divert", "normal", "told"] {
        let keys: BTreeSet<&str> = calls(path).iter().map(|one| one.key.as_str()).collect();
        if keys.len() > 1 {
            wrong.push(format!(
                "O3: {path} was sent under more than one key: {keys:?}"
            ));
        }
    }
    let first = |path: &str| calls(path).first().map(|one| one.revision);
    let last = |path: &str| calls(path).last().map(|one| one.revision);
    let job = |names: &[&String]| names.first().map(|name| jobs[*name]);
    let acts = [
        ("export", ActEvent::Begun, job(&done)),
        ("export", ActEvent::Undoing, job(&undone)),
        ("divert", ActEvent::Begun, first("divert")),
        ("divert", ActEvent::Undoing, first("normal")),
        ("tell", ActEvent::Begun, first("told")),
    ];
    for (step, event, at) in acts {
        let known = noted.get(&(step.to_owned(), format!("{event:?}")));
        if at.is_some_and(|at| known.is_none_or(|known| *known > at)) {
            wrong.push(format!(
                "O4: {step} was done at {at:?}, before a record said {event:?}: {known:?}"
            ));
        }
    }
    let pairs = [
        ("export", job(&done), job(&undone)),
        ("divert", last("divert"), first("normal")),
    ];
    for (step, there, back) in pairs {
        match (there, back) {
            (Some(_), None) => wrong.push(format!("O2: {step} was done and is not undone")),
            (Some(there), Some(back)) if there > back => {
                wrong.push(format!(
                    "O2: {step} was done at {there}, after it was undone at {back}"
                ));
            }
            (Some(_) | None, _) => {}
        }
    }
    wrong
}

/// When each event of each act was first journalled.
fn noted(events: &[Event]) -> BTreeMap<(String, String), u64> {
    let mut noted = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == "ChangeRecord") {
        let spec: Result<ChangeRecordSpec, _> =
            serde_json::from_value(event.object["spec"].clone());
        let acts = spec.ok().and_then(|spec| spec.acts);
        for act in acts.into_iter().flat_map(|acts| acts.acts) {
            let key = (act.step, format!("{:?}", act.event));
            noted.entry(key).or_insert(event.version);
        }
    }
    noted
}

/// When each act of a sound journal was noted.
fn journalled() -> BTreeMap<(String, String), u64> {
    let all = [
        ("export", ActEvent::Begun, 10),
        ("export", ActEvent::Undoing, 30),
        ("divert", ActEvent::Begun, 12),
        ("divert", ActEvent::Undoing, 31),
        ("tell", ActEvent::Begun, 14),
    ];
    all.map(|(step, event, at)| ((step.to_owned(), format!("{event:?}")), at))
        .into()
}

/// An oracle that never objects is none.
#[test]
fn what_is_against_the_rules_of_acts_is_found() {
    let noted = journalled();
    let heard = |path: &str, key: &str, revision| Heard {
        path: path.to_owned(),
        key: key.to_owned(),
        revision,
    };
    let fine = vec![
        heard("divert", "d", 20),
        heard("told", "t", 21),
        heard("normal", "n", 35),
    ];
    let jobs =
        |there, back| BTreeMap::from([("job".to_owned(), there), ("job-undo".to_owned(), back)]);
    assert_eq!(
        objections(&noted, &fine, &jobs(15, 33)),
        Vec::<String>::new()
    );
    let with = |more: Heard| [fine.clone(), vec![more]].concat();
    let rows = [
        (
            "O3: divert",
            with(heard("divert", "other", 22)),
            jobs(15, 33),
        ),
        (
            "O4: divert",
            fine[1..]
                .iter()
                .cloned()
                .chain([heard("divert", "d", 11)])
                .collect(),
            jobs(15, 33),
        ),
        ("O4: export", fine.clone(), jobs(9, 33)),
        (
            "O2: export was done at 34, after",
            fine.clone(),
            jobs(34, 33),
        ),
        (
            "O2: divert was done at 36, after",
            with(heard("divert", "d", 36)),
            jobs(15, 33),
        ),
        (
            "O2: divert was done and is not undone",
            fine[..2].to_vec(),
            jobs(15, 33),
        ),
    ];
    for (says, heard, jobs) in rows {
        let found = objections(&noted, &heard, &jobs);
        assert!(
            found.iter().any(|one| one.starts_with(says)),
            "{says}: {found:?}"
        );
    }
}

const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

/// An emergency with acts: long enough that all of them are done.
fn story() -> Story {
    Story {
        happenings: Vec::new(),
        deeds: true,
        ..Story::plain()
    }
    .with([
        at(1, Act::Approve(APPROVERS[0])),
        at(2, Act::Approve(APPROVERS[1])),
        at(70, Act::StandDown),
    ])
}

fn reference() -> Outcome {
    let outcome = Schedule::fine(story()).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let asked = |method: Method, end: &str| {
        let mut all = outcome.trail.iter();
        all.any(|sent| sent.method == method && sent.path().ends_with(end) && sent.code < 300)
    };
    assert!(asked(Method::POST, "/jobs") && asked(Method::PATCH, "/pensions/status"));
    outcome
}

/// C1: wherever the operator dies, at a write, before it is carried out or after: every act is done, and
/// undone, under one key. Every twelfth write in the normal test run.
#[test]
fn an_operator_may_die_at_any_write_of_a_playbook_with_acts() {
    let (_, writes) = reference().first;
    let every = one_in(12);
    let deaths = (1..=writes).step_by(every).flat_map(|number| {
        [false, true].map(|carried| {
            let weather = Weather::one(Which::Write(0, number), Fault::Death(carried));
            let schedule = Schedule {
                weather,
                ..Schedule::fine(story())
            };
            (format!("{number}, carried out: {carried}"), schedule)
        })
    });
    let played = all("C1 with acts, a death before and after each write", deaths);
    assert_eq!(played, 2 * writes.div_ceil(every));
}

/// C4: it is given up at each second of its switch, by an operator that dies, or that has just written
/// what arrives later: what was begun is undone after it, and not before.
#[test]
fn a_playbook_with_acts_may_be_given_up_at_any_moment() {
    let schedules = (3..40).step_by(one_in(7)).flat_map(|moment| {
        let aborted = story().with([at(moment, Act::Abort("Restore"))]);
        let killed = aborted.clone().with([at(moment, Act::Kill(0))]);
        let stories = [("given up", aborted), ("given up and killed", killed)];
        stories.map(|(name, story)| (format!("{name} at {moment} s"), Schedule::fine(story)))
    });
    all("C4 with acts, given up at each second", schedules);
}

/// C1 too: whatever a process had sent when it died arrives late, when its successor undoes it.
#[test]
fn what_the_dead_had_begun_may_arrive_late() {
    let jobs = reference()
        .trail
        .into_iter()
        .filter(|sent| sent.method == Method::POST && sent.path().ends_with("/jobs"));
    let first = jobs.take(1).collect::<Vec<_>>();
    let schedules = first.iter().flat_map(|sent| {
        let begun = (sent.at / 1000).saturating_sub(super::play::HEAD.as_secs());
        [
            (Fault::Late(8_000), 15),
            (Fault::Posthumous(5_000), 3),
            (Fault::Posthumous(8_000), 3),
        ]
        .map(|(fault, lease)| {
            let mut story = story().with([at(begun + 1, Act::Abort("Restore"))]);
            story.lease = lease;
            let schedule = Schedule {
                weather: Weather::one(sent.which, fault),
                ..Schedule::fine(story)
            };
            (format!("{:?} {fault}", sent.which), schedule)
        })
    });
    let played = all(
        "C1 with acts, a Job of the dead that arrives late",
        schedules,
    );
    assert_eq!(played, 3);
}

/// C5: seeds of a bad server, a bad world outside and processes that die, in a playbook with acts.
#[test]
fn no_oracle_objects_to_any_seed_with_acts() {
    const SEEDS: u64 = 30;
    let seeds = support::variable("PINGZHAN_DEEDS_SEEDS");
    let seeds = seeds.map(|text| text.to_string_lossy().parse().expect("a number"));
    let schedules = (0..seeds.unwrap_or(SEEDS)).map(|seed| {
        let kind = if seed % 2 == 0 {
            Kind::Trouble
        } else {
            Kind::Both
        };
        let mut schedule = kind.schedule(seed);
        schedule.story.deeds = true;
        schedule.story.outside = Some(seed);
        (format!("seed {seed} ({})", kind.word()), schedule)
    });
    all("C5 with acts, seeds of bad servers", schedules);
}
