//! One column of the matrix: one mode with every kind of step, on targets that go wrong and on others beside
//! them, in namespaces of its own.

use std::collections::BTreeSet;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook};
use pingzhan::field::exact;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::kinds::{KINDS, Kind, value};
use super::site::{CHANNEL, Site};
use super::table::{Cell, Fault};
use crate::fleet::load::place;
use crate::scenarios::world::{Objects, REMOVED, resource};
use crate::support::people::{person, who_acts};

/// Whoever is not the operator and edits what it holds.
pub const COLLEAGUE: &str = "colleague";
/// What the wait looks at.
const SIGNAL: (&str, &str) = ("StatefulSet", "wait-bad");
/// Who declares and stands down, and in whose name.
const OFFICER: (&str, &str) = ("zhou", "emergency-duty");

/// A column that is played.
pub struct Play<'a> {
    pub site: &'a Site,
    pub fault: Fault,
    /// Whether it is about what steps make, and not about what they change.
    pub makes: bool,
    /// The name of the mode and of its playbook.
    word: String,
    /// The namespace, whose name is the account's as well.
    pub space: String,
    /// It, and that of what goes wrong, where that has one of its own.
    pub spaces: Vec<String>,
    /// Everything before it was declared.
    pub before: Objects,
    /// What does not hold, a sentence each.
    pub wrong: Vec<String>,
}

impl<'a> Play<'a> {
    pub fn new(site: &'a Site, fault: Fault) -> Self {
        let word = fault.word().to_owned();
        let apart = fault.ends().then_some("ends");
        Self::of(site, fault, word, apart)
    }

    /// The same of what steps make, of which what goes wrong is always in a namespace of its own.
    pub fn made(site: &'a Site, fault: Fault) -> Self {
        let word = format!("made-{}", fault.word());
        Self {
            makes: true,
            ..Self::of(site, fault, word, Some("bad"))
        }
    }

    fn of(site: &'a Site, fault: Fault, word: String, apart: Option<&str>) -> Self {
        let space = format!("{}-{word}", site.prefix);
        let mut spaces = vec![space.clone()];
        spaces.extend(apart.map(|apart| format!("{space}-{apart}")));
        Self {
            site,
            fault,
            makes: false,
            word,
            space,
            spaces,
            before: Objects::new(),
            wrong: Vec::new(),
        }
    }

    /// The name of the mode and of its playbook.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Where what goes wrong lives.
    pub fn bad_space(&self) -> &str {
        self.spaces.last().unwrap_or(&self.space)
    }

    /// Plays it.
    pub async fn run(mut self) -> Self {
        let played = if self.makes {
            self.make().await
        } else {
            self.play().await
        };
        self.wrong.extend(played.err());
        self
    }

    /// What did not hold.
    pub fn complaints(&self) -> Vec<String> {
        let word = self.word();
        self.wrong
            .iter()
            .map(|what| format!("{word}: {what}"))
            .collect()
    }

    async fn play(&mut self) -> Result<(), String> {
        self.found().await;
        if self.fault.is_there() {
            self.trouble(true).await;
        }
        let paused = self.fault == Fault::EndsThere;
        self.declare(&self.stages(), paused).await;
        self.switch().await?;
        self.until("is active", |status| status.phase == Some(Phase::Active))
            .await?;
        self.hold().await?;
        self.is_true().await?;
        self.back().await?;
        self.until("is closed", |status| status.phase == Some(Phase::Closed))
            .await?;
        self.is_true().await?;
        self.is_over().await;
        Ok(())
    }

    /// From the declaration on, with the cause in the way.
    async fn switch(&mut self) -> Result<(), String> {
        match self.fault {
            Fault::EndsThere => {
                self.is_paused().await?;
                self.end().await;
                self.change(json!({ "paused": false })).await;
            }
            Fault::Nothing => {
                self.says("asks and waits", Self::asks).await?;
                let mut signal = signal(self.bad_space(), 2);
                signal["metadata"]["labels"] = json!({ "told": "yes" });
                self.site.apply("helm", &signal).await;
                let answer = json!({ "stage": "acts", "step": "gate", "answer": "Proceed",
                    "by": "wang", "as": "emergency-command" });
                self.change(json!({ "answers": [answer] })).await;
            }
            _ => {}
        }
        self.at_war(|_| true, Kind::well, "war").await?;
        if self.fault.is_there() || self.fault == Fault::EndsThere {
            self.says("says what is in the way", |status| self.in_the_way(status))
                .await?;
            self.is_true().await?;
        }
        if self.fault.is_there() {
            self.trouble(false).await;
        }
        if self.fault == Fault::EndsThere {
            self.skip("acts", "run").await;
            self.skip("acts", "wait").await;
        }
        Ok(())
    }

