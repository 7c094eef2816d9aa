//! Server-side apply: what somebody wants of an object, and what others own of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::refusal::{Cause, Details, Refusal};
use super::super::schema::Part;
use super::entries::{Manager, Managers, Owned, read, written};
use super::set::{Set, Way, shown};
use super::typed::{Difference, compare, owned};
use super::{BEFORE, Reset, Writer, bare, given_up, stripped, taken, visible};
use super::{last, merge};

/// How an apply is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What it has no say in.
    pub reset: Reset,
    /// Whether it takes what others own.
    pub force: bool,
    /// What an object of the kind is that says [`nothing`].
    pub nothing: &'a Value,
    /// What was sent, before its address added to it.
    pub said: &'a Value,
}

/// The object with what somebody wants of it, its managedFields included. `live` is null where there
/// is no object yet.
///
/// # Errors
/// 409 where others own what is to be changed, unless it is forced.
pub fn applied(
    part: Part<'_>,
    live: &Value,
    wanted: &Value,
    writer: &Writer,
    terms: Terms<'_>,
    now: &str,
) -> Result<Value, Refusal> {
    let Terms {
        reset,
        force,
        nothing,
        said,
    } = terms;
    let mut managers = read(live["metadata"]["managedFields"].clone()).unwrap_or_default();
    let (live, wanted) = (bare(live), bare(wanted));
    if managers.is_empty() && !live.is_null() {
        let first = Writer {
            manager: BEFORE.to_owned(),
            operation: "Update".to_owned(),
            ..writer.clone()
        };
        managers = taken(part, nothing, &live, managers, &first, reset, Some(now));
    }
    let own = Manager::of(writer);
    let last = managers.get(&own).cloned();
    let merged = merge::merge(
        Some(part),
        Some(&live).filter(|live| !live.is_null()),
        Some(&wanted),
    );
    let set = reset.left(owned(part, &wanted));
    managers.insert(
        own.clone(),
        Owned {
            api_version: writer.api_version.clone(),
            time: last.as_ref().and_then(|last| last.time.clone()),
            set: set.into(),
        },
    );
    let merged = pruned(part, merged, &managers, last.as_ref());
    let found = visible(compare(part, &live, &merged), reset);
    let mut conflicts = conflicts(&managers, &found, &own);
    if !force && !conflicts.is_empty() {
        let allowed = last::allowed(part, &live, writer).leaves();
        conflicts.retain(|_, ways| {
            ways.retain(|way| !allowed.contains(way));
            !ways.is_empty()
        });
        if !conflicts.is_empty() {
            return Err(conflict(&conflicts));
        }
    }
    let mut managers = given_up(managers, &found, Some(&own));
    if let Some(entry) = managers.get_mut(&own) {
        entry.set = stripped(std::mem::take(entry.set.edit())).into();
        // Where nothing becomes of it, nothing says when.
        if merged != live {
            entry.time = Some(now.to_owned());
        }
    }
    managers.retain(|_, owned| !owned.set.is_empty());
    let mut merged = merged;
    last::keep_up(&mut merged, said, writer);
    merged["metadata"]["managedFields"] = written(managers);
    Ok(merged)
}

/// Without what the writer wanted before and wants no more, unless somebody else owns it.
fn pruned(part: Part<'_>, merged: Value, managers: &Managers, last: Option<&Owned>) -> Value {
    let Some(last) = last.filter(|last| !last.set.is_empty()) else {
        return merged;
    };
    let all = owned(part, &merged);
    let mut kept = Set::default();
    for owned in managers.values() {
        kept.add(&owned.set.get());
    }
    let gone = members(&all)
        .both(&members(&last.set.get()))
        .minus(&members(&kept));
    merge::without(Some(part), &merged, &gone).unwrap_or(merged)
}

/// The set with everything above its fields: an object goes only when nothing in it stays.
fn members(set: &Set) -> Set {
    let mut whole = set.clone();
    for way in set.leaves() {
        for depth in 1..way.len() {
            if way[depth - 1].starts_with("f:") {
                whole.insert(&way[..depth]);
            }
        }
    }
    whole
}

/// What others own of what is to be changed.
fn conflicts(
    managers: &Managers,
    found: &Difference,
    own: &Manager,
) -> BTreeMap<Manager, Vec<Way>> {
    let changed = found.modified.clone().union(found.added.clone());
    let mut conflicts = BTreeMap::new();
    for (manager, owned) in managers.iter().filter(|(manager, _)| *manager != own) {
        let both = owned.set.get().both(&changed);
        let ways: Vec<Way> = both.leaves();
        if !ways.is_empty() {
            conflicts.insert(manager.clone(), ways);
        }
    }
    conflicts
}

/// 409, with a cause for each field.
fn conflict(conflicts: &BTreeMap<Manager, Vec<Way>>) -> Refusal {
    let all = || {
        conflicts
            .iter()
            .flat_map(|(manager, ways)| ways.iter().map(move |way| (manager, way)))
    };
    let causes: Vec<Cause> = all()
        .map(|(manager, way)| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {}", manager.shown()),
            field: shown(way),
        })
        .collect();
    let message = match causes.as_slice() {
        [one] => format!(
            "Apply failed with 1 conflict: {}: {}",
            one.message, one.field
        ),
        many => {
            let lines = conflicts.iter().flat_map(|(manager, ways)| {
                let head = format!("conflicts with {}:", manager.shown());
                std::iter::once(head).chain(ways.iter().map(|way| format!("- {}", shown(way))))
            });
            let lines: Vec<String> = lines.collect();
            format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                lines.join("\n")
            )
        }
    };
    Refusal {
        details: Some(Box::new(Details {
            causes,
            ..Details::default()
        })),
        ..Refusal::plain(409, "Conflict", message)
    }
}
