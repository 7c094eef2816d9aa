//! Asking what somebody may do: all their rules in a namespace, or one right.

use serde_json::{Value, json};

use super::classify::Answer;
use super::clients::Clients;
use super::request::Collection;
use super::write::{self, Effect};
use crate::engine::rights::Right;
use crate::engine::rights::rules::Rules;

/// A namespace that nobody has: what is allowed in it is allowed everywhere.
pub const NOWHERE: &str = "pingzhan-nowhere";

fn reviews(kind: &str, plural: &str) -> Collection {
    Collection {
        api_version: "authorization.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespace: String::new(),
    }
}

/// The rules of whoever these clients act as, in one namespace.
///
/// # Errors
/// A sentence: nothing is known.
pub async fn rules(clients: &Clients, namespace: &str) -> Result<Rules, String> {
    let kind = "SelfSubjectRulesReview";
    let spec = json!({ "namespace": namespace });
    let answer = known(ask(clients, kind, "selfsubjectrulesreviews", &spec).await)?;
    Ok(Rules::of(&answer))
}

/// Whether whoever these clients act as has a right.
///
/// # Errors
/// A sentence: nothing is known.
pub async fn may(clients: &Clients, right: &Right) -> Result<bool, String> {
    Ok(is_allowed(&known(asked(clients, right).await)?))
}

/// The same, with what came of asking: a server that does not answer now may answer later, and one that
/// refuses the question will not.
pub async fn asked(clients: &Clients, right: &Right) -> Answer {
    let kind = "SelfSubjectAccessReview";
    let spec = json!({ "resourceAttributes": attributes(right) });
    ask(clients, kind, "selfsubjectaccessreviews", &spec).await
}

/// Whether a review says yes.
pub fn is_allowed(review: &Value) -> bool {
    review["status"]["allowed"] == json!(true)
}

/// Whether somebody else has a right, by their name and groups.
///
/// # Errors
/// A sentence: nothing is known, as a rule since who asks may not.
pub async fn may_they(
    clients: &Clients,
    user: &str,
    groups: &[String],
    right: &Right,
) -> Result<bool, String> {
    let kind = "SubjectAccessReview";
    let spec = json!({ "user": user, "groups": groups, "resourceAttributes": attributes(right) });
    let answer = known(ask(clients, kind, "subjectaccessreviews", &spec).await)?;
    Ok(is_allowed(&answer))
}

fn attributes(right: &Right) -> Value {
    let Right {
        namespace,
        group,
        resource,
        name,
        verb,
    } = right;
    let (plural, below) = resource.split_once('/').unwrap_or((resource, ""));
    let mut all = json!({ "verb": verb, "group": group, "resource": plural });
    let further = [
        ("subresource", Some(below).filter(|below| !below.is_empty())),
        ("namespace", namespace.as_deref()),
        ("name", name.as_deref()),
    ];
    for (key, value) in further {
        if let Some(value) = value {
            all[key] = json!(value);
        }
    }
    all
}

async fn ask(clients: &Clients, kind: &str, plural: &str, spec: &Value) -> Answer {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec,
    });
    let body = review.to_string().into_bytes();
    let reviews = reviews(kind, plural);
    write::ask(&clients.writes, &reviews, body, "", Effect::Real).await
}

fn known(answer: Answer) -> Result<Value, String> {
    match answer {
        Answer::Done(answer) => Ok(answer),
        Answer::Refused { message, .. } => Err(message),
        Answer::Busy { why, .. } | Answer::Ambiguous(why) => Err(why),
        Answer::Moved | Answer::Gone => {
            Err("the API server does not know this question".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Fake, reply};

    /// A right that is asked for under another name is answered for another right.
    #[tokio::test]
    async fn a_right_is_asked_for_with_its_subresource_place_and_name() {
        let fake = Fake::new(|_| reply(201, json!({ "status": { "allowed": true } })));
        let clients = Clients::fake(&fake.client());
        let right = Right {
            namespace: Some("portal".into()),
            group: "batch".into(),
            resource: "cronjobs/status".into(),
            name: Some("nightly".into()),
            verb: "patch".into(),
        };
        assert_eq!(may(&clients, &right).await, Ok(true));
        let asked = &fake.requests()[0];
        let expected = json!({ "verb": "patch", "group": "batch", "resource": "cronjobs",
            "subresource": "status", "namespace": "portal", "name": "nightly" });
        assert_eq!(asked.body["spec"]["resourceAttributes"], expected);
        let everywhere = Right {
            namespace: None,
            name: None,
            ..right
        };
        assert_eq!(may(&clients, &everywhere).await, Ok(true));
        let asked = &fake.requests()[1].body["spec"]["resourceAttributes"];
        assert_eq!(
            (&asked["namespace"], &asked["name"]),
            (&Value::Null, &Value::Null)
        );
    }

    /// Who may not ask knows nothing, which is not a no.
    #[tokio::test]
    async fn what_is_not_answered_is_an_error() {
        let status = json!({ "kind": "Status", "message": "no", "reason": "Forbidden" });
        let fake = Fake::new(move |_| reply(403, status.clone()));
        let clients = Clients::fake(&fake.client());
        assert_eq!(rules(&clients, "portal").await, Err("no".to_owned()));
    }
}
