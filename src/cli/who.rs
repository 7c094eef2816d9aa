//! `who`: who holds which field of one object, and why.

use std::collections::BTreeMap;

use kube::api::{Api, DynamicObject};
use kube::core::discovery::{ApiResource, Scope};
use kube::{Client, Discovery};
use serde_json::Value;

use crate::engine::layers::Rank;
use crate::field::{FieldSet, Image, Path, Target, creation, managed};
use crate::ledger::Entry;
use crate::t;

use super::args::Output;
use super::context::{Context, call};
use super::error::Error;
use super::exit::Exit;
use super::others::Others;
use super::render::fields::{self, Because, Held};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The object: KIND/NAME, e.g. deployment/portal-web or PLURAL.GROUP/NAME
    #[arg(value_name = "KIND/NAME", value_parser = object)]
    pub object: (String, String),
    /// Its namespace
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
    /// Every field that has an owner, not only those that a mode holds
    #[arg(long)]
    pub all: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Short names of kinds that people type, as kubectl knows them; discovery does not tell them
/// without a request a group.
const SHORT: &[(&str, &str)] = &[
    ("deploy", "deployments"),
    ("sts", "statefulsets"),
    ("ds", "daemonsets"),
    ("cm", "configmaps"),
    ("cj", "cronjobs"),
    ("hpa", "horizontalpodautoscalers"),
    ("ing", "ingresses"),
    ("netpol", "networkpolicies"),
    ("svc", "services"),
];

fn object(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
            Ok((kind.to_owned(), name.to_owned()))
        }
        _ => Err(format!(
            "`{text}` is not KIND/NAME, e.g. deployment/portal-web"
        )),
    }
}

/// The object that was asked about.
struct Asked {
    resource: ApiResource,
    namespace: Option<String>,
    name: String,
    /// Nothing where the cluster does not let one read it, and why.
    object: Result<Value, String>,
}

impl Asked {
    /// Whether a change is of it: by uid; or, where it cannot be read or is made by a mode, by kind and
    /// name.
    fn is(&self, target: &Target) -> bool {
        match &self.object {
            Ok(object) if object["metadata"]["uid"] == target.uid.as_str() => true,
            Ok(_) if !creation::is(&target.uid) => false,
            Ok(_) | Err(_) => {
                target.kind == self.resource.kind
                    && group(&target.api_version) == self.resource.group
                    && target.namespace == self.namespace.as_deref().unwrap_or_default()
                    && target.name == self.name
            }
        }
    }
}

/// The group of an `apiVersion`; that of the core kinds is empty.
fn group(api_version: &str) -> &str {
    api_version
        .split_once('/')
        .map_or("", |(group, _version)| group)
}

/// Says who holds which field. Where one may not read the object it says what the journals know.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let (kind, name) = &args.object;
    let asked = find(&client, kind, name, &args.namespace).await?;
    let entries = live_entries(context, &client, &asked).await?;
    let shown = format!("{kind}/{name}");
    let fields = match &asked.object {
        Ok(object) => held(object, &entries, args.all),
        Err(problem) => {
            let (object, problem) = (shown.clone(), problem.clone());
            anstream::eprintln!(
                "{}",
                t!(
                    context.lang,
                    "who-unread",
                    object = object,
                    problem = problem
                )
            );
            recorded(&entries)
        }
    };
    context.print(args.output.output, &fields::held_json(&fields), || {
        fields::held(&context.view(), &shown, &fields)
    })?;
    let ours = fields.iter().any(|field| !field.because.is_empty());
    Ok(if ours { Exit::Done } else { Exit::Negative })
}

async fn find(client: &Client, kind: &str, name: &str, namespace: &str) -> Result<Asked, Error> {
    let discovery = call(
        "discover the kinds",
        Discovery::new(client.clone()).run_aggregated(),
    );
    let discovery = discovery.await?;
    let wanted = kind.to_ascii_lowercase();
    let all = discovery
        .groups()
        .flat_map(kube::discovery::ApiGroup::recommended_resources);
    let found = all
        .into_iter()
        .find(|(resource, _)| names_kind(resource, &wanted));
    let Some((resource, capabilities)) = found else {
        return Err(Error::NotFound {
            kind: "kind".to_owned(),
            name: kind.to_owned(),
        });
    };
    let namespace = match capabilities.scope {
        Scope::Namespaced => Some(namespace.to_owned()),
        Scope::Cluster => None,
    };
    let api: Api<DynamicObject> = match &namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let object = match call(&format!("read {kind} {name}"), api.get(name)).await {
        Ok(object) => {
            let value = serde_json::to_value(object).map_err(|error| Error::Input {
                problem: error.to_string(),
            });
            Ok(value?)
        }
        Err(error) => Err(forbidden(&error).ok_or(error)?),
    };
    Ok(Asked {
        resource,
        namespace,
        name: name.to_owned(),
        object,
    })
}

