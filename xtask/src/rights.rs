//! What the operator's own account asked of the API server during the whole test run, by the API
//! servers' audit logs: its own kinds, its lease, Events, freezes and the rules of authority, and nothing of
//! anybody's services. Those it reads and writes as the accounts of playbooks.

mod kept;
#[cfg(test)]
mod shipped;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use pingzhan::policies::Names;
use serde::Deserialize;
use snafu::{ResultExt, Snafu, ensure};

use crate::surroundings::OPERATOR_LOGS;

pub use kept::{Kept, log_of};

/// Why the logs do not say what they should.
#[derive(Debug, Snafu)]
pub enum Error {
    /// A log cannot be read.
    #[snafu(display("cannot read {}", path.display()))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of logs cannot be used.
    #[snafu(display("cannot use {} for audit logs", path.display()))]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A log is not whole.
    #[snafu(display(
        "the operator asked so much of control plane {plane} that its audit log was full and begun anew"
    ))]
    TooLong {
        /// Of which control plane.
        plane: String,
    },
    /// Nothing is known of the control planes that belong to one test alone.
    #[snafu(display(
        "no control plane of one test alone left a request of the operator's: does {OPERATOR_LOGS} reach \
         `cargo xtask cluster up`, and is the audit policy of the operator's account?"
    ))]
    Silent,
    /// The operator asked for more than it should.
    #[snafu(display(
        "the operator's own account asked for what is none of its business: {}; whatever is about a \
         service goes as the playbook's account",
        list(asked)
    ))]
    TooMuch {
        /// What, and of which control plane.
        asked: Vec<String>,
    },
    /// The operator did not ask for something that it may.
    #[snafu(display(
        "no test makes the operator ask for: {}; take the right away from it, and the row from \
         xtask/src/rights.rs, or test what needs it",
        list(unasked)
    ))]
    TooLittle {
        /// What.
        unasked: Vec<String>,
    },
}

fn list(rows: &[String]) -> String {
    rows.join(", ")
}

/// Everything that it asks for, each a verb and a resource with its group.
const EXPECTED: &[&str] = &[
    "create authentication.k8s.io/selfsubjectreviews",
    "create coordination.k8s.io/leases",
    "create events.k8s.io/events",
    "create pingzhan.dev/changefreezes",
    "create pingzhan.dev/changerecords",
    "delete pingzhan.dev/changefreezes",
    "delete pingzhan.dev/changerecords",
    "get coordination.k8s.io/leases",
    "get pingzhan.dev/changefreezes",
    "get pingzhan.dev/changerecords",
    "get pingzhan.dev/emergencymodes",
    "get serviceaccounts",
    "list admissionregistration.k8s.io/validatingadmissionpolicies",
    "list admissionregistration.k8s.io/validatingadmissionpolicybindings",
    "list apiextensions.k8s.io/customresourcedefinitions",
    "list pingzhan.dev/changefreezes",
    "list pingzhan.dev/changerecords",
    "list pingzhan.dev/emergencymodes",
    "list pingzhan.dev/playbooks",
    "patch events.k8s.io/events",
    "patch pingzhan.dev/changefreezes",
    "patch pingzhan.dev/changerecords",
    "patch pingzhan.dev/emergencymodes",
    "patch pingzhan.dev/emergencymodes/status",
    "patch pingzhan.dev/playbooks/status",
    "update coordination.k8s.io/leases",
    "watch admissionregistration.k8s.io/validatingadmissionpolicies",
    "watch admissionregistration.k8s.io/validatingadmissionpolicybindings",
    "watch apiextensions.k8s.io/customresourcedefinitions",
    "watch pingzhan.dev/changefreezes",
    "watch pingzhan.dev/emergencymodes",
    "watch pingzhan.dev/playbooks",
];

/// Of these what is asked only where the answer to a write was lost: the simulations see to that, a real
/// server does it by chance.
const BY_CHANCE: &[&str] = &["get pingzhan.dev/changerecords"];

/// What is answered to whoever may not act as an account: the request was to be made as that account, which the
/// log does not name then.
const NOT_AS: &str = "cannot impersonate";

/// Whom RBAC lets do everything.
const MASTERS: &str = "system:masters";

