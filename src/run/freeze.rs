//! What a freeze asks of the API server, beside the object that it is: whether the playbook's account may
//! freeze, and whether the freeze is in force.
//!
//! The freeze is written with the operator's own rights, so the account's are asked for before: a
//! playbook may freeze only where its account has the verb `freeze` on the namespace.

use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};

use crate::api::names;
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Clients, Collection, reviews};
use crate::engine::rights::Right;
use crate::step::remark::few;
use jiff::Timestamp;

/// Requests in flight: of many namespaces each is asked about.
const IN_FLIGHT: usize = 8;

/// What came of asking for rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Why it may not be frozen, a sentence that says which rule to give.
    pub problem: Option<String>,
    /// Whether that is only that the API server did not answer yet: it may be asked again.
    pub is_unanswered: bool,
    /// How many requests it took.
    pub requests: usize,
}

/// Asks whether an account may freeze these namespaces: of several first all there are, then each by its name.
pub async fn rights(account: &Clients, namespaces: &[&str]) -> Rights {
    if namespaces.is_empty() {
        return Rights::default();
    }
    if namespaces.len() > 1 && may(account, "").await == May::Yes {
        return Rights {
            requests: 1,
            ..Rights::default()
        };
    }
    // Gathered first: a closure inside the stream's type would keep it from being sent.
    let asks: Vec<_> = namespaces.iter().map(|name| may(account, name)).collect();
    let answers: Vec<May> = stream::iter(asks).buffered(IN_FLIGHT).collect().await;
    let mut refused = Vec::new();
    let (mut unasked, mut unanswered) = (None, None);
    for (name, answer) in namespaces.iter().zip(answers) {
        match answer {
            May::Yes => {}
            May::No => refused.push((*name).to_owned()),
            May::Unasked(why) => unasked = unasked.or(Some(why)),
            May::Unanswered(why) => unanswered = unanswered.or(Some(why)),
        }
    }
    let who = &account.who;
    let is_unanswered = refused.is_empty() && unasked.is_none() && unanswered.is_some();
    let problem = match (refused.is_empty(), unasked.or(unanswered)) {
        (true, None) => None,
        (true, Some(why)) => Some(format!(
            "it is not known whether {who} may freeze: let it create selfsubjectaccessreviews, as \
             everybody may by default ({why})"
        )),
        (false, _) => Some(format!(
            "{who} may not freeze {}: give it a ClusterRole with the rule {{apiGroups: [\"\"], resources: \
             [namespaces], resourceNames: [{}], verbs: [freeze]}}",
            few(&refused),
            refused.join(", ")
        )),
    };
    Rights {
        problem,
        is_unanswered,
        requests: usize::from(namespaces.len() > 1) + namespaces.len(),
    }
}

/// What an API server says of whether one namespace may be frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum May {
    Yes,
    No,
    /// It cannot be asked, and will not be told.
    Unasked(String),
    /// It did not answer this time.
    Unanswered(String),
}

async fn may(account: &Clients, name: &str) -> May {
    let right = Right {
        namespace: Some(name.to_owned()),
        resource: "namespaces".to_owned(),
        name: Some(name.to_owned()),
        verb: "freeze".to_owned(),
        ..Right::default()
    };
    match reviews::asked(account, &right).await {
        Answer::Done(said) if reviews::is_allowed(&said) => May::Yes,
        Answer::Done(_) => May::No,
        Answer::Refused { message, .. } => May::Unasked(message),
        Answer::Busy { why, .. } | Answer::Ambiguous(why) => May::Unanswered(why),
        Answer::Moved | Answer::Gone => May::Unasked("it cannot be asked".to_owned()),
    }
}

/// A freeze that is to be proven: its name, and its namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// The name of its object.
    pub name: String,
    /// What is frozen.
    pub namespaces: Vec<String>,
}

/// What one probe says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// The policy refused it: the freeze is in force.
    Frozen,
    /// It was let through: the freeze is not in force.
    Open,
    /// The namespace is gone.
    Gone,
    /// It was refused by something else.
    Unknown(String),
    /// There was no answer.
    Unanswered(String),
}

/// What a round of probes says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Namespaces in which the freeze is in force.
    pub frozen: Vec<String>,
    /// Namespaces in which it is not.
    pub open: Vec<String>,
    /// Why it is not known of others, where something else refuses the probe, by the first of them.
    pub unknown: Option<String>,
    /// Why it is not known of others, where nothing answered, by the first of them.
    pub unanswered: Option<String>,
}

impl Proof {
    /// Whether it is in force in every namespace that is there.
    pub const fn holds(&self) -> bool {
        self.open.is_empty() && self.unknown.is_none() && self.unanswered.is_none()
    }

    /// Whether it is in force nowhere any more. What others refuse is none of it; what nobody answered is
    /// not known.
    pub const fn is_lifted(&self) -> bool {
        self.frozen.is_empty() && self.unanswered.is_none()
    }

