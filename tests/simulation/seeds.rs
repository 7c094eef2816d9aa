//! What a seed stands for: its story and its weather.

use super::city::TARGETS;
use super::clocks::Hands;
use super::lawless::TAMPERINGS;
use super::play::Schedule;
use super::story::{APPROVERS, Act, Cast, GROUPS, Happening, Story};
use super::weather::{Fault, Rates, Weather, Which, mixed};

/// A kind of schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// C5: a server in trouble, processes that die; nobody else touches the fleet.
    Trouble,
    /// C15: people and rivals at any moment, under a clear sky.
    Rivals,
    /// Both at once.
    Both,
    /// C7, C8, C12 to C14: one kind of fault, as bad as it gets.
    Storm,
    /// C11, C21, C25 in small: what somebody does on purpose, or a machine does at the worst moment.
    Attack,
}

/// Every kind, in turn.
pub const KINDS: [Kind; 5] = [
    Kind::Trouble,
    Kind::Rivals,
    Kind::Both,
    Kind::Storm,
    Kind::Attack,
];

impl Kind {
    /// What it is called.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Rivals => "rivals",
            Self::Both => "both",
            Self::Storm => "storm",
            Self::Attack => "attack",
        }
    }

    /// Who is in its stories.
    const fn cast(self) -> Cast {
        let (people, rivals, troubles) = match self {
            Self::Trouble => (2, 0, 2),
            Self::Rivals => (4, 6, 2),
            Self::Both => (3, 4, 3),
            Self::Storm => (1, 2, 1),
            Self::Attack => (0, 0, 0),
        };
        Cast {
            people,
            rivals,
            troubles,
            deletes: rivals > 0,
        }
    }

    /// A schedule of this kind.
    pub fn schedule(self, seed: u64) -> Schedule {
        let storms = usize::try_from(seed / 7 % 4).map_or(NONE, |which| STORMS[which]);
        let drawn = |rates: Rates| Weather::Drawn(seed, rates);
        let (mut story, weather) = match self {
            Self::Attack => attack(seed),
            Self::Trouble | Self::Both => (self.cast().story(seed), drawn(Rates::RANDOM)),
            Self::Rivals => (self.cast().story(seed), drawn(NONE)),
            Self::Storm => (self.cast().story(seed), drawn(storms)),
        };
        self.surround(seed, &mut story);
        Schedule {
            story,
            weather,
            seed,
        }
    }
}

impl Kind {
    /// What is around a story: machines with wrong clocks, the cluster's own controllers, a quota,
    /// namespaces that end, and rules that are weakened and put back.
    fn surround(self, seed: u64, story: &mut Story) {
        let mut rng = fastrand::Rng::with_seed(mixed(seed, 1, 1));
        if rng.u8(0..4) == 0 {
            story.clocks = (0..story.operators)
                .map(|_| Hands::drawn(&mut rng))
                .collect();
        }
        story.controllers = rng.u8(0..5) == 0;
        let last = story.happenings.last().map_or(120, |last| last.at + 60);
        let (when, long) = (rng.u64(0..last), rng.u64(1..90));
        let mut more = Vec::new();
        match (self, rng.u8(0..12)) {
            (Self::Attack, _) => {}
            (_, 0) => more.extend([
                Happening {
                    at: when,
                    act: Act::Quota(true),
                },
                Happening {
                    at: when + long,
                    act: Act::Quota(false),
                },
            ]),
            (Self::Trouble, _) => {}
            (_, 1) => more.push(Happening {
                at: when,
                act: Act::End(usize::from(rng.bool())),
            }),
            (_, 3) => more.push(Happening {
                at: when,
                act: Act::Stall(rng.usize(0..TARGETS)),
            }),
            (_, 2) => more.push(Happening {
                at: when,
                act: Act::Autoscale(rng.usize(0..TARGETS)),
            }),
            _ => {}
        }
        *story = story.clone().with(more);
        story.makes = rng.u8(0..4) == 0 && !story.freezes();
        // It makes objects as well.
        story.closes = rng.u8(0..4) == 0 && !story.freezes();
        // Drawn last, so that the rest of a seed's story is what it was.
        if self != Self::Attack && rng.u8(0..8) == 0 {
            *story = story.clone().with(lawless(&mut rng, last));
        }
    }
}

