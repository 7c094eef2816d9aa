//! The report of a rehearsal, from the journal, the mode and whole objects.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;

use crate::api::{
    ChangeRecord, ChangeRecordSpec, EmergencyModeStatus, StageState, Step, SwitchStatus, names,
};
use crate::ledger::record::{self, Decoded};
use crate::ledger::{ActState, Entry, EntryId, Event, Ledger, State};

use super::foresee;
use super::outside;
use super::play::{Error, MODE, Play};
use super::report::{
    Difference, End, Exactness, FORMAT, Fight, Ground, Happened, Left, Played, Refused, Report,
    Requests, Stage, Took, Unknown, Verdict,
};
use super::rivals::Wrote;

/// Everything that is known of a rehearsal that is over.
pub(super) fn report(play: &Play<'_>, end: End) -> Result<Report, Error> {
    let journal = Journal::read(play)?;
    let exactness = exactness(play);
    let switched = play.switched.clone().unwrap_or_default();
    let mode = play.stage.mode(MODE).and_then(|mode| mode.status);
    let mode = mode.unwrap_or_default();
    let steps = play.rehearsal.playbook.spec.stages.iter();
    let steps = steps.flat_map(|stage| {
        let steps = stage.steps.iter();
        steps.map(move |step| (stage.name.as_str(), step))
    });
    let moments = play.moments.iter();
    let activated = moments.clone().find(|one| one.what == Happened::Activated);
    let (sent, turned_away) = play.stage.line.asked();
    let mut report = Report {
        format: FORMAT,
        verdict: Verdict {
            good: false,
            end,
            waited_for: play.waited_for.clone(),
        },
        playbook: played(play),
        snapshot: ground(play),
        model: play.model.clone(),
        plan: foresee::told(&play.plan),
        moments: play.moments.clone(),
        stages: stages(play, &switched),
        switch: took(switched.switch.as_ref()),
        restore: took(mode.restore.as_ref()),
        critical: play.critical.critical(activated.map_or(0.0, |one| one.at)),
        unready: play.unready.clone(),
        refused: refused(play, &journal, end),
        fights: journal.fights(play),
        left: journal.left(steps),
        exactness,
        requests: Requests { sent, turned_away },
        unknown: unknown(play),
    };
    report.verdict.good = is_good(&report);
    Ok(report)
}

/// Whether nothing is to be mended.
fn is_good(report: &Report) -> bool {
    let took = [&report.switch, &report.restore];
    let in_time = took
        .into_iter()
        .flatten()
        .all(|took| took.met != Some(false));
    let is_done = |stage: &Stage| stage.failed == 0 && stage.state != StageState::Failed;
    // Acts that nothing undoes are as the playbook means them.
    let is_left = report.left.iter().any(|left| left.path.is_some());
    report.verdict.end == End::Closed
        && in_time
        && report.stages.iter().all(is_done)
        && !is_left
        && report.refused.is_empty()
        && report.unready.is_empty()
        && report.exactness.differences.is_empty()
        && report.exactness.fields > 0
}

fn exactness(play: &Play<'_>) -> Exactness {
    let found = play.compare();
    let differences = found.differences.iter().cloned();
    Exactness {
        fields: found.fields,
        same: found.same(),
        differences: differences
            .map(|(object, how)| Difference { object, how })
            .collect(),
    }
}

fn played(play: &Play<'_>) -> Played {
    let rehearsal = play.rehearsal;
    let book = rehearsal.playbook;
    Played {
        name: book.metadata.name.clone().unwrap_or_default(),
        title: book.spec.title.clone(),
        owner: book.spec.owner.clone(),
        level: rehearsal.level,
        parameters: rehearsal.parameters.clone(),
        faults: rehearsal.faults.to_vec(),
        seed: rehearsal.seed,
    }
}

fn ground(play: &Play<'_>) -> Ground {
    let (snapshot, loaded) = (play.rehearsal.snapshot, &play.stage.loaded);
    Ground {
        taken: snapshot.taken.to_string(),
        by: snapshot.by.clone(),
        server: snapshot.server.clone(),
        objects: loaded.objects,
        not_loaded: loaded.unknown.clone(),
        left_out: snapshot.left_out.clone(),
    }
}

fn took(status: Option<&SwitchStatus>) -> Option<Took> {
    let status = status?;
    let seconds = |text: &str| {
        text.parse::<SignedDuration>()
            .ok()
            .map(|span| span.as_secs_f64())
    };
    Some(Took {
        seconds: seconds(&status.took)?,
        objective: status.objective.as_deref().and_then(seconds),
        met: status.met,
    })
}

