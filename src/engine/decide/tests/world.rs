//! A small model of the API server, and an executor that can be killed between any two steps.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::{
    Abort, AbortChoice, Approval, BreakGlass, ChangeRecordSpec, Condition, EmergencyModeSpec,
    EmergencyModeStatus, Interruption, Level, Phase, PlanFindings, PlaybookSpec, RecordMode,
    Review, ReviewOutcome, StageStatus, Verdict, VerdictChoice, VerdictOf, condition, names,
};
use crate::engine::acts::{Answer, Answers, Ask, Key};
use crate::engine::beside::Origin;
use crate::engine::decide::{
    self, Candidate, Decision, Input, ModeView, Need, PlaybookView, Sight,
};
use crate::engine::enforcement::Enforcement;
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::layers::Layers;
use crate::engine::plan::{self, Change, Plan, Request, store};
use crate::engine::protect::Own;
use crate::engine::scheduler::{Class, Lane, Work};
use crate::engine::work::{Act, First, SwitchItem, Task, WriteItem};
use crate::field::ops;
use crate::field::patch::{self, Edit, Guard, HeldBy};
use crate::field::{FieldSet, Image, Path, Uid, giveback, project};
use crate::ledger::record::{self, Body, NewOutcome};
use crate::ledger::{EntryId, Event, Ledger, State};
use crate::playbook::{expand, matching};
use crate::step::wait::Reading;
use crate::step::{self, Fields, Query};

/// The mode of a world with one.
const NAME: &str = "flood";
const UID: &str = "0a1b2c3d-mode";
/// Decisions after which a world that still moves is called restless.
const TURNS: usize = 400;

/// The namespaces that are Pingzhan's own in every world.
pub const OWN: Own<'static> = Own {
    operator: names::DEFAULT_NAMESPACE,
    accounts: names::ACCOUNT_NAMESPACE,
};

/// Word of what an act comes to that no other try can change.
pub const NEVER: &str = "never";
/// Targets that are read between two decisions.
const PAGE: usize = 1;

/// The process was killed.
pub struct Killed;

/// A write that its sender did not live to see answered.
struct InFlight {
    lands_at: Timestamp,
    uid: String,
    manager: String,
    patch: json_patch::Patch,
    version: Option<String>,
    paths: Option<Vec<Path>>,
}

/// The cluster, the journal, the mode, and what one process remembers.
pub struct World {
    /// The mode.
    pub mode: RecordMode,
    /// What other modes have.
    pub layers: Layers,
    /// Their journals, where a plan is made.
    pub others: Vec<Ledger>,
    pub objects: BTreeMap<String, Value>,
    pub before: BTreeMap<String, Value>,
    pub spec: EmergencyModeSpec,
    pub now: Timestamp,
    /// Steps so far: one before and one after each record and write.
    pub steps: usize,
    /// Steps at which the process is killed.
    pub crash_at: Vec<usize>,
    /// Writes of targets that took effect.
    pub writes: usize,
    /// Values in the order in which they were released.
    pub released: Vec<(String, Class)>,
    /// Whose they were.
    pub wrote: Vec<String>,
    /// Whose controller was told to make up for nothing that was missed.
    pub passed_over: Vec<String>,
    /// What a killed process had sent takes effect so much later, if at all.
    pub lands_after: Option<SignedDuration>,
    /// How many of those took effect.
    pub landed_late: usize,
    /// The targets that refuse every write.
    pub refusing: BTreeSet<String>,
    /// The targets whose return is forbidden to the account.
    pub forbidding: BTreeSet<String>,
    /// The targets whose switch the server refuses for good.
    pub rejecting: BTreeSet<String>,
    /// What is seen of what acts wait for; nothing is seen where it is not said.
    pub seen: BTreeMap<Key, Reading>,
    /// What was looked at, carried out and undone.
    pub asked: Vec<(Key, Ask)>,
    /// Whether time passes while acts wait.
    pub is_patient: bool,
    /// New objects that match and are left alone.
    pub newcomers: Vec<crate::engine::denies::Newcomer>,
    /// Changes of new objects that match and are switched, as they were last surveyed.
    adopted: Vec<(String, String, Change)>,
    /// Whether the mode's object is gone, and only its records are left.
    pub is_gone: bool,
    /// What puts the mode's object there, as its marks say.
    pub kept: Vec<Origin>,
    /// What nobody may miss.
    pub alarms: Vec<decide::Alarm>,
    /// What somebody has done to the rules of authority.
    pub tampered: Vec<String>,
    /// Why it cannot be tried whether the rules of authority are in force, if so.
    pub unproven: Option<String>,
    /// When it was last proven that they are in force.
    pub proven: Option<Timestamp>,
    /// How often it was proven.
    pub proofs: usize,
    /// What is not as it is shipped of the policies without which a mode goes on.
    pub lapsed: Vec<String>,
    /// Targets at which the program failed itself.
    pub quarantined: BTreeSet<Uid>,
    answers: Answers,
    parsed: RefCell<BTreeMap<String, Arc<Plan>>>,
    in_flight: Vec<InFlight>,
    approving: bool,
    stop_at: Option<usize>,
    pub playbook: PlaybookSpec,
    pub records: Vec<ChangeRecordSpec>,
    pub status: EmergencyModeStatus,
    /// What was found of the plan that waits.
    pub explained: Option<(String, PlanFindings)>,
    epoch: i64,
    process: Process,
}

