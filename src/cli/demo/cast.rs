//! Who plays which part: the people of the sand table, each also in the groups that the playbook asks
//! for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Gate, Level, PlaybookSpec};
use crate::rehearsal::people::{self, PEOPLE};
use crate::sandtable::people::User;

/// Who declares, changes the level and stands down.
const REQUESTER: &str = "duty-officer-zhou";
/// Who answers at gates.
const COMMANDER: &str = "commander-wang";
/// Who writes the playbook, changes services and decides about them.
const ENGINEER: &str = "engineer-he";
/// Who approves, the first ones first: as many as the highest quorum that a playbook may ask for.
const APPROVERS: [&str; 8] = [
    "approver-lin",
    "approver-chen",
    COMMANDER,
    ENGINEER,
    "approver-zhao",
    "approver-qian",
    "approver-sun",
    "approver-li",
];
/// Of which group they are where the sand table knows them: their rights are those of this group.
const APPROVING: &str = "emergency-approvers";

/// Somebody who plays, with a name for as long as the program runs.
pub type Person = people::Person<'static>;

/// Everybody, with their groups.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Who declares, in the name of the group that may.
    pub requester: Person,
    /// Who writes the playbook and changes services.
    pub engineer: Person,
    approvers: Vec<Person>,
    groups: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Cast {
    /// The parts of a playbook.
    pub fn of(playbook: &PlaybookSpec) -> Self {
        let authority = &playbook.authority;
        let approvers = APPROVERS.iter().enumerate().map(|(number, name)| {
            let wanted = &authority.approver_groups;
            // One after another, so that each group has its people.
            let turned = wanted.iter().cycle().skip(number).take(wanted.len());
            let turned: Vec<&String> = turned.collect();
            acting(name, &turned)
        });
        let requesters: Vec<&String> = authority.requester_groups.iter().collect();
        let mut cast = Self {
            requester: acting(REQUESTER, &requesters),
            engineer: acting(ENGINEER, &[]),
            approvers: approvers.collect(),
            groups: BTreeMap::new(),
        };
        for person in PEOPLE {
            cast.add(person);
        }
        cast.add(cast.requester);
        let most = Level::ALL.into_iter().map(|level| authority.quorum(level));
        for person in cast.approvers(most.max().unwrap_or_default()).to_vec() {
            cast.add(person);
            let rights = Person {
                group: APPROVING,
                ..person
            };
            cast.add(rights);
        }
        let steps = playbook.stages.iter().flat_map(|stage| &stage.steps);
        for gate in steps.filter_map(|step| step.gate.as_ref()) {
            cast.add(cast.gatekeeper(gate));
        }
        cast
    }

    fn add(&mut self, person: Person) {
        let groups = self.groups.entry(person.name).or_default();
        groups.insert(person.group.to_owned());
    }

    /// So many people who approve, each in the name of a group that may.
    pub fn approvers(&self, quorum: usize) -> &[Person] {
        &self.approvers[..quorum.min(self.approvers.len())]
    }

    /// Who answers at a gate, in the name of a group that may.
    #[allow(clippy::unused_self, reason = "reads as the other parts do")]
    pub fn gatekeeper(&self, gate: &Gate) -> Person {
        let groups: Vec<&String> = gate.groups.iter().collect();
        acting(COMMANDER, &groups)
    }

    /// A person with all of their groups, as the server takes them.
    pub fn user(&self, name: &str) -> User {
        let groups = self.groups.get(name);
        let groups: Vec<&str> = groups.into_iter().flatten().map(String::as_str).collect();
        User::authenticated(name, &groups)
    }

    /// Everybody and their groups, by name.
    pub fn everybody(&self) -> impl Iterator<Item = (&'static str, &BTreeSet<String>)> {
        self.groups.iter().map(|(name, groups)| (*name, groups))
    }
}

/// A person in the name of their own group where it is wanted, else of the first that is.
fn acting(name: &'static str, wanted: &[&String]) -> Person {
    let own = PEOPLE.iter().find(|person| person.name == name);
    let own = own.map_or(APPROVING, |person| person.group);
    let group = match wanted.first() {
        Some(first) if wanted.iter().all(|group| *group != own) => kept(first),
        Some(_) | None => own,
    };
    Person { name, group }
}

/// A playbook's word, for as long as the program runs: people of the sand table are constants.
fn kept(word: &str) -> &'static str {
    Box::leak(word.to_owned().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(authority: &str) -> Cast {
        let spec = format!(
            "title: {{ en: Drought }}\nhazard: Drought\nowner: harbour\nserviceAccountName: flood\nauthority: {authority}\n\
             stages: [{{ name: ask, steps: [{{ name: go, gate: {{ groups: [water-board], prompt: {{ en: Go? }} }} }}] }}]\n"
        );
        Cast::of(&serde_yaml::from_str(&spec).expect("a playbook"))
    }

    /// A playbook of somebody's own city asks for groups that nobody here is in: the story would wait
    /// for them for ever.
    #[test]
    fn the_people_are_in_the_groups_that_the_playbook_asks_for() {
        let cast = cast(
            "{ requesterGroups: [watch], approverGroups: [mayors, chiefs], quorum: { I: 5, II: 1 } }",
        );
        assert_eq!(cast.requester.group, "watch");
        let approving: Vec<(&str, &str)> = cast
            .approvers(5)
            .iter()
            .map(|person| (person.name, person.group))
            .collect();
        assert_eq!(
            approving,
            [
                ("approver-lin", "mayors"),
                ("approver-chen", "chiefs"),
                ("commander-wang", "mayors"),
                ("engineer-he", "chiefs"),
                ("approver-zhao", "mayors"),
            ]
        );
        let groups: BTreeMap<_, _> = cast.everybody().collect();
        // The rights that they have on the sand table stay theirs.
        let wang = [
            "emergency-approvers",
            "emergency-command",
            "mayors",
            "water-board",
        ];
        assert!(groups["commander-wang"].iter().eq(wang), "{groups:?}");
        assert!(
            groups["duty-officer-zhou"]
                .iter()
                .eq(["emergency-duty", "watch"])
        );
    }

    /// Nobody is given a group without need: the usual playbook is played by people as they are.
    #[test]
    fn people_stay_in_their_own_groups_where_these_are_asked_for() {
        let cast = cast(
            "{ requesterGroups: [x, emergency-duty], approverGroups: [y, emergency-approvers] }",
        );
        assert_eq!(cast.requester.group, "emergency-duty");
        let groups: BTreeMap<_, _> = cast.everybody().collect();
        assert!(groups["approver-lin"].iter().eq(["emergency-approvers"]));
        assert_eq!(groups.len(), PEOPLE.len());
    }
}
