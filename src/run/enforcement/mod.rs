//! Whether the API server enforces the rules of authority. Admission never sees admission policies: who
//! may write them may take them away. So they are watched and compared with what this version ships,
//! and before a plan is set in force each of them is asked to refuse something.
//!
//! Guarantees: at rest no request is sent but the watches; a proof is one dry-run a policy.

mod follow;
mod probe;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, watch};

use crate::cluster::Clients;
use crate::engine::enforcement::Enforcement;
use crate::policies::Names;

use super::clock::Clock;
use super::metrics::Metrics;

pub use follow::follow;

/// Seconds after which a policy that did not refuse what it has to is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// How long it may fail to be tried before that is said: a server that hiccups is asked again at once.
const FAILING: SignedDuration = SignedDuration::from_secs(3);
/// How long that it could not be tried says anything. Whoever needs to know asks every few seconds: after
/// this nobody did, and the next try may well succeed.
const LATELY: SignedDuration = SignedDuration::from_secs(30);

/// What is known of the rules, shared by all modes of a term.
#[derive(Clone)]
pub struct Rules {
    own: Clients,
    clock: Clock,
    metrics: Metrics,
    names: Names,
    known: Arc<watch::Sender<Known>>,
    /// Held while it is tried: whoever comes meanwhile uses what comes of it.
    trying: Arc<Mutex<()>>,
}

/// What is known.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// What is missing or other than it should be, once everything was listed.
    compared: Option<Vec<String>>,
    /// The same of those without which a mode goes on.
    lapsed: Vec<String>,
    /// When it was last tried, and which of them did not refuse.
    tried: Option<(Timestamp, Vec<String>)>,
    /// That it could not be tried.
    failing: Option<Failing>,
}

/// Tries one after the other that let nothing be known.
#[derive(Clone, Debug, PartialEq)]
struct Failing {
    /// When the first of them began.
    since: Timestamp,
    /// When the last of them ended.
    last: Timestamp,
    /// Why.
    why: String,
}

impl Rules {
    /// Nothing is known yet.
    pub fn new(own: Clients, clock: Clock, metrics: Metrics, names: Names) -> Self {
        Self {
            own,
            clock,
            metrics,
            names,
            known: Arc::default(),
            trying: Arc::default(),
        }
    }

    /// What is known now.
    pub fn now(&self) -> Enforcement {
        self.known.borrow().at(self.clock.now())
    }

    /// What of the policies without which a mode goes on is not as it is shipped, a sentence each.
    pub fn lapsed(&self) -> Vec<String> {
        self.known.borrow().lapsed.clone()
    }

    /// Is told when something else becomes known.
    pub fn changes(&self) -> Changes {
        Changes(self.known.subscribe())
    }

    /// Asks every policy to refuse something, unless that was just done, or was tried in vain by somebody else
    /// since this was called.
    ///
    /// # Errors
    /// The API server does not let it be known; where that stays so, [`Rules::now`] says why.
    pub async fn prove(&self) -> Result<(), String> {
        let asked = self.clock.now();
        let _alone = self.trying.lock().await;
        let mut listed = self.known.subscribe();
        let whole = listed.wait_for(|known| known.compared.is_some()).await;
        let before = whole.map(|known| known.clone()).unwrap_or_default();
        let now = self.clock.now();
        if let Some(why) = before.failed_since(asked) {
            return Err(why.to_owned());
        }
        let just =
            matches!(before.at(now), Enforcement::Proven(at) if now.duration_since(at) < JUST);
        if just
            || before
                .compared
                .as_ref()
                .is_none_or(|problems| !problems.is_empty())
        {
            return Ok(());
        }
        let tried = probe::all(&self.own.writes, &self.names).await;
        let problems = tried.inspect_err(|why| self.failed(now, why))?;
        self.known.send_modify(|known| {
            known.failing = None;
            // What was changed meanwhile was not what was tried.
            if known.compared == before.compared && known.tried == before.tried {
                known.tried = Some((now, problems));
            }
        });
        self.tell();
        Ok(())
    }

    /// It could not be tried. Nobody is woken for it: who asked asks again.
    fn failed(&self, began: Timestamp, why: &str) {
        let now = self.clock.now();
        self.known.send_if_modified(|known| {
            known.failed(began, now, why);
            false
        });
    }

