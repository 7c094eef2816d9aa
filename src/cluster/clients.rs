//! Clients: three a user, over one pool of connections. Reads retry, writes never do, watches may
//! stand open; each other request ends by itself.
//!
//! kube's own defaults retry every verb for hours and wait for ever; nothing here does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, Uri};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use snafu::{ResultExt, Snafu, ensure};
use tower::retry::RetryLayer;
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::again::Again;
use super::away::{self, Away};
use super::deadline;

/// How long the API server may work on a write, told to it with the write.
pub const SERVER_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a single request may take: two seconds more than [`SERVER_TIMEOUT`], so that a write
/// that was not confirmed by then is known to be dead.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a read may take with all its retries: three whole tries.
pub const READ_DEADLINE: Duration = Duration::from_secs(30);
/// Retries of a read. With back-off from 100 ms to 2 s they take about 2 s: enough for an API
/// server's restart behind a load balancer, and short enough to say "unreachable" soon.
const READ_RETRIES: u32 = 4;
/// How the API server's logs and audit name this program.
const AGENT: &str = concat!("pingzhan/", env!("CARGO_PKG_VERSION"));

/// Why there is no client.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display(
        "the connection to the API server cannot be set up: check the kubeconfig's server, \
         certificates and credentials"
    ))]
    Connect { source: kube::Error },
    #[snafu(display(
        "a playbook's account needs a namespace and a name (got `{namespace}` and `{name}`): set \
         serviceAccountName in the playbook; nothing is done under the operator's own account"
    ))]
    EmptyAccount { namespace: String, name: String },
    #[snafu(display(
        "the kubeconfig already acts as another user, so account {account} cannot be taken on: \
         remove its `as` setting"
    ))]
    AlreadyImpersonates { account: String },
    #[snafu(display("account {account} is not a name that a request can carry"))]
    Header {
        account: String,
        source: http::header::InvalidHeaderValue,
    },
}

/// The clients of one user.
#[derive(Clone)]
pub struct Clients {
    /// Who the API server takes the requests for, for messages: `pingzhan-playbooks/flood`, `pingzhan`
    /// for our own account, or `yourself` for a person who does what an account would.
    pub who: String,
    /// For reads: retried, at most [`READ_DEADLINE`]. Refuses everything but GET.
    pub reads: Client,
    /// For writes and the lease: never retried, at most [`REQUEST_DEADLINE`]; everything but GET
    /// carries `timeout=8s`. Reads that must show the truth about the connection go here too.
    pub writes: Client,
    /// For watches: their start is bounded, they themselves are not. Other requests are as with
    /// `writes`.
    pub watches: Client,
}

/// Is told of every request that went out: its verb and the status of the answer, 0 for none.
pub type Count = Arc<dyn Fn(&'static str, u16) + Send + Sync>;

/// The clients of playbooks' accounts, made once an account.
#[derive(Clone)]
pub struct Accounts {
    base: Client,
    count: Option<Count>,
    impersonates: bool,
    /// Whether nobody is acted as: our own user does what accounts would.
    ourselves: bool,
    made: Arc<Mutex<BTreeMap<(String, String), Clients>>>,
}

/// What bounds the requests of a set of clients.
#[derive(Clone, Copy)]
struct Limits {
    request: Duration,
    read: Duration,
    first_wait: Duration,
    longest_wait: Duration,
}

impl Limits {
    /// Those of the program; tests have shorter ones.
    const USUAL: Self = Self {
        request: REQUEST_DEADLINE,
        read: READ_DEADLINE,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_secs(2),
    };
}

/// Makes the clients of our own user, and those of accounts.
///
/// `count` is told of every request. Assumptions: it is called inside a tokio runtime.
pub fn connect(mut config: Config, count: Option<Count>) -> Result<(Clients, Accounts), Error> {
    config.default_retry = false;
    config.read_timeout = None;
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(AGENT)));
    let impersonates = config.auth_info.impersonate.is_some();
    let base = ClientBuilder::try_from(config)
        .context(ConnectSnafu)?
        .build();
    Ok(pair(base, impersonates, count))
}

/// The same over a client that is there: of a server in this process.
pub fn over(base: Client, count: Option<Count>) -> (Clients, Accounts) {
    pair(base, false, count)
}

fn pair(base: Client, impersonates: bool, count: Option<Count>) -> (Clients, Accounts) {
    let bounds = Bounds {
        base: base.clone(),
        user: None,
        limits: Limits::USUAL,
        count: count.clone(),
        away: Away::default(),
    };
    let own = Clients::over(bounds, "pingzhan".to_owned());
    let accounts = Accounts {
        base,
        count,
        impersonates,
        ourselves: false,
        made: Arc::default(),
    };
    (own, accounts)
}

