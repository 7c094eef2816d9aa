//! Who plays: the people of a rehearsal, with their groups and rights.

use super::super::people::{MASTERS, User};
use super::super::server::Server;
use super::kubeconfig::Entry;

/// A person who plays. Their context has their name.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The user.
    pub name: &'a str,
    /// Their group.
    pub group: &'a str,
}

/// Everybody. The first is who people are at the beginning.
pub const PEOPLE: [Person<'static>; 6] = [
    Person {
        name: "admin",
        group: MASTERS,
    },
    Person {
        name: "duty-officer-zhou",
        group: "emergency-duty",
    },
    Person {
        name: "approver-lin",
        group: "emergency-approvers",
    },
    Person {
        name: "approver-chen",
        group: "emergency-approvers",
    },
    Person {
        name: "commander-wang",
        group: "emergency-command",
    },
    Person {
        name: "engineer-he",
        group: "platform",
    },
];

/// What their groups may do: manifests that are loaded where the kinds of Pingzhan are.
pub const RIGHTS: &str = include_str!("../data/people.yaml");

/// Gives everybody a token: `token` makes them, one each.
pub fn welcome(server: &mut Server, mut token: impl FnMut() -> String) -> Vec<Entry> {
    let mut entries = Vec::new();
    for person in PEOPLE {
        let token = token();
        let user = User::authenticated(person.name, &[person.group]);
        server.tokens.give(&token, user);
        entries.push(Entry {
            context: person.name.to_owned(),
            token,
        });
    }
    entries
}