/// What is lost at a crash.
struct Process {
    ledger: Ledger,
    sights: BTreeMap<Uid, Sight>,
    candidate: Option<Candidate>,
    rewrites: BTreeMap<Uid, Vec<Timestamp>>,
    interruptions: Vec<Interruption>,
    dead_at: Timestamp,
    led: bool,
}

fn playbook() -> PlaybookSpec {
    serde_json::from_value(json!({
        "title": { "en": "Flood" }, "hazard": "Flood", "owner": "office",
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["approvers"],
            "breakGlassGroups": ["command"],
            "quorum": { "I": 1, "II": 1 }, "maxTerm": { "I": "24h", "II": "24h" } },
        "serviceAccountName": "flood",
        "stages": [
            { "name": "shed", "steps": [
                { "name": "calm", "targets": { "kinds": ["ConfigMap"], "names": ["flags"] },
                  "config": { "set": { "a": "off", "b": "new" },
                      "restart": [{ "kind": "Deployment", "name": "web-0" }] } } ] },
            { "name": "more", "levels": ["I"], "steps": [
                { "name": "shrink", "targets": { "kinds": ["Deployment"], "names": ["batch"] },
                  "scale": { "percent": 10, "minimum": 1 } } ] },
            { "name": "surge", "dependsOn": ["shed"], "steps": [
                { "name": "grow", "targets": { "kinds": ["Deployment"],
                      "selector": { "matchLabels": { "tier": "critical" } } },
                  "scale": { "percent": 300 } } ] }
        ]
    }))
    .expect("a playbook")
}

fn deployment(name: &str, tier: &str, replicas: i64, manager: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": "portal", "uid": name, "generation": 1,
            "resourceVersion": "1", "labels": { "tier": tier },
            "managedFields": [{ "manager": manager, "operation": "Apply", "apiVersion": "apps/v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:metadata": { "f:labels": { "f:tier": {} } },
                    "f:spec": { "f:replicas": {}, "f:template": { "f:spec": {} } } } }] },
        "spec": { "replicas": replicas, "template": { "metadata": {}, "spec": {} } }
    })
}

fn flags() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "flags", "namespace": "portal", "uid": "flags", "resourceVersion": "1",
            "managedFields": [{ "manager": "helm", "operation": "Apply", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:data": { "f:a": {} } } }] },
        "data": { "a": "on" }
    })
}

impl World {
    pub fn new() -> Self {
        let mut objects = BTreeMap::new();
        for index in 0..3 {
            let name = format!("web-{index}");
            objects.insert(name.clone(), deployment(&name, "critical", 3, "helm"));
        }
        objects.insert("batch".into(), deployment("batch", "office", 4, "argo"));
        objects.insert("flags".into(), flags());
        let spec = serde_json::from_value(json!({
            "playbookRef": { "name": "flood" }, "level": "II", "reason": "rain",
            "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h"
        }))
        .expect("a mode");
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        Self {
            mode: mode(),
            layers: Layers::default(),
            others: Vec::new(),
            before: objects.clone(),
            objects,
            spec,
            now,
            steps: 0,
            crash_at: Vec::new(),
            writes: 0,
            released: Vec::new(),
            wrote: Vec::new(),
            passed_over: Vec::new(),
            lands_after: None,
            landed_late: 0,
            refusing: BTreeSet::new(),
            forbidding: BTreeSet::new(),
            rejecting: BTreeSet::new(),
            seen: BTreeMap::new(),
            asked: Vec::new(),
            is_patient: false,
            newcomers: Vec::new(),
            adopted: Vec::new(),
            alarms: Vec::new(),
            tampered: Vec::new(),
            unproven: None,
            proven: None,
            proofs: 0,
            lapsed: Vec::new(),
            quarantined: BTreeSet::new(),
            is_gone: false,
            kept: Vec::new(),
            answers: BTreeMap::new(),
            parsed: RefCell::default(),
            in_flight: Vec::new(),
            approving: false,
            stop_at: None,
            playbook: playbook(),
            records: Vec::new(),
            status: EmergencyModeStatus::default(),
            explained: None,
            epoch: 1,
            process: Process::new(Ledger::new(mode()), now),
        }
    }

    fn manager(&self) -> String {
        names::field_manager(&self.mode.name, &self.mode.uid)
    }

    pub fn phase(&self) -> Phase {
        self.status.phase.unwrap_or(Phase::Pending)
    }

    /// What people read that the mode waits for.
    pub fn waits_for(&self) -> String {
        self.status.waiting_on.clone().unwrap_or_default()
    }

