//! Who plays in a rehearsal: as many people as a playbook asks for, in the groups that it names.

use crate::api::{Level, Playbook};

use super::people::Person;

/// Somebody who plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Their name.
    pub name: String,
    /// The group that they act as.
    pub group: String,
}

impl Player {
    fn new(name: impl Into<String>, group: &str) -> Self {
        Self {
            name: name.into(),
            group: group.to_owned(),
        }
    }

    /// The same, as somebody who acts.
    pub fn person(&self) -> Person<'_> {
        Person {
            name: &self.name,
            group: &self.group,
        }
    }
}

/// Everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Who declares, and stands down.
    pub requester: Player,
    /// Who approves: as many as the level needs.
    pub approvers: Vec<Player>,
}

impl Cast {
    /// The people whom a playbook needs at a level.
    pub fn of(playbook: &Playbook, level: Level) -> Self {
        let authority = &playbook.spec.authority;
        let requester = authority.requester_groups.first();
        let requester = requester.map_or("", String::as_str);
        let groups = &authority.approver_groups;
        let approver = |number: usize| {
            let group = groups.get(number % groups.len().max(1));
            let group = group.map_or("", String::as_str);
            Player::new(format!("approver-{}", number + 1), group)
        };
        Self {
            requester: Player::new("requester", requester),
            approvers: (0..authority.quorum(level)).map(approver).collect(),
        }
    }

    /// Who answers at a gate of these groups.
    pub fn answerer(groups: &[String]) -> Player {
        Player::new("commander", groups.first().map_or("", String::as_str))
    }
}
