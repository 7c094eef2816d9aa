//! The oracles of the reliability campaign, over everything that happened and over live reads.

mod broken;
pub mod made;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pingzhan::api::{ChangeRecordSpec, EmergencyMode, RecordType, TurnKind, names};
use pingzhan::field::quantity;
use pingzhan::field::{Image, Path, Segment, exact};
use pingzhan::ledger::{Direction, Entry, EntryId, Ledger, State};
use serde_json::Value;

use super::history::Event;
use super::truth::{Truth, unnamed};
use super::world::{CLOSED_KINDS, KINDS, MORE_KINDS, Objects, REMOVED, World};

/// How long nothing may happen for a mode to be called quiet: longer than two decisions of a mode
/// at work.
const QUIET: Duration = Duration::from_millis(1500);

/// How often something may still happen in that time.
const RESTLESS: usize = 6;

/// What a scenario allows beyond the rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// A verdict, or Enforce or Revert, allows writing over somebody else's value.
    pub overwrite: bool,
    /// So many processes died: each may have left one write behind that no record counts.
    pub crashes: usize,
}

impl Allowed {
    /// Somebody's value may be written over.
    pub const OVERWRITE: Self = Self {
        overwrite: true,
        crashes: 0,
    };
}

/// One stored record.
pub struct Record {
    version: u64,
    spec: ChangeRecordSpec,
}

/// Everything that is judged.
pub struct Evidence {
    events: Vec<Event>,
    /// Records in the order in which they were stored, by the uid of their mode.
    records: BTreeMap<String, Vec<Record>>,
    /// The journals, folded.
    pub ledgers: BTreeMap<String, Ledger>,
    /// Writes that the scenario made itself: uid and version.
    foreign: BTreeSet<(String, u64)>,
}

/// One write of a target that the scenario did not make.
struct Write<'a> {
    before: &'a Event,
    after: &'a Event,
}

impl World {
    /// Judges everything that happened so far: O2, O3, O4, O5, O8 and O9.
    pub async fn judge(&self, allowed: Allowed) -> Evidence {
        self.comes_to_rest().await;
        let evidence = Evidence::of(self.history.events().await, self.foreign());
        let live = self.snapshot().await;
        let mut wrong = evidence.objections(&live, allowed);
        let modes = self.modes().list(&kube::api::ListParams::default()).await;
        for mode in modes.expect("modes can be listed") {
            let ledger = mode
                .metadata
                .uid
                .as_ref()
                .and_then(|uid| evidence.ledgers.get(uid));
            if let (Some(status), Some(ledger)) = (&mode.status, ledger) {
                let (mode, live) = (&mode, &live);
                wrong.extend(
                    Truth {
                        mode,
                        status,
                        ledger,
                        live,
                    }
                    .lies(),
                );
            }
        }
        assert!(
            wrong.is_empty(),
            "the oracles object:\n{}",
            wrong.join("\n")
        );
        evidence
    }

    /// O8: soon nothing happens any more.
    pub async fn comes_to_rest(&self) {
        if let Err(late) = rests(async || self.history.quiet(QUIET).await).await {
            panic!("O8: it does not come to rest: {late:?}");
        }
    }

    /// Compares the whole fleet with what it was, ownership included.
    pub async fn compare(&self, before: &Objects) {
        self.compare_but(before, &[]).await;
    }

    /// The same, but for some objects.
    pub async fn compare_but(&self, before: &Objects, but: &[&str]) {
        let wrong = differing(before, &self.snapshot().await, but);
        assert!(
            wrong.is_empty(),
            "not exactly restored:\n{}",
            wrong.join("\n")
        );
    }
}