/// The rules of authority are weakened, and put back.
fn lawless(rng: &mut fastrand::Rng, last: u64) -> [Happening; 2] {
    let (from, long) = (rng.u64(0..last), rng.u64(1..90));
    let at = |at: u64, act: Act| Happening { at, act };
    let tampered = at(from, Act::Tamper(rng.usize(0..TAMPERINGS)));
    [tampered, at(from + long, Act::Mend)]
}

/// The schedule of a seed: the kinds take turns.
pub fn schedule(seed: u64) -> (Kind, Schedule) {
    let kind = KINDS[usize::try_from(seed % 5).unwrap_or_default()];
    (kind, kind.schedule(seed))
}

/// A story with an attack on it, and what its requests meet.
fn attack(seed: u64) -> (Story, Weather) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let at = |at: u64, act: Act| Happening { at, act };
    let moment = rng.u64(9..80);
    let alone = Story {
        happenings: vec![at(100, Act::StandDown)],
        ..Story::plain()
    };
    let story = match rng.u8(0..6) {
        0 => alone.with([
            at(3, Act::ApproveAs("duty-officer-zhou", GROUPS[0])),
            at(4, Act::Approve(APPROVERS[rng.usize(0..2)])),
        ]),
        1 => alone.with([
            at(3, Act::Approve(APPROVERS[0])),
            at(4, Act::ApproveAs(APPROVERS[0], GROUPS[1])),
        ]),
        2 => Story::plain().with([
            // The switch is over by then: there are as many records.
            at(moment.max(30), Act::Lose(rng.usize(1..8))),
            at(moment.max(30) + 1, Act::Kill(0)),
        ]),
        3 => Story::plain().with([
            at(moment, Act::Freeze(0, true)),
            at(moment + rng.u64(60..500), Act::Freeze(0, false)),
        ]),
        4 => return (hasty(&mut rng), Weather::Drawn(seed, LATE)),
        _ => return posthumous(&mut rng),
    };
    (story, Weather::Drawn(seed, NONE))
}

/// It is given up in the middle of its switch, with writes on their way that arrive seconds later;
/// whoever sent them may be dead by then, and its successor at work.
fn hasty(rng: &mut fastrand::Rng) -> Story {
    let at = |at: u64, act: Act| Happening { at, act };
    let story = Story {
        lease: 6,
        ..Story::plain()
    };
    let moment = rng.u64(9..16);
    let aborted = story.with([at(moment, Act::Abort("Restore"))]);
    match rng.u8(0..3) {
        0 => aborted,
        _ => aborted.with([at(rng.u64(9..16), Act::Kill(0))]),
    }
}

/// It is given up when its operator has just died; what that had sent arrives seconds later, when its
/// successor is at work.
fn posthumous(rng: &mut fastrand::Rng) -> (Story, Weather) {
    let story = Story {
        lease: 3,
        ..Story::plain()
    };
    let given_up = Happening {
        at: rng.u64(9..12),
        act: Act::Abort("Restore"),
    };
    let last = Which::Write(0, rng.usize(4..50));
    let weather = Weather::one(last, Fault::Posthumous(rng.u64(3_000..8_000)));
    (story.with([given_up]), weather)
}

const NONE: Rates = Rates {
    refused: 0,
    busy: 0,
    lost: 0,
    conflict: 0,
    silent: 0,
    late: 0,
    latest: 0,
    deaths: 0,
    watches: 0,
    stalest: 0,
};

/// Half of all requests arrive late, as late as the server still takes them.
const LATE: Rates = Rates {
    late: 500,
    latest: 8_000,
    ..NONE
};

/// Half of all writes meet a conflict; half of all requests are asked to come back; every watch is
/// broken; every watch tells up to ten minutes late.
const STORMS: [Rates; 4] = [
    Rates {
        conflict: 500,
        ..NONE
    },
    Rates { busy: 500, ..NONE },
    Rates {
        watches: 1000,
        stalest: 60_000,
        ..NONE
    },
    Rates {
        watches: 800,
        stalest: 600_000,
        deaths: 1,
        ..NONE
    },
];
