//! Pure: kinds of step. What a step needs to see of the cluster ([`needs`]), and the changes that
//! it compiles to ([`compile`]). One file a kind, one table.

pub mod access;
pub mod apply;
pub mod config;
pub mod count;
pub mod each;
pub mod freeze;
mod isolate;
pub mod kinds;
pub mod patch;
pub mod remark;
mod roots;
mod route;
mod rule;
pub mod scale;
pub mod suspend;
pub mod table;
pub mod wait;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::{LabelSelector, NamespaceSelector, PriorityItem, Targets};
use crate::field::{Image, Path, Projection, Target, Uid};
use crate::playbook::conditions::Where;
use crate::playbook::{ExpandedStep, ResolvedAct};

use access::People;

pub use remark::{Beside, Remark};
pub use rule::Rule;

/// What a step needs to see: objects of one kind and some of their fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The kind as written: `Deployment` or `group/Kind`.
    pub kind: String,
    /// Which namespaces.
    pub namespaces: Option<NamespaceSelector>,
    /// Which labels.
    pub selector: Option<LabelSelector>,
    /// Which names; empty for all.
    pub names: Vec<String>,
    /// What must hold for each, if anything.
    pub condition: Option<Where>,
    /// What is to be ready first, of what it finds.
    pub priority: Vec<PriorityItem>,
    /// What the query is for.
    pub role: Role,
    /// Which fields, where they do not depend on the kind's CRD.
    pub fields: Fields,
}

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Objects that the step selects.
    Target,
    /// Workloads that are restarted, in namespaces in which the step has a target.
    Restart,
    /// Autoscalers that may own what the step would change, in namespaces in which it has a target.
    /// Where they cannot be read, nothing is known of them, which is worth knowing, and no more.
    Autoscaler,
    /// An object that the step makes: whether it is there.
    Made,
    /// Objects of GitOps that may apply what the step suspends, wherever they are. Where they cannot
    /// be read, that is worth knowing, and no more.
    Applier,
    /// Namespaces that are frozen: of those that may be, and that the account may freeze.
    Frozen,
    /// Objects on which it depends what the step makes, in namespaces in which it could make something.
    /// They stay as they are.
    Ground,
    /// Objects that say what the step would come to, for a plan that people read: looked at for that
    /// only. Where they cannot be read, that is worth knowing, and no more.
    Aside {
        /// Where they are looked for.
        around: Around,
        /// What is not known where they cannot be read, in words: `whether …`.
        unknown: &'static str,
    },
}

/// Where it is looked for what stands beside targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// In namespaces in which the step has a target, or makes something.
    Targets,
    /// Wherever the query says, also outside of the mode's scope.
    Anywhere,
}

/// Which fields a query reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Fields {
    /// These.
    Paths(Vec<Path>),
    /// The replicas path of the kind: from the table, or from the CRD's scale subresource.
    Replicas,
    /// Those that an object gives, as the API server tells them apart. Where it is not there, whether
    /// it could be made.
    Manifest {
        /// The object, whole.
        object: Value,
        /// Whether one that is there is taken over.
        adopt: bool,
    },
    /// Nothing of it: whether an object like this one could be made in each of the namespaces, in
    /// none where its kind is in none, and whether it is there.
    Each {
        /// The object, but for its namespace.
        object: Value,
    },
}

/// One change that a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Which object.
    pub target: Target,
    /// Which field.
    pub path: Path,
    /// What it holds now.
    pub base: Image,
    /// What it is to hold.
    pub after: Image,
    /// Why, in a sentence: `300 % of 3, at most 40`.
    pub why: String,
    /// Order inside the step: 0 first on the way there, and on the way back, too; but what suspends
    /// goes back the other way round.
    pub wave: u8,
}

/// An object that the step leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which object.
    pub target: Target,
    /// Why, in a sentence.
    pub why: String,
}