    /// The latest states of a target's fields that are not settled.
    pub fn states(&self, uid: &str) -> Vec<State> {
        let live = self.process.ledger.live();
        live.filter(|entry| entry.target.uid == uid && entry.path.is_under_spec())
            .filter(|entry| entry.path.to_pointer() == "/spec/replicas")
            .map(|entry| entry.state)
            .collect()
    }

    /// From now on somebody approves whatever waits for approval.
    pub fn approve_when_planned(&mut self) {
        self.approving = true;
    }

    pub fn approve_as(&mut self, by: &str) {
        let proposed = self
            .status
            .proposed
            .as_ref()
            .map(|proposed| proposed.plan_hash.clone());
        let planned = self.status.plan.as_ref().map(|plan| plan.hash.clone());
        if let Some(plan_hash) = proposed.or(planned) {
            let approval = Approval {
                by: by.into(),
                as_: "approvers".into(),
                plan_hash,
                comment: None,
            };
            if !self.spec.approvals.contains(&approval) {
                self.spec.approvals.push(approval);
            }
        }
    }

    pub fn break_glass(&mut self, by: &str, group: &str) {
        self.spec.break_glass = Some(BreakGlass {
            reason: "the dam".into(),
            by: by.into(),
            as_: group.into(),
        });
    }

    pub fn review(&mut self, by: &str) {
        self.spec.reviews.push(Review {
            of: "breakGlass".into(),
            outcome: ReviewOutcome::Justified,
            comment: None,
            by: by.into(),
            as_: "approvers".into(),
        });
    }

    /// What is said of the approval.
    pub fn approved(&self) -> &Condition {
        self.said(condition::types::APPROVED)
    }

    /// A condition.
    pub fn said(&self, type_: &str) -> &Condition {
        condition::get(&self.status.conditions, type_).expect("it is said")
    }

    /// The hash of the plan that waits for approval.
    pub fn plan_to_approve(&self) -> String {
        let plan = self.status.plan.as_ref().map(|plan| &plan.hash);
        let proposed = self.status.proposed.as_ref();
        let hash = proposed.map(|plan| &plan.plan_hash).or(plan);
        hash.expect("a plan").clone()
    }

    /// The first thing that status says was found of the plan, and of the proposal.
    pub fn found(&self) -> [Option<String>; 2] {
        let plan = self.status.plan.as_ref();
        let proposed = self.status.proposed.as_ref();
        let first = |found: Option<&PlanFindings>| Some(found?.listed.first()?.message.clone());
        [
            first(plan.and_then(|plan| plan.findings.as_ref())),
            first(proposed.and_then(|plan| plan.findings.as_ref())),
        ]
    }

    /// The steps whose new objects are refused.
    pub fn refuses(&self) -> Vec<&str> {
        let rules = self.status.denies.iter();
        rules.map(|rule| rule.step.as_str()).collect()
    }

    pub fn propose(&mut self, level: Level) {
        self.approving = false;
        self.spec.level = level;
    }

    pub fn abort(&mut self, choice: AbortChoice) {
        let reason = "said so".to_owned();
        self.spec.abort.get_or_insert(Abort {
            choice,
            reason,
            by: "wang".into(),
            as_: "approvers".into(),
        });
    }

    pub fn verdict_on_all(&mut self, choice: VerdictChoice) {
        let of = VerdictOf {
            all: Some(true),
            ..VerdictOf::default()
        };
        let verdict = Verdict {
            of,
            choice,
            seen: None,
            by: "he".into(),
            as_: "platform".into(),
        };
        self.spec.verdicts.push(verdict);
    }

    /// A critical Deployment appears that was not there when the plan was made.
    pub fn appears(&mut self, name: &str) {
        self.appears_in(name, "critical");
    }

    /// A Deployment of a tier appears that was not there when the plan was made.
    pub fn appears_in(&mut self, name: &str, tier: &str) {
        let object = deployment(name, tier, 3, "helm");
        self.before.insert(name.to_owned(), object.clone());
        self.objects.insert(name.to_owned(), object);
    }

    /// Somebody else writes a field.
    pub fn write_as(&mut self, manager: &str, uid: &str, pointer: &str, value: &Value) {
        let path = Path::parse_pointer(pointer).expect("a path");
        if let Some(object) = self.objects.get_mut(uid) {
            *object.pointer_mut(pointer).expect("the field is there") = value.clone();
            own(object, manager, "Update", &[path]);
            bump(object, true);
        }
        self.touch(uid);
    }

    /// A watch tells that a target moved.
    pub fn touch(&mut self, uid: &str) {
        self.process.sights.remove(uid);
    }

    /// What is said of a stage.
    pub fn stage(&self, name: &str) -> &StageStatus {
        let mut stages = self.status.stages.iter();
        stages.find(|stage| stage.name == name).expect("it is said")
    }

    /// What is waited for.
    pub fn waiting_on(&self) -> &str {
        self.status.waiting_on.as_deref().unwrap_or_default()
    }

