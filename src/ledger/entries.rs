//! The entries of one mode's journal, by number.

use std::ops::Index;

use super::entry::{Entry, EntryId};

/// Entries, numbered from 1 without a gap, as the journal numbers them: a fleet's are one block of
/// memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries(Vec<Entry>);

impl Entries {
    /// The entry of this number.
    pub fn get(&self, id: EntryId) -> Option<&Entry> {
        self.0.get(place(id)?)
    }

    /// Puts another one in the place of that of its number, where there is one.
    pub(super) fn replace(&mut self, entry: Entry) {
        if let Some(known) = place(entry.id).and_then(|place| self.0.get_mut(place)) {
            *known = entry;
        }
    }

    /// The entries, the oldest first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }

    /// The entries, the oldest first, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.iter_mut()
    }

    /// How many there are: also the number of the last one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    ///
    /// Assumptions: its number is the one after the last.
    pub(super) fn push(&mut self, entry: Entry) {
        self.0.push(entry);
    }
}

impl Index<&EntryId> for Entries {
    type Output = Entry;

    /// # Panics
    /// There is no such entry.
    fn index(&self, id: &EntryId) -> &Entry {
        self.get(*id).expect("a number of this journal")
    }
}

fn place(id: EntryId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::super::entry::sample;
    use super::*;

    /// Numbers come from records that anybody may have written.
    #[test]
    fn a_number_that_is_not_there_is_none() {
        let mut entries = Entries::default();
        entries.push(sample("u1"));
        assert_eq!(entries.get(EntryId(1)), Some(&sample("u1")));
        for number in [0, 2, -1, i64::MIN, i64::MAX] {
            assert_eq!(entries.get(EntryId(number)), None, "{number}");
        }
    }
}
