//! Several modes over the same fields: declared, raised, stood down and killed in any order. At
//! every quiet moment each field has its top layer's value; once all are closed it is peacetime.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::council::{Council, Deed, Wish};
use crate::api::{Level, Phase};
use crate::field::Image;
use crate::ledger::State;

fn wish() -> impl Strategy<Value = Wish> {
    let level = prop_oneof![Just(Level::I), Just(Level::II)];
    let web = prop::option::weighted(0.8, prop_oneof![Just(0), Just(3), Just(9), Just(12)]);
    let batch = prop::option::of(prop_oneof![Just(0), Just(1), Just(4)]);
    let flag = prop::option::of(prop_oneof![Just("on"), Just("off"), Just("slow")]);
    let other = prop::option::of(prop_oneof![Just("new"), Just("newer")]);
    let exercise = prop::bool::weighted(0.2);
    (exercise, level, web, batch, flag, other)
        .prop_map(|(is_exercise, level, web, batch, flag, other_flag)| Wish {
            is_exercise,
            level,
            web,
            batch,
            flag,
            other_flag,
        })
        .prop_filter("it wants something", |wish| {
            wish.web.is_some()
                || wish.batch.is_some()
                || wish.flag.is_some()
                || wish.other_flag.is_some()
        })
}

fn deed(modes: usize) -> impl Strategy<Value = Deed> {
    let mode = move || 0..modes;
    prop_oneof![
        4 => mode().prop_map(Deed::Declare),
        2 => mode().prop_map(Deed::StandDown),
        1 => mode().prop_map(Deed::Hold),
        1 => (mode(), prop_oneof![Just(Level::I), Just(Level::II)]).prop_map(|(m, l)| Deed::Level(m, l)),
        5 => (mode(), 1..12_usize).prop_map(|(m, turns)| Deed::Turns(m, turns)),
        2 => (mode(), 0..20_usize).prop_map(|(m, after)| Deed::Crash(m, after)),
        1 => (0..3_usize).prop_map(Deed::Touch),
        2 => Just(Deed::Rest),
    ]
}

fn deeds() -> impl Strategy<Value = (Vec<Wish>, Vec<Deed>, Option<i64>)> {
    (2..4_usize).prop_flat_map(|modes| {
        (
            prop::collection::vec(wish(), modes),
            prop::collection::vec(deed(modes), 4..24),
            prop::option::of(1..9_i64),
        )
    })
}

/// What happens to the modes beside a vanished one, which is the first.
fn beside() -> impl Strategy<Value = (Vec<Wish>, usize, Vec<Deed>)> {
    let deeds = deeds().prop_map(|(wishes, deeds, _)| {
        let others = deeds.into_iter().filter_map(|deed| match deed {
            Deed::Declare(0)
            | Deed::StandDown(0)
            | Deed::Hold(0)
            | Deed::Level(0, _)
            | Deed::Turns(0, _)
            | Deed::Crash(0, _)
            | Deed::Vanish(_)
            | Deed::Recover(_) => None,
            // With what a vanished mode has left the top layer's value is not all there is.
            Deed::Rest => Some(Deed::Turns(1, 9)),
            other => Some(other),
        });
        (wishes, others.collect())
    });
    (deeds, 1..60_usize).prop_map(|((wishes, deeds), turns)| (wishes, turns, deeds))
}

proptest! {
    /// A mode whose object is gone, and whose records are there, may have put anything into wartime,
    /// at any point of its switch: what it found there must come back, whoever writes over it.
    #[test]
    fn what_a_vanished_mode_wrote_is_never_taken_for_peacetimes((wishes, turns, deeds) in beside()) {
        let mut council = Council::new(&wishes, None);
        council.perform(Deed::Declare(0));
        council.perform(Deed::Turns(0, turns));
        council.perform(Deed::Vanish(0));
        for deed in deeds {
            council.perform(deed);
        }
        for index in 1..wishes.len() {
            council.perform(Deed::StandDown(index));
        }
        council.rest();
        for (world, declared) in council.worlds.iter().zip(&council.declared).skip(1) {
            prop_assert!(!declared || world.phase() == Phase::Closed, "{} is over", world.mode.name);
        }
        council.perform(Deed::Recover(0));
        council.rest();
        council.assert_peacetime();
    }

    /// `PROPTEST_CASES` says how many.
    #[test]
    fn whoever_is_declared_and_stood_down_in_any_order_the_top_layer_stands_and_peacetime_returns(
        (wishes, deeds, lands) in deeds()
    ) {
        let mut council = Council::new(&wishes, lands.map(SignedDuration::from_secs));
        for deed in deeds {
            council.perform(deed);
        }
        council.perform(Deed::Rest);
        for index in 0..wishes.len() {
            council.perform(Deed::StandDown(index));
            if index % 2 == 0 {
                council.perform(Deed::Turns(index, 3));
            } else {
                council.perform(Deed::Rest);
            }
        }
        council.perform(Deed::Rest);
        for (world, declared) in council.worlds.iter().zip(&council.declared) {
            prop_assert!(!declared || world.phase() == Phase::Closed, "{} is over", world.mode.name);
        }
        council.assert_peacetime();
    }
}

/// What somebody put over a mode's value in wartime is no peacetime value: a second mode that takes it
/// for one would bring that back in place of what was there before both.
#[test]
fn what_was_put_over_a_layer_is_not_taken_for_peacetime() {
    let wish = |level, web| Wish {
        is_exercise: false,
        level,
        web: Some(web),
        batch: None,
        flag: None,
        other_flag: None,
    };
    let wishes = [wish(Level::II, 9), wish(Level::I, 12)];
    let mut council = Council::new(&wishes, None);
    council.perform(Deed::Declare(0));
    council.perform(Deed::Rest);
    council.write_as("script", "web-0", "/spec/replicas", &json!(5));
    council.perform(Deed::Turns(0, 20));
    assert_eq!(council.worlds[0].states("web-0"), [State::Drifted]);
    council.perform(Deed::Declare(1));
    council.perform(Deed::Turns(1, 40));
    assert_eq!(council.worlds[1].phase(), Phase::Active);
    let replicas = &council.objects["web-0"]["spec"]["replicas"];
    assert_eq!(replicas, &json!(12), "the graver one stands");
    let entries = council.worlds[1].ledger().entries.values();
    let captured = entries.filter(|entry| &*entry.target.uid == "web-0");
    let bases: Vec<(Image, Option<String>)> = captured
        .map(|entry| (entry.base.clone(), entry.covers.clone()))
        .collect();
    let before = &council.before["web-0"]["spec"]["replicas"];
    let covered = council.worlds[0].mode.uid.clone();
    assert_eq!(
        bases,
        [(Image::Present(before.clone()), Some(covered))],
        "its peacetime value is what the first one journalled"
    );
}