    /// The process is killed, and another takes over later.
    pub fn restart(&mut self) {
        self.answers.clear();
        self.epoch += 1;
        self.now += SignedDuration::from_secs(3);
        let ledger =
            Ledger::fold(self.mode.clone(), self.records.clone()).expect("the journal is whole");
        self.process = Process::new(ledger, self.now);
        let said = &self.status.interruptions;
        self.process.interruptions.clone_from(said);
        if !self.adopted.is_empty() {
            self.survey();
        }
    }

    /// Finds new objects that the rule of the plan in force covers, as an actor does: those that
    /// neither plan nor journal know.
    pub fn survey(&mut self) {
        let fresh = self.plan();
        let granted = self
            .process
            .ledger
            .granted
            .clone()
            .expect("a plan in force");
        let plan = self.plans()[&granted.plan_hash].clone();
        let planned = plan.changes().map(|(_, _, change)| &change.target.uid);
        let journalled = self.process.ledger.entries.values();
        let journalled = journalled.map(|entry| &entry.target.uid);
        let known: BTreeSet<&Uid> = planned.chain(journalled).collect();
        let changes = fresh.changes();
        let new = changes.filter(|(_, _, change)| !known.contains(&change.target.uid));
        let adopted = new
            .map(|(stage, step, change)| (stage.name.clone(), step.name.clone(), change.clone()));
        self.adopted = adopted.collect();
    }

