//! A model executor drives the scheduler through random histories and checks every guarantee of
//! the module at every effect.

mod release;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::ledger::record::{BYTES, FIRST_GROUP, GROUP};

/// What a work carries in the model.
#[derive(Clone, Debug, PartialEq)]
struct Load {
    basis: i64,
    recorded_at: Option<i64>,
}

type Outcome = (Uid, u64);
type Sut = Scheduler<Load, Outcome>;

#[derive(Clone, Debug)]
enum Op {
    Order {
        mode: u8,
        lag: bool,
        works: Vec<Spec>,
    },
    Drop {
        mode: u8,
    },
    Record {
        pick: Index,
        answer: Stored,
    },
    Write {
        pick: Index,
        answer: Answer,
    },
    Outcomes {
        pick: Index,
        answer: Stored,
    },
    Advance {
        ms: u16,
    },
}

#[derive(Clone, Debug)]
struct Spec {
    uid: u8,
    rank: u8,
    tag: u8,
    ownership: bool,
    before: u8,
}

#[derive(Clone, Copy, Debug)]
enum Stored {
    Yes,
    No(Option<u16>),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Settled,
    Nothing,
    Busy(u16),
    Again(u16),
    Ambiguous(u16),
    Panicked,
}

/// The world around the scheduler: journals, targets in flight, and the rules.
struct World {
    sut: Sut,
    now: u64,
    heads: BTreeMap<String, i64>,
    touched: BTreeMap<(String, Uid), i64>,
    records: Vec<(String, Vec<Work<Load>>)>,
    writes: Vec<(String, Work<Load>)>,
    outcomes: Vec<(String, Vec<Outcome>)>,
    done: BTreeSet<(String, Uid, u64)>,
    quarantined: BTreeSet<(String, Uid)>,
    hold: u64,
    alone: BTreeMap<Uid, u64>,
    wakes: BTreeSet<u64>,
    following: bool,
}

impl World {
    fn new() -> Self {
        Self {
            sut: Sut::new(32),
            now: 0,
            heads: BTreeMap::new(),
            touched: BTreeMap::new(),
            records: Vec::new(),
            writes: Vec::new(),
            outcomes: Vec::new(),
            done: BTreeSet::new(),
            quarantined: BTreeSet::new(),
            hold: 0,
            alone: BTreeMap::new(),
            wakes: BTreeSet::new(),
            following: false,
        }
    }

    fn send(&mut self, event: Event<Load, Outcome>) {
        for effect in self.sut.step(event, self.now) {
            self.take(effect);
        }
        assert!(self.writes.len() <= 32, "more in flight than any limit");
        assert_eq!(self.sut.in_flight(), self.writes.len());
    }

    fn take(&mut self, effect: Effect<Load, Outcome>) {
        match effect {
            Effect::Record { mode, works } => {
                assert!(self.now >= self.hold, "recorded before Retry-After");
                assert!(
                    self.records.iter().all(|(other, _)| *other != mode),
                    "two records"
                );
                check_group(&works);
                self.records.push((mode, works));
            }
            Effect::Write {
                mode,
                work,
                attempt: _,
            } => {
                self.check_write(&mode, &work);
                self.writes.push((mode, work));
            }
            Effect::RecordOutcomes { mode, outcomes } => {
                assert!(
                    self.outcomes.iter().all(|(other, _)| *other != mode),
                    "two records"
                );
                assert!(!outcomes.is_empty() && outcomes.len() <= GROUP);
                self.outcomes.push((mode, outcomes));
            }
            Effect::Wake { at } => {
                assert!(at > self.now, "a wake in the past spins");
                self.wakes.insert(at);
            }
            Effect::Quarantine { mode, uid } => {
                assert!(self.quarantined.insert((mode, uid)), "said twice");
            }
            Effect::Follow(on) => {
                assert_ne!(self.following, on, "said twice");
                self.following = on;
            }
            Effect::GaveUp { .. } => assert!(self.following, "nobody looked"),
        }
    }