    /// What is not as it is to be, for people.
    pub fn sentence(&self) -> String {
        let mut open = String::new();
        if !self.open.is_empty() {
            open = format!(
                "the freeze is not in force in {}: the policy {} does not refuse changes there yet; where \
                 that stays so, apply manifests/policies of this version",
                few(&self.open),
                names::FREEZE_POLICY
            );
        }
        match (
            self.unanswered.as_ref().or(self.unknown.as_ref()),
            open.is_empty(),
        ) {
            (None, true) => format!("in force in {} namespaces", self.frozen.len()),
            (None, false) => open,
            (Some(why), true) => format!("it is not known whether the freeze is in force: {why}"),
            (Some(why), false) => format!("{open}; {why}"),
        }
    }
}

/// Proves that freezes are in force: in each namespace the operator's dry run of an Event is refused by
/// the policy, by name. Nothing is made by it.
pub async fn prove(own: &Clients, freezes: &[Probed], now: Timestamp) -> Proof {
    let pairs = freezes.iter().flat_map(|freeze| {
        let spaces = freeze.namespaces.iter();
        spaces.map(move |space| (freeze.name.as_str(), space.as_str()))
    });
    let probes: Vec<_> = pairs
        .map(|(name, space)| async move { (space, probe(own, name, space, now).await) })
        .collect();
    let said: Vec<(&str, Said)> = stream::iter(probes).buffered(IN_FLIGHT).collect().await;
    let mut proof = Proof::default();
    for (space, said) in said {
        match said {
            Said::Frozen => proof.frozen.push(space.to_owned()),
            Said::Open => proof.open.push(space.to_owned()),
            Said::Gone => {}
            Said::Unknown(why) => {
                proof
                    .unknown
                    .get_or_insert_with(|| format!("{space}: {why}"));
            }
            Said::Unanswered(why) => {
                proof
                    .unanswered
                    .get_or_insert_with(|| format!("{space}: {why}"));
            }
        }
    }
    proof
}

async fn probe(own: &Clients, name: &str, space: &str, now: Timestamp) -> Said {
    let events = Collection {
        api_version: "events.k8s.io/v1".to_owned(),
        kind: "Event".to_owned(),
        plural: "events".to_owned(),
        namespace: space.to_owned(),
    };
    let body = event(name, space, now).to_string().into_bytes();
    let manager = names::OPERATOR_MANAGER;
    match write::create(&own.writes, &events, body, manager, Effect::DryRun).await {
        Answer::Done(_) | Answer::Moved => Said::Open,
        Answer::Gone => Said::Gone,
        Answer::Refused { message, .. } if is_ours(&message) => Said::Frozen,
        Answer::Refused { message, .. } if message.contains("being terminated") => Said::Gone,
        Answer::Refused { message, .. } => Said::Unknown(message),
        Answer::Busy { why, .. } | Answer::Ambiguous(why) => Said::Unanswered(why),
    }
}

fn is_ours(message: &str) -> bool {
    message.contains(&format!(
        "ValidatingAdmissionPolicy '{}'",
        names::FREEZE_POLICY
    ))
}

/// An Event that nobody ever sees.
fn event(name: &str, space: &str, now: Timestamp) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "name": name, "namespace": space },
        "eventTime": format!("{now:.6}"),
        "reportingController": "pingzhan.dev/operator", "reportingInstance": "pingzhan",
        "action": "Probe", "reason": "FreezeProbe", "type": "Normal",
        "note": "whether the change freeze is in force: this is a dry run",
        "regarding": { "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze", "namespace": space, "name": name },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who reads that a freeze is not in force must find what to do about it.
    #[test]
    fn a_proof_says_what_is_missing_and_what_to_do() {
        let spaces = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let whole = Proof {
            frozen: spaces(&["portal", "tax"]),
            ..Proof::default()
        };
        assert!(whole.holds() && !whole.is_lifted());
        assert_eq!(whole.sentence(), "in force in 2 namespaces");
        let open = Proof {
            open: spaces(&["a", "b", "c", "d"]),
            ..Proof::default()
        };
        assert!(!open.holds() && open.is_lifted());
        let said = open.sentence();
        assert!(said.contains("a, b, c and 1 more"), "{said}");
        assert!(said.contains("apply manifests/policies"), "{said}");
        let unknown = Proof {
            unknown: Some("portal: events is forbidden".to_owned()),
            ..Proof::default()
        };
        assert!(!unknown.holds() && unknown.is_lifted());
        assert!(unknown.sentence().contains("events is forbidden"));
        // One busy moment would close a mode whose freeze stays.
        let unanswered = Proof {
            unanswered: Some("portal: 503".to_owned()),
            ..Proof::default()
        };
        assert!(!unanswered.holds() && !unanswered.is_lifted());
        assert!(unanswered.sentence().contains("portal: 503"));
        assert!(is_ours(
            "events.events.k8s.io is forbidden: ValidatingAdmissionPolicy 'pingzhan-freeze' with binding \
             'pingzhan-freeze' denied request: change freeze"
        ));
    }
}
