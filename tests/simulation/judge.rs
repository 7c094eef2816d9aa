//! What is judged after each schedule: the oracles of the campaign, over everything that was sent,
//! everything that happened, and what is there in the end.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use pingzhan::api::condition::{self, types};
use pingzhan::api::{ChangeRecordSpec, EmergencyModeSpec, Level, TurnKind};
use pingzhan::field::exact;
use pingzhan::ledger::Ledger;

use super::city::City;
use super::deeds;
use super::lawless::{self, Times};
use super::play::{DAMAGED, HEAD};
use super::stage::Frozen;
use super::story::{Act, GROUPS, Happening, Story};
use super::terms::Terms;
use super::weather::Fault;
use super::wire::{Asked, Sent};
use crate::scenarios::history::Event;
use crate::scenarios::oracles::{Allowed, Evidence as Happened, is_target};
use crate::scenarios::truth::Truth;
use crate::scenarios::world::REMOVED;

/// What the player saw.
pub struct Evidence<'a> {
    pub story: &'a Story,
    pub trail: &'a [Sent],
    /// The right time when the first process began.
    pub morning: Timestamp,
    /// Who heard that it is to stay away.
    pub asked: &'a [Asked],
    /// Which processes stood still, and when.
    pub frozen: &'a [Frozen],
    /// Processes that died.
    pub deaths: usize,
    /// How it ended.
    pub end: &'a str,
    /// What was sent while nothing should be.
    pub quiet: Vec<String>,
    /// Tasks left behind.
    pub leak: usize,
    /// What late copies of writes did after the end.
    pub late: Vec<String>,
    /// Targets that others touched, by kind and name.
    pub touched: &'a BTreeSet<(String, String)>,
    /// When the rules of authority were weakened.
    pub lawless: &'a Times,
}

/// Requests of one process a minute at most, beside the lease: four a target and second would be
/// ten times as many.
const BUDGET: usize = 600;

/// Everything that is against the rules.
pub fn violations(city: &City, played: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let lost = |one: &Happening| matches!(one.act, Act::Lose(_));
    if let Some(lost) = played.story.happenings.iter().find(|one| lost(one)) {
        damaged(played, lost.at, &mut wrong);
        return wrong;
    }
    wrong.extend(played.late.iter().cloned());
    if played.end != "Closed" {
        wrong.push(format!("O8: it does not end: {}", played.end));
    }
    let late = played.quiet.iter();
    wrong.extend(late.map(|what| format!("O8: it is not quiet at the end: {what}")));
    if played.leak > 0 {
        wrong.push(format!("O10: {} tasks are left behind", played.leak));
    }
    let events = city.history();
    let writes = Writes::of(played.trail);
    untouched(city, played, &mut wrong);
    happened(city, played, &events, &writes, &mut wrong);
    epochs(&events, &writes, &mut wrong);
    authority(&events, &writes, &mut wrong);
    wrong.extend(terms(played, &events));
    wrong.extend(lawless::violations(played, &all_records(&events)));
    if played.story.deeds {
        wrong.extend(deeds::violations(city, &events));
    }
    budget(played, &mut wrong);
    wrong.extend(awake(played.trail, played.frozen));
    wrong
}

/// O6: a process that stands still sends nothing. Where it did, what is said of frozen leaders is said
/// of something else.
pub fn awake(trail: &[Sent], frozen: &[Frozen]) -> Vec<String> {
    let sent = |one: &Frozen| {
        let (process, from, until) = (one.process, one.from, one.until);
        let all = trail.iter();
        let mut late =
            all.filter(move |sent| sent.process == process && from < sent.at && sent.at < until);
        late.next().map(|sent| {
            let (method, path, at) = (&sent.method, sent.path(), sent.at);
            format!("O6: process {process} sent {method} {path} at {at} ms, while it stood still")
        })
    };
    frozen.iter().filter_map(sent).collect()
}