/// What a step compiles to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The changes, in a fixed order.
    pub changes: Vec<Proposal>,
    /// What is left alone.
    pub skipped: Vec<Skipped>,
    /// Who is taken out of which object, where the change of it takes out some: of the list as it is when
    /// it is written.
    pub without: BTreeMap<Uid, Arc<People>>,
    /// What would undo the changes.
    pub unheld: Vec<Unheld>,
    /// What cannot be carried out as it is written, each a sentence that says what to write instead.
    pub faults: Vec<String>,
}

impl Compiled {
    /// How what a change of it asks for follows from what the field holds when its turn comes.
    pub fn rule(&self, act: &ResolvedAct, change: &Proposal) -> Rule {
        let without = self.without.get(&change.target.uid).cloned();
        Rule::of(act, &change.target, &change.path, without)
    }
}

/// What undoes a step unless it is stopped by the same step or an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheld {
    /// Whose field stops it, where it is known.
    pub field: Option<(Uid, Path)>,
    /// What it is and what to do, in a sentence.
    pub sentence: String,
}

/// What a step needs to see.
pub fn needs(step: &ExpandedStep) -> Vec<Query> {
    match &step.act {
        ResolvedAct::Apply(making) => return apply::needs(making),
        ResolvedAct::Isolate(cut) => return isolate::needs(cut),
        ResolvedAct::Access(rights) => return access::needs(rights),
        ResolvedAct::Freeze(freeze) => return freeze::needs(freeze),
        ResolvedAct::Scale(_)
        | ResolvedAct::Config { .. }
        | ResolvedAct::Patch(_)
        | ResolvedAct::Suspend(_)
        | ResolvedAct::Route(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_)
        | ResolvedAct::Run(_)
        | ResolvedAct::Call(_) => {}
    }
    let Some(targets) = &step.targets else {
        return Vec::new();
    };
    let mut queries = match &step.act {
        ResolvedAct::Scale(_) => scale::needs(targets),
        ResolvedAct::Config { set, restart } => config::needs(targets, set, restart),
        ResolvedAct::Patch(fields) => patch::needs(targets, fields),
        ResolvedAct::Suspend(_) => suspend::needs(targets),
        ResolvedAct::Route(to) => route::needs(targets, to),
        // A wait looks while it waits: what is not there yet is no problem of the plan.
        ResolvedAct::Apply(_)
        | ResolvedAct::Isolate(_)
        | ResolvedAct::Access(_)
        | ResolvedAct::Freeze(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_)
        | ResolvedAct::Run(_)
        | ResolvedAct::Call(_) => Vec::new(),
    };
    for query in &mut queries {
        query.priority.clone_from(&step.priority);
        // What is restarted or scales a target follows from the target.
        if query.role == Role::Target {
            query.condition.clone_from(&step.condition);
        }
    }
    queries
}

/// The fields that a playbook names by paths of its own, by kind: they are held against what the
/// API server says of the kind. Other acts know their fields.
pub fn written(step: &ExpandedStep) -> Vec<(&str, Vec<&Path>)> {
    let kinds = step.targets.iter().flat_map(|targets| &targets.kinds);
    match &step.act {
        ResolvedAct::Patch(fields) => kinds
            .map(|kind| {
                (
                    kind.as_str(),
                    fields.iter().map(|field| &field.path).collect(),
                )
            })
            .collect(),
        ResolvedAct::Scale(_)
        | ResolvedAct::Config { .. }
        | ResolvedAct::Suspend(_)
        | ResolvedAct::Route(_)
        | ResolvedAct::Isolate(_)
        | ResolvedAct::Access(_)
        | ResolvedAct::Apply(_)
        | ResolvedAct::Freeze(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_)
        | ResolvedAct::Run(_)
        | ResolvedAct::Call(_) => Vec::new(),
    }
}

