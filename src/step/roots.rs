//! Who applies the objects of GitOps themselves: a Kustomization is applied by another one, an
//! Application by an app of apps. Whatever applies an object puts it back, so that nothing is held
//! unless the root is: it is suspended first and goes on last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Unheld, kinds};
use crate::field::{Path, Projection};
use crate::playbook::suspended::{APPLICATION, HELM_RELEASE, KUSTOMIZATION};

/// The labels by which Flux marks what an object of a kind applied: its name and its namespace.
const MARKS: [(&str, [&str; 2]); 2] = [
    (
        KUSTOMIZATION,
        [
            "kustomize.toolkit.fluxcd.io/name",
            "kustomize.toolkit.fluxcd.io/namespace",
        ],
    ),
    (
        HELM_RELEASE,
        [
            "helm.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/namespace",
        ],
    ),
];
/// How Argo CD marks what an Application applied, with the object's own name, since people copy
/// annotations.
const TRACKING: [&str; 3] = ["metadata", "annotations", "argocd.argoproj.io/tracking-id"];
/// How it does where it is told to track by label. Others write that label, too.
const INSTANCE: [&str; 3] = ["metadata", "labels", "app.kubernetes.io/instance"];
/// Who made an object: an `ApplicationSet` makes Applications.
const OWNERS: [&str; 2] = ["metadata", "ownerReferences"];
/// Fields that every such object has and only its author writes.
const WRITTEN: [[&str; 2]; 2] = [["spec", "interval"], ["spec", "project"]];
/// Controllers that apply objects, by their names as field managers, and what they do that for.
const CONTROLLERS: [(&str, &str); 5] = [
    ("kustomize-controller", "a Kustomization of Flux"),
    ("helm-controller", "a HelmRelease of Flux"),
    ("argocd-controller", "an Application of Argo CD"),
    ("argocd-application-controller", "an Application of Argo CD"),
    (
        "argocd-applicationset-controller",
        "an ApplicationSet of Argo CD",
    ),
];

/// The kinds that may apply objects of a kind, where that is one of GitOps.
pub(super) fn above(kind: &str) -> &'static [&'static str] {
    match kind {
        KUSTOMIZATION | HELM_RELEASE => &[KUSTOMIZATION, HELM_RELEASE],
        APPLICATION => &[APPLICATION],
        _ => &[],
    }
}

/// The fields that say who applied an object.
pub(super) fn paths() -> impl Iterator<Item = Path> {
    let labels = MARKS.iter().flat_map(|(_, labels)| labels.iter());
    let labels = labels.map(|label| Path::fields(["metadata", "labels", label]));
    let others = [
        Path::fields(TRACKING),
        Path::fields(INSTANCE),
        Path::fields(OWNERS),
    ];
    labels.chain(others).chain(WRITTEN.map(Path::fields))
}

/// Kind, namespace and name.
type Key = (String, String, String);

/// What applies an object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Above {
    /// An object that was found.
    Known(Key),
    /// One that was not: it may be gone, or nobody may read it.
    Named(Key),
    /// Something that has no switch.
    Maker(String),
    /// Some object of a controller.
    Unnamed(&'static str, &'static str),
}

