//! The proof: each policy is asked to refuse a record that is marked to be refused by it, and by nothing
//! else. Nothing is stored: it is a dry run.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Playbook, names};
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Collection};
use crate::policies::{self, Names};

/// The policy whose parameter is the playbook.
const BY_PLAYBOOK: &str = "pingzhan-emergencymode-playbook";
/// How often a policy is asked that does not refuse: the API server takes up to a second to follow what
/// is written.
const TRIES: usize = 4;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long nothing may be heard in one proof, in all: a connection that broke and a server that is busy say
/// nothing, and are asked again.
const UNHEARD: Duration = Duration::from_secs(3);

/// Asks every policy; a sentence of each that does not refuse.
pub(super) async fn all(client: &Client, names: &Names) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    let mut unheard = Duration::ZERO;
    let is_bare = no_playbook(client).await?;
    for policy in policies::all(names) {
        // It speaks of playbooks, and where there is none it has nothing to refuse.
        if is_bare && policy.name == BY_PLAYBOOK {
            continue;
        }
        if policy.is_needed() && !refuses(client, policy.name, &mut unheard).await? {
            problems.push(format!(
                "policy {0} is stored as it should be, and does not refuse what it has to: see `kubectl get \
                 validatingadmissionpolicy {0} -o yaml`, its status says whether its expressions are taken",
                policy.name
            ));
        }
    }
    Ok(problems)
}

/// Whether no playbook is left: what is in force goes on by its own copy.
async fn no_playbook(client: &Client) -> Result<bool, String> {
    let api: Api<Playbook> = Api::all(client.clone());
    let one = ListParams::default().limit(1);
    let found = api.list_metadata(&one).await;
    let found = found.map_err(|error| format!("playbooks cannot be listed: {error}"))?;
    Ok(found.items.is_empty())
}

/// Whether a policy refuses what it has to. How long nothing was heard is added to `unheard`.
async fn refuses(client: &Client, policy: &str, unheard: &mut Duration) -> Result<bool, String> {
    let collection = Collection {
        api_version: format!("{}/{}", names::GROUP, names::VERSION),
        kind: "ChangeRecord".to_owned(),
        plural: "changerecords".to_owned(),
        namespace: String::new(),
    };
    let body = record(policy).to_string().into_bytes();
    let manager = names::OPERATOR_MANAGER;
    let untried =
        |why: &str| format!("it cannot be tried whether policy {policy} is in force: {why}");
    let mut tries = 0;
    while tries < TRIES {
        let began = Instant::now();
        let answer =
            write::create(client, &collection, body.clone(), manager, Effect::DryRun).await;
        let (wait, why) = match answer {
            Answer::Refused { message, .. } if message.contains(&format!("'{policy}'")) => {
                return Ok(true);
            }
            Answer::Refused {
                reason, message, ..
            } => return Err(untried(&format!("{reason}: {message}"))),
            Answer::Done(_) | Answer::Moved | Answer::Gone => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Answer::Busy { after, why } => (after.max(PAUSE), why),
            Answer::Ambiguous(why) => (PAUSE, why),
        };
        *unheard += began.elapsed() + wait;
        if *unheard > UNHEARD {
            return Err(untried(&why));
        }
        tokio::time::sleep(wait).await;
    }
    Ok(false)
}

