//! What expressions of policies may name: functions, types, and the fields of what is given to them.

use super::types::Type;

/// The fields of an object: their names, and what each is.
pub type Fields = [(&'static str, Field)];

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A text.
    Text,
    /// Yes or no.
    Bool,
    /// A number.
    Int,
    /// Anything.
    Any,
    /// An object with known fields.
    Inside(&'static Fields),
}

/// Names of types.
pub const TYPES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// First parts of names of functions.
pub const SPACES: [&str; 6] = ["optional", "sets", "format", "ip", "cidr", "math"];

const GROUP_KIND: &Fields = &[
    ("group", Field::Text),
    ("version", Field::Text),
    ("kind", Field::Text),
];
const GROUP_RESOURCE: &Fields = &[
    ("group", Field::Text),
    ("version", Field::Text),
    ("resource", Field::Text),
];
const USER: &Fields = &[
    ("username", Field::Text),
    ("uid", Field::Text),
    ("groups", Field::Any),
    ("extra", Field::Any),
];

/// The fields of `request`.
pub const REQUEST: [(&str, Field); 12] = [
    ("kind", Field::Inside(GROUP_KIND)),
    ("resource", Field::Inside(GROUP_RESOURCE)),
    ("subResource", Field::Text),
    ("requestKind", Field::Inside(GROUP_KIND)),
    ("requestResource", Field::Inside(GROUP_RESOURCE)),
    ("requestSubResource", Field::Text),
    ("name", Field::Text),
    ("namespace", Field::Text),
    ("operation", Field::Text),
    ("userInfo", Field::Inside(USER)),
    ("dryRun", Field::Bool),
    ("options", Field::Any),
];

const METADATA: &Fields = &[
    ("name", Field::Text),
    ("generateName", Field::Text),
    ("namespace", Field::Text),
    ("labels", Field::Any),
    ("annotations", Field::Any),
    ("UID", Field::Text),
    ("creationTimestamp", Field::Any),
    ("deletionGracePeriodSeconds", Field::Int),
    ("deletionTimestamp", Field::Any),
    ("generation", Field::Int),
    ("resourceVersion", Field::Text),
    ("finalizers", Field::Any),
];

/// The fields of `namespaceObject`.
pub const NAMESPACE: [(&str, Field); 3] = [
    ("metadata", Field::Inside(METADATA)),
    ("spec", Field::Inside(&[("finalizers", Field::Any)])),
    ("status", Field::Inside(&[("phase", Field::Text)])),
];

/// The type of a field; nothing where there is none of this name.
pub fn field(fields: &Fields, name: &str) -> Option<Type> {
    let (_, field) = fields.iter().find(|(own, _)| *own == name)?;
    Some(match field {
        Field::Text => Type::Text,
        Field::Bool => Type::Bool,
        Field::Int => Type::Int,
        Field::Any => Type::Dynamic,
        Field::Inside(fields) => Type::Known(fields),
    })
}

/// Functions that answer yes or no.
const BOOL: &str = "bool matches contains startsWith endsWith hasValue isSorted isURL isQuantity \
    isInteger isGreaterThan isLessThan isIP isCIDR isCanonical isUnspecified isLoopback \
    isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast containsIP containsCIDR equivalent \
    intersects allowed errored isSemver";
/// Functions that answer a number.
const INT: &str = "int size indexOf lastIndexOf getFullYear getMonth getDayOfYear getDayOfMonth getDate \
    getDayOfWeek getHours getMinutes getSeconds getMilliseconds sign compareTo asInteger prefixLength \
    family major minor patch";
/// Functions that answer a text.
const TEXT: &str = "string charAt lowerAscii upperAscii replace substring trim join format quote reverse \
    find getScheme getHost getHostname getPort getEscapedPath reason error";
/// Functions that answer anything else.
const ANY: &str = "dyn uint double bytes duration timestamp type split findAll sum min max url getQuery \
    quantity asApproximateFloat add sub path group resource subresource namespace name serviceAccount \
    fieldSelector labelSelector check ip cidr masked of ofNonZeroValue none value or orValue optMap \
    optFlatMap first last named validate semver transformList transformMap transformMapEntry \
    dns1123Label dns1123Subdomain dns1035Label qualifiedName dns1123LabelPrefix \
    dns1123SubdomainPrefix dns1035LabelPrefix labelValue uri uuid byte date datetime";

/// What a function answers; nothing where there is none of this name.
pub fn function(name: &str) -> Option<Type> {
    let has = |list: &str| list.split_whitespace().any(|own| own == name);
    if has(BOOL) {
        return Some(Type::Bool);
    }
    if has(INT) {
        return Some(Type::Int);
    }
    if has(TEXT) {
        return Some(Type::Text);
    }
    has(ANY).then_some(Type::Dynamic)
}

/// Whether a call is an operator: no function is called so.
pub fn is_operator(name: &str) -> bool {
    name.starts_with(['_', '@', '!', '-'])
}
