//! Acts over more than one plan: what may begin again, and what is known of it then.

use crate::api::{ActEvent, ActNote};
use crate::ledger::{Act, ActState};

use super::*;

fn note(event: ActEvent) -> ActNote {
    ActNote {
        stage: "counters".to_owned(),
        step: "confirm".to_owned(),
        event,
        by: None,
        reason: None,
        ready: None,
        answers: 0,
    }
}

fn noted(ledger: &mut Ledger, event: ActEvent) {
    take(ledger, &Body::Acts(vec![note(event)]));
}

fn act(ledger: &Ledger) -> &Act {
    &ledger.acts[&("counters".to_owned(), "confirm".to_owned())]
}

fn refuses(ledger: &Ledger, event: ActEvent) -> bool {
    let body = Body::Acts(vec![note(event)]);
    let (head, mode) = (&ledger.head, &ledger.mode);
    let record = encode(head, mode, 1, at(head.sequence), ledger.next_entry, &body);
    let mut tried = ledger.clone();
    let is_refused = tried.apply(&record).is_err();
    assert!(!is_refused || tried == *ledger, "it changes nothing");
    is_refused
}

/// Begun twice under one plan, a Job would run twice; not begun again under another one, a gate would
/// let through what nobody was asked about.
#[test]
fn an_act_begins_again_once_a_plan_was_granted() {
    use ActEvent::{Begun, Declined, Done, Failed, Skipped};
    let ends: [&[ActEvent]; 6] = [
        &[Begun],
        &[Begun, Done],
        &[Begun, Declined],
        &[Begun, Failed],
        &[Begun, Failed, Skipped],
        &[Skipped],
    ];
    for events in ends {
        let mut ledger = started();
        for event in events {
            noted(&mut ledger, *event);
        }
        let times = u32::from(events[0] == Begun);
        assert_eq!(act(&ledger).times, times, "{events:?}");
        assert!(refuses(&ledger, Begun), "{events:?}");
        take(&mut ledger, &Body::Turn(turn(TurnKind::Leader)));
        assert!(
            refuses(&ledger, Begun),
            "{events:?}: a leader grants nothing"
        );
        take(&mut ledger, &Body::Turn(granted()));
        assert!(!refuses(&ledger, Skipped), "{events:?}");
        let again = ActNote {
            answers: 3,
            ..note(Begun)
        };
        let since = at(ledger.head.sequence);
        take(&mut ledger, &Body::Acts(vec![again]));
        let known = act(&ledger);
        assert_eq!(
            (known.state, known.began),
            (ActState::Begun, since),
            "{events:?}"
        );
        assert_eq!((known.times, known.answers), (times + 1, 3), "{events:?}");
        assert!(refuses(&ledger, Begun), "{events:?}: it has begun again");
        noted(&mut ledger, Done);
        assert_eq!(act(&ledger).answers, 3, "{events:?}");
        assert!(
            refuses(&ledger, Done) && refuses(&ledger, Begun),
            "{events:?}"
        );
    }
}

/// A person passes over what has failed, also after the term was renewed: what was begun is to be undone
/// all the same.
#[test]
fn what_was_begun_is_known_to_have_been_also_when_it_is_passed_over_later() {
    let mut ledger = started();
    noted(&mut ledger, ActEvent::Begun);
    noted(&mut ledger, ActEvent::Failed);
    take(&mut ledger, &Body::Turn(granted()));
    noted(&mut ledger, ActEvent::Skipped);
    let known = act(&ledger);
    assert_eq!((known.state, known.times), (ActState::Skipped, 1));
}

/// What is being undone is over: nothing of it begins again.
#[test]
fn what_is_undone_never_begins_again() {
    for last in [ActEvent::Undoing, ActEvent::Undone] {
        let mut ledger = started();
        for event in [ActEvent::Begun, ActEvent::Done, ActEvent::Undoing] {
            noted(&mut ledger, event);
        }
        if last == ActEvent::Undone {
            noted(&mut ledger, last);
        }
        take(&mut ledger, &Body::Turn(granted()));
        assert!(refuses(&ledger, ActEvent::Begun) && refuses(&ledger, ActEvent::Skipped));
    }
}
