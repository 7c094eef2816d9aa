//! What a kind does not know is dropped, and said.

use serde_json::{Map, Value};

use super::{Part, Shape};

/// What every object has, whatever its schema says.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops the members that the schema does not know, and says which, in the words of the server
/// (`unknown field "spec.surplus"`) and in its order: of a custom object, its own metadata comes
/// first and that of objects inside last.
///
/// Guarantees: what is under a member that keeps unknown ones stays; a value of the wrong type stays
/// as it is.
pub fn prune(part: Part<'_>, value: &mut Value) -> Vec<String> {
    prune_since(part, value, None)
}

/// The same, where another object of the kind was pruned: what it shares with that is left alone.
pub fn prune_since(part: Part<'_>, value: &mut Value, old: Option<&Value>) -> Vec<String> {
    let mut unknown = Unknown {
        turn: Turn::Usual,
        paths: Vec::new(),
    };
    drop_unknown(Some(part), value, old, &Path::Root, false, &mut unknown);
    unknown.paths.sort_unstable();
    let said = unknown.paths.iter();
    said.map(|(_, path)| format!("unknown field \"{path}\""))
        .collect()
}

/// When a path is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// In the metadata of a custom object.
    Metadata,
    /// Anywhere else.
    Usual,
    /// In the metadata of an object inside of it.
    Inside,
}

/// What was dropped.
struct Unknown {
    turn: Turn,
    paths: Vec<(Turn, String)>,
}

/// Where a value is. Only where something is said of it the whole way is written.
pub(super) enum Path<'a> {
    /// The object itself.
    Root,
    /// A member of what is there.
    Member(&'a Path<'a>, &'a str),
    /// An item of what is there.
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// As people read it: `spec.template.spec.containers[1].image`.
    pub fn text(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(Self::Root, name) => (*name).to_owned(),
            Self::Member(before, name) => format!("{}.{name}", before.text()),
            Self::Item(before, index) => format!("{}[{index}]", before.text()),
        }
    }
}