    /// Runs until nothing is left to do.
    pub fn run(&mut self) {
        for _ in 0..TURNS {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return,
                Err(Killed) => self.restart(),
            }
        }
        panic!("the world does not come to rest: {:?}", self.status);
    }

    /// Runs until the process was killed once, or nothing is left to do.
    pub fn run_until_killed(&mut self) {
        loop {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return,
                Err(Killed) => return self.restart(),
            }
        }
    }

    /// Whether a write of a killed process may still take effect.
    pub fn has_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Runs for some steps, at most until nothing is left to do.
    pub fn run_steps(&mut self, steps: usize) {
        self.stop_at = Some(self.steps + steps);
        for _ in 0..TURNS {
            if self.stop_at.is_some_and(|at| self.steps >= at) {
                break;
            }
            match self.turn() {
                Ok(true) => {}
                Ok(false) => break,
                Err(Killed) => self.restart(),
            }
        }
        self.stop_at = None;
    }

    /// One decision, carried out. False when there is nothing more to do.
    pub fn turn(&mut self) -> Result<bool, Killed> {
        if !self.process.led {
            let turn = json!({ "kind": "Leader", "by": format!("p{}", self.epoch) });
            self.append(&Body::Turn(serde_json::from_value(turn).expect("a turn")))?;
            self.process.led = true;
        }
        self.pass(self.now + SignedDuration::from_millis(500));
        let decision = self.decide();
        self.status = decision.status.clone();
        self.process
            .interruptions
            .clone_from(&decision.interruptions);
        self.alarms.clone_from(&decision.alarms);
        if self.approving {
            self.approve_as("lin");
        }
        if let Some(need) = decision.need {
            self.write_all(decision.works)?;
            self.read(&need);
            return Ok(true);
        }
        if !decision.append.is_empty() {
            for body in &decision.append {
                self.append(body)?;
                if matches!(body, Body::Turn(_)) {
                    self.process.sights.clear();
                }
            }
            self.process.candidate = None;
            return Ok(true);
        }
        if decision.works.is_empty() {
            return Ok(self.later(&decision));
        }
        self.write_all(decision.works)?;
        Ok(true)
    }

    fn write_all(&mut self, works: Vec<Work<Task>>) -> Result<(), Killed> {
        let values = works.iter().any(|work| work.lane == Lane::Value);
        for work in works {
            if values && work.lane == Lane::Ownership {
                continue;
            }
            if work.lane == Lane::Value && work.class != Class::NOTE {
                self.released.push((work.uid.to_string(), work.class));
            }
            self.carry_out(work.payload)?;
        }
        Ok(())
    }

    /// Time passes when only time is waited for, and while an approval is about to be seen.
    fn later(&mut self, decision: &Decision) -> bool {
        let waits_for_time = matches!(
            decision.waiting,
            Some(
                decide::Waiting::Unconfirmed(_)
                    | decide::Waiting::Retry { .. }
                    | decide::Waiting::Readiness { .. }
            )
        );
        for uid in &decision.refresh {
            self.look_again(uid);
        }
        for (key, ask) in &decision.asks {
            self.asked.push((key.clone(), *ask));
            let reading = self.seen.get(key).cloned();
            let reading = reading.unwrap_or_else(|| Reading::new(false, "nothing".into()));
            let answer = match (ask, reading.holds) {
                (Ask::Look, _) => Answer::Seen(reading),
                (Ask::Carry | Ask::Undo, true) => Answer::Done(reading.sentence),
                (Ask::Carry | Ask::Undo, false) if reading.sentence.contains(NEVER) => {
                    Answer::Failed(reading.sentence)
                }
                (Ask::Carry | Ask::Undo, false) => Answer::NotYet(reading.sentence),
            };
            self.answers.insert((key.clone(), *ask), (self.now, answer));
        }
        if !decision.asks.is_empty() {
            return true;
        }
        let acts = matches!(decision.waiting, Some(decide::Waiting::Acts(_)));
        let resumed = matches!(decision.waiting, Some(decide::Waiting::Resumed { .. }));
        let waits_for_time = waits_for_time || ((acts || resumed) && self.is_patient);
        let soon = decision
            .again_at
            .filter(|at| waits_for_time && *at > self.now);
        if let Some(at) = soon {
            self.pass(at);
            return true;
        }
        let approvals = matches!(
            decision.waiting,
            Some(
                decide::Waiting::Preflight(_)
                    | decide::Waiting::Approvals(_)
                    | decide::Waiting::ProposalApprovals(_)
            )
        );
        if approvals && self.approving {
            let before = self.spec.approvals.len();
            self.approve_as("lin");
            return self.spec.approvals.len() > before || self.decide().waiting != decision.waiting;
        }
        false
    }

    /// Time passes, and what was under way arrives. A watch tells of it, as of any write.
    fn pass(&mut self, until: Timestamp) {
        self.now = until;
        let arrived = |write: &mut InFlight| write.lands_at <= until;
        for write in self.in_flight.extract_if(.., arrived).collect::<Vec<_>>() {
            if self.land(&write) {
                self.landed_late += 1;
                self.touch(&write.uid);
            }
        }
    }

    /// The stored plans, by hash.
    pub fn plans(&self) -> BTreeMap<String, Arc<Plan>> {
        let mut known = self.parsed.borrow_mut();
        let stored = &self.process.ledger.plans;
        let plans = stored.iter().map(|(hash, text)| {
            let plan = known
                .entry(hash.clone())
                .or_insert_with(|| Arc::new(store::load(text, hash).expect("a plan")));
            (hash.clone(), plan.clone())
        });
        plans.collect()
    }

    /// What the journal says.
    pub fn ledger(&self) -> &Ledger {
        &self.process.ledger
    }

    /// A world of another mode in the same cluster.
    pub fn of(mode: RecordMode, spec: EmergencyModeSpec, playbook: PlaybookSpec) -> Self {
        let mut world = Self::new();
        world.process.ledger = Ledger::new(mode.clone());
        world.mode = mode;
        world.spec = spec;
        world.playbook = playbook;
        world
    }

    fn enforcement(&self) -> Enforcement {
        let proven = self.proven;
        match (&self.unproven, proven) {
            _ if !self.tampered.is_empty() => Enforcement::Broken(self.tampered.clone()),
            (Some(why), _) => {
                let why = why.clone();
                Enforcement::Unknown { why, proven }
            }
            (None, Some(at)) => Enforcement::Proven(at),
            (None, None) => Enforcement::Untried,
        }
    }

    pub fn decide(&self) -> Decision {
        let plans = self.plans();
        decide::decide(&Input {
            mode: ModeView {
                name: &self.mode.name,
                uid: &self.mode.uid,
                generation: 1,
                created: self.now,
                deleting: self.is_gone,
                spec: (!self.is_gone).then_some(&self.spec),
                status: Some(&self.status),
                kept: &self.kept,
            },
            playbook: Some(PlaybookView {
                uid: "pb",
                spec: &self.playbook,
            }),
            malformed: None,
            ledger: &self.process.ledger,
            plans: &plans,
            candidate: self.process.candidate.as_ref(),
            explained: self.explained.as_ref(),
            conflicts: &|_| Vec::new(),
            own: OWN,
            layers: &self.layers,
            enforcement: &self.enforcement(),
            lapsed: &self.lapsed,
            sights: &self.process.sights,
            adopted: &self.adopted,
            answers: &self.answers,
            trying: &BTreeSet::new(),
            rewrites: &self.process.rewrites,
            retry_at: &BTreeMap::new(),
            dead_at: self.process.dead_at,
            unconfirmed: &BTreeMap::new(),
            unanswered: &BTreeMap::new(),
            quarantined: &self.quarantined,
            unwatched: None,
            refused: None,
            interruptions: &self.process.interruptions,
            reported: &self.newcomers,
            given_up: &BTreeMap::new(),
            now: self.now,
        })
    }

    /// What would be planned now.
    pub fn plan(&mut self) -> Arc<Plan> {
        self.read(&Need::Plan);
        match self.process.candidate.take() {
            Some(Candidate::Planned(plan)) => plan,
            other => panic!("there is a plan: {other:?}"),
        }
    }

    fn read(&mut self, need: &Need) {
        match need {
            Need::Plan => {
                let level = self.spec.level;
                let expanded = expand::expand(&self.playbook, level, &BTreeMap::new());
                let expanded = expanded.expect("the playbook expands");
                let mut facts = Facts::default();
                for stage in expanded
                    .stages
                    .iter()
                    .filter(|stage| stage.left_out.is_none())
                {
                    for step in &stage.steps {
                        let queries = step::needs(step);
                        let found = queries.iter().map(|query| self.query(query));
                        let seen = StepFacts {
                            found: found.collect(),
                            ..StepFacts::default()
                        };
                        facts
                            .steps
                            .insert((stage.name.clone(), step.name.clone()), seen);
                    }
                }
                let request = Request {
                    round: self.process.ledger.round,
                    ..Request::of(&self.spec, "flood", "pb", &self.playbook)
                };
                let facts = facts.in_peacetime(&self.process.ledger);
                let others = self.others.iter();
                let facts = others.fold(facts, Facts::in_peacetime);
                let plan = plan::compute(&request, &expanded, &facts);
                self.process.candidate = Some(Candidate::Planned(Arc::new(plan)));
            }
            Need::Proof if self.unproven.is_some() => {}
            Need::Proof => {
                self.proven = Some(self.now);
                self.proofs += 1;
            }
            Need::Sights(wanted) => {
                // A fleet is written while it is read, so one page at a time.
                for (target, paths) in wanted.iter().take(PAGE) {
                    let mut paths = paths.clone();
                    if let Some(Sight::Present(sight)) = self.process.sights.get(&target.uid) {
                        paths.extend(sight.seen.iter().map(|seen| seen.path.clone()));
                    }
                    paths.sort();
                    paths.dedup();
                    let sight = self.look(&target.uid, &paths);
                    self.process.sights.insert(target.uid.clone(), sight);
                }
            }
        }
    }

    /// A target whose status is waited for is read again.
    fn look_again(&mut self, uid: &str) {
        let Some(Sight::Present(sight)) = self.process.sights.get(uid) else {
            return;
        };
        let paths: Vec<Path> = sight.seen.iter().map(|seen| seen.path.clone()).collect();
        let sight = self.look(uid, &paths);
        self.process.sights.insert(uid.into(), sight);
    }

    fn look(&self, uid: &str, paths: &[Path]) -> Sight {
        match self.objects.get(uid) {
            None => Sight::Gone,
            Some(object) => Sight::Present(Arc::new(
                project::project(object, plural(object), paths, true).expect("an object"),
            )),
        }
    }

    fn query(&self, query: &Query) -> Vec<crate::field::Projection> {
        let paths = match &query.fields {
            Fields::Paths(paths) => paths.clone(),
            Fields::Replicas => vec![Path::fields(["spec", "replicas"])],
            Fields::Manifest { .. } | Fields::Each { .. } => Vec::new(),
        };
        let matches = |object: &&Value| {
            let metadata = &object["metadata"];
            let labels: BTreeMap<String, String> =
                serde_json::from_value(metadata["labels"].clone()).unwrap_or_default();
            let (_, kind) = query.kind.split_once('/').unwrap_or(("", &query.kind));
            object["kind"] == kind
                && (query.names.is_empty()
                    || query
                        .names
                        .iter()
                        .any(|name| metadata["name"] == name.as_str()))
                && query
                    .selector
                    .as_ref()
                    .is_none_or(|s| matching::labels(s, &labels))
        };
        self.objects
            .values()
            .filter(matches)
            .filter_map(|object| {
                let mut seen = project::project(object, plural(object), &paths, false)?;
                let labels = serde_json::from_value(object["metadata"]["labels"].clone());
                let (space, labels) = (&seen.target.namespace, labels.unwrap_or_default());
                seen.priority = matching::place(&query.priority, space, &labels);
                Some(seen)
            })
            .collect()
    }

    fn step(&mut self) -> Result<(), Killed> {
        let at = self.steps;
        self.steps += 1;
        if self.crash_at.contains(&at) {
            Err(Killed)
        } else {
            Ok(())
        }
    }

    fn append(&mut self, body: &Body) -> Result<ChangeRecordSpec, Killed> {
        self.step()?;
        let ledger = &self.process.ledger;
        let record = record::encode(
            &ledger.head,
            &self.mode,
            self.epoch,
            self.now,
            ledger.next_entry,
            body,
        );
        self.records.push(record.clone());
        self.step()?;
        self.process
            .ledger
            .apply(&record)
            .unwrap_or_else(|damage| panic!("{damage}: {body:?}"));
        Ok(record)
    }

    fn carry_out(&mut self, task: Task) -> Result<(), Killed> {
        let uid = task.target.uid.clone();
        match task.act {
            Act::Note(outcomes) => self.append(&Body::Outcomes(outcomes)).map(drop),
            Act::Switch(items) => self.switch(&uid, task.sight, items),
            Act::Rewrite(items) => self.write(&uid, task.sight, &items, true),
            Act::Revert { items, turned } => {
                if !turned.is_empty() {
                    self.append(&Body::Outcomes(vec![NewOutcome::new(
                        Event::Turned,
                        turned,
                    )]))?;
                }
                self.write(&uid, task.sight, &items, false)
            }
            Act::GiveBack {
                items,
                last,
                others,
            } => {
                let (ids, returns): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                let sight = task.sight.expect("a sight");
                let manager = self.manager();
                let patch = giveback::give_back(&sight, &manager, &returns, last, &others);
                if let Some(patch) = patch.expect("managedFields are understood")
                    && !self.send(&uid, &sight, &patch, None)?
                {
                    return Ok(());
                }
                if ids.is_empty() {
                    return Ok(());
                }
                self.append(&Body::Outcomes(vec![NewOutcome::new(
                    Event::OwnersBack,
                    ids,
                )]))
                .map(drop)
            }
        }
    }

    fn switch(
        &mut self,
        uid: &str,
        sight: Option<Arc<crate::field::Projection>>,
        mut items: Vec<SwitchItem>,
    ) -> Result<(), Killed> {
        let fresh: Vec<_> = items
            .iter()
            .filter(|item| item.id.is_none())
            .map(|item| item.entry.clone())
            .collect();
        if !fresh.is_empty() {
            let record = self.append(&Body::Intents(fresh))?;
            let mut ids = record
                .intents
                .iter()
                .flat_map(|i| i.entries.iter().map(|e| e.id));
            for item in items.iter_mut().filter(|item| item.id.is_none()) {
                item.id = ids.next().map(EntryId);
            }
        }
        for item in items.iter().filter(|item| item.overtaken.is_some()) {
            let outcome = NewOutcome::new(Event::Overtaken, item.id.into_iter().collect());
            self.append(&Body::Outcomes(vec![outcome]))?;
        }
        let writes: Vec<WriteItem> = items
            .into_iter()
            .filter(|item| !item.covered && item.overtaken.is_none())
            .map(|item| {
                let to = item.to.unwrap_or(item.entry.after);
                WriteItem {
                    id: item.id.expect("a number"),
                    edit: Edit {
                        path: item.entry.path,
                        to: to.clone(),
                        remove_parents: Vec::new(),
                    },
                    event: Event::Applied,
                    after: to,
                    first: None,
                }
            })
            .collect();
        if writes.is_empty() {
            return Ok(());
        }
        self.write(uid, sight, &writes, true)
    }

    fn write(
        &mut self,
        uid: &str,
        sight: Option<Arc<crate::field::Projection>>,
        items: &[WriteItem],
        label: bool,
    ) -> Result<(), Killed> {
        if !label && self.forbidding.contains(uid) {
            let stuck = items.iter().map(|item| NewOutcome {
                reason: Some(format!(
                    "Forbidden: {uid} is forbidden: you cannot patch it"
                )),
                ..NewOutcome::new(Event::Stuck, vec![item.id])
            });
            return self.append(&Body::Outcomes(stuck.collect())).map(drop);
        }
        if label && self.rejecting.contains(uid) {
            let refused = items.iter().map(|item| NewOutcome {
                reason: Some(format!("Invalid: {uid} is too large")),
                ..NewOutcome::new(Event::Refused, vec![item.id])
            });
            return self.append(&Body::Outcomes(refused.collect())).map(drop);
        }
        let sight = sight.expect("a sight");
        let edits: Vec<Edit> = items.iter().map(|item| item.edit.clone()).collect();
        let held_by = if label {
            HeldBy::Set(self.mode.name.clone())
        } else {
            HeldBy::Leave
        };
        let guarded = patch::guarded(&sight, &edits, &held_by).expect("a patch");
        let paths: Vec<Path> = edits.iter().map(|edit| edit.path.clone()).collect();
        if !self.send(uid, &sight, &guarded.patch, Some((&guarded.guard, &paths)))? {
            return Ok(());
        }
        let mut outcomes = Vec::new();
        for item in items {
            if item.first == Some(First::SkipMissed) {
                self.passed_over.push(uid.into());
            }
            if item.event == Event::Reasserted {
                self.process
                    .rewrites
                    .entry(uid.into())
                    .or_default()
                    .push(self.now);
            }
            outcomes.push(NewOutcome::new(item.event, vec![item.id]));
            if item.event == Event::Ours {
                outcomes.push(NewOutcome::new(Event::Applied, vec![item.id]));
            }
        }
        self.append(&Body::Outcomes(outcomes)).map(drop)
    }

    /// Sends a patch; false when its guard failed.
    fn send(
        &mut self,
        uid: &str,
        sight: &crate::field::Projection,
        patch: &json_patch::Patch,
        value: Option<(&Guard, &[Path])>,
    ) -> Result<bool, Killed> {
        let version = match value {
            Some((Guard::ResourceVersion(version), _)) => Some(version.clone()),
            Some((Guard::Generation(_), _)) | None => None,
        };
        let write = InFlight {
            lands_at: self.now + self.lands_after.unwrap_or_default(),
            uid: uid.to_owned(),
            manager: self.manager(),
            patch: patch.clone(),
            version,
            paths: value.map(|(_, paths)| paths.to_vec()),
        };
        if self.refusing.contains(uid) {
            return Ok(false);
        }
        if self.step().is_err() {
            if self.lands_after.is_some() {
                self.in_flight.push(write);
            }
            return Err(Killed);
        }
        let known: Vec<Path> = sight.seen.iter().map(|seen| seen.path.clone()).collect();
        let applied = self.land(&write);
        let sight = self.look(uid, &known);
        self.step()?;
        self.process.sights.insert(uid.into(), sight);
        Ok(applied)
    }

    /// What the server does with a patch; false when its guard failed.
    fn land(&mut self, write: &InFlight) -> bool {
        let Some(object) = self.objects.get_mut(&write.uid) else {
            return false;
        };
        let version = write.version.as_deref();
        let stale = version.is_some_and(|seen| object["metadata"]["resourceVersion"] != seen);
        let mut next = object.clone();
        if stale || ops::carry_out(&mut next, &write.patch).is_err() {
            return false;
        }
        take_effect(object, next, &write.manager, write.paths.as_deref());
        self.writes += 1;
        self.wrote.push(write.uid.clone());
        true
    }
}

