//! The journal in the cluster: bodies become `ChangeRecord`s, one after the other, and nothing is
//! done before its record is stored.
//!
//! Creating the record is the compare-and-swap: its name is the mode and the next sequence, so of
//! two leaders only one can go on.

mod read;
mod release;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use snafu::{ResultExt, Snafu};
use tokio::time::{Instant, sleep};

use crate::api::{ChangeRecordSpec, RecordMode, names};
use crate::cluster::write::{self, Effect};
use crate::cluster::{self, Answer, Clients, Collection};
use crate::ledger::{Body, Damage, Head, Ledger, record};

pub use read::{Whole, list_modes, list_records, list_whole};
pub use release::release;

/// The first wait after an ambiguous answer: the usual hiccup is over by then.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest, and the pace at which a record is tried while the API server is away.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Why a journal cannot be read or written.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("the journal of mode {mode} cannot be read"))]
    Read {
        mode: String,
        source: cluster::Error,
    },
    #[snafu(display(
        "the journal of mode {mode} is damaged, so nothing is touched: restore the missing or \
         changed records from a backup, or abandon the mode"
    ))]
    Damaged { mode: String, source: Damage },
    #[snafu(display("the lease is lost, so record {name} was not written by us"))]
    NotLeader { name: String },
    #[snafu(display(
        "record {name} was written by somebody else: another operator leads, this one stops"
    ))]
    Deposed { name: String },
    #[snafu(display("the API server refused record {name}: {message} ({code} {reason})"))]
    Refused {
        name: String,
        code: u16,
        reason: String,
        message: String,
    },
    #[snafu(display(
        "kind ChangeRecord is not served: apply the CRDs (`pingzhan crds | kubectl apply -f -`)"
    ))]
    NoCrd,
    #[snafu(display(
        "the API server stored record {name} otherwise than it was sent: the CRDs are of another \
         version; apply those of this one (`pingzhan crds | kubectl apply -f -`)"
    ))]
    Mangled { name: String },
    #[snafu(display(
        "it is not known whether record {name} was stored: the journal must be read anew"
    ))]
    Unsettled { name: String },
    #[snafu(display("record {name} cannot be written as JSON: this is a defect of pingzhan"))]
    Encode {
        name: String,
        source: serde_json::Error,
    },
    #[snafu(display("record {name} cannot be released: {message}"))]
    Release { name: String, message: String },
}

impl Error {
    /// Whether the server does not take the record, though we lead: somebody has to see to it.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::NoCrd | Self::Mangled { .. }
        )
    }
}

/// Until when we lead, as the lease's own monotonic clock has it; `None` when we do not.
pub type Validity<'a> = &'a (dyn Fn() -> Option<Instant> + Send + Sync);

/// Proof that a body is durably stored. Only [`Journal::append`] makes one, so that a write that
/// asks for it cannot come before its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed(ChangeRecordSpec);

impl Committed {
    /// The record, to be folded into the mode's ledger.
    pub const fn spec(&self) -> &ChangeRecordSpec {
        &self.0
    }

    /// The record itself.
    pub fn into_spec(self) -> ChangeRecordSpec {
        self.0
    }
}

/// The end of one mode's journal, to which records are appended.
pub struct Journal {
    clients: Clients,
    mode: RecordMode,
    epoch: i64,
    head: Head,
    next_entry: i64,
    /// The record of which it is not known whether it is stored.
    unsettled: Option<String>,
}

impl Journal {
    /// Reads a mode's whole journal, and stands ready to append to it under an epoch.
    ///
    /// `clients` are the operator's own.
    ///
    /// # Errors
    /// [`Error::Damaged`] where records are missing, changed or not understood: nothing of this
    /// mode may be touched then.
    pub async fn open(
        clients: &Clients,
        mode: RecordMode,
        epoch: i64,
    ) -> Result<(Self, Ledger), Error> {
        let records = list_records(clients, &mode).await?;
        Self::of(clients, mode, epoch, records)
    }