/// What is worth knowing of a step by what stands beside its targets, for people who read the plan.
pub fn remarks(step: &ExpandedStep, beside: Beside<'_>) -> Vec<Remark> {
    match (&step.act, &step.targets) {
        (ResolvedAct::Route(to), Some(targets)) => route::remarks(targets, to, beside),
        (ResolvedAct::Isolate(cut), _) => isolate::remarks(cut, beside),
        (ResolvedAct::Access(rights), _) => access::remarks(rights, beside),
        (
            ResolvedAct::Scale(_)
            | ResolvedAct::Config { .. }
            | ResolvedAct::Patch(_)
            | ResolvedAct::Suspend(_)
            | ResolvedAct::Route(_)
            | ResolvedAct::Apply(_)
            | ResolvedAct::Freeze(_)
            | ResolvedAct::Wait(_)
            | ResolvedAct::Gate(_)
            | ResolvedAct::Notify(_)
            | ResolvedAct::Run(_)
            | ResolvedAct::Call(_),
            _,
        ) => Vec::new(),
    }
}

/// What a step asks for, of the objects that its queries found (in the order of [`needs`]).
///
/// Guarantees: the same for the same objects, in whatever order they were found; of one field of
/// one object there is one change.
pub fn compile(step: &ExpandedStep, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = match (&step.act, &step.targets) {
        (ResolvedAct::Apply(making), _) => apply::compile(making, found),
        (ResolvedAct::Isolate(cut), _) => isolate::compile(cut, found),
        (ResolvedAct::Access(rights), _) => access::compile(rights, found),
        (ResolvedAct::Freeze(freeze), _) => freeze::compile(freeze, found, &[&step.name]),
        (_, None) => return Compiled::default(),
        (act, Some(targets)) => of_targets(act, targets, found),
    };
    compiled
        .changes
        .sort_by(|one, other| order(one).cmp(&order(other)));
    compiled
        .changes
        .dedup_by(|one, other| one.target.uid == other.target.uid && one.path == other.path);
    compiled
        .skipped
        .sort_by(|one, other| (&one.target, &one.why).cmp(&(&other.target, &other.why)));
    compiled.skipped.dedup();
    compiled
}

fn of_targets(act: &ResolvedAct, targets: &Targets, found: &[Vec<Projection>]) -> Compiled {
    match act {
        ResolvedAct::Scale(rule) => scale::compile(targets, rule, found),
        ResolvedAct::Config { set, .. } => config::compile(targets, set, found),
        ResolvedAct::Patch(fields) => patch::compile(fields, found),
        ResolvedAct::Suspend(on_resume) => suspend::compile(targets, *on_resume, found),
        ResolvedAct::Route(to) => route::compile(targets, to, found),
        ResolvedAct::Apply(_)
        | ResolvedAct::Isolate(_)
        | ResolvedAct::Access(_)
        | ResolvedAct::Freeze(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_)
        | ResolvedAct::Run(_)
        | ResolvedAct::Call(_) => Compiled::default(),
    }
}

fn order(change: &Proposal) -> (u8, &Target, &Path) {
    (change.wave, &change.target, &change.path)
}

/// Whether a change would move against its step's intent: a surge that shrinks, a shedding that
/// grows. `now` is what the field holds at capture, `planned` what it held when the plan was made.
pub fn moves_against_intent(planned: &Image, after: &Image, now: &Image) -> bool {
    let numbers = (
        kinds::number(planned),
        kinds::number(after),
        kinds::number(now),
    );
    let (Some(planned), Some(after), Some(now)) = numbers else {
        return false;
    };
    match after.cmp(&planned) {
        Ordering::Greater => after < now,
        Ordering::Less => after > now,
        Ordering::Equal => false,
    }
}