    fn check_write(&self, mode: &str, work: &Work<Load>) {
        let uid = &work.uid;
        assert!(self.now >= self.hold, "wrote before Retry-After");
        assert!(
            self.alone.get(uid).is_none_or(|at| self.now >= *at),
            "an unconfirmed write lives"
        );
        assert!(
            self.writes.iter().all(|(_, other)| other.uid != *uid),
            "two writes on {uid}"
        );
        assert!(
            self.quarantined.iter().all(|(_, other)| other != uid),
            "touched a quarantined one"
        );
        if work.before != Before::Nothing {
            assert!(
                work.payload.recorded_at.is_some(),
                "wrote before the record"
            );
        }
        if let Some(sequence) = self.touched.get(&(mode.to_owned(), uid.clone())) {
            let known = work.payload.basis >= *sequence;
            assert!(
                known || work.payload.recorded_at == Some(*sequence),
                "stale work written"
            );
        }
        if work.lane == Lane::Ownership {
            assert!(
                self.writes
                    .iter()
                    .all(|(_, other)| other.lane == Lane::Ownership)
            );
        }
    }

    fn next_sequence(&mut self, mode: &str) -> i64 {
        let head = self.heads.entry(mode.to_owned()).or_insert(0);
        *head += 1;
        *head
    }

    fn order(&mut self, mode: &str, lag: bool, specs: &[Spec]) {
        let head = self.heads.get(mode).copied().unwrap_or(0);
        let basis = if lag { (head - 1).max(0) } else { head };
        let works = specs.iter().map(|spec| work(spec, basis)).collect();
        self.send(Event::Order(Order {
            mode: mode.to_owned(),
            basis,
            works,
            urgent: Vec::new(),
        }));
    }

    fn answer_record(&mut self, index: usize, answer: Stored) {
        let (mode, works) = self.records.remove(index);
        match answer {
            Stored::Yes => {
                let sequence = self.next_sequence(&mode);
                let mut stored = Vec::new();
                for work in works {
                    self.touched
                        .insert((mode.clone(), work.uid.clone()), sequence);
                    stored.push((
                        work.uid,
                        Load {
                            recorded_at: Some(sequence),
                            ..work.payload
                        },
                    ));
                }
                self.send(Event::Recorded {
                    mode,
                    sequence,
                    works: stored,
                });
            }
            Stored::No(after) => self.send(failed(mode, Recording::Works, after, false)),
        }
    }

    fn answer_outcomes(&mut self, index: usize, answer: Stored) {
        let (mode, outcomes) = self.outcomes.remove(index);
        match answer {
            Stored::Yes => {
                let sequence = self.next_sequence(&mode);
                for (uid, tag) in outcomes {
                    self.touched.insert((mode.clone(), uid.clone()), sequence);
                    self.done.insert((mode.clone(), uid, tag));
                }
                self.send(Event::OutcomesRecorded { mode, sequence });
            }
            Stored::No(after) => self.send(failed(mode, Recording::Outcomes, after, false)),
        }
    }

    fn answer_write(&mut self, index: usize, answer: Answer) {
        let (mode, work) = self.writes.remove(index);
        let result = match answer {
            Answer::Settled => Wrote::Settled(vec![(work.uid.clone(), work.tag)]),
            Answer::Nothing => Wrote::Settled(Vec::new()),
            Answer::Busy(ms) => {
                self.hold = self.hold.max(self.now + u64::from(ms));
                Wrote::Busy {
                    after_ms: ms.into(),
                }
            }
            Answer::Again(ms) => Wrote::Again {
                after_ms: ms.into(),
            },
            Answer::Ambiguous(ms) => {
                self.alone
                    .insert(work.uid.clone(), self.now + u64::from(ms));
                Wrote::Ambiguous {
                    after_ms: ms.into(),
                }
            }
            Answer::Panicked => Wrote::Panicked,
        };
        self.send(Event::Wrote {
            mode,
            uid: work.uid,
            result,
            seen: None,
        });
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Order { mode, lag, works } => self.order(&format!("mode-{mode}"), *lag, works),
            Op::Drop { mode } => self.send(Event::Drop {
                mode: format!("mode-{mode}"),
            }),
            Op::Record { pick, answer } if !self.records.is_empty() => {
                self.answer_record(pick.index(self.records.len()), *answer);
            }
            Op::Write { pick, answer } if !self.writes.is_empty() => {
                self.answer_write(pick.index(self.writes.len()), *answer);
            }
            Op::Outcomes { pick, answer } if !self.outcomes.is_empty() => {
                self.answer_outcomes(pick.index(self.outcomes.len()), *answer);
            }
            Op::Record { .. } | Op::Write { .. } | Op::Outcomes { .. } => {}
            Op::Advance { ms } => {
                self.now += u64::from(*ms);
                self.send(Event::Tick);
            }
        }
    }

    /// Answers everything well and follows the wakes until nothing is left to do.
    fn run_out(&mut self) {
        for _ in 0..100_000 {
            if !self.records.is_empty() {
                self.answer_record(0, Stored::Yes);
            } else if !self.writes.is_empty() {
                self.answer_write(0, Answer::Settled);
            } else if !self.outcomes.is_empty() {
                self.answer_outcomes(0, Stored::Yes);
            } else if let Some(at) = self.wakes.pop_first() {
                self.now = self.now.max(at);
                self.send(Event::Tick);
            } else {
                return;
            }
        }
        panic!("the scheduler does not come to rest");
    }
}

