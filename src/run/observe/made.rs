//! One object that a step makes: whether it is there; what of it differs, where it may be adopted; and,
//! where it is not, whether it could be made and deleted again, which the API server says in a dry run.

use serde_json::{Value, json};

use super::found::Found;
use super::namespaces::{Labels, Namespaces, labels};
use super::{View, sentence};
use crate::api::names;
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Collection, Resource};
use crate::engine::plan::describe;
use crate::engine::protect::{Protected, binds_own, gives, protected};
use crate::field::{Path, Target, creation, project};
use crate::step::{Query, Skipped, kinds};

/// Runs the query of an object.
pub(super) async fn run(
    view: View<'_>,
    namespaces: &Namespaces,
    query: &Query,
    manifest: &Value,
    adopt: bool,
) -> Found {
    let resource = match view.discovery.resolve(&query.kind).await {
        Ok(resource) => resource,
        Err(error) => return Found::problem(sentence(&error)),
    };
    let written = manifest["apiVersion"].as_str().unwrap_or_default();
    if written != resource.api_version() {
        return fault(format!(
            "{}: this cluster prefers another version: write `apiVersion: {}`",
            query.kind,
            resource.api_version()
        ));
    }
    let text = |name: &str| manifest["metadata"][name].as_str().unwrap_or_default();
    let (space, name) = (text("namespace"), text("name"));
    if name.is_empty() {
        let why = format!("{}: its name does not come to a text", query.kind);
        return fault(why);
    }
    let target = creation::target(
        &resource.api_version(),
        &resource.kind,
        &resource.plural,
        space,
        name,
    );
    let around = match surroundings(view, namespaces, query, &resource, space) {
        Ok(around) => around,
        Err(found) => return *found,
    };
    let Some(around) = around else {
        return left_alone(
            target,
            "it is outside the namespaces to which the mode is narrowed",
        );
    };
    let own = protected(&target, &labels(manifest), &around, view.own);
    match own.or_else(|| binds_own(manifest, view.own)) {
        None => {}
        // That is somebody's wish for their namespace, and no mistake of the playbook.
        Some(why @ Protected::Excluded) => return left_alone(target, why.sentence()),
        Some(why) => {
            let what = describe(&target);
            return fault(format!("{what} is not made: {}", why.sentence()));
        }
    }
    if let Some(why) = gives(manifest, view.own).or_else(|| kept(&target, manifest)) {
        return fault(format!("{} is not made: {why}", describe(&target)));
    }
    let look = Look {
        view,
        resource: &resource,
        target,
        manifest,
        adopt,
        around: &around,
    };
    look.run().await
}

/// Why a role or binding is not made, if the API server itself keeps it.
fn kept(target: &Target, manifest: &Value) -> Option<&'static str> {
    let is_labelled = labels(manifest).contains_key(kinds::BOOTSTRAPPING);
    kinds::is_kept(target, is_labelled).then(|| kinds::kept(target))
}

/// The labels of the namespace of an object; nothing where the mode's scope leaves it out.
fn surroundings(
    view: View<'_>,
    namespaces: &Namespaces,
    query: &Query,
    resource: &Resource,
    space: &str,
) -> Result<Option<Labels>, Box<Found>> {
    let fault = |why: String| Box::new(fault(why));
    match (resource.namespaced, space.is_empty()) {
        (true, true) => Err(fault(format!(
            "a {} is in a namespace: give `metadata.namespace`",
            resource.kind
        ))),
        (false, false) => Err(fault(format!(
            "a {} is in no namespace: take `metadata.namespace` out",
            resource.kind
        ))),
        (false, true) => Ok(view.scope.is_none().then(Labels::new)),
        (true, false) => {
            let whole = View {
                scope: None,
                ..view
            };
            let known = namespaces.selected(whole, query);
            let known = known.map_err(|why| Box::new(Found::problem(why)))?;
            if !known.contains_key(space) {
                return Err(Box::new(Found::problem(format!(
                    "there is no namespace {space}: create it, or correct the object's namespace"
                ))));
            }
            let inside = namespaces.selected(view, query);
            let inside = inside.map_err(|why| Box::new(Found::problem(why)))?;
            Ok(inside.get(space).map(|labels| (*labels).clone()))
        }
    }
}

pub(super) fn fault(why: String) -> Found {
    Found {
        faults: vec![why],
        ..Found::default()
    }
}

pub(super) fn left_alone(target: Target, why: &str) -> Found {
    Found {
        protected: vec![Skipped {
            target,
            why: why.to_owned(),
        }],
        ..Found::default()
    }
}

/// A look at one place.
pub(super) struct Look<'a> {
    pub(super) view: View<'a>,
    pub(super) resource: &'a Resource,
    pub(super) target: Target,
    pub(super) manifest: &'a Value,
    pub(super) adopt: bool,
    pub(super) around: &'a Labels,
}

