//! What the answer to a write means. There are six meanings, and every answer has exactly one.

use std::time::Duration;

use http::header::RETRY_AFTER;
use serde_json::Value;

use super::request::{Raw, Status, cut, refusal, sentence};

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T = Value> {
    /// It took effect; this is the object now, or what was read of it.
    Done(T),
    /// It did not take effect: the object is not the one that the guard names any more, or (for a
    /// create) there is one of this name already. Read and classify anew.
    Moved,
    /// It did not take effect, and the same write will not in future: a right, a rule or the
    /// object's schema is against it.
    Refused {
        /// The status code.
        code: u16,
        /// The reason for machines, e.g. `Forbidden`.
        reason: String,
        /// The message for people.
        message: String,
    },
    /// It did not take effect: the API server is not taking requests from us now.
    Busy {
        /// When to come back, not earlier.
        after: Duration,
        /// Why, for people.
        why: String,
    },
    /// Nothing is known: it may have taken effect, or may yet until
    /// [`super::clients::REQUEST_DEADLINE`] is over. Read and classify.
    Ambiguous(String),
    /// It did not take effect: there is no object of this name.
    Gone,
}

/// The wait where the server says that it is busy, but not for how long: what its own priority
/// queues send.
const DEFAULT_AFTER: Duration = Duration::from_secs(1);
/// The wait after a 401: a rotated token is on disk within seconds and read again within a minute,
/// and an API server that restarts is ready in less than ten.
const UNAUTHORIZED_AFTER: Duration = Duration::from_secs(5);
/// The longest wait that is believed. Kubernetes sends seconds; an intermediary's mistake must not
/// keep a return waiting for a day.
const LONGEST_AFTER: Duration = Duration::from_mins(10);

/// What the outcome of a write means, where the object that is answered is read like this.
pub fn answer<T>(
    outcome: Result<Raw, kube::Error>,
    read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
) -> Answer<T> {
    match outcome {
        Err(error) => Answer::Ambiguous(cut(&sentence(&error))),
        Ok(raw) => of_raw(&raw, read),
    }
}

fn of_raw<T>(raw: &Raw, read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>) -> Answer<T> {
    let code = raw.status.as_u16();
    if raw.status.is_success() {
        return match read(&raw.body) {
            Ok(object) => Answer::Done(object),
            Err(error) => Answer::Ambiguous(format!("answer {code} is not JSON: {error}")),
        };
    }
    let status = Status::read(&raw.body);
    match code {
        409 => Answer::Moved,
        // A failed `test` has no causes; an object that breaks its schema or a rule has.
        422 if status.details.causes.is_empty() => Answer::Moved,
        // A 404 that names no object says that the kind is not served: the CRD may come back with
        // all its objects, so nothing is said about this one.
        404 if !status.details.name.is_empty() => Answer::Gone,
        429 => busy(after(raw, &status).unwrap_or(DEFAULT_AFTER), &status),
        503 => match after(raw, &status) {
            Some(wait) => busy(wait, &status),
            None => ambiguous(code, &status),
        },
        // Certainly not executed: identity comes before everything else. But it is no answer about
        // this object either: a token that expired is the same for all of them, and `Refused` would
        // write off a whole fleet within a second.
        401 => busy(UNAUTHORIZED_AFTER, &status),
        408 => ambiguous(code, &status),
        400..=499 => Answer::Refused {
            code,
            reason: status.reason,
            message: refusal(&status.message),
        },
        _ => ambiguous(code, &status),
    }
}

fn busy<T>(after: Duration, status: &Status) -> Answer<T> {
    Answer::Busy {
        after: after.min(LONGEST_AFTER),
        why: cut(&status.message),
    }
}

fn ambiguous<T>(code: u16, status: &Status) -> Answer<T> {
    Answer::Ambiguous(cut(&format!("{code} {}", status.message)))
}

