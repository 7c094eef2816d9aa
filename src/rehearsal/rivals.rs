//! Who else writes in a rehearsal: what applies manifests and puts its values back, as often as it
//! looks; and somebody who edits by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::api::{Term, names};
use crate::engine::beside::Program;
use crate::field::locate::locate;
use crate::field::path::escape;
use crate::field::{Image, Path, Segment};
use crate::playbook::suspended::{Holds, KINDS};
use crate::sandtable::kinds::Kind;
use crate::sandtable::people::User;
use crate::sandtable::service::Service;
use crate::sandtable::store::Key;

mod kept;

use super::whole::Objects;
use kept::{CONTROLLERS, Kept, kept};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often Argo CD puts back what it heals: its default.
const HEALS: Duration = Duration::from_secs(5);
/// How often something is put back of which nobody knows who does: the default of Argo CD's look at
/// its repositories.
const SOMETIMES: Duration = Duration::from_mins(3);
/// How often Flux looks where its object does not say it.
const FLUX: Duration = Duration::from_mins(10);

/// A value that somebody else wrote over ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wrote {
    /// `Kind namespace/name`.
    pub object: String,
    /// The field, a JSON Pointer.
    pub path: String,
    /// By which field manager.
    pub manager: String,
}

/// What others wrote. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<Mutex<BTreeMap<Wrote, usize>>>);

impl Written {
    /// Counts one more.
    pub fn note(&self, wrote: Wrote) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(wrote).or_default() += 1;
    }

    /// Everything, and how often.
    pub fn all(&self) -> BTreeMap<Wrote, usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Where an object is, and how it is asked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// In the store.
    pub key: Key,
    /// In addresses.
    pub path: String,
}