    /// What a comparison found, of everything or of what was changed.
    fn compared(&self, problems: Vec<String>, lapsed: Vec<String>) {
        for problem in problems.iter().chain(&lapsed) {
            tracing::warn!(problem, "the rules of authority are not as they should be");
        }
        self.known.send_if_modified(|known| {
            let compared = Some(problems);
            let now = Known {
                compared,
                lapsed,
                tried: None,
                failing: None,
            };
            let differs = *known != now;
            *known = now;
            differs
        });
        self.tell();
    }

    fn tell(&self) {
        let broken = matches!(self.now(), Enforcement::Broken(_));
        self.metrics.rules_broken.set(i64::from(broken));
        let lapsed = i64::try_from(self.known.borrow().lapsed.len());
        self.metrics.rules_lapsed.set(lapsed.unwrap_or(i64::MAX));
    }
}

/// Seconds within which one proof serves all modes that ask for it.
const JUST: SignedDuration = SignedDuration::from_secs(2);

impl Known {
    /// A try that began then has failed now.
    fn failed(&mut self, began: Timestamp, now: Timestamp, why: &str) {
        let earlier = self.failing.as_ref();
        let earlier = earlier.filter(|one| began.duration_since(one.last) < LATELY);
        self.failing = Some(Failing {
            since: earlier.map_or(began, |one| one.since),
            last: now,
            why: why.to_owned(),
        });
    }

    /// Why it could not be tried, where a try has ended so since then.
    fn failed_since(&self, then: Timestamp) -> Option<&str> {
        let failing = self.failing.as_ref();
        let failing = failing.filter(|failing| failing.last >= then);
        failing.map(|failing| failing.why.as_str())
    }

    fn at(&self, now: Timestamp) -> Enforcement {
        match (&self.compared, &self.tried) {
            (Some(problems), _) if !problems.is_empty() => Enforcement::Broken(problems.clone()),
            (Some(_), Some((at, problems)))
                if !problems.is_empty() && now.duration_since(*at) < AGAIN =>
            {
                Enforcement::Broken(problems.clone())
            }
            (None | Some(_), tried) => {
                let proven = tried.as_ref().filter(|(_, problems)| problems.is_empty());
                let proven = proven.map(|(at, _)| *at);
                match &self.failing {
                    Some(Failing { since, last, why })
                        if now.duration_since(*since) >= FAILING
                            && now.duration_since(*last) < LATELY =>
                    {
                        let why = why.clone();
                        Enforcement::Unknown { why, proven }
                    }
                    Some(_) | None => proven.map_or(Enforcement::Untried, Enforcement::Proven),
                }
            }
        }
    }
}

/// Tells an actor that something else became known of the rules.
pub struct Changes(watch::Receiver<Known>);

impl Changes {
    /// Waits for it.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::Fake;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    /// A rule that is stored is not one that is in force, and one that was in force is not any more
    /// once somebody wrote it.
    #[test]
    fn rules_are_in_force_only_when_they_are_whole_and_were_tried_since() {
        let whole = Some(Vec::new());
        let broken = vec!["it is missing".to_owned()];
        let rows = [
            (Known::default(), Enforcement::Untried),
            (
                Known {
                    compared: whole.clone(),
                    ..Known::default()
                },
                Enforcement::Untried,
            ),
            (
                Known {
                    compared: whole.clone(),
                    tried: Some((at(5), Vec::new())),
                    ..Known::default()
                },
                Enforcement::Proven(at(5)),
            ),
            (
                Known {
                    compared: Some(broken.clone()),
                    tried: Some((at(5), Vec::new())),
                    ..Known::default()
                },
                Enforcement::Broken(broken.clone()),
            ),
            (
                Known {
                    compared: whole.clone(),
                    tried: Some((at(99), broken.clone())),
                    ..Known::default()
                },
                Enforcement::Broken(broken.clone()),
            ),
            (
                Known {
                    compared: whole,
                    tried: Some((at(5), broken)),
                    ..Known::default()
                },
                Enforcement::Untried,
            ),
        ];
        for (known, expected) in rows {
            assert_eq!(known.at(at(100)), expected, "{known:?}");
        }
    }