/// A record of no mode, marked for one policy.
fn record(policy: &str) -> Value {
    json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION), "kind": "ChangeRecord",
        "metadata": { "name": "probe-000001", "labels": { names::PROBE_LABEL: policy } },
        "spec": { "format": 1, "mode": { "name": "probe", "uid": "probe" }, "sequence": 1, "epoch": 0,
            "at": "1970-01-01T00:00:00Z", "prev": "", "type": "Turn", "turn": { "kind": "Leader" } },
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cluster::fake::{Asked, Fake, Reply, reply};

    /// The policy that a probe is for.
    fn probed(asked: &Asked) -> &str {
        let label = &asked.body["metadata"]["labels"][names::PROBE_LABEL];
        label.as_str().unwrap_or_default()
    }

    /// A server with one playbook, which answers to probes like this.
    fn server(says: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Fake {
        Fake::new(move |asked| {
            if asked.method != "GET" {
                return says(probed(asked));
            }
            let list = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": {}, "items": [{ "metadata": { "name": "flood" } }] });
            reply(200, list)
        })
    }

    fn refusal(by: &str) -> Reply {
        let message = format!(
            "changerecords.pingzhan.dev \"probe-000001\" is forbidden: ValidatingAdmissionPolicy '{by}' with \
             binding '{by}' denied request: refused as it should be: this policy is in force"
        );
        let status = json!({ "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": message });
        reply(403, status)
    }

    fn stored() -> Reply {
        reply(201, record("anything"))
    }

    /// Which policies were asked, in order.
    fn asked(fake: &Fake) -> Vec<String> {
        let requests = fake.requests();
        let probes = requests.iter().filter(|one| one.method == "POST");
        probes.map(|one| probed(one).to_owned()).collect()
    }

    fn needed() -> Vec<&'static str> {
        let all = policies::all(&Names::default()).into_iter();
        all.filter(policies::Policy::is_needed)
            .map(|policy| policy.name)
            .collect()
    }

    /// Each policy is asked once, and nothing is stored by that.
    #[tokio::test(start_paused = true)]
    async fn a_proof_is_one_dry_run_a_policy() {
        let fake = server(refusal);
        let problems = all(&fake.client(), &Names::default()).await;
        assert_eq!(problems, Ok(Vec::new()));
        assert_eq!(asked(&fake), needed());
        let posts = fake.addresses().into_iter();
        let mut posts = posts.filter(|address| address.starts_with("POST "));
        assert!(posts.all(|address| address.contains("dryRun=All")));
    }

    /// A policy that is stored as it should be and lets through what it has to refuse is not in force: its
    /// expressions are not taken, or its kinds are not known. It is named, and none is taken for it.
    #[tokio::test(start_paused = true)]
    async fn what_is_stored_and_does_not_refuse_is_not_in_force() {
        for idle in needed() {
            let fake = server(move |policy| {
                if policy == idle {
                    stored()
                } else {
                    refusal(policy)
                }
            });
            let problems = all(&fake.client(), &Names::default()).await;
            let problems = problems.expect("it is known");
            let start = format!("policy {idle} is stored as it should be, and does not refuse");
            assert!(
                problems.len() == 1 && problems[0].starts_with(&start),
                "{problems:?}"
            );
            let tries = asked(&fake).into_iter().filter(|policy| policy == idle);
            assert_eq!(tries.count(), TRIES, "the server is given time to follow");
        }
    }

    /// The server follows what is written within a second: who refuses at the second try is in force.
    #[tokio::test(start_paused = true)]
    async fn a_policy_that_was_just_stored_is_asked_again() {
        let tries = AtomicUsize::new(0);
        let fake = server(move |policy| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => stored(),
            _ => refusal(policy),
        });
        let problems = all(&fake.client(), &Names::default()).await;
        assert_eq!(problems, Ok(Vec::new()));
        assert_eq!(asked(&fake).len(), needed().len() + 1);
    }

    /// A refusal by something else proves nothing, and is no word against the policy either.
    #[tokio::test(start_paused = true)]
    async fn what_something_else_refuses_proves_nothing() {
        let fake = server(|_| refusal("somebody-elses"));
        let why = all(&fake.client(), &Names::default()).await;
        let why = why.expect_err("it is not known");
        assert!(
            why.contains("cannot be tried") && why.contains("somebody-elses"),
            "{why}"
        );
    }

    /// A connection that breaks, and a server that is busy for a moment, are no news of the rules: whoever was
    /// approved would wait, and an alarm be given, for one lost answer.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_lost_is_asked_for_again() {
        let busy = || reply(429, json!({ "kind": "Status", "code": 429 }));
        let lost: [fn() -> Reply; 2] = [|| None, busy];
        for lost in lost {
            let tries = AtomicUsize::new(0);
            let fake = server(move |policy| match tries.fetch_add(1, Ordering::SeqCst) {
                1 => lost(),
                _ => refusal(policy),
            });
            let problems = all(&fake.client(), &Names::default()).await;
            assert_eq!(problems, Ok(Vec::new()));
            assert_eq!(asked(&fake).len(), needed().len() + 1);
        }
    }

    /// A server that does not answer is not waited for: whoever asked is told within seconds, with the cause.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_said_to_be() {
        let fake = server(|_| None);
        let began = Instant::now();
        let why = all(&fake.client(), &Names::default()).await;
        let why = why.expect_err("it is not known");
        assert!(began.elapsed() <= UNHEARD, "{:?}", began.elapsed());
        assert!(why.contains("connection reset by peer"), "{why}");
        // Those that are answered late leave no more time for others that are not.
        let tries = AtomicUsize::new(0);
        let fake = server(
            move |policy| match tries.fetch_add(1, Ordering::SeqCst) % 3 {
                2 => refusal(policy),
                _ => None,
            },
        );
        let why = all(&fake.client(), &Names::default()).await;
        why.expect_err("two answers of three are lost");
    }
}
