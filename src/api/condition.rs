//! Conditions: their types, their reasons, and how one list follows from another.
//!
//! Reasons are an enum, never free text: people alert on them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A condition, as everywhere in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is said.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 63))]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(length(max = 16))]
    pub status: String,
    /// Why, in one word that programs may rely on.
    #[schemars(length(max = 63))]
    pub reason: String,
    /// Why, in a sentence for people, and what to do next.
    #[schemars(length(max = 2048))]
    pub message: String,
    /// Since when the status is what it is.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_transition_time: Timestamp,
    /// The generation of the object that this was said of.
    #[serde(default)]
    pub observed_generation: i64,
}

/// Types of conditions on an `EmergencyMode`.
pub mod types {
    /// Enough distinct people have approved the plan.
    pub const APPROVED: &str = "Approved";
    /// The plan is computed and stored.
    pub const PLANNED: &str = "Planned";
    /// Every stage is done and its values hold.
    pub const ACTIVE: &str = "Active";
    /// A person paused the mode: nothing is written but an expiry's return.
    pub const PAUSED: &str = "Paused";
    /// Something must be decided or repaired before the mode can go on.
    pub const BLOCKED: &str = "Blocked";
    /// Some changes were refused or are stuck, an act failed, or something that the mode relies on is
    /// not watched or not enforced any more; the rest went on.
    pub const DEGRADED: &str = "Degraded";
    /// Somebody changed fields that the mode holds; a verdict is awaited.
    pub const DRIFTED: &str = "Drifted";
    /// Somebody keeps putting values back.
    pub const CONTESTED: &str = "Contested";
    /// A program puts the mode's object back as it is kept elsewhere, people's acts and all.
    pub const KEPT_IN_GIT: &str = "KeptInGit";
    /// The term ends soon.
    pub const EXPIRING: &str = "Expiring";
    /// Everything is back.
    pub const RESTORED: &str = "Restored";
    /// kstatus: the object is what it should be.
    pub const READY: &str = "Ready";
    /// kstatus: work is under way.
    pub const RECONCILING: &str = "Reconciling";
    /// kstatus: work cannot go on by itself.
    pub const STALLED: &str = "Stalled";
}

/// Puts a condition into a list: a transition time changes only when the status does.
///
/// Guarantees: at most one condition of a type; the order of the others is kept.
pub fn set(conditions: &mut Vec<Condition>, mut new: Condition) {
    match conditions.iter_mut().find(|old| old.type_ == new.type_) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time;
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

/// The condition of a type.
pub fn get<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of a type is `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    get(conditions, type_).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(status: &str, at: i64) -> Condition {
        Condition {
            type_: "Ready".into(),
            status: status.into(),
            reason: "Because".into(),
            message: String::new(),
            last_transition_time: Timestamp::from_second(at).unwrap(),
            observed_generation: 1,
        }
    }

    /// People read "since when" from it: it must not move while nothing changed.
    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut list = vec![condition("True", 1)];
        set(&mut list, condition("True", 2));
        assert_eq!(list[0].last_transition_time.as_second(), 1);
        set(&mut list, condition("False", 3));
        assert_eq!(list[0].last_transition_time.as_second(), 3);
        assert_eq!(list.len(), 1);
        assert!(!is_true(&list, "Ready"));
    }
}
