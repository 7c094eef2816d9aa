//! Whether an object is selected.

use std::collections::BTreeMap;

use crate::api::{
    LabelSelector, NamespaceSelector, PriorityItem, Requirement, RequirementOperator,
};

/// Whether labels satisfy a selector. All its requirements must hold; an empty one is satisfied
/// by everything, as everywhere in Kubernetes.
pub fn labels(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    holds(&selector.match_labels, &selector.match_expressions, labels)
}

/// Whether a namespace is selected, by its name and labels. What is given must hold; an empty
/// selector selects every namespace.
pub fn namespace(
    selector: &NamespaceSelector,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let named = selector.names.is_empty() || selector.names.iter().any(|wanted| wanted == name);
    named && holds(&selector.match_labels, &selector.match_expressions, labels)
}

/// The first place in an order of release that names an object, by its namespace or labels.
pub fn place(
    priority: &[PriorityItem],
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Option<u8> {
    let place = priority.iter().position(|item| match item {
        PriorityItem::Namespace(name) => name == namespace,
        PriorityItem::Selector { selector } => self::labels(selector, labels),
    });
    place.and_then(|place| u8::try_from(place).ok())
}

/// The selector as the API's `labelSelector` parameter, so that the server filters.
///
/// Guarantees: what the server selects by it is what [`labels`] selects. An empty selector is the
/// empty text, which selects everything.
pub fn query(selector: &LabelSelector) -> String {
    let equal = selector
        .match_labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let further = selector.match_expressions.iter().map(|requirement| {
        let key = &requirement.key;
        let values = requirement.values.join(",");
        match requirement.operator {
            RequirementOperator::In => format!("{key} in ({values})"),
            RequirementOperator::NotIn => format!("{key} notin ({values})"),
            RequirementOperator::Exists => key.clone(),
            RequirementOperator::DoesNotExist => format!("!{key}"),
        }
    });
    equal.chain(further).collect::<Vec<_>>().join(",")
}

fn holds(
    equal: &BTreeMap<String, String>,
    further: &[Requirement],
    labels: &BTreeMap<String, String>,
) -> bool {
    equal
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && further
            .iter()
            .all(|requirement| satisfied(requirement, labels))
}

fn satisfied(requirement: &Requirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    match requirement.operator {
        RequirementOperator::In => value.is_some_and(|value| requirement.values.contains(value)),
        RequirementOperator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
        RequirementOperator::Exists => value.is_some(),
        RequirementOperator::DoesNotExist => value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn requirement(key: &str, operator: RequirementOperator, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_labels: BTreeMap::new(),
            match_expressions: vec![Requirement {
                key: key.into(),
                operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            }],
        }
    }

    /// People know these selectors from Kubernetes: a difference would move the wrong services.
    #[test]
    fn selectors_mean_what_they_mean_in_kubernetes() {
        use RequirementOperator::{DoesNotExist, Exists, In, NotIn};
        let have = map(&[("tier", "critical"), ("app", "web")]);
        let rows = [
            ("tier", In, vec!["critical", "other"], true),
            ("tier", In, vec!["other"], false),
            ("absent", In, vec!["critical"], false),
            ("tier", NotIn, vec!["critical"], false),
            ("tier", NotIn, vec!["other"], true),
            ("absent", NotIn, vec!["critical"], true),
            ("tier", Exists, vec![], true),
            ("absent", Exists, vec![], false),
            ("tier", DoesNotExist, vec![], false),
            ("absent", DoesNotExist, vec![], true),
        ];
        for (key, operator, values, expected) in rows {
            let selector = requirement(key, operator, &values);
            assert_eq!(
                labels(&selector, &have),
                expected,
                "{key} {operator:?} {values:?}"
            );
        }
        assert!(labels(&LabelSelector::default(), &have));
        assert!(labels(&LabelSelector::default(), &BTreeMap::new()));
    }

    /// Names and labels of namespaces narrow each other: neither widens.
    #[test]
    fn a_namespace_must_satisfy_name_and_labels() {
        let selector = NamespaceSelector {
            names: vec!["portal".into(), "tax".into()],
            match_labels: map(&[("city", "yunxi")]),
            match_expressions: vec![],
        };
        let yunxi = map(&[("city", "yunxi")]);
        assert!(namespace(&selector, "portal", &yunxi));
        assert!(!namespace(&selector, "other", &yunxi));
        assert!(!namespace(&selector, "portal", &BTreeMap::new()));
        assert!(namespace(&NamespaceSelector::default(), "any", &yunxi));
    }

    /// Who is named twice is Ready as early as its first place says; who is not named comes last.
    #[test]
    fn the_first_item_that_names_an_object_is_its_place() {
        let priority: Vec<PriorityItem> = serde_json::from_value(serde_json::json!([
            { "selector": { "matchLabels": { "service": "identity" } } },
            "hotline",
            { "selector": { "matchLabels": { "tier": "critical" } } },
        ]))
        .expect("a priority");
        let rows = [
            ("hotline", [("service", "identity")], Some(0)),
            ("hotline", [("tier", "critical")], Some(1)),
            ("portal", [("tier", "critical")], Some(2)),
            ("portal", [("tier", "office")], None),
        ];
        for (space, labels, expected) in rows {
            let found = place(&priority, space, &map(&labels));
            assert_eq!(found, expected, "{space} {labels:?}");
        }
        assert_eq!(place(&[], "hotline", &BTreeMap::new()), None);
    }

    /// The server filters by this text: every operator must be in the server's grammar.
    #[test]
    fn a_query_names_every_requirement() {
        use RequirementOperator::{DoesNotExist, Exists, In, NotIn};
        let mut selector = requirement("tier", In, &["a", "b"]);
        selector.match_labels = map(&[("app", "web"), ("x/y", "")]);
        for (key, operator, values) in [
            ("env", NotIn, vec!["dev"]),
            ("there", Exists, vec![]),
            ("gone", DoesNotExist, vec![]),
        ] {
            let further = requirement(key, operator, &values);
            selector.match_expressions.extend(further.match_expressions);
        }
        assert_eq!(
            query(&selector),
            "app=web,x/y=,tier in (a,b),env notin (dev),there,!gone"
        );
        assert_eq!(query(&LabelSelector::default()), "");
    }
}
