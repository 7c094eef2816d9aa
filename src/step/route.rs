//! `route`: the traffic of Ingresses and `HTTPRoutes` goes to another service: another backend, or the
//! emergency page. Rules are a list without keys, so all of them are one value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::remark::{Beside, Remark};
use super::{Around, Compiled, Fields, Proposal, Query, Role, Skipped, queries};
use crate::api::{LabelSelector, NamespaceSelector, RouteTo, Targets};
use crate::field::{Image, Path, Projection};
use crate::playbook::routed::{self, Shape};

/// On an `EndpointSlice`: the service that it is of.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// What lets a route of one namespace name a service of another.
const GRANT: &str = "gateway.networking.k8s.io/ReferenceGrant";
/// Namespaces of which it is said one by one that the service is not there.
const SAID: usize = 4;

/// The rules of every kind; then the service, its endpoints and, for another namespace, what lets it be
/// named.
pub fn needs(targets: &Targets, to: &RouteTo) -> Vec<Query> {
    let mut needs = queries(targets, Role::Target, |kind| {
        Fields::Paths(
            routed::find(kind)
                .map(routed::Routed::paths)
                .unwrap_or_default(),
        )
    });
    let (namespaces, around) = match &to.namespace {
        Some(name) => (Some(named(name)), Around::Anywhere),
        None => (targets.namespaces.clone(), Around::Targets),
    };
    let aside = |kind: &str, unknown: &'static str, paths: &[&[&str]]| Query {
        kind: kind.to_owned(),
        namespaces: namespaces.clone(),
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role: Role::Aside { around, unknown },
        fields: Fields::Paths(
            paths
                .iter()
                .map(|names| Path::fields(names.iter().copied()))
                .collect(),
        ),
    };
    needs.push(Query {
        names: vec![to.name.clone()],
        ..aside(
            "Service",
            "whether the service that the traffic goes to is there",
            &[&["spec", "ports"], &["spec", "type"]],
        )
    });
    needs.push(Query {
        selector: Some(LabelSelector {
            match_labels: BTreeMap::from([(SERVICE_LABEL.to_owned(), to.name.clone())]),
            match_expressions: Vec::new(),
        }),
        ..aside(
            "discovery.k8s.io/EndpointSlice",
            "whether anything answers behind the service that the traffic goes to",
            &[&["endpoints"]],
        )
    });
    if to.namespace.is_some() {
        needs.push(aside(
            GRANT,
            "whether routes of other namespaces may name the service that the traffic goes to",
            &[&["spec", "from"], &["spec", "to"]],
        ));
    }
    needs
}

fn named(name: &str) -> NamespaceSelector {
    NamespaceSelector {
        names: vec![name.to_owned()],
        ..NamespaceSelector::default()
    }
}

/// One change of all rules of every object, and those of the backend for all else of an Ingress.
pub fn compile(targets: &Targets, to: &RouteTo, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for (kind, found) in targets.kinds.iter().zip(found) {
        let Some(row) = routed::find(kind) else {
            continue;
        };
        for object in found {
            let elsewhere = to.namespace.as_ref();
            let elsewhere = elsewhere.filter(|name| **name != object.target.namespace);
            match (row.shape, elsewhere) {
                // The API has no place to say it.
                (Shape::Backends, Some(name)) => compiled.faults.push(format!(
                    "Ingress {}/{} cannot send traffic to a service in {name}: an Ingress names \
                     services of its own namespace only; put the service there and leave \
                     `to.namespace` out, or select HTTPRoutes",
                    object.target.namespace, object.target.name
                )),
                (shape, _) => match changes(shape, to, object) {
                    Ok(changes) => compiled.changes.extend(changes),
                    Err(why) => compiled.skipped.push(Skipped {
                        target: object.target.clone(),
                        why: why.to_owned(),
                    }),
                },
            }
        }
    }
    compiled
}

fn changes(shape: Shape, to: &RouteTo, object: &Projection) -> Result<Vec<Proposal>, &'static str> {
    if object.deleting {
        return Err("it is being deleted");
    }
    let asked = match shape {
        Shape::References => references(to, object)?,
        Shape::Backends => backends(to, object)?,
    };
    let changes: Vec<Proposal> = asked
        .into_iter()
        .map(|(path, after, why)| Proposal {
            target: object.target.clone(),
            base: image(object, &path),
            path,
            after,
            why,
            wave: 0,
        })
        .filter(|change| change.base != change.after)
        .collect();
    if changes.is_empty() {
        return Err("its traffic goes there already");
    }
    Ok(changes)
}

