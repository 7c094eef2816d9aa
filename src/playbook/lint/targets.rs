//! What a step acts on.

use crate::api::{
    Act, LabelSelector, NamespaceSelector, PriorityItem, Requirement, RequirementOperator, Step,
    Targets, names as known,
};
use crate::playbook::{conditions, kinds, routed, suspended};

use super::{Finding, codes, names};

/// Namespaces in which nothing is ever touched.
pub(super) const NEVER: [&str; 5] = [
    "kube-system",
    "kube-public",
    "kube-node-lease",
    known::DEFAULT_NAMESPACE,
    known::ACCOUNT_NAMESPACE,
];

/// Whether an act has use for targets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Needed,
    Allowed,
    Needless,
}

/// Findings on the targets of a step.
pub fn findings(step: &Step, at: &str) -> Vec<Finding> {
    let acts = step.acts();
    let [act] = acts.as_slice() else {
        return Vec::new();
    };
    let use_ = use_of(act);
    let pointer = format!("{at}/targets");
    match &step.targets {
        None if use_ == Use::Needed => vec![codes::NO_TARGETS.at(
            at,
            format!(
                "`{}` of the step `{}` acts on nothing",
                act.word(),
                step.name
            ),
        )],
        None => Vec::new(),
        Some(_) if use_ == Use::Needless => vec![
            codes::NEEDLESS_TARGETS.at(pointer, format!("`{}` has no use for targets", act.word())),
        ],
        Some(targets) => {
            let mut findings = kinds_of(act, targets, &pointer);
            findings.extend(selection(targets, &pointer));
            findings
        }
    }
}

const fn use_of(act: &Act<'_>) -> Use {
    match act {
        Act::Scale(_) | Act::Suspend(_) | Act::Config(_) | Act::Route(_) | Act::Patch(_) => {
            Use::Needed
        }
        Act::Wait(wait) if wait.condition.is_some() || wait.expression.is_some() => Use::Needed,
        Act::Wait(_) => Use::Allowed,
        Act::Isolate(_)
        | Act::Access(_)
        | Act::Freeze(_)
        | Act::Apply(_)
        | Act::Run(_)
        | Act::Call(_)
        | Act::Gate(_)
        | Act::Notify(_) => Use::Needless,
    }
}

/// Findings on the order of release of a stage.
pub fn priority(priority: &[PriorityItem], at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, item) in priority.iter().enumerate() {
        let at = format!("{at}/{index}");
        match item {
            PriorityItem::Namespace(name) if !names::is_label(name) => findings
                .push(codes::BAD_SELECTOR.at(at, format!("`{name}` cannot be a namespace's name"))),
            PriorityItem::Namespace(_) => {}
            PriorityItem::Selector { selector } if *selector == LabelSelector::default() => {
                findings.push(
                    codes::BAD_SELECTOR
                        .at(at, "it selects everything: leave out what is to come last"),
                );
            }
            PriorityItem::Selector { selector } => {
                findings.extend(labels(selector, &format!("{at}/selector")));
            }
        }
    }
    findings
}

fn kinds_of(act: &Act<'_>, targets: &Targets, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if targets.kinds.is_empty() {
        findings.push(codes::NO_TARGETS.at(format!("{at}/kinds"), "no kind is named"));
    }
    for (index, written) in targets.kinds.iter().enumerate() {
        let at = format!("{at}/kinds/{index}");
        if kinds::refused(written) {
            findings.push(codes::REFUSED_KIND.at(at, format!("{written} is never touched")));
            continue;
        }
        if let Some(why) = kinds::governs(written) {
            findings.push(codes::REFUSED_KIND.at(at, format!("{written} is never touched: {why}")));
            continue;
        }
        let same = |other: &String| {
            other == written
                || kinds::find(other).is_some_and(|kind| Some(kind) == kinds::find(written))
        };
        if targets.kinds[..index].iter().any(same) {
            findings.push(codes::DUPLICATE_KIND.at(&at, format!("{written} is listed twice")));
        }
        match kinds::find(written) {
            None if !is_qualified(written) => {
                findings.push(codes::UNKNOWN_KIND.at(at, unknown(written)));
            }
            Some(kind) if !fits(act, kind) => findings.push(codes::UNFIT_KIND.at(
                at,
                format!("`{}` cannot be done to a {}", act.word(), kind.kind),
            )),
            None if matches!(act, Act::Route(_)) && routed::find(written).is_none() => {
                let known: Vec<&str> = routed::KINDS.iter().map(|row| row.kind).collect();
                let why = format!("{written} cannot be routed: {} can", known.join(", "));
                findings.push(codes::UNFIT_KIND.at(at, why));
            }
            None if matches!(act, Act::Config(_)) => findings.push(codes::UNFIT_KIND.at(
                at,
                format!("`config` sets keys of ConfigMaps, not of {written}"),
            )),
            None if matches!(act, Act::Suspend(_)) && suspended::find(written).is_none() => {
                let known: Vec<&str> = suspended::KINDS.iter().map(|row| row.kind).collect();
                let why = format!("{written} cannot be suspended: {} can", known.join(", "));
                findings.push(codes::UNFIT_KIND.at(at, why));
            }
            Some(_) | None => {}
        }
    }
    findings
}