/// An audit log.
#[derive(Clone, Debug)]
pub struct Log {
    /// The control plane's name.
    pub plane: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What was asked for, each with a control plane of which it was.
type Asked = BTreeMap<String, String>;

/// A line of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    user: User,
    /// Whom it acted as; the operator's own requests act as nobody.
    impersonated_user: Option<User>,
    object_ref: Option<Object>,
    /// What was answered, where it was refused.
    response_status: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Object {
    resource: String,
    api_group: String,
    subresource: String,
}

/// Compares what was asked for with what is expected: of the control planes that tests share, and of those
/// that belong to one test `alone`. `whole` says that every test ran.
///
/// # Errors
/// What is asked for and not expected; of a whole run also what is expected and not asked for.
pub fn check(shared: &[Log], alone: &[Log], whole: bool) -> Result<(), Error> {
    let mut asked = own(alone)?;
    ensure!(!whole || !asked.is_empty(), SilentSnafu);
    asked.extend(own(shared)?);
    judge(&asked, whole)
}

/// What is expected, as rows of what was asked.
fn expected() -> BTreeSet<String> {
    EXPECTED.iter().map(|row| (*row).to_owned()).collect()
}

/// A row: a verb, and a resource with its group and with what of it is asked for.
fn row(verb: &str, group: &str, resource: &str) -> String {
    match group {
        "" => format!("{verb} {resource}"),
        group => format!("{verb} {group}/{resource}"),
    }
}

fn judge(asked: &Asked, whole: bool) -> Result<(), Error> {
    let expected = expected();
    let more = asked.iter().filter(|(row, _)| !expected.contains(*row));
    let more: Vec<String> = more
        .map(|(row, plane)| format!("{row} ({plane})"))
        .collect();
    ensure!(more.is_empty(), TooMuchSnafu { asked: more });
    let less = expected.iter().filter(|row| !asked.contains_key(*row));
    let less: Vec<String> = less
        .filter(|row| !BY_CHANCE.contains(&row.as_str()))
        .cloned()
        .collect();
    ensure!(!whole || less.is_empty(), TooLittleSnafu { unasked: less });
    Ok(())
}

/// What the operator asked for as itself. What has no resource (discovery, versions) is everybody's.
fn own(logs: &[Log]) -> Result<Asked, Error> {
    let mut asked = Asked::new();
    for log in logs {
        let rows = own_of(&log.path)?.into_iter();
        asked.extend(rows.map(|row| (row, log.plane.clone())));
    }
    Ok(asked)
}

fn own_of(log: &Path) -> Result<BTreeSet<String>, Error> {
    let names = Names::default();
    let file = std::fs::File::open(log).context(ReadSnafu { path: log })?;
    let mut asked = BTreeSet::new();
    for line in BufReader::new(file).lines() {
        let line = line.context(ReadSnafu { path: log })?;
        // Most lines are others', and are not worth reading.
        if line.contains(names.operator()) {
            asked.extend(asked_by(&line, names.operator()));
        }
    }
    Ok(asked)
}

fn asked_by(line: &str, operator: &str) -> Option<String> {
    // The last line of a server that ended may be half a line.
    let line: Line = serde_json::from_str(line).ok()?;
    let Object {
        resource,
        api_group,
        subresource,
    } = line.object_ref?;
    // A test that plays it is in the group that may do everything; it itself is not.
    let is_played = line.user.groups.iter().any(|group| group == MASTERS);
    let answer = line.response_status;
    let is_not_as = answer.is_some_and(|answer| answer.message.contains(NOT_AS));
    let is_another = line.impersonated_user.is_some() || is_not_as;
    if line.user.username != operator || is_another || is_played {
        return None;
    }
    let resource = match subresource.as_str() {
        "" => resource,
        part => format!("{resource}/{part}"),
    };
    Some(row(&line.verb, &api_group, &resource))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) const OPERATOR: &str = "system:serviceaccount:pingzhan-system:pingzhan";

    /// A line of the log.
    pub(super) fn line(user: &str, acted_as: Option<&str>, group: &str, resource: &str) -> String {
        json!({ "verb": "patch", "user": { "username": user },
            "impersonatedUser": acted_as.map(|name| json!({ "username": name })),
            "objectRef": { "resource": resource, "apiGroup": group, "subresource": "status" } })
        .to_string()
    }

    /// A request of the operator that was refused with these words.
    fn answered(words: &str) -> String {
        let mut refused: serde_json::Value =
            serde_json::from_str(&line(OPERATOR, None, "", "pods")).expect("JSON");
        let said = format!("pods is forbidden: User \"{OPERATOR}\" {words} in API group \"\"");
        refused["responseStatus"] = json!({ "status": "Failure", "message": said, "code": 403 });
        refused.to_string()
    }

    /// A check that took the accounts' requests for the operator's, or missed its own, would say nothing.
    #[test]
    fn only_what_it_asked_for_as_itself_counts() {
        let flood = "system:serviceaccount:pingzhan-playbooks:flood";
        let rows = [
            (
                line(OPERATOR, None, "apps", "deployments"),
                Some("patch apps/deployments/status"),
            ),
            (line(OPERATOR, None, "", "pods"), Some("patch pods/status")),
            (line(OPERATOR, Some(flood), "apps", "deployments"), None),
            (line("admin", Some(OPERATOR), "apps", "deployments"), None),
            (line("admin", None, "apps", "deployments"), None),
            ("{\"verb\": \"pa".to_owned(), None),
            (
                line(OPERATOR, None, "", "pods").replace(
                    "\"username\"",
                    "\"groups\":[\"system:masters\"],\"username\"",
                ),
                None,
            ),
            (
                answered("cannot impersonate resource \"serviceaccounts\""),
                None,
            ),
            (
                answered("cannot impersonate-on:serviceaccount:list resource \"pods\""),
                None,
            ),
            (
                answered("cannot list resource \"pods\""),
                Some("patch pods/status"),
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(asked_by(&line, OPERATOR).as_deref(), expected, "{line}");
        }
    }

    /// Both ways are said: a right too many that is used, and one that nothing needs.
    #[test]
    fn one_request_too_many_fails_and_one_too_few_does_in_a_whole_run() {
        let rows = expected().into_iter();
        let mut asked: Asked = rows.map(|row| (row, "tests-7-0".to_owned())).collect();
        assert!(judge(&asked, true).is_ok());
        let (first, _) = asked.pop_first().expect("there are some");
        assert!(judge(&asked, false).is_ok());
        let said = judge(&asked, true).expect_err("one is missing").to_string();
        assert!(said.contains(&first), "{said}");
        asked.insert("get secrets".to_owned(), "tests-7-1".to_owned());
        let said = judge(&asked, false).expect_err("one too many").to_string();
        assert!(said.contains("get secrets (tests-7-1)"), "{said}");
    }
}