/// What the cluster said where it knows who asks, and does not let them.
fn forbidden(error: &Error) -> Option<String> {
    let Error::Request { source, .. } = error else {
        return None;
    };
    match source.as_ref() {
        kube::Error::Api(status) if status.code == 403 => Some(status.message.clone()),
        _ => None,
    }
}

/// Whether a word, in lower case, names a kind: kind, plural, short name, or plural.group.
fn names_kind(resource: &ApiResource, wanted: &str) -> bool {
    let long = SHORT
        .iter()
        .find(|(short, _)| *short == wanted)
        .map_or(wanted, |(_, long)| *long);
    let kind = resource.kind.to_ascii_lowercase();
    long == resource.plural
        || long == kind
        || long == format!("{}.{}", resource.plural, resource.group)
        || long == format!("{}/{kind}", resource.group)
}

/// What a mode did to one field.
struct Found {
    mode: String,
    rank: Rank,
    /// Whether its object is gone: then it lies under every other one.
    is_gone: bool,
    entry: Entry,
}

/// What live modes did to the object, by path: the top layer first.
async fn live_entries(
    context: &Context,
    client: &Client,
    asked: &Asked,
) -> Result<BTreeMap<Path, Vec<Found>>, Error> {
    let others = Others::read(context, client).await?;
    let mut found: BTreeMap<Path, Vec<Found>> = BTreeMap::new();
    for (ledger, rank) in others.all() {
        for entry in ledger.live().filter(|entry| asked.is(&entry.target)) {
            let layers = found.entry(entry.path.clone()).or_default();
            layers.push(Found {
                mode: ledger.mode.name.clone(),
                rank: rank.clone(),
                is_gone: others.is_gone(ledger),
                entry: entry.clone(),
            });
        }
    }
    for layers in found.values_mut() {
        // What goes back lies under what stays.
        let key = |found: &Found| {
            let stays = !found.entry.turned && !found.is_gone;
            (stays, found.rank.clone())
        };
        layers.sort_by_key(|found| std::cmp::Reverse(key(found)));
    }
    Ok(found)
}

/// Who holds what: every field of a live mode, and with `all` every other field that has an owner.
fn held(object: &Value, entries: &BTreeMap<Path, Vec<Found>>, all: bool) -> Vec<Held> {
    let mut paths: Vec<Path> = entries.keys().cloned().collect();
    if all {
        let owned = object["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten();
        let sets = owned.filter_map(|entry| FieldSet::parse(&entry["fieldsV1"]).ok());
        paths.extend(sets.flat_map(|set| set.paths()));
        paths.sort();
        paths.dedup();
    }
    let held = paths.into_iter().map(|path| Held {
        managers: managers(object, &path),
        now: Some(Image::at(object, &path).display()),
        because: entries
            .get(&path)
            .map(|found| because(found))
            .unwrap_or_default(),
        path,
    });
    held.collect()
}

/// What the journals know of an object that cannot be read: neither its value nor other managers.
fn recorded(entries: &BTreeMap<Path, Vec<Found>>) -> Vec<Held> {
    let held = entries.iter().map(|(path, found)| Held {
        path: path.clone(),
        managers: Vec::new(),
        now: None,
        because: because(found),
    });
    held.collect()
}

fn because(layers: &[Found]) -> Vec<Because> {
    let because = |found: &Found| {
        let Found { mode, entry, .. } = found;
        Because {
            mode: mode.clone(),
            is_exercise: found.rank.is_exercise(),
            is_gone: found.is_gone,
            step: format!("{}/{}", entry.stage, entry.step),
            base: entry.base.display(),
            after: entry.ours().display(),
            state: entry.state,
        }
    };
    layers.iter().map(because).collect()
}

fn managers(object: &Value, path: &Path) -> Vec<String> {
    let mut all = managed::our_managers(object, path);
    for manager in managed::holders(object, path) {
        if !all.contains(&manager) {
            all.push(manager);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use kube::core::GroupVersionKind;

    use super::*;

    /// People type what kubectl takes.
    #[test]
    fn kinds_have_the_names_that_people_type() {
        let gvk = GroupVersionKind::gvk("apps", "v1", "Deployment");
        let resource = ApiResource::from_gvk(&gvk);
        for word in [
            "deployment",
            "deployments",
            "deploy",
            "deployments.apps",
            "apps/deployment",
        ] {
            assert!(names_kind(&resource, word), "{word} was not found");
        }
        assert!(!names_kind(&resource, "sts"));
        assert_eq!((group("apps/v1"), group("v1")), ("apps", ""));
        assert!(object("deployment").is_err());
        assert!(object("/web").is_err());
        assert_eq!(
            object("deploy/web").unwrap(),
            ("deploy".to_owned(), "web".to_owned())
        );
    }
}