impl Evidence {
    /// What may be judged: everything that happened, and what of it the scenario did itself.
    pub fn of(events: Vec<Event>, foreign: BTreeSet<(String, u64)>) -> Self {
        let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for event in events
            .iter()
            .filter(|event| event.kind == "ChangeRecord" && !event.removed)
        {
            let spec: ChangeRecordSpec =
                serde_json::from_value(event.object["spec"].clone()).expect("a record");
            if known.insert(event.uid.clone()) {
                records
                    .entry(spec.mode.uid.clone())
                    .or_default()
                    .push(Record {
                        version: event.version,
                        spec,
                    });
            }
        }
        let fold = |(uid, records): (&String, &Vec<Record>)| {
            let specs: Vec<_> = records.iter().map(|record| record.spec.clone()).collect();
            let ledger = Ledger::fold(specs[0].mode.clone(), specs);
            (uid.clone(), ledger.expect("every journal folds"))
        };
        let ledgers = records.iter().map(fold).collect();
        Self {
            events,
            records,
            ledgers,
            foreign,
        }
    }

    /// O2, O3, O4, O5, and of O9 what was said on the way: everything that is against the rules.
    pub fn objections(&self, live: &Objects, allowed: Allowed) -> Vec<String> {
        let mut wrong = Vec::new();
        self.every_field_is_back(live, &mut wrong);
        self.nothing_made_is_left(live, &mut wrong);
        self.bases_are_captured_once(&mut wrong);
        self.creations_are_counted(allowed.crashes, &mut wrong);
        self.writes_are_counted(allowed.crashes, &mut wrong);
        self.intents_come_first(&mut wrong);
        self.foreign_values_stand(allowed, &mut wrong);
        wrong.extend(unnamed(&self.events));
        wrong
    }

    /// The journal of a mode.
    pub fn ledger(&self, mode: &EmergencyMode) -> &Ledger {
        &self.ledgers[mode.metadata.uid.as_deref().expect("a mode has a uid")]
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.ledgers.iter().flat_map(|(uid, ledger)| {
            ledger
                .entries
                .values()
                .map(move |entry| (uid.as_str(), entry))
        })
    }