impl Clients {
    /// The three clients over one connection, that act as somebody else where a user is given.
    fn over(layer: Bounds, who: String) -> Self {
        let limits = layer.limits;
        let namespace = layer.base.default_namespace().to_owned();
        let retrying = layer.clone().retrying();
        let reads = service_fn(move |request: Request<Body>| {
            let retrying = retrying.clone();
            async move {
                if request.method() != Method::GET {
                    return Err("a write through the client for reads: this is a defect".into());
                }
                deadline::first(limits.read, retrying.oneshot(request)).await?
            }
        });
        let single = layer.clone();
        let writes = service_fn(move |request| {
            let single = single.clone();
            async move { single.whole(request).await }
        });
        let watches = service_fn(move |request| {
            let layer = layer.clone();
            async move {
                if is_watch(&request) {
                    layer.head(request).await
                } else {
                    layer.whole(request).await
                }
            }
        });
        Self {
            who,
            reads: Client::new(reads, namespace.as_str()),
            writes: Client::new(writes, namespace.as_str()),
            watches: Client::new(watches, namespace.as_str()),
        }
    }

    /// Clients over a service of a test.
    #[cfg(test)]
    pub(crate) fn fake(base: &Client) -> Self {
        let limits = Limits {
            request: Duration::from_millis(200),
            read: Duration::from_millis(500),
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(2),
        };
        let bounds = Bounds {
            base: base.clone(),
            user: None,
            limits,
            count: None,
            away: Away::default(),
        };
        Self::over(bounds, "pingzhan-playbooks/flood".to_owned())
    }
}

impl Accounts {
    /// The same, but that our own user does what accounts would do: for a person who brings back what
    /// an account has lost the right to.
    #[must_use]
    pub fn ourselves(mut self) -> Self {
        self.ourselves = true;
        self
    }

    /// The clients that act as `system:serviceaccount:{namespace}:{name}`.
    ///
    /// Only the user is named: the API server itself adds a service account's groups, while
    /// explicit ones would need a right to impersonate groups, which the operator must not have.
    ///
    /// Errors: an empty namespace or name, since the request would run as the operator.
    pub fn account(&self, namespace: &str, name: &str) -> Result<Clients, Error> {
        ensure!(
            !namespace.trim().is_empty() && !name.trim().is_empty(),
            EmptyAccountSnafu { namespace, name }
        );
        let who = if self.ourselves {
            "yourself".to_owned()
        } else {
            format!("{namespace}/{name}")
        };
        ensure!(
            !self.impersonates || self.ourselves,
            AlreadyImpersonatesSnafu { account: &who }
        );
        let key = (namespace.to_owned(), name.to_owned());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = made.get(&key) {
            return Ok(clients.clone());
        }
        let user = (!self.ourselves)
            .then(|| HeaderValue::from_str(&format!("system:serviceaccount:{namespace}:{name}")));
        let user = user.transpose().context(HeaderSnafu { account: &who })?;
        let bounds = Bounds {
            base: self.base.clone(),
            user,
            limits: Limits::USUAL,
            count: self.count.clone(),
            away: Away::default(),
        };
        let clients = Clients::over(bounds, who);
        made.insert(key, clients.clone());
        Ok(clients)
    }
}

/// One request over the shared connection, with its bounds.
#[derive(Clone)]
struct Bounds {
    base: Client,
    user: Option<HeaderValue>,
    limits: Limits,
    count: Option<Count>,
    away: Away,
}

/// A service that sends requests, without its type.
type Service = BoxCloneService<Request<Body>, Response<Body>, BoxError>;

impl Bounds {
    /// [`Bounds::whole`], tried again a few times where the server is busy.
    fn retrying(self) -> Service {
        let Limits {
            first_wait,
            longest_wait,
            ..
        } = self.limits;
        let policy = Again::new(first_wait, longest_wait, READ_RETRIES);
        let once: Service = BoxCloneService::new(service_fn(move |request| {
            let single = self.clone();
            async move { single.whole(request).await }
        }));
        BoxCloneService::new(RetryLayer::new(policy).layer(once))
    }

    /// Sends a request and reads the whole answer within the limit.
    async fn whole(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let request = self.prepare(request)?;
        let (verb, key) = (verb(&request), away::key(&request));
        if let Some(answer) = self.away.answer(&key) {
            return Ok(answer);
        }
        let answer = async {
            let (parts, body) = self.base.send(request).await?.into_parts();
            let bytes = body.collect_bytes().await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        };
        let answer = deadline::first(self.limits.request, answer).await;
        self.counted(verb, key, answer)
    }

