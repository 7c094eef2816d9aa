//! Which kinds are served, and how each is: built-in ones from a table, custom ones from their CRDs.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::schema::{Documents, Schema, of_crd};
use super::tables;

use rows::{BUILTIN, row};

/// A kind that is served.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each says by itself how the kind is served"
)]
pub struct Kind {
    /// The group; empty for the core one.
    pub group: String,
    /// The version.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// `all`, or nothing.
    pub categories: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What its objects look like.
    pub schema: Schema,
    /// Whether the status is written by itself.
    pub has_status: bool,
    /// Where the count is, where it can be scaled.
    pub scale: Option<Scale>,
    /// The same as its CRD says it; null for a built-in kind.
    pub scale_said: Value,
    /// Whether its objects count the changes of what is asked for.
    pub counts_generation: bool,
    /// Whether it is defined by a CRD.
    pub is_custom: bool,
    /// The columns of its tables; of a custom kind those beside the name.
    pub columns: Vec<Column>,
}

/// Where the count of a kind is, as paths of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The count that is asked for.
    pub spec: Vec<String>,
    /// The count that there is.
    pub status: Vec<String>,
    /// The selector as text, where there is one.
    pub selector: Option<Vec<String>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// `string`, `integer`, `date` and so on.
    pub type_: String,
    /// `name`, or nothing.
    pub format: String,
    /// What it shows.
    pub description: String,
    /// 0 for always; more for `-o wide`.
    pub priority: i64,
    /// Where its values are: a JSON path.
    pub path: String,
}

impl Kind {
    /// `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The group and the plural, as messages say them.
    pub fn resource(&self) -> super::refusal::Named<'_> {
        super::refusal::Named {
            group: &self.group,
            word: &self.plural,
        }
    }

    /// The group and the kind, as messages say them.
    pub fn named(&self) -> super::refusal::Named<'_> {
        // Events are kept as those of the core group.
        let group = match self.group.as_str() {
            "events.k8s.io" => "",
            group => group,
        };
        super::refusal::Named {
            group,
            word: &self.kind,
        }
    }
}

/// The group of CRDs, and their plural.
pub const CRDS: (&str, &str) = ("apiextensions.k8s.io", "customresourcedefinitions");

/// All kinds that are served, by group and plural.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    by_plural: BTreeMap<(String, String), Arc<Kind>>,
}

impl Kinds {
    /// The built-in kinds, with the schemas of these documents.
    pub fn builtin(documents: &Documents) -> Self {
        let mut kinds = Self::default();
        let crd = row(
            CRDS.0,
            "v1",
            "CustomResourceDefinition",
            CRDS.1,
            "crd",
            "sg",
        );
        for row in BUILTIN.iter().chain([&crd]) {
            let has = |what| row.traits.contains(what);
            let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
            kinds.add(Kind {
                group: row.group.to_owned(),
                version: row.version.to_owned(),
                kind: row.kind.to_owned(),
                plural: row.plural.to_owned(),
                singular: row.kind.to_lowercase(),
                short_names: row.short.split_whitespace().map(str::to_owned).collect(),
                categories: has('a').then(|| "all".to_owned()).into_iter().collect(),
                namespaced: has('n'),
                schema: documents
                    .kind(row.group, row.version, row.kind)
                    .unwrap_or_else(Schema::any),
                has_status: has('s'),
                scale: has('c').then(|| Scale {
                    spec: path("spec.replicas"),
                    status: path("status.replicas"),
                    selector: None,
                }),
                scale_said: Value::Null,
                counts_generation: has('g'),
                is_custom: false,
                columns: tables::columns(row.group, row.version, row.plural),
            });
        }
        kinds
    }

    fn add(&mut self, kind: Kind) {
        let key = (kind.group.clone(), kind.plural.clone());
        self.by_plural.insert(key, Arc::new(kind));
    }

    /// Serves the kind of a CRD in its served version that is stored; or serves it anew, where the
    /// CRD has changed.
    pub fn serve(&mut self, crd: &Value, documents: &Documents) {
        if let Some(kind) = custom(crd, documents) {
            self.add(kind);
        }
    }

    /// Serves the kind of a CRD no longer.
    pub fn forget(&mut self, group: &str, plural: &str) {
        self.by_plural
            .remove(&(group.to_owned(), plural.to_owned()));
    }

    /// The kind of this group and plural, whatever its version.
    pub fn find(&self, group: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.by_plural.get(&(group.to_owned(), plural.to_owned()))
    }

    /// All of them, by group and plural.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.by_plural.values()
    }

    /// The kinds of one group and version.
    pub fn of<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.all()
            .filter(move |kind| kind.group == group && kind.version == version)
    }
}

/// The kind that a CRD defines, in the version that is stored.
fn custom(crd: &Value, documents: &Documents) -> Option<Kind> {
    let spec = &crd["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(text).collect()
    };
    let versions = spec["versions"].as_array()?;
    let version = versions.iter().find(|version| version["storage"] == true)?;
    let subresources = &version["subresources"];
    let scale = subresources["scale"].as_object().map(|scale| Scale {
        spec: members(scale["specReplicasPath"].as_str().unwrap_or_default()),
        status: members(scale["statusReplicasPath"].as_str().unwrap_or_default()),
        selector: scale
            .get("labelSelectorPath")
            .and_then(Value::as_str)
            .map(members),
    });
    let columns = version["additionalPrinterColumns"].as_array();
    Some(Kind {
        group: text(&spec["group"]),
        version: text(&version["name"]),
        kind: text(&names["kind"]),
        plural: text(&names["plural"]),
        singular: text(&names["singular"]),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        schema: of_crd(&version["schema"]["openAPIV3Schema"], documents),
        has_status: subresources["status"].is_object(),
        scale,
        scale_said: subresources["scale"].clone(),
        counts_generation: true,
        is_custom: true,
        columns: columns.map_or_else(age, |columns| columns.iter().map(column).collect()),
    })
}

/// The column of a kind that says nothing of columns.
pub(super) fn age() -> Vec<Column> {
    vec![Column {
        name: "Age".to_owned(),
        type_: "date".to_owned(),
        format: String::new(),
        description: "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata".to_owned(),
        priority: 0,
        path: ".metadata.creationTimestamp".to_owned(),
    }]
}

fn column(column: &Value) -> Column {
    let text = |name: &str| column[name].as_str().unwrap_or_default().to_owned();
    let path = text("jsonPath");
    let described = format!("Custom resource definition column (in JSONPath format): {path}");
    let said = text("description");
    Column {
        name: text("name"),
        type_: text("type"),
        format: text("format"),
        description: if said.is_empty() { described } else { said },
        priority: column["priority"].as_i64().unwrap_or_default(),
        path,
    }
}

/// The members of a simple path: `.spec.replicas`.
fn members(path: &str) -> Vec<String> {
    let parts = path.split('.').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
