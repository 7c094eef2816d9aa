//! O9: what a status says is what is, by live reads.

use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase};
use pingzhan::engine::decide::status::BEING_READ;
use pingzhan::field::{Image, Path, creation};
use pingzhan::ledger::acts::ActState;
use pingzhan::ledger::{Direction, Ledger, State};

use super::history::Event;
use super::oracles::{by_uid, made};
use super::world::Objects;

/// Each status ever stored that lists a field for a verdict without the value that the verdict has to
/// name: whoever read it in that moment could not speak.
pub fn unnamed(events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    for event in events.iter().filter(|event| event.kind == "EmergencyMode") {
        let listed = event.object["status"]["targets"].as_array();
        for target in listed.into_iter().flatten() {
            let waits = ["Drifted", "Stuck"]
                .iter()
                .any(|state| target["state"] == *state);
            let says_so = target["message"] == BEING_READ;
            // Of what was given up nobody speaks any more.
            let over = event.object["status"]["phase"] == "Closed";
            if waits && target["seen"].is_null() && !says_so && !over {
                let (mode, name, state) = (event.name(), &target["name"], &target["state"]);
                wrong.push(format!(
                    "O9: {mode}: version {} lists {name} as {state} and does not say what was seen",
                    event.version
                ));
            }
        }
    }
    wrong
}

/// A mode's status beside its journal and the cluster. Each function says what is not so.
pub struct Truth<'a> {
    pub mode: &'a EmergencyMode,
    pub status: &'a EmergencyModeStatus,
    pub ledger: &'a Ledger,
    pub live: &'a Objects,
}

impl Truth<'_> {
    /// Everything that is not so.
    pub fn lies(&self) -> Vec<String> {
        let name = self.mode.metadata.name.as_deref().unwrap_or_default();
        let all = [
            self.counts(),
            self.applied(),
            self.conditions(),
            self.phase(),
            self.targets(),
        ];
        all.into_iter()
            .flatten()
            .map(|lie| format!("O9: {name}: {lie}"))
            .collect()
    }

    fn counts(&self) -> Vec<String> {
        let counts = self.status.counts.unwrap_or_default();
        let count = |state: State| {
            let found = self
                .ledger
                .entries
                .values()
                .filter(|entry| entry.state == state)
                .count();
            i64::try_from(found).unwrap_or(i64::MAX)
        };
        // What is covered stands in the journal as what it was, or as not written.
        let standing = count(State::Applied) + count(State::Drifted);
        let said = counts.applied + counts.drifted + counts.covered;
        let unwritten = said - standing;
        let is_unwritten = (0..=counts.covered.min(count(State::Intended))).contains(&unwritten);
        let covered = (!is_unwritten).then(|| {
            format!("it says {said} applied, drifted or covered, the journal says {standing}")
        });
        let strictly = counts.covered == 0;
        [
            ("applied", counts.applied, State::Applied),
            ("drifted", counts.drifted, State::Drifted),
            ("stuck", counts.stuck, State::Stuck),
            ("gone", counts.gone, State::Gone),
            ("kept", counts.kept, State::Kept),
            ("refused", counts.refused, State::Refused),
            ("restored", counts.restored, State::OwnersBack),
            ("overtaken", counts.overtaken, State::Overtaken),
        ]
        .into_iter()
        .filter(|(word, ..)| strictly || !["applied", "drifted"].contains(word))
        .filter(|(_, said, state)| *said != count(*state))
        .map(|(word, said, state)| {
            format!("it says {said} {word}, the journal says {}", count(state))
        })
        .chain(covered)
        .collect()
    }

    /// What counts as applied is there. A mode that a person stopped looks at nothing.
    fn applied(&self) -> Vec<String> {
        if self.ledger.direction != Direction::Wartime || self.mode.spec.paused {
            return Vec::new();
        }
        let by_uid = by_uid(self.live);
        let mut lies = Vec::new();
        for entry in self
            .ledger
            .live()
            .filter(|entry| entry.state == State::Applied)
        {
            let is = if creation::is(&entry.target.uid) {
                Some(made::image(self.live, &entry.target))
            } else {
                let object = by_uid.get(entry.target.uid.as_str());
                object.map(|object| Image::at(object, &entry.path))
            };
            let listed = self
                .status
                .targets
                .iter()
                .any(|target| target.uid == entry.target.uid);
            if is.as_ref() != Some(entry.ours()) && !listed {
                lies.push(format!(
                    "{} of {} counts as applied and is {is:?}",
                    entry.path, entry.target.name
                ));
            }
        }
        lies
    }

    fn conditions(&self) -> Vec<String> {
        let counts = self.status.counts.unwrap_or_default();
        let granted = self.ledger.granted.is_some();
        let closed = self.ledger.direction == Direction::Closed;
        let returns = closed || self.ledger.direction == Direction::Restoring;
        let back = closed && self.ledger.abandoned().is_none();
        let said = |type_: &str| condition::is_true(&self.status.conditions, type_);
        let degraded = condition::get(&self.status.conditions, types::DEGRADED);
        let reason = degraded.map_or("", |found| found.reason.as_str());
        // Of the policies, and of what cannot be watched, the journal knows nothing.
        let unknown = ["RulesLapsed", "NotWatched"].contains(&reason);
        let mut acts = self.ledger.acts.values();
        let failed = reason == "ActFailed" && acts.any(|act| act.state == ActState::Failed);
        [
            (types::ACTIVE, self.status.phase == Some(Phase::Active)),
            (types::DRIFTED, counts.drifted > 0),
            (
                types::DEGRADED,
                unknown || failed || counts.refused + counts.stuck > 0,
            ),
            (types::APPROVED, granted),
            (types::PAUSED, self.mode.spec.paused && !returns),
            (types::RESTORED, back && granted),
        ]
        .into_iter()
        .filter(|(type_, holds)| said(type_) != *holds)
        .map(|(type_, holds)| {
            let found = condition::get(&self.status.conditions, type_);
            let why = found.map(|found| format!("{}: {}", found.reason, found.message));
            format!("{type_} should be {holds} ({})", why.unwrap_or_default())
        })
        .collect()
    }

    fn phase(&self) -> Vec<String> {
        let mut lies = Vec::new();
        let closed = self.status.phase == Some(Phase::Closed);
        if closed != (self.ledger.direction == Direction::Closed) {
            lies.push(format!(
                "it is {:?}, its journal {:?}",
                self.status.phase, self.ledger.direction
            ));
        }
        if closed
            && self
                .mode
                .metadata
                .finalizers
                .as_ref()
                .is_some_and(|list| !list.is_empty())
        {
            lies.push("it is closed and still has its finalizer".to_owned());
        }
        lies
    }

    /// A person's verdict names the value that status says was seen.
    fn targets(&self) -> Vec<String> {
        let by_uid = by_uid(self.live);
        let mut lies = Vec::new();
        for target in self
            .status
            .targets
            .iter()
            .filter(|target| ["Drifted", "Stuck"].contains(&&*target.state))
        {
            let path = Path::parse_pointer(&target.path).expect("status names a path");
            let mut all = self.ledger.entries.values();
            let made =
                all.find(|entry| creation::is(&entry.target.uid) && entry.target.uid == target.uid);
            let is = match made {
                Some(entry) => Some(made::image(self.live, &entry.target).hash()),
                None => by_uid
                    .get(target.uid.as_str())
                    .map(|object| Image::at(object, &path).hash()),
            };
            if is != target.seen {
                lies.push(format!(
                    "it says that {} was seen as {:?}, it is {is:?}",
                    target.name, target.seen
                ));
            }
        }
        lies
    }
}
