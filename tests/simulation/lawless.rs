//! C25: whoever may write policies, bindings and kinds weakens the rules of authority for a while. Until
//! they are put back nothing is begun and nothing more is switched, and it is said; a return goes on, and
//! in the end everything is exact. At rest the rules are tried now and then, and not more often.

use http::Method;
use jiff::Timestamp;
use kube::CustomResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use pingzhan::api::{ChangeRecord, ChangeRecordSpec, TurnKind, names};
use serde_json::{Value, json};

use super::city::{City, SPACES, shipped};
use super::judge::Evidence;
use super::play::{HEAD, Schedule};
use super::runs::at;
use super::steps::{approved, told};
use super::story::{APPROVERS, Act, Story};
use super::wire::Sent;
use crate::scenarios::history::Event;

/// What may be done to the rules: so many things that stop modes, and then those that do not.
pub const TAMPERINGS: usize = STOPPING + 2;
/// Those that stop modes.
const STOPPING: usize = 5;
/// The binding of the freeze lets everybody through.
const FREEZE: usize = STOPPING;
/// That of what is made does.
const MADE: usize = STOPPING + 1;

/// How long after the rules are changed a write may still be sent: what a watch tells in fine weather
/// arrives at once, and what was ordered before is sent before.
const GRACE: u64 = 2_000;

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// The kind and name of what is changed, and how: without operations it is deleted.
fn tampering(which: usize) -> (Value, String, Value) {
    let policy = |name: &str, patch: Value| {
        let kind = json!({ "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy" });
        (kind, format!("pingzhan-{name}"), patch)
    };
    let binding = |name: &str, patch: Value| {
        let kind = json!({ "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding" });
        (kind, format!("pingzhan-{name}"), patch)
    };
    let replace =
        |path: &str, value: Value| json!([{ "op": "replace", "path": path, "value": value }]);
    let only_audit = || replace("/spec/validationActions", json!(["Audit"]));
    match which % TAMPERINGS {
        0 => policy(
            "emergencymode",
            replace("/spec/validations/0/expression", json!("true")),
        ),
        1 => binding("emergencymode-playbook", only_audit()),
        2 => binding("operator-only", Value::Null),
        3 => policy("guard", replace("/spec/failurePolicy", json!("Ignore"))),
        4 => {
            let kind = json!({ "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition" });
            let label = "/metadata/labels/app.kubernetes.io~1name";
            let patch = json!([{ "op": "remove", "path": label }]);
            (kind, format!("changerecords.{}", names::GROUP), patch)
        }
        FREEZE => binding("freeze", only_audit()),
        _ => binding("made", only_audit()),
    }
}

/// What is done, in words.
pub fn in_words(which: usize) -> String {
    let (kind, name, patch) = tampering(which);
    let kind = kind["kind"].as_str().unwrap_or_default();
    match patch[0]["path"].as_str() {
        Some(at) => format!("somebody changes {at} of {kind} {name}"),
        None => format!("somebody deletes {kind} {name}"),
    }
}