    /// In wartime.
    async fn hold(&mut self) -> Result<(), String> {
        match self.fault {
            Fault::ForbiddenThere | Fault::DeniedThere => self.as_before(Kind::bad).await,
            Fault::EndsThere => {}
            _ => self.at_war(|_| true, Kind::bad, "war").await?,
        }
        match self.fault {
            Fault::PutBack => {
                self.edit(|kind| Some(kind.base)).await;
                self.at_war(|_| true, Kind::bad, "war again").await?;
            }
            Fault::Third => {
                self.edit(|kind| kind.third).await;
                self.says("names the rival", |status| self.drifted(status))
                    .await?;
                self.at_war(Kind::is_firm, Kind::bad, "war, unasked")
                    .await?;
                self.is_true().await?;
                self.verdict("Ours").await;
                self.at_war(|_| true, Kind::bad, "war by a verdict").await?;
            }
            Fault::EndsBack => {
                self.end().await;
                self.says("says what is gone", |status| self.in_the_way(status))
                    .await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The return, with the cause in the way.
    async fn back(&mut self) -> Result<(), String> {
        if matches!(self.fault, Fault::LateOurs | Fault::LateKeep) {
            self.change(json!({ "paused": true })).await;
            self.is_paused().await?;
            self.edit(|kind| kind.third).await;
        }
        if self.fault.is_back() {
            self.trouble(true).await;
        }
        self.change(json!({ "posture": "Peacetime" })).await;
        if matches!(self.fault, Fault::LateOurs | Fault::LateKeep) {
            self.change(json!({ "paused": false })).await;
        }
        match self.fault {
            Fault::LateOurs | Fault::LateKeep => {
                self.says("names the rival", |status| self.drifted(status))
                    .await?;
                self.comes_back(Kind::well).await?;
                self.is_true().await?;
                let ours = self.fault == Fault::LateOurs;
                self.verdict(if ours { "Ours" } else { "Keep" }).await;
            }
            Fault::EndsThere | Fault::EndsBack => {
                self.says("says what is not undone", |status| self.not_undone(status))
                    .await?;
                self.comes_back(Kind::well).await?;
                self.skip("acts", "run").await;
            }
            fault if fault.is_back() => {
                self.says("says what is in the way", |status| self.in_the_way(status))
                    .await?;
                self.comes_back(Kind::well).await?;
                self.is_true().await?;
                self.trouble(false).await;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What people and owners do.
impl Play<'_> {
    /// Its namespaces, these among them, and the account of its playbook.
    pub async fn settle(&self, more: &[String]) {
        for space in self.spaces.iter().chain(more) {
            self.put(
                &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": space } }),
            )
            .await;
        }
        self.account().await;
    }

    async fn found(&mut self) {
        self.settle(&[]).await;
        for kind in KINDS {
            for (space, name) in [(self.bad_space(), kind.bad()), (&self.space, kind.well())] {
                for (manager, object) in (kind.objects)(space, &name) {
                    self.site.apply(manager, &object).await;
                }
            }
        }
        let replicas = if self.fault == Fault::Nothing { 1 } else { 2 };
        self.site
            .apply("helm", &signal(self.bad_space(), replicas))
            .await;
        self.before = self.now().await;
    }

    /// Kind, namespace and name of everything that owners wrote.
    fn places(&self) -> Vec<(String, String, String)> {
        let mut places = vec![(
            SIGNAL.0.to_owned(),
            self.bad_space().to_owned(),
            SIGNAL.1.to_owned(),
        )];
        for kind in KINDS {
            for (space, name) in [(self.bad_space(), kind.bad()), (&self.space, kind.well())] {
                for (_, object) in (kind.objects)(space, &name) {
                    let of = object["kind"].as_str().expect("a kind").to_owned();
                    places.push((of, space.to_owned(), name.clone()));
                }
            }
        }
        places
    }

    /// Everything as it is.
    pub async fn now(&self) -> Objects {
        if self.makes {
            return self.what_is_made().await;
        }
        let mut all = Objects::new();
        for (kind, space, name) in self.places() {
            if let Some(object) = self.site.get(&kind, &space, &name).await {
                all.insert((kind, name), object);
            }
        }
        all
    }

    fn stages(&self) -> Value {
        let fields: Vec<Value> = KINDS.iter().map(|kind| kind.step(&self.spaces)).collect();
        let pods = json!({ "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
        let job = json!({ "template": { "spec": pods } });
        let mut acts = vec![
            json!({ "name": "run", "run": { "namespace": self.bad_space(), "job": job, "undo": job } }),
            json!({ "name": "call", "call": { "url": "http://127.0.0.1/divert", "undo": "http://127.0.0.1/normal" } }),
            json!({ "name": "notify", "notify": { "channels": [CHANNEL], "message": { "en": "the river rises" } } }),
            json!({ "name": "wait", "wait": { "expression": "object.spec.replicas == 2" },
                "targets": { "kinds": [SIGNAL.0], "namespaces": { "names": self.spaces }, "names": [SIGNAL.1] } }),
        ];
        if self.fault == Fault::Nothing {
            acts.push(
                json!({ "name": "gate", "gate": { "groups": ["emergency-command"],
                "prompt": { "en": "Go on?" } } }),
            );
        }
        json!([
            { "name": "fields", "onFailure": "Continue", "steps": fields },
            { "name": "acts", "onFailure": "Continue", "steps": acts },
        ])
    }

    /// Publishes a playbook of these stages, and declares a mode of it.
    pub async fn declare(&self, stages: &Value, paused: bool) {
        let playbook = serde_json::from_value(json!({
            "title": { "en": "Flood" }, "hazard": "Flood", "owner": "faults",
            "serviceAccountName": self.space,
            "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers"],
                "quorum": { "IV": 0 } },
            "stages": stages,
        }));
        let playbook = Playbook::new(self.word(), playbook.expect("a playbook"));
        let playbooks: Api<Playbook> = Api::all(self.site.client.clone());
        let published = playbooks.create(&PostParams::default(), &playbook).await;
        published.expect("the playbook is accepted");
        let mode = serde_json::from_value(json!({
            "playbookRef": { "name": self.word() }, "level": "IV", "reason": "the river rises",
            "requestedBy": OFFICER.0, "requestedAs": OFFICER.1, "expiresAfter": "5h",
            "paused": paused,
        }));
        let mode = EmergencyMode::new(self.word(), mode.expect("a mode"));
        let modes = self.acting(OFFICER);
        let declared = modes.create(&PostParams::default(), &mode).await;
        declared.expect("the mode is accepted");
    }

    pub fn modes(&self) -> Api<EmergencyMode> {
        Api::all(self.site.client.clone())
    }

    fn acting(&self, (name, group): (&str, &str)) -> Api<EmergencyMode> {
        Api::all(person(&self.site.client, name, group))
    }

    /// Somebody who may changes what is asked for.
    pub async fn change(&self, spec: Value) {
        let modes = self.acting(who_acts(&spec).unwrap_or(OFFICER));
        let patch = Patch::Merge(json!({ "spec": spec }));
        let changed = modes
            .patch(self.word(), &PatchParams::default(), &patch)
            .await;
        changed.expect("the change is accepted");
    }

    /// One more step is skipped, by a person: each request adds one.
    pub async fn skip(&self, stage: &str, step: &str) {
        let mode = self.modes().get(self.word()).await;
        let mut skips = json!(mode.expect("the mode is there").spec.skips);
        let skip = json!({ "stage": stage, "step": step, "reason": "it is not needed",
            "by": "lin", "as": "emergency-approvers" });
        skips.as_array_mut().expect("a list").push(skip);
        self.change(json!({ "skips": skips })).await;
    }

    /// Somebody decides about everything that waits for it.
    pub async fn verdict(&self, choice: &str) {
        let verdict = json!({ "of": { "all": true }, "choice": choice, "by": "lin", "as": "emergency-approvers" });
        self.change(json!({ "verdicts": [verdict] })).await;
    }

    /// Somebody edits the field of each target that goes wrong, where there is something to write.
    async fn edit(&self, to: impl Fn(&Kind) -> Option<&'static str>) {
        for kind in KINDS.iter().filter(|kind| self.demands(kind)) {
            let Some(to) = to(kind).map(value) else {
                continue;
            };
            let op = match to {
                Some(to) => json!({ "op": "add", "path": kind.pointer, "value": to }),
                None => json!({ "op": "remove", "path": kind.pointer }),
            };
            let patch = serde_json::from_value(json!([op])).expect("a patch");
            let params = PatchParams {
                field_manager: Some(COLLEAGUE.to_owned()),
                ..PatchParams::default()
            };
            let (api, name) = (self.api(kind.target), kind.bad());
            let patch = Patch::Json::<()>(patch);
            let edited = api.patch(&name, &params, &patch);
            self.site.note(&edited.await.expect("the edit is accepted"));
        }
    }

    /// Somebody removes something, as it was read.
    pub async fn remove(&self, object: &Value) {
        let uid = object["metadata"]["uid"].as_str().expect("a uid");
        self.site.note_version(uid.to_owned(), REMOVED);
        let (api, name) = place(&self.site.client, object);
        let removed = api.delete(&name, &DeleteParams::background()).await;
        removed.expect("it may be removed");
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.site.client.clone(), self.bad_space(), &resource(kind))
    }

    /// Whether the cell of a kind of step demands something.
    pub fn demands(&self, kind: &Kind) -> bool {
        matches!(self.fault.field(kind), Cell::Holds(_))
    }
}

/// How it waits.
impl Play<'_> {
    /// What is said of it.
    pub async fn status(&self) -> EmergencyModeStatus {
        let mode = self
            .modes()
            .get(self.word())
            .await
            .expect("the mode is there");
        mode.status.unwrap_or_default()
    }

    /// Waits until it is paused, with its plan made.
    pub async fn is_paused(&self) -> Result<(), String> {
        self.says("is paused", |status| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            complaint(said.contains("paused"), || format!("it says {said}"))
        })
        .await
    }

    /// Waits for something of the status.
    pub async fn until(
        &self,
        what: &str,
        holds: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<(), String> {
        self.says(what, |status| {
            complaint(holds(status), || "it is not".to_owned())
        })
        .await
    }

    /// Waits until nothing is to be complained of in the status.
    pub async fn says(
        &self,
        what: &str,
        complaints: impl Fn(&EmergencyModeStatus) -> Vec<String>,
    ) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let status = self.status().await;
            let wrong = complaints(&status);
            if wrong.is_empty() {
                return Ok(());
            }
            if began.elapsed() > self.site.patience {
                let status = serde_json::to_string(&status).unwrap_or_default();
                return Err(format!("it never {what}: {}; {status}", wrong.join("; ")));
            }
            sleep(self.site.look).await;
        }
    }

    pub async fn wait_for(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let began = Instant::now();
        while !holds().await {
            assert!(
                began.elapsed() < self.site.patience,
                "{}: not in time: {what}",
                self.word()
            );
            sleep(self.site.look).await;
        }
    }

    /// Waits until targets of some kinds of step hold what they are to hold in wartime.
    async fn at_war(
        &self,
        of: fn(&Kind) -> bool,
        name: fn(&Kind) -> String,
        what: &str,
    ) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let now = self.now().await;
            let holds = |kind: &&Kind| {
                let key = (kind.target.to_owned(), name(kind));
                now.get(&key)
                    .is_some_and(|object| kind.holds(object, kind.war))
            };
            let kinds = KINDS.iter().filter(|kind| of(kind));
            let not: Vec<String> = kinds.filter(|kind| !holds(kind)).map(name).collect();
            if not.is_empty() {
                return Ok(());
            }
            if began.elapsed() > self.site.patience {
                let status = serde_json::to_string(&self.status().await).unwrap_or_default();
                return Err(format!("not at {what}: {}; {status}", not.join(", ")));
            }
            sleep(self.site.look).await;
        }
    }

