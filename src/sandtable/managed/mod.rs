//! Who owns which field of an object, as server-side apply knows it: what an update takes, what an
//! apply wants, and what conflicts.

mod apply;
mod entries;
mod last;
mod merge;
mod packed;
mod set;
mod typed;
mod undeclared;

use std::sync::LazyLock;

use serde_json::Value;

use super::kinds::Kind;
use super::schema::{Part, Shape};
use super::write::Part as Written;

use entries::{Manager, Managers, Owned, read, written};
use packed::Fields;
use set::{Set, Way};
use typed::{Difference, compare};

pub use apply::{Terms, applied};
pub use packed::{
    ENTRIES, Shown, ShownMembers, is_entry, is_packed, is_whole, pack, packed_entry, unpack,
    unpack_at, unpack_entry, unpacked,
};
pub use undeclared::ensure_declared;

/// Who writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version in which it writes.
    pub api_version: String,
    /// The subresource through which it writes; empty for none.
    pub subresource: String,
}

/// Fields that a write has no say in, although it may name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// None.
    Nothing,
    /// The status.
    Status,
    /// All but the status.
    AllButStatus,
    /// What the status of a built-in kind is written beside: its spec and its labels. Annotations go
    /// with the status there.
    SpecAndLabels,
}

impl Reset {
    /// Those of a write of one part of an object.
    pub const fn of(kind: &Kind, part: Written) -> Self {
        match part {
            Written::Status if kind.is_custom => Self::AllButStatus,
            Written::Status => Self::SpecAndLabels,
            Written::Main | Written::Scale if kind.has_status => Self::Status,
            Written::Main | Written::Scale => Self::Nothing,
        }
    }

    /// What of a set a write has a say in.
    fn left(self, set: Set) -> Set {
        match self {
            Self::Nothing => set,
            Self::Status => set.without(&["f:status"]),
            Self::AllButStatus => set.only("f:status"),
            Self::SpecAndLabels => set
                .without(&["f:spec"])
                .without(&["f:metadata", "f:labels"]),
        }
    }
}

/// What nobody owns: what the server itself writes into metadata.
const STRIPPED: [&str; 10] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
    "",
];
/// So many managers that update are kept apart; the oldest become one.
const UPDATERS: usize = 10;
/// The name of those that became one.
const ANCIENT: &str = "ancient-changes";
/// Who owns what there was before anybody applied.
const BEFORE: &str = "before-first-apply";

/// The manager of a request: the one that it names, or what its `User-Agent` begins with.
pub fn manager(said: &str, agent: &str) -> String {
    if !said.is_empty() {
        return said.to_owned();
    }
    let first = agent.split('/').next().unwrap_or_default();
    if first.is_empty() {
        "unknown".to_owned()
    } else {
        first.chars().take(128).collect()
    }
}

/// What the server takes for an object of a kind that says nothing: of a built-in kind it has the
/// members that are always written, so that nobody owns them.
pub fn nothing(kind: &Kind) -> Value {
    if kind.is_custom {
        return Value::Null;
    }
    let mut hollow = hollow(kind.schema.root());
    if kind.group == "events.k8s.io" {
        // Written always, though no schema requires them.
        for name in ["deprecatedFirstTimestamp", "deprecatedLastTimestamp"] {
            hollow[name] = Value::Null;
        }
    }
    hollow
}

/// Members that have a default, but are written only where somebody, or that default, says them.
const NOT_ALWAYS: [&str; 6] = [
    "clientIP",
    "conversion",
    "namespaceSelector",
    "objectSelector",
    "persistentVolumeClaimRetentionPolicy",
    "securityContext",
];

fn hollow(part: Part<'_>) -> Value {
    let node = part.node();
    let mut members = serde_json::Map::new();
    for (name, member) in part.properties() {
        let default = member.node().default.as_ref();
        // What is nothing and written all the same: `""` and 0, but no `false`, which somebody said.
        let zero = default.filter(|default| **default == "" || **default == 0);
        let always = default.is_some_and(Value::is_object);
        if always && member.node().shape == Shape::Object && !NOT_ALWAYS.contains(&name) {
            members.insert(name.to_owned(), hollow(member));
        } else if node.required.iter().any(|required| required == name) {
            members.insert(name.to_owned(), Value::Null);
        } else if let Some(zero) = zero.filter(|_| !member.node().omits_zero) {
            members.insert(name.to_owned(), zero.clone());
        }
    }
    Value::Object(members)
}

/// Who owns what after an update, as managedFields. `old` is [`nothing`] where the object is new,
/// `said` is what the request says of managedFields.
pub fn updated(
    part: Part<'_>,
    old: &Value,
    new: &Value,
    said: Value,
    writer: &Writer,
    reset: Reset,
    now: &str,
) -> Value {
    let live = &old["metadata"]["managedFields"];
    let Some(managers) = before(live, said, !writer.subresource.is_empty()) else {
        return Value::Array(Vec::new());
    };
    // What is not tracked stays so, unless it is new.
    if managers.is_empty() && !old["metadata"]["uid"].is_null() {
        return Value::Array(Vec::new());
    }
    written(taken(part, old, new, managers, writer, reset, Some(now)))
}