/// What the server makes of a patch that was applied: owners, versions, and what it drops.
fn take_effect(object: &mut Value, mut next: Value, manager: &str, paths: Option<&[Path]>) {
    if let Some(paths) = paths {
        let label = Path::new(vec![
            crate::field::Segment::Field("metadata".into()),
            crate::field::Segment::Field("labels".into()),
            crate::field::Segment::Field(names::HELD_BY_LABEL.into()),
        ]);
        let mut changed: Vec<Path> = paths.to_vec();
        if Image::at(object, &label) != Image::at(&next, &label) {
            changed.push(label);
        }
        own(&mut next, manager, "Update", &changed);
    }
    let spec = next.get("spec") != object.get("spec");
    *object = next;
    tidy(object);
    bump(object, spec);
}

impl Process {
    fn new(ledger: Ledger, now: Timestamp) -> Self {
        Self {
            ledger,
            sights: BTreeMap::new(),
            candidate: None,
            rewrites: BTreeMap::new(),
            interruptions: Vec::new(),
            dead_at: now + SignedDuration::from_secs(10),
            led: false,
        }
    }
}

fn mode() -> RecordMode {
    RecordMode {
        name: NAME.into(),
        uid: UID.into(),
    }
}

fn plural(object: &Value) -> &'static str {
    match object["kind"].as_str() {
        Some("ConfigMap") => "configmaps",
        Some("CronJob") => "cronjobs",
        Some("Kustomization") => "kustomizations",
        Some("RoleBinding") => "rolebindings",
        Some("HTTPRoute") => "httproutes",
        Some(_) | None => "deployments",
    }
}

