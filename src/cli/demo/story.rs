//! The story: a warning, a declaration, two approvals, the switch, a rival, an engineer, another level,
//! the return. Every act says what it shows, and none goes on before the cluster shows it.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use kube::api::{Api, PostParams};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::api::{EmergencyMode, EmergencyModeStatus, Level, Phase, Playbook};
use crate::rehearsal::people::{Acting, Person};
use crate::rehearsal::stage::Stage;
use crate::rehearsal::time::Pace;
use crate::rehearsal::whole::{self, Objects, Verdict};
use crate::t;

use super::super::context::Context;
use super::super::error::Error;
use super::super::render::{findings, short_hash};
use super::teller::{self, Teller, time};

/// How many acts there are.
const ACTS: usize = 10;
/// The mode's name.
pub(super) const MODE: &str = "flood-2026-07";
/// How long anything may take, in the time of the story.
pub(super) const PATIENCE: Duration = Duration::from_hours(2);
/// How often it is looked whether something has come.
const LOOK: Duration = Duration::from_millis(250);
/// How long people think before they act.
pub(super) const THINKS: Duration = Duration::from_secs(6);
/// The kinds of which everything is compared: group and plural.
pub const KINDS: [(&str, &str); 12] = [
    ("", "namespaces"),
    ("", "configmaps"),
    ("", "resourcequotas"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("policy", "poddisruptionbudgets"),
    ("keda.sh", "scaledobjects"),
    ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    ("helm.toolkit.fluxcd.io", "helmreleases"),
    ("argoproj.io", "applications"),
];

/// What the acts share.
pub struct Story<'a> {
    /// How it is drawn.
    pub context: &'a Context,
    /// On what it is played.
    pub stage: &'a Stage,
    /// Who tells it.
    pub teller: Teller,
    /// The playbook.
    pub playbook: &'a Playbook,
    /// The level of the declaration.
    pub level: Level,
    /// How fast it goes by.
    pub pace: Pace,
    /// How fast it is to go by.
    pub speed: Option<u64>,
    /// Whether somebody is asked before each act.
    pub step: bool,
    /// Who plays.
    pub people: [Person; 6],
}