    /// The writes of targets that were not the scenario's own, in order.
    fn writes(&self) -> Vec<Write<'_>> {
        let mut last: BTreeMap<&str, &Event> = BTreeMap::new();
        let mut writes = Vec::new();
        let there = |event: &&Event| is_target(event) && !event.removed;
        for event in self.events.iter().filter(there) {
            if let Some(before) = last.insert(&event.uid, event)
                && !self.foreign.contains(&(event.uid.clone(), event.version))
                // What is made is judged as a whole.
                && !self.is_made(before)
            {
                writes.push(Write {
                    before,
                    after: event,
                });
            }
        }
        writes
    }

    /// O2: after the return every journalled field equals its base, and nothing bears our name,
    /// but where an entry says that another's value stays, or two people gave the mode up for lost.
    fn every_field_is_back(&self, live: &Objects, wrong: &mut Vec<String>) {
        let by_uid = by_uid(live);
        let is_back =
            |ledger: &Ledger| ledger.direction == Direction::Closed && ledger.abandoned().is_none();
        for (uid, ledger) in self.ledgers.iter().filter(|(_, ledger)| is_back(ledger)) {
            for entry in ledger
                .heads
                .values()
                .filter_map(|id| ledger.entries.get(*id))
            {
                let Some(object) = by_uid.get(entry.target.uid.as_str()) else {
                    continue;
                };
                let is = Image::at(object, &entry.path);
                let back = match entry.state {
                    // Of the last entry of a field that says so another mode answers for it.
                    State::OwnersBack | State::Shadowed => {
                        self.held_elsewhere(uid, entry)
                            || is == entry.base
                            || self.is_edited_later(entry)
                            || self.is_edited_after_the_end(uid, entry)
                    }
                    State::Gone
                    | State::Kept
                    | State::Refused
                    | State::Withdrawn
                    | State::Overtaken => true,
                    State::Intended
                    | State::Applied
                    | State::Reverting
                    | State::Reverted
                    | State::Drifted
                    | State::Stuck => false,
                };
                if !back {
                    wrong.push(format!(
                        "O2: {} of {} is {} and {:?}; its base was {}",
                        entry.path,
                        entry.target.name,
                        is.display(),
                        entry.state,
                        entry.base.display()
                    ));
                }
            }
            let manager = names::field_manager(&ledger.mode.name, uid);
            for ((kind, name), object) in live {
                let owned = managers(object).any(|found| found == manager);
                let label = &object["metadata"]["labels"][names::HELD_BY_LABEL];
                let bears = owned || *label == names::label_value(&ledger.mode.name);
                if bears && !self.holds_object(uid, object) {
                    wrong.push(format!(
                        "O2: {kind} {name} still bears the name of {}",
                        ledger.mode.name
                    ));
                }
            }
        }
    }

    /// O2: an entry that takes another's place has its base: what was there in peacetime is looked at
    /// once.
    fn bases_are_captured_once(&self, wrong: &mut Vec<String>) {
        for ledger in self.ledgers.values() {
            for entry in ledger.entries.values() {
                let earlier = entry.supersedes.and_then(|id| ledger.entries.get(id));
                let Some(earlier) = earlier.filter(|earlier| earlier.base != entry.base) else {
                    continue;
                };
                wrong.push(format!(
                    "O2: {} of {} had the base {}, and then {}",
                    entry.path,
                    entry.target.name,
                    earlier.base.display(),
                    entry.base.display()
                ));
            }
        }
    }

    /// Whether another mode holds something of an object now: then the marks of one that is over may
    /// stay, since the other's value may be the one that it wrote.
    fn holds_object(&self, uid: &str, object: &Value) -> bool {
        let is_it = |target: &str| object["metadata"]["uid"] == target;
        self.ledgers.iter().any(|(other, ledger)| {
            other != uid && ledger.live().any(|held| is_it(&held.target.uid))
        })
    }

    /// Whether another mode that is in force holds the field now.
    fn held_elsewhere(&self, uid: &str, entry: &Entry) -> bool {
        self.ledgers.iter().any(|(other, ledger)| {
            other != uid
                && ledger
                    .live()
                    .any(|held| held.target.uid == entry.target.uid && held.path == entry.path)
        })
    }

    /// Whether somebody else changed a field after it was given back.
    fn is_edited_later(&self, entry: &Entry) -> bool {
        let states = self
            .events
            .iter()
            .filter(|event| event.uid == entry.target.uid && !event.removed);
        let values: Vec<(Image, bool)> = states
            .map(|event| {
                let is_own = !self.foreign.contains(&(event.uid.clone(), event.version));
                (Image::at(&event.object, &entry.path), is_own)
            })
            .collect();
        // Somebody may choose the very value that we had.
        let ours = values
            .iter()
            .rposition(|(value, is_own)| *is_own && value == entry.ours());
        ours.is_some_and(|ours| values[ours..].iter().any(|(value, _)| *value == entry.base))
    }

    /// Whether a field had its base when its mode was over, and somebody else has changed it since: where our
    /// write never arrived, no value of ours says when it was given back.
    fn is_edited_after_the_end(&self, mode: &str, entry: &Entry) -> bool {
        let records = self.records.get(mode).and_then(|records| records.last());
        let over = records.map_or(0, |last| last.version);
        let own = self
            .events
            .iter()
            .filter(|event| event.uid == entry.target.uid);
        let states: Vec<&Event> = own.filter(|event| !event.removed).collect();
        let is_base = |event: &Event| Image::at(&event.object, &entry.path) == entry.base;
        let (then, since): (Vec<&Event>, Vec<&Event>) =
            states.into_iter().partition(|event| event.version <= over);
        let first = since.into_iter().find(|event| !is_base(event));
        then.last().is_some_and(|event| is_base(event))
            && first.is_some_and(|event| self.foreign.contains(&(event.uid.clone(), event.version)))
    }

    /// O3: no more writes than the journal accounts for, and no target is created or removed.
    fn writes_are_counted(&self, crashes: usize, wrong: &mut Vec<String>) {
        let mut known = BTreeSet::new();
        for event in self.events.iter().filter(|event| is_target(event)) {
            let version = if event.removed {
                REMOVED
            } else {
                event.version
            };
            let is_own = self.foreign.contains(&(event.uid.clone(), version));
            let (kind, name) = (&event.kind, event.name());
            match (known.insert(&event.uid), event.removed) {
                (_, true) if !is_own && !self.is_unmade(event) => {
                    wrong.push(format!("O3: {kind} {name} was removed"));
                }
                (true, false) if !is_own && !self.is_made(event) => {
                    wrong.push(format!("O3: {kind} {name} was created"));
                }
                (true | false, true | false) => {}
            }
        }
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for write in self.writes() {
            *made.entry(&write.after.uid).or_default() += 1;
        }
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for write in self.writes().iter().filter(|write| is_told(write)) {
            *told.entry(&write.after.uid).or_default() += 1;
        }
        for (uid, made) in made {
            // A `CronJob`'s controller may be told once for each return to pass missed runs over.
            let returns = self
                .ledgers
                .values()
                .flat_map(|ledger| ledger.entries.values());
            let suspended = returns.filter(|entry| {
                *entry.target.uid == *uid && entry.path == Path::fields(["spec", "suspend"])
            });
            let told = told.get(uid).copied().unwrap_or_default();
            let due: usize = self.ledgers.keys().map(|mode| self.due(mode, uid)).sum();
            let due = due + told.min(suspended.count());
            if made > due + crashes {
                wrong.push(format!(
                    "O3: {made} writes of {uid}, but its journals account for {due}"
                ));
            }
        }
    }

    /// How many writes of a target a journal accounts for: one a write of intents, one back for
    /// each, one for each time that it was written again, and the ownership passes.
    fn due(&self, mode: &str, uid: &str) -> usize {
        let ledger = &self.ledgers[mode];
        let of: BTreeMap<i64, &Entry> = ledger
            .entries
            .values()
            .filter(|entry| entry.target.uid == uid)
            .map(|entry| (entry.id.0, entry))
            .collect();
        let switched: BTreeSet<EntryId> = of.values().map(|entry| entry.write).collect();
        let mut again = 0;
        // Back in as many parts as there are answers to what drifted.
        let mut returned = 0;
        let mut owners = usize::from(of.values().any(|entry| entry.state == State::Kept));
        for record in &self.records[mode] {
            let items = record
                .spec
                .outcomes
                .iter()
                .flat_map(|outcomes| &outcomes.items);
            for item in
                items.filter(|item| numbers(&item.entries).iter().any(|id| of.contains_key(id)))
            {
                match item.event.as_str() {
                    "Reasserted" | "Ours" => again += 1,
                    // What is refused together is tried one by one, to name the poison.
                    "Refused" | "Stuck" => again += of.len(),
                    "OwnersBack" => owners += 1,
                    "Reverted" => returned += 1,
                    _ => {}
                }
            }
        }
        switched.len() + returned.max(switched.len()) + again + owners
    }

    /// O4: every write has an earlier intent with its uid and path or, for a return, an earlier
    /// turn; and it changes nothing else.
    fn intents_come_first(&self, wrong: &mut Vec<String>) {
        for write in self.writes() {
            let (uid, name) = (&write.after.uid, write.after.name());
            let journalled: Vec<(&str, &Entry)> = self
                .entries()
                .filter(|(_, entry)| entry.target.uid == *uid)
                .collect();
            let paths: BTreeSet<&Path> = journalled.iter().map(|(_, entry)| &entry.path).collect();
            if without(&write.before.object, &paths) != without(&write.after.object, &paths) {
                wrong.push(format!(
                    "O4: a write of {name} changed what no record names: {} became {}",
                    without(&write.before.object, &paths),
                    without(&write.after.object, &paths)
                ));
            }
            for path in paths {
                let (was, is) = (
                    Image::at(&write.before.object, path),
                    Image::at(&write.after.object, path),
                );
                if was == is {
                    continue;
                }
                let first = journalled.iter().any(|(mode, entry)| {
                    let about =
                        entry.path == *path && self.intended_at(mode, entry) < write.after.version;
                    about
                        && (is == entry.after
                            || is_same_quantity(&is, &entry.after)
                            || is == *entry.ours()
                            || is_shorter(entry, &was, &is)
                            || is == entry.base
                                && self.turned_before(mode, entry, write.after.version))
                });
                if !first {
                    wrong.push(format!(
                        "O4: {path} of {name} became {} before any record said so",
                        is.display()
                    ));
                }
            }
        }
    }

    /// When an entry's intent was stored.
    fn intended_at(&self, mode: &str, entry: &Entry) -> u64 {
        let holds = |record: &&Record| {
            record
                .spec
                .intents
                .iter()
                .any(|intents| intents.entries.iter().any(|intent| intent.id == entry.id.0))
        };
        self.records[mode]
            .iter()
            .find(holds)
            .map_or(u64::MAX, |record| record.version)
    }

    /// Whether the return of an entry was journalled before.
    fn turned_before(&self, mode: &str, entry: &Entry, version: u64) -> bool {
        self.records[mode]
            .iter()
            .take_while(|record| record.version < version)
            .any(|record| {
                let restoring = record
                    .spec
                    .turn
                    .as_ref()
                    .is_some_and(|turn| turn.kind == TurnKind::Restoring);
                let items = record
                    .spec
                    .outcomes
                    .iter()
                    .flat_map(|outcomes| &outcomes.items);
                restoring
                    || items
                        .filter(|item| item.event == "Turned")
                        .any(|item| numbers(&item.entries).contains(&entry.id.0))
            })
    }

    /// O5: no write replaces a value that is neither ours nor what peacetime had.
    fn foreign_values_stand(&self, allowed: Allowed, wrong: &mut Vec<String>) {
        if allowed.overwrite {
            return;
        }
        for write in self.writes() {
            for (_, entry) in self
                .entries()
                .filter(|(_, entry)| entry.target.uid == write.after.uid)
            {
                let (was, is) = (
                    Image::at(&write.before.object, &entry.path),
                    Image::at(&write.after.object, &entry.path),
                );
                let known = self.entries().filter(|(_, other)| {
                    other.target.uid == entry.target.uid && other.path == entry.path
                });
                let mut known = known
                    .flat_map(|(_, other)| [&other.seen, other.ours(), &other.after, &other.base]);
                if was != is && !known.any(|value| *value == was || is_same_quantity(&was, value)) {
                    wrong.push(format!(
                        "O5: {} of {} was {}, which is somebody else's, and was made {}",
                        entry.path,
                        entry.target.name,
                        was.display(),
                        is.display()
                    ));
                }
            }
        }
    }
}

