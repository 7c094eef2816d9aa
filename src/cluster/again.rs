//! When a read is sent again: where the server was busy, a few times, later each time.
//!
//! Without chance, so that a run can be played again: one process that waits between its own few
//! tries needs no scatter, as many processes would.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::Sleep;
use tower::BoxError;
use tower::retry::Policy;

/// How often a request is sent again, and how long it waits before.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// How many tries are left.
    left: u32,
    /// The wait before the next one.
    wait: Duration,
    /// The longest wait, if the server asks for no longer one.
    longest: Duration,
}

impl Again {
    /// At most `tries` times more; the first wait is `first`, each further one twice as long, up to
    /// `longest`.
    pub(super) const fn new(first: Duration, longest: Duration, tries: u32) -> Self {
        Self {
            left: tries,
            wait: first,
            longest,
        }
    }
}

/// Whether the server was busy, and did nothing that would be done twice: these are reads.
const fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long the server asks to be left alone.
pub(super) fn asked<B>(answer: &Response<B>) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for Again {
    type Future = Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        answer: &mut Result<Response<B>, BoxError>,
    ) -> Option<Sleep> {
        let answer = answer.as_ref().ok()?;
        if !is_busy(answer.status()) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let wait = asked(answer).unwrap_or_default().max(self.wait);
        self.wait = self.wait.saturating_mul(2).min(self.longest);
        Some(tokio::time::sleep(wait))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut copy = Request::new(request.body().try_clone()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        Some(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_millis(300);

    fn answer(code: u16, after: Option<&str>) -> Response<()> {
        let mut builder = Response::builder().status(code);
        if let Some(after) = after {
            builder = builder.header(RETRY_AFTER, after);
        }
        builder.body(()).expect("an answer")
    }

    fn wait(again: &mut Again, answer: Response<()>) -> Option<Duration> {
        let mut answer = Ok(answer);
        let mut request = Request::new(Body::empty());
        let sleep = again.retry(&mut request, &mut answer)?;
        Some(sleep.deadline().duration_since(tokio::time::Instant::now()))
    }

    /// Each wait is longer, the last try is the last, and a server that asks for time gets it.
    #[tokio::test(start_paused = true)]
    async fn waits_grow_end_and_are_never_shorter_than_asked() {
        let mut again = Again::new(FIRST, LONGEST, 4);
        let waits = [
            wait(&mut again, answer(503, None)),
            wait(&mut again, answer(504, None)),
            wait(&mut again, answer(429, Some("7"))),
            wait(&mut again, answer(503, Some("0"))),
            wait(&mut again, answer(503, None)),
        ];
        let ms = |number: u64| Some(Duration::from_millis(number));
        assert_eq!(waits, [ms(100), ms(200), ms(7000), ms(300), None]);
    }

    /// What was answered is not asked again, and neither is a connection that is gone: its request has
    /// a deadline of its own.
    #[tokio::test(start_paused = true)]
    async fn an_answer_is_not_asked_for_again() {
        let mut again = Again::new(FIRST, LONGEST, 4);
        for code in [200, 404, 409, 422, 500] {
            assert_eq!(wait(&mut again, answer(code, Some("1"))), None, "{code}");
        }
        let mut gone: Result<Response<()>, BoxError> = Err("gone".into());
        let mut request = Request::new(Body::empty());
        assert!(again.retry(&mut request, &mut gone).is_none());
    }

    /// A copy that asks for something else, or as somebody else, would be worse than none.
    #[test]
    fn a_copy_of_a_request_asks_the_same() {
        let request = Request::get("/api/v1/pods?limit=200")
            .header("impersonate-user", "flood")
            .body(Body::empty())
            .expect("a request");
        let mut again = Again::new(FIRST, LONGEST, 1);
        let copy = Policy::<_, Response<()>, _>::clone_request(&mut again, &request);
        let copy = copy.expect("a copy");
        assert_eq!(copy.uri(), request.uri());
        assert_eq!(copy.method(), request.method());
        assert_eq!(copy.headers(), request.headers());
    }
}