/// `keeps`: whether a list around this place keeps what is unknown.
fn drop_unknown(
    part: Option<Part<'_>>,
    value: &mut Value,
    old: Option<&Value>,
    path: &Path<'_>,
    keeps: bool,
    unknown: &mut Unknown,
) {
    if old == Some(value) {
        return;
    }
    let keeps = keeps || part.is_some_and(keeps_unknown);
    match value {
        Value::Object(members) => of_object((part, keeps), members, old, path, unknown),
        Value::Array(items) => {
            let inner = part.and_then(Part::items);
            for (index, item) in items.iter_mut().enumerate() {
                let old = old.and_then(|old| old.get(index));
                let path = Path::Item(path, index);
                drop_unknown(inner, item, old, &path, keeps, unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn of_object(
    (part, keeps): (Option<Part<'_>>, bool),
    members: &mut Map<String, Value>,
    old: Option<&Value>,
    path: &Path<'_>,
    unknown: &mut Unknown,
) {
    let is_root = matches!(path, Path::Root);
    members.retain(|name, value| {
        let below = Path::Member(path, name);
        if let Some(member) = part.and_then(|part| part.member(name)) {
            let turn = unknown.turn;
            if name == "metadata" && part.is_some_and(|part| part.node().embedded) {
                unknown.turn = if is_root {
                    Turn::Metadata
                } else {
                    Turn::Inside
                };
            }
            let old = old.and_then(|old| old.get(name));
            drop_unknown(Some(member), value, old, &below, false, unknown);
            unknown.turn = turn;
            return true;
        }
        let meta = is_root && META.contains(&name.as_str());
        if !keeps && !meta {
            unknown.paths.push((unknown.turn, below.text()));
        }
        keeps
    });
}

/// Whether members that are not named are kept. So they are where a built-in kind says nothing of
/// what is inside (a patch, a status of somebody else): in Go that is raw text.
pub fn keeps_unknown(part: Part<'_>) -> bool {
    let node = part.node();
    let named = part.properties().next().is_some() || part.additional().is_some();
    let raw = node.component.is_some() && !named;
    node.keeps_unknown || raw || (node.shape == Shape::Any && !named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{builtin, of_crd};
    use super::*;

    /// A typing error in a manifest would change nothing, and nobody would hear of it.
    #[test]
    fn unknown_fields_of_a_built_in_kind_are_dropped_and_named() {
        let schema = builtin().kind("", "v1", "ConfigMap").expect("it is served");
        let mut object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "surplus": 1,
            "metadata": { "name": "c", "lables": { "a": "b" }, "labels": { "x.y/z": "free" } },
        });
        let said = prune(schema.root(), &mut object);
        assert_eq!(
            said,
            [
                "unknown field \"metadata.lables\"",
                "unknown field \"surplus\""
            ]
        );
        assert_eq!(
            object,
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "c", "labels": { "x.y/z": "free" } },
            })
        );
    }

    /// The path of an item is how a person finds it in a long manifest.
    #[test]
    fn a_field_of_an_item_is_named_by_its_place() {
        let schema = builtin()
            .kind("apps", "v1", "Deployment")
            .expect("it is served");
        let mut object = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "a" }, { "name": "b", "imgae": "x" },
        ] } } } });
        let said = prune(schema.root(), &mut object);
        assert_eq!(
            said,
            ["unknown field \"spec.template.spec.containers[1].imgae\""]
        );
    }

    /// Somebody else's bookkeeping must not be thinned out.
    #[test]
    fn what_go_keeps_as_raw_text_stays() {
        let schema = builtin().kind("", "v1", "ConfigMap").expect("it is served");
        let fields = json!({ "metadata": { "managedFields": [
            { "manager": "m", "fieldsV1": { "f:data": { ".": {}, "f:k": {} } } },
        ] } });
        let mut object = fields.clone();
        assert_eq!(prune(schema.root(), &mut object), [""; 0]);
        assert_eq!(object, fields);
    }

    /// A custom kind keeps exactly what its schema lets through.
    #[test]
    fn a_custom_kind_keeps_what_it_says_it_keeps() {
        let schema = of_crd(
            &json!({ "type": "object", "properties": {
                "spec": { "type": "object", "properties": {
                    "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                        "properties": { "known": { "type": "object", "properties": {
                            "a": { "type": "string" } } } } },
                    "limit": { "x-kubernetes-int-or-string": true },
                    "any": { "type": "object", "additionalProperties": { "type": "integer" } },
                    "inner": { "type": "object", "x-kubernetes-embedded-resource": true,
                        "properties": { "spec": { "type": "object" } } },
                } },
                "status": { "type": "object" },
            } }),
            builtin(),
        );
        let mut object = json!({
            "apiVersion": "g/v1", "kind": "K", "metadata": { "name": "w", "nmae": "w" },
            "spec": {
                "surplus": 1, "limit": "5%", "any": { "x": 1 },
                "free": { "anything": [1, null], "known": { "a": "x", "b": "y" } },
                "inner": { "apiVersion": "v1", "kind": "X", "metadata": { "name": "i", "n": 1 }, "more": 1, "spec": { "z": 1 } },
            },
            "status": { "gone": true }, "more": {},
        });
        let said = prune(schema.root(), &mut object);
        let fields: Vec<_> = said
            .iter()
            .map(|said| &said["unknown field ".len()..])
            .collect();
        assert_eq!(
            fields,
            [
                "\"metadata.nmae\"",
                "\"more\"",
                "\"spec.free.known.b\"",
                "\"spec.inner.more\"",
                "\"spec.inner.spec.z\"",
                "\"spec.surplus\"",
                "\"status.gone\"",
                "\"spec.inner.metadata.n\"",
            ]
        );
        assert_eq!(object["spec"]["free"]["anything"], json!([1, null]));
        assert_eq!(object["spec"]["inner"]["metadata"], json!({ "name": "i" }));
    }

    /// A version that the kind does not have: the server prunes everything before it says so.
    #[test]
    fn a_schema_that_says_nothing_leaves_only_what_every_object_has() {
        let schema = of_crd(&json!({}), builtin());
        let mut object =
            json!({ "apiVersion": "g/v2", "kind": "K", "metadata": {}, "spec": { "replicas": 1 } });
        assert_eq!(
            prune(schema.root(), &mut object),
            ["unknown field \"spec\""]
        );
        assert_eq!(
            object,
            json!({ "apiVersion": "g/v2", "kind": "K", "metadata": {} })
        );
    }
}
