//! The protocol of leader election: state and event give the next action. Pure; the IO around it
//! is in [`super`], and a model checker drives this very function through delayed and lost
//! requests, frozen processes and clocks of different rates.
//!
//! Why there are never two leaders that believe to be valid: a leader counts from *before* it sent
//! the renewal that was confirmed, for the renew deadline; a candidate counts from *after* it saw
//! that renewal, for the longer duration of the lease. Only a replaced version (compare-and-swap)
//! changes a lease.
//!
//! Assumptions: clocks' rates differ by less than duration to renew deadline (15 to 10 by
//! default). An identity is used by one process only.

/// The times of leader election, in milliseconds of the local monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How long others respect a lease after they saw its last renewal.
    pub duration_ms: u64,
    /// How long a leader believes in its last confirmed renewal.
    pub renew_deadline_ms: u64,
    /// The time between tries.
    pub retry_ms: u64,
}

/// A lease, as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Its resourceVersion.
    pub version: String,
    /// Who holds it; empty when it was released.
    pub holder: String,
    /// How long the holder asks to be respected.
    pub duration_ms: u64,
    /// The number of times that it was taken.
    pub epoch: i64,
}

/// A change of the lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Put {
    /// The version that it replaces; none to create the lease.
    pub version: Option<String>,
    /// The epoch.
    pub epoch: i64,
    /// The holder; empty to release it.
    pub holder: String,
    /// Whether this takes the lease (or only renews or releases it).
    pub takes: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The wait is over.
    Due,
    /// The lease was read; none if there is none.
    Read(Option<Seen>),
    /// The lease was changed as asked.
    Stored {
        /// The change.
        put: Put,
        /// The local time before it was sent.
        sent_at: u64,
        /// The new version.
        version: String,
    },
    /// The lease was not changed: it has another version, or exists already.
    Conflict,
    /// The request failed, or nobody knows.
    Failed,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the lease.
    Read,
    /// Change the lease.
    Put(Put),
    /// Wait until this local time.
    Wait(u64),
}

/// A term as leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    epoch: i64,
    valid_until: u64,
    version: String,
}

/// One candidate's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    identity: String,
    settings: Settings,
    /// The lease as last read, and when this version was first seen.
    seen: Option<(Seen, u64)>,
    term: Option<Term>,
}

impl Candidate {
    /// A candidate that knows nothing.
    pub fn new(identity: String, settings: Settings) -> Self {
        Self {
            identity,
            settings,
            seen: None,
            term: None,
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The epoch and the time up to which it is valid, if this candidate leads now.
    pub fn leads(&self, now: u64) -> Option<(i64, u64)> {
        let term = self.term.as_ref()?;
        (now < term.valid_until).then_some((term.epoch, term.valid_until))
    }

    /// Who holds the lease, as last read.
    pub fn holder(&self) -> Option<&str> {
        let (seen, _) = self.seen.as_ref()?;
        (!seen.holder.is_empty()).then_some(seen.holder.as_str())
    }

    /// Takes an event in and says what is next. Only the answer to the last action counts: an
    /// answer to an earlier one is not given in.
    pub fn step(&mut self, event: Event, now: u64) -> Action {
        // Once over, a term is not revived by a late answer: those who saw it end act on that.
        if self.leads(now).is_none() {
            self.term = None;
        }
        match event {
            Event::Due => match &self.term {
                Some(term) => Action::Put(self.renewal(term)),
                None => Action::Read,
            },
            Event::Read(None) => {
                (self.seen, self.term) = (None, None);
                Action::Put(self.taking(None, 0))
            }
            Event::Read(Some(seen)) => self.read(seen, now),
            Event::Stored {
                put,
                sent_at,
                version,
            } => self.stored(&put, sent_at, version, now),
            Event::Conflict if self.term.is_some() => Action::Read,
            Event::Conflict | Event::Failed => Action::Wait(now + self.settings.retry_ms),
        }
    }

    /// Ends the term and says how the lease is released, if this candidate led.
    ///
    /// Assumptions: nothing is written under the term any more.
    pub fn release(&mut self, now: u64) -> Option<Put> {
        self.leads(now)?;
        let term = self.term.take()?;
        Some(Put {
            version: Some(term.version),
            epoch: term.epoch,
            holder: String::new(),
            takes: false,
        })
    }

    fn read(&mut self, seen: Seen, now: u64) -> Action {
        let since = match &self.seen {
            Some((before, since)) if before.version == seen.version => *since,
            Some(_) | None => now,
        };
        self.seen = Some((seen.clone(), since));
        let ours = seen.holder == self.identity;
        if let Some(term) = &mut self.term {
            if ours && term.epoch == seen.epoch {
                // A renewal of ours whose answer was lost: it is ours to go on, but what was not
                // confirmed extends nothing.
                term.version = seen.version;
                let term = term.clone();
                return Action::Put(self.renewal(&term));
            }
            self.term = None;
        }
        let expires = since.saturating_add(seen.duration_ms);
        if ours || seen.holder.is_empty() || now >= expires {
            return Action::Put(self.taking(Some(seen.version), seen.epoch));
        }
        Action::Wait(expires.min(now + self.settings.retry_ms))
    }

    fn stored(&mut self, put: &Put, sent_at: u64, version: String, now: u64) -> Action {
        let valid_until = sent_at.saturating_add(self.settings.renew_deadline_ms);
        let goes_on = put.takes || self.term.is_some();
        if !goes_on || now >= valid_until {
            self.term = None;
            return Action::Read;
        }
        self.seen = Some((
            Seen {
                version: version.clone(),
                holder: put.holder.clone(),
                duration_ms: self.settings.duration_ms,
                epoch: put.epoch,
            },
            now,
        ));
        self.term = Some(Term {
            epoch: put.epoch,
            valid_until,
            version,
        });
        Action::Wait(now + self.settings.retry_ms)
    }

    fn renewal(&self, term: &Term) -> Put {
        Put {
            version: Some(term.version.clone()),
            epoch: term.epoch,
            holder: self.identity.clone(),
            takes: false,
        }
    }

    /// Taking the lease always counts the epoch up, also from oneself: what an earlier term of
    /// ours still has in flight is fenced like anybody's.
    fn taking(&self, version: Option<String>, epoch: i64) -> Put {
        Put {
            version,
            epoch: epoch + 1,
            holder: self.identity.clone(),
            takes: true,
        }
    }
}
