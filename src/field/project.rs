//! What is kept of an object: its identity, its guard, and the fields that steps asked for.
//! Whole objects are dropped while a list is read.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::image::Image;
use super::locate::locate;
use super::managed::{FormerOwner, Ownership};
use super::packed::Packed;
use super::path::Path;
use super::progress::Progress;
use super::set::FieldSet;
use super::uid::Uid;
use crate::api::names::HELD_BY_LABEL;

pub use super::locate::{Place, Shape};

/// One object, pinned by its uid. A copy costs nothing: plan, journal and sights share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(Arc<Identity>);

impl Deref for Target {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl From<Identity> for Target {
    fn from(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }
}

/// What an object is pinned by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
    /// Plural, as in the API's addresses, e.g. `deployments`.
    pub plural: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: Uid,
}

/// One field of one object, as seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which field.
    pub path: Path,
    /// What it holds.
    pub image: Image,
    /// Where it is.
    pub place: Place,
    /// Who owns it, but us.
    pub owners: Arc<[FormerOwner]>,
    /// Our managers that hold it.
    pub ours: Vec<String>,
}

impl Seen {
    /// Whether its value, and what each of at most so many owners has there, can be kept as texts of
    /// at most so many characters.
    pub fn fits(&self, characters: usize, owners: usize) -> bool {
        let field = FieldSet::of(&self.path);
        let short = |former: &FormerOwner| {
            former.lost == field || former.lost.to_value().to_string().chars().count() <= characters
        };
        self.owners.len() <= owners && self.image.fits(characters) && self.owners.iter().all(short)
    }
}

/// What is kept of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Which object.
    pub target: Target,
    /// Its generation, for kinds that have one.
    pub generation: Option<i64>,
    /// Its resource version.
    pub resource_version: String,
    /// Whether it has any label (else `metadata.labels` must be created for ours).
    pub has_labels: bool,
    /// The value of our label.
    pub held_by: Option<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether the server tracks field owners for it.
    pub tracked: bool,
    /// Its place in the `priority` of the stage that asked for it, 0 first, where it has one.
    pub priority: Option<u8>,
    /// How far the cluster's controllers are with it.
    pub progress: Progress,
    /// Its managedFields, where they were asked for: a return keeps those of a whole fleet for a
    /// while.
    pub managed_fields: Option<Packed>,
    /// The fields that were asked for, sorted by path.
    pub seen: Vec<Seen>,
}

impl Projection {
    /// Takes from another one what is the same in both, so that it is in memory once: objects of a
    /// fleet have the same owners, and an object has the same ones as when it was seen before.
    #[must_use]
    pub fn sharing(mut self, other: &Self) -> Self {
        if self.target == other.target {
            self.target = other.target.clone();
        }
        let known = || other.seen.iter().flat_map(|seen| seen.owners.iter());
        for seen in &mut self.seen {
            if let Some(same) = other.field(&seen.path) {
                seen.path = same.path.clone();
                if seen.owners == same.owners {
                    seen.owners = Arc::clone(&same.owners);
                    continue;
                }
            }
            let owners = seen.owners.iter().cloned().map(|mut owner| {
                for known in known() {
                    owner.share(known);
                }
                owner
            });
            seen.owners = owners.collect();
        }
        self
    }
}

/// Keeps of an object what was asked for.
///
/// `plural` is not in the object and comes from discovery. An object without uid or name is
/// nothing that can be pinned: `None`.
///
/// Assumptions: `apiVersion` and `kind` are in the object. The server leaves them out of the
/// items of a list; whoever reads a list puts them back.
pub fn project(
    object: &Value,
    plural: &str,
    paths: &[Path],
    with_managed_fields: bool,
) -> Option<Projection> {
    let metadata = object.get("metadata")?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let filled = |name| text(metadata, name).filter(|text| !text.is_empty());
    let target = Target::from(Identity {
        api_version: text(object, "apiVersion").unwrap_or_default(),
        kind: text(object, "kind").unwrap_or_default(),
        plural: plural.to_owned(),
        namespace: text(metadata, "namespace").unwrap_or_default(),
        name: filled("name")?,
        uid: filled("uid")?.into(),
    });
    let labels = metadata.get("labels").and_then(Value::as_object);
    let managed = metadata.get("managedFields").and_then(Value::as_array);
    let mut paths: Vec<&Path> = paths.iter().collect();
    paths.sort();
    paths.dedup();
    let ownership = Ownership::of(object, &paths);
    Some(Projection {
        target,
        generation: metadata.get("generation").and_then(Value::as_i64),
        resource_version: text(metadata, "resourceVersion").unwrap_or_default(),
        has_labels: labels.is_some_and(|labels| !labels.is_empty()),
        held_by: labels
            .and_then(|labels| labels.get(HELD_BY_LABEL))
            .and_then(Value::as_str)
            .map(str::to_owned),
        deleting: metadata
            .get("deletionTimestamp")
            .is_some_and(|time| !time.is_null()),
        tracked: managed.is_some_and(|entries| !entries.is_empty()),
        priority: None,
        progress: Progress::of(object),
        managed_fields: with_managed_fields.then(|| Packed::of(managed.map_or(&[], Vec::as_slice))),
        seen: paths
            .into_iter()
            .map(|path| see(object, path, &ownership))
            .collect(),
    })
}

