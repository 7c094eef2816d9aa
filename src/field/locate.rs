//! Where a field is in one object: the concrete place that a patch has to name.

use std::fmt::Write as _;

use serde_json::Value;

use super::path::{Path, Segment, canonical, escape};

/// Where a field is in one object: what exists of its path, and what has to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The concrete JSON Pointer (list keys turned into indices) of the deepest part of the path
    /// that exists; the field itself where it is present. Empty for the whole object.
    pub pointer: String,
    /// How many segments of the path exist.
    pub existing: usize,
    /// What each existing part of the path is, the whole object first: one more than `existing`.
    pub shapes: Vec<Shape>,
}

/// What a part of an object is, as far as a patch has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object of so many members.
    Object(usize),
    /// A list of so many items.
    List(usize),
    /// Null.
    Null,
    /// A text, number or boolean.
    Scalar,
}

impl Shape {
    /// The shape of a value.
    fn of(value: &Value) -> Self {
        match value {
            Value::Object(members) => Self::Object(members.len()),
            Value::Array(items) => Self::List(items.len()),
            Value::Null => Self::Null,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Scalar,
        }
    }
}

impl Place {
    /// The concrete JSON Pointer of the first so many existing segments.
    pub fn pointer_of(&self, segments: usize) -> &str {
        // Each segment is one token, and each token starts with the only slash in it.
        self.pointer
            .match_indices('/')
            .nth(segments)
            .map_or(&self.pointer, |(end, _)| &self.pointer[..end])
    }
}

/// Where a field is, and what it holds where it is present.
pub(crate) fn locate<'a>(object: &'a Value, path: &Path) -> (Place, Option<&'a Value>) {
    let mut place = Place {
        shapes: Vec::with_capacity(path.segments().len() + 1),
        ..Place::default()
    };
    place.shapes.push(Shape::of(object));
    let mut value = object;
    for segment in path.segments() {
        let Some(next) = step(value, segment, &mut place.pointer) else {
            return (place, None);
        };
        value = next;
        place.existing += 1;
        place.shapes.push(Shape::of(value));
    }
    (place, Some(value))
}

/// One segment down, and its token added to the pointer.
fn step<'a>(value: &'a Value, segment: &Segment, pointer: &mut String) -> Option<&'a Value> {
    let index = match segment {
        Segment::Field(name) => {
            let next = value.as_object()?.get(name)?;
            pointer.push('/');
            pointer.push_str(&escape(name));
            return Some(next);
        }
        Segment::Key(keys) => value.as_array()?.iter().position(|item| {
            keys.iter()
                .all(|(key, text)| item.get(key).is_some_and(|value| &canonical(value) == text))
        })?,
        Segment::Value(text) => value
            .as_array()?
            .iter()
            .position(|item| &canonical(item) == text)?,
        Segment::Index(index) => *index,
    };
    let next = value.as_array()?.get(index)?;
    write!(pointer, "/{index}").ok()?;
    Some(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A patch names indices, never keys; and what is missing starts where the place ends.
    #[test]
    fn places_name_indices_and_end_where_the_object_ends() {
        let object = json!({"spec": {"a/b": [{"name": "x"}, {"name": "y", "on": 1}]}});
        let path = Path::parse_pointer("/spec/a~1b[name=y]/on").unwrap();
        let (place, value) = locate(&object, &path);
        assert_eq!(place.pointer, "/spec/a~1b/1/on");
        assert_eq!((place.existing, value), (4, Some(&json!(1))));
        assert_eq!(
            place.shapes,
            [
                Shape::Object(1),
                Shape::Object(1),
                Shape::List(2),
                Shape::Object(2),
                Shape::Scalar
            ]
        );
        assert_eq!(place.pointer_of(0), "");
        assert_eq!(place.pointer_of(2), "/spec/a~1b");
        assert_eq!(place.pointer_of(4), place.pointer);

        let (place, value) = locate(
            &object,
            &Path::parse_pointer("/spec/a~1b[name=z]/on").unwrap(),
        );
        assert_eq!(
            (place.pointer.as_str(), place.existing, value),
            ("/spec/a~1b", 2, None)
        );
    }
}
