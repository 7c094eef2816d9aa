//! Leader election over a Lease: of several replicas one writes.
//!
//! The decisions are the pure [`protocol`]'s; here are its requests (GET, POST, and PUT with the
//! resourceVersion that was read, never a patch), its waiting, and the [`Leader`] handle that
//! everything asks before it writes.
//!
//! Guarantees: a leader that cannot renew stops being one at its renew deadline by itself, without
//! the API server, also while a request hangs. No request is repeated by a client. Each has a
//! deadline.

mod io;
pub mod protocol;

use tokio::sync::watch;

pub use io::Elector;
pub use protocol::Settings;

/// The default times, those of Kubernetes' own controllers: a dead leader is replaced within 17 s,
/// and a leader outlives an API server that is away for 10 s.
pub const DEFAULT: Settings = Settings {
    duration_ms: 15_000,
    renew_deadline_ms: 10_000,
    retry_ms: 2_000,
};

/// Times in proportion to [`DEFAULT`] for another duration, at least a second.
pub fn settings(duration_seconds: u32) -> Settings {
    let duration_ms = u64::from(duration_seconds.max(1)) * 1_000;
    Settings {
        duration_ms,
        renew_deadline_ms: duration_ms * 2 / 3,
        retry_ms: duration_ms * 2 / 15,
    }
}

/// Whether this process leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Another does, or nobody.
    Follower {
        /// Who, as far as known.
        holder: Option<String>,
    },
    /// This one, until then.
    Leader {
        /// The epoch: grows with every term of anybody.
        epoch: i64,
        /// The monotonic time up to which it is valid, if it is not renewed.
        valid_until_ms: u64,
    },
}

/// What the rest of the process knows of the election.
#[derive(Clone, Debug)]
pub struct Leader {
    state: watch::Receiver<Leadership>,
    refused: watch::Receiver<Option<String>>,
}

impl Leader {
    /// A handle that is always the leader of this epoch, for tests and for `pingzhan restore`'s
    /// dry runs.
    pub fn fixed(epoch: i64) -> Self {
        let (_, state) = watch::channel(Leadership::Leader {
            epoch,
            valid_until_ms: u64::MAX,
        });
        let (_, refused) = watch::channel(None);
        Self { state, refused }
    }

    /// What the API server says where it forbids the lease to us; nothing where we have it, or another
    /// process has.
    pub fn refused(&self) -> Option<String> {
        self.refused.borrow().clone()
    }

    /// The epoch, if this process leads at this monotonic time. Ask before each group of writes
    /// and each record.
    pub fn still_leader(&self, now: u64) -> Option<i64> {
        match *self.state.borrow() {
            Leadership::Leader {
                epoch,
                valid_until_ms,
            } if now < valid_until_ms => Some(epoch),
            Leadership::Leader { .. } | Leadership::Follower { .. } => None,
        }
    }

    /// The state, to be watched. It changes with every renewal.
    pub fn watch(&self) -> watch::Receiver<Leadership> {
        self.state.clone()
    }
}
