//! Outcomes as they stand in a record: equal ones are one item, and its entries are ranges, so that
//! a thousand confirmed writes are one line. Called by [`super::record::encode`] and
//! [`super::record::decode`].

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Observed, Outcome, Outcomes};
use crate::field::Image;

use super::entry::EntryId;
use super::record::{NewOutcome, OWNERS, VALUE};
use super::transition::Event;

/// Characters of a list of ranges: what the schema accepts.
const RANGES: usize = 8192;
/// Characters of a reason: what the schema accepts.
const REASON: usize = 1024;
/// Numbers in one range that are believed: no journal has more entries, and a damaged record must
/// not fill the memory.
const LONGEST: i64 = 1_000_000;

/// Writes outcomes. Equal ones are merged into the earliest item that keeps the order of what
/// happened to each entry.
pub(super) fn encode(outcomes: &[NewOutcome]) -> Outcomes {
    let mut items: Vec<(Outcome, BTreeSet<i64>)> = Vec::new();
    let mut latest: BTreeMap<Key, usize> = BTreeMap::new();
    let mut touched: BTreeMap<i64, usize> = BTreeMap::new();
    for outcome in outcomes {
        let item = item(outcome);
        let key = key(&item);
        for EntryId(id) in &outcome.entries {
            let after = touched.get(id).copied().unwrap_or(0);
            let place = match latest.get(&key) {
                Some(place) if *place >= after => *place,
                Some(_) | None => {
                    items.push((item.clone(), BTreeSet::new()));
                    latest.insert(key.clone(), items.len() - 1);
                    items.len() - 1
                }
            };
            items[place].1.insert(*id);
            touched.insert(*id, place);
        }
    }
    let items = items
        .into_iter()
        .flat_map(|(item, entries)| {
            ranges(&entries).into_iter().map(move |entries| Outcome {
                entries,
                ..item.clone()
            })
        })
        .collect();
    Outcomes { items }
}

/// Reads outcomes.
pub(super) fn decode(outcomes: &Outcomes) -> Result<Vec<NewOutcome>, String> {
    outcomes
        .items
        .iter()
        .map(|outcome| {
            let Outcome {
                event,
                entries,
                observed,
                verdicts,
                reason,
                owners,
            } = outcome;
            Ok(NewOutcome {
                event: Event::from_word(event)
                    .ok_or_else(|| format!("`{event}` is not an event of this version"))?,
                entries: parse_ranges(entries)?,
                observed: observed
                    .as_ref()
                    .map(|observed| Image::from_text(observed.value.as_deref()))
                    .transpose()
                    .map_err(|error| format!("an observed value is not JSON: {error}"))?,
                reason: reason.clone(),
                verdicts: *verdicts,
                owners: owners.clone(),
            })
        })
        .collect()
}

/// What outcomes must have in common to be one item.
type Key = (
    String,
    Option<Option<String>>,
    Option<String>,
    i64,
    Vec<String>,
);

fn key(item: &Outcome) -> Key {
    (
        item.event.clone(),
        item.observed
            .as_ref()
            .map(|observed| observed.value.clone()),
        item.reason.clone(),
        item.verdicts,
        item.owners.clone(),
    )
}

fn item(outcome: &NewOutcome) -> Outcome {
    Outcome {
        event: outcome.event.word().to_owned(),
        entries: String::new(),
        observed: outcome.observed.as_ref().map(|image| Observed {
            value: image.within(VALUE).to_text(),
        }),
        verdicts: outcome.verdicts,
        reason: outcome
            .reason
            .as_ref()
            .map(|reason| reason.chars().take(REASON).collect()),
        owners: outcome.owners.iter().take(OWNERS).cloned().collect(),
    }
}

/// Numbers as `3,7-12`, in texts of at most [`RANGES`] characters.
fn ranges(numbers: &BTreeSet<i64>) -> Vec<String> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            Some(_) | None => runs.push((*number, *number)),
        }
    }
    let mut texts: Vec<String> = Vec::new();
    for (start, end) in runs {
        let run = if start == end {
            start.to_string()
        } else {
            format!("{start}-{end}")
        };
        match texts.last_mut() {
            Some(text) if text.len() + 1 + run.len() <= RANGES => {
                text.push(',');
                text.push_str(&run);
            }
            Some(_) | None => texts.push(run),
        }
    }
    texts
}