/// How long the server asks us to wait, if it does.
fn after(raw: &Raw, status: &Status) -> Option<Duration> {
    let header = raw.headers.get(RETRY_AFTER);
    let seconds = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .or((status.details.retry_after_seconds > 0).then_some(status.details.retry_after_seconds));
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::write::object;
    use http::{HeaderMap, HeaderValue, StatusCode};

    /// Code, `Retry-After`, body, meaning.
    type Row = (u16, Option<&'static str>, &'static str, &'static str);

    const TABLE: &[Row] = &[
        (200, None, r#"{"kind":"Deployment"}"#, "Done"),
        (201, None, r#"{"kind":"ChangeRecord"}"#, "Done"),
        (200, None, "<html>", "Ambiguous"),
        (302, None, "", "Ambiguous"),
        (
            400,
            None,
            r#"{"kind":"Status","reason":"BadRequest","message":"the body of the request was in an unknown format"}"#,
            "Refused 400 BadRequest",
        ),
        (
            401,
            None,
            r#"{"kind":"Status","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
            "Busy 5",
        ),
        (
            403,
            None,
            r#"{"kind":"Status","reason":"Forbidden","message":"deployments.apps \"web\" is forbidden","details":{"name":"web","group":"apps","kind":"deployments"},"code":403}"#,
            "Refused 403 Forbidden",
        ),
        (
            404,
            None,
            r#"{"kind":"Status","reason":"NotFound","message":"deployments.apps \"web\" not found","details":{"name":"web","group":"apps","kind":"deployments"},"code":404}"#,
            "Gone",
        ),
        (
            404,
            None,
            r#"{"kind":"Status","reason":"NotFound","message":"the server could not find the requested resource","details":{},"code":404}"#,
            "Refused 404 NotFound",
        ),
        (404, None, "404 page not found\n", "Refused 404 "),
        (
            405,
            None,
            r#"{"kind":"Status","reason":"MethodNotAllowed","message":"the server does not allow this method on the requested resource","code":405}"#,
            "Refused 405 MethodNotAllowed",
        ),
        (408, None, "", "Ambiguous"),
        (
            409,
            None,
            r#"{"kind":"Status","reason":"Conflict","message":"Operation cannot be fulfilled on configmaps \"flags\": the object has been modified; please apply your changes to the latest version and try again","details":{"name":"flags","kind":"configmaps"},"code":409}"#,
            "Moved",
        ),
        (
            409,
            None,
            r#"{"kind":"Status","reason":"AlreadyExists","message":"changerecords.pingzhan.dev \"a-000001\" already exists","code":409}"#,
            "Moved",
        ),
        (
            413,
            None,
            r#"{"kind":"Status","reason":"RequestEntityTooLarge","message":"limit is 3145728","code":413}"#,
            "Refused 413 RequestEntityTooLarge",
        ),
        (
            415,
            None,
            r#"{"kind":"Status","reason":"UnsupportedMediaType","code":415}"#,
            "Refused 415 UnsupportedMediaType",
        ),
        (
            422,
            None,
            r#"{"kind":"Status","reason":"Invalid","message":"the server rejected our request due to an error in our request","details":{},"code":422}"#,
            "Moved",
        ),
        (
            422,
            None,
            r#"{"kind":"Status","reason":"Invalid","message":"Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0","details":{"name":"web","group":"apps","kind":"Deployment","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: -1","field":"spec.replicas"}]},"code":422}"#,
            "Refused 422 Invalid",
        ),
        (
            429,
            Some("7"),
            "Too many requests, please try again later.\n",
            "Busy 7",
        ),
        (429, None, "", "Busy 1"),
        (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), "", "Busy 1"),
        (429, Some("999999999"), "", "Busy 600"),
        (
            500,
            None,
            r#"{"kind":"Status","message":"etcdserver: leader changed","code":500}"#,
            "Ambiguous",
        ),
        (
            500,
            None,
            r#"{"kind":"Status","reason":"InternalError","message":"Internal error occurred: failed calling webhook \"x\"","code":500}"#,
            "Ambiguous",
        ),
        (502, None, "<html>Bad Gateway</html>", "Ambiguous"),
        (
            503,
            None,
            r#"{"kind":"Status","reason":"ServiceUnavailable","message":"the server is currently unable to handle the request","code":503}"#,
            "Ambiguous",
        ),
        (
            503,
            Some("2"),
            r#"{"kind":"Status","reason":"ServiceUnavailable","message":"the request has been made before all known HTTP paths have been installed, please retry","code":503}"#,
            "Busy 2",
        ),
        (
            503,
            None,
            r#"{"kind":"Status","reason":"ServiceUnavailable","details":{"retryAfterSeconds":3},"code":503}"#,
            "Busy 3",
        ),
        (
            504,
            None,
            r#"{"kind":"Status","reason":"Timeout","message":"Timeout: request did not complete within the allotted timeout","code":504}"#,
            "Ambiguous",
        ),
    ];

    fn raw(code: u16, retry_after: Option<&str>, body: &str) -> Raw {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a value"));
        }
        Raw {
            status: StatusCode::from_u16(code).expect("a code"),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn word(answer: &Answer) -> String {
        match answer {
            Answer::Done(_) => "Done".to_owned(),
            Answer::Moved => "Moved".to_owned(),
            Answer::Refused { code, reason, .. } => format!("Refused {code} {reason}"),
            Answer::Busy { after, .. } => format!("Busy {}", after.as_secs()),
            Answer::Ambiguous(_) => "Ambiguous".to_owned(),
            Answer::Gone => "Gone".to_owned(),
        }
    }

    /// What a real API server answered, and what it means. A wrong row here is a wrong effect.
    #[test]
    fn every_answer_has_its_one_meaning() {
        for (code, retry_after, body, meaning) in TABLE {
            let found = word(&answer(Ok(raw(*code, *retry_after, body)), object));
            assert_eq!(&found, meaning, "{code} {body}");
        }
    }

    /// A dropped connection proves nothing.
    #[test]
    fn no_answer_is_ambiguous() {
        let error = kube::Error::Service("connection reset by peer".into());
        assert_eq!(word(&answer(Err(error), object)), "Ambiguous");
    }
}