/// Whether a list of people is the one that was asked for, but for some whom somebody else took out of it
/// before: they are not put back.
fn is_shorter(entry: &Entry, was: &Image, is: &Image) -> bool {
    let items = |image: &Image| {
        let items = image.value().and_then(Value::as_array);
        items.cloned().unwrap_or_default()
    };
    let (asked, there) = (items(&entry.after), items(was));
    let mut left = items(is).into_iter();
    entry.target.kind.ends_with("Binding")
        && entry.path == Path::fields(["subjects"])
        && left.all(|one| asked.contains(&one) && there.contains(&one))
}

/// Whether both are the same amount, which the server writes in its own way.
fn is_same_quantity(is: &Image, after: &Image) -> bool {
    let amount = |image: &Image| quantity::canonical(image.value()?.as_str()?, false);
    amount(is).is_some() && amount(is) == amount(after)
}

/// O8: waits until nothing happens any more, and says what still does after some times.
async fn rests(mut quiet: impl AsyncFnMut() -> Vec<Event>) -> Result<(), Vec<String>> {
    let mut late = Vec::new();
    for _ in 0..RESTLESS {
        late = quiet().await;
        if late.is_empty() {
            return Ok(());
        }
    }
    let named = late
        .iter()
        .map(|event| format!("{} {}", event.kind, event.name()));
    Err(named.collect())
}