fn stages(play: &Play<'_>, switched: &EmergencyModeStatus) -> Vec<Stage> {
    let now = play.stage.clock.now();
    let seen = |wanted: &dyn Fn(&Happened) -> bool| {
        let found = play.moments.iter().find(|one| wanted(&one.what));
        found.map(|one| one.at)
    };
    let since = |at: Timestamp| play.now() - now.duration_since(at).as_secs_f64();
    let mut stages: Vec<Stage> = switched
        .stages
        .iter()
        .map(|stage| {
            let name = &stage.name;
            let began =
                seen(&|what| matches!(what, Happened::StageBegan { stage } if stage == name));
            let ended =
                seen(&|what| matches!(what, Happened::StageEnded { stage, .. } if stage == name));
            Stage {
                name: name.clone(),
                state: stage.state,
                began: earlier(stage.started_at.map(since), began),
                ended: earlier(stage.finished_at.map(since), ended),
                changes: stage.changes,
                applied: stage.applied,
                failed: stage.failed,
                message: stage.message.clone(),
            }
        })
        .collect();
    // Those that never began come last, in the order of the playbook.
    let begin = |stage: &Stage| stage.began.unwrap_or(f64::INFINITY);
    stages.sort_by(|one, other| begin(one).total_cmp(&begin(other)));
    stages
}

/// A leader that takes over counts a stage's time anew: who looked on knows better.
fn earlier(said: Option<f64>, seen: Option<f64>) -> Option<f64> {
    match (said, seen) {
        (Some(said), Some(seen)) => Some(said.min(seen)),
        (said, seen) => said.or(seen),
    }
}

fn refused(play: &Play<'_>, journal: &Journal, end: End) -> Vec<Refused> {
    let of_plan = |step: String, why: String| Refused {
        step,
        object: None,
        path: None,
        why,
    };
    let mut all = Vec::new();
    if let Some(account) = &play.given {
        let why = format!(
            "the account {account} is not in the snapshot, and would be refused everything: make it, \
             with the rights that the playbook needs; for this rehearsal it had all rights"
        );
        all.push(of_plan(String::new(), why));
    }
    let book = &play.plan;
    let said = book.problems().into_iter().chain(book.faults());
    all.extend(said.map(|(step, why)| of_plan(step, why.to_owned())));
    if let (End::NotPlanned | End::NotApproved, Some(why)) = (end, &play.waited_for) {
        all.push(of_plan(String::new(), why.clone()));
    }
    all.extend(journal.refused());
    let unique: BTreeSet<Refused> = all.into_iter().collect();
    unique.into_iter().collect()
}

fn unknown(play: &Play<'_>) -> Vec<Unknown> {
    let any = |is: fn(&Step) -> bool| outside::steps(play.rehearsal.playbook).any(is);
    let asks = |step: &Step| {
        step.wait
            .as_ref()
            .is_some_and(|wait| wait.prom_ql.is_some())
    };
    let lacks =
        !play.rehearsal.snapshot.left_out.is_empty() || !play.stage.loaded.unknown.is_empty();
    let all = [
        (Unknown::Startup, true),
        (Unknown::Scheduling, true),
        (Unknown::Load, true),
        (Unknown::Webhooks, true),
        (Unknown::People, true),
        (Unknown::Since, true),
        (Unknown::LeftOut, lacks),
        (Unknown::Messages, any(|step| step.notify.is_some())),
        (Unknown::Calls, any(|step| step.call.is_some())),
        (Unknown::Jobs, any(|step| step.run.is_some())),
        (Unknown::Metrics, any(asks)),
    ];
    let unknown = all.into_iter().filter(|(_, is_so)| *is_so);
    unknown.map(|(unknown, _)| unknown).collect()
}

/// What the journal of the mode says.
struct Journal {
    ledger: Ledger,
    /// How often what happened to which entry.
    events: BTreeMap<(Event, EntryId), usize>,
}

