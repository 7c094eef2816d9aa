//! What steps may come to ask for, whatever they will find.

mod beside;

use std::collections::BTreeSet;

use super::{By, Ground, Needs, Right, Served, Use, changes, manifest};
use crate::api::{Freeze, OnResume, Run};
use crate::engine::plan::Plan;
use crate::playbook::{Expanded, ExpandedStep, Making, ResolvedAct};
use crate::step::wait::Probe;
use crate::step::{self, Around, Fields, Query, Role};

/// What is asked of what is looked at.
const LOOK: [&str; 2] = ["get", "list"];
/// What is asked of what is changed: it is watched as long as it is held.
pub(super) const HOLD: [&str; 2] = ["watch", "patch"];

/// The rights that the account of a playbook needs for one level and its parameters, and for the way
/// back.
///
/// Autoscalers are changed where a plan changes them. Where there is none but a cluster was asked, nothing
/// is said of them; where none was asked, they may be wherever a step changes a count.
///
/// Guarantees: the same input gives the same rights; a kind that is not served gives a note.
pub fn of_steps(expanded: &Expanded, ground: &Ground<'_>, plan: Option<&Plan>) -> Needs {
    let mut needs = Needs::default();
    let in_force = |stage: &str| {
        let planned = plan.and_then(|plan| plan.stages.iter().find(|own| own.name == stage));
        planned.is_none_or(|planned| planned.left_out.is_none())
    };
    for stage in &expanded.stages {
        if stage.left_out.is_some() || !in_force(&stage.name) {
            continue;
        }
        for step in &stage.steps {
            let label = format!("{}/{}", stage.name, step.name);
            let mut asking = Asking {
                needs: &mut needs,
                ground,
                label: &label,
                step,
            };
            asking.act(expanded, &stage.name, plan);
        }
    }
    needs
}

/// Whether a query looks beside targets only: nowhere else, whatever it selects.
const fn is_beside(query: &Query) -> bool {
    matches!(
        query.role,
        Role::Aside {
            around: Around::Targets,
            ..
        }
    )
}

/// One step's asking.
struct Asking<'a, 'g> {
    needs: &'a mut Needs,
    ground: &'a Ground<'g>,
    label: &'a str,
    step: &'a ExpandedStep,
}

