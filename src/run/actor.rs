//! One mode's actor: it gathers what is known, asks [`engine::decide`](crate::engine::decide), and
//! sees to it that what was decided happens: journal, order, status. It writes no target.

mod acts;
mod current;
mod deed;
mod explain;
mod facts;
mod holding;
mod input;
mod lead;
mod look;
mod others;
mod pace;
mod proof;
mod survey;
mod tell;
mod turned;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::api::{EmergencyMode, EmergencyModeStatus, TurnKind};
use crate::cluster::{Accounts, Clients, Discovery};
use crate::engine::decide::{Candidate, Decision, Need};
use crate::engine::denies::Newcomer;
use crate::engine::plan::Change;
use crate::engine::scheduler::Order;
use crate::field::Uid;
use crate::ledger::record::Body;

use super::clock::Setting;
use super::count::Counted;
use super::crew::Playbooks;
use super::enforcement::{Changes, Rules};
use super::executor::{self, Command, outcomes};
use super::hold::Watches;
use super::mode::Mode;
use super::operator::Settings;
use super::registry::Registry;

/// Shortest wait for a time: one that is past must not become a loop without a pause.
const BREATH: Duration = Duration::from_millis(100);
/// Longest time without a look while a mode is not at rest.
const RESTLESS: Duration = Duration::from_secs(5);
/// Turns of the inner loop after which something must be wrong: a decision that asks for the same
/// thing again and again.
const TURNS: usize = 64;

/// What an actor stands on.
pub struct Actor {
    /// The mode.
    pub mode: Arc<Mode>,
    /// What the executor stands on, too.
    pub deps: executor::Deps,
    /// Our own account.
    pub own: Clients,
    /// Playbooks' accounts.
    pub accounts: Accounts,
    /// Kinds.
    pub discovery: Discovery,
    /// Settings.
    pub settings: Settings,
    /// The mode's object; `None` when it is gone.
    pub object: watch::Receiver<Option<Arc<EmergencyMode>>>,
    /// All playbooks.
    pub playbooks: watch::Receiver<Playbooks>,
    /// Whether the API server enforces the rules of authority.
    pub rules: Rules,
    /// All modes.
    pub registry: Registry,
    /// To the executor.
    pub orders: mpsc::Sender<Command>,
}

/// What an actor remembers between decisions; all of it can be made anew.
#[derive(Default)]
struct Memory {
    candidate: Option<Candidate>,
    candidate_at: Option<Timestamp>,
    /// Stages in force of which the API server was asked before they began, or went on.
    begun: BTreeSet<String>,
    adopted: Vec<(String, String, Change)>,
    reported: Vec<Newcomer>,
    surveyed_at: Option<Timestamp>,
    /// Why new objects could not be looked for, if so.
    unsurveyed: Option<String>,
    published: Option<EmergencyModeStatus>,
    /// Whether our last write of the mode's label left it marked, if there was one.
    marked: Option<bool>,
    /// The object's version as last seen, then those that our own writes of the status made of it.
    versions: Vec<String>,
    ordered: bool,
    led: bool,
    contested: BTreeSet<Uid>,
    /// Alarms that were told.
    alarmed: BTreeSet<(&'static str, String)>,
    /// That it is carried out, for whoever counts.
    counted: Option<Counted>,
    unreadable_at: Option<Timestamp>,
    refreshed_at: Option<Timestamp>,
    finished: bool,
    /// When the program failed at the last turn, if it did.
    failed_at: Option<Timestamp>,
    holds: Option<Watches>,
    looking: look::Looking,
    acts: acts::Acts,
    explaining: explain::Explaining,
    recent: Option<look::Recent>,
    /// Where the wall clock was at the last turn.
    setting: Setting,
    /// How long the last decision took.
    cost: Duration,
    /// What the last decision knew of what people had said.
    spoken: pace::Spoken,
}

/// What comes of one turn of the loop.
enum Next {
    /// Decide again at once.
    Again,
    /// Wait for something to happen, at most until then.
    Wait(Option<Timestamp>),
}

impl Actor {
    /// Runs until the mode is over and its object let go.
    pub async fn run(mut self) {
        let mut memory = Memory {
            // Let go of with the actor, however that ends.
            counted: Some(self.deps.metrics.counted(&self.mode.id.name)),
            ..Memory::default()
        };
        let mut rules = self.rules.changes();
        loop {
            let until = self.turns(&mut memory).await;
            if memory.finished && self.object.borrow().is_none() {
                break;
            }
            let decided = tokio::time::Instant::now();
            self.wait(until, &mut memory, &mut rules).await;
            if memory.ordered {
                let longest = pace::longest(memory.cost);
                let idle = &self.mode.idle;
                pace::gather(decided, longest, idle, &mut self.object, memory.spoken).await;
            }
        }
        let _ = self
            .orders
            .send(Command::Forget(self.mode.id.uid.clone()))
            .await;
    }

