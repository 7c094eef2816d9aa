//! The operator's own rights on the reference page of rights: what its roles give it, and what each verb to
//! act as accounts is for, from the manifests.

use std::fmt::Write as _;

use serde::Deserialize as _;
use serde_yaml::Value;

use super::{impersonation, rbac};

/// The head of a table of rules.
const RULES: &str = "| Where | API group | Resources | Verbs |\n|---|---|---|---|\n";

const OPENING: &str = "
## The operator's own rights

Nothing on targets: they are read and written as the playbook's account.

";

const ACTING_TEXT: &str = "
### To act as accounts

One of two ways, which the chart chooses by the server's version (`impersonation.mode`). Either is of all accounts of `pingzhan-playbooks`, unless some are named: `impersonation.accounts` in the chart, `resourceNames` in the Role `pingzhan-playbook-accounts` ([how](../guides/least-rights.md#name-the-accounts-that-the-operator-may-act-as)). `manifests/install.yaml` has the first one, which every server knows.

By the classic verb, `manifests/impersonation.yaml`:

";

const CONSTRAINED_TEXT: &str = "
By constrained impersonation, which servers have from Kubernetes 1.36 on, `manifests/impersonation-constrained.yaml`. As an account the operator then does what these verbs allow and the account itself may, and nothing else. An API server of an older version takes these rights, and goes by none of them.

";

const VERBS_TEXT: &str = "
| Verb | Lets the operator |
|---|---|
";

/// What each verb to act as accounts lets the operator do.
const ACTING: [(&str, &str); 9] = [
    (
        "get",
        "see whether an account is there, before a playbook is said to be ready: one that is not there can be acted as all the same",
    ),
    (
        "impersonate",
        "send any request as the account: it lends all that the account may do",
    ),
    (
        "impersonate:serviceaccount",
        "send those requests as the account that the verbs below are of",
    ),
    (
        "impersonate-on:serviceaccount:get",
        "read one object as an account: targets that a step names, and what is there before and after a write",
    ),
    (
        "impersonate-on:serviceaccount:list",
        "list objects as an account: what steps select",
    ),
    (
        "impersonate-on:serviceaccount:watch",
        "watch objects as an account: whether targets become ready, and who changes them",
    ),
    (
        "impersonate-on:serviceaccount:create",
        "make objects as an account: those of `apply`, Jobs of `run`, and questions what the account may do",
    ),
    (
        "impersonate-on:serviceaccount:patch",
        "change targets as an account, and change them back",
    ),
    (
        "impersonate-on:serviceaccount:delete",
        "delete as an account what was made for a mode",
    ),
];

/// The last part of the page.
pub fn part() -> String {
    let mut text = OPENING.to_owned();
    text.push_str(&table(&rbac::rights()));
    text.push_str(ACTING_TEXT);
    text.push_str(&table(&impersonation::classic()));
    text.push_str(CONSTRAINED_TEXT);
    text.push_str(&table(&impersonation::constrained()));
    text.push_str(VERBS_TEXT);
    for (verb, lets) in ACTING {
        let _ = writeln!(text, "| `{verb}` | {lets} |");
    }
    text
}

/// The rules of the operator's roles of a manifest.
fn table(manifest: &str) -> String {
    let mut text = RULES.to_owned();
    for (place, rule) in rules(manifest) {
        let group = list(&rule, "apiGroups").replace("``", "core");
        let (resources, verbs) = (list(&rule, "resources"), list(&rule, "verbs"));
        let _ = writeln!(text, "| {place} | {group} | {resources} | {verbs} |");
    }
    text
}

/// The words of a field of a rule.
fn list(rule: &Value, field: &str) -> String {
    let items = rule[field].as_sequence().into_iter().flatten();
    let words: Vec<String> = items
        .filter_map(Value::as_str)
        .map(|word| format!("`{word}`"))
        .collect();
    words.join(", ")
}

/// The rules, and where they hold.
fn rules(manifest: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for document in serde_yaml::Deserializer::from_str(manifest) {
        let Ok(object) = Value::deserialize(document) else {
            continue;
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name == "pingzhan-view" {
            continue;
        }
        let place = object["metadata"]["namespace"].as_str();
        let place = place.map_or_else(|| "everywhere".to_owned(), |place| format!("`{place}`"));
        let rules = object["rules"].as_sequence().into_iter().flatten();
        all.extend(rules.map(|rule| (place.clone(), rule.clone())));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The page says of the operator what its manifests give it, each rule once.
    #[test]
    fn every_rule_of_the_operator_is_on_the_page() {
        let texts = [
            rbac::rights(),
            impersonation::classic(),
            impersonation::constrained(),
        ];
        let page = part();
        for text in &texts {
            let count = text.matches("- apiGroups:").count();
            // One is of `pingzhan-view`.
            let others = usize::from(text.contains("pingzhan-view"));
            assert_eq!(rules(text).len() + others, count);
            assert!(page.contains(&table(text)), "{text}");
        }
        for row in [
            "| `pingzhan-playbooks` | core | `serviceaccounts` | `get`, `impersonate` |",
            "| `pingzhan-playbooks` | `authentication.k8s.io` | `serviceaccounts` | `impersonate:serviceaccount` |",
        ] {
            assert!(page.contains(row), "{row}");
        }
    }

    /// A verb that nobody explains is one that nobody dares to take away; and one that is explained and not
    /// given is a promise.
    #[test]
    fn every_verb_to_act_as_accounts_is_explained_and_given() {
        let texts = [impersonation::classic(), impersonation::constrained()];
        let all = texts.iter().flat_map(|text| rules(text));
        let given: BTreeSet<String> = all
            .flat_map(|(_, rule)| rule["verbs"].as_sequence().cloned().unwrap_or_default())
            .filter_map(|verb| verb.as_str().map(str::to_owned))
            .collect();
        let explained: BTreeSet<String> =
            ACTING.iter().map(|(verb, _)| (*verb).to_owned()).collect();
        assert_eq!(given, explained);
    }
}