/// The objects of GitOps, and which of them applies which.
pub(super) struct Tree<'a> {
    known: BTreeMap<Key, &'a Projection>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(objects: impl Iterator<Item = &'a Projection>) -> Self {
        let known = objects.map(|object| (key(object), object));
        Self {
            known: known.collect(),
        }
    }

    /// How many of those that are suspended stand above an object: the root is at 0.
    pub(super) fn wave(&self, object: &Projection, suspended: &BTreeSet<&str>) -> u8 {
        let above = self.chain(object).into_iter();
        let above = above.filter(|above| self.is_one_of(above, suspended));
        u8::try_from(above.count()).unwrap_or(u8::MAX)
    }

    /// What would put objects back that are suspended: everything above them that goes on. `held`
    /// says whether one that was found does not.
    pub(super) fn unheld(
        &self,
        suspended: &BTreeSet<&str>,
        held: impl Fn(&Projection) -> bool,
        field: impl Fn(&Projection) -> Option<Path>,
    ) -> Vec<Unheld> {
        let mut beneath: BTreeMap<Above, usize> = BTreeMap::new();
        for object in self.known.values() {
            if suspended.contains(object.target.uid.as_str()) {
                for above in self.chain(object) {
                    *beneath.entry(above).or_default() += 1;
                }
            }
        }
        let said = beneath.into_iter().filter_map(|(above, count)| {
            let found = match &above {
                Above::Known(key) => self.known.get(key),
                Above::Named(_) | Above::Maker(_) | Above::Unnamed(..) => None,
            };
            if found.is_some_and(|found| held(found)) {
                return None;
            }
            let is_root = found.is_some_and(|found| self.chain(found).is_empty());
            Some(Unheld {
                field: found.and_then(|found| Some((found.target.uid.clone(), field(found)?))),
                sentence: sentence(&above, count, is_root),
            })
        });
        said.collect()
    }

    /// Everything above an object, the nearest first.
    fn chain(&self, object: &Projection) -> Vec<Above> {
        let mut seen = BTreeSet::from([key(object)]);
        let mut chain = Vec::new();
        let mut next = Some(object);
        while let Some(above) = next.and_then(|object| self.above(object)) {
            next = match &above {
                // The root of Flux applies itself, as its own bootstrap makes it.
                Above::Known(key) | Above::Named(key) if !seen.insert(key.clone()) => break,
                Above::Known(key) => self.known.get(key).copied(),
                Above::Named(_) | Above::Maker(_) | Above::Unnamed(..) => None,
            };
            chain.push(above);
        }
        chain
    }

    fn above(&self, object: &Projection) -> Option<Above> {
        by_labels(object)
            .or_else(|| self.by_tracking(object))
            .or_else(|| self.by_instance(object))
            .map(|key| {
                if self.known.contains_key(&key) {
                    Above::Known(key)
                } else {
                    Above::Named(key)
                }
            })
            .or_else(|| maker(object))
            .or_else(|| controller(object))
    }

    /// The Application that an object is tracked by.
    fn by_tracking(&self, object: &Projection) -> Option<Key> {
        let id = text(object, &TRACKING)?;
        let (application, of) = id.split_once(':')?;
        let target = &object.target;
        let group = kinds::group_of(&target.api_version);
        let own = format!(
            "{group}/{}:{}/{}",
            target.kind, target.namespace, target.name
        );
        if of != own {
            return None;
        }
        if let Some((namespace, name)) = application.split_once('_') {
            return Some((APPLICATION.into(), namespace.into(), name.into()));
        }
        let mut called = self.known.keys().filter(|(kind, namespace, name)| {
            kind == APPLICATION
                && name == application
                && (target.kind != "Application" || *namespace == target.namespace)
        });
        let namespace = match (called.next(), called.next()) {
            (Some((_, namespace, _)), None) => namespace.clone(),
            (None | Some(_), _) => target.namespace.clone(),
        };
        Some((APPLICATION.into(), namespace, application.into()))
    }

    fn by_instance(&self, object: &Projection) -> Option<Key> {
        let (kind, namespace, own) = key(object);
        let name = text(object, &INSTANCE)?;
        let key = (kind, namespace, name.to_owned());
        let other = key.0 == APPLICATION && own != name && self.known.contains_key(&key);
        other.then_some(key)
    }

    fn is_one_of(&self, above: &Above, suspended: &BTreeSet<&str>) -> bool {
        match above {
            Above::Known(key) => {
                let found = self.known.get(key);
                found.is_some_and(|found| suspended.contains(found.target.uid.as_str()))
            }
            Above::Named(_) | Above::Maker(_) | Above::Unnamed(..) => false,
        }
    }
}

fn key(object: &Projection) -> Key {
    let target = &object.target;
    let kind = format!("{}/{}", kinds::group_of(&target.api_version), target.kind);
    (kind, target.namespace.clone(), target.name.clone())
}

fn text<'a>(object: &'a Projection, names: &[&str]) -> Option<&'a str> {
    let seen = object.field(&Path::fields(names.iter().copied()))?;
    seen.image.value()?.as_str()
}

fn by_labels(object: &Projection) -> Option<Key> {
    MARKS.iter().find_map(|(kind, labels)| {
        let [name, namespace] = labels.map(|label| text(object, &["metadata", "labels", label]));
        Some(((*kind).to_owned(), namespace?.to_owned(), name?.to_owned()))
    })
}