    /// Sends a request and bounds only the time until the answer begins.
    async fn head(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let request = self.prepare(request)?;
        let (verb, key) = (verb(&request), away::key(&request));
        if let Some(answer) = self.away.answer(&key) {
            return Ok(answer);
        }
        let answer = deadline::first(self.limits.read, self.base.send(request)).await;
        self.counted(
            verb,
            key,
            answer.map(|answer| answer.map_err(BoxError::from)),
        )
    }

    /// Says what was answered, heeds it, and hands it on.
    fn counted<E: Into<BoxError>>(
        &self,
        verb: &'static str,
        key: (Method, String),
        answer: Result<Result<Response<Body>, BoxError>, E>,
    ) -> Result<Response<Body>, BoxError> {
        let answer = answer.map_err(Into::into).flatten();
        if let Some(count) = &self.count {
            let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            count(verb, code);
        }
        if let Ok(answer) = &answer {
            self.away.heed(key, answer);
        }
        answer
    }

    fn prepare(&self, mut request: Request<Body>) -> Result<Request<Body>, BoxError> {
        if let Some(user) = &self.user {
            request
                .headers_mut()
                .insert(HeaderName::from_static("impersonate-user"), user.clone());
        }
        if request.method() != Method::GET {
            *request.uri_mut() = with_timeout(request.uri())?;
        }
        Ok(request)
    }
}