/// O8: a mode whose journal has a gap is Blocked, and whoever reads it so touches nothing.
fn damaged(played: &Evidence<'_>, lost_at: u64, wrong: &mut Vec<String>) {
    if played.end != DAMAGED {
        wrong.push(format!(
            "O8: the journal has a gap, and the mode is {}",
            played.end
        ));
    }
    let lost_at = (lost_at + HEAD.as_secs()) * 1000;
    let leader = played
        .trail
        .iter()
        .rev()
        .find(|sent| sent.write && sent.at < lost_at);
    let leader = leader.map(|sent| sent.process);
    let late = played.trail.iter().filter(|sent| {
        sent.at > lost_at && sent.is_of_target() && sent.code == 200 && Some(sent.process) != leader
    });
    wrong.extend(late.map(|sent| format!("O8: {} with a gap in the journal", sent.path())));
}

/// Who made which revision.
struct Writes(BTreeMap<u64, Made>);

/// A write that made a revision.
#[derive(Clone, Copy)]
struct Made {
    by: usize,
    /// When it was sent, and when it reached the server.
    sent: u64,
    arrived: u64,
}

impl Writes {
    fn of(trail: &[Sent]) -> Self {
        let made = trail.iter().filter(|sent| sent.method != Method::GET);
        let made = made.flat_map(|sent| {
            let made = Made {
                by: sent.process,
                sent: sent.at,
                arrived: sent.arrived,
            };
            (sent.made.0 + 1..=sent.made.1).map(move |revision| (revision, made))
        });
        Self(made.collect())
    }

    fn made(&self, event: &Event) -> Option<Made> {
        self.0.get(&event.version).copied()
    }

    fn by(&self, event: &Event) -> Option<usize> {
        self.made(event).map(|made| made.by)
    }
}

/// O1: what nobody else touched is what it was, owners included.
fn untouched(city: &City, played: &Evidence<'_>, wrong: &mut Vec<String>) {
    let now = city.fleet();
    for (key, before) in &city.before {
        if played.touched.contains(key) {
            continue;
        }
        let Some(after) = now.get(key) else {
            wrong.push(format!("O1: {} {} is gone", key.0, key.1));
            continue;
        };
        for what in exact::differences(before, after) {
            wrong.push(format!("O1: {} {}: {what}", key.0, key.1));
        }
    }
}

/// O2 to O5 and O9, as in the scenarios on a real server.
fn happened(
    city: &City,
    played: &Evidence<'_>,
    events: &[Event],
    writes: &Writes,
    wrong: &mut Vec<String>,
) {
    let foreign = events
        .iter()
        .filter(|event| is_target(event) && writes.by(event).is_none())
        .map(|event| {
            let version = if event.removed {
                REMOVED
            } else {
                event.version
            };
            (event.uid.clone(), version)
        });
    let of_fleet = events.iter().filter(|event| !deeds::is_of_an_act(event));
    let happened = Happened::of(of_fleet.cloned().collect(), foreign.collect());
    let mut live = city.fleet();
    live.retain(|_, object| !deeds::is_an_acts(object));
    // What was given up for lost and arrives is done once more, as what a dead process had sent.
    let is_astray = |sent: &&Sent| matches!(sent.fault, Some(Fault::Astray(_)));
    let astray = played.trail.iter().filter(is_astray);
    let allowed = Allowed {
        overwrite: played.story.overwrites(),
        crashes: played.deaths + astray.count(),
    };
    wrong.extend(happened.objections(&live, allowed));
    let Some(mode) = city.mode() else {
        wrong.push("O9: the mode is gone".to_owned());
        return;
    };
    let uid = mode.metadata.uid.as_deref().unwrap_or_default();
    let blocked = mode.status.as_ref().and_then(|status| {
        let blocked = condition::get(&status.conditions, types::BLOCKED)?;
        (played.end == "Closed" && blocked.status == "True").then_some(&blocked.message)
    });
    wrong.extend(blocked.map(|why| format!("O9: it is closed, and blocked: {why}")));
    if let (Some(status), Some(ledger)) = (&mode.status, happened.ledgers.get(uid)) {
        let (mode, live) = (&mode, &live);
        let truth = Truth {
            mode,
            status,
            ledger,
            live,
        };
        wrong.extend(truth.lies());
    }
}