    /// The same, of records that were read.
    ///
    /// # Errors
    /// [`Error::Damaged`], as of [`Journal::open`].
    pub(super) fn of(
        clients: &Clients,
        mode: RecordMode,
        epoch: i64,
        records: Vec<ChangeRecordSpec>,
    ) -> Result<(Self, Ledger), Error> {
        let ledger = Ledger::carried_out(mode.clone(), records).context(DamagedSnafu {
            mode: mode.name.as_str(),
        })?;
        let journal = Self {
            clients: clients.clone(),
            mode,
            epoch,
            head: ledger.head.clone(),
            next_entry: ledger.next_entry,
            unsettled: None,
        };
        Ok((journal, ledger))
    }

    /// The end of the journal.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Nobody knows any more what is stored: whatever is appended is [`Error::Unsettled`] until the journal
    /// is opened anew.
    pub(super) fn distrust(&mut self) {
        let next = names::record_name(&self.mode.uid, self.head.sequence + 1);
        self.unsettled.get_or_insert(next);
    }

    /// Appends a body.
    ///
    /// Guarantees: `Ok` says that exactly this record is stored, as the next one. The lease is
    /// looked at before each try, and a try that gave no answer is repeated with the same bytes
    /// as long as we lead. After an error, or when the future is dropped, of which nothing is
    /// known, every further append is [`Error::Unsettled`] until the journal is opened anew.
    ///
    /// # Errors
    /// [`Error::Deposed`] and [`Error::NotLeader`]: this process leads no more.
    pub async fn append(
        &mut self,
        body: &Body,
        lease: Validity<'_>,
        now: Timestamp,
    ) -> Result<Committed, Error> {
        if let Some(name) = &self.unsettled {
            return UnsettledSnafu { name }.fail();
        }
        let spec = record::encode(
            &self.head,
            &self.mode,
            self.epoch,
            now,
            self.next_entry,
            body,
        );
        let name = names::record_name(&self.mode.uid, spec.sequence);
        let bytes =
            serde_json::to_vec(&object(&name, &spec)).context(EncodeSnafu { name: &name })?;
        self.unsettled = Some(name.clone());
        let settled = self.store(&name, &bytes, &spec, lease).await;
        match settled {
            Ok(()) => {
                self.unsettled = None;
                self.advance(&spec);
                Ok(Committed(spec))
            }
            Err(Failure { error, certain }) => {
                if certain {
                    self.unsettled = None;
                }
                Err(error)
            }
        }
    }

    /// Creates the record until the answer is definite.
    async fn store(
        &self,
        name: &str,
        bytes: &[u8],
        spec: &ChangeRecordSpec,
        lease: Validity<'_>,
    ) -> Result<(), Failure> {
        let mut certain = true;
        let mut wait = FIRST_WAIT;
        loop {
            if lease().is_none_or(|until| Instant::now() >= until) {
                let error = NotLeaderSnafu { name }.build();
                return Err(Failure { error, certain });
            }
            let client = &self.clients.writes;
            let manager = names::OPERATOR_MANAGER;
            let collection = collection();
            let answer =
                write::create(client, &collection, bytes.to_vec(), manager, Effect::Real).await;
            let pause = match answer {
                Answer::Done(stored) if is_stored(&stored, spec) => return Ok(()),
                Answer::Done(_) => {
                    return Err(Failure {
                        error: MangledSnafu { name }.build(),
                        certain: false,
                    });
                }
                Answer::Moved => match self.whose(name, spec).await {
                    Some(true) => return Ok(()),
                    Some(false) => {
                        return Err(Failure {
                            error: DeposedSnafu { name }.build(),
                            certain: false,
                        });
                    }
                    None => next(&mut wait),
                },
                Answer::Busy { after, .. } => after,
                Answer::Ambiguous(why) => {
                    tracing::warn!(record = name, why, "no definite answer; asking again");
                    certain = false;
                    next(&mut wait)
                }
                Answer::Refused {
                    code,
                    reason,
                    message,
                } => {
                    let error = refused(name, code, reason, message);
                    return Err(Failure { error, certain });
                }
                Answer::Gone => {
                    return Err(Failure {
                        error: Error::NoCrd,
                        certain,
                    });
                }
            };
            self.rest(pause, lease).await;
        }
    }