fn check_group(works: &[Work<Load>]) {
    let (mut changes, mut bytes) = (0, 0);
    for work in works {
        match work.before {
            Before::Intents {
                changes: more,
                bytes: size,
            } => {
                changes += more;
                bytes += size;
            }
            Before::Turned => changes += 1,
            Before::Nothing => panic!("nothing was to be recorded"),
        }
    }
    assert!(
        works.len() == 1 || (changes <= GROUP && bytes <= BYTES),
        "{changes} {bytes}"
    );
    let turns = works
        .iter()
        .filter(|work| work.before == Before::Turned)
        .count();
    assert!(
        turns == 0 || turns == works.len(),
        "one record has one kind of body"
    );
}

fn failed(
    mode: String,
    recording: Recording,
    after: Option<u16>,
    deposed: bool,
) -> Event<Load, Outcome> {
    Event::RecordFailed {
        mode,
        recording,
        retry_after_ms: after.map(u64::from),
        deposed,
    }
}

fn work(spec: &Spec, basis: i64) -> Work<Load> {
    let before = match spec.before % 4 {
        0 => Before::Nothing,
        1 => Before::Turned,
        2 => Before::Intents {
            changes: 1,
            bytes: 300,
        },
        _ => Before::Intents {
            changes: 100,
            bytes: 40_000,
        },
    };
    Work {
        uid: format!("uid-{}", spec.uid).into(),
        class: Class::listed((spec.rank < 2).then_some(spec.rank)),
        rank: spec.rank.into(),
        tag: spec.tag.into(),
        lane: if spec.ownership {
            Lane::Ownership
        } else {
            Lane::Value
        },
        before,
        payload: Load {
            basis,
            recorded_at: None,
        },
    }
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let spec = (
        0..40_u8,
        0..6_u8,
        0..3_u8,
        prop::bool::weighted(0.3),
        any::<u8>(),
    )
        .prop_map(|(uid, rank, tag, ownership, before)| Spec {
            uid,
            rank,
            tag,
            ownership,
            before,
        });
    prop::collection::vec(spec, 0..40)
}

