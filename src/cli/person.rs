//! Who acts, and in whose name: the authenticated user, and one of their groups that the playbook
//! names. The API server checks both again.

use kube::Client;

use crate::api::Authority;
use crate::cluster::whoami;

use super::context::call;
use super::error::Error;

/// The person who types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The authenticated user's name.
    pub name: String,
    /// Their groups.
    pub groups: Vec<String>,
}

/// A right that the playbook gives to groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To declare, and to change level or term.
    Request,
    /// To approve.
    Approve,
    /// To decide in the course of a mode: skips, abort.
    Decide,
    /// To act without quorum.
    BreakGlass,
    /// To judge what was done without quorum, and to give a mode up for lost.
    Oversee,
    /// To give verdicts.
    Adjudicate,
}

impl Person {
    /// The one that the API server takes this program for.
    pub async fn ask(client: &Client) -> Result<Self, Error> {
        let whoami::User { name, groups } = call("ask who you are", whoami::ask(client)).await?;
        Ok(Self { name, groups })
    }

    /// The group in whose name they act: the one they chose, else the first that the playbook
    /// names for this right. For verdicts any group of theirs will do: engineers give them, who are in no
    /// list (the right itself is RBAC).
    ///
    /// # Errors
    /// `NotInGroup` where they are in none of them, or not in the chosen one.
    pub fn acting_as(
        &self,
        right: Right,
        authority: &Authority,
        chosen: Option<&str>,
    ) -> Result<String, Error> {
        let named = || {
            let lists = [
                &authority.break_glass_groups,
                &authority.approver_groups,
                &authority.requester_groups,
            ];
            lists.into_iter().flatten()
        };
        let own = self
            .groups
            .iter()
            .filter(|group| !group.starts_with("system:"));
        let allowed: Vec<&String> = match right {
            Right::Request => authority.requester_groups.iter().collect(),
            Right::Approve => authority.approver_groups.iter().collect(),
            Right::BreakGlass => authority.break_glass_groups.iter().collect(),
            Right::Oversee => authority
                .break_glass_groups
                .iter()
                .chain(&authority.approver_groups)
                .collect(),
            Right::Decide => named().collect(),
            Right::Adjudicate => named().chain(own).collect(),
        };
        self.first_of(&allowed, chosen)
    }

    /// The group in whose name they act, of these: the one they chose, else the first of theirs.
    ///
    /// # Errors
    /// `NotInGroup` where they are in none of them, or not in the chosen one.
    pub fn among(&self, groups: &[String], chosen: Option<&str>) -> Result<String, Error> {
        self.first_of(&groups.iter().collect::<Vec<_>>(), chosen)
    }

    fn first_of(&self, allowed: &[&String], chosen: Option<&str>) -> Result<String, Error> {
        let found = allowed
            .iter()
            .filter(|group| chosen.is_none_or(|chosen| chosen == group.as_str()))
            .find(|group| self.groups.contains(group));
        found
            .map(|group| (*group).clone())
            .ok_or_else(|| Error::NotInGroup {
                user: self.name.clone(),
                groups: match chosen {
                    Some(chosen) => chosen.to_owned(),
                    None => allowed
                        .iter()
                        .map(|group| group.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                },
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority {
            requester_groups: vec!["duty".into()],
            approver_groups: vec!["night".into(), "approvers".into()],
            break_glass_groups: vec!["command".into()],
            ..Authority::default()
        }
    }

    /// An act in the name of a group that the playbook does not name would be refused by the API
    /// server, late: the person is told before.
    #[test]
    fn people_act_in_the_name_of_a_group_that_the_playbook_names() {
        let lin = Person {
            name: "lin".into(),
            groups: vec!["approvers".into(), "staff".into()],
        };
        let named = |right, chosen| lin.acting_as(right, &authority(), chosen).ok();
        assert_eq!(named(Right::Approve, None).as_deref(), Some("approvers"));
        assert_eq!(named(Right::Decide, None).as_deref(), Some("approvers"));
        assert_eq!(named(Right::Request, None), None);
        assert_eq!(named(Right::BreakGlass, None), None);
        assert_eq!(named(Right::Oversee, None).as_deref(), Some("approvers"));
        assert_eq!(named(Right::Oversee, Some("staff")), None);
        assert_eq!(named(Right::Approve, Some("staff")), None);
        assert_eq!(named(Right::Approve, Some("night")), None);
        assert_eq!(named(Right::Decide, Some("staff")), None);
        assert_eq!(
            named(Right::Adjudicate, Some("staff")).as_deref(),
            Some("staff")
        );
    }
}