impl Look<'_> {
    async fn run(self) -> Found {
        let collection = Collection::of(&self.target);
        let reads = &self.view.account.reads;
        let mut found = match write::get(reads, &collection, &self.target.name).await {
            Err(error) => {
                let who = &self.view.account.who;
                Found::problem(format!("{who}: {}", sentence(&error)))
            }
            // One that a mode made is the same creation, whoever's it is.
            Ok(Some(object)) if creation::made_for(&object).is_some() => Found {
                objects: vec![creation::seen(&self.target, Some(&object))],
                ..Found::default()
            },
            Ok(Some(object)) => self.there(&object).await,
            Ok(None) => self.try_it().await,
        };
        found.requests += 1;
        found
    }

    /// The object is there, and somebody else's.
    async fn there(&self, object: &Value) -> Found {
        let own = self.view.own;
        let guard = protected(&self.target, &labels(object), self.around, own)
            .or_else(|| binds_own(object, own));
        if let Some(why) = guard {
            return left_alone(self.target.clone(), why.sentence());
        }
        let mut paths = Vec::new();
        let mut requests = 0;
        if self.adopt {
            let mut given = self.manifest.clone();
            if let Some(fields) = given.as_object_mut() {
                for name in ["apiVersion", "kind"] {
                    fields.remove(name);
                }
            }
            let words = ["labels", "annotations"];
            if let Some(metadata) = given["metadata"].as_object_mut() {
                metadata.retain(|name, _| words.contains(&name.as_str()));
            }
            let (leaves, took) = self.view.discovery.leaves(self.resource, &given).await;
            requests = took;
            let meant: Vec<Path> = leaves.into_iter().map(|(path, _)| path).collect();
            let is_field = |path: &Path| path.segments().len() > 1 || !is_metadata(path);
            paths = kinds::paths(&self.resource.written(), meant.into_iter().filter(is_field));
        }
        let seen = project::project(object, &self.resource.plural, &paths, false);
        Found {
            objects: seen.into_iter().collect(),
            requests,
            ..Found::default()
        }
    }

    /// Whether it could be made, and deleted at the return.
    pub(super) async fn try_it(&self) -> Found {
        let collection = &Collection::of(&self.target);
        let writes = &self.view.account.writes;
        let body = creation::body(self.manifest, names::TRY_MANAGER, names::TRY_MANAGER);
        let body = body.to_string().into_bytes();
        let tried = write::ask(writes, collection, body, names::TRY_MANAGER, Effect::DryRun);
        let (who, what) = (&self.view.account.who, describe(&self.target));
        let mut found = Found {
            requests: 2,
            ..Found::default()
        };
        match tried.await {
            // Where another is made at this moment, the switch says so.
            Answer::Done(_) | Answer::Moved => {
                let nothing = creation::seen(&self.target, None);
                found.objects.push(nothing);
            }
            Answer::Refused {
                code: 400 | 422,
                message,
                ..
            } => found
                .faults
                .push(format!("{what} cannot be made: {message}")),
            Answer::Refused { message, .. } => {
                let advice = advice(self.resource);
                let why = format!("{who} cannot make {what}: {message}{advice}");
                found.problems.push(why);
            }
            Answer::Gone => found.problems.push(format!(
                "{what} cannot be made: its namespace, or what it is made in, is not there"
            )),
            Answer::Busy { why, .. } | Answer::Ambiguous(why) => {
                found
                    .problems
                    .push(format!("it is not known whether {what} can be made: {why}"));
            }
        }
        if let Err(problem) = self.may_delete().await {
            found.problems.push(problem);
        }
        found
    }

    /// That nobody can be asked to delete what is not there yet, so rights are asked for.
    async fn may_delete(&self) -> Result<(), String> {
        let Resource { group, plural, .. } = self.resource;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "group": group, "resource": plural, "verb": "delete",
                "namespace": self.target.namespace, "name": self.target.name,
            } },
        });
        let reviews = Collection {
            api_version: "authorization.k8s.io/v1".to_owned(),
            kind: "SelfSubjectAccessReview".to_owned(),
            plural: "selfsubjectaccessreviews".to_owned(),
            namespace: String::new(),
        };
        let (who, what) = (&self.view.account.who, describe(&self.target));
        let writes = &self.view.account.writes;
        let body = review.to_string().into_bytes();
        match write::ask(writes, &reviews, body, "", Effect::Real).await {
            Answer::Done(said) if said["status"]["allowed"] == json!(true) => Ok(()),
            Answer::Done(_) => Err(format!(
                "{who} may not delete {what}, so it could not be taken away at the return: let it \
                 delete {plural}"
            )),
            Answer::Moved
            | Answer::Gone
            | Answer::Busy { .. }
            | Answer::Ambiguous(_)
            | Answer::Refused { .. } => Err(format!(
                "it is not known whether {who} may delete {what}: let it create \
                 selfsubjectaccessreviews, as everybody may by default"
            )),
        }
    }
}

/// What else is needed to make objects that give rights.
fn advice(resource: &Resource) -> &'static str {
    if resource.group == "rbac.authorization.k8s.io" {
        " (beside `create` of the binding, the account needs `bind` on its role, or all of the role's own \
         rights: nobody gives what they may not give)"
    } else {
        ""
    }
}

fn is_metadata(path: &Path) -> bool {
    *path == Path::fields(["metadata"])
}

#[cfg(test)]
mod tests;