/// O1: how objects differ from what they were, but for some of them, a sentence each.
fn differing(before: &Objects, after: &Objects, but: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, old) in before
        .iter()
        .filter(|(key, _)| !but.contains(&key.1.as_str()))
    {
        match after.get(key) {
            Some(new) => wrong.extend(
                exact::differences(old, new)
                    .into_iter()
                    .map(|what| format!("{} {}: {what}", key.0, key.1)),
            ),
            None => wrong.push(format!("{} {} is gone", key.0, key.1)),
        }
    }
    wrong
}

/// Whether an event is of an object of the fleet, or of a freeze.
pub fn is_target(event: &Event) -> bool {
    let kind = event.kind.as_str();
    let fleet = [&KINDS[..], &MORE_KINDS, &CLOSED_KINDS];
    kind == "ChangeFreeze" || fleet.iter().any(|kinds| kinds.contains(&kind))
}

/// Whether a write tells a `CronJob`'s controller that a run was begun now, and nothing else.
fn is_told(write: &Write<'_>) -> bool {
    let without = |object: &Value| {
        let mut object = exact::comparable(object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        object
    };
    let (before, after) = (&write.before.object, &write.after.object);
    let at = "/status/lastScheduleTime";
    without(before) == without(after) && before.pointer(at) != after.pointer(at)
}

/// Objects by their uid.
pub fn by_uid(live: &Objects) -> BTreeMap<&str, &Value> {
    live.values()
        .filter_map(|object| Some((object["metadata"]["uid"].as_str()?, object)))
        .collect()
}

fn managers(object: &Value) -> impl Iterator<Item = &str> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["manager"].as_str())
}

