//! Splits what is to be journalled into bodies that the API server accepts and that are written in
//! milliseconds.

use std::collections::BTreeSet;

use crate::field::Image;

use super::entry::NewEntry;
use super::intents::{group_of, lost, owner_of};
use super::record::{BYTES, Body, GROUP, NewOutcome};

/// Former owners that one record can name: what the schema accepts.
const OWNERS: usize = 256;
/// Outcomes in one record: half of what the schema accepts, since a long list of entries is cut
/// into several.
const ITEMS: usize = 512;
/// Entries that one record of outcomes speaks of. In the worst case each is a range of its own of
/// at most 8 characters, and 96 KiB are kept.
const OUTCOME_ENTRIES: usize = 8192;
/// Bytes of an intent beyond its names, owners and values: keys, numbers, quotes.
const INTENT: usize = 160;
/// Bytes of an owner, parent or outcome beyond its texts.
const ITEM: usize = 64;

/// Splits changes into bodies of at most `first` changes, then [`GROUP`] changes, and [`BYTES`]
/// bytes each; never splits the changes of one target. A single target beyond the limit is a body
/// of its own.
///
/// Guarantees: order is kept, nothing is lost, no body is empty. A body names at most 256 owners,
/// as the schema demands, unless a single target has more.
/// Assumptions: changes of one target and stage are neighbours.
pub fn group(entries: Vec<NewEntry>, first: usize) -> Vec<Body> {
    let mut bodies = Vec::new();
    let mut open = Open::default();
    for write in writes(entries) {
        let limit = if bodies.is_empty() { first } else { GROUP };
        if !open.fits(&write, limit) {
            bodies.push(Body::Intents(std::mem::take(&mut open).entries));
        }
        open.take(write);
    }
    if !open.entries.is_empty() {
        bodies.push(Body::Intents(open.entries));
    }
    bodies
}

/// Splits outcomes into bodies that the schema accepts, in order.
pub fn group_outcomes(outcomes: Vec<NewOutcome>) -> Vec<Body> {
    let mut bodies = Vec::new();
    let mut open: Vec<NewOutcome> = Vec::new();
    let (mut bytes, mut entries) = (0, 0);
    for outcome in outcomes {
        for chunk in outcome.entries.chunks(OUTCOME_ENTRIES) {
            let size = ITEM
                + outcome.observed.as_ref().map_or(0, image_bytes)
                + outcome
                    .reason
                    .as_ref()
                    .map_or(0, |reason| json_bytes(reason))
                + outcome
                    .owners
                    .iter()
                    .map(|owner| json_bytes(owner))
                    .sum::<usize>();
            let full = open.len() == ITEMS
                || bytes + size > BYTES
                || entries + chunk.len() > OUTCOME_ENTRIES;
            if full && !open.is_empty() {
                bodies.push(Body::Outcomes(std::mem::take(&mut open)));
                (bytes, entries) = (0, 0);
            }
            bytes += size;
            entries += chunk.len();
            open.push(NewOutcome {
                entries: chunk.to_vec(),
                ..outcome.clone()
            });
        }
    }
    if !open.is_empty() {
        bodies.push(Body::Outcomes(open));
    }
    bodies
}

/// The changes by target: neighbours of the same uid.
fn writes(entries: Vec<NewEntry>) -> Vec<Vec<NewEntry>> {
    let mut writes: Vec<Vec<NewEntry>> = Vec::new();
    for entry in entries {
        match writes.last_mut() {
            Some(write)
                if write
                    .last()
                    .is_some_and(|last| last.target.uid == entry.target.uid) =>
            {
                write.push(entry);
            }
            Some(_) | None => writes.push(vec![entry]),
        }
    }
    writes
}

/// A body that is being filled.
#[derive(Default)]
struct Open {
    entries: Vec<NewEntry>,
    bytes: usize,
    groups: BTreeSet<crate::api::IntentGroup>,
    owners: BTreeSet<crate::api::OwnerRef>,
}

impl Open {
    /// Whether one more write has room here. An empty body has room for any.
    fn fits(&self, write: &[NewEntry], limit: usize) -> bool {
        if self.entries.is_empty() {
            return true;
        }
        if self.entries.len() + write.len() > limit {
            return false;
        }
        let mut owners = self.owners.clone();
        owners.extend(owners_of(write));
        owners.len() <= OWNERS && self.bytes + self.bytes_of(write) <= BYTES
    }

    fn take(&mut self, write: Vec<NewEntry>) {
        self.bytes += self.bytes_of(&write);
        self.owners.extend(owners_of(&write));
        self.groups.extend(write.iter().map(group_of));
        self.entries.extend(write);
    }

    /// What a write would add to the record, rather too much than too little.
    fn bytes_of(&self, write: &[NewEntry]) -> usize {
        let mut groups = BTreeSet::new();
        let mut bytes = 0;
        for entry in write {
            bytes += entry_bytes(entry);
            let group = group_of(entry);
            if !self.groups.contains(&group) && !groups.contains(&group) {
                bytes += ITEM * 2
                    + group.stage.len()
                    + group.step.len()
                    + group.api_version.len()
                    + group.kind.len()
                    + group.plural.len()
                    + json_bytes(&group.path);
                groups.insert(group);
            }
        }
        bytes
    }
}

fn owners_of(write: &[NewEntry]) -> impl Iterator<Item = crate::api::OwnerRef> {
    write
        .iter()
        .flat_map(|entry| entry.owners.iter().map(|former| owner_of(&former.owner)))
}

fn entry_bytes(entry: &NewEntry) -> usize {
    let target = &entry.target;
    let owners: usize = entry
        .owners
        .iter()
        .map(|former| {
            let lost = lost(&former.lost, &entry.path).map_or(0, |text| json_bytes(&text));
            // The owner's own words too, although most are shared: this is an upper bound.
            ITEM * 2
                + lost
                + former.owner.manager.len()
                + former.owner.api_version.len()
                + former.owner.subresource.len()
        })
        .sum();
    let parents: usize = entry
        .parents
        .iter()
        .map(|parent| json_bytes(&parent.to_string()))
        .sum();
    INTENT
        + target.namespace.len()
        + target.name.len()
        + target.uid.len()
        + image_bytes(&entry.base)
        + image_bytes(&entry.seen)
        + image_bytes(&entry.after)
        + owners
        + parents
}

fn image_bytes(image: &Image) -> usize {
    image.to_text().map_or(0, |text| json_bytes(&text))
}

/// The bytes of a text inside a record, with its quotes and escapes.
fn json_bytes(text: &str) -> usize {
    let escapes = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => 1,
            0..0x20 => 5,
            _ => 0,
        })
        .sum::<usize>();
    text.len() + escapes + 2
}