/// A write's version, and its generation where the spec changed.
fn bump(object: &mut Value, spec: bool) {
    let metadata = &mut object["metadata"];
    let version: i64 = metadata["resourceVersion"]
        .as_str()
        .unwrap_or("0")
        .parse()
        .unwrap_or(0);
    metadata["resourceVersion"] = json!((version + 1).to_string());
    if let Some(generation) = metadata["generation"].as_i64().filter(|_| spec) {
        metadata["generation"] = json!(generation + 1);
    }
}

/// What the server drops by itself: empty labels, entries without fields, and fields of entries
/// that are not there any more.
fn tidy(object: &mut Value) {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    if metadata
        .get("labels")
        .is_some_and(|labels| labels == &json!({}))
    {
        metadata.remove("labels");
    }
    let now = object.clone();
    let entries = object["metadata"]["managedFields"]
        .as_array_mut()
        .expect("managedFields");
    // A list of one empty entry says that none is meant.
    entries.retain(|entry| entry != &json!({}));
    for entry in entries.iter_mut() {
        let mut fields = FieldSet::parse(&entry["fieldsV1"]).expect("fields");
        for path in fields.paths() {
            if Image::at(&now, &path) == Image::Absent {
                fields = fields.minus(&FieldSet::of(&path));
            }
        }
        entry["fieldsV1"] = fields.to_value();
    }
    entries.retain(|entry| entry["fieldsV1"] != json!({}));
}