impl City {
    /// Somebody who may do everything does this to the rules. What was done already is not done again.
    pub async fn tamper(&self, which: usize) {
        let (kind, name, patch) = tampering(which);
        let api = self.api_of(&kind);
        if patch.is_null() {
            let _ = api.delete(&name, &DeleteParams::default()).await;
            return;
        }
        let operations: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
        let params = PatchParams {
            field_manager: Some("somebody".to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::<Value>::Json(operations);
        let _ = api.patch(&name, &params, &patch).await;
    }

    /// The rules are applied again, as they are shipped.
    pub async fn mend(&self) {
        let is_rule = |object: &Value| object["apiVersion"] == ADMISSION;
        for rule in shipped().iter().filter(|object| is_rule(object)) {
            self.put(rule).await;
        }
        self.put(&json!(ChangeRecord::crd())).await;
    }
}

/// When the rules were weakened so that modes stop, and when they were put back.
#[derive(Debug, Default)]
pub struct Times(Vec<(Timestamp, Timestamp)>);

impl Times {
    /// Something was done at this time.
    pub fn note(&mut self, act: &Act, now: Timestamp) {
        let stops = matches!(act, Act::Tamper(which) if which % TAMPERINGS < STOPPING);
        let last = self.0.last_mut();
        if let Some((_, until)) = last.filter(|(_, until)| *until == Timestamp::MAX) {
            if *act == Act::Mend {
                *until = now;
            }
        } else if stops {
            self.0.push((now, Timestamp::MAX));
        }
    }

    /// From when to when, in milliseconds since a moment.
    fn since(&self, morning: Timestamp) -> Vec<(u64, u64)> {
        let ms = |at: &Timestamp| {
            let since = at.duration_since(morning).as_millis();
            u64::try_from(since).unwrap_or(0)
        };
        let all = self.0.iter();
        all.map(|(from, until)| (ms(from), ms(until))).collect()
    }
}

/// O7: nothing is set in force while the rules are away, and no target is written before somebody ends the
/// mode. What watches tell late, or to nobody, is known to nobody: only fine weather is judged.
pub fn violations(played: &Evidence<'_>, records: &[(&Event, ChangeRecordSpec)]) -> Vec<String> {
    let is_late = |act: &Act| matches!(act, Act::Freeze(..) | Act::Down(_) | Act::Compact);
    let mut acts = played.story.happenings.iter().map(|one| &one.act);
    if acts.any(is_late) || played.trail.iter().any(|sent| sent.fault.is_some()) {
        return Vec::new();
    }
    let turns = records.iter().filter_map(|(event, record)| {
        let made = |sent: &&Sent| sent.made.0 < event.version && event.version <= sent.made.1;
        let sent = played.trail.iter().find(made)?;
        Some((sent.at, record.turn.as_ref()?.kind, record.sequence))
    });
    let lawless = played.lawless.since(played.morning);
    let mut ended = u64::MAX;
    let mut wrong = Vec::new();
    for (ms, kind, sequence) in turns {
        match kind {
            TurnKind::Granted if is_lawless(&lawless, ms) => wrong.push(format!(
                "O7: record {sequence} sets a plan in force at {ms} ms, without the rules"
            )),
            TurnKind::Granted | TurnKind::Leader | TurnKind::Withdrawn => {}
            TurnKind::Restoring | TurnKind::Held | TurnKind::Closed => ended = ended.min(ms),
        }
    }
    wrong.extend(written(played.trail, &lawless, ended));
    wrong
}

fn is_lawless(lawless: &[(u64, u64)], ms: u64) -> bool {
    let mut all = lawless.iter();
    all.any(|(from, until)| from + GRACE < ms && ms < *until)
}

/// Writes of targets while the rules are away, up to a time, in milliseconds all.
pub fn written(trail: &[Sent], lawless: &[(u64, u64)], until: u64) -> Vec<String> {
    let late = trail.iter().filter(|sent| sent.at < until);
    let late = late.filter(|sent| is_write(sent) && is_lawless(lawless, sent.at));
    late.map(|sent| {
        let (method, path, at) = (&sent.method, sent.path(), sent.at);
        format!("O7: {method} {path} at {at} ms, without the rules")
    })
    .collect()
}

/// Whether it changed a target, or made one.
fn is_write(sent: &Sent) -> bool {
    let is_here = |space: &&str| sent.path().contains(&format!("/namespaces/{space}/"));
    let makes = sent.method == Method::POST
        && SPACES.iter().any(is_here)
        && !sent.path().ends_with("/events");
    let is_done = matches!(sent.code, 200 | 201) && !sent.uri.contains("dryRun=");
    is_done && (makes || sent.is_of_target())
}

/// Whatever of the rules is weakened, and whenever: before the quorum is there, when it is just there, in
/// peace, and across the end.
#[test]
fn nothing_goes_on_without_the_rules_and_everything_comes_back() {
    let mut schedules = Vec::new();
    for which in 0..STOPPING {
        for (from, until) in [(6, 60), (8, 20), (9, 30), (40, 70), (80, 140)] {
            let acts = vec![at(from, Act::Tamper(which)), at(until, Act::Mend)];
            let name = format!("{} from {from} s to {until} s", in_words(which));
            let words: &[&str] = &["RulesNotEnforced", "Active", "Restored"];
            schedules.push((name, approved(acts), words));
        }
    }
    told("C25, rules that are weakened", schedules);
}

/// A freeze, and the net for what is made, that are not enforced any more: who relies on them says so, and
/// goes on.
#[test]
fn what_lapses_is_said_by_who_relies_on_it_and_stops_nothing() {
    for (which, closes, makes) in [(FREEZE, true, false), (MADE, false, true)] {
        for relies in [true, false] {
            let story = Story {
                closes: closes && relies,
                makes: makes && relies,
                ..Story::plain()
            };
            let story = story.with([at(60, Act::Tamper(which)), at(80, Act::Mend)]);
            let outcome = Schedule::fine(story).play();
            assert_eq!(outcome.violations, Vec::<String>::new(), "{which}");
            let said = |word: &str| outcome.said.contains(word);
            let all = &outcome.said;
            assert!(said("Active") && said("Restored"), "{which}: {all:?}");
            assert_eq!(said("RulesLapsed"), relies, "{which}: {all:?}");
            assert!(!said("RulesNotEnforced"), "{which}: {all:?}");
        }
    }
    let whole = Story {
        closes: true,
        makes: true,
        ..Story::plain()
    };
    let said = Schedule::fine(whole).play().said;
    assert!(
        !said.contains("RulesLapsed"),
        "nothing has lapsed: {said:?}"
    );
}

/// Whether a policy was asked to refuse something.
fn is_probe(sent: &Sent) -> bool {
    sent.method == Method::POST
        && sent.path().ends_with("/changerecords")
        && sent.uri.contains("dryRun=All")
}

/// What is promised of requests at rest: a plan that waits for people is not tried at all; the rules are
/// tried in the minute before it is set in force; and then once in ten minutes, for as long as it is, by one
/// request a policy.
#[test]
fn a_mode_at_rest_for_two_hours_is_probed_at_most_every_ten_minutes() {
    /// Policies that are tried, each by one request.
    const POLICIES: usize = 5;
    const HOUR: u64 = 60 * 60;
    let story = Story {
        happenings: Vec::new(),
        ..Story::plain()
    };
    let story = story.with([
        at(HOUR, Act::Approve(APPROVERS[0])),
        at(HOUR + 5, Act::Approve(APPROVERS[1])),
        at(3 * HOUR + 5, Act::StandDown),
    ]);
    let outcome = Schedule::fine(story).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let first = outcome.trail.iter().find(|sent| is_write(sent));
    let began = first.expect("it is switched").at;
    assert!(began >= (HEAD.as_secs() + HOUR) * 1000, "{began} ms");
    let probes: Vec<&Sent> = outcome.trail.iter().filter(|sent| is_probe(sent)).collect();
    assert!(probes.iter().all(|sent| sent.code == 403), "each refuses");
    // Those of one proof are sent at once.
    let mut proofs: Vec<u64> = probes.iter().map(|sent| sent.at).collect();
    proofs.dedup_by(|next, before| *next - *before < 1_000);
    assert_eq!(probes.len(), POLICIES * proofs.len(), "{proofs:?}");
    assert!(
        proofs[0] <= began && began - proofs[0] < 60_000,
        "it is tried just before it begins: {began} ms, {proofs:?}"
    );
    let is_seldom = proofs.windows(2).all(|two| two[1] - two[0] >= 600_000);
    assert!(is_seldom, "{proofs:?}");
    assert!((11..=13).contains(&proofs.len()), "and it is: {proofs:?}");
}
