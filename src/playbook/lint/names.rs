//! What Kubernetes accepts as a name, a label, and a key.

/// A DNS label: names of stages, steps and namespaces.
pub fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS subdomain: names of most objects.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// An object's name, as loosely as RBAC objects may have it: no slash, no percent, not `.`.
pub fn is_object_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text != "."
        && text != ".."
        && !text.contains(['/', '%'])
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A key of a `ConfigMap`.
pub fn is_config_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text != "."
        && !text.starts_with("..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// A label's key: an optional DNS subdomain and `/`, then a name.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified(name),
        None => is_qualified(text),
    }
}

/// A label's value.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified(text)
}

fn is_qualified(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the API server would refuse in the emergency is refused when the plan is written.
    #[test]
    fn names_are_judged_as_the_api_server_judges_them() {
        for (text, label, key, value) in [
            ("web", true, true, true),
            ("Web", false, true, true),
            ("-web", false, false, false),
            ("", false, false, true),
            ("a_b", false, true, true),
            ("example.com/a", false, true, false),
            ("a/b/c", false, false, false),
        ] {
            assert_eq!(is_label(text), label, "{text}");
            assert_eq!(is_label_key(text), key, "{text}");
            assert_eq!(is_label_value(text), value, "{text}");
        }
        assert!(is_subdomain("a.b-c") && !is_subdomain("a..b"));
        assert!(is_object_name("system:node") && !is_object_name("a/b"));
        assert!(is_config_key("home.page_x") && !is_config_key("a b"));
    }
}
