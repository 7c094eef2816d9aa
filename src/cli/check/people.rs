//! Playbooks with their accounts, and what whoever asks may do about each.

use kube::Client;
use serde_json::Value;

use crate::api::condition::{self, types};
use crate::api::{Authority, Playbook, names};
use crate::cluster::list::{self, Query};
use crate::cluster::{Collection, reviews, write};
use crate::engine::rights::Right;
use crate::engine::rights::rules::Rules;
use crate::t;

use super::super::error::Error;
use super::super::person::Person;
use super::{Line, Look, Part};

/// What may be done about a playbook.
const VERBS: [&str; 8] = [
    "declare",
    "approve",
    "standdown",
    "breakglass",
    "decide",
    "adjudicate",
    "abandon",
    "recover",
];

/// What it takes to install Pingzhan: group, plural, namespaced by the operator's namespace or not.
const INSTALLS: [(&str, &str, bool); 9] = [
    ("apiextensions.k8s.io", "customresourcedefinitions", false),
    ("", "namespaces", false),
    ("rbac.authorization.k8s.io", "clusterroles", false),
    ("rbac.authorization.k8s.io", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io", "roles", true),
    ("rbac.authorization.k8s.io", "rolebindings", true),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        false,
    ),
    ("apps", "deployments", true),
];

/// Whether whoever asks may install Pingzhan.
pub(super) async fn may_install(look: &Look<'_>) -> Part {
    let lang = look.lang;
    let mut missing = Vec::new();
    let mut problems = Vec::new();
    for (group, resource, namespaced) in INSTALLS {
        let right = Right {
            namespace: namespaced.then(|| look.operator.operator_namespace.clone()),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: None,
            verb: "create".to_owned(),
        };
        match reviews::may(&look.own, &right).await {
            Ok(true) => {}
            Ok(false) => missing.push(resource),
            Err(problem) => problems.push(problem),
        }
    }
    let mut lines: Vec<Line> = problems
        .first()
        .map(|problem| {
            let text = look.not_seen(&t!(lang, "check-your-rights"), problem);
            Line::look(text, t!(lang, "check-unseen-next"))
        })
        .into_iter()
        .collect();
    if !missing.is_empty() {
        lines.push(Line::bad(
            t!(lang, "check-install-missing", kinds = missing.join(", ")),
            t!(lang, "check-install-missing-next"),
        ));
    } else if problems.is_empty() {
        lines.push(Line::good(t!(lang, "check-install-good")));
    }
    Part { name: "you", lines }
}

/// The playbooks, and what is said of them.
pub(super) async fn playbooks(look: &Look<'_>) -> (Vec<Playbook>, Part) {
    let lang = look.lang;
    let query = Query {
        collection: Collection {
            api_version: format!("{}/{}", names::GROUP, names::VERSION),
            kind: "Playbook".to_owned(),
            plural: "playbooks".to_owned(),
            namespace: String::new(),
        },
        ..Query::default()
    };
    let mut lines = Vec::new();
    let mut books = Vec::new();
    match list::list(&look.own.reads, &query, Some).await {
        Err(error) => lines.push(look.unseen("playbooks", &error)),
        Ok(listed) if listed.items.is_empty() => lines.push(Line::look(
            t!(lang, "check-no-playbook"),
            t!(lang, "check-no-playbook-next"),
        )),
        Ok(listed) => {
            for object in listed.items {
                let name = object.pointer("/metadata/name").and_then(Value::as_str);
                let name = name.unwrap_or_default().to_owned();
                match serde_json::from_value::<Playbook>(object) {
                    Ok(book) => {
                        lines.push(account(look, &name, &book).await);
                        lines.push(readiness(look, &name, &book));
                        books.push(book);
                    }
                    Err(error) => lines.push(Line::bad(
                        t!(
                            lang,
                            "check-playbook-malformed",
                            name = name,
                            problem = error.to_string()
                        ),
                        t!(lang, "check-playbook-malformed-next"),
                    )),
                }
            }
        }
    }
    let part = Part {
        name: "playbooks",
        lines,
    };
    (books, part)
}

async fn account(look: &Look<'_>, name: &str, book: &Playbook) -> Line {
    let lang = look.lang;
    let namespace = look.operator.accounts_namespace.clone();
    let account = book.spec.service_account_name.clone();
    let accounts = Collection {
        api_version: "v1".to_owned(),
        kind: "ServiceAccount".to_owned(),
        plural: "serviceaccounts".to_owned(),
        namespace: namespace.clone(),
    };
    let what = format!("{namespace}/{account}");
    let name = name.to_owned();
    match write::get(&look.own.reads, &accounts, &account).await {
        Err(error) => look.unseen(&what, &error),
        Ok(None) => Line::bad(
            t!(
                lang,
                "check-account-missing",
                playbook = name.clone(),
                account = what
            ),
            t!(lang, "check-account-missing-next", playbook = name),
        ),
        Ok(Some(_)) => Line::good(t!(
            lang,
            "check-account-good",
            playbook = name,
            account = what
        )),
    }
}