/// The address with the time that the server may take.
fn with_timeout(uri: &Uri) -> Result<Uri, http::Error> {
    let query = uri.query().unwrap_or_default();
    if query.split('&').any(|pair| pair.starts_with("timeout=")) {
        return Ok(uri.clone());
    }
    let joint = if query.is_empty() { "" } else { "&" };
    let text = format!(
        "{}?{query}{joint}timeout={}s",
        uri.path(),
        SERVER_TIMEOUT.as_secs()
    );
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// What a request does, in Kubernetes' words.
fn verb(request: &Request<Body>) -> &'static str {
    match *request.method() {
        Method::GET if is_watch(request) => "watch",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

fn is_watch(request: &Request<Body>) -> bool {
    request.uri().query().is_some_and(|query| {
        query
            .split('&')
            .any(|pair| pair == "watch=true" || pair == "watch=1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Fake, reply, respond};
    use serde_json::json;

    fn accounts(fake: &Fake) -> Accounts {
        Accounts {
            base: fake.client(),
            count: None,
            impersonates: false,
            ourselves: false,
            made: Arc::default(),
        }
    }

    fn request(method: Method, path: &str) -> Request<Vec<u8>> {
        Request::builder()
            .method(method)
            .uri(path)
            .body(Vec::new())
            .expect("a request")
    }

    /// An unconfirmed write is only known to be dead if the server was told when to give up.
    #[tokio::test]
    async fn every_write_carries_the_timeout_and_no_read_does() {
        let fake = Fake::new(|_| reply(200, json!({})));
        let clients = Clients::fake(&fake.client());
        for (method, path) in [
            (Method::PUT, "/apis/x/v1/leases/a"),
            (Method::PATCH, "/apis/x/v1/as/a?fieldManager=m"),
            (Method::GET, "/api/v1/pods"),
        ] {
            let client = &clients.writes;
            client
                .request_text(request(method, path))
                .await
                .expect("an answer");
        }
        assert_eq!(
            fake.addresses(),
            [
                "PUT /apis/x/v1/leases/a?timeout=8s",
                "PATCH /apis/x/v1/as/a?fieldManager=m&timeout=8s",
                "GET /api/v1/pods",
            ]
        );
    }

    /// A retried write answers 409 for its own success, and lands when nobody expects it any more.
    #[tokio::test]
    async fn writes_are_sent_once_and_reads_are_retried_a_few_times() {
        let fake = Fake::new(|_| reply(503, json!({})));
        let clients = Clients::fake(&fake.client());
        let write = clients
            .writes
            .request_text(request(Method::PATCH, "/a"))
            .await;
        assert!(write.is_err());
        assert_eq!(fake.addresses().len(), 1);
        let read = clients.reads.request_text(request(Method::GET, "/a")).await;
        assert!(read.is_err());
        assert_eq!(fake.addresses().len(), 1 + 1 + 4);
    }

    /// What an operator costs its API server is read from these numbers: every try counts, and so
    /// does one that was never answered.
    #[tokio::test]
    async fn every_request_is_counted_with_its_verb_and_answer() {
        let seen: Arc<Mutex<Vec<(&'static str, u16)>>> = Arc::default();
        let into = seen.clone();
        let count: Count = Arc::new(move |verb, code| {
            into.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((verb, code));
        });
        let counting = |fake: &Fake| Accounts {
            count: Some(count.clone()),
            ..accounts(fake)
        };
        let fake = Fake::new(|_| reply(409, json!({})));
        let clients = counting(&fake)
            .account("pingzhan-playbooks", "flood")
            .expect("clients");
        for method in [
            Method::GET,
            Method::POST,
            Method::PATCH,
            Method::PUT,
            Method::DELETE,
        ] {
            let _ = clients.writes.request_text(request(method, "/a")).await;
        }
        let _ = clients
            .watches
            .request_text(request(Method::GET, "/a?watch=true"))
            .await;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let verbs = ["get", "create", "patch", "update", "delete", "watch"];
        assert_eq!(seen, verbs.map(|verb| (verb, 409)));
    }

    /// A watch that is begun anew, a status that is published again: whoever tries on a clock of its own
    /// must not ask a server that wants to be left alone.
    #[tokio::test(start_paused = true)]
    async fn whoever_is_asked_to_stay_away_asks_nothing_until_then() {
        let fake = Fake::new(|_| respond(429, &[("retry-after", "3")], "{}"));
        let clients = Clients::fake(&fake.client());
        let status = async |method: Method, path: &str| {
            let client = &clients.writes;
            let answer = client.request_text(request(method, path)).await;
            answer.expect_err("it is refused").to_string()
        };
        status(Method::PATCH, "/a?fieldManager=m").await;
        tokio::time::advance(Duration::from_millis(2_999)).await;
        let said = status(Method::PATCH, "/a?fieldManager=n").await;
        assert!(said.contains("left alone"), "{said}");
        assert_eq!(fake.addresses().len(), 1);
        // Another request is another one.
        status(Method::PATCH, "/b").await;
        status(Method::PUT, "/a").await;
        assert_eq!(fake.addresses().len(), 3);
        tokio::time::advance(Duration::from_millis(1)).await;
        status(Method::PATCH, "/a").await;
        assert_eq!(fake.addresses().len(), 4);
    }

    /// kube waits for ever by default.
    #[tokio::test]
    async fn a_request_without_an_answer_ends_by_itself() {
        let fake = Fake::silent();
        let clients = Clients::fake(&fake.client());
        for client in [&clients.reads, &clients.writes, &clients.watches] {
            let answer = client.request_text(request(Method::GET, "/a")).await;
            let text = answer.expect_err("no answer").to_string();
            assert!(text.contains("no answer within 200ms"), "{text}");
        }
    }

    /// The client for reads repeats what it sends, so nothing that changes anything may use it.
    #[tokio::test]
    async fn the_client_for_reads_refuses_writes() {
        let fake = Fake::new(|_| reply(200, json!({})));
        let clients = Clients::fake(&fake.client());
        let answer = clients
            .reads
            .request_text(request(Method::PATCH, "/a"))
            .await;
        assert!(answer.is_err());
        assert!(fake.addresses().is_empty());
    }

    /// Without a user header the request would run with the operator's own rights.
    #[tokio::test]
    async fn an_empty_account_is_refused_and_a_named_one_is_impersonated() {
        let fake = Fake::new(|_| reply(200, json!({})));
        let accounts = accounts(&fake);
        for (namespace, name) in [("", "flood"), ("pingzhan-playbooks", ""), (" ", " ")] {
            assert!(matches!(
                accounts.account(namespace, name),
                Err(Error::EmptyAccount { .. })
            ));
        }
        let clients = accounts
            .account("pingzhan-playbooks", "flood")
            .expect("clients");
        for client in [&clients.reads, &clients.writes, &clients.watches] {
            client
                .request_text(request(Method::GET, "/a"))
                .await
                .expect("an answer");
        }
        for seen in fake.requests() {
            assert_eq!(
                seen.header("impersonate-user").as_deref(),
                Some("system:serviceaccount:pingzhan-playbooks:flood")
            );
            assert_eq!(seen.header("impersonate-group"), None);
        }
    }

    /// A person who brings back what an account has lost the right to acts with their own, also where
    /// they act as somebody already; what is refused to them is not said to be refused to the account.
    #[tokio::test]
    async fn who_acts_as_themselves_acts_as_no_account() {
        let fake = Fake::new(|_| reply(200, json!({})));
        let mut accounts = accounts(&fake);
        accounts.impersonates = true;
        let as_an_account = accounts.account("pingzhan-playbooks", "flood");
        assert!(matches!(
            as_an_account,
            Err(Error::AlreadyImpersonates { .. })
        ));
        let clients = accounts.ourselves().account("pingzhan-playbooks", "flood");
        let clients = clients.expect("clients");
        assert_eq!(clients.who, "yourself");
        for client in [&clients.reads, &clients.writes, &clients.watches] {
            let answer = client.request_text(request(Method::GET, "/a")).await;
            answer.expect("an answer");
        }
        let asked = fake.requests();
        let acted_as = asked.iter().map(|one| one.header("impersonate-user"));
        assert_eq!(acted_as.collect::<Vec<_>>(), [None::<String>, None, None]);
    }
}