fn stored() -> impl Strategy<Value = Stored> {
    prop_oneof![
        4 => Just(Stored::Yes),
        1 => prop::option::of(0..3_000_u16).prop_map(Stored::No),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let answer = prop_oneof![
        10 => Just(Answer::Settled),
        1 => Just(Answer::Nothing),
        1 => (0..2_000_u16).prop_map(Answer::Busy),
        2 => (0..2_000_u16).prop_map(Answer::Again),
        1 => (0..10_000_u16).prop_map(Answer::Ambiguous),
        1 => Just(Answer::Panicked),
    ];
    let write = (any::<Index>(), answer).prop_map(|(pick, answer)| Op::Write { pick, answer });
    let record = (any::<Index>(), stored()).prop_map(|(pick, answer)| Op::Record { pick, answer });
    let outcomes =
        (any::<Index>(), stored()).prop_map(|(pick, answer)| Op::Outcomes { pick, answer });
    prop_oneof![
        3 => (0..3_u8, prop::bool::weighted(0.3), specs())
            .prop_map(|(mode, lag, works)| Op::Order { mode, lag, works }),
        1 => (0..3_u8).prop_map(|mode| Op::Drop { mode }),
        6 => record,
        20 => write,
        6 => outcomes,
        4 => (0..1_000_u16).prop_map(|ms| Op::Advance { ms }),
    ]
}

proptest! {
    /// The guarantees are about interleavings that nobody thinks of; `World` checks each of them
    /// at each effect, and that the last order is carried out once everything is answered.
    #[test]
    fn every_history_keeps_the_guarantees_and_the_last_order_is_done(
        ops in prop::collection::vec(op(), 0..120),
        last in specs(),
    ) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        world.run_out();
        for mode in ["mode-0", "mode-1", "mode-2"] {
            world.done.clear();
            world.order(mode, false, &last);
            world.run_out();
            let mut seen = BTreeSet::new();
            for spec in &last {
                let uid: Uid = format!("uid-{}", spec.uid).into();
                let poisoned = world.quarantined.iter().any(|(_, other)| *other == uid);
                if seen.insert(spec.uid) && !poisoned {
                    prop_assert!(
                        world.done.contains(&(mode.to_owned(), uid, spec.tag.into())),
                        "{spec:?} was never written"
                    );
                }
            }
        }
        prop_assert_eq!(world.sut.depth(), 0);
    }

    /// People wait for the first ranks; the order that the plan gives is the order of writes.
    #[test]
    fn works_of_a_mode_are_written_by_rank_values_first(last in specs()) {
        let mut world = World::new();
        world.sut = Sut::new(1);
        let specs: Vec<Spec> = last.into_iter().map(|spec| Spec { before: 0, ..spec }).collect();
        world.order("mode-0", false, &specs);
        let mut written = Vec::new();
        while let Some((_, work)) = world.writes.first() {
            written.push((work.lane, work.rank));
            world.answer_write(0, Answer::Settled);
        }
        prop_assert!(written.is_sorted(), "{:?}", written);
    }
}

fn plain(uid: u16, before: Before) -> Work<Load> {
    Work {
        uid: format!("uid-{uid}").into(),
        class: Class::REST,
        rank: uid.into(),
        tag: 1,
        lane: Lane::Value,
        before,
        payload: Load {
            basis: 0,
            recorded_at: None,
        },
    }
}

fn intents() -> Before {
    Before::Intents {
        changes: 1,
        bytes: 300,
    }
}

fn order(mode: &str, basis: i64, works: Vec<Work<Load>>) -> Event<Load, Outcome> {
    Event::Order(Order {
        mode: mode.to_owned(),
        basis,
        works,
        urgent: Vec::new(),
    })
}

/// Ten thousand targets are a province; a queue that costs more than a few index operations a
/// work would be the bottleneck, not the API server.
#[test]
fn ten_thousand_works_cost_a_few_index_operations_each() {
    let mut world = World::new();
    let works: Vec<_> = (0..10_000).map(|uid| plain(uid, intents())).collect();
    world.send(order("mode-0", 0, works));
    assert_eq!(world.records[0].1.len(), FIRST_GROUP);
    let mut records = 0;
    while !(world.records.is_empty() && world.writes.is_empty()) {
        if world.records.is_empty() {
            world.answer_write(0, Answer::Settled);
        } else {
            records += 1;
            world.answer_record(0, Stored::Yes);
        }
        if !world.outcomes.is_empty() {
            records += 1;
            world.answer_outcomes(0, Stored::Yes);
        }
    }
    world.run_out();
    assert_eq!(world.done.len(), 10_000);
    assert!(records <= 2 + 2 * 10_000 / GROUP, "{records} records");
    assert!(
        world.sut.operations() <= 6 * 10_000,
        "{}",
        world.sut.operations()
    );
}

/// A bubble while a record is stored would cost the switch its rate.
#[test]
fn the_next_group_is_stored_while_the_present_one_is_written() {
    let mut world = World::new();
    world.send(order(
        "mode-0",
        0,
        (0..600).map(|uid| plain(uid, intents())).collect(),
    ));
    world.answer_record(0, Stored::Yes);
    assert_eq!(world.writes.len(), 8);
    assert_eq!(world.records[0].1.len(), GROUP);
}

