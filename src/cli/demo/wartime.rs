//! The acts in wartime: the switch, a rival, an engineer, another level.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::api::{
    DriftActive, EmergencyMode, EmergencyModeStatus, Level, Phase, StageState, TargetStatus,
};
use crate::rehearsal::people;
use crate::rehearsal::whole::Objects;
use crate::t;

use super::super::error::Error;
use super::super::render::Tone;
use super::cast::Person;
use super::story::{MODE, PATIENCE, Story, THINKS};
use super::teller::{self, time};

/// Who puts values back, as a script of long ago does.
const SCRIPT: Person = Person {
    name: "old-script",
    group: "platform",
};
/// Where people look first: what the rival and the engineer change, where the playbook changes it. The hotline's
/// come first, for a freeze to refuse.
const KNOWN: [&str; 4] = [
    "Deployment hotline/hotline-web",
    "Deployment hotline/hotline-knowledge",
    "Deployment housing-fund/fund-web",
    "Deployment education/examination-marks",
];
/// A count that the mode holds: whose, in peacetime and now.
pub(super) struct Held {
    object: String,
    base: i64,
    now: i64,
}

impl Story<'_> {
    /// Lets the mode come to rest in wartime, and answers at gates.
    async fn active(&self, level: Level) -> Result<EmergencyModeStatus, Error> {
        let lang = self.teller.lang;
        let total = self.stage.mode(MODE).and_then(|mode| mode.status?.plan);
        let bar = self.teller.bar(
            &t!(lang, "story-switch-bar"),
            total.unwrap_or_default().changes,
        );
        let mut answered = BTreeSet::new();
        loop {
            let seen = |status: &EmergencyModeStatus| {
                let applied = status.counts.unwrap_or_default().applied;
                bar.at(applied, &running(status));
            };
            let asked = |status: &EmergencyModeStatus| {
                let all = people::asked(self.playbook, status);
                all.into_iter()
                    .find(|(stage, step, _)| !answered.contains(&(*stage, *step)))
            };
            let rests = |status: &EmergencyModeStatus| {
                let granted = status.granted.as_ref();
                status.phase == Some(Phase::Active) && granted.is_some_and(|one| one.level == level)
            };
            let stops = |status: &EmergencyModeStatus| rests(status) || asked(status).is_some();
            let status = self.until("wartime", seen, stops).await?;
            let Some((stage, step, gate)) = asked(&status).filter(|_| !rests(&status)) else {
                bar.end()?;
                return Ok(status);
            };
            answered.insert((stage, step));
            let person = self.cast.gatekeeper(gate);
            let wang = self.person(&person);
            wang.answer(stage, step, "Proceed")
                .await
                .map_err(self.refused())?;
            let gate = format!("{stage}/{step}");
            bar.aside(&t!(
                lang,
                "story-answered",
                who = wang.person.name,
                gate = gate
            ))?;
        }
    }

    pub(super) async fn switch(&self) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(5, &t!(lang, "story-switch")).await?;
        let status = self.active(self.draft.level).await?;
        for row in teller::timeline(lang, &status.stages) {
            teller::tell(Tone::Busy, &row)?;
        }
        let begins = status.stages.iter().filter_map(|stage| stage.started_at);
        let (begins, critical) = (
            begins.min(),
            status.stages.iter().find(|one| one.ready.is_some()),
        );
        if let (Some(from), Some(stage)) = (begins, critical)
            && let Some(to) = stage.finished_at
        {
            let took = time(lang, to.duration_since(from).as_secs());
            let ready = stage.ready.unwrap_or_default();
            teller::tell(
                Tone::Good,
                &t!(lang, "story-critical", n = ready, took = took),
            )?;
        }
        let failed: i64 = status.stages.iter().map(|part| part.failed).sum();
        if failed > 0 {
            let first = status.targets.first();
            let first = first.map(|one| format!("{} {}: {}", one.kind, one.name, one.state));
            let first = first.unwrap_or_default();
            return Err(self.other_way(t!(lang, "story-failed", n = failed, first = first)));
        }
        Ok(())
    }

    /// Counts that the mode holds and no autoscaler drives.
    pub(super) fn held(&self, before: &Objects) -> Vec<Held> {
        let now = self.objects();
        let count = |object: &Value| object["spec"]["replicas"].as_i64();
        let changed = before.iter().filter_map(|(name, was)| {
            let (base, now) = (count(was)?, count(now.get(name)?)?);
            let is_held = name.starts_with("Deployment ") && base != now && base > 0;
            is_held.then(|| Held {
                object: name.clone(),
                base,
                now,
            })
        });
        let mut held: Vec<Held> = changed.collect();
        held.sort_by_key(|one| {
            KNOWN
                .iter()
                .position(|known| *known == one.object)
                .unwrap_or(KNOWN.len())
        });
        held
    }

    /// Sets a count under some field manager. Says whether the server lets them: a freeze does not.
    async fn scale(
        &self,
        person: &Person,
        held: &Held,
        replicas: i64,
        manager: &str,
    ) -> Result<bool, Error> {
        let (_, place) = held.object.split_once(' ').unwrap_or_default();
        let (namespace, name) = place.split_once('/').unwrap_or_default();
        let client = self.stage.client(person);
        let api: Api<Deployment> = Api::namespaced(client, namespace);
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        match api.patch(name, &params, &patch).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
            Err(error) => Err(self.other_way(error.to_string())),
        }
    }

    /// Sets the first of these counts that somebody may change. Says which it is, and which is the first that
    /// they may not.
    async fn first<'h>(
        &self,
        person: &Person,
        held: impl IntoIterator<Item = &'h Held>,
        value: fn(&Held) -> i64,
        manager: &str,
    ) -> Result<(Option<&'h Held>, Option<&'h Held>), Error> {
        let mut refused = None;
        for one in held {
            if self.scale(person, one, value(one), manager).await? {
                return Ok((Some(one), refused));
            }
            refused.get_or_insert(one);
        }
        Ok((None, refused))
    }

    /// Tells of a change that a freeze refused.
    fn frozen(&self, who: &Person, held: &Held, value: i64) -> Result<(), Error> {
        teller::say(&t!(
            self.teller.lang,
            "story-frozen",
            who = who.name,
            object = held.object.clone(),
            value = value
        ))
    }

    fn count(&self, held: &Held) -> Option<i64> {
        let objects = self.stage.objects(&[("apps", "deployments")]);
        objects.get(&held.object)?["spec"]["replicas"].as_i64()
    }

    /// Waits until the operator has let go of the mode, with its records: only then somebody may delete it.
    pub(super) async fn let_go(&self) -> Result<(), Error> {
        let late = Instant::now() + PATIENCE;
        let is_held = |mode: EmergencyMode| mode.metadata.finalizers.is_some();
        while self.stage.mode(MODE).is_some_and(is_held) {
            if Instant::now() >= late {
                return Err(self.other_way(format!("{MODE} is not let go of")));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until a count is as wanted, and says how long it took.
    async fn until_count(&self, held: &Held, wanted: i64) -> Result<Duration, Error> {
        let began = Instant::now();
        while self.count(held) != Some(wanted) {
            if began.elapsed() >= PATIENCE {
                let what = format!("{} is not at {wanted}", held.object);
                return Err(self.other_way(what));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(began.elapsed())
    }

    /// Somebody puts a value back. Returns of which count, where it was not refused of all.
    pub(super) async fn rival<'h>(&self, all: &'h [Held]) -> Result<Option<&'h Held>, Error> {
        let lang = self.teller.lang;
        self.act(6, &t!(lang, "story-rival")).await?;
        if all.is_empty() || self.drift() == DriftActive::Yield {
            self.nothing(all.is_empty())?;
            return Ok(None);
        }
        let peacetime = |one: &Held| one.base;
        let (held, refused) = self.first(&SCRIPT, all, peacetime, SCRIPT.name).await?;
        if let Some(refused) = refused {
            self.frozen(&SCRIPT, refused, refused.base)?;
        }
        let Some(held) = held else {
            return Ok(None);
        };
        let object = held.object.clone();
        teller::say(&t!(
            lang,
            "story-put-back",
            object = object,
            value = held.base
        ))?;
        let took = self.until_count(held, held.now).await?;
        let ms = i64::try_from(took.as_millis()).unwrap_or_default();
        let text = t!(lang, "story-held", value = held.now, ms = ms);
        teller::tell(Tone::Good, &text)?;
        Ok(Some(held))
    }

    /// What the playbook does about values of others.
    fn drift(&self) -> DriftActive {
        let drift = self.playbook.spec.drift.as_ref();
        drift.and_then(|drift| drift.active).unwrap_or_default()
    }

    /// Says why there is nothing to see.
    fn nothing(&self, is_none_held: bool) -> Result<(), Error> {
        let lang = self.teller.lang;
        let drift = format!("{:?}", self.drift());
        teller::say(&if is_none_held {
            t!(lang, "story-nothing-held")
        } else {
            t!(lang, "story-other-drift", drift = drift)
        })
    }

    /// An engineer chooses a value of their own, of another count than the rival's.
    pub(super) async fn engineer(&self, all: &[Held], fought: Option<&Held>) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(7, &t!(lang, "story-engineer")).await?;
        let others = all.iter();
        let mut others = others
            .filter(|one| fought.is_none_or(|fought| fought.object != one.object))
            .peekable();
        if others.peek().is_none() || self.drift() != DriftActive::Reassert {
            return self.nothing(others.peek().is_none());
        }
        let he = self.person(&self.cast.engineer);
        let (held, refused) = self.first(he.person, others, third, "kubectl-edit").await?;
        let Some(held) = held else {
            let refused = refused.map(|one| self.frozen(he.person, one, third(one)));
            return refused.unwrap_or(Ok(()));
        };
        teller::say(&t!(
            lang,
            "story-third-value",
            who = he.person.name,
            object = held.object.clone(),
            value = third(held)
        ))?;
        let drifted = |status: &EmergencyModeStatus| of(status, &held.object).is_some();
        let status = self.until("drift", |_| {}, drifted).await?;
        let target = of(&status, &held.object).cloned();
        let target = target.ok_or_else(|| self.other_way("no drift".to_owned()))?;
        let path = target.path.clone();
        teller::say(&t!(lang, "story-drifted", path = path))?;
        sleep(THINKS).await;
        let seen = target.seen.clone().unwrap_or_default();
        let verdict = he.verdict((&target.uid, &target.path), &seen, "Ours");
        verdict.await.map_err(self.refused())?;
        self.until_count(held, held.now).await?;
        let who = he.person.name;
        let ours = t!(lang, "story-ours", who = who, value = held.now);
        teller::tell(Tone::Good, &ours)
    }

    pub(super) async fn raise(&self) -> Result<(), Error> {
        let lang = self.teller.lang;
        self.act(8, &t!(lang, "story-raise")).await?;
        if self.draft.level == Level::I {
            return teller::say(&t!(lang, "story-gravest"));
        }
        let zhou = self.person(&self.cast.requester);
        zhou.raise(Level::I).await.map_err(self.refused())?;
        let authority = &self.playbook.spec.authority;
        let quorum = authority.quorum_over(Some(self.draft.level), Level::I);
        let proposed = |status: &EmergencyModeStatus| {
            let (proposed, granted) = (status.proposed.as_ref(), status.granted.as_ref());
            proposed.is_some_and(|proposed| proposed.level == Level::I)
                || granted.is_some_and(|granted| granted.level == Level::I)
        };
        let status = self.until("a proposal", |_| {}, proposed).await?;
        if let Some(proposed) = status.proposed {
            let was = self.draft.level.as_str();
            teller::say(&t!(
                lang,
                "story-proposed",
                who = zhou.person.name,
                level = was,
                quorum = quorum,
                changes = proposed.changes
            ))?;
            self.all(&proposed.plan_hash, quorum).await?;
        }
        let status = self.active(Level::I).await?;
        let counts = status.counts.unwrap_or_default();
        teller::tell(
            Tone::Good,
            &t!(lang, "story-raised", applied = counts.applied),
        )
    }
}

/// A count that is neither ours nor peacetime's.
const fn third(held: &Held) -> i64 {
    if held.now + 1 == held.base {
        held.now + 2
    } else {
        held.now + 1
    }
}

/// A target that somebody changed.
fn of<'a>(status: &'a EmergencyModeStatus, object: &str) -> Option<&'a TargetStatus> {
    status.targets.iter().find(|target| {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let named = format!("{} {namespace}/{}", target.kind, target.name);
        named == object && target.state == "Drifted"
    })
}

/// The names of the stages that run.
fn running(status: &EmergencyModeStatus) -> String {
    let running = status.stages.iter();
    let running = running.filter(|stage| stage.state == StageState::Running);
    let names: Vec<&str> = running.map(|stage| stage.name.as_str()).collect();
    names.join(", ")
}