/// The records, in the order in which they were stored, with who stored them.
/// The records of the mode that the story tells of. The other one, where there is one, needs no
/// approval and no term.
fn records(events: &[Event]) -> Vec<(&Event, ChangeRecordSpec)> {
    let mut all = all_records(events);
    all.retain(|(_, record)| record.mode.name == "flood");
    all
}

/// The records of all modes.
fn all_records(events: &[Event]) -> Vec<(&Event, ChangeRecordSpec)> {
    let mut known = BTreeSet::new();
    let records = events
        .iter()
        .filter(|event| event.kind == "ChangeRecord" && known.insert(&event.uid));
    records
        .map(|event| {
            let spec = serde_json::from_value(event.object["spec"].clone());
            (event, spec.expect("a record"))
        })
        .collect()
}

/// O6: epochs never go back, each begins with its one turn, and who lost a journal writes no record and
/// sends no write of a target any more. What it had sent to a target before may arrive: then its guards
/// decide, and O1 judges.
fn epochs(events: &[Event], writes: &Writes, wrong: &mut Vec<String>) {
    let records = records(events);
    let mut epoch = 0;
    for (_, record) in &records {
        let is_turn = record
            .turn
            .as_ref()
            .is_some_and(|turn| turn.kind == TurnKind::Leader);
        if record.epoch < epoch {
            wrong.push(format!(
                "O6: record {} of epoch {} follows one of epoch {epoch}",
                record.sequence, record.epoch
            ));
        }
        if record.epoch != epoch && !is_turn {
            wrong.push(format!(
                "O6: epoch {} begins without its turn",
                record.epoch
            ));
        }
        // Two leaders of one epoch could not be told apart.
        if record.epoch == epoch && is_turn {
            wrong.push(format!(
                "O6: record {} turns the journal to epoch {epoch} for a second time",
                record.sequence
            ));
        }
        epoch = record.epoch;
    }
    leaders(events, writes, &all_records(events), wrong);
}

/// O6: who lost a journal writes no record and sends no write of a target any more.
fn leaders(
    events: &[Event],
    writes: &Writes,
    records: &[(&Event, ChangeRecordSpec)],
    wrong: &mut Vec<String>,
) {
    let turns: BTreeSet<u64> = records
        .iter()
        .filter(|(_, record)| {
            record
                .turn
                .as_ref()
                .is_some_and(|turn| turn.kind == TurnKind::Leader)
        })
        .map(|(event, _)| event.version)
        .collect();
    let mut leader: Option<Made> = None;
    // What becomes of a record later is the tidying up of what is closed.
    let mut known = BTreeSet::new();
    let first = events
        .iter()
        .filter(|event| event.kind != "ChangeRecord" || known.insert(&event.uid));
    for event in first {
        let Some(made) = writes.made(event) else {
            continue;
        };
        if turns.contains(&event.version) {
            leader = Some(made);
            continue;
        }
        let Some(leader) = leader.filter(|leader| leader.by != made.by) else {
            continue;
        };
        let is_late = is_target(event) && made.sent < leader.arrived;
        if (is_target(event) || event.kind == "ChangeRecord") && !is_late {
            let by = made.by;
            wrong.push(format!(
                "O6: process {by} wrote {} {} at {} while another one led",
                event.kind,
                event.name(),
                event.version
            ));
        }
    }
}

/// How many people have to say yes.
pub const fn needed(level: Option<Level>) -> usize {
    match level {
        Some(Level::I | Level::II) => 2,
        Some(Level::III) => 1,
        Some(Level::IV) | None => 0,
    }
}