impl Story<'_> {
    /// Plays everything. Returns how whole objects compare.
    ///
    /// # Errors
    /// The story went another way.
    pub async fn play(&self) -> Result<Verdict, Error> {
        let before = self.peacetime()?;
        self.warning().await?;
        self.publish().await?;
        let hash = self.declare().await?;
        self.approve(&hash).await?;
        self.switch().await?;
        let held = self.held(&before);
        self.rival(held.first()).await?;
        self.engineer(held.get(1)).await?;
        self.raise().await?;
        self.stand_down().await?;
        self.compare(&before)
    }

    pub(super) fn person(&self, name: &str) -> Acting<'_> {
        let found = self.people.iter().find(|person| person.name == name);
        let person = found.unwrap_or(&self.people[0]);
        Acting {
            person,
            client: self.stage.client(person),
            mode: MODE,
        }
    }

    /// Opens an act, once whoever looks on is ready.
    pub(super) async fn act(&self, number: usize, title: &str) -> Result<(), Error> {
        self.pace.set(None);
        if self.step && number > 1 && std::io::stdin().is_terminal() {
            anstream::eprint!("  {} ", t!(self.teller.lang, "story-step"));
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.map_err(|source| Error::Output { source })?;
        }
        teller::act(number, ACTS, title)?;
        self.pace.set(self.speed);
        sleep(THINKS).await;
        Ok(())
    }

    /// Waits until the mode's status is as wanted. `seen` hears of every other one on the way.
    pub(super) async fn until(
        &self,
        what: &str,
        mut seen: impl FnMut(&EmergencyModeStatus),
        wanted: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<EmergencyModeStatus, Error> {
        let late = Instant::now() + PATIENCE;
        loop {
            let mode = self.stage.mode(MODE);
            let status = mode.as_ref().and_then(|mode| mode.status.clone());
            if let (Some(mode), Some(status)) = (&mode, status) {
                seen(&status);
                // A status of an older spec says nothing of what a person just wrote.
                let is_of_now = mode.metadata.generation == Some(status.observed_generation);
                if is_of_now && wanted(&status) {
                    return Ok(status);
                }
                if Instant::now() >= late {
                    let waits = status.waiting_on.unwrap_or_default();
                    return Err(self.other_way(format!("{what}: {waits}")));
                }
            } else if Instant::now() >= late {
                return Err(self.other_way(what.to_owned()));
            }
            sleep(LOOK).await;
        }
    }

    pub(super) fn other_way(&self, what: String) -> Error {
        Error::Refused {
            problem: t!(self.teller.lang, "story-other-way", what = what),
        }
    }

    pub(super) fn refused(&self) -> impl Fn(crate::rehearsal::people::Error) -> Error + '_ {
        |error| self.other_way(error.to_string())
    }

    pub(super) fn objects(&self) -> Objects {
        let mut objects = self.stage.objects(&KINDS);
        for driven in whole::driven(&objects) {
            if let Some(object) = objects.get_mut(&driven) {
                whole::forget_count(object);
            }
        }
        objects
    }

    fn peacetime(&self) -> Result<Objects, Error> {
        let lang = self.teller.lang;
        teller::act(1, ACTS, &t!(lang, "story-city"))?;
        let before = self.objects();
        let workloads = before.keys();
        let workloads = workloads.filter(|name| {
            ["Deployment ", "StatefulSet "]
                .iter()
                .any(|kind| name.starts_with(kind))
        });
        let departments = before.values().filter(|object| {
            object["kind"] == "Namespace"
                && object["metadata"]["labels"].get("department").is_some()
        });
        let owners: BTreeSet<&str> = before
            .values()
            .filter_map(|object| object["metadata"]["managedFields"].as_array())
            .flatten()
            .filter(|entry| entry["subresource"].is_null())
            .filter_map(|entry| entry["manager"].as_str())
            .collect();
        teller::say(&t!(
            lang,
            "story-fleet",
            departments = departments.count(),
            workloads = workloads.count(),
            owners = owners.len()
        ))?;
        teller::say(&t!(
            lang,
            "story-before",
            objects = before.len(),
            fields = whole::fields(&before)
        ))?;
        Ok(before)
    }

    async fn warning(&self) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(2, &t!(lang, "story-warning")).await?;
        teller::say(&t!(lang, "story-warned"))
    }

    /// An engineer wrote the playbook long ago.
    async fn publish(&self) -> Result<(), Error> {
        let he = self.person("engineer-he");
        let api: Api<Playbook> = Api::all(he.client.clone());
        let published = api.create(&PostParams::default(), self.playbook).await;
        published
            .map(drop)
            .map_err(|error| self.other_way(error.to_string()))
    }

    async fn declare(&self) -> Result<String, Error> {
        let lang = self.teller.lang;
        self.act(3, &t!(lang, "story-declare")).await?;
        let zhou = self.person("duty-officer-zhou");
        let name = self.playbook.metadata.name.clone().unwrap_or_default();
        let spec = json!({
            "playbookRef": { "name": name }, "level": self.level, "nature": "Actual",
            "reason": t!(lang, "story-reason"), "expiresAfter": "24h",
            "legalBasis": { "instrument": "云溪市防汛应急预案", "article": "4.2",
                "orderNumber": "云防指〔2026〕7号" },
            "decidedBy": { "name": "市防汛抗旱指挥部", "role": "指挥长" },
        });
        zhou.declare(spec).await.map_err(self.refused())?;
        teller::say(&t!(
            lang,
            "story-declared",
            who = zhou.person.name,
            group = zhou.person.group,
            level = self.level.to_string()
        ))?;
        let planned = |status: &EmergencyModeStatus| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some() || status.granted.is_some())
        };
        let status = self.until("a plan", |_| {}, planned).await?;
        let plan = status.plan.unwrap_or_default();
        teller::say(&t!(
            lang,
            "story-planned",
            changes = plan.changes,
            targets = plan.targets,
            hash = short_hash(&plan.hash)
        ))?;
        if let Some(mode) = self.stage.mode(MODE) {
            let found = findings::waiting(&self.context.view(), &mode);
            teller::say(&found)?;
        }
        Ok(plan.hash)
    }

    async fn approve(&self, hash: &str) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(4, &t!(lang, "story-approve")).await?;
        let zhou = self.person("duty-officer-zhou");
        if zhou.approve(hash).await.is_ok() {
            sleep(Duration::from_secs(2)).await;
            let waits = |status: &EmergencyModeStatus| status.granted.is_none();
            self.until("no quorum", |_| {}, waits).await?;
        }
        teller::say(&t!(lang, "story-own", who = zhou.person.name))?;
        self.both(hash).await
    }

    /// Two people approve.
    pub(super) async fn both(&self, hash: &str) -> Result<(), Error> {
        for (number, name) in ["approver-lin", "approver-chen"].into_iter().enumerate() {
            let person = self.person(name);
            person.approve(hash).await.map_err(self.refused())?;
            let n = number + 1;
            teller::say(&t!(self.teller.lang, "story-approved", who = name, n = n))?;
            sleep(THINKS).await;
        }
        Ok(())
    }

    async fn stand_down(&self) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(9, &t!(lang, "story-stand-down")).await?;
        let status = self
            .stage
            .mode(MODE)
            .and_then(|mode: EmergencyMode| mode.status);
        let total = status
            .and_then(|status| status.counts)
            .unwrap_or_default()
            .applied;
        let zhou = self.person("duty-officer-zhou");
        let began = Instant::now();
        zhou.stand_down().await.map_err(self.refused())?;
        teller::say(&t!(lang, "story-stood-down", who = zhou.person.name))?;
        let bar = self.teller.bar(&t!(lang, "story-return-bar"), total);
        let seen = |status: &EmergencyModeStatus| {
            bar.at(status.counts.unwrap_or_default().restored, "");
        };
        let closed = |status: &EmergencyModeStatus| status.phase == Some(Phase::Closed);
        self.until("the end", seen, closed).await?;
        drop(bar);
        let took = i64::try_from(began.elapsed().as_secs()).unwrap_or_default();
        teller::say(&t!(lang, "story-closed", took = time(took)))
    }

    fn compare(&self, before: &Objects) -> Result<Verdict, Error> {
        let lang = self.teller.lang;
        teller::act(10, ACTS, &t!(lang, "story-compare"))?;
        let verdict = whole::compare(before, &self.objects());
        teller::say(&t!(
            lang,
            "story-compared",
            objects = before.len(),
            fields = verdict.fields
        ))?;
        Ok(verdict)
    }
}
