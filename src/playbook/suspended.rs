//! The kinds that run by themselves and can be told to stop, and how each is told.

/// A kind that can be suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// The kind, as playbooks write it.
    pub kind: &'static str,
    /// The field that says so.
    pub field: &'static [&'static str],
    /// What it holds while it is suspended.
    pub holds: Holds,
    /// What that means, as people read it in a plan.
    pub why: &'static str,
    /// A field that is there when there is nothing to suspend any more, and what is said then.
    pub over: Option<(&'static [&'static str], &'static str)>,
}

/// What a field holds while its object is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// `true`.
    True,
    /// `"true"`, since annotations are texts.
    Text,
    /// Nothing: it is what makes the object run by itself.
    Nothing,
}

/// What Flux applies of a folder.
pub const KUSTOMIZATION: &str = "kustomize.toolkit.fluxcd.io/Kustomization";
/// What Flux installs of a chart.
pub const HELM_RELEASE: &str = "helm.toolkit.fluxcd.io/HelmRelease";
/// What Argo CD applies.
pub const APPLICATION: &str = "argoproj.io/Application";

const SPEC: &[&str] = &["spec", "suspend"];

/// A row whose `spec.suspend` says so.
const fn by_spec(kind: &'static str, why: &'static str) -> Suspended {
    Suspended {
        kind,
        field: SPEC,
        holds: Holds::True,
        why,
        over: None,
    }
}

/// The table.
pub const KINDS: &[Suspended] = &[
    by_spec("CronJob", "no runs are begun"),
    Suspended {
        over: Some((&["status", "completionTime"], "it is complete")),
        ..by_spec(
            "Job",
            "its running pods are ended, which is not undone: at the return they begin anew",
        )
    },
    by_spec(KUSTOMIZATION, "Flux applies nothing of it"),
    by_spec(HELM_RELEASE, "Flux upgrades nothing of it"),
    Suspended {
        kind: APPLICATION,
        field: &["spec", "syncPolicy", "automated"],
        holds: Holds::Nothing,
        why: "Argo CD syncs nothing of it by itself",
        over: None,
    },
    Suspended {
        kind: "argoproj.io/Rollout",
        field: &["spec", "paused"],
        holds: Holds::True,
        why: "no further step of a rollout is taken",
        over: None,
    },
    Suspended {
        kind: "keda.sh/ScaledObject",
        field: &["metadata", "annotations", "autoscaling.keda.sh/paused"],
        holds: Holds::Text,
        why: "the count stays as it is, whatever the load",
        over: None,
    },
];

/// The row of a kind, as a playbook writes it or with its group.
pub fn find(written: &str) -> Option<&'static Suspended> {
    let (group, kind) = written.split_once('/').unwrap_or(("batch", written));
    KINDS.iter().find(|row| {
        let own = row.kind.split_once('/').unwrap_or(("batch", row.kind));
        own == (group, kind)
    })
}

/// The row of a kind, where it is one of GitOps: its controller says when it goes on.
pub fn gitops(group: &str, kind: &str) -> Option<&'static Suspended> {
    let row = find(&format!("{group}/{kind}"))?;
    [KUSTOMIZATION, HELM_RELEASE, APPLICATION]
        .contains(&row.kind)
        .then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind under another name than the playbook's would be let through and never suspended.
    #[test]
    fn kinds_are_found_as_they_are_written() {
        for row in KINDS {
            assert_eq!(find(row.kind), Some(row));
        }
        assert_eq!(find("batch/CronJob"), find("CronJob"));
        for other in [
            "Deployment",
            "apps/Deployment",
            "example.com/CronJob",
            "ScaledObject",
        ] {
            assert_eq!(find(other), None, "{other}");
        }
    }
}