/// The server's rule for an update: the writer owns what it changed, nobody else does.
fn own(object: &mut Value, manager: &str, operation: &str, changed: &[Path]) {
    let version = object["apiVersion"].clone();
    let present: Vec<Path> = changed
        .iter()
        .filter(|path| Image::at(object, path) != Image::Absent)
        .cloned()
        .collect();
    let entries = object["metadata"]["managedFields"]
        .as_array_mut()
        .expect("managedFields");
    for entry in entries.iter_mut() {
        let mut fields = FieldSet::parse(&entry["fieldsV1"]).expect("fields");
        for path in changed {
            fields = fields.without(path);
        }
        entry["fieldsV1"] = fields.to_value();
    }
    let mine = entries
        .iter_mut()
        .find(|entry| entry["manager"] == manager && entry["operation"] == operation);
    let fresh = present
        .iter()
        .fold(FieldSet::new(), |set, path| set.union(&FieldSet::of(path)));
    match mine {
        Some(entry) => {
            let fields = FieldSet::parse(&entry["fieldsV1"]).expect("fields");
            entry["fieldsV1"] = fields.union(&fresh).to_value();
        }
        None => entries.push(json!({ "manager": manager, "operation": operation,
            "apiVersion": version, "time": "2026-06-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": fresh.to_value() })),
    }
    entries.retain(|entry| entry["fieldsV1"] != json!({}));
}
