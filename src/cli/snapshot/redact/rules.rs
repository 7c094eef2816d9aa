//! Which members of an object may hold what is nobody else's business, by their names and places.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::api::names;
use crate::cli::snapshot::left::Group;

/// How much of an object the rules are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A definition of a kind: what it says of fields is no field.
    Definition,
    /// A playbook or an admission policy: what it says is played and judged as it is.
    AsWritten,
    /// A `ConfigMap`.
    ConfigMap,
    /// A `ServiceAccount`.
    Account,
    /// A node.
    Node,
    /// An object of GitOps, which holds values for charts and patches.
    GitOps,
    /// All others.
    Other,
}

impl Family {
    /// That of an object.
    pub fn of(object: &Value) -> Self {
        let text = |name: &str| object[name].as_str().unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind) {
            ("apiextensions.k8s.io", _) => Self::Definition,
            (names::GROUP | "admissionregistration.k8s.io", _) => Self::AsWritten,
            ("", "ConfigMap") => Self::ConfigMap,
            ("", "ServiceAccount") => Self::Account,
            ("", "Node") => Self::Node,
            ("argoproj.io", _) => Self::GitOps,
            (group, _) if group.ends_with(".toolkit.fluxcd.io") => Self::GitOps,
            _ => Self::Other,
        }
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing, as far as its name goes; what is inside is looked at.
    Look,
    /// It is taken out.
    Drop(Group),
    /// Every text and number inside is replaced.
    Scrub(Group),
    /// Every text inside is replaced by one in base 64.
    Scrub64(Group),
    /// Of each item this member is replaced.
    OfItems(Group, &'static str),
    /// Annotations.
    Annotations,
}

/// What becomes of a member of this name and value. `above` are the names that lead to it, from the
/// object's root.
pub fn rule(family: Family, above: &[&str], name: &str, value: &Value) -> Rule {
    let parent = above.last().copied().unwrap_or_default();
    if name == "annotations" && parent == "metadata" {
        return Rule::Annotations;
    }
    let own = match (family, above, name) {
        (Family::Definition, _, "caBundle") => Rule::Drop(Group::Bundles),
        // A default may have a member of that name.
        (Family::Definition, _, "description")
            if value.is_string() && !above.contains(&"default") =>
        {
            Rule::Drop(Group::Descriptions)
        }
        (Family::ConfigMap, [], "data") => Rule::Scrub(Group::Config),
        (Family::ConfigMap, [], "binaryData") => Rule::Scrub64(Group::Config),
        (Family::Account, [], "secrets") => Rule::Drop(Group::Accounts),
        (Family::Node, ["status"], "images") => Rule::Drop(Group::Images),
        (Family::GitOps, _, _) => of_gitops(parent, name, value),
        _ => Rule::Look,
    };
    if own != Rule::Look {
        return own;
    }
    match family {
        Family::Definition | Family::AsWritten => Rule::Look,
        Family::ConfigMap | Family::Account | Family::Node | Family::GitOps | Family::Other => {
            anywhere(parent, name, value)
        }
    }
}

/// In any object that runs something, or tells somebody how to.
fn anywhere(parent: &str, name: &str, value: &Value) -> Rule {
    match name {
        "env" | "httpHeaders" if value.is_array() => Rule::OfItems(Group::Environment, "value"),
        "env" if value.is_object() => Rule::Scrub(Group::Environment),
        "command" | "args" => match value.as_array() {
            // Arguments that have names, as other controllers' kinds have them.
            Some(items) if items.iter().any(Value::is_object) => {
                Rule::OfItems(Group::Arguments, "value")
            }
            Some(_) => Rule::Scrub(Group::Arguments),
            None if value.is_string() => Rule::Scrub(Group::Arguments),
            None => Rule::Look,
        },
        // KEDA's triggers have addresses with everything that opens them.
        "metadata" if parent == "triggers" => Rule::Scrub(Group::Values),
        "volumeAttributes" if value.is_object() => Rule::Scrub(Group::Values),
        // Keys of labels are names that people chose.
        _ if ["labels", "matchLabels", "nodeSelector"].contains(&parent) => Rule::Look,
        _ if value.is_string() && tells_a_secret(name) => Rule::Scrub(Group::Named),
        _ => Rule::Look,
    }
}

/// Values of charts, and what is substituted or patched.
fn of_gitops(parent: &str, name: &str, value: &Value) -> Rule {
    match (parent, name) {
        (_, "values") if value.is_object() => Rule::Scrub(Group::Values),
        ("helm", "values") | (_, "valuesObject" | "substitute" | "patchesStrategicMerge") => {
            Rule::Scrub(Group::Values)
        }
        ("plugin", "parameters") => Rule::Scrub(Group::Values),
        ("helm", "parameters") => Rule::OfItems(Group::Values, "value"),
        (_, "patches" | "patchesJson6902") => Rule::OfItems(Group::Values, "patch"),
        _ => Rule::Look,
    }
}

/// Words of which one in a field's name says that it holds what opens something.
const WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credential",
    "connectionstring",
];
/// Ends of names that say where a secret is, and not which.
const PLACES: [&str; 6] = ["name", "ref", "path", "file", "namespace", "kind"];