    async fn wait(&mut self, until: Option<Timestamp>, memory: &mut Memory, rules: &mut Changes) {
        let clock = &self.deps.clock;
        let sleep = async {
            match until {
                None => std::future::pending().await,
                Some(at) => {
                    let left = at
                        .duration_since(clock.now())
                        .max(jiff::SignedDuration::ZERO);
                    tokio::time::sleep(left.unsigned_abs().max(BREATH)).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.mode.wake.notified() => {}
            () = memory.looking.ended() => {}
            () = memory.acts.ended() => {}
            () = memory.explaining.ended(clock) => {}
            () = sleep => {}
            () = rules.changed() => {}
            changed = self.object.changed() => if changed.is_err() {
                std::future::pending::<()>().await;
            },
            changed = self.playbooks.changed() => if changed.is_err() {
                std::future::pending::<()>().await;
            },
        }
    }

    /// Decides until there is nothing to do at once. A panic is confined to this mode and said.
    async fn turns(&mut self, memory: &mut Memory) -> Option<Timestamp> {
        for _ in 0..TURNS {
            match AssertUnwindSafe(self.turn(memory)).catch_unwind().await {
                Ok(Ok(next)) => {
                    memory.failed_at = None;
                    if let Next::Wait(until) = next {
                        return until;
                    }
                }
                Ok(Err(problem)) => {
                    tracing::warn!(mode = self.mode.id.name, problem, "the mode is tried again");
                    self.say_refused(memory).await;
                    return Some(self.soon());
                }
                Err(_) => {
                    memory.failed_at = Some(self.deps.clock.now());
                    self.panicked(memory).await;
                    // That it is said wakes the actor, which would fail and say it without a pause.
                    tokio::time::sleep(RESTLESS).await;
                    return Some(self.deps.clock.now() + jiff::SignedDuration::from_secs(60));
                }
            }
        }
        tracing::warn!(
            mode = self.mode.id.name,
            "decisions do not come to rest; going on later"
        );
        Some(self.soon())
    }

    fn soon(&self) -> Timestamp {
        self.deps.clock.now()
            + jiff::SignedDuration::try_from(RESTLESS).unwrap_or(jiff::SignedDuration::ZERO)
    }

    #[tracing::instrument(name = "reconcile", skip_all, fields(mode = self.mode.id.name))]
    async fn turn(&mut self, memory: &mut Memory) -> Result<Next, String> {
        let object = self.object.borrow().clone();
        if let Some(object) = &object {
            self.mode.set_nature(object.spec.nature);
        }
        self.registry.all_open().await;
        let playbooks = self.playbooks.borrow_and_update().clone();
        if !memory.led {
            self.lead(object.as_deref()).await?;
            memory.led = true;
        }
        self.follow(memory).await;
        let forget_at = look::forget(memory, self.deps.clock.now());
        self.forget_unreadable(memory).await;
        self.read_dirty().await?;
        let survey_at = self.survey(memory).await?;
        // A survey may take long: what people said meanwhile counts.
        let object = self.object.borrow_and_update().clone();
        memory.spoken = pace::spoken(object.as_deref());
        let grants = self.registry.grants.clone();
        let guard = grants.lock().await;
        let (mut decision, basis) = self.decide(memory, object.as_deref(), &playbooks).await;
        // Only what is decided now keeps others from being granted.
        let guard = Some(guard).filter(|_| decision.need.is_none());
        if !self.may_begin(memory, object.as_deref(), &decision).await? {
            // What people said since comes with the watch.
            return Ok(Next::Wait(Some(self.soon())));
        }
        if let Some(need) = decision.need.take() {
            self.go_on(memory, &mut decision, basis, &need).await;
            // It is decided anew once that is read; what waits for the rules to be tried says nothing else,
            // but for a return, and that the program failed at it stands until it does not any more.
            let returns = decision.status.phase == Some(crate::api::Phase::Restoring);
            let says = need != Need::Proof || returns || decision.blocked.is_some();
            if says && memory.failed_at.is_none() {
                let _ = self.publish(memory, object.as_deref(), &decision).await;
            }
            return self.read(memory, object.as_deref(), &playbooks, need).await;
        }
        if !decision.append.is_empty() {
            let written = self.append(memory, &decision).await;
            written.inspect_err(|_| current::forget(memory, &decision))?;
            return Ok(Next::Again);
        }
        drop(guard);
        let soon = (!decision.works.is_empty()).then(|| self.soon());
        self.order(memory, &mut decision, basis).await;
        self.ask(memory, &decision.asks).await;
        self.hold(memory, &decision).await;
        self.refresh(memory, &decision.refresh).await;
        self.explain(memory, object.as_deref(), &decision).await;
        let untold = self.publish(memory, object.as_deref(), &decision).await;
        if decision.closed && !memory.finished && !is_told(memory, object.as_deref(), &decision) {
            // Once its object is let go nobody writes its status any more: it would say for ever that
            // it waits for something.
            return Ok(Next::Wait(Some(self.soon())));
        }
        if decision.closed {
            self.finish(memory, object.as_deref()).await?;
            // What people say of it afterwards is answered too.
            let until = [decision.again_at, untold];
            return Ok(Next::Wait(until.into_iter().flatten().min()));
        }
        let until = [decision.again_at, soon, forget_at, untold, survey_at];
        Ok(Next::Wait(until.into_iter().flatten().min()))
    }

    /// What is known already goes on: a switch while the rest is read, a return while the rules are tried,
    /// which may not be possible for long.
    async fn go_on(&self, memory: &mut Memory, decision: &mut Decision, basis: i64, need: &Need) {
        if matches!(need, Need::Sights(_)) || !decision.works.is_empty() {
            self.order(memory, decision, basis).await;
        }
        if *need == Need::Proof {
            self.ask(memory, &decision.asks).await;
            self.refresh(memory, &decision.refresh).await;
            if decision.hold {
                self.hold(memory, decision).await;
            }
        }
    }

    async fn append(&self, memory: &mut Memory, decision: &Decision) -> Result<(), String> {
        let mut state = self.mode.state.lock().await;
        for body in &decision.append {
            outcomes::append(&self.deps, &mut state, body.clone())
                .await
                .map_err(|error| self.deposed_or(&error))?;
            if let Body::Turn(turn) = body {
                self.turned(&mut state, memory, turn);
            }
        }
        // Where this mode goes is what others' layers go by.
        let turns =
            |body: &Body| matches!(body, Body::Turn(turn) if turn.kind != TurnKind::Withdrawn);
        if decision.append.iter().any(turns) {
            let live = state.ledger.live().map(|entry| entry.target.uid.clone());
            let targets: Vec<Uid> = live.collect();
            drop(state);
            self.registry.turned();
            self.registry.wake_others(&self.mode.id.uid, &targets).await;
        }
        memory.candidate = None;
        Ok(())
    }

    async fn order(&self, memory: &mut Memory, decision: &mut Decision, basis: i64) {
        if decision.works.is_empty() && !memory.ordered {
            return;
        }
        memory.ordered = !decision.works.is_empty();
        let mut works = std::mem::take(&mut decision.works);
        let mut state = self.mode.state.lock().await;
        works.retain(|work| !state.quarantined.contains(&work.uid));
        state.open = works.iter().map(|work| work.uid.clone()).collect();
        drop(state);
        let order = Order {
            mode: self.mode.id.uid.clone(),
            basis,
            works,
            urgent: std::mem::take(&mut decision.urgent),
        };
        let _ = self
            .orders
            .send(Command::Order(self.mode.clone(), order))
            .await;
    }

    async fn read(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        playbooks: &Playbooks,
        need: Need,
    ) -> Result<Next, String> {
        match need {
            Need::Plan => {
                self.plan(memory, object, playbooks).await;
                Ok(Next::Again)
            }
            Need::Proof => {
                self.rules.prove().await?;
                Ok(Next::Again)
            }
            Need::Sights(targets) => {
                if self.recall(memory, &targets).await {
                    return Ok(Next::Again);
                }
                self.begin_look(memory, &targets).await?;
                Ok(Next::Wait(Some(self.soon())))
            }
        }
    }
}

/// Whether what was decided last is what the mode's status says, where there is an object to say it.
fn is_told(memory: &Memory, object: Option<&EmergencyMode>, decision: &Decision) -> bool {
    let Some(object) = object else { return true };
    let known = memory.published.as_ref().or(object.status.as_ref());
    known == Some(&decision.status)
}
