//! Who wrote lately in what a step freezes, and who of them would be stopped: what the server knows of it
//! are field managers and times, not users.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Finding;
use crate::api::Freeze;
use crate::field::managed;

/// The kinds in which it is looked for: what people change most, and every cluster has. Each with its
/// version and its plural.
pub const KINDS: [(&str, &str, &str); 4] = [
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Service", "services"),
];
/// What counts as lately: a week, up to the latest write, so that no clock is asked.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Managers that are named.
const NAMED: usize = 10;
/// How programs that people run call themselves.
const PEOPLE: [&str; 4] = ["kubectl", "helm", "k9s", "lens"];
/// The cluster's own, which nothing stops.
const CLUSTER: [&str; 4] = [
    "kube-controller-manager",
    "kube-apiserver",
    "kube-scheduler",
    "kubelet",
];

/// Who wrote: by manager the latest time and how many objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writers {
    by_manager: BTreeMap<String, (Timestamp, usize)>,
    /// Whether there are objects that were not looked at.
    pub is_part: bool,
    /// Why some could not be looked at.
    pub problem: Option<String>,
}

impl Writers {
    /// Takes in who wrote an object, but through a subresource.
    pub fn take(&mut self, object: &Value) {
        let entries = object["metadata"]["managedFields"].as_array();
        let mut latest: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for entry in entries.into_iter().flatten() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            let manager = text("manager");
            let own = managed::is_ours(manager) || CLUSTER.contains(&manager);
            if own || !text("subresource").is_empty() {
                continue;
            }
            if let Ok(at) = text("time").parse::<Timestamp>() {
                let known = latest.entry(manager).or_insert(at);
                *known = at.max(*known);
            }
        }
        for (manager, at) in latest {
            let known = self.by_manager.entry(manager.to_owned());
            let (latest, count) = known.or_insert((at, 0));
            *latest = at.max(*latest);
            *count += 1;
        }
    }

    /// What is worth knowing before somebody approves the freeze.
    pub fn finding(&self, freeze: &Freeze) -> Finding {
        let mut lately: Vec<(&String, Timestamp, usize)> = self
            .by_manager
            .iter()
            .map(|(name, (at, count))| (name, *at, *count))
            .collect();
        let newest = lately.iter().map(|(_, at, _)| *at).max();
        let since = newest.map(|at| at.saturating_sub(LATELY).unwrap_or(Timestamp::MIN));
        lately.retain(|(_, at, _)| since.is_some_and(|since| *at >= since));
        // Whoever wrote most first; of equals in the order of their names.
        lately.sort_by(|one, other| other.2.cmp(&one.2).then(one.0.cmp(other.0)));
        let stops = |name: &str| {
            let automation = freeze.automation.iter().any(|one| one.name == name);
            automation
                || PEOPLE
                    .iter()
                    .any(|word| name.to_lowercase().starts_with(word))
        };
        let (stopped, others): (Vec<_>, Vec<_>) =
            lately.into_iter().partition(|(name, ..)| stops(name));
        let lately = "of those who wrote in what is frozen, in the week up to the latest write";
        let mut text = match (stopped.is_empty(), others.is_empty()) {
            (true, true) => "nobody is known to have written in what is frozen".to_owned(),
            (true, false) => format!(
                "{lately}, none is known to be a person or named: {} go on where they are service accounts",
                said(&others)
            ),
            (false, true) => format!("{lately}, {} would be stopped", said(&stopped)),
            (false, false) => format!(
                "{lately}, {} would be stopped; {} go on where they are service accounts that are not named",
                said(&stopped),
                said(&others)
            ),
        };
        if self.is_part {
            text.push_str("; not all objects were looked at");
        }
        if let Some(problem) = &self.problem {
            let _ = write!(text, "; some could not be looked at: {problem}");
        }
        Finding::note(text)
    }
}

/// Managers with how many objects they wrote.
fn said(managers: &[(&String, Timestamp, usize)]) -> String {
    let first = managers.iter().take(NAMED);
    let first: Vec<String> = first
        .map(|(name, _, count)| format!("{name} ({count})"))
        .collect();
    match managers.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{NamespaceSelector, Principal};

    fn object(entries: &[(&str, &str, &str)]) -> Value {
        let entry = |(manager, time, subresource): &(&str, &str, &str)| json!({ "manager": manager, "time": time, "subresource": subresource });
        let entries: Vec<Value> = entries.iter().map(entry).collect();
        json!({ "metadata": { "managedFields": entries } })
    }

    fn freeze() -> Freeze {
        Freeze {
            namespaces: NamespaceSelector::default(),
            automation: vec![Principal {
                kind: "ServiceAccount".into(),
                namespace: Some("ci".into()),
                name: "deployer".into(),
            }],
            except: Vec::new(),
        }
    }

    /// Who approves a freeze must read whom it stops before these people find out.
    #[test]
    fn who_wrote_lately_is_named_with_who_would_be_stopped() {
        let mut writers = Writers::default();
        let new = "2026-06-30T10:00:00Z";
        writers.take(&object(&[
            ("kubectl-edit", new, ""),
            ("kube-controller-manager", new, ""),
            ("flux", new, "status"),
            ("pingzhan/flood/0123abcd", new, ""),
        ]));
        writers.take(&object(&[("deployer", new, ""), ("kubectl-edit", new, "")]));
        writers.take(&object(&[
            ("istiod", new, ""),
            ("long-ago", "2026-01-01T00:00:00Z", ""),
        ]));
        let finding = writers.finding(&freeze());
        assert_eq!(
            finding.text,
            "of those who wrote in what is frozen, in the week up to the latest write, kubectl-edit (2), \
             deployer (1) would be stopped; istiod (1) go on where they are service accounts that are not named"
        );
        assert_eq!(finding.concern, crate::api::Concern::Note);
    }

    /// A list that nobody reads to its end says nothing.
    #[test]
    fn many_writers_are_counted_and_what_was_not_seen_is_said() {
        let mut writers = Writers::default();
        for number in 0..14 {
            let name = format!("robot-{number:02}");
            writers.take(&object(&[(&name, "2026-06-30T10:00:00Z", "")]));
        }
        writers.is_part = true;
        writers.problem = Some("services is forbidden".to_owned());
        let text = writers.finding(&freeze()).text;
        assert!(text.contains("robot-09 (1) and 4 more go on"), "{text}");
        assert!(text.contains("not all objects were looked at"), "{text}");
        assert!(text.ends_with("services is forbidden"), "{text}");
        let nobody = Writers::default().finding(&freeze()).text;
        assert!(nobody.starts_with("nobody is known"), "{nobody}");
    }
}
