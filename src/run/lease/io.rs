//! The requests and the waiting of leader election.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;
use tracing::{info, warn};

use super::protocol::{Action, Candidate, Event, Put, Seen, Settings};
use super::{Leader, Leadership};
use crate::api::names::OPERATOR_MANAGER;
use crate::cluster::deadline;
use crate::run::clock::Clock;

/// The duration of a lease that says none: Kubernetes' own default.
const UNSAID_DURATION_S: i32 = 15;

/// A candidate with its connection.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    clock: Clock,
    settings: Settings,
    candidate: Candidate,
    /// The lease as the server last gave it: what is not ours in it is kept.
    last: Option<Lease>,
    state: watch::Sender<Leadership>,
    /// Why the API server forbids it to us, if it does.
    refused: watch::Sender<Option<String>>,
}

impl Elector {
    /// A candidate for the lease `name`, and the handle to it. `client` must not retry; `identity`
    /// must be this process's own.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: String,
        settings: Settings,
        clock: Clock,
    ) -> (Self, Leader) {
        let (state, receiver) = watch::channel(Leadership::Follower { holder: None });
        let (refused, why) = watch::channel(None);
        let elector = Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            clock,
            settings,
            candidate: Candidate::new(identity, settings),
            last: None,
            state,
            refused,
        };
        let leader = Leader {
            state: receiver,
            refused: why,
        };
        (elector, leader)
    }

    /// Takes part in the election until `stop`, then releases the lease.
    ///
    /// Assumptions: when `stop` completes, nothing is written under the lease any more.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut event = Event::Due;
        loop {
            let is_read = matches!(event, Event::Read(_));
            let action = self.candidate.step(event, self.clock.monotonic_ms());
            if is_read && matches!(action, Action::Wait(_)) {
                // Another one has it: that is why we have not.
                self.refused.send_replace(None);
            }
            self.publish();
            let next = tokio::select! {
                biased;
                () = &mut stop => None,
                event = self.carry_out(action) => Some(event),
            };
            match next {
                Some(next) => event = next,
                None => return self.release().await,
            }
        }
    }

    /// Carries an action out; says meanwhile when the term ends.
    async fn carry_out(&mut self, action: Action) -> Event {
        let end = self.candidate.leads(self.clock.monotonic_ms());
        let clock = self.clock;
        let state = self.state.clone();
        let watchdog = async {
            if let Some((_, valid_until)) = end {
                clock.sleep_until(valid_until).await;
                warn!("the lease could not be renewed in time: no longer the leader");
                state.send_replace(Leadership::Follower { holder: None });
            }
            std::future::pending::<Event>().await
        };
        tokio::select! {
            biased;
            event = watchdog => event,
            event = self.act(action) => event,
        }
    }

    async fn act(&mut self, action: Action) -> Event {
        match action {
            Action::Wait(until) => {
                self.clock.sleep_until(until).await;
                Event::Due
            }
            Action::Read => self.read().await,
            Action::Put(put) => self.put(put).await,
        }
    }

    /// How long a request may take: two fit between a try and the renew deadline.
    fn patience(&self) -> Duration {
        let room = self
            .settings
            .renew_deadline_ms
            .saturating_sub(self.settings.retry_ms);
        Duration::from_millis((room / 2).max(1))
    }

    async fn read(&mut self) -> Event {
        match deadline::first(self.patience(), self.api.get_opt(&self.name)).await {
            Ok(Ok(lease)) => {
                self.last = lease;
                Event::Read(self.last.as_ref().map(seen))
            }
            Ok(Err(error)) => self.heard(&error),
            Err(error) => failed(&error),
        }
    }

    /// The API server does not do it; where it says that we may not, that is kept for whoever asks.
    fn heard(&self, error: &kube::Error) -> Event {
        if let kube::Error::Api(status) = error
            && status.code == 403
        {
            self.refused.send_replace(Some(status.message.clone()));
        }
        failed(error)
    }

    async fn put(&mut self, put: Put) -> Event {
        let lease = self.lease(&put);
        let parameters = PostParams {
            field_manager: Some(OPERATOR_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let sent_at = self.clock.monotonic_ms();
        let patience = self.patience();
        let answer = if put.version.is_some() {
            deadline::first(patience, self.api.replace(&self.name, &parameters, &lease)).await
        } else {
            deadline::first(patience, self.api.create(&parameters, &lease)).await
        };
        match answer {
            Ok(Ok(stored)) => {
                let version = seen(&stored).version;
                self.last = Some(stored);
                self.refused.send_replace(None);
                Event::Stored {
                    put,
                    sent_at,
                    version,
                }
            }
            // Gone, or another's: both say that it was not changed.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || status.code == 404 => {
                Event::Conflict
            }
            Ok(Err(error)) => self.heard(&error),
            Err(error) => failed(&error),
        }
    }

    /// The lease with a change in it; what others keep in it stays.
    fn lease(&self, put: &Put) -> Lease {
        let now = MicroTime(self.clock.now());
        let mut lease = match (&self.last, &put.version) {
            (Some(last), Some(_)) => last.clone(),
            (Some(_) | None, _) => Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: None,
            },
        };
        lease.metadata.resource_version.clone_from(&put.version);
        lease.metadata.managed_fields = None;
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        let duration = self.settings.duration_ms.div_ceil(1_000);
        spec.holder_identity = Some(put.holder.clone());
        spec.lease_duration_seconds = i32::try_from(duration).ok();
        spec.lease_transitions = i32::try_from(put.epoch).ok();
        if put.takes {
            spec.acquire_time = Some(now.clone());
        }
        spec.renew_time = Some(now);
        lease
    }

    async fn release(mut self) {
        let put = self.candidate.release(self.clock.monotonic_ms());
        self.publish();
        if let Some(put) = put {
            match self.put(put).await {
                Event::Stored { .. } => info!("the lease is released"),
                Event::Due | Event::Read(_) | Event::Conflict | Event::Failed => {
                    warn!("the lease could not be released: it ends by itself");
                }
            }
        }
    }

    fn publish(&self) {
        let next = match self.candidate.leads(self.clock.monotonic_ms()) {
            Some((epoch, valid_until_ms)) => Leadership::Leader {
                epoch,
                valid_until_ms,
            },
            None => Leadership::Follower {
                holder: self.candidate.holder().map(str::to_owned),
            },
        };
        self.state.send_if_modified(|state| {
            if *state == next {
                return false;
            }
            tell(self.candidate.identity(), state, &next);
            *state = next;
            true
        });
    }
}

/// Says what people want to read: a change of leader, not a renewal.
fn tell(identity: &str, before: &Leadership, now: &Leadership) {
    match (before, now) {
        (Leadership::Leader { epoch: old, .. }, Leadership::Leader { epoch, .. })
            if old == epoch => {}
        (_, Leadership::Leader { epoch, .. }) => info!(epoch, identity, "this process leads"),
        (_, Leadership::Follower { holder }) => {
            info!(
                holder = holder.as_deref().unwrap_or("nobody"),
                "this process follows"
            );
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Event {
    warn!(%error, "a request for the lease failed");
    Event::Failed
}

fn seen(lease: &Lease) -> Seen {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.unwrap_or(UNSAID_DURATION_S);
    Seen {
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        holder: spec.holder_identity.unwrap_or_default(),
        duration_ms: u64::try_from(seconds).unwrap_or(0) * 1_000,
        epoch: spec.lease_transitions.unwrap_or(0).into(),
    }
}

#[cfg(test)]
mod tests;