/// Finds an object by its kind, namespace and name.
pub fn find(kinds: &[Arc<Kind>], api_version: &str, kind: &str, place: &str) -> Option<Found> {
    let kind = kinds
        .iter()
        .find(|one| one.kind == kind && one.api_version() == api_version)?;
    let (namespace, name) = place.split_once('/')?;
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    let (version, plural) = (kind.api_version(), &kind.plural);
    let path = match namespace {
        "" => format!("/{root}/{version}/{plural}/{name}"),
        _ => format!("/{root}/{version}/namespaces/{namespace}/{plural}/{name}"),
    };
    let key = Key {
        group: kind.group.clone(),
        plural: kind.plural.clone(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Some(Found { key, path })
}

/// What applies manifests, for all objects at once.
pub struct Gitops {
    service: Service,
    /// Each controller's, by its name as a field manager.
    clients: BTreeMap<&'static str, Client>,
    kept: Vec<Kept>,
    written: Written,
}

impl Gitops {
    /// Whatever applies these objects. What it applies is what it owns of them now.
    pub fn of(service: &Service, before: &Objects, written: Written) -> Self {
        let kinds: Vec<Arc<Kind>> = service.lock().kinds.all().cloned().collect();
        let kept = before
            .iter()
            .filter_map(|(named, object)| kept(&kinds, before, named, object));
        let clients = CONTROLLERS.map(|(manager, (namespace, account))| {
            let user = User::controller(namespace, account);
            (manager, service.of(user).client())
        });
        Self {
            kept: kept.collect(),
            service: service.clone(),
            clients: clients.into(),
            written,
        }
    }

    /// How many objects it applies.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// Puts values back for as long as this is polled.
    pub async fn play(self) {
        let begun = Instant::now();
        let mut due: BTreeMap<usize, Instant> = BTreeMap::new();
        loop {
            sleep(LOOK).await;
            for (number, kept) in self.kept.iter().enumerate() {
                let now = Instant::now();
                if due.get(&number).is_some_and(|due| *due > now) {
                    continue;
                }
                let Some(interval) = self.interval(kept) else {
                    continue;
                };
                // The first look of each comes at some moment of its interval, not all at once.
                if let std::collections::btree_map::Entry::Vacant(first) = due.entry(number) {
                    let share = spread(&kept.named, interval);
                    first.insert(begun + share);
                    continue;
                }
                due.insert(number, now + interval);
                self.put_back(kept).await;
            }
        }
    }

    /// How often it is put back; nothing while whatever applies it is suspended, or heals nothing.
    fn interval(&self, kept: &Kept) -> Option<Duration> {
        let Some((origin, found)) = &kept.root else {
            return Some(SOMETIMES);
        };
        let Some(root) = found.as_ref().and_then(|found| self.get(&found.key)) else {
            return Some(SOMETIMES);
        };
        let kind = KINDS
            .iter()
            .find(|one| Some(one.kind) == origin.program.kind())?;
        let mut field = Some(&*root);
        for name in kind.field {
            field = field.and_then(|value| value.get(name));
        }
        let is_suspended = match kind.holds {
            Holds::True => field == Some(&json!(true)),
            Holds::Text => field == Some(&json!("true")),
            Holds::Nothing => field.is_none(),
        };
        if is_suspended {
            return None;
        }
        if origin.program == Program::Application {
            return (field?["selfHeal"] == true).then_some(HEALS);
        }
        let said = root["spec"]["interval"].as_str().unwrap_or_default();
        Some(Term(said.to_owned()).to_duration().unwrap_or(FLUX))
    }

    fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.service.lock().store.get(key).cloned()
    }

    async fn put_back(&self, kept: &Kept) {
        let Some(now) = self.get(&kept.found.key) else {
            return;
        };
        // Nothing else differs: nobody else writes what it applies.
        if now["metadata"]["labels"]
            .get(names::HELD_BY_LABEL)
            .is_none()
        {
            return;
        }
        for applied in &kept.applied {
            let fields = applied.fields.iter();
            let differs: Vec<&(Path, Image)> = fields
                .filter(|(path, image)| Image::at(&now, path) != *image)
                .collect();
            if differs.is_empty() {
                continue;
            }
            let (path, manager) = (&kept.found.path, applied.manager);
            let Some(client) = self.clients.get(manager) else {
                continue;
            };
            let is_taken = if let Some(whole) = &applied.whole {
                apply(client, path, manager, whole).await
            } else {
                let operations = differs.iter();
                let operations =
                    operations.filter_map(|(path, image)| operation(&now, path, image));
                write(client, path, manager, &Value::Array(operations.collect())).await
            };
            for (path, _) in differs.iter().filter(|_| is_taken) {
                self.written.note(Wrote {
                    object: kept.named.clone(),
                    path: path.to_pointer(),
                    manager: manager.to_owned(),
                });
            }
        }
    }
}

/// Some moment of an interval that follows from a name.
fn spread(name: &str, interval: Duration) -> Duration {
    let sum = name.bytes().fold(7_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    interval.mul_f64(f64::from(sum % 1000) / 1000.0)
}

/// What writes a value where it was; nothing where its place is gone.
fn operation(object: &Value, path: &Path, image: &Image) -> Option<Value> {
    let value = image.value()?;
    let (place, _) = locate(object, path);
    if place.existing == path.segments().len() {
        return Some(json!({ "op": "replace", "path": place.pointer, "value": value }));
    }
    // The last member of a map that is there.
    let Segment::Field(name) = path.segments().last()? else {
        return None;
    };
    if place.existing + 1 != path.segments().len() {
        return None;
    }
    let at = format!("{}/{}", place.pointer, escape(name));
    Some(json!({ "op": "add", "path": at, "value": value }))
}

/// Writes a JSON patch under a name. Says whether it was taken.
pub async fn write(client: &Client, path: &str, manager: &str, operations: &Value) -> bool {
    let path = format!("{path}?fieldManager={manager}");
    send(client, &path, "application/json-patch+json", operations).await
}

/// Applies a manifest under a name, over whoever owns what it says. Says whether it was taken.
async fn apply(client: &Client, path: &str, manager: &str, whole: &Value) -> bool {
    let path = format!("{path}?fieldManager={manager}&force=true");
    send(client, &path, "application/apply-patch+yaml", whole).await
}

async fn send(client: &Client, path: &str, media: &str, body: &Value) -> bool {
    let request = http::Request::builder()
        .method(Method::PATCH)
        .uri(path)
        .header("content-type", media)
        .body(body.to_string().into_bytes());
    let Ok(request) = request else { return false };
    client.request::<Value>(request).await.is_ok()
}