    /// Whoever watches the operator sees what lapsed apart from what stops modes, and modes are told of both.
    #[tokio::test]
    async fn what_lapsed_is_counted_apart_from_what_stops_modes() {
        let metrics = Metrics::new();
        let own = Clients::fake(&Fake::silent().client());
        let clock = Clock::from(at(0));
        let rules = Rules::new(own, clock, metrics.clone(), Names::default());
        let mut changes = rules.changes();
        let rows: [(&[&str], &[&str]); 4] = [
            (&[], &["the freeze's policy", "its binding"]),
            (&["the guard"], &["its binding"]),
            (&["the guard"], &[]),
            (&[], &[]),
        ];
        for (problems, lapsed) in rows {
            let sentences = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            rules.compared(sentences(problems), sentences(lapsed));
            changes.changed().await;
            assert_eq!(rules.lapsed(), lapsed);
            let stops = matches!(rules.now(), Enforcement::Broken(_));
            assert_eq!(stops, !problems.is_empty());
            let counted = (metrics.rules_broken.get(), metrics.rules_lapsed.get());
            let many = i64::try_from(lapsed.len()).expect("a few");
            assert_eq!(counted, (i64::from(stops), many));
        }
    }

    /// Each mode would wait for its own try at a server that hangs, one after the other: the last of a dozen for
    /// two minutes, and with it a person who approved.
    #[tokio::test(start_paused = true)]
    async fn whoever_waited_for_a_try_that_failed_does_not_try_again() {
        let own = Clients::fake(&Fake::silent().client());
        let rules = Rules::new(own, Clock::machine(), Metrics::new(), Names::default());
        rules.compared(Vec::new(), Vec::new());
        let began = tokio::time::Instant::now();
        let first = rules.prove().await;
        let alone = began.elapsed();
        assert!(first.is_err() && !alone.is_zero(), "{first:?}");
        let began = tokio::time::Instant::now();
        let all = (0..12).map(|_| rules.prove());
        let all = futures::future::join_all(all).await;
        assert!(all.iter().all(Result::is_err), "{all:?}");
        assert!(began.elapsed() < alone * 2, "{:?}", began.elapsed());
    }

    /// A server that hiccups is no news; one that does not let it be known for seconds is.
    #[test]
    fn what_cannot_be_tried_is_said_after_some_seconds() {
        let failing = |since| {
            let mut known = Known {
                compared: Some(Vec::new()),
                ..Known::default()
            };
            known.failed(at(since), at(since), "no answer");
            known
        };
        assert_eq!(failing(98).at(at(100)), Enforcement::Untried);
        let said = |proven| Enforcement::Unknown {
            why: "no answer".to_owned(),
            proven,
        };
        assert_eq!(failing(97).at(at(100)), said(None));
        // An old proof hides nothing.
        let proven = Known {
            tried: Some((at(5), Vec::new())),
            ..failing(97)
        };
        assert_eq!(proven.at(at(100)), said(Some(at(5))));
    }

    /// One try that failed, and that nobody repeated, says nothing hours later: a mode would be given up for
    /// lost by an old proof, while a try would have told that anybody may have written that.
    #[test]
    fn that_it_could_not_be_tried_says_nothing_once_nobody_tries_any_more() {
        let mut known = Known {
            compared: Some(Vec::new()),
            tried: Some((at(5), Vec::new())),
            ..Known::default()
        };
        let said = Enforcement::Unknown {
            why: "no answer".to_owned(),
            proven: Some(at(5)),
        };
        // A try may take long, and counts from where it ended.
        known.failed(at(100), at(140), "no answer");
        assert_eq!(known.at(at(169)), said);
        let hours = at(4 * 3_600);
        for later in [at(170), hours] {
            let now = known.at(later);
            assert_eq!(now, Enforcement::Proven(at(5)), "{later}");
            assert_eq!(now.vouches(later), None, "it is tried first");
        }
        // What failed long ago is no reason to say so at the first hiccup.
        known.failed(hours, hours, "no answer");
        assert_eq!(known.at(hours), Enforcement::Proven(at(5)));
        let seconds = SignedDuration::from_secs(5);
        known.failed(hours + seconds, hours + seconds, "no answer");
        assert_eq!(known.at(hours + seconds), said);
    }
}