    /// Waits until targets are exactly as they were.
    async fn comes_back(&self, name: fn(&Kind) -> String) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let wrong = self.differs(name).await;
            if wrong.is_empty() {
                return Ok(());
            }
            if began.elapsed() > self.site.patience {
                return Err(format!("not back while others wait: {}", wrong.join("; ")));
            }
            sleep(self.site.look).await;
        }
    }

    async fn as_before(&mut self, name: fn(&Kind) -> String) {
        let wrong = self.differs(name).await;
        self.wrong.extend(wrong);
    }

    /// How targets differ from what they were.
    pub async fn differs(&self, name: fn(&Kind) -> String) -> Vec<String> {
        let names: BTreeSet<String> = KINDS.iter().map(name).collect();
        let now = self.now().await;
        let mut wrong = Vec::new();
        for (key, was) in self.before.iter().filter(|(key, _)| names.contains(&key.1)) {
            let Some(is) = now.get(key) else {
                wrong.push(format!("{} {} is gone", key.0, key.1));
                continue;
            };
            let mut differs = exact::differences(was, is);
            // What the server says that the colleague owns of their edit stays theirs.
            let theirs = format!("/metadata/managedFields/{COLLEAGUE} ");
            differs.retain(|what| self.fault != Fault::LateOurs || !what.starts_with(&theirs));
            wrong.extend(
                differs
                    .iter()
                    .map(|what| format!("{} {}: {what}", key.0, key.1)),
            );
        }
        wrong
    }
}

/// A sentence where something does not hold.
pub fn complaint(holds: bool, what: impl FnOnce() -> String) -> Vec<String> {
    if holds { Vec::new() } else { vec![what()] }
}

fn signal(space: &str, replicas: i64) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": SIGNAL.0, "metadata": { "namespace": space, "name": SIGNAL.1 },
        "spec": { "replicas": replicas, "serviceName": "wait",
            "selector": { "matchLabels": { "app": "wait" } },
            "template": { "metadata": { "labels": { "app": "wait" } },
                "spec": { "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] } } } })
}
