//! One request from outside: who asks, and how much they may send.

use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::super::ask::Reply;
use super::super::people::User;
use super::super::refusal::{Details, Refusal};
use super::super::service::{Answered, Service, whole};

/// Longest body that is read, as the real server has it: etcd takes no more.
const LONGEST: usize = 3 * 1024 * 1024;
/// How long a body may take to come: the real server gives a whole request as long.
const BODY: Duration = Duration::from_mins(1);

/// Answers a request.
pub(super) async fn answer(service: &Service, request: Request<Incoming>) -> Response<Answered> {
    let user = match who(service, request.headers()) {
        Ok(user) => user,
        Err(refusal) => return whole(&Reply::refused(&refusal)),
    };
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY, Limited::new(body, LONGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return whole(&Reply::refused(&too_large()));
        }
        Ok(Err(_)) => return whole(&Reply::text(400, "the body ended too early\n")),
        Err(_) => return whole(&Reply::refused(&too_slow())),
    };
    service.of(user).reply(&head, body.to_vec())
}

/// Whose token a request brings. Without one it is nobody's.
fn who(service: &Service, headers: &HeaderMap) -> Result<User, Refusal> {
    let said = headers.get(http::header::AUTHORIZATION);
    let said = said.and_then(|said| said.to_str().ok()).unwrap_or_default();
    let token = match said.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => "",
    };
    if token.is_empty() {
        return Ok(User::anonymous());
    }
    let server = service.lock();
    let user = server.tokens.whose(token).cloned();
    user.ok_or_else(|| Refusal::plain(401, "Unauthorized", "Unauthorized"))
}

/// 413.
fn too_large() -> Refusal {
    Refusal::plain(
        413,
        "RequestEntityTooLarge",
        format!("Request entity too large: limit is {LONGEST}"),
    )
}

/// 504.
fn too_slow() -> Refusal {
    Refusal {
        details: Some(Box::<Details>::default()),
        ..Refusal::plain(
            504,
            "Timeout",
            "Timeout: request did not complete within the allotted timeout",
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::super::schema;
    use super::super::super::server::Server;
    use super::*;

    fn asks(authorization: &str) -> Result<String, Refusal> {
        let mut server = Server::new(schema::builtin(), 1, Timestamp::UNIX_EPOCH);
        server.tokens.give("t1", User::authenticated("zhou", &[]));
        let service = Service::new(server, || Timestamp::UNIX_EPOCH);
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            let value = authorization.parse().expect("a header");
            headers.insert(http::header::AUTHORIZATION, value);
        }
        who(&service, &headers).map(|user| user.name)
    }

    /// Somebody who is taken for another may approve in their name.
    #[test]
    fn a_token_says_who_asks_and_a_wrong_one_is_refused() {
        assert_eq!(asks("Bearer t1").as_deref(), Ok("zhou"));
        assert_eq!(asks("bearer t1").as_deref(), Ok("zhou"));
        for nobody in ["", "Basic t1", "Bearer", "t1"] {
            assert_eq!(asks(nobody).as_deref(), Ok("system:anonymous"), "{nobody}");
        }
        let refused = asks("Bearer t2").expect_err("it is nobody's");
        assert_eq!(
            (refused.code, refused.message.as_str()),
            (401, "Unauthorized")
        );
    }
}
