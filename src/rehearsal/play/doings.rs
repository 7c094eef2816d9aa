//! What is done as a rehearsal goes on: looking, noting what happened, answering at gates, deciding
//! about fields that somebody changed.

use std::collections::BTreeSet;

use serde_json::Value;
use snafu::ResultExt;
use tokio::time::Instant;

use crate::api::{EmergencyModeStatus, Phase, StageState};
use crate::rehearsal::cast::Cast;
use crate::rehearsal::report::Happened;
use crate::rehearsal::whole::Verdict;
use crate::rehearsal::{model, people};

use super::{DECIDES, Error, MODE, PersonSnafu, Play, prepare};

impl Play<'_> {
    /// Compares everything with what it was.
    pub fn compare(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let mut left: BTreeSet<&String> = self.before.keys().collect();
        prepare::compared(&self.stage, &self.kinds, |name, is| {
            left.remove(&name);
            verdict.object(&name, self.was(&name).as_ref(), Some(&is));
        });
        for name in left {
            verdict.object(name, self.was(name).as_ref(), None);
        }
        verdict
    }

    fn was(&self, name: &str) -> Option<Value> {
        // It was a value when it was written.
        serde_json::from_str(self.before.get(name)?).ok()
    }

    /// Looks what happened, lets faults strike, and lets people do what is due.
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        if let Some(mode) = self.stage.mode(MODE) {
            self.generation = mode.metadata.generation;
            self.last = mode.status.unwrap_or_default();
        }
        if self.last.granted.is_some() && !self.is_granted {
            self.is_granted = true;
            self.note(Happened::Activated);
        }
        self.note_stages();
        let now = self.now();
        if self.last.phase == Some(Phase::Activating) || self.last.phase == Some(Phase::Active) {
            self.critical.look(&self.stage.service, now);
        }
        let struck = self
            .strikes
            .look(&mut self.stage, &self.last, &self.plan, &self.written)
            .await;
        for (fault, object) in struck {
            self.note(Happened::Struck { fault, object });
        }
        self.answer().await?;
        self.decide().await
    }

    fn note_stages(&mut self) {
        let is_back = self.last.phase == Some(Phase::Restoring);
        for stage in self.last.stages.clone() {
            let known = self.stages.insert(stage.name.clone(), stage.state);
            if known == Some(stage.state) || is_back {
                continue;
            }
            let name = stage.name;
            match stage.state {
                StageState::Running => self.note(Happened::StageBegan { stage: name }),
                StageState::Done | StageState::Failed => {
                    if !matches!(known, Some(StageState::Running)) {
                        self.note(Happened::StageBegan {
                            stage: name.clone(),
                        });
                    }
                    self.note(Happened::StageEnded {
                        stage: name,
                        state: stage.state,
                    });
                }
                StageState::Waiting | StageState::Skipped | StageState::Restored => {}
            }
        }
    }

    /// Answers at gates, some time after they asked.
    async fn answer(&mut self) -> Result<(), Error> {
        let asked = people::asked(self.rehearsal.playbook, &self.last);
        for (stage, step, gate) in asked {
            let key = (stage.to_owned(), step.to_owned());
            let named = format!("{stage}/{step}");
            let Some((since, answered)) = self.gates.get_mut(&key) else {
                self.gates.insert(key, (Instant::now(), false));
                self.note(Happened::Asked { step: named });
                continue;
            };
            if *answered || since.elapsed() < model::PEOPLE {
                continue;
            }
            *answered = true;
            let who = Cast::answerer(&gate.groups);
            let person = who.person();
            let acting = self.acting(&person);
            acting
                .answer(stage, step, "Proceed")
                .await
                .context(PersonSnafu)?;
            let (by, group) = (who.name, who.group);
            self.note(Happened::Answered {
                step: named,
                by,
                group,
            });
        }
        Ok(())
    }

    /// Decides about fields that somebody else changed, some time after they were seen.
    async fn decide(&mut self) -> Result<(), Error> {
        for target in self.last.targets.clone() {
            if target.state != "Drifted" {
                continue;
            }
            let key = (target.uid.clone(), target.path.clone());
            let namespace = target.namespace.as_deref().unwrap_or_default();
            let object = format!("{} {namespace}/{}", target.kind, target.name);
            let path = target.path.clone();
            let Some((since, decided)) = self.drifted.get_mut(&key) else {
                self.drifted.insert(key, (Instant::now(), false));
                self.note(Happened::Drifted { object, path });
                continue;
            };
            if since.elapsed() < DECIDES {
                continue;
            }
            // A verdict is of the value that was seen: another one asks again.
            (*since, *decided) = (Instant::now(), true);
            let seen = target.seen.clone().unwrap_or_default();
            let requester = self.cast.requester.clone();
            let person = requester.person();
            let acting = self.acting(&person);
            let verdict = acting.verdict((&target.uid, &target.path), &seen, "Ours");
            verdict.await.context(PersonSnafu)?;
            let by = requester.name;
            self.note(Happened::Decided { object, path, by });
        }
        Ok(())
    }
}

/// What changes of a mode while it goes on.
pub(super) fn movement(status: &EmergencyModeStatus) -> String {
    let stages: Vec<StageState> = status.stages.iter().map(|stage| stage.state).collect();
    let (phase, counts, waits) = (status.phase, status.counts, &status.waiting_on);
    format!("{phase:?} {counts:?} {stages:?} {waits:?}")
}
