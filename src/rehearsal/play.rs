//! One rehearsal: a playbook is declared on a snapshot, approved, carried out, held for a while and
//! stood down, with faults on the way, in a time of its own. What came of it is a [`Report`].
//!
//! The same snapshot, playbook, level, parameters, faults and seed give the same report.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use snafu::{ResultExt, Snafu};
use tokio::time::{Instant, sleep};

use crate::api::{EmergencyModeStatus, Level, Phase, Playbook, Scalar, StageState, Term};
use crate::engine::plan::Plan;
use crate::run::signal;
use crate::sandtable::load;
use crate::sandtable::snapshot::Snapshot;

mod doings;
mod prepare;

use super::cast::Cast;
use super::fault::Fault;
use super::foresee::{self, Wish};
use super::gather;
use super::model::{self, Model};
use super::people::{self, Acting, Person};
use super::report::{End, Happened, Moment, Report};
use super::rivals::{Gitops, Written};
use super::stage::{self, Stage};
use super::strikes::Strikes;
use super::watch::Watch;
use super::{keda, outside, time};

/// The mode's name.
pub const MODE: &str = "rehearsal";
/// How long the mode lasts by its term: longer than any rehearsal.
const TERM: &str = "24h";
/// How long the cluster's own controllers are left alone before anything is declared.
const SETTLES: Duration = Duration::from_secs(40);
/// How long after the return everything is compared: KEDA passes on what came back last.
const FOLLOWS: Duration = Duration::from_secs(5);
/// How long a plan may take.
const PLANS: Duration = Duration::from_mins(10);
/// How long nothing may move before the mode is said not to go on: longer than anything that ends a
/// wait by itself usually takes.
const STALLS: Duration = Duration::from_mins(30);
/// How long any part of it may take although something moves.
const LONGEST: Duration = Duration::from_hours(12);
/// How long the mode is held before it is stood down.
pub const HOLDS: Duration = Duration::from_mins(15);
/// How long a field is left to somebody's edit before a person decides.
pub const DECIDES: Duration = Duration::from_mins(10);
/// How often it is looked what happened.
const LOOK: Duration = Duration::from_millis(250);
/// How often while nothing is waited for but time.
const REST: Duration = Duration::from_secs(2);

/// Why there is no report.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("no event loop: {source}"))]
    Loop { source: std::io::Error },
    #[snafu(display("{source}"))]
    Stage { source: stage::Error },
    #[snafu(display("{source}"))]
    Signals { source: signal::Error },
    #[snafu(display("the playbook is refused: {source}"))]
    Playbook { source: Box<kube::Error> },
    #[snafu(display("{source}"))]
    Foresee { source: foresee::Error },
    #[snafu(display("the account {account} cannot be made: {source}"))]
    Account {
        account: String,
        source: load::Error,
    },
    #[snafu(display("{source}"))]
    Person { source: people::Error },
    #[snafu(display("the journal cannot be read: {problem}"))]
    Journal { problem: String },
}

/// What is rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// On what.
    pub snapshot: &'a Snapshot,
    /// The playbook.
    pub playbook: &'a Playbook,
    /// The level of the declaration.
    pub level: Level,
    /// The chosen parameters.
    pub parameters: &'a BTreeMap<String, Scalar>,
    /// What goes wrong.
    pub faults: &'a [Fault],
    /// Decides what is left to chance.
    pub seed: u64,
}

/// Plays it, and does nothing else on this thread meanwhile. No packet leaves.
///
/// # Errors
/// The snapshot, the playbook or the parameters cannot be used. Whatever happens in the emergency is
/// in the report.
pub fn rehearse(rehearsal: &Rehearsal<'_>) -> Result<Report, Error> {
    time::play(rehearsal.seed, whole_play(rehearsal)).context(LoopSnafu)?
}

async fn whole_play(rehearsal: &Rehearsal<'_>) -> Result<Report, Error> {
    let mut play = Play::begin(rehearsal).await?;
    let end = play.there_and_back().await?;
    play.stage.stop_operators().await;
    let report = gather::report(&play, end);
    play.stage.close().await;
    report
}

/// How far a wait came.
enum Came {
    /// It is as wanted.
    There,
    /// Nothing moved for [`STALLS`], or for as long as was said.
    Stalled,
}