impl Journal {
    fn read(play: &Play<'_>) -> Result<Self, Error> {
        let problem = |problem: String| Error::Journal { problem };
        let records: Vec<ChangeRecordSpec> = {
            let server = play.stage.service.lock();
            let all = server.store.list(names::GROUP, "changerecords", "", None);
            let read = all.map(|(_, object)| {
                let record = ChangeRecord::deserialize(&**object);
                record
                    .map(|record| record.spec)
                    .map_err(|error| problem(error.to_string()))
            });
            read.collect::<Result<Vec<_>, _>>()?
        };
        let ours = records
            .into_iter()
            .filter(|record| record.mode.name == MODE);
        let ours: Vec<ChangeRecordSpec> = ours.collect();
        let mut events = BTreeMap::new();
        for record in &ours {
            let decoded = record::decode(record).map_err(|damage| problem(damage.to_string()))?;
            let Decoded::Outcomes(outcomes) = decoded else {
                continue;
            };
            for outcome in outcomes {
                for id in outcome.entries {
                    *events.entry((outcome.event, id)).or_default() += 1;
                }
            }
        }
        let mode = ours
            .first()
            .map(|record| record.mode.clone())
            .unwrap_or_default();
        let ledger = Ledger::fold(mode, ours).map_err(|damage| problem(damage.to_string()))?;
        Ok(Self { ledger, events })
    }

    fn refused(&self) -> Vec<Refused> {
        let entries = self.ledger.entries.values();
        let entries = entries.filter(|entry| entry.state == State::Refused);
        let mut all: Vec<Refused> = entries
            .map(|entry| Refused {
                step: format!("{}/{}", entry.stage, entry.step),
                object: Some(named(entry)),
                path: Some(entry.path.to_pointer()),
                why: entry.reason.clone().unwrap_or_default(),
            })
            .collect();
        let acts = self.ledger.acts.iter();
        let failed = acts.filter(|(_, act)| act.state == ActState::Failed);
        all.extend(failed.map(|((stage, step), act)| Refused {
            step: format!("{stage}/{step}"),
            object: None,
            path: None,
            why: act.reason.clone().unwrap_or_default(),
        }));
        all
    }

    fn fights(&self, play: &Play<'_>) -> Vec<Fight> {
        let written = play.written.all();
        let mut rivals: BTreeMap<(String, String), (Vec<String>, usize)> = BTreeMap::new();
        for (
            Wrote {
                object,
                path,
                manager,
            },
            count,
        ) in written
        {
            let (managers, wrote) = rivals.entry((object, path)).or_default();
            managers.push(manager);
            *wrote += count;
        }
        let mut fights = Vec::new();
        for entry in self.ledger.entries.values() {
            let count = |event| {
                self.events
                    .get(&(event, entry.id))
                    .copied()
                    .unwrap_or_default()
            };
            let (reasserted, drifted) = (count(Event::Reasserted), count(Event::Drifted));
            let (object, path) = (named(entry), entry.path.to_pointer());
            let rival = rivals.remove(&(object.clone(), path.clone()));
            if rival.is_none() && reasserted + drifted == 0 {
                continue;
            }
            // Whoever else it was, nobody here sent them.
            let (rival, wrote) = rival.unwrap_or_else(|| (Vec::new(), drifted));
            let rival = rival.join(", ");
            fights.push(Fight {
                object,
                path,
                rival,
                wrote,
                reasserted,
                end: format!("{:?}", entry.state),
            });
        }
        // The hardest first.
        fights.sort_by_key(|fight| std::cmp::Reverse(fight.wrote));
        fights
    }

    /// What was not undone: fields, and acts that nothing undoes.
    fn left<'a>(&self, steps: impl Iterator<Item = (&'a str, &'a Step)>) -> Vec<Left> {
        let entries = self.ledger.entries.values();
        let open = entries.filter(|entry| {
            let is_unwritten = entry.state.is_unwritten();
            !is_unwritten && !matches!(entry.state, State::OwnersBack | State::Shadowed)
        });
        let mut left: Vec<Left> = open
            .map(|entry| Left {
                what: named(entry),
                path: Some(entry.path.to_pointer()),
                state: format!("{:?}", entry.state),
                why: entry.reason.clone(),
            })
            .collect();
        for (stage, step) in steps {
            let key = (stage.to_owned(), step.name.clone());
            let is_done = self
                .ledger
                .acts
                .get(&key)
                .is_some_and(|act| act.state == ActState::Done);
            let act = if step.notify.is_some() {
                "notify"
            } else if step.run.as_ref().is_some_and(|run| run.undo.is_none()) {
                "run"
            } else if step.call.as_ref().is_some_and(|call| call.undo.is_none()) {
                "call"
            } else {
                continue;
            };
            if is_done {
                left.push(Left {
                    what: format!("{stage}/{}", step.name),
                    path: None,
                    state: act.to_owned(),
                    why: None,
                });
            }
        }
        left
    }
}

fn named(entry: &Entry) -> String {
    let target = &entry.target;
    format!("{} {}/{}", target.kind, target.namespace, target.name)
}