fn parse_ranges(text: &str) -> Result<Vec<EntryId>, String> {
    let number = |text: &str| {
        text.parse::<i64>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| format!("`{text}` is not the number of an entry"))
    };
    let mut entries = Vec::new();
    for run in text.split(',') {
        let (start, end) = match run.split_once('-') {
            Some((start, end)) => (number(start)?, number(end)?),
            None => (number(run)?, number(run)?),
        };
        if end < start || end - start > LONGEST {
            return Err(format!("`{run}` is not a range of entries"));
        }
        entries.extend((start..=end).map(EntryId));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(event: Event, entries: &[i64]) -> NewOutcome {
        NewOutcome::new(event, entries.iter().copied().map(EntryId).collect())
    }

    /// A thousand confirmed writes have to be one line of a record, not a thousand.
    #[test]
    fn equal_outcomes_are_one_item_of_ranges() {
        let outcomes: Vec<_> = (1..=1000)
            .filter(|id| *id != 500)
            .map(|id| outcome(Event::Applied, &[id]))
            .collect();
        let encoded = encode(&outcomes);
        assert_eq!(encoded.items.len(), 1);
        assert_eq!(encoded.items[0].entries, "1-499,501-1000");
    }

    /// The fold takes items in order: merging across another event of the same entry would turn
    /// "drifted, then applied again" into the opposite.
    #[test]
    fn merging_keeps_the_order_of_each_entry() {
        let encoded = encode(&[
            outcome(Event::Applied, &[1, 2]),
            outcome(Event::Drifted, &[1]),
            outcome(Event::Applied, &[1, 3]),
        ]);
        let texts: Vec<_> = encoded
            .items
            .iter()
            .map(|item| format!("{} {}", item.event, item.entries))
            .collect();
        assert_eq!(texts, ["Applied 1-2", "Drifted 1", "Applied 1,3"]);
    }

    /// The schema refuses longer texts, and a refused outcomes record would stop a switch.
    #[test]
    fn long_lists_and_reasons_are_cut_to_what_the_schema_accepts() {
        let odd: Vec<_> = (0..5000).map(|number| number * 2 + 1).collect();
        let mut long = outcome(Event::Refused, &odd);
        long.reason = Some("洪".repeat(3000));
        let encoded = encode(&[long]);
        assert!(encoded.items.len() > 1);
        for item in &encoded.items {
            assert!(item.entries.len() <= RANGES);
            assert_eq!(
                item.reason.as_ref().map(|r| r.chars().count()),
                Some(REASON)
            );
        }
        let read: usize = decode(&encoded)
            .expect("it was just written")
            .iter()
            .map(|outcome| outcome.entries.len())
            .sum();
        assert_eq!(read, 5000);
    }

    /// A damaged record must be said to be damaged, not fill the memory or be half read.
    #[test]
    fn nonsense_for_ranges_is_an_error() {
        for bad in ["", "0", "-3", "5-3", "1,,2", "x", "1-99999999999", "1-2-3"] {
            assert!(parse_ranges(bad).is_err(), "{bad} was accepted");
        }
    }

    proptest! {
        /// Whatever a record says must be read back as it was, for each entry in its order.
        #[test]
        fn what_happened_to_each_entry_is_read_back(
            outcomes in prop::collection::vec(
                (
                    prop::sample::select(Event::ALL.to_vec()),
                    prop::collection::btree_set(1..40_i64, 1..6),
                    prop::option::of(prop::option::of(-3..3_i64)),
                    prop::option::of("[a-z洪]{0,5}"),
                    0..2_i64,
                    prop::collection::vec("[a-z洪]{1,5}", 0..2),
                ),
                0..30,
            ),
        ) {
            let outcomes: Vec<_> = outcomes
                .into_iter()
                .map(|(event, entries, observed, reason, verdicts, owners)| NewOutcome {
                    event,
                    entries: entries.into_iter().map(EntryId).collect(),
                    observed: observed.map(|value| {
                        value.map_or(Image::Absent, |value| Image::Present(value.into()))
                    }),
                    reason,
                    verdicts,
                    owners,
                })
                .collect();
            let read = decode(&encode(&outcomes)).expect("it was just written");
            prop_assert_eq!(stories(&outcomes), stories(&read));
        }
    }

    /// What happened to each entry, in order; the same thing twice in a row is once.
    fn stories(outcomes: &[NewOutcome]) -> BTreeMap<EntryId, Vec<NewOutcome>> {
        let mut stories: BTreeMap<EntryId, Vec<NewOutcome>> = BTreeMap::new();
        for outcome in outcomes {
            for id in &outcome.entries {
                let single = NewOutcome {
                    entries: vec![*id],
                    ..outcome.clone()
                };
                let story = stories.entry(*id).or_default();
                if story.last() != Some(&single) {
                    story.push(single);
                }
            }
        }
        stories
    }
}