/// The `ApplicationSet` that made an Application.
fn maker(object: &Projection) -> Option<Above> {
    let owners = object.field(&Path::fields(OWNERS))?.image.value()?;
    let made = |owner: &&Value| owner["kind"] == "ApplicationSet";
    let name = owners.as_array()?.iter().find(made)?["name"].as_str()?;
    let namespace = &object.target.namespace;
    Some(Above::Maker(format!("ApplicationSet {namespace}/{name}")))
}

/// The controller that wrote an object, where nothing says for whom.
fn controller(object: &Projection) -> Option<Above> {
    let seen = WRITTEN.iter();
    let seen = seen.filter_map(|names| object.field(&Path::fields(*names)));
    let owners = seen.flat_map(|seen| seen.owners.iter());
    let mut managers = owners.map(|former| former.owner.manager.as_str());
    managers.find_map(|manager| {
        let found = CONTROLLERS.iter().find(|(name, _)| *name == manager)?;
        Some(Above::Unnamed(found.0, found.1))
    })
}

fn sentence(above: &Above, count: usize, is_root: bool) -> String {
    let named = |(kind, namespace, name): &Key| {
        let kind = kind.split_once('/').map_or(kind.as_str(), |(_, kind)| kind);
        format!("{kind} {namespace}/{name}")
    };
    let (of, them) = match count {
        1 => ("1 object of this step".to_owned(), "it"),
        _ => (format!("{count} objects of this step"), "them"),
    };
    let back = format!("puts {them} back");
    match above {
        Above::Known(key) => format!(
            "{}{} applies {of}, itself or through others, and {back}: select it as well, in this step or in an earlier one",
            named(key),
            if is_root { ", a root," } else { "" },
        ),
        Above::Named(key) => format!(
            "{} applied {of} and {back} if it is still there, which the playbook's account cannot see: select it as well, and what applies it",
            named(key),
        ),
        Above::Maker(maker) => format!(
            "{maker} makes {of} and {back}: let it leave spec.syncPolicy alone (ignoreApplicationDifferences), or expect {them} to be contested"
        ),
        Above::Unnamed(manager, of_what) => format!(
            "{manager} applied {of}, and nothing says for whom: find {of_what} that does, up to the root, and select it as well"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::object;
    use super::super::{Compiled, suspend};
    use crate::api::{OnResume, Targets};
    use crate::field::Projection;
    use crate::playbook::suspended::{APPLICATION, HELM_RELEASE, KUSTOMIZATION};

    fn kustomization(name: &str, by: Option<&str>) -> Projection {
        let labels = by.map(|by| {
            json!({ "kustomize.toolkit.fluxcd.io/name": by, "kustomize.toolkit.fluxcd.io/namespace": "here" })
        });
        let body = json!({ "metadata": { "labels": labels } });
        object(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            name,
            &body,
        )
    }

    fn application(name: &str, tracking: &str) -> Projection {
        let body = json!({
            "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": tracking } },
            "spec": { "syncPolicy": { "automated": {} } },
        });
        object("argoproj.io/v1alpha1", "Application", name, &body)
    }

    fn tracked(name: &str, by: &str) -> Projection {
        application(name, &format!("{by}:argoproj.io/Application:here/{name}"))
    }

    /// What a step makes of the objects that it selects, where these others are there, too.
    fn compile(selected: Vec<Projection>, others: Vec<Projection>) -> Compiled {
        let kinds = [KUSTOMIZATION.to_owned()].into();
        let targets = Targets {
            kinds,
            ..Targets::default()
        };
        suspend::compile(&targets, OnResume::RunMissedOnce, &[selected, others])
    }

    fn waves(compiled: &Compiled) -> Vec<(&str, u8)> {
        let changes = compiled.changes.iter();
        let mut waves: Vec<_> = changes
            .map(|change| (change.target.name.as_str(), change.wave))
            .collect();
        waves.sort_unstable();
        waves
    }

    fn said(compiled: &Compiled) -> Vec<&str> {
        let unheld = compiled.unheld.iter();
        unheld.map(|unheld| unheld.sentence.as_str()).collect()
    }

    /// A child that is suspended before its root is put back while the root is being suspended.
    #[test]
    fn the_root_is_suspended_first_and_what_it_applies_after_it() {
        let flux = vec![
            kustomization("city", Some("apps")),
            kustomization("apps", Some("root")),
            // As the bootstrap of Flux makes it.
            kustomization("root", Some("root")),
        ];
        let compiled = compile(flux, Vec::new());
        assert_eq!(waves(&compiled), [("apps", 1), ("city", 2), ("root", 0)]);
        assert_eq!(said(&compiled), Vec::<&str>::new());
        let argo = vec![
            tracked("web", "apps"),
            application("apps", "another:argoproj.io/Application:here/copied-from"),
        ];
        let compiled = compile(argo, Vec::new());
        assert_eq!(waves(&compiled), [("apps", 0), ("web", 1)]);
        assert_eq!(said(&compiled), Vec::<&str>::new());
    }

    /// Who writes the playbook has to know which root undoes the step, and everything between.
    #[test]
    fn every_object_above_that_goes_on_is_named() {
        let children = || {
            vec![
                kustomization("a", Some("apps")),
                kustomization("b", Some("apps")),
            ]
        };
        let above = vec![
            kustomization("apps", Some("root")),
            kustomization("root", None),
        ];
        let compiled = compile(children(), above);
        assert_eq!(waves(&compiled), [("a", 0), ("b", 0)]);
        assert_eq!(
            said(&compiled),
            [
                "Kustomization here/apps applies 2 objects of this step, itself or through others, and puts them back: select it as well, in this step or in an earlier one",
                "Kustomization here/root, a root, applies 2 objects of this step, itself or through others, and puts them back: select it as well, in this step or in an earlier one",
            ]
        );
        // It is there, and does nothing.
        let mut still = json!({ "spec": { "suspend": true } });
        still["metadata"] = json!({});
        let apps = object(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "apps",
            &still,
        );
        assert_eq!(said(&compile(children(), vec![apps])), Vec::<&str>::new());
        assert_eq!(
            said(&compile(children(), Vec::new())),
            [
                "Kustomization here/apps applied 2 objects of this step and puts them back if it is still there, which the playbook's account cannot see: select it as well, and what applies it"
            ]
        );
    }

    /// Not everything that puts back has a switch, and not everything says for whom it applies.
    #[test]
    fn makers_and_controllers_are_named_where_nothing_else_is_known() {
        let made = json!({
            "metadata": { "ownerReferences": [{ "kind": "ApplicationSet", "name": "all", "uid": "u" }] },
            "spec": { "syncPolicy": { "automated": {} } },
        });
        let made = object("argoproj.io/v1alpha1", "Application", "web", &made);
        let written = json!({
            "metadata": { "managedFields": [{ "manager": "kustomize-controller", "operation": "Apply",
                "apiVersion": "helm.toolkit.fluxcd.io/v2", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:spec": { "f:interval": {} } } }] },
            "spec": { "interval": "10m" },
        });
        let written = object("helm.toolkit.fluxcd.io/v2", "HelmRelease", "api", &written);
        let compiled = compile(vec![made, written], Vec::new());
        assert_eq!(
            said(&compiled),
            [
                "ApplicationSet here/all makes 1 object of this step and puts it back: let it leave spec.syncPolicy alone (ignoreApplicationDifferences), or expect it to be contested",
                "kustomize-controller applied 1 object of this step, and nothing says for whom: find a Kustomization of Flux that does, up to the root, and select it as well",
            ]
        );
    }

    /// Helm writes the same label as an Argo CD that tracks by label.
    #[test]
    fn the_label_of_an_instance_counts_where_there_is_such_an_application() {
        let labelled = |name: &str, instance: &str| {
            let body = json!({
                "metadata": { "labels": { "app.kubernetes.io/instance": instance } },
                "spec": { "syncPolicy": { "automated": {} } },
            });
            object("argoproj.io/v1alpha1", "Application", name, &body)
        };
        let compiled = compile(
            vec![
                labelled("web", "apps"),
                labelled("apps", "apps"),
                labelled("db", "some-release"),
            ],
            Vec::new(),
        );
        assert_eq!(waves(&compiled), [("apps", 0), ("db", 0), ("web", 1)]);
        assert_eq!(said(&compiled), Vec::<&str>::new());
    }

    /// Every kind of GitOps that can be suspended is one that may be applied by another.
    #[test]
    fn the_kinds_of_gitops_are_looked_up_by_the_kinds_that_may_apply_them() {
        for kind in [KUSTOMIZATION, HELM_RELEASE, APPLICATION] {
            assert!(super::above(kind).contains(&kind), "{kind}");
        }
        assert!(super::above("CronJob").is_empty());
    }
}
