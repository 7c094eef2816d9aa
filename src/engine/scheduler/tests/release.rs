//! A model of the cluster's controllers: they take targets in the order in which they were changed,
//! one after another. It shows what the order of release gives, and that nothing waits for ever.

use std::collections::VecDeque;

use super::*;

/// A write's way to the server and back.
const WRITE_MS: u64 = 10;
/// Until a watch has told what a controller did.
const WATCH_MS: u64 = 20;
/// Until a pod that was made is ready.
const POD_MS: u64 = 1_500;
/// What a stock controller takes for a target each time that it looks at it: three a second are
/// done in two looks each.
const SYNC_MS: u64 = 90;

/// What becomes of a target that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its controller looks at it, makes a pod, and says later that it is ready.
    Usual,
    /// It is paused, or of a kind that does not say what was observed.
    Mute,
    /// Nobody ever looks at it.
    Orphan,
    /// Its pods never become ready.
    Sick,
}

#[derive(Clone, Copy, Debug)]
struct Thing {
    class: Class,
    kind: Kind,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// A write is answered.
    Answer(usize),
    /// A controller is done with one look.
    Look(usize),
    /// Pods are ready: the controller has to look again.
    Pods(usize),
    /// A watch tells.
    Told(usize),
    /// The scheduler's own time has come.
    Wake,
}

/// The world around the scheduler.
struct Town {
    sut: Sut,
    now: u64,
    sequence: i64,
    things: Vec<Thing>,
    written: BTreeMap<usize, u64>,
    ready: BTreeMap<usize, u64>,
    standing: BTreeMap<usize, Standing>,
    agenda: BTreeSet<(u64, Next)>,
    /// What the controllers have before them.
    before: VecDeque<usize>,
    looking: bool,
    idle_since: Option<u64>,
    /// For how long they had nothing to do while something was still to be written.
    idle: u64,
    /// When they are down.
    down: std::ops::Range<u64>,
    following: bool,
    follows: usize,
    given_up: Vec<(usize, Standing)>,
}

impl Town {
    fn new(things: Vec<Thing>) -> Self {
        Self {
            sut: Sut::new(32),
            now: 0,
            sequence: 0,
            things,
            written: BTreeMap::new(),
            ready: BTreeMap::new(),
            standing: BTreeMap::new(),
            agenda: BTreeSet::new(),
            before: VecDeque::new(),
            looking: false,
            idle_since: None,
            idle: 0,
            down: 0..0,
            following: false,
            follows: 0,
            given_up: Vec::new(),
        }
    }

    /// Asks for everything that is not written yet.
    fn order(&mut self) {
        let left = self.things.iter().enumerate();
        let left = left.filter(|(at, _)| !self.written.contains_key(at));
        let works = left.map(|(at, thing)| Work {
            class: thing.class,
            ..plain(u16::try_from(at).expect("a small town"), Before::Nothing)
        });
        let urgent = self
            .written
            .keys()
            .map(|at| (uid(*at), self.things[*at].class));
        let order = Order {
            mode: "mode-0".to_owned(),
            basis: self.sequence,
            works: works.collect(),
            urgent: urgent.collect(),
        };
        self.send(Event::Order(order));
    }

    /// Another process takes over: it knows what is written, and nothing of how far anybody is.
    fn crash(&mut self) {
        self.sut = Sut::new(32);
        self.following = false;
        let gone = |next: &Next| matches!(next, Next::Answer(_) | Next::Told(_) | Next::Wake);
        let lost: Vec<_> = self.agenda.extract_if(.., |(_, next)| gone(next)).collect();
        for (_, next) in lost {
            // Whose answer is lost is written all the same, and read by the new one.
            if let Next::Answer(at) = next {
                self.apply(at);
            }
        }
        self.order();
    }