/// One field, as it is now.
fn see(object: &Value, path: &Path, ownership: &Ownership) -> Seen {
    let (place, value) = locate(object, path);
    Seen {
        path: path.clone(),
        image: value.map_or(Image::Absent, |value| Image::Present(value.clone())),
        owners: ownership.former_owners(path, &place).into(),
        place,
        ours: ownership.ours(path),
    }
}

impl Projection {
    /// A field as seen.
    pub fn field(&self, path: &Path) -> Option<&Seen> {
        self.seen.iter().find(|seen| &seen.path == path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An owner of ten thousand keys beneath a field, or a crowd of owners, would make a record that
    /// is refused for ever.
    #[test]
    fn what_owners_have_beneath_a_field_counts_too() {
        let keys: serde_json::Map<String, Value> = (0..3000)
            .map(|key| (format!("f:key-{key}"), json!({})))
            .collect();
        let long = FormerOwner {
            lost: FieldSet::parse(&json!({ "f:data": keys })).expect("fields"),
            owner: Arc::default(),
            at: None,
        };
        let mut seen = Seen {
            path: Path::fields(["data"]),
            image: Image::Present(json!({})),
            place: super::super::locate::Place::default(),
            owners: Arc::new([long.clone()]),
            ours: Vec::new(),
        };
        assert!(seen.fits(65_536, 32) && !seen.fits(1000, 32));
        seen.owners = vec![long; 33].into();
        assert!(!seen.fits(65_536, 32));
        seen.owners = Arc::new([]);
        assert!(seen.fits(2, 0) && !seen.fits(1, 0));
    }

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "portal", "uid": "u1", "generation": 4,
                "resourceVersion": "77", "labels": {"pingzhan.dev/held-by": "flood"},
                "managedFields": [
                    {"manager": "helm", "operation": "Apply", "apiVersion": "apps/v1",
                     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                    {"manager": "pingzhan/flood/12345678", "operation": "Update",
                     "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:paused": {}}}},
                ],
            },
            "spec": {"replicas": 3, "paused": true},
        })
    }

    /// Everything that a later write or verdict needs is kept, and no more.
    #[test]
    fn identity_guard_and_asked_fields_are_kept() {
        let replicas = Path::fields(["spec", "replicas"]);
        let paused = Path::fields(["spec", "paused"]);
        let paths = [replicas.clone(), paused.clone(), replicas.clone()];
        let projection = project(&deployment(), "deployments", &paths, false).unwrap();
        assert_eq!(
            projection.target,
            Target::from(Identity {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                plural: "deployments".to_owned(),
                namespace: "portal".to_owned(),
                name: "web".to_owned(),
                uid: "u1".into(),
            })
        );
        assert_eq!(projection.generation, Some(4));
        assert_eq!(projection.resource_version, "77");
        assert_eq!(projection.held_by.as_deref(), Some("flood"));
        assert!(projection.has_labels && projection.tracked && !projection.deleting);
        assert_eq!(projection.managed_fields, None);
        assert_eq!(
            projection.seen.len(),
            2,
            "a path asked for twice is kept once"
        );
        let seen = projection.field(&replicas).unwrap();
        assert_eq!(seen.image, Image::Present(json!(3)));
        assert_eq!(seen.place.pointer, "/spec/replicas");
        assert_eq!(seen.owners[0].owner.manager, "helm");
        assert!(seen.ours.is_empty());
        assert_eq!(
            projection.field(&paused).unwrap().ours,
            ["pingzhan/flood/12345678"]
        );
    }

    /// What is not there must read as not there, not as an empty text that a patch would test.
    #[test]
    fn objects_without_identity_are_not_kept() {
        let mut object = deployment();
        object["metadata"]["uid"] = json!("");
        assert_eq!(project(&object, "deployments", &[], false), None);
        object["metadata"]["uid"] = Value::Null;
        assert_eq!(project(&object, "deployments", &[], false), None);
        assert_eq!(project(&json!({}), "deployments", &[], false), None);
    }

    /// Labels that are empty or null must be created before ours can be set; an object without
    /// managedFields is not tracked.
    #[test]
    fn absence_of_labels_and_tracking_is_seen() {
        let mut object = deployment();
        object["metadata"]["labels"] = Value::Null;
        object["metadata"]["managedFields"] = json!([]);
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let projection = project(&object, "deployments", &[], true).unwrap();
        assert!(!projection.has_labels && !projection.tracked && projection.deleting);
        assert_eq!(projection.managed_fields, Some(Packed::of(&[])));
    }

    /// Ten thousand objects of a fleet have the same two owners: they must not be ten thousand
    /// times in memory.
    #[test]
    fn what_two_objects_have_in_common_is_shared() {
        let object = |name: &str, manager: &str| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name, "uid": name, "managedFields": [
                    {"manager": manager, "operation": "Apply", "time": name,
                        "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
                "spec": {"replicas": 3}})
        };
        let seen = |name, manager| {
            let paths = [Path::fields(["spec", "replicas"])];
            project(&object(name, manager), "deployments", &paths, false).expect("an object")
        };
        let one = seen("a", "helm");
        for manager in ["helm", "argo"] {
            let before = seen("b", manager);
            let other = before.clone().sharing(&one);
            assert_eq!(other, before, "sharing changes nothing that is seen");
            let (owner, known) = (&other.seen[0].owners[0].owner, &one.seen[0].owners[0].owner);
            assert_eq!(Arc::ptr_eq(owner, known), manager == "helm");
        }
    }
}