/// What the operator says of a playbook.
fn readiness(look: &Look<'_>, name: &str, book: &Playbook) -> Line {
    let lang = look.lang;
    let playbook = name.to_owned();
    let status = book.status.as_ref();
    let ready = status.and_then(|status| condition::get(&status.conditions, types::READY));
    let is_present = status.map(|status| status.observed_generation) == book.metadata.generation;
    let Some(ready) = ready.filter(|_| is_present) else {
        let text = t!(lang, "check-ready-unknown", playbook = playbook);
        return Line::look(text, t!(lang, "check-ready-unknown-next"));
    };
    let why = ready.message.clone();
    let next = || t!(lang, "check-ready-next", playbook = name.to_owned());
    match ready.status.as_str() {
        "True" => Line::good(t!(lang, "check-ready-good", playbook = playbook)),
        "False" => Line::bad(
            t!(lang, "check-ready-bad", playbook = playbook, why = why),
            next(),
        ),
        _ => Line::look(
            t!(lang, "check-ready-bad", playbook = playbook, why = why),
            next(),
        ),
    }
}

/// Who asks, and what they may do.
///
/// # Errors
/// Who they are is not answered.
pub(super) async fn you(
    look: &Look<'_>,
    client: &Client,
    books: &[Playbook],
) -> Result<Part, Error> {
    let lang = look.lang;
    let person = Person::ask(client).await?;
    let groups: Vec<&str> = person
        .groups
        .iter()
        .map(String::as_str)
        .filter(|group| !group.starts_with("system:"))
        .collect();
    let mut lines = vec![Line::good(t!(
        lang,
        "check-you",
        user = person.name.clone(),
        groups = if groups.is_empty() {
            "–".to_owned()
        } else {
            groups.join(", ")
        }
    ))];
    let rules = reviews::rules(&look.own, reviews::NOWHERE).await;
    let rules = match rules {
        Ok(rules) => rules,
        Err(problem) => {
            let text = look.not_seen(&t!(lang, "check-your-rights"), &problem);
            lines.push(Line::look(text, t!(lang, "check-unseen-next")));
            return Ok(Part { name: "you", lines });
        }
    };
    for book in books {
        lines.push(may(look, &person, &rules, book).await);
    }
    Ok(Part { name: "you", lines })
}

/// What somebody may do about a playbook. Rights that nothing of its groups goes with are said: the API
/// server refuses those as well.
async fn may(look: &Look<'_>, person: &Person, rules: &Rules, book: &Playbook) -> Line {
    let lang = look.lang;
    let name = book.metadata.name.clone().unwrap_or_default();
    let (mut may, mut but) = (Vec::new(), Vec::new());
    for verb in VERBS {
        let right = Right {
            namespace: None,
            group: names::GROUP.to_owned(),
            resource: "playbooks".to_owned(),
            name: Some(name.clone()),
            verb: verb.to_owned(),
        };
        let given = rules.give(&right)
            || (rules.incomplete && reviews::may(&look.own, &right).await.unwrap_or(false));
        if !given {
            continue;
        }
        let groups = groups_of(verb, &book.spec.authority);
        if groups.is_none_or(|groups| groups.iter().any(|group| person.groups.contains(group))) {
            may.push(verb);
        } else {
            but.push(verb);
        }
    }
    if !but.is_empty() {
        let text = t!(
            lang,
            "check-you-but",
            playbook = name.clone(),
            verbs = but.join(", ")
        );
        return Line::look(text, t!(lang, "check-you-but-next", playbook = name));
    }
    if may.is_empty() {
        return Line::good(t!(lang, "check-you-nothing", playbook = name));
    }
    Line::good(t!(
        lang,
        "check-you-may",
        playbook = name,
        verbs = may.join(", ")
    ))
}

/// The groups of which whoever does this has to be in one, where the playbook names any for it.
fn groups_of<'a>(verb: &str, authority: &'a Authority) -> Option<&'a Vec<String>> {
    match verb {
        "declare" => Some(&authority.requester_groups),
        "approve" => Some(&authority.approver_groups),
        "breakglass" => Some(&authority.break_glass_groups),
        _ => None,
    }
}