/// Who owns what of an object that is made for one request only.
pub fn made_of(
    part: Part<'_>,
    nothing: &Value,
    object: &Value,
    writer: &Writer,
    now: &str,
) -> Value {
    updated(
        part,
        nothing,
        object,
        Value::Null,
        writer,
        Reset::Nothing,
        now,
    )
}

/// The managers that a write begins with; nothing where it asks for none.
fn before(live: &Value, said: Value, ignores: bool) -> Option<Managers> {
    let lives = || read(live.clone()).unwrap_or_default();
    if ignores {
        return Some(lives());
    }
    if let Some(entries) = said.as_array()
        && entries
            .iter()
            .all(|entry| entry.as_object().is_some_and(serde_json::Map::is_empty))
        && entries.len() < 2
    {
        return None;
    }
    match read(said) {
        Ok(managers) if !managers.is_empty() => Some(managers),
        Ok(_) | Err(_) => Some(lives()),
    }
}

/// An object without its managedFields.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// What an update changes and adds is the writer's; what it takes away is nobody's. What is said of
/// managedFields themselves is nobody's either.
fn taken(
    part: Part<'_>,
    old: &Value,
    new: &Value,
    managers: Managers,
    writer: &Writer,
    reset: Reset,
    now: Option<&str>,
) -> Managers {
    let found = visible(compare(part, old, new), reset);
    let mut managers = given_up(managers, &found, None);
    let own = stripped(found.modified.union(found.added));
    if !own.is_empty() {
        let entry = managers
            .entry(Manager::of(writer))
            .or_insert_with(|| Owned {
                api_version: writer.api_version.clone(),
                time: None,
                set: Fields::default(),
            });
        let before = std::mem::take(entry.set.edit());
        entry.set = before.union(own).into();
        entry.time = now.map(str::to_owned);
    }
    capped(managers)
}

fn visible(found: Difference, reset: Reset) -> Difference {
    Difference {
        added: reset.left(found.added),
        removed: reset.left(found.removed),
        modified: reset.left(found.modified),
    }
}

/// What others own no more: all but one, whose own set is settled already.
fn given_up(mut managers: Managers, found: &Difference, but: Option<&Manager>) -> Managers {
    managers.retain(|manager, owned| {
        if Some(manager) != but {
            for lost in [&found.modified, &found.added, &found.removed] {
                owned.set.remove(lost);
            }
        }
        !owned.set.is_empty()
    });
    managers
}

/// Without what nobody owns: the members themselves, not what is beneath them.
fn stripped(set: Set) -> Set {
    static NOBODYS: LazyLock<Set> = LazyLock::new(|| {
        let mut nobodys = Set::default();
        for first in ["f:apiVersion", "f:kind", "f:metadata"] {
            nobodys.insert(&[first.to_owned()]);
        }
        for name in STRIPPED {
            nobodys.insert(&["f:metadata".to_owned(), format!("f:{name}")]);
        }
        nobodys
    });
    let mut set = set;
    set.remove(&NOBODYS);
    set
}

/// Of many managers that update the oldest become one, for each version.
fn capped(mut managers: Managers) -> Managers {
    let mut updates: Vec<_> = managers
        .iter()
        .filter(|(manager, _)| manager.operation == "Update")
        .map(|(manager, owned)| (owned.time.clone().unwrap_or_default(), manager.clone()))
        .collect();
    if updates.len() <= UPDATERS {
        return managers;
    }
    updates.sort();
    let mut count = updates.len();
    for (_, oldest) in updates {
        if count <= UPDATERS {
            break;
        }
        let Some(owned) = managers.remove(&oldest) else {
            continue;
        };
        let bucket = Manager {
            name: ANCIENT.to_owned(),
            subresource: String::new(),
            ..oldest
        };
        count -= usize::from(managers.contains_key(&bucket));
        let entry = managers.entry(bucket).or_insert_with(|| Owned {
            set: Fields::default(),
            ..owned.clone()
        });
        entry.set.edit().add(&owned.set.get());
        entry.time = owned.time.max(entry.time.take());
    }
    managers
}

/// Who owns what after a write through /scale: the count is the writer's, without a time. A count of
/// zero is nobody's: the server takes it for none.
pub fn scaled(old: &Value, count: &Way, writer: &Writer, is_changed: bool, is_zero: bool) -> Value {
    let mut managers = read(old["metadata"]["managedFields"].clone()).unwrap_or_default();
    if !is_changed || managers.is_empty() {
        return old["metadata"]["managedFields"].clone();
    }
    let mut one = Set::default();
    one.insert(count);
    let own = Manager::of(writer);
    let found = Difference {
        modified: one.clone(),
        ..Difference::default()
    };
    managers = given_up(managers, &found, Some(&own).filter(|_| !is_zero));
    if is_zero {
        return written(managers);
    }
    let entry = managers.entry(own).or_insert_with(|| Owned {
        api_version: writer.api_version.clone(),
        time: None,
        set: Fields::default(),
    });
    entry.set.edit().add(&one);
    written(managers)
}