    fn send(&mut self, event: Event<Load, Outcome>) {
        for effect in self.sut.step(event, self.now) {
            match effect {
                Effect::Write { work, .. } => {
                    let at: usize = work.uid.as_str()[4..].parse().expect("a number");
                    self.agenda.insert((self.now + WRITE_MS, Next::Answer(at)));
                }
                Effect::RecordOutcomes { mode, .. } => {
                    self.sequence += 1;
                    let sequence = self.sequence;
                    self.send(Event::OutcomesRecorded { mode, sequence });
                }
                Effect::Wake { at } => {
                    self.agenda.insert((at, Next::Wake));
                }
                Effect::Follow(on) => {
                    self.following = on;
                    self.follows += usize::from(on);
                    let known: Vec<usize> = self.standing.keys().copied().collect();
                    for at in known.into_iter().filter(|_| on) {
                        self.agenda.insert((self.now + WATCH_MS, Next::Told(at)));
                    }
                }
                Effect::GaveUp { uid, standing, .. } => {
                    let at = uid.as_str()[4..].parse().expect("a number");
                    self.given_up.push((at, standing));
                }
                Effect::Record { .. } | Effect::Quarantine { .. } => panic!("{effect:?}"),
            }
        }
    }

    /// The server takes a write.
    fn apply(&mut self, at: usize) {
        self.written.insert(at, self.now);
        let mute = self.things[at].kind == Kind::Mute;
        let standing = if mute {
            Standing::Settled
        } else {
            Standing::Unobserved
        };
        self.standing.insert(at, standing);
        self.before.push_back(at);
        self.look();
    }

    /// A controller turns to what is next.
    fn look(&mut self) {
        if self.looking || self.down.contains(&self.now) {
            return;
        }
        match self.before.pop_front() {
            Some(at) => {
                self.looking = true;
                if let Some(since) = self.idle_since.take() {
                    self.idle += self.now - since;
                }
                self.agenda.insert((self.now + SYNC_MS, Next::Look(at)));
            }
            None if self.written.len() < self.things.len() => {
                self.idle_since.get_or_insert(self.now);
            }
            None => {}
        }
    }

    fn tell(&mut self, at: usize, standing: Standing) {
        self.standing.insert(at, standing);
        if standing == Standing::Settled {
            self.ready.insert(at, self.now);
        }
        if self.following {
            self.agenda.insert((self.now + WATCH_MS, Next::Told(at)));
        }
    }

    /// Plays on until everything is written and at rest, or this time has come.
    fn play(&mut self, until: u64) {
        while let Some((at, next)) = self.agenda.pop_first() {
            if at > until {
                self.agenda.insert((at, next));
                self.now = until;
                return;
            }
            self.now = self.now.max(at);
            match next {
                Next::Answer(at) => {
                    self.apply(at);
                    let seen = Observed {
                        generation: 2,
                        standing: self.standing[&at],
                    };
                    self.send(Event::Wrote {
                        mode: "mode-0".to_owned(),
                        uid: uid(at),
                        result: Wrote::Settled(vec![(uid(at), 1)]),
                        seen: Some(seen),
                    });
                }
                Next::Look(at) => {
                    self.looking = false;
                    match (self.things[at].kind, self.standing[&at]) {
                        (Kind::Usual | Kind::Sick, Standing::Unobserved) => {
                            self.tell(at, Standing::Unready);
                            self.agenda.insert((self.now + POD_MS, Next::Pods(at)));
                        }
                        (Kind::Usual, _) => self.tell(at, Standing::Settled),
                        (Kind::Sick | Kind::Mute | Kind::Orphan, _) => {}
                    }
                    self.look();
                }
                Next::Pods(at) => {
                    self.before.push_back(at);
                    self.look();
                }
                Next::Told(at) => {
                    let seen = Observed {
                        generation: 2,
                        standing: self.standing[&at],
                    };
                    self.send(Event::Observed { uid: uid(at), seen });
                }
                Next::Wake => self.send(Event::Tick),
            }
            if self.now >= self.down.end {
                self.look();
            }
        }
    }

