//! Where a number of things is too small for what the steps of a plan ask for, on one of its ways.

use super::Scene;
use crate::engine::plan::order::Place;

/// A way of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The switch.
    There,
    /// The return.
    Back,
}

/// A stage that asks for more than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tight {
    pub(super) stage: usize,
    /// What it asks for.
    pub(super) asks: i64,
    /// What there is by then; less than nothing where stages before it lack something, too.
    pub(super) has: i64,
}

impl Tight {
    /// How much is missing.
    pub(super) const fn lacks(&self) -> i64 {
        self.asks - self.has
    }
}

/// The stages for which it is too little, each at its worst step, in plan order. `takes` says what
/// each load grows and shrinks by on the way there.
///
/// What a step frees is there for steps that come after it, and for no others: what no order holds
/// between runs at the same time. What steps take is taken by all that the plan lists before.
pub(super) fn find(scene: &Scene<'_>, way: Way, free: i64, takes: &[(i64, i64)]) -> Vec<Tight> {
    let places: Vec<Place> = scene.loads.iter().map(|load| load.walk.place).collect();
    let (mut list, start): (Vec<usize>, i64) = match way {
        Way::There => ((0..takes.len()).collect(), free),
        Way::Back => {
            let more = takes.iter().map(|(grows, shrinks)| shrinks - grows);
            ((0..takes.len()).rev().collect(), free + more.sum::<i64>())
        }
    };
    // What moves nothing of this takes no part.
    list.retain(|at| takes[*at] != (0, 0));
    let asks = |at: usize| match way {
        Way::There => takes[at].0,
        Way::Back => takes[at].1,
    };
    let frees = |at: usize| match way {
        Way::There => takes[at].1,
        Way::Back => takes[at].0,
    };
    let is_before = |one: usize, other: usize| match way {
        Way::There => scene.order.is_before(places[one], places[other]),
        Way::Back => scene.order.is_before(places[other], places[one]),
    };
    let mut found: Vec<Tight> = Vec::new();
    for (position, &at) in list.iter().enumerate() {
        if asks(at) == 0 {
            continue;
        }
        let stage = places[at].0;
        let earlier = list.iter().filter(|one| is_before(**one, at));
        let mut tight = Tight {
            stage,
            asks: 0,
            has: start + earlier.map(|one| frees(*one)).sum::<i64>(),
        };
        for &one in &list[..=position] {
            if places[one].0 == stage {
                tight.asks += asks(one);
            } else {
                tight.has -= asks(one);
            }
        }
        if tight.asks <= tight.has {
            continue;
        }
        match found.iter_mut().find(|known| known.stage == stage) {
            Some(known) if known.lacks() < tight.lacks() => *known = tight,
            Some(_) => {}
            None => found.push(tight),
        }
    }
    found.sort_by_key(|tight| tight.stage);
    found
}
