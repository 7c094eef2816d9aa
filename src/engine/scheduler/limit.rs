//! How many writes may be in flight: one limit for the whole process, which finds by itself what
//! the API server bears (additive increase, multiplicative decrease).

/// The limit at the start: keeps a small control plane's mutating share busy (the API server's
/// default is 200 in flight for everybody) and is below what any would refuse.
const START: usize = 8;
/// The most: above it a stock API server answers no faster, it only queues, and other users of
/// the cluster notice.
pub const MOST: usize = 32;

/// The adaptive limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    now: usize,
    /// Nothing has been refused or unanswered yet.
    untried: bool,
    most: usize,
    answered: usize,
    halved: u64,
}

impl Limit {
    /// A limit that grows up to `most`, which is brought into 1 to [`MOST`].
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, MOST);
        Self {
            now: START.min(most),
            untried: true,
            most,
            answered: 0,
            halved: 0,
        }
    }

    /// The present limit, at least 1.
    pub fn now(&self) -> usize {
        self.now
    }

    /// A write was answered while `flying` were in flight, it included. After a window of as many
    /// answers as the limit, each while the limit was in use, the limit grows: doubled until the
    /// first sign of overload, so that a fleet of a thousand is not half switched before the limit
    /// is found, and by one after it. An unused limit proves nothing.
    pub(super) fn answered(&mut self, flying: usize) {
        if flying < self.now {
            return;
        }
        self.answered += 1;
        if self.answered >= self.now {
            self.answered = 0;
            let grown = if self.untried {
                self.now * 2
            } else {
                self.now + 1
            };
            self.now = grown.min(self.most);
        }
    }

    /// A write was not answered in time: the window starts anew.
    pub(super) fn unanswered(&mut self) {
        self.untried = false;
        self.answered = 0;
    }

    /// A write with this issue number was refused with 429. Halves the limit, but once for all
    /// writes that were issued before the last halving: they are one event.
    pub(super) fn refused(&mut self, issue: u64, last_issue: u64) {
        self.answered = 0;
        self.untried = false;
        if issue > self.halved {
            self.now = (self.now / 2).max(1);
            self.halved = last_issue;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Growth without use would let a burst through that nothing has vouched for.
    #[test]
    fn grows_by_a_window_and_only_while_it_is_used() {
        let mut limit = Limit::new(100);
        for _ in 0..100 {
            limit.answered(7);
        }
        assert_eq!(limit.now(), 8);
        for _ in 0..8 {
            limit.answered(8);
        }
        assert_eq!(limit.now(), 16, "doubled until the first sign of overload");
        limit.unanswered();
        for _ in 0..16 {
            limit.answered(16);
        }
        assert_eq!(limit.now(), 17, "then by one");
        for _ in 0..10_000 {
            limit.answered(MOST);
        }
        assert_eq!(limit.now(), MOST);
    }

    /// Eight answers 429 to eight writes of one burst are one sign of overload, not eight.
    #[test]
    fn one_burst_halves_once_and_never_below_one() {
        let mut limit = Limit::new(32);
        for issue in 1..=8 {
            limit.refused(issue, 8);
        }
        assert_eq!(limit.now(), 4);
        for issue in 9..20 {
            limit.refused(issue, issue);
        }
        assert_eq!(limit.now(), 1);
    }
}
