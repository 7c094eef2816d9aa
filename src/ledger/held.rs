//! Which fields which mode holds, over all journals: what a second mode must not touch.

use std::collections::BTreeMap;

use crate::field::{Path, Uid};

use super::entry::EntryId;
use super::fold::{Direction, Ledger};

/// Who holds a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The mode's name.
    pub mode: String,
    /// The mode's uid.
    pub uid: String,
    /// The entry by which it holds.
    pub entry: EntryId,
}

/// The fields that modes hold, by target and path.
///
/// Guarantees: every field that is or may be written and is not given back, whatever the direction;
/// a mode that is closed holds nothing. Where two modes hold one field, the first of the iterator
/// is named.
pub fn held<'a>(ledgers: impl Iterator<Item = &'a Ledger>) -> BTreeMap<(Uid, Path), Holder> {
    let mut held = BTreeMap::new();
    for ledger in ledgers.filter(|ledger| ledger.direction != Direction::Closed) {
        for entry in ledger.live() {
            held.entry((entry.target.uid.clone(), entry.path.clone()))
                .or_insert_with(|| Holder {
                    mode: ledger.mode.name.clone(),
                    uid: ledger.mode.uid.clone(),
                    entry: entry.id,
                });
        }
    }
    held
}

/// Who holds a field, its parent, or a part of it, and which of these.
///
/// Costs one search and a look at the held fields of this one target.
pub fn overlapping<'a>(
    held: &'a BTreeMap<(Uid, Path), Holder>,
    uid: &'a Uid,
    path: &'a Path,
) -> impl Iterator<Item = (&'a Path, &'a Holder)> {
    held.range((uid.clone(), Path::new(Vec::new()))..)
        .take_while(move |((of, _), _)| of == uid)
        .filter(move |((_, other), _)| other.overlaps(path))
        .map(|((_, other), holder)| (other, holder))
}