/// A rehearsal under way.
pub(super) struct Play<'a> {
    pub rehearsal: &'a Rehearsal<'a>,
    pub model: Model,
    pub stage: Stage,
    pub plan: Plan,
    /// Everything, before anything was declared.
    pub before: BTreeMap<String, Box<str>>,
    /// The kinds of which everything is compared: group and plural.
    pub kinds: Vec<(String, String)>,
    pub written: Written,
    pub critical: Watch,
    pub workloads: Watch,
    pub moments: Vec<Moment>,
    /// The account that had no rights in the snapshot, and was given all for this.
    pub given: Option<String>,
    /// The mode at the end of the switch.
    pub switched: Option<EmergencyModeStatus>,
    /// The mode as it was last seen.
    pub last: EmergencyModeStatus,
    /// The generation of the mode's spec then.
    generation: Option<i64>,
    /// Workloads that were not ready when it was stood down.
    pub unready: Vec<super::report::Unready>,
    /// When it was declared.
    pub declared: Instant,
    /// What the mode waited for when it did not go on.
    pub waited_for: Option<String>,
    cast: Cast,
    strikes: Strikes,
    is_granted: bool,
    stages: BTreeMap<String, StageState>,
    /// Gates that asked, since when, and whether they were answered.
    gates: BTreeMap<(String, String), (Instant, bool)>,
    /// Fields that wait for a verdict, and since when.
    drifted: BTreeMap<(String, String), (Instant, bool)>,
}

impl<'a> Play<'a> {
    async fn begin(rehearsal: &'a Rehearsal<'a>) -> Result<Self, Error> {
        let model = Model::of(rehearsal.snapshot, rehearsal.faults);
        let settings = stage::Settings {
            seed: rehearsal.seed,
            controllers: model.controllers,
            delays: model.delays.clone(),
            costs: model.costs,
            lease: model::LEASE,
            concurrency: model::CONCURRENCY,
            signals: outside::signals(rehearsal.playbook)
                .context(SignalsSnafu)?
                .into(),
            ..stage::Settings::at(rehearsal.snapshot.taken)
        };
        let mut stage = Stage::open(rehearsal.snapshot, settings).context(StageSnafu)?;
        tokio::spawn(keda::play(stage.service.of(keda::user()).client()));
        if outside::steps(rehearsal.playbook).any(|step| step.run.is_some()) {
            tokio::spawn(outside::play_jobs(stage.service.client()));
        }
        let given = prepare::account(&stage, &rehearsal.playbook.spec.service_account_name)?;
        let playbook = prepare::publish(&stage, rehearsal.playbook).await?;
        sleep(SETTLES).await;
        stage.begin_operator();
        sleep(Duration::from_secs(5)).await;
        let kinds = prepare::kinds(&stage);
        let before = prepare::texts(&stage, &kinds);
        let wish = Wish {
            playbook: &playbook,
            level: rehearsal.level,
            parameters: rehearsal.parameters,
            term: &Term(TERM.to_owned()),
        };
        let plan = foresee::foresee(&stage, wish).await.context(ForeseeSnafu)?;
        Ok(Self {
            critical: Watch::of(&stage.service, &plan, |step| step.critical),
            workloads: Watch::of(&stage.service, &plan, |_| true),
            cast: Cast::of(&playbook, rehearsal.level),
            strikes: Strikes::of(rehearsal.faults, rehearsal.seed),
            rehearsal,
            model,
            stage,
            plan,
            before,
            kinds,
            written: Written::default(),
            moments: Vec::new(),
            given,
            switched: None,
            last: EmergencyModeStatus::default(),
            generation: None,
            unready: Vec::new(),
            declared: Instant::now(),
            waited_for: None,
            is_granted: false,
            stages: BTreeMap::new(),
            gates: BTreeMap::new(),
            drifted: BTreeMap::new(),
        })
    }

    /// Seconds since the declaration.
    pub fn now(&self) -> f64 {
        self.declared.elapsed().as_secs_f64()
    }

    pub(super) fn note(&mut self, what: Happened) {
        let at = self.now();
        self.moments.push(Moment { at, what });
    }

    async fn there_and_back(&mut self) -> Result<End, Error> {
        if !self.declare().await? {
            return Ok(End::NotPlanned);
        }
        if !self.approve().await? {
            return Ok(End::NotApproved);
        }
        let came = self
            .until(STALLS, |status| status.phase == Some(Phase::Active))
            .await?;
        let is_switched = matches!(came, Came::There);
        if is_switched {
            self.note(Happened::Active);
        } else {
            self.give_up();
        }
        self.switched = Some(self.last.clone());
        self.hold().await?;
        self.unready = self.workloads.unready(&self.stage.service);
        let requester = self.cast.requester.clone();
        self.acting(&requester.person())
            .stand_down()
            .await
            .context(PersonSnafu)?;
        self.note(Happened::StoodDown { by: requester.name });
        let came = self
            .until(STALLS, |status| status.phase == Some(Phase::Closed))
            .await?;
        match came {
            Came::There => {
                self.note(Happened::Closed);
                self.pass(FOLLOWS).await?;
            }
            Came::Stalled => {
                self.give_up();
                return Ok(End::NotRestored);
            }
        }
        Ok(if is_switched {
            End::Closed
        } else {
            End::NotSwitched
        })
    }