/// One query for each kind that a step names.
fn queries(targets: &Targets, role: Role, fields: impl Fn(&str) -> Fields) -> Vec<Query> {
    let one = |kind: &String| Query {
        kind: kind.clone(),
        namespaces: targets.namespaces.clone(),
        selector: targets.selector.clone(),
        names: targets.names.clone(),
        condition: None,
        priority: Vec::new(),
        role,
        fields: fields(kind),
    };
    targets.kinds.iter().map(one).collect()
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::object;
    use super::*;
    use crate::api::{Level, ObjectRef};
    use crate::playbook::{ScaleRule, expand};

    fn step(act: ResolvedAct, kinds: &[&str]) -> ExpandedStep {
        let text = r"
title: { en: x, zh-CN: x }
hazard: x
owner: x
serviceAccountName: x
authority: { requesterGroups: [duty], approverGroups: [chiefs] }
stages: [ { name: s, steps: [ { name: t, targets: { kinds: [Deployment], names: [a] }, scale: { replicas: 1 } } ] } ]
";
        let book = serde_yaml::from_str(text).unwrap();
        let mut expanded = expand::expand(&book, Level::I, &BTreeMap::new()).unwrap();
        let mut step = expanded.stages.remove(0).steps.remove(0);
        step.act = act;
        step.targets.as_mut().unwrap().kinds =
            kinds.iter().map(|kind| (*kind).to_owned()).collect();
        step
    }

    /// What is not asked for is not seen, and what is not seen cannot be protected.
    #[test]
    fn queries_ask_for_what_decides_whether_an_object_is_left_alone() {
        let kinds = ["Deployment", "StatefulSet", "example.com/Pool"];
        let scale = step(ResolvedAct::Scale(ScaleRule::default()), &kinds);
        let targets = needs(&scale).into_iter();
        let targets = targets.filter(|query| query.role == Role::Target);
        let fields: Vec<Fields> = targets.map(|query| query.fields).collect();
        let replicas = Path::fields(["spec", "replicas"]);
        let retention =
            Path::fields(["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"]);
        assert_eq!(
            fields,
            [
                Fields::Paths(vec![replicas.clone()]),
                Fields::Paths(vec![retention, replicas]),
                Fields::Replicas,
            ],
            "autoscalers come after them"
        );
        let config = ResolvedAct::Config {
            set: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            restart: vec![ObjectRef {
                kind: "Deployment".into(),
                name: "web".into(),
            }],
        };
        let needs = needs(&step(config, &["ConfigMap"]));
        let maps = Path::fields(["data", "k"]);
        assert_eq!(
            needs[0].fields,
            Fields::Paths(vec![maps, Path::fields(["immutable"])])
        );
        assert_eq!(
            (needs[1].role, needs[1].names.as_slice()),
            (Role::Restart, &["web".to_owned()][..])
        );
    }

    /// The plan's hash must not depend on the order in which the server lists objects.
    #[test]
    fn the_order_of_changes_does_not_depend_on_the_order_of_finding() {
        let rule = ScaleRule {
            replicas: Some(9),
            ..ScaleRule::default()
        };
        let scale = step(ResolvedAct::Scale(rule), &["Deployment"]);
        let body = json!({ "spec": { "replicas": 1 } });
        let one = object("apps/v1", "Deployment", "a", &body);
        let two = object("apps/v1", "Deployment", "b", &body);
        let forwards = compile(&scale, &[vec![one.clone(), two.clone()]]);
        let backwards = compile(&scale, &[vec![two.clone(), one, two]]);
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.changes.len(), 2);
    }

    /// A surge that would shrink a service that grew by itself is worse than no surge.
    #[test]
    fn changes_that_would_move_the_wrong_way_are_recognised() {
        let image = |n: i64| Image::Present(json!(n));
        let rows = [
            (3, 9, 3, false),
            (3, 9, 12, true),
            (3, 9, 9, false),
            (9, 3, 9, false),
            (9, 3, 1, true),
            (9, 9, 1, false),
        ];
        for (planned, after, now, against) in rows {
            let got = moves_against_intent(&image(planned), &image(after), &image(now));
            assert_eq!(got, against, "{planned} → {after}, now {now}");
        }
        assert!(!moves_against_intent(&Image::Absent, &image(3), &image(9)));
    }
}
