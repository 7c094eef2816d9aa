//! Objects that modes make: each made and removed only as a journal says, and never anybody else's.

use std::collections::BTreeMap;

use pingzhan::api::names;
use pingzhan::field::{Image, Target, creation};
use pingzhan::ledger::{Direction, Entry};
use serde_json::Value;

use super::super::history::Event;
use super::super::world::Objects;
use super::{Evidence, is_target, numbers};

/// The mode that an object says it was made for.
fn maker(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][names::MADE_FOR_LABEL].as_str()
}

/// What is at the place of a creation.
pub fn image(live: &Objects, target: &Target) -> Image {
    let key = (target.kind.clone(), target.name.clone());
    let seen = creation::seen(target, live.get(&key));
    seen.seen[0].image.clone()
}

impl Evidence {
    /// The creations that a journal has of the place of an object, by their modes.
    fn creations<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        self.entries().filter(|(mode, entry)| {
            let target = &entry.target;
            creation::is(&target.uid)
                && target.kind == event.kind
                && target.name == event.name()
                && maker(&event.object) == Some(*mode)
        })
    }

    /// Whether an object is one that a mode made after it had said so.
    pub(super) fn is_made(&self, event: &Event) -> bool {
        self.creations(event)
            .any(|(mode, entry)| self.intended_at(mode, entry) < event.version)
    }

    /// Whether an object that is gone is one that a mode made, and whose return it had begun.
    pub(super) fn is_unmade(&self, event: &Event) -> bool {
        self.creations(event)
            .any(|(mode, entry)| self.turned_before(mode, entry, event.version))
    }

    /// O3: an object is made once, and once more for each time that it was made again.
    pub(super) fn creations_are_counted(&self, crashes: usize, wrong: &mut Vec<String>) {
        let mut known: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
        for event in self.events.iter().filter(|event| is_target(event)) {
            let Some(mode) = maker(&event.object) else {
                continue;
            };
            let uids = known.entry((mode, &event.kind, event.name())).or_default();
            if !uids.contains(&event.uid.as_str()) {
                uids.push(&event.uid);
            }
        }
        for ((mode, kind, name), uids) in known {
            let Some(ledger) = self.ledgers.get(mode) else {
                wrong.push(format!(
                    "O3: {kind} {name} was made for {mode}, which has no journal"
                ));
                continue;
            };
            let of = |entry: &&Entry| {
                let target = &entry.target;
                creation::is(&target.uid) && target.kind == kind && target.name == name
            };
            let entries: Vec<i64> = ledger
                .entries
                .values()
                .filter(of)
                .map(|one| one.id.0)
                .collect();
            let records = self.records[mode].iter();
            let items =
                records.flat_map(|record| record.spec.outcomes.iter().flat_map(|all| &all.items));
            let again = items
                .filter(|item| ["Reasserted", "Ours"].contains(&item.event.as_str()))
                .filter(|item| numbers(&item.entries).iter().any(|id| entries.contains(id)))
                .count();
            if uids.len() > entries.len() + again + crashes {
                wrong.push(format!(
                    "O3: {kind} {name} was made {} times, and its journal accounts for {}",
                    uids.len(),
                    entries.len() + again
                ));
            }
        }
    }

    /// O2: nothing that was made is there when its mode is over.
    pub(super) fn nothing_made_is_left(&self, live: &Objects, wrong: &mut Vec<String>) {
        for ((kind, name), object) in live {
            let ledger = maker(object).and_then(|mode| self.ledgers.get(mode));
            if ledger.is_some_and(|ledger| ledger.direction == Direction::Closed) {
                wrong.push(format!(
                    "O2: {kind} {name} was made for a mode that is over"
                ));
            }
        }
    }
}
