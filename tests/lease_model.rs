//! Leader election and the journal's turn, model-checked. The election's model drives the very
//! function that the operator runs (`run::lease::protocol`), through every interleaving of delayed
//! and lost requests, frozen processes and clocks of different rates, up to a horizon.

use pingzhan::run::lease::protocol::{Action, Candidate, Event, Put, Seen, Settings};
use stateright::{Checker, HasDiscoveries, Model, Property, UniformChooser};

/// Local milliseconds that each replica's clock goes in a step of true time: a quarter apart, far
/// more than real clocks and less than what duration to renew deadline (15 to 10) allows.
const RATES: [u64; 3] = [5, 4, 5];

/// The world: everything that may go wrong, and how often.
#[derive(Clone)]
struct Election {
    settings: Settings,
    replicas: usize,
    /// Steps of true time.
    horizon: u64,
    /// Requests that are given up by their sender, lost or still under way.
    timeouts: u8,
    /// Time passes only when nobody has anything to do, and the replica that leads first crashes.
    prompt: bool,
}

/// A request on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Request {
    Read,
    Put(Put),
}

/// What a replica waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Doing {
    Sleeping(u64),
    Asking { request: Request, sent_at: u64 },
    Answered(Event),
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Replica {
    candidate: Candidate,
    doing: Doing,
    /// A request that its sender gave up: the server may still get it.
    late: Option<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    time: u64,
    replicas: Vec<Replica>,
    lease: Option<Seen>,
    version: u64,
    timeouts: u8,
    crashed: bool,
    /// By epoch, who led in it.
    led: Vec<(i64, usize)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    TimePasses,
    Wakes(usize),
    ServerApplies(usize),
    AnswerArrives(usize),
    GivesUp(usize),
    LateOneArrives(usize),
    Crashes(usize),
}

impl World {
    fn clock(&self, replica: usize) -> u64 {
        self.time * RATES[replica]
    }

    fn believes(&self, replica: usize) -> Option<i64> {
        let alive = self.replicas[replica].doing != Doing::Dead;
        let leads = self.replicas[replica].candidate.leads(self.clock(replica));
        leads.filter(|_| alive).map(|(epoch, _)| epoch)
    }

    fn leaders(&self) -> usize {
        (0..self.replicas.len())
            .filter(|replica| self.believes(*replica).is_some())
            .count()
    }

    /// What the API server does: compare and swap.
    fn serve(&mut self, request: &Request, sent_at: u64) -> Event {
        match request {
            Request::Read => Event::Read(self.lease.clone()),
            Request::Put(put) => {
                let present = self.lease.as_ref().map(|lease| lease.version.clone());
                if present != put.version {
                    return Event::Conflict;
                }
                self.version += 1;
                let version = self.version.to_string();
                self.lease = Some(Seen {
                    version: version.clone(),
                    holder: put.holder.clone(),
                    duration_ms: 15,
                    epoch: put.epoch,
                });
                Event::Stored {
                    put: put.clone(),
                    sent_at,
                    version,
                }
            }
        }
    }

    fn give(&mut self, replica: usize, event: Event) {
        let now = self.clock(replica);
        let state = &mut self.replicas[replica];
        state.doing = match state.candidate.step(event, now) {
            Action::Wait(until) => Doing::Sleeping(until),
            Action::Read => Doing::Asking {
                request: Request::Read,
                sent_at: now,
            },
            Action::Put(put) => Doing::Asking {
                request: Request::Put(put),
                sent_at: now,
            },
        };
        if let Some(epoch) = self.believes(replica)
            && !self.led.contains(&(epoch, replica))
        {
            self.led.push((epoch, replica));
        }
    }
}

impl Election {
    fn busy(&self, world: &World) -> bool {
        (0..self.replicas).any(|replica| match &world.replicas[replica].doing {
            Doing::Sleeping(until) => *until <= world.clock(replica),
            Doing::Asking { .. } | Doing::Answered(_) => true,
            Doing::Dead => false,
        })
    }
}

