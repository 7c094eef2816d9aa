//! What one event makes of one entry: its state by the transition function, and what is known of
//! its value. Part of the fold ([`super::apply`]).

use crate::field::FormerOwner;

use super::entry::{Entry, Found};
use super::record::NewOutcome;
use super::transition::{self, Event, State};

/// One event upon one entry.
pub(super) fn follow(entry: &mut Entry, outcome: &NewOutcome) -> Result<(), String> {
    let event = meant(entry, outcome.event);
    entry.state = transition::next(entry.state, event, entry.turned)
        .map_err(|illegal| format!("entry {}: {illegal}", entry.id.0))?;
    match event {
        Event::Applied | Event::Reasserted => {
            entry.confirmed = true;
            entry.observed.clone_from(&outcome.observed);
            entry.drift = None;
            taken_again(entry, &outcome.owners);
        }
        Event::Drifted => {
            entry.drift = outcome.observed.clone().map(|image| {
                Box::new(Found {
                    image,
                    verdicts: outcome.verdicts,
                })
            });
        }
        Event::Turned => {
            entry.turned = true;
            entry.drift = None;
        }
        Event::Reverted
        | Event::Kept
        | Event::OwnersBack
        | Event::Gone
        | Event::Superseded
        | Event::Withdrawn
        | Event::Refused
        | Event::Overtaken => entry.drift = None,
        Event::Ours | Event::Stuck => {}
    }
    entry.reason.clone_from(&outcome.reason);
    Ok(())
}

/// Former owners that had taken the field again before it was written again: what they own no more, we
/// took, and they did not let go. From then on the time of their entry is what it was then.
fn taken_again(entry: &mut Entry, owners: &[String]) {
    let seen = |former: &FormerOwner| {
        let (operation, manager) = (&former.owner.operation, &former.owner.manager);
        owners.iter().find_map(|text| {
            let mut parts = text.splitn(3, ' ');
            let at = parts.next().filter(|at| *at != "-")?;
            let is_same = parts.next()? == operation && parts.next()? == manager;
            is_same.then(|| at.to_owned())
        })
    };
    if !entry.owners.iter().any(|former| seen(former).is_some()) {
        return;
    }
    let renewed = entry.owners.iter().map(|former| FormerOwner {
        // Times of one server, as texts of one form: the later one is the greater.
        at: seen(former).max(former.at.clone()),
        ..former.clone()
    });
    entry.owners = renewed.collect();
}

/// What an event means for an entry whose value once stood. "Never written" cannot be said of it
/// any more: after a verdict it is Intended again, and a refusal or a rival then leaves a drift,
/// not a field without an entry. Were it taken by the letter, its peacetime value would be lost.
const fn meant(entry: &Entry, event: Event) -> Event {
    match event {
        Event::Refused | Event::Withdrawn | Event::Overtaken => {
            let refused_return =
                matches!(entry.state, State::Reverting) && matches!(event, Event::Refused);
            let open = matches!(entry.state, State::Intended | State::Reverting);
            if entry.confirmed && open && !refused_return {
                Event::Drifted
            } else {
                event
            }
        }
        Event::Applied
        | Event::Superseded
        | Event::Drifted
        | Event::Reasserted
        | Event::Ours
        | Event::Kept
        | Event::Turned
        | Event::Reverted
        | Event::Stuck
        | Event::OwnersBack
        | Event::Gone => event,
    }
}