/// An order twice a second must not write again what it does not know to be written.
#[test]
fn an_order_from_an_older_journal_neither_repeats_nor_loses_a_work() {
    let mut world = World::new();
    let works = || vec![plain(1, intents()), plain(2, intents())];
    world.send(order("mode-0", 0, works()));
    world.answer_record(0, Stored::Yes);
    world.send(order("mode-0", 0, works()));
    assert!(world.records.is_empty(), "its intents are stored already");
    world.answer_write(0, Answer::Settled);
    world.answer_write(0, Answer::Settled);
    world.answer_outcomes(0, Stored::Yes);
    world.send(order("mode-0", 1, works()));
    assert!(
        world.writes.is_empty() && world.records.is_empty(),
        "the outcomes were record 2"
    );
    let mut fresh = plain(1, Before::Nothing);
    fresh.payload.basis = 2;
    world.send(order("mode-0", 2, vec![fresh]));
    assert_eq!(world.writes.len(), 1);
}

/// The order that follows from a record can arrive before the scheduler hears of the record.
#[test]
fn an_order_that_overtakes_its_own_record_is_kept() {
    let mut world = World::new();
    world.send(order("mode-0", 0, vec![plain(1, Before::Nothing)]));
    world.answer_write(0, Answer::Settled);
    let mut back = plain(1, Before::Nothing);
    (back.tag, back.payload.basis) = (2, 1);
    world.send(order("mode-0", 1, vec![back]));
    assert!(world.writes.is_empty());
    world.answer_outcomes(0, Stored::Yes);
    assert_eq!(world.writes[0].1.tag, 2);
}

/// A stand-down must not wait for the queue of the switch.
#[test]
fn what_has_not_begun_and_is_not_in_the_new_order_is_dropped() {
    let mut world = World::new();
    world.send(order(
        "mode-0",
        0,
        (0..100).map(|uid| plain(uid, Before::Nothing)).collect(),
    ));
    world.send(order("mode-0", 0, Vec::new()));
    assert_eq!(world.sut.depth(), 8);
    world.run_out();
    assert_eq!(world.done.len(), 8, "what was in flight is still recorded");
}

/// After a new leader's turn nothing of ours may be stored, so nothing may be written.
#[test]
fn a_deposed_scheduler_falls_silent_in_every_mode() {
    let mut world = World::new();
    world.send(order(
        "mode-0",
        0,
        (0..50).map(|uid| plain(uid, Before::Nothing)).collect(),
    ));
    world.send(order(
        "mode-1",
        0,
        (50..90).map(|uid| plain(uid, intents())).collect(),
    ));
    world.records.clear();
    world.send(failed("mode-1".to_owned(), Recording::Works, None, true));
    assert!(world.sut.is_deposed());
    while !world.writes.is_empty() {
        world.answer_write(0, Answer::Settled);
    }
    world.send(order("mode-0", 0, vec![plain(1, Before::Nothing)]));
    assert!(world.writes.is_empty() && world.records.is_empty() && world.outcomes.is_empty());
    assert_eq!((world.sut.in_flight(), world.sut.depth()), (0, 0));
}

/// One large mode must not starve a small one that is declared later.
#[test]
fn modes_take_turns() {
    let mut world = World::new();
    world.sut = Sut::new(1);
    world.send(order(
        "mode-0",
        0,
        (0..9).map(|uid| plain(uid, Before::Nothing)).collect(),
    ));
    world.send(order(
        "mode-1",
        0,
        (10..19).map(|uid| plain(uid, Before::Nothing)).collect(),
    ));
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.push(world.writes[0].0.clone());
        world.answer_write(0, Answer::Settled);
    }
    assert_eq!(
        turns,
        ["mode-0", "mode-1", "mode-0", "mode-1", "mode-0", "mode-1"]
    );
}

/// A target with a rival that moves it all the time must not hold the rest, nor be hammered.
#[test]
fn the_sixth_retry_in_a_row_goes_to_the_tail_with_a_growing_delay() {
    let mut world = World::new();
    world.sut = Sut::new(1);
    world.send(order("mode-0", 0, vec![plain(1, Before::Nothing)]));
    for _ in 0..5 {
        world.answer_write(0, Answer::Again(0));
        assert_eq!(world.writes.len(), 1, "at once, in its place");
    }
    for expected in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        let before = world.now;
        world.answer_write(0, Answer::Again(0));
        assert!(world.writes.is_empty());
        world.now = world.wakes.pop_first().expect("a wake");
        assert_eq!(world.now - before, expected);
        world.send(Event::Tick);
    }
}