/// Who said yes to a plan and counts.
pub fn given(spec: &EmergencyModeSpec, hash: &str) -> BTreeSet<String> {
    let all = spec.approvals.iter();
    let count = all.filter(|one| one.by != spec.requested_by && one.plan_hash == hash);
    count
        .filter(|one| GROUPS.contains(&one.as_.as_str()))
        .map(|one| one.by.clone())
        .collect()
}

/// O7: a plan is in force for its term, but for what the clocks are wrong by.
fn terms(played: &Evidence<'_>, events: &[Event]) -> Vec<String> {
    let records = records(events);
    let Some((_, first)) = records.first() else {
        return Vec::new();
    };
    let specs = records.iter().map(|(_, spec)| spec.clone()).collect();
    let ledger = Ledger::fold(first.mode.clone(), specs);
    let terms = Terms {
        morning: played.morning,
        trail: played.trail,
        hands: &|process| played.story.hands(process),
        events,
        records: &records,
        ledger: &ledger.expect("every journal folds"),
    };
    terms.violations()
}

/// O7: nothing is executed without the quorum of distinct people, none the requester, on the same
/// plan.
fn authority(events: &[Event], writes: &Writes, wrong: &mut Vec<String>) {
    let spec_at = |version: u64| -> Option<EmergencyModeSpec> {
        let modes = events
            .iter()
            .filter(|event| event.kind == "EmergencyMode" && event.name() == "flood");
        let mode = modes.take_while(|event| event.version <= version).last()?;
        serde_json::from_value(mode.object["spec"].clone()).ok()
    };
    let is_granted = |record: &ChangeRecordSpec| {
        let turn = record.turn.as_ref();
        turn.is_some_and(|turn| turn.kind == TurnKind::Granted)
    };
    let all = all_records(events);
    let mut any = all.iter().filter(|(_, record)| is_granted(record));
    let granted = any.next().map(|(event, _)| event.version);
    let mut in_force = None;
    for (event, record) in records(events) {
        let Some(turn) = record.turn.filter(|turn| turn.kind == TurnKind::Granted) else {
            continue;
        };
        // A change of level needs as many as either level does.
        let needed = needed(turn.level).max(needed(in_force));
        in_force = turn.level;
        let hash = turn.plan_hash.as_deref().unwrap_or_default();
        let given = spec_at(event.version).map_or_else(BTreeSet::new, |spec| given(&spec, hash));
        if given.len() < needed {
            wrong.push(format!(
                "O7: record {} grants {:?} with {} of {needed} approvals",
                record.sequence,
                turn.level,
                given.len()
            ));
        }
    }
    let first = events
        .iter()
        .find(|event| is_target(event) && writes.by(event).is_some());
    if let Some(first) = first
        && granted.is_none_or(|granted| first.version < granted)
    {
        wrong.push(format!(
            "O7: {} was written before anything was granted",
            first.name()
        ));
    }
}

/// O12: whoever heard that it is to stay away stays away, and no minute has too many requests.
fn budget(played: &Evidence<'_>, wrong: &mut Vec<String>) {
    for asked in played.asked {
        let early = played.trail.iter().filter(|sent| {
            sent.process == asked.process
                && (asked.from < sent.at && sent.at < asked.until)
                && sent.method == asked.method
                && sent.path() == asked.path
        });
        wrong.extend(early.map(|sent| {
            let (process, method, path, at) = (sent.process, &sent.method, &asked.path, sent.at);
            format!(
                "O12: process {process} sent {method} {path} again at {at} ms, before it was to"
            )
        }));
    }
    let mut minutes: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    for one in played.trail.iter().filter(|sent| !sent.lease) {
        *minutes.entry((one.process, one.at / 60_000)).or_default() += 1;
    }
    for ((process, minute), many) in minutes {
        if many > BUDGET {
            wrong.push(format!(
                "O12: process {process} sent {many} requests in minute {minute}"
            ));
        }
    }
}
