//! The story: a warning, a declaration, two approvals, the switch, a rival, an engineer, another level,
//! the return. Every act says what it shows, and none goes on before the cluster shows it.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use kube::api::{Api, PostParams};
use tokio::time::{Instant, sleep};

use crate::api::{Concern, EmergencyMode, EmergencyModeStatus, Phase, PlanFindings, Playbook};
use crate::i18n::Lang;
use crate::rehearsal::people::Acting;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::time::Pace;
use crate::rehearsal::whole::{self, Objects, Verdict};
use crate::t;

use super::super::error::Error;
use super::super::render::{Tone, short_hash};
use super::cast::Cast;
use super::cast::Person;
use super::draft::Draft;
use super::teller::{self, Teller, time};

/// How many acts there are.
const ACTS: usize = 10;
/// The mode's name.
pub(super) const MODE: &str = "flood-2026-07";
/// How long anything may take, in the time of the story.
pub(super) const PATIENCE: Duration = Duration::from_hours(2);
/// How long nothing may change before whoever looks on has seen it, and it goes by at once.
const STILL: Duration = Duration::from_mins(2);
/// How long a plan may take.
const PLANS: Duration = Duration::from_mins(10);
/// How often it is looked whether something has come.
const LOOK: Duration = Duration::from_millis(250);
/// How long people think before they act.
pub(super) const THINKS: Duration = Duration::from_secs(6);
/// The kinds of which everything is compared: group and plural.
pub const KINDS: [(&str, &str); 17] = [
    ("", "namespaces"),
    ("", "configmaps"),
    ("", "resourcequotas"),
    ("", "services"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "networkpolicies"),
    ("gateway.networking.k8s.io", "httproutes"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("keda.sh", "scaledobjects"),
    ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    ("helm.toolkit.fluxcd.io", "helmreleases"),
    ("argoproj.io", "applications"),
];

/// What the acts share.
pub struct Story<'a> {
    /// On what it is played.
    pub stage: &'a Stage,
    /// Who tells it.
    pub teller: Teller,
    /// The playbook.
    pub playbook: &'a Playbook,
    /// What is declared.
    pub draft: &'a Draft,
    /// How fast it goes by.
    pub pace: Pace,
    /// How fast it is to go by.
    pub speed: Option<u64>,
    /// Whether somebody is asked before each act.
    pub step: bool,
    /// Who plays.
    pub cast: &'a Cast,
    /// The account that the city did not know.
    pub gave: Option<String>,
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
        let fought = self.rival(&held).await?;
        self.engineer(&held, fought).await?;
        self.raise().await?;
        self.stand_down().await?;
        self.compare(&before)
    }

    pub(super) fn person<'p>(&self, person: &'p Person) -> Acting<'p, 'static> {
        let user = self.cast.user(person.name);
        Acting {
            person,
            client: self.stage.service.of(user).client(),
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
        seen: impl FnMut(&EmergencyModeStatus),
        wanted: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<EmergencyModeStatus, Error> {
        self.within(PATIENCE, what, seen, wanted).await
    }

    async fn within(
        &self,
        patience: Duration,
        what: &str,
        mut seen: impl FnMut(&EmergencyModeStatus),
        wanted: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<EmergencyModeStatus, Error> {
        let late = Instant::now() + patience;
        let (mut last, mut since) = (None, Instant::now());
        loop {
            let mode = self.stage.mode(MODE);
            let status = mode.as_ref().and_then(|mode| mode.status.clone());
            if status != last {
                (last, since) = (status.clone(), Instant::now());
                self.pace.set(self.speed);
            } else if since.elapsed() > STILL {
                self.pace.set(None);
            }
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
        if let Some(account) = &self.gave {
            let account = account.clone();
            teller::say(&t!(lang, "story-gave", account = account))?;
        }
        Ok(before)
    }

    async fn warning(&self) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(2, &t!(lang, "story-warning")).await?;
        teller::say(&t!(lang, "story-warned"))
    }

    /// An engineer wrote the playbook long ago.
    async fn publish(&self) -> Result<(), Error> {
        let he = self.person(&self.cast.engineer);
        let api: Api<Playbook> = Api::all(he.client.clone());
        let published = api.create(&PostParams::default(), self.playbook).await;
        published
            .map(drop)
            .map_err(|error| self.other_way(error.to_string()))
    }

    async fn declare(&self) -> Result<String, Error> {
        let lang = self.teller.lang;
        self.act(3, &t!(lang, "story-declare")).await?;
        let zhou = self.person(&self.cast.requester);
        let spec = self.draft.spec.clone();
        zhou.declare(spec).await.map_err(self.refused())?;
        teller::say(&t!(
            lang,
            "story-declared",
            who = zhou.person.name,
            group = zhou.person.group,
            title = self.draft.title.clone(),
            level = self.draft.level.as_str()
        ))?;
        let planned = |status: &EmergencyModeStatus| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some() || status.granted.is_some())
        };
        let planned = self.within(PLANS, "a plan", |_| {}, planned);
        let status = planned.await?;
        let plan = status.plan.unwrap_or_default();
        teller::say(&t!(
            lang,
            "story-planned",
            changes = plan.changes,
            targets = plan.targets,
            hash = short_hash(&plan.hash)
        ))?;
        teller::say(&worth_knowing(lang, plan.findings.as_ref()))?;
        Ok(plan.hash)
    }

    async fn approve(&self, hash: &str) -> Result<(), Error> {
        let lang = self.teller.lang;
        let quorum = self.playbook.spec.authority.quorum(self.draft.level);
        self.act(4, &t!(lang, "story-approve", quorum = quorum))
            .await?;
        if quorum == 0 {
            let level = self.draft.level.as_str();
            return teller::say(&t!(lang, "story-no-quorum", level = level));
        }
        let zhou = self.person(&self.cast.requester);
        if zhou.approve(hash).await.is_ok() {
            sleep(Duration::from_secs(2)).await;
            let waits = |status: &EmergencyModeStatus| status.granted.is_none();
            self.until("no quorum", |_| {}, waits).await?;
        }
        teller::say(&t!(lang, "story-own", who = zhou.person.name))?;
        self.all(hash, quorum).await
    }

    /// So many people approve.
    pub(super) async fn all(&self, hash: &str, quorum: usize) -> Result<(), Error> {
        for (number, person) in self.cast.approvers(quorum).iter().enumerate() {
            let acting = self.person(person);
            acting.approve(hash).await.map_err(self.refused())?;
            let (who, n) = (person.name, number + 1);
            let lang = self.teller.lang;
            teller::say(&t!(
                lang,
                "story-approved",
                who = who,
                n = n,
                quorum = quorum
            ))?;
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
        let zhou = self.person(&self.cast.requester);
        let began = Instant::now();
        zhou.stand_down().await.map_err(self.refused())?;
        teller::say(&t!(lang, "story-stood-down", who = zhou.person.name))?;
        let bar = self.teller.bar(&t!(lang, "story-return-bar"), total);
        let seen = |status: &EmergencyModeStatus| {
            bar.at(status.counts.unwrap_or_default().restored, "");
        };
        let closed = |status: &EmergencyModeStatus| status.phase == Some(Phase::Closed);
        self.until("the end", seen, closed).await?;
        bar.end()?;
        let took = i64::try_from(began.elapsed().as_secs()).unwrap_or_default();
        teller::tell(
            Tone::Good,
            &t!(lang, "story-closed", took = time(lang, took)),
        )?;
        self.let_go().await
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

/// What was found of a plan, counted: the sentences are for approvers, and in English.
fn worth_knowing(lang: Lang, found: Option<&PlanFindings>) -> String {
    let of = |concern| {
        let listed = found.into_iter().flat_map(|found| &found.listed);
        listed.filter(|one| one.concern == concern).count()
    };
    let left_out = found.map_or(0, |found| found.left_out);
    let mut parts = Vec::new();
    for concern in [Concern::Harm, Concern::Risk, Concern::Note] {
        let n = of(concern);
        if n > 0 {
            parts.push(match concern {
                Concern::Harm => t!(lang, "story-harms", n = n),
                Concern::Risk => t!(lang, "story-risks", n = n),
                Concern::Note => t!(lang, "story-notes", n = n),
            });
        }
    }
    if left_out > 0 {
        parts.push(t!(lang, "story-left-out", n = left_out));
    }
    if parts.is_empty() {
        return t!(lang, "story-nothing-found");
    }
    let parts = parts.join(&t!(lang, "story-and"));
    t!(lang, "story-findings", parts = parts)
}