    fn give_up(&mut self) {
        let waiting_on = self.last.waiting_on.clone().unwrap_or_default();
        self.waited_for.get_or_insert_with(|| waiting_on.clone());
        self.note(Happened::GaveUp { waiting_on });
    }

    fn acting<'b, 'n>(&self, person: &'b Person<'n>) -> Acting<'b, 'n> {
        Acting {
            person,
            client: self.stage.player(person),
            mode: MODE,
        }
    }

    /// Declares, and waits for a plan. Says whether there is one.
    async fn declare(&mut self) -> Result<bool, Error> {
        self.strikes.begin(&self.stage);
        self.declared = Instant::now();
        let name = self
            .rehearsal
            .playbook
            .metadata
            .name
            .clone()
            .unwrap_or_default();
        let spec = json!({
            "playbookRef": { "name": name }, "level": self.rehearsal.level, "nature": "Actual",
            "reason": "a rehearsal", "expiresAfter": TERM, "parameters": self.rehearsal.parameters,
        });
        let requester = self.cast.requester.clone();
        self.acting(&requester.person())
            .declare(spec)
            .await
            .context(PersonSnafu)?;
        let (by, group) = (requester.name, requester.group);
        self.note(Happened::Declared { by, group });
        let planned = |status: &EmergencyModeStatus| {
            let plan = status.plan.as_ref();
            status.granted.is_some() || plan.is_some_and(|plan| plan.findings.is_some())
        };
        if let Came::Stalled = self.until(PLANS, planned).await? {
            self.give_up();
            return Ok(false);
        }
        let plan = self.last.plan.clone().unwrap_or_default();
        let (changes, targets) = (plan.changes, plan.targets);
        self.note(Happened::Planned { changes, targets });
        if self.rehearsal.faults.contains(&Fault::GitopsReverts) {
            let raw = prepare::raw(&self.stage, &self.kinds);
            let rivals = Gitops::of(&self.stage.service, &raw, self.written.clone());
            self.strikes.rivals(rivals.count());
            tokio::spawn(rivals.play());
        }
        Ok(true)
    }

    /// Lets people approve. Says whether it came into force.
    async fn approve(&mut self) -> Result<bool, Error> {
        for approver in self.cast.approvers.clone() {
            self.pass(self.model.approver).await?;
            let hash = self.last.plan.clone().unwrap_or_default().hash;
            let person = approver.person();
            let acting = self.acting(&person);
            acting.approve(&hash).await.context(PersonSnafu)?;
            let (by, group) = (approver.name.clone(), approver.group.clone());
            self.note(Happened::Approved { by, group });
        }
        let granted = |status: &EmergencyModeStatus| status.granted.is_some();
        if let Came::Stalled = self.until(PLANS, granted).await? {
            self.give_up();
            return Ok(false);
        }
        Ok(true)
    }

    /// Lets time go by in wartime, until nobody's decision is waited for.
    async fn hold(&mut self) -> Result<(), Error> {
        self.pass(HOLDS).await?;
        let late = Instant::now() + HOLDS;
        while self.drifted.values().any(|(_, decided)| !decided) && Instant::now() < late {
            self.pass(REST).await?;
        }
        Ok(())
    }

    /// Lets time go by.
    async fn pass(&mut self, time: Duration) -> Result<(), Error> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look().await?;
            sleep(REST.min(end - Instant::now())).await;
        }
        self.look().await
    }

    /// Waits until the mode is as wanted, as long as anything moves.
    async fn until(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<Came, Error> {
        let late = Instant::now() + LONGEST;
        let mut moved = (String::new(), Instant::now());
        loop {
            self.look().await?;
            // A status of an older spec says nothing of what a person just wrote.
            if self.generation == Some(self.last.observed_generation) && wanted(&self.last) {
                return Ok(Came::There);
            }
            let sign = doings::movement(&self.last);
            if sign != moved.0 {
                moved = (sign, Instant::now());
            }
            if moved.1.elapsed() >= patience || Instant::now() >= late {
                return Ok(Came::Stalled);
            }
            sleep(LOOK).await;
        }
    }
}