/// Whether an act can be done to a built-in kind.
fn fits(act: &Act<'_>, kind: &kinds::Kind) -> bool {
    match act {
        Act::Scale(_) => kind.replicas.is_some(),
        Act::Config(_) => kind.kind == "ConfigMap",
        Act::Suspend(_) => suspended::find(&kind.qualified()).is_some(),
        Act::Route(_) => routed::find(&kind.qualified()).is_some(),
        Act::Patch(_)
        | Act::Isolate(_)
        | Act::Access(_)
        | Act::Freeze(_)
        | Act::Apply(_)
        | Act::Run(_)
        | Act::Call(_)
        | Act::Wait(_)
        | Act::Gate(_)
        | Act::Notify(_) => true,
    }
}

fn is_qualified(written: &str) -> bool {
    written.split_once('/').is_some_and(|(group, kind)| {
        names::is_subdomain(group)
            && kind.starts_with(|first: char| first.is_ascii_uppercase())
            && kind.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

fn unknown(written: &str) -> String {
    let close = kinds::KINDS.iter().find(|row| {
        row.kind.eq_ignore_ascii_case(written) || row.plural.eq_ignore_ascii_case(written)
    });
    match close {
        Some(row) => format!("`{written}` is not a kind: did you mean {}?", row.kind),
        None => format!("`{written}` is not a built-in kind, and names no group"),
    }
}

fn selection(targets: &Targets, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(selector) = &targets.namespaces {
        findings.extend(namespaces(selector, &format!("{at}/namespaces")));
    }
    if let Some(selector) = &targets.selector {
        findings.extend(labels(selector, &format!("{at}/selector")));
    }
    for (index, name) in targets.names.iter().enumerate() {
        if !names::is_object_name(name) {
            findings.push(codes::BAD_SELECTOR.at(
                format!("{at}/names/{index}"),
                format!("`{name}` cannot be an object's name"),
            ));
        }
    }
    if let Some(text) = &targets.condition
        && let Some(why) = conditions::wrong_where(text)
    {
        findings.push(codes::CONDITION.at(format!("{at}/where"), format!("`{text}`: {why}")));
    }
    let narrow = targets
        .namespaces
        .as_ref()
        .is_some_and(|n| *n != NamespaceSelector::default())
        || targets
            .selector
            .as_ref()
            .is_some_and(|s| *s != LabelSelector::default())
        || !targets.names.is_empty()
        || targets.condition.is_some();
    if !narrow {
        findings.push(codes::SELECTS_ALL.at(at, "nothing narrows what the step acts on"));
    }
    findings
}

/// Findings on a selection of namespaces.
pub(super) fn namespaces(selector: &NamespaceSelector, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, name) in selector.names.iter().enumerate() {
        let at = format!("{at}/names/{index}");
        if NEVER.contains(&name.as_str()) {
            findings.push(codes::LOCKOUT.at(at, format!("nothing in `{name}` is ever touched")));
        } else if !names::is_label(name) {
            findings
                .push(codes::BAD_SELECTOR.at(at, format!("`{name}` cannot be a namespace's name")));
        }
    }
    let both = LabelSelector {
        match_labels: selector.match_labels.clone(),
        match_expressions: selector.match_expressions.clone(),
    };
    findings.extend(labels(&both, at));
    findings
}

/// Findings on a selection by labels.
pub(super) fn labels(selector: &LabelSelector, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, value) in &selector.match_labels {
        let at = format!("{at}/matchLabels/{}", crate::playbook::pointer::escape(key));
        if !names::is_label_key(key) {
            findings.push(codes::BAD_SELECTOR.at(&at, format!("`{key}` cannot be a label's key")));
        }
        if !names::is_label_value(value) {
            findings
                .push(codes::BAD_SELECTOR.at(&at, format!("`{value}` cannot be a label's value")));
        }
        if key == known::EXCLUDE_LABEL {
            findings.push(codes::LOCKOUT.at(&at, "what has this label is never touched"));
        }
    }
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        findings.extend(self::requirement(
            requirement,
            &format!("{at}/matchExpressions/{index}"),
        ));
    }
    findings
}

fn requirement(requirement: &Requirement, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !names::is_label_key(&requirement.key) {
        findings.push(codes::BAD_SELECTOR.at(
            format!("{at}/key"),
            format!("`{}` cannot be a label's key", requirement.key),
        ));
    }
    for (index, value) in requirement.values.iter().enumerate() {
        if !names::is_label_value(value) {
            findings.push(codes::BAD_SELECTOR.at(
                format!("{at}/values/{index}"),
                format!("`{value}` cannot be a label's value"),
            ));
        }
    }
    let wanted = match requirement.operator {
        RequirementOperator::In | RequirementOperator::NotIn => true,
        RequirementOperator::Exists | RequirementOperator::DoesNotExist => false,
    };
    if wanted == requirement.values.is_empty() {
        let message = if wanted {
            format!("{:?} has no values", requirement.operator)
        } else {
            format!("{:?} takes no values", requirement.operator)
        };
        findings.push(codes::BAD_SELECTOR.at(at, message));
    }
    findings
}