impl<'a> Asking<'a, '_> {
    const fn by(&self, of: Use) -> By<'a> {
        By {
            of,
            step: self.label,
            critical: self.step.critical,
        }
    }

    fn add(&mut self, of: Use, verbs: &[&str], on: &Right) {
        let by = self.by(of);
        self.needs.add_all(by, verbs, on);
    }

    fn note(&mut self, text: String) {
        self.needs.notes.insert(text);
    }

    fn act(&mut self, expanded: &Expanded, stage: &str, plan: Option<&Plan>) {
        let step = self.step;
        match &step.act {
            ResolvedAct::Scale(_) => {
                self.reads(&step::needs(step));
                self.targets();
                self.autoscalers(plan);
                self.room(true);
            }
            ResolvedAct::Isolate(_) | ResolvedAct::Access(_) => {
                self.reads(&step::needs(step));
                self.made_in_each();
                self.targets();
            }
            ResolvedAct::Freeze(freeze) => self.freeze(freeze),
            ResolvedAct::Config { .. } | ResolvedAct::Patch(_) | ResolvedAct::Route(_) => {
                self.reads(&step::needs(step));
                self.targets();
            }
            ResolvedAct::Suspend(on_resume) => {
                self.reads(&step::needs(step));
                self.targets();
                if *on_resume == OnResume::SkipMissed {
                    self.skipping();
                }
            }
            ResolvedAct::Apply(making) => self.apply(making),
            ResolvedAct::Wait(_) => {
                // One that waits for a step that is not there is refused by lint.
                if let Ok(Some(probe)) = Probe::new(expanded, stage, step) {
                    self.reads(probe.queries());
                }
            }
            ResolvedAct::Run(run) => self.run(run),
            ResolvedAct::Gate(_) | ResolvedAct::Notify(_) | ResolvedAct::Call(_) => {}
        }
    }

    /// A kind, where anything can be said of it.
    fn served(&mut self, query: &Query) -> Option<Served> {
        let served = self.ground.kind(&query.kind);
        match (&served, query.role) {
            (Some(one), _) if one.guessed => {
                let text = format!(
                    "{}: the plural of {} is taken to be `{}`: ask a cluster that serves it, or \
                     correct it",
                    self.label, query.kind, one.plural
                );
                self.note(text);
            }
            (None, role @ (Role::Target | Role::Restart | Role::Made | Role::Ground)) => {
                let text = format!(
                    "{}: {} is not served by this cluster, so no right to it is named",
                    self.label, query.kind
                );
                // What is only looked at to say what a step would meet, the step can do without.
                if role == Role::Ground {
                    self.note(text);
                } else {
                    self.needs.unserved.insert(text);
                }
            }
            // A cluster that does not serve such a kind has none of it.
            (Some(_), _)
            | (None, Role::Autoscaler | Role::Applier | Role::Aside { .. } | Role::Frozen) => {}
        }
        served
    }

    /// What queries look at.
    fn reads(&mut self, queries: &[Query]) {
        for query in queries {
            let Some(served) = self.served(query) else {
                continue;
            };
            let of = match query.role {
                Role::Target | Role::Restart | Role::Made | Role::Ground => Use::Read,
                Role::Autoscaler | Role::Applier | Role::Aside { .. } | Role::Frozen => Use::Know,
            };
            // What only says something of others is read by its name, or else in lists.
            let lists = matches!(query.role, Role::Aside { .. }) && query.names.is_empty();
            let look = &LOOK[usize::from(lists)..];
            let beside = is_beside(query);
            let places = if beside {
                self.touched(queries)
            } else {
                self.ground.places(query, &served)
            };
            for place in places {
                let on = Right::on(&served.group, &served.plural, place.as_deref());
                self.add(of, look, &on);
            }
            if served.namespaced && !beside {
                self.namespaces(query);
            }
            if query.fields == Fields::Replicas {
                let crds = Right::on("apiextensions.k8s.io", "customresourcedefinitions", None);
                let name = format!("{}.{}", served.plural, served.group);
                self.add(Use::Read, &["get"], &crds.named(&name));
            }
        }
    }

    /// Where a step may have a target, or make something.
    pub(super) fn touched(&self, queries: &[Query]) -> Vec<Option<String>> {
        let own = queries
            .iter()
            .filter(|query| matches!(query.role, Role::Target | Role::Made));
        let served = own.filter_map(|query| Some((query, self.ground.kind(&query.kind)?)));
        let places: BTreeSet<Option<String>> = served
            .filter(|(_, served)| served.namespaced)
            .flat_map(|(query, served)| self.ground.places(query, &served))
            .collect();
        places.into_iter().collect()
    }

    /// Which namespaces there are; those that are named are read one by one.
    fn namespaces(&mut self, query: &Query) {
        if query.role == Role::Applier {
            return;
        }
        let all = Right::on("", "namespaces", None);
        let selectors = query.namespaces.iter().chain(self.ground.scope);
        let names = selectors.map(|selector| &selector.names);
        match names.into_iter().find(|names| !names.is_empty()) {
            Some(names) => {
                for name in names {
                    self.add(Use::Read, &["get"], &all.named(name));
                }
            }
            None => self.add(Use::Read, &LOOK, &all),
        }
    }

    /// Namespaces that come while the mode is in force are seen as they come: a step that does something
    /// in each would leave them as they are.
    fn newcomers(&mut self) {
        self.add(Use::Read, &HOLD[..1], &Right::on("", "namespaces", None));
    }

    /// What the step selects is changed; by name where it names everything.
    fn targets(&mut self) {
        let own = step::needs(self.step).into_iter();
        let own = own.filter(|query| matches!(query.role, Role::Target | Role::Restart));
        for query in own {
            let Some(served) = self.ground.kind(&query.kind) else {
                continue;
            };
            for place in self.ground.places(&query, &served) {
                let on = Right::on(&served.group, &served.plural, place.as_deref());
                self.add(Use::Change, &HOLD[..1], &on);
                if query.names.is_empty() {
                    self.add(Use::Change, &HOLD[1..], &on);
                }
                for name in &query.names {
                    self.add(Use::Change, &HOLD[1..], &on.named(name));
                }
                self.around(&served.group, &query.kind, place.as_deref());
            }
        }
    }

    /// Who changes a role or a binding needs more than a patch. Which roles the bindings give is not known
    /// here: an account that may bind these by name lacks nothing, and a dry run says it where it does.
    fn around(&mut self, group: &str, kind: &str, place: Option<&str>) {
        let kind = kind.rsplit('/').next().unwrap_or(kind);
        for right in manifest::of_change(group, kind, place) {
            let verb = right.verb.clone();
            let of = if verb == "bind" {
                Use::Know
            } else {
                Use::Change
            };
            self.add(of, &[&verb], &right);
        }
    }

    /// Autoscalers whose bounds are changed instead of counts.
    fn autoscalers(&mut self, plan: Option<&Plan>) {
        let own = step::needs(self.step).into_iter();
        for query in own.filter(|query| query.role == Role::Autoscaler) {
            let Some(served) = self.ground.kind(&query.kind) else {
                continue;
            };
            for place in self.ground.places(&query, &served) {
                let space = place.as_deref();
                let is_changed = match plan {
                    Some(plan) => changes::are_of(plan, &served.group, &served.plural, space),
                    None => self.ground.kinds.is_none(),
                };
                if is_changed {
                    let on = Right::on(&served.group, &served.plural, space);
                    self.add(Use::Change, &HOLD, &on);
                }
            }
        }
    }

    /// A `CronJob`'s controller is told that what it missed is done.
    fn skipping(&mut self) {
        let own = step::needs(self.step).into_iter();
        let own = own.filter(|query| query.role == Role::Target);
        for query in own.filter(|query| query.kind == "CronJob" || query.kind == "batch/CronJob") {
            let Some(served) = self.ground.kind(&query.kind) else {
                continue;
            };
            let status = format!("{}/status", served.plural);
            for place in self.ground.places(&query, &served) {
                let on = Right::on(&served.group, &status, place.as_deref());
                if query.names.is_empty() {
                    self.add(Use::Change, &["patch"], &on);
                }
                for name in &query.names {
                    self.add(Use::Change, &["patch"], &on.named(name));
                }
            }
        }
    }

    /// One object of a kind is made in each namespace that is meant.
    fn made_in_each(&mut self) {
        let mut queries = step::needs(self.step);
        queries.retain(|query| matches!(query.fields, Fields::Each { .. }));
        let several = queries.len() > 1;
        for query in queries {
            let Fields::Each { object } = &query.fields else {
                continue;
            };
            self.newcomers();
            let Some(served) = self.ground.kind(&query.kind) else {
                continue;
            };
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            for place in self.ground.places(&query, &served) {
                let by = self.by(Use::Change);
                let made = changes::Made {
                    group: &served.group,
                    plural: &served.plural,
                    namespace: place.as_deref(),
                    name,
                };
                made.add(self.needs, by);
                manifest::of_creation(self.needs, by, object, place.as_deref());
                self.counted(several && served.namespaced, place.as_deref());
            }
        }
    }

    /// The freeze is written by the operator; the account says with a right of its own which namespaces
    /// it may freeze.
    fn freeze(&mut self, freeze: &Freeze) {
        let all = Right::on("", "namespaces", None);
        for query in step::needs(self.step) {
            if query.role == Role::Frozen {
                self.namespaces(&query);
                self.newcomers();
                self.writers(&query);
            }
        }
        let names = &freeze.namespaces.names;
        if names.is_empty() {
            self.add(Use::Change, &["freeze"], &all);
        }
        for name in names {
            self.add(Use::Change, &["freeze"], &all.named(name));
        }
    }

    fn apply(&mut self, making: &Making) {
        let queries = step::needs(self.step);
        for (object, query) in making.objects.iter().zip(&queries) {
            let Some(served) = self.served(query) else {
                continue;
            };
            self.namespaces(query);
            let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
            let space = Some(text("namespace")).filter(|_| served.namespaced);
            let by = self.by(Use::Change);
            let made = changes::Made {
                group: &served.group,
                plural: &served.plural,
                namespace: space,
                name: text("name"),
            };
            made.add(self.needs, by);
            manifest::of_creation(self.needs, by, object, space);
            self.counted(making.objects.len() > 1 && space.is_some(), space);
        }
        let pods = making.objects.iter().any(manifest::has_pods);
        if pods {
            self.room(false);
        }
    }

    fn run(&mut self, run: &Run) {
        // Whether anything may run there is read off its labels.
        let namespaces = Right::on("", "namespaces", None);
        self.add(Use::Read, &["get"], &namespaces.named(&run.namespace));
        let jobs = Right::on("batch", "jobs", Some(&run.namespace));
        self.add(Use::Change, &["get", "create"], &jobs);
    }
}
