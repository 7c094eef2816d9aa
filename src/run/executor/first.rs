//! What is said to a target's controller before its field is written.

use serde_json::json;

use crate::api::names;
use crate::cluster::Answer;
use crate::cluster::write::{self, Effect};
use crate::engine::scheduler::Wrote;
use crate::engine::work::{First, SwitchItem, WriteItem};
use crate::ledger::Event;

use super::Settlement;
use super::confirm::refusal;
use super::write::{Job, TRIES};

impl Job<'_> {
    /// Says what is to be said first. On `Err` nothing is written: this came of it.
    ///
    /// Said twice it means the same, so that a process that ended in between only says it again.
    pub(super) async fn first(&self, items: &[WriteItem]) -> Result<(), Wrote<Settlement>> {
        for item in items {
            match item.first {
                None => {}
                Some(First::SkipMissed) => self.skip_missed(item).await?,
            }
        }
        Ok(())
    }

    /// Tries whether it may be said at the return: what could not go on as the playbook says is not
    /// stopped. On `Err` nothing is written: this came of it.
    pub(super) async fn may_say_first(
        &self,
        items: &[SwitchItem],
    ) -> Result<(), Wrote<Settlement>> {
        let mut items = items
            .iter()
            .filter(|item| item.overtaken.is_none() && !item.covered);
        let Some(item) = items.find(|item| item.first == Some(First::SkipMissed)) else {
            return Ok(());
        };
        let patch = self.run_begun(None);
        let mut why = String::new();
        for _ in 0..TRIES {
            match self.say(&patch, Effect::DryRun).await {
                Answer::Done(_) | Answer::Moved | Answer::Gone => return Ok(()),
                Answer::Refused {
                    reason, message, ..
                } => {
                    let why = format!(
                        "its missed runs could not be passed over at the return: {reason}: {message}"
                    );
                    self.none_of_it_under_way(item.id.as_slice()).await?;
                    let ids = item.id.into_iter();
                    let outcomes = ids.map(|id| refusal(Event::Refused, id, &why)).collect();
                    return Err(self.settled(outcomes, None));
                }
                Answer::Busy { after, .. } => {
                    return Err(Wrote::Busy {
                        after_ms: super::write::ms(after),
                    });
                }
                Answer::Ambiguous(said) => why = said,
            }
        }
        self.unanswered(why).await;
        Err(Wrote::Again { after_ms: 1000 })
    }

    async fn say(&self, patch: &json_patch::Patch, effect: Effect) -> Answer {
        let (client, by) = (&self.clients.writes, names::SKIP_MANAGER);
        write::patch_status(client, &self.target, patch, by, effect).await
    }

    /// A patch that says that a run was begun now, of an object that is as it should be.
    fn run_begun(&self, suspended: Option<bool>) -> json_patch::Patch {
        let now = self.deps.clock.now();
        let mut operations = vec![
            json!({ "op": "test", "path": "/metadata/uid", "value": self.target.uid.as_str() }),
        ];
        operations.extend(
            suspended.map(|is| json!({ "op": "test", "path": "/spec/suspend", "value": is })),
        );
        let at = "/status/lastScheduleTime";
        operations.push(json!({ "op": "add", "path": at, "value": format!("{now:.0}") }));
        serde_json::from_value(operations.into()).expect("a literal patch is one")
    }

    /// Tells a `CronJob`'s controller that a run was begun now: it makes up for none before.
    async fn skip_missed(&self, item: &WriteItem) -> Result<(), Wrote<Settlement>> {
        // A copy that comes late finds it going on, and changes nothing.
        let patch = self.run_begun(Some(true));
        let mut why = String::new();
        for _ in 0..TRIES {
            self.leads()?;
            match self.say(&patch, Effect::Real).await {
                // Not suspended, or another object: the write that follows finds that out.
                Answer::Done(_)
                | Answer::Moved
                | Answer::Gone
                | Answer::Refused { code: 422, .. } => return Ok(()),
                Answer::Refused {
                    reason, message, ..
                } => {
                    why = format!("{reason}: {message}");
                    break;
                }
                Answer::Busy { after, .. } => {
                    return Err(Wrote::Busy {
                        after_ms: super::write::ms(after),
                    });
                }
                Answer::Ambiguous(said) => why = said,
            }
        }
        let why = format!("missed runs cannot be skipped: {why}");
        let outcomes = vec![refusal(Event::Stuck, item.id, &why)];
        Err(self.settled(outcomes, None))
    }
}