    /// Whether the record of this name is ours, where that can be said now.
    async fn whose(&self, name: &str, spec: &ChangeRecordSpec) -> Option<bool> {
        match write::get(&self.clients.reads, &collection(), name).await {
            Ok(Some(stored)) => Some(is_stored(&stored, spec)),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(record = name, %error, "cannot tell whose it is; asking again");
                None
            }
        }
    }

    /// Waits, but not beyond the lease.
    async fn rest(&self, pause: Duration, lease: Validity<'_>) {
        if let Some(until) = lease() {
            sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    fn advance(&mut self, spec: &ChangeRecordSpec) {
        self.head = Head {
            sequence: spec.sequence,
            hash: record::hash(spec),
        };
        let entries = spec.intents.iter().flat_map(|intents| &intents.entries);
        for entry in entries {
            self.next_entry = self.next_entry.max(entry.id + 1);
        }
    }
}

/// An error, and whether it is certain that the record is not stored.
struct Failure {
    error: Error,
    certain: bool,
}

fn refused(name: &str, code: u16, reason: String, message: String) -> Error {
    if code == 404 {
        return Error::NoCrd;
    }
    Error::Refused {
        name: name.to_owned(),
        code,
        reason,
        message,
    }
}

/// The wait, which doubles for the next time.
fn next(wait: &mut Duration) -> Duration {
    let pause = *wait;
    *wait = (pause * 2).min(LONGEST_WAIT);
    pause
}

/// The object of a record. It has no owner: garbage collection must never take the journal.
fn object(name: &str, spec: &ChangeRecordSpec) -> Value {
    json!({
        "apiVersion": collection().api_version,
        "kind": collection().kind,
        "metadata": {
            "name": name,
            "labels": {
                names::MODE_UID_LABEL: spec.mode.uid,
                names::MODE_NAME_LABEL: names::label_value(&spec.mode.name),
            },
            "finalizers": [names::RECORD_FINALIZER],
        },
        "spec": spec,
    })
}

/// Whether an object as the server has it holds exactly this record.
fn is_stored(object: &Value, spec: &ChangeRecordSpec) -> bool {
    object
        .get("spec")
        .and_then(|stored| serde_json::from_value::<ChangeRecordSpec>(stored.clone()).ok())
        .is_some_and(|stored| &stored == spec)
}

fn collection() -> Collection {
    Collection {
        api_version: format!("{}/{}", names::GROUP, names::VERSION),
        kind: "ChangeRecord".to_owned(),
        plural: "changerecords".to_owned(),
        namespace: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::read::parse;
    use super::*;
    use crate::api::{Turn, TurnKind};
    use crate::cluster::fake::{Asked, Fake, Reply, reply};
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    fn mode() -> RecordMode {
        RecordMode {
            name: "flood".to_owned(),
            uid: "0123456789abcdef".to_owned(),
        }
    }

    fn turn() -> Body {
        Body::Turn(Turn {
            kind: TurnKind::Leader,
            by: Some("a".to_owned()),
            reason: None,
            plan_hash: None,
            level: None,
            expires_at: None,
            approvals: Vec::new(),
        })
    }

    #[allow(clippy::unnecessary_wraps, reason = "the form of a lease")]
    fn lead() -> Option<Instant> {
        Some(Instant::now() + Duration::from_mins(1))
    }

    /// A server that keeps records, and answers each create as told: what it says, and whether it
    /// stores it.
    #[derive(Clone, Default)]
    struct Server {
        stored: Arc<Mutex<BTreeMap<String, Value>>>,
        script: Arc<Mutex<Vec<(Reply, bool)>>>,
    }

    impl Server {
        fn with(script: Vec<(Reply, bool)>) -> Self {
            Self {
                script: Arc::new(Mutex::new(script)),
                ..Self::default()
            }
        }

        fn fake(&self) -> Fake {
            let server = self.clone();
            Fake::new(move |asked| server.answer(asked))
        }

        fn answer(&self, asked: &Asked) -> Reply {
            let mut stored = self.stored.lock().expect("no panic");
            if asked.method == "GET" {
                let name = asked.path.rsplit('/').next().unwrap_or_default();
                if asked.path.contains("limit=") {
                    let items: Vec<&Value> = stored.values().collect();
                    return reply(200, json!({"metadata": {}, "items": items}));
                }
                return match stored.get(name) {
                    Some(object) => reply(200, object.clone()),
                    None => reply(404, json!({"kind": "Status", "details": {"name": name}})),
                };
            }
            let name = asked.body["metadata"]["name"].as_str().unwrap_or_default();
            let told = self.script.lock().expect("no panic").pop();
            let (says, keeps) = told.unwrap_or((reply(201, asked.body.clone()), true));
            if stored.contains_key(name) {
                return reply(409, json!({"kind": "Status", "reason": "AlreadyExists"}));
            }
            if keeps {
                stored.insert(name.to_owned(), asked.body.clone());
            }
            says
        }
    }

    async fn open(fake: &Fake) -> Journal {
        let clients = Clients::fake(&fake.client());
        let (journal, ledger) = Journal::open(&clients, mode(), 3).await.expect("a journal");
        assert_eq!(ledger.head, *journal.head());
        journal
    }

    /// Names, labels and finalizer are what finds the journal again and keeps it from vanishing.
    #[tokio::test]
    async fn records_follow_each_other_and_can_be_found_and_not_deleted() {
        let server = Server::default();
        let fake = server.fake();
        let mut journal = open(&fake).await;
        for _ in 0..2 {
            journal
                .append(&turn(), &lead, Timestamp::UNIX_EPOCH)
                .await
                .expect("stored");
        }
        let stored = server.stored.lock().expect("no panic").clone();
        let names: Vec<&String> = stored.keys().collect();
        assert_eq!(names, ["01234567-000001", "01234567-000002"]);
        let metadata = &stored["01234567-000002"]["metadata"];
        assert_eq!(
            metadata["labels"]["pingzhan.dev/mode-uid"],
            "0123456789abcdef"
        );
        assert_eq!(metadata["labels"]["pingzhan.dev/mode"], "flood");
        assert_eq!(metadata["finalizers"], json!(["pingzhan.dev/journal"]));
        assert_eq!(metadata.get("ownerReferences"), None);
        let again = open(&fake).await;
        assert_eq!(again.head(), journal.head());
    }

    /// A create that was stored, but whose answer was lost, must neither be written twice nor be
    /// taken for another leader's.
    #[tokio::test]
    async fn an_ambiguous_create_is_settled_whether_it_was_stored_or_not() {
        for (says, stores) in [
            (None, true),
            (None, false),
            (reply(504, json!({"kind": "Status"})), true),
            (reply(500, json!({"kind": "Status"})), false),
        ] {
            let server = Server::with(vec![(says, stores)]);
            let fake = server.fake();
            let mut journal = open(&fake).await;
            journal
                .append(&turn(), &lead, Timestamp::UNIX_EPOCH)
                .await
                .expect("stored");
            journal
                .append(&turn(), &lead, Timestamp::UNIX_EPOCH)
                .await
                .expect("stored");
            assert_eq!(server.stored.lock().expect("no panic").len(), 2);
        }
    }

    /// Of two leaders only one can go on, and the other one must know that it is over.
    #[tokio::test]
    async fn a_record_of_another_leader_deposes_us_for_good() {
        let server = Server::default();
        let fake = server.fake();
        let (mut old, mut new) = (open(&fake).await, open(&fake).await);
        new.epoch = 4;
        new.append(&turn(), &lead, Timestamp::UNIX_EPOCH)
            .await
            .expect("stored");
        let first = old.append(&turn(), &lead, Timestamp::UNIX_EPOCH).await;
        assert!(matches!(first, Err(Error::Deposed { .. })));
        let second = old.append(&turn(), &lead, Timestamp::UNIX_EPOCH).await;
        assert!(matches!(second, Err(Error::Unsettled { .. })));
        assert_eq!(server.stored.lock().expect("no panic").len(), 1);
    }

    /// A leader whose lease is over writes nothing, and does not wait for ever to find out.
    #[tokio::test]
    async fn without_the_lease_nothing_is_sent_and_retries_end_with_it() {
        let server = Server::default();
        let fake = server.fake();
        let mut journal = open(&fake).await;
        let before = fake.addresses().len();
        let lost = journal
            .append(&turn(), &|| None, Timestamp::UNIX_EPOCH)
            .await;
        assert!(matches!(lost, Err(Error::NotLeader { .. })));
        assert_eq!(fake.addresses().len(), before);
        let until = Instant::now() + Duration::from_millis(50);
        let away = Fake::new(|asked| match asked.method.as_str() {
            "GET" => reply(200, json!({"items": []})),
            _ => None,
        });
        let mut journal = open(&away).await;
        let lost = journal
            .append(&turn(), &|| Some(until), Timestamp::UNIX_EPOCH)
            .await;
        assert!(matches!(lost, Err(Error::NotLeader { .. })));
        let after = journal.append(&turn(), &lead, Timestamp::UNIX_EPOCH).await;
        assert!(matches!(after, Err(Error::Unsettled { .. })));
    }

    /// An old CRD prunes fields that it does not know; the journal would be damaged unseen.
    #[tokio::test]
    async fn a_record_that_is_stored_otherwise_is_noticed() {
        let server = Server::with(vec![(reply(201, json!({"spec": {"format": 1}})), true)]);
        let mut journal = open(&server.fake()).await;
        let mangled = journal.append(&turn(), &lead, Timestamp::UNIX_EPOCH).await;
        assert!(matches!(mangled, Err(Error::Mangled { .. })));
    }

    /// A later version's record must be named as such, not be skipped.
    #[test]
    fn a_record_of_a_later_format_is_damage_with_its_own_name() {
        let record = json!({"spec": {"format": 2, "sequence": 7, "new": true}});
        let later = Damage::Format {
            sequence: 7,
            format: 2,
        };
        assert_eq!(parse(&record), Err(later));
        assert!(matches!(parse(&json!({})), Err(Damage::Body { .. })));
    }

    /// Other people's finalizers are not ours to drop, and a second pass has nothing to do.
    #[tokio::test]
    async fn release_takes_only_our_finalizer() {
        let record = |name: &str, finalizers: Value| {
            json!({"metadata": {
                "name": name, "uid": "u", "resourceVersion": "5", "finalizers": finalizers
            }})
        };
        let items = [
            record("a", json!(["pingzhan.dev/journal", "example.com/archive"])),
            record("b", json!(["example.com/archive"])),
        ];
        let fake = Fake::new(move |asked| match asked.method.as_str() {
            "GET" => reply(200, json!({"items": items})),
            _ => reply(200, json!({})),
        });
        let clients = Clients::fake(&fake.client());
        assert_eq!(release(&clients, &mode()).await.expect("released"), 1);
        let patch = &fake.requests()[1];
        assert!(
            patch
                .path
                .starts_with("/apis/pingzhan.dev/v1alpha1/changerecords/a?")
        );
        assert_eq!(patch.body[2]["value"], json!(["example.com/archive"]));
    }
}
