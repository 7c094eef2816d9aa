//! What becomes of an object when somebody says what they want of it: both are merged, and what they
//! no longer want goes.

use serde_json::{Map, Value};

use super::super::schema::Part;
use super::set::{Set, Way};
use super::typed::{Atom, atom, items, member};

/// The object with what is wanted of it. What is wanted wins.
pub fn merge(part: Option<Part<'_>>, live: Option<&Value>, wanted: Option<&Value>) -> Value {
    let (live, wanted) = match (live, wanted) {
        (Some(live), Some(wanted)) => (live, wanted),
        (Some(one), None) | (None, Some(one)) => return one.clone(),
        (None, None) => return Value::Null,
    };
    match atom(part, Some(wanted)) {
        Atom::Map(own) if live.is_object() && wanted.is_object() => {
            let mut merged = live.as_object().cloned().unwrap_or_default();
            for (name, value) in wanted.as_object().into_iter().flatten() {
                let value = merge(member(own, name), live.get(name), Some(value));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        Atom::Set(own) if live.is_array() && wanted.is_array() => {
            merge_items(own, None, live, wanted)
        }
        Atom::Keyed(own, keys) if live.is_array() && wanted.is_array() => {
            merge_items(own, Some(keys), live, wanted)
        }
        Atom::Leaf | Atom::Map(_) | Atom::Set(_) | Atom::Keyed(..) => wanted.clone(),
    }
}

/// Items in the order in which they are wanted; those that nobody speaks of stay where they were
/// among the others.
fn merge_items(
    part: Option<Part<'_>>,
    keys: Option<&[String]>,
    live: &Value,
    wanted: &Value,
) -> Value {
    let (live, wanted) = (
        items(part, keys, Some(live)),
        items(part, keys, Some(wanted)),
    );
    let place =
        |all: &[(String, &Value)], segment: &String| all.iter().position(|(one, _)| one == segment);
    // Those that both have, in the order in which they are wanted.
    let shared: Vec<&String> = wanted
        .iter()
        .map(|(segment, _)| segment)
        .filter(|segment| place(&live, segment).is_some())
        .collect();
    let mut next = shared.into_iter().peekable();
    let mut merged = Vec::with_capacity(live.len() + wanted.len());
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < wanted.len() {
        if left < live.len() && right < wanted.len() {
            let segment = &live[left].0;
            if *segment == wanted[right].0 {
                merged.push(merge(part, Some(live[left].1), Some(wanted[right].1)));
                left += 1;
                right += 1;
                next.next();
                continue;
            }
            let is_shared = place(&wanted, segment).is_some();
            if is_shared && next.peek().is_some_and(|next| *next != segment) {
                // It comes later, where it is wanted.
                left += 1;
                continue;
            }
        }
        if left < live.len() {
            let (segment, item) = &live[left];
            if place(&wanted, segment).is_none() {
                merged.push(Value::clone(item));
                left += 1;
                continue;
            }
            if right >= wanted.len() {
                left += 1;
                continue;
            }
        }
        if right < wanted.len() {
            let (segment, item) = &wanted[right];
            let before = place(&live, segment).map(|at| live[at].1);
            merged.push(merge(part, before, Some(item)));
            if before.is_some() {
                next.next();
            }
            right += 1;
        }
    }
    Value::Array(merged)
}

/// The object without these fields; nothing where nothing is left.
pub fn without(part: Option<Part<'_>>, value: &Value, set: &Set) -> Option<Value> {
    cut(part, value, set, &mut Vec::new())
}

fn cut(part: Option<Part<'_>>, value: &Value, set: &Set, way: &mut Way) -> Option<Value> {
    match atom(part, Some(value)) {
        Atom::Leaf => Some(value.clone()),
        Atom::Set(own) => cut_items(own, None, value, set, way),
        Atom::Keyed(own, keys) => cut_items(own, Some(keys), value, set, way),
        Atom::Map(own) => {
            let mut kept = Map::new();
            for (name, value) in value.as_object().into_iter().flatten() {
                way.push(format!("f:{name}"));
                if !set.has(way) {
                    let value = if set.touches(way) {
                        cut(member(own, name), value, set, way)
                    } else {
                        Some(value.clone())
                    };
                    kept.extend(value.map(|value| (name.clone(), value)));
                }
                way.pop();
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
    }
}

fn cut_items(
    part: Option<Part<'_>>,
    keys: Option<&[String]>,
    list: &Value,
    set: &Set,
    way: &mut Way,
) -> Option<Value> {
    let mut kept = Vec::new();
    for (segment, item) in items(part, keys, Some(list)) {
        way.push(segment);
        if !set.has(way) {
            let item = if set.touches(way) {
                cut(part, item, set, way)
            } else {
                Some(item.clone())
            };
            kept.extend(item);
        }
        way.pop();
    }
    (!kept.is_empty()).then_some(Value::Array(kept))
}
