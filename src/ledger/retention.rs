//! Pure: when the records of a mode that is over may be deleted.
//!
//! They are deleted oldest first, so that what is left after a crash is a journal that nothing acts
//! on (its beginning is missing), never one that looks as if the mode were still in force.

use jiff::{SignedDuration, Timestamp};

use crate::api::{ChangeRecordSpec, RecordMode, TurnKind};

use super::fold::{ABANDONED, Direction, Ledger};
use super::record;

/// What becomes of a mode's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They stay: the mode is not over, or not everything of it is settled, or the journal is
    /// damaged and a person has to look at it.
    Stay,
    /// They stay until then.
    Until(Timestamp),
    /// They may be deleted.
    Over,
}

/// Says what becomes of a mode's records, which are all that the server has of it.
///
/// Guarantees: [`Fate::Over`] only when the journal is whole, its mode Closed, every entry final,
/// and the last record older than `keep`; or when it is the end of such a journal, from the last
/// back to where an earlier deletion stopped.
pub fn fate(mut records: Vec<ChangeRecordSpec>, keep: SignedDuration, now: Timestamp) -> Fate {
    records.sort_by_key(|record| record.sequence);
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return Fate::Stay;
    };
    let Ok(at) = last.at.parse::<Timestamp>() else {
        return Fate::Stay;
    };
    let due = at.saturating_add(keep).unwrap_or(Timestamp::MAX);
    let mode = first.mode.clone();
    let over = if first.sequence == 1 {
        is_over(mode, records)
    } else {
        is_rest(&records)
    };
    match over {
        false => Fate::Stay,
        true if now < due => Fate::Until(due),
        true => Fate::Over,
    }
}

fn is_over(mode: RecordMode, records: Vec<ChangeRecordSpec>) -> bool {
    Ledger::fold(mode, records).is_ok_and(|ledger| {
        let mut entries = ledger.entries.values();
        ledger.direction == Direction::Closed && entries.all(|entry| entry.state.is_settled_back())
    })
}

/// Whether these are the rest of a journal whose deletion was begun: unbroken, and closed because
/// everything was settled. A mode that was abandoned says nothing of its entries any more.
fn is_rest(records: &[ChangeRecordSpec]) -> bool {
    let chained = records.windows(2).all(|pair| {
        pair[1].sequence == pair[0].sequence + 1 && pair[1].prev == record::hash(&pair[0])
    });
    let closing = records.last().and_then(|last| last.turn.as_ref());
    chained
        && closing.is_some_and(|turn| {
            turn.kind == TurnKind::Closed
                && turn.reason.as_deref().is_some_and(|why| why != ABANDONED)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entry::EntryId;
    use super::super::record::{Body, NewOutcome, encode};
    use super::super::tests::{at, granted, mode, scale, turn};
    use super::super::transition::Event;
    use super::*;

    /// How long records are kept in these tests.
    const KEEP: SignedDuration = SignedDuration::from_hours(1);

    /// The whole life of a mode of one change; `reason` is that of its end.
    fn life(reason: &str, settled: bool) -> Vec<ChangeRecordSpec> {
        let closed = crate::api::Turn {
            reason: Some(reason.to_owned()),
            ..turn(TurnKind::Closed)
        };
        let happened = |event| Body::Outcomes(vec![NewOutcome::new(event, vec![EntryId(1)])]);
        let mut bodies = vec![
            Body::Turn(granted()),
            Body::Intents(vec![scale(1, 3, 9)]),
            happened(Event::Applied),
            Body::Turn(turn(TurnKind::Restoring)),
        ];
        if settled {
            bodies.extend([happened(Event::Reverted), happened(Event::OwnersBack)]);
        }
        bodies.push(Body::Turn(closed));
        let mut ledger = Ledger::new(mode());
        let mut records = Vec::new();
        for body in bodies {
            let when = at(ledger.head.sequence);
            let next = ledger.next_entry;
            let record = encode(&ledger.head, &ledger.mode, 1, when, next, &body);
            ledger.apply(&record).expect("a legal record");
            records.push(record);
        }
        records
    }

    fn later(hours: i64) -> Timestamp {
        at(0) + SignedDuration::from_hours(hours)
    }

    /// The promise is a time: neither a day less, nor for ever.
    #[test]
    fn records_of_a_closed_mode_are_kept_as_long_as_promised() {
        let records = life("Restored", true);
        let due = at(6) + KEEP;
        assert_eq!(fate(records.clone(), KEEP, later(0)), Fate::Until(due));
        assert_eq!(
            fate(records.clone(), KEEP, due - SignedDuration::from_secs(1)),
            Fate::Until(due)
        );
        assert_eq!(fate(records, KEEP, due), Fate::Over);
    }

    /// Whoever abandoned a mode left values there that only these records can bring back.
    #[test]
    fn records_that_something_may_still_be_brought_back_by_stay() {
        for records in [life("Abandoned", false), life("Restored", false)] {
            assert_eq!(fate(records, KEEP, later(9_999)), Fate::Stay);
        }
        assert_eq!(fate(Vec::new(), KEEP, later(9_999)), Fate::Stay);
    }

    /// A crash in the middle of a deletion must not leave its rest for ever.
    #[test]
    fn a_deletion_that_was_begun_is_finished() {
        let whole = life("Restored", true);
        for gone in 1..whole.len() {
            let rest = whole[gone..].to_vec();
            assert_eq!(fate(rest, KEEP, later(9)), Fate::Over, "{gone}");
        }
        let rest = life("Abandoned", true)[2..].to_vec();
        assert_eq!(fate(rest, KEEP, later(9)), Fate::Stay);
    }

    proptest! {
        /// Of no journal that misses its end, or anything in the middle, is anything deleted.
        #[test]
        fn a_journal_that_is_not_whole_to_its_end_stays(from in 0_usize..7, kept in 0_u8..128) {
            let whole = life("Restored", true);
            let some: Vec<_> = whole
                .iter()
                .enumerate()
                .filter(|(place, _)| *place >= from && kept & (1 << place) != 0)
                .map(|(_, record)| record.clone())
                .collect();
            let first = some.first().map_or(0, |record| record.sequence);
            let count = i64::try_from(some.len()).expect("few");
            let is_end = some.last().is_some_and(|last| last.sequence == 7 && last.sequence - first == count - 1);
            let expected = if is_end { Fate::Over } else { Fate::Stay };
            prop_assert_eq!(fate(some, KEEP, later(9)), expected);
        }
    }
}