impl Model for Election {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let replica = |number: usize| Replica {
            candidate: Candidate::new(number.to_string(), self.settings),
            doing: Doing::Sleeping(0),
            late: None,
        };
        vec![World {
            time: 0,
            replicas: (0..self.replicas).map(replica).collect(),
            lease: None,
            version: 0,
            timeouts: self.timeouts,
            crashed: false,
            led: Vec::new(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Step>) {
        for (number, replica) in world.replicas.iter().enumerate() {
            match &replica.doing {
                Doing::Sleeping(until) if *until <= world.clock(number) => {
                    actions.push(Step::Wakes(number));
                }
                Doing::Asking { .. } => {
                    actions.push(Step::ServerApplies(number));
                    if world.timeouts > 0 {
                        actions.push(Step::GivesUp(number));
                    }
                }
                Doing::Answered(_) => actions.push(Step::AnswerArrives(number)),
                Doing::Sleeping(_) | Doing::Dead => {}
            }
            if replica.late.is_some() {
                actions.push(Step::LateOneArrives(number));
            }
            if self.prompt && !world.crashed && world.believes(number).is_some() {
                actions.push(Step::Crashes(number));
            }
        }
        let leader_must_die = self.prompt && !world.crashed && world.leaders() > 0;
        let held = self.prompt && (self.busy(world) || leader_must_die);
        if world.time < self.horizon && !held {
            actions.push(Step::TimePasses);
        }
    }

    fn next_state(&self, world: &World, action: Step) -> Option<World> {
        let mut world = world.clone();
        match action {
            Step::TimePasses => world.time += 1,
            Step::Wakes(number) => world.give(number, Event::Due),
            Step::ServerApplies(number) => {
                let Doing::Asking { request, sent_at } = world.replicas[number].doing.clone()
                else {
                    return None;
                };
                let event = world.serve(&request, sent_at);
                world.replicas[number].doing = Doing::Answered(event);
            }
            Step::AnswerArrives(number) => {
                let Doing::Answered(event) = world.replicas[number].doing.clone() else {
                    return None;
                };
                world.give(number, event);
            }
            Step::GivesUp(number) => {
                let Doing::Asking { request, .. } = world.replicas[number].doing.clone() else {
                    return None;
                };
                world.timeouts -= 1;
                world.replicas[number].late = Some(request);
                world.give(number, Event::Failed);
            }
            Step::LateOneArrives(number) => {
                let request = world.replicas[number].late.take()?;
                world.serve(&request, 0);
            }
            Step::Crashes(number) => {
                world.crashed = true;
                world.replicas[number].doing = Doing::Dead;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("one leader", |_, world: &World| world.leaders() <= 1),
            Property::always("an epoch has one leader", |_, world: &World| {
                world.led.iter().all(|(epoch, replica)| {
                    world
                        .led
                        .iter()
                        .all(|(other, by)| other != epoch || by == replica)
                })
            }),
            Property::sometimes("the lease changes hands", |_, world: &World| {
                world.led.iter().any(|(epoch, _)| *epoch > 1) && world.leaders() == 1
            }),
        ];
        if self.prompt {
            properties.push(Property::eventually(
                "somebody follows the dead",
                |_, world: &World| world.crashed && world.leaders() == 1,
            ));
        }
        properties
    }
}

/// Rates and times in the proportions of the defaults (15, 10, and a retry that keeps the model
/// small).
const SOUND: Settings = Settings {
    duration_ms: 15,
    renew_deadline_ms: 10,
    retry_ms: 5,
};

/// The promise that everything else rests on.
#[test]
fn never_two_leaders_with_delays_losses_freezes_and_unequal_clocks() {
    let model = Election {
        settings: SOUND,
        replicas: 2,
        horizon: 5,
        timeouts: 1,
        prompt: false,
    };
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!("two replicas: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Three replicas have too many interleavings to visit all: a seeded walk goes deep into them.
#[test]
fn never_two_leaders_among_three_in_a_seeded_walk() {
    let model = Election {
        settings: SOUND,
        replicas: 3,
        horizon: 12,
        timeouts: 3,
        prompt: false,
    };
    let walk = model.checker().target_state_count(100_000);
    let checker = walk.spawn_simulation(7, UniformChooser).join();
    println!("three replicas: {} steps", checker.state_count());
    checker.assert_properties();
}

/// A safe election that elects nobody would be worthless.
#[test]
fn a_dead_leader_is_always_followed() {
    let model = Election {
        settings: SOUND,
        replicas: 3,
        horizon: 12,
        timeouts: 1,
        prompt: true,
    };
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!("crash: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// A model that cannot fail proves nothing: with a leader that believes for as long as others
/// wait, the slow clock makes two.
#[test]
fn the_model_finds_two_leaders_when_the_renew_deadline_is_too_long() {
    let settings = Settings {
        renew_deadline_ms: 15,
        ..SOUND
    };
    let model = Election {
        settings,
        replicas: 2,
        horizon: 7,
        timeouts: 0,
        prompt: false,
    };
    let any = HasDiscoveries::AnyFailures;
    let checker = model
        .checker()
        .threads(2)
        .finish_when(any)
        .spawn_bfs()
        .join();
    assert!(checker.discovery("one leader").is_some());
}

/// The journal of a mode and two leaders, of which the old one does not know that it is deposed.
#[derive(Clone)]
struct Journal {
    /// Whether a new leader's first record is its turn, before which it commits nothing and after
    /// which it counts on what it then reads.
    turn_first: bool,
    /// Records that are created under a name that says only the sequence: compare and swap.
    named_by_sequence: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Writer {
    epoch: u8,
    /// How many records it has folded.
    known: Option<usize>,
    turned: bool,
    /// A create under way: sequence it is named for, and whether it is a turn.
    creating: Option<(usize, bool)>,
    deposed: bool,
}

/// A record: epoch and whether it is a turn.
type Record = (u8, bool);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Store {
    records: Vec<Record>,
    writers: Vec<Writer>,
}

#[derive(Clone, Debug, PartialEq)]
enum Deed {
    Lists(usize),
    Creates(usize),
    Arrives(usize),
}

impl Model for Journal {
    type State = Store;
    type Action = Deed;

    fn init_states(&self) -> Vec<Store> {
        let writer = |epoch| Writer {
            epoch,
            known: None,
            turned: !self.turn_first,
            creating: None,
            deposed: false,
        };
        vec![Store {
            records: Vec::new(),
            writers: (1..=3).map(writer).collect(),
        }]
    }

    fn actions(&self, store: &Store, actions: &mut Vec<Deed>) {
        for (number, writer) in store.writers.iter().enumerate() {
            if writer.deposed {
                continue;
            }
            match (writer.known, writer.creating) {
                (None, _) => actions.push(Deed::Lists(number)),
                (Some(_), None) => actions.push(Deed::Creates(number)),
                (Some(_), Some(_)) => actions.push(Deed::Arrives(number)),
            }
        }
    }

    fn next_state(&self, store: &Store, deed: Deed) -> Option<Store> {
        let mut store = store.clone();
        let head = store.records.len();
        match deed {
            Deed::Lists(number) => {
                let epoch = store.writers[number].epoch;
                let newer = store.records.iter().any(|(other, _)| *other > epoch);
                store.writers[number].known = Some(head);
                store.writers[number].deposed = newer;
            }
            Deed::Creates(number) => {
                let writer = &mut store.writers[number];
                writer.creating = Some((writer.known?, !writer.turned));
            }
            Deed::Arrives(number) => {
                let writer = &mut store.writers[number];
                let (sequence, turn) = writer.creating.take()?;
                if self.named_by_sequence && sequence != head {
                    // AlreadyExists with other bytes. A leader that has not turned yet reads anew;
                    // one that has is deposed.
                    writer.known = None;
                    writer.deposed = writer.turned;
                } else {
                    writer.turned = true;
                    writer.known = Some(head + 1);
                    store.records.push((writer.epoch, turn));
                }
            }
        }
        Some(store)
    }

    fn within_boundary(&self, store: &Store) -> bool {
        store.records.len() <= 6
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("epochs never interleave", |_, store: &Store| {
                store.records.is_sorted_by_key(|(epoch, _)| *epoch)
            }),
            Property::always(
                "an epoch begins with its turn",
                |model: &Self, store: &Store| {
                    let begins =
                        |at: usize| at == 0 || store.records[at - 1].0 != store.records[at].0;
                    !model.turn_first
                        || (0..store.records.len()).all(|at| store.records[at].1 == begins(at))
                },
            ),
            Property::sometimes("three epochs follow each other", |_, store: &Store| {
                let epochs: Vec<u8> = store.records.iter().map(|(epoch, _)| *epoch).collect();
                [1, 2, 3].iter().all(|epoch| epochs.contains(epoch))
            }),
        ]
    }
}

/// A frozen leader thaws with a create in flight: it must find its place taken.
#[test]
fn no_record_of_an_old_epoch_follows_the_turn_of_a_newer_one() {
    let model = Journal {
        turn_first: true,
        named_by_sequence: true,
    };
    let checker = model.checker().spawn_bfs().join();
    println!("journal: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// As above: the model must be able to fail. Here records are not named by their sequence.
#[test]
fn the_model_finds_the_old_epoch_without_the_compare_and_swap() {
    let model = Journal {
        turn_first: true,
        named_by_sequence: false,
    };
    let any = HasDiscoveries::AnyFailures;
    let checker = model.checker().finish_when(any).spawn_bfs().join();
    assert!(checker.discovery("epochs never interleave").is_some());
}