    /// When the last one of a class was ready.
    fn all_ready(&self, class: Class) -> u64 {
        let of = |(at, time): (&usize, &u64)| (self.things[*at].class == class).then_some(*time);
        self.ready.iter().filter_map(of).max().expect("some are")
    }
}

fn uid(at: usize) -> Uid {
    format!("uid-{at}").into()
}

/// Every twentieth is critical, as in a fleet whose order nobody chose.
fn fleet(many: usize, critical: Class) -> Vec<Thing> {
    let thing = |at: usize| Thing {
        class: if at % 20 == 19 { critical } else { Class::REST },
        kind: Kind::Usual,
    };
    (0..many).map(thing).collect()
}

const CRITICAL: Class = Class::listed(Some(0));

/// What people wait for is the reason for all of this; that the rest pays for it is no good bargain.
#[test]
fn what_is_critical_is_ready_sooner_and_the_rest_no_later() {
    let mut ordered = Town::new(fleet(1_000, CRITICAL));
    ordered.order();
    ordered.play(u64::MAX);
    let mut at_once = Town::new(fleet(1_000, Class::REST));
    at_once.order();
    at_once.play(u64::MAX);
    let critical = |town: &Town| (19..1_000).step_by(20).map(|at| town.ready[&at]).max();
    let (soon, late) = (critical(&ordered).unwrap(), critical(&at_once).unwrap());
    assert!(soon * 5 <= late, "{soon} ms of {late} ms");
    let (total, before) = (
        ordered.all_ready(Class::REST),
        at_once.all_ready(Class::REST),
    );
    assert!(total * 100 <= before * 101, "{total} ms of {before} ms");
    assert!(
        ordered.idle <= 2 * (WRITE_MS + WATCH_MS),
        "idle for {} ms",
        ordered.idle
    );
    assert!(ordered.given_up.is_empty(), "{:?}", ordered.given_up);
}

/// Telling how far the controllers are costs a list and a watch a kind, once; where no class waits
/// for another, it costs nothing.
#[test]
fn it_is_asked_once_how_far_they_are_and_only_where_somebody_waits() {
    let mut one = Town::new(fleet(200, Class::REST));
    one.order();
    one.play(u64::MAX);
    assert_eq!((one.follows, one.written.len()), (0, 200));
    let mut two = Town::new(fleet(200, CRITICAL));
    two.order();
    two.play(u64::MAX);
    assert_eq!((two.follows, two.written.len()), (1, 200));
    assert!(!two.following, "nobody waits any more");
}

/// Controllers that are down must not hold a city's switch up, and people must hear of it.
#[test]
fn controllers_that_are_down_are_waited_for_ten_seconds() {
    let mut things = fleet(100, CRITICAL);
    for (at, thing) in things.iter_mut().enumerate().filter(|(at, _)| at % 3 == 0) {
        thing.class = Class::listed(Some(1 + u8::try_from(at % 5).unwrap()));
    }
    let mut town = Town::new(things);
    town.down = 0..u64::MAX;
    town.order();
    town.play(10_000 - 1);
    let few = town.written.len();
    assert!(few < 100, "few of the rest are given to them");
    town.play(11_000);
    assert_eq!(
        town.written.len(),
        100,
        "all classes at once, not one after another"
    );
    let said = town
        .given_up
        .iter()
        .filter(|(at, _)| town.things[*at].class == CRITICAL);
    assert!(
        said.count() > 0
            && town
                .given_up
                .iter()
                .all(|(_, why)| *why == Standing::Unobserved)
    );
}

/// A paused workload's status never comes to what was asked for, and a ConfigMap has none.
#[test]
fn what_says_nothing_holds_nobody_up() {
    let mut things = fleet(100, CRITICAL);
    for thing in things.iter_mut().filter(|thing| thing.class == CRITICAL) {
        thing.kind = Kind::Mute;
    }
    let mut town = Town::new(things);
    town.order();
    town.play(1_000);
    assert_eq!(town.written.len(), 100);
    assert!(town.given_up.is_empty());
}

