//! The order of a list that was merged: what the patch names comes in its order, the rest stands
//! where it stood as far as that can be.

use serde_json::Value;

use super::{DIRECTIVE, Error, no_key, printed_list};

/// Puts merged items in the order of `wanted`, then of what was there `before`.
///
/// # Errors
/// An item has no key.
pub fn ordered(
    merged: Vec<Value>,
    wanted: &[Value],
    before: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, Error> {
    keyed(&merged, key)?;
    let (mut named, mut rest) = (Vec::new(), Vec::new());
    for item in merged {
        let list = if place(wanted, &item, key).is_some() {
            &mut named
        } else {
            &mut rest
        };
        list.push(item);
    }
    keyed(wanted, key)?;
    named.sort_by_key(|item| place(wanted, item, key));
    rest.sort_by_key(|item| place(before, item, key));
    Ok(woven(rest, named, before, key))
}

/// Whether the items of a patch come in the order that it gives.
///
/// # Errors
/// They do not, or one of them has no key.
pub fn fits(patch: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), Error> {
    let mut rest = wanted.iter();
    if wanted.is_empty() {
        return Ok(());
    }
    for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let one = std::slice::from_ref(item);
        keyed(one, key)?;
        if !rest.any(|other| place(one, other, key).is_some()) {
            let (patch, wanted) = (printed_list(patch), printed_list(wanted));
            return Err(Error::Internal(format!(
                "The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{wanted}\n"
            )));
        }
    }
    Ok(())
}

fn keyed(items: &[Value], key: Option<&str>) -> Result<(), Error> {
    let Some(key) = key else { return Ok(()) };
    for item in items.iter().filter_map(Value::as_object) {
        if !item.contains_key(key) {
            return Err(no_key(item, key));
        }
    }
    Ok(())
}

/// Where an item, or one with the same key, is in a list.
fn place(list: &[Value], item: &Value, key: Option<&str>) -> Option<usize> {
    list.iter().position(|other| match key {
        Some(key) => other.get(key) == item.get(key),
        None => other == item,
    })
}

/// Two lists become one: an item of the first comes before one of the second where it did before.
fn woven(first: Vec<Value>, second: Vec<Value>, before: &[Value], key: Option<&str>) -> Vec<Value> {
    let mut all = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    while let (Some(one), Some(other)) = (first.peek(), second.peek()) {
        let places = place(before, one, key).zip(place(before, other, key));
        let was_first = places.is_some_and(|(one, other)| one < other);
        all.extend(if was_first {
            first.next()
        } else {
            second.next()
        });
    }
    all.extend(first);
    all.extend(second);
    all
}