/// The numbers of a list such as `3,7-12`.
fn numbers(text: &str) -> BTreeSet<i64> {
    let number = |text: &str| text.parse::<i64>().expect("a number of an entry");
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => number(from)..=number(to),
        None => number(part)..=number(part),
    };
    text.split(',').flat_map(range).collect()
}

/// An object without some fields, without the objects that are empty then, and without what every
/// write changes.
fn without(object: &Value, paths: &BTreeSet<&Path>) -> Value {
    let mut object = exact::comparable(object);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(names::HELD_BY_LABEL);
        }
    }
    for path in paths {
        remove(&mut object, path.segments());
    }
    prune(&mut object);
    object
}

fn remove(value: &mut Value, segments: &[Segment]) {
    let Some((first, rest)) = segments.split_first() else {
        return;
    };
    let next = match first {
        Segment::Field(name) if rest.is_empty() => {
            if let Some(map) = value.as_object_mut() {
                map.remove(name);
            }
            return;
        }
        Segment::Field(name) => value.get_mut(name),
        Segment::Key(keys) => {
            let is_it = |item: &&mut Value| {
                keys.iter().all(|(key, text)| {
                    item.get(key).is_some_and(|value| {
                        serde_json::to_string(value).is_ok_and(|found| found == *text)
                    })
                })
            };
            value
                .as_array_mut()
                .and_then(|items| items.iter_mut().find(is_it))
        }
        Segment::Value(_) => None,
        Segment::Index(index) => value.get_mut(index),
    };
    if let Some(next) = next {
        remove(next, rest);
    }
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, value| {
                !matches!(value, Value::Object(map) if map.is_empty()) && !value.is_null()
            });
        }
        Value::Array(list) => list.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Evidence {
    /// How many writes of targets were not the scenario's own.
    pub fn write_count(&self) -> usize {
        self.writes().len()
    }

    /// How many records of a kind a journal has.
    pub fn count(&self, mode: &EmergencyMode, type_: RecordType) -> usize {
        let uid = mode.metadata.uid.as_deref().expect("a mode has a uid");
        self.records[uid]
            .iter()
            .filter(|record| record.spec.type_ == type_)
            .count()
    }
}