/// One workload whose image is missing must not hold the rest up; nor does it for long keep the
/// controllers at the pace at which they are known to work.
#[test]
fn one_that_is_never_ready_is_given_up_and_the_rest_goes_on_meanwhile() {
    for (kind, why, after) in [
        (Kind::Sick, Standing::Unready, 61_000),
        (Kind::Orphan, Standing::Unobserved, 10_500),
    ] {
        let mut things = fleet(1_000, Class::REST);
        things[500] = Thing {
            class: CRITICAL,
            kind,
        };
        let mut town = Town::new(things);
        town.order();
        town.play(9_000);
        let meanwhile = town.written.len();
        assert!(
            (40..400).contains(&meanwhile),
            "{kind:?}: {meanwhile} by then"
        );
        town.play(after);
        assert_eq!(town.written.len(), 1_000, "{kind:?}");
        assert_eq!(town.given_up, [(500, why)]);
        assert_eq!(town.idle / 100, 0, "idle for {} ms", town.idle);
    }
}

/// A new leader does not know whether what is urgent is ready: it must neither forget to wait, nor
/// wait for what has long been ready.
#[test]
fn a_new_leader_waits_for_what_another_has_written() {
    let mut town = Town::new(fleet(1_000, CRITICAL));
    town.order();
    town.play(1_000);
    town.crash();
    let before = town.written.len();
    town.play(3_000);
    let few = town.written.len() - before;
    assert!(few < 100, "{few} of the rest in two seconds");
    town.play(u64::MAX);
    let critical = town.all_ready(CRITICAL);
    assert!(critical * 5 <= town.all_ready(Class::REST), "{critical} ms");
    assert_eq!(town.written.len(), 1_000);
}

/// A controller can be quicker than the answer to the write that it follows; and what a watch tells
/// of the time before the write says nothing of it.
#[test]
fn what_was_seen_counts_by_its_generation_not_by_when_it_is_told() {
    let observed = |generation, standing| Event::Observed {
        uid: uid(0),
        seen: Observed {
            generation,
            standing,
        },
    };
    for (early, holds) in [(1, true), (2, false)] {
        let mut town = Town::new(fleet(100, Class::REST));
        town.things[0].class = CRITICAL;
        town.down = 0..u64::MAX;
        town.order();
        town.send(observed(early, Standing::Settled));
        town.play(1_000);
        assert_eq!(town.written.len() < 100, holds, "generation {early}");
        town.send(observed(1, Standing::Settled));
        town.play(1_000);
        assert_eq!(town.written.len() < 100, holds, "that was before");
        town.send(observed(2, Standing::Settled));
        town.play(2_000);
        assert_eq!(town.written.len(), 100);
    }
}

fn thing() -> impl Strategy<Value = Thing> {
    let class = prop_oneof![2 => Just(None), 1 => (0..4_u8).prop_map(Some)];
    let kind = prop_oneof![
        6 => Just(Kind::Usual),
        1 => Just(Kind::Mute),
        1 => Just(Kind::Orphan),
        1 => Just(Kind::Sick),
    ];
    (class, kind).prop_map(|(class, kind)| Thing {
        class: Class::listed(class),
        kind,
    })
}

proptest! {
    /// Whatever the controllers do, and however often the process ends in between, everything is
    /// written: a class waits a minute and ten seconds for the one before at most.
    #[test]
    fn nothing_waits_for_ever(
        things in prop::collection::vec(thing(), 1..150),
        down in (0..30_000_u64, 0..200_000_u64),
        crashes in prop::collection::vec(1..40_000_u64, 0..4),
    ) {
        let many = things.len();
        let mut town = Town::new(things);
        town.down = down.0..down.0 + down.1;
        town.order();
        let mut end = 0;
        for after in crashes {
            end += after;
            town.play(end);
            town.crash();
        }
        let classes = 5;
        town.play(end + classes * 70_000 + 1_000);
        prop_assert_eq!(town.written.len(), many, "at {} ms", town.now);
        town.play(u64::MAX);
        prop_assert!(!town.following, "nobody waits any more");
    }
}