fn image(object: &Projection, path: &Path) -> Image {
    object
        .field(path)
        .map_or(Image::Absent, |seen| seen.image.clone())
}

type Asked = (Path, Image, String);

/// Where both kinds have their rules.
pub(super) fn rules() -> Path {
    Path::fields(["spec", "rules"])
}

/// Rules, each with this one service behind it; those that have none stay, and what has no rules.
pub(super) fn leading(shape: Shape, to: &RouteTo, rules: &Image) -> Image {
    let made = match shape {
        Shape::References => rules.value().map(|_| referring(to, rules).0),
        Shape::Backends => backed(to, rules),
    };
    made.map_or_else(|| rules.clone(), |rules| Image::Present(rules.into()))
}

/// The rules of an `HTTPRoute`, each with this one backend. A rule that redirects has none, and stays: how
/// many do.
fn referring(to: &RouteTo, rules: &Image) -> (Vec<Value>, usize) {
    let rules = rules.value().and_then(Value::as_array);
    let mut rules = rules.cloned().unwrap_or_default();
    let mut staying = 0;
    for rule in &mut rules {
        let filters = rule["filters"].as_array().into_iter().flatten();
        if filters
            .into_iter()
            .any(|one| one["type"] == "RequestRedirect")
        {
            staying += 1;
            continue;
        }
        // As the server fills it in, so that what is seen is what is asked for.
        let mut backend = json!({ "group": "", "kind": "Service", "name": to.name, "port": to.port, "weight": 1 });
        if let Some(namespace) = &to.namespace {
            backend["namespace"] = namespace.clone().into();
        }
        rule["backendRefs"] = json!([backend]);
    }
    (rules, staying)
}

fn references(to: &RouteTo, object: &Projection) -> Result<Vec<Asked>, &'static str> {
    let path = rules();
    let (rules, staying) = referring(to, &image(object, &path));
    if staying == rules.len() {
        return Err("each of its rules redirects, and none has a service behind it");
    }
    let why = match staying {
        0 => said(to),
        1 => format!("{}; 1 rule that redirects stays", said(to)),
        many => format!("{}; {many} rules that redirect stay", said(to)),
    };
    Ok(vec![(path, Image::Present(rules.into()), why)])
}

/// The rules of an Ingress, each path with this one backend, where there are any.
fn backed(to: &RouteTo, rules: &Image) -> Option<Vec<Value>> {
    let port = json!({ "number": to.port });
    let backend = json!({ "service": { "name": to.name, "port": port } });
    let mut rules = rules.value()?.as_array()?.clone();
    let paths = rules
        .iter_mut()
        .filter_map(|rule| rule.pointer_mut("/http/paths")?.as_array_mut());
    for one in paths.flatten() {
        one["backend"] = backend.clone();
    }
    Some(rules)
}

/// The rules of an Ingress; and its backend for all else, if any.
fn backends(to: &RouteTo, object: &Projection) -> Result<Vec<Asked>, &'static str> {
    let port = json!({ "number": to.port });
    let path = rules();
    let mut asked = Vec::new();
    if let Some(rules) = backed(to, &image(object, &path)) {
        asked.push((path, Image::Present(rules.into()), said(to)));
    }
    let [resource, service, number] = routed::default_backend();
    let fields = [
        (resource, Image::Absent),
        (service, Image::Present(to.name.clone().into())),
        (number, Image::Present(port)),
    ];
    if fields
        .iter()
        .any(|(path, _)| image(object, path) != Image::Absent)
    {
        let further = fields
            .into_iter()
            .map(|(path, after)| (path, after, said(to)));
        asked.extend(further);
    }
    if asked.is_empty() {
        return Err("it sends traffic nowhere");
    }
    Ok(asked)
}

fn said(to: &RouteTo) -> String {
    match &to.namespace {
        Some(namespace) => format!("traffic goes to {namespace}/{}:{}", to.name, to.port),
        None => format!("traffic goes to {}:{}", to.name, to.port),
    }
}

/// Whether what the traffic goes to is there, has the port, is answered, and may be named.
pub fn remarks(targets: &Targets, to: &RouteTo, beside: Beside<'_>) -> Vec<Remark> {
    let first = targets.kinds.len();
    let sources = sources(targets, to, beside.found);
    let spaces: BTreeSet<&str> = match &to.namespace {
        Some(name) if !sources.is_empty() => BTreeSet::from([name.as_str()]),
        Some(_) => BTreeSet::new(),
        None => sources.iter().map(|(_, space)| *space).collect(),
    };
    let mut remarks = Vec::new();
    let mut missing = 0;
    for space in spaces {
        let wrong = wrong(to, space, beside, first);
        if missing < SAID {
            missing += usize::from(wrong.is_some());
            remarks.extend(wrong);
        } else {
            missing += usize::from(wrong.is_some());
        }
    }
    if missing > SAID {
        let more = missing - SAID;
        remarks.push(Remark::harm(format!(
            "the same is so in {more} more namespaces"
        )));
    }
    if let Some(name) = &to.namespace
        && let Some(grants) = beside.of(first + 2)
    {
        remarks.extend(ungranted(to, name, &sources, grants));
    }
    remarks
}