/// Whether a field of this name holds a password, a token or a key.
pub fn tells_a_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let word: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let is_place = PLACES.iter().any(|end| word.ends_with(end));
    let holds = WORDS.iter().any(|part| word.contains(part));
    !is_place && (holds || word.ends_with("token") || word.ends_with("secret"))
}

/// Longest annotation that is kept: names and settings are shorter, and documents longer.
const LONGEST: usize = 512;

/// What an annotation is replaced by; nothing where it is kept.
pub fn annotation(name: &str, value: &str) -> Option<&'static str> {
    if value.is_empty() || name.split('/').next() == Some(names::GROUP) {
        return None;
    }
    let is_original = ["last-applied-configuration", "last-applied", "original"]
        .iter()
        .any(|end| name.ends_with(end))
        || name == "objectset.rio.cattle.io/applied";
    let begin = value.trim_start().chars().next();
    let is_document = value.len() > LONGEST || value.contains('\n');
    match begin {
        // Who reads it reads JSON.
        Some('{') => Some("{}"),
        Some('[') => Some("[]"),
        _ if is_original || is_document || tells_a_secret(name) => Some(super::PLACEHOLDER),
        _ => None,
    }
}

/// A text without the passwords in its addresses and settings; nothing where it has none.
pub fn without_passwords(text: &str) -> Option<String> {
    if !text.contains('=') && !text.contains("://") {
        return None;
    }
    let settings = SETTINGS.replace_all(text, "${name}=redacted");
    let (out, found) = without_users(&settings);
    (found || settings != text).then_some(out)
}

/// A setting that is written into a text: `password=…` in the address of a database.
static SETTINGS: LazyLock<Regex> = LazyLock::new(|| {
    let names = "password|passwd|pwd|secret|token|api_?key|access_?key|account_?key";
    let pattern = format!(r#"(?i)(?<name>[a-z_.-]*(?:{names}))=[^=\s&;,"'][^\s&;,"']*"#);
    // It is a constant, and a test reads with it.
    Regex::new(&pattern).unwrap_or_else(|error| unreachable!("{error}"))
});

/// Shortest user without a password that is taken for a token: `git@` is none.
const TOKEN: usize = 16;

/// A text with a placeholder for what comes before the `@` of an address, and whether there was any.
fn without_users(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        rest = after;
        let line = &after[..after.find([' ', '"', '\'', '\n']).unwrap_or(after.len())];
        let authority = &line[..line.find(['/', '?', '#']).unwrap_or(line.len())];
        let Some(place) = authority.rfind('@').or_else(|| opens(line)) else {
            continue;
        };
        match line[..place].split_once(':') {
            Some((user, password)) if !password.is_empty() => {
                out.push_str(user);
                out.push(':');
            }
            None if place >= TOKEN => {}
            Some(_) | None => continue,
        }
        found = true;
        out.push_str(super::PLACEHOLDER);
        rest = &after[place..];
    }
    out.push_str(rest);
    (out, found)
}

/// Where the password of an address ends that has a `/` in it, which should not be: at the last `@`.
fn opens(line: &str) -> Option<usize> {
    let at = line.rfind('@')?;
    let user = line[..at].split(['/', '?', '#']).next()?;
    let (_, begun) = user.split_once(':')?;
    // `host:80/path@tag` is an address without a password.
    let is_port = !begun.is_empty() && begun.chars().all(|digit| digit.is_ascii_digit());
    (!is_port).then_some(at)
}