/// The shapes and namespaces of objects whose traffic would go there.
fn sources<'a>(
    targets: &Targets,
    to: &RouteTo,
    found: &'a [Vec<Projection>],
) -> BTreeSet<(bool, &'a str)> {
    let lists = targets.kinds.iter().zip(found);
    let objects = lists.flat_map(|(kind, found)| {
        let shape = routed::find(kind).map(|row| row.shape);
        found
            .iter()
            .filter_map(move |object| Some((shape?, object)))
    });
    objects
        .filter(|(shape, object)| changes(*shape, to, object).is_ok())
        .map(|(shape, object)| {
            let is_reference = shape == Shape::References;
            (is_reference, object.target.namespace.as_str())
        })
        .collect()
}

/// What is wrong with the service in a namespace.
fn wrong(to: &RouteTo, space: &str, beside: Beside<'_>, first: usize) -> Option<Remark> {
    let is_here = |object: &&Projection| object.target.namespace == space;
    let place = format!("Service {space}/{}", to.name);
    let Some(service) = beside.of(first)?.iter().find(is_here) else {
        let text = format!(
            "there is no {place}, so whoever asks gets an error and no page: create it before the \
             switch, or let an earlier step `apply` it"
        );
        return Some(Remark::harm(text).unless_made("v1", "Service", space, &to.name));
    };
    let field = |names: [&str; 2]| image(service, &Path::fields(names));
    let ports = field(["spec", "ports"]);
    let ports = ports.value().and_then(Value::as_array);
    let has_port = ports.is_none_or(|ports| ports.iter().any(|one| one["port"] == to.port));
    if !has_port {
        return Some(Remark::harm(format!(
            "{place} has no port {}, so whoever asks gets an error and no page: name a port that it \
             has",
            to.port
        )));
    }
    if field(["spec", "type"]) == Image::Present("ExternalName".into()) {
        return None;
    }
    let mut slices = beside.of(first + 1)?.iter().filter(is_here);
    let answered = slices.any(|slice| {
        let endpoints = image(slice, &Path::fields(["endpoints"]));
        let endpoints = endpoints.value().and_then(Value::as_array);
        let mut endpoints = endpoints.into_iter().flatten();
        // Where it does not say, it counts as ready.
        endpoints.any(|one| one["conditions"]["ready"] != false)
    });
    (!answered).then(|| {
        Remark::harm(format!(
            "nothing that is ready stands behind {place} now, so whoever asks gets an error and no \
             page: see why its pods are not ready"
        ))
    })
}

/// The namespaces whose routes nothing lets name the service.
fn ungranted(
    to: &RouteTo,
    name: &str,
    sources: &BTreeSet<(bool, &str)>,
    grants: &[Projection],
) -> Option<Remark> {
    let from = sources.iter().filter(|(is_reference, space)| {
        *is_reference && *space != name && !grants.iter().any(|grant| grants_it(to, grant, space))
    });
    let from: Vec<&str> = from.map(|(_, space)| *space).collect();
    (!from.is_empty()).then(|| {
        Remark::harm(format!(
            "no ReferenceGrant in {name} lets HTTPRoutes of {} name Service {}, so whoever asks gets \
             an error and no page: create one there",
            super::remark::few(&from),
            to.name
        ))
    })
}

fn grants_it(to: &RouteTo, grant: &Projection, space: &str) -> bool {
    let items = |name: &str| {
        let image = image(grant, &Path::fields(["spec", name]));
        image.value().and_then(Value::as_array).cloned()
    };
    let from = items("from").unwrap_or_default();
    let whole = items("to").unwrap_or_default();
    let is_from = from.iter().any(|one| {
        one["group"] == "gateway.networking.k8s.io"
            && one["kind"] == "HTTPRoute"
            && one["namespace"] == space
    });
    let is_to = whole.iter().any(|one| {
        let named = one["name"].as_str().is_none_or(|name| name == to.name);
        one["group"].as_str().is_none_or(str::is_empty) && one["kind"] == "Service" && named
    });
    is_from && is_to
}

#[cfg(test)]
mod tests;
