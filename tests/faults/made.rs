//! Steps that make objects: the rows of the matrix, and how a column of it is played for them.
//!
//! Such a step has nothing to bring back but that nothing was there, so each row is two steps, one whose object
//! goes wrong and one beside it, in a mode of their own. What goes wrong is in a namespace of its own, and so
//! whatever refuses it needs no names. It begins between the plan and the switch: a plan of what is refused is
//! not made at all.

use std::collections::BTreeMap;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use pingzhan::api::{Phase, TargetStatus, names};
use pingzhan::field::{Image, Target};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::judge::{bears_our_name, refusal};
use super::kinds::{RBAC, ROLE};
use super::play::{COLLEAGUE, Play, complaint};
use super::table::{Cell, Fault};
use crate::scenarios::oracles::Evidence;
use crate::scenarios::world::{Objects, resource};

/// The stage of everything that is made.
const STAGE: &str = "made";

/// A kind of step that makes objects: each of its steps makes one.
#[derive(Clone, Copy)]
pub struct Made {
    /// What it is called; its steps are `{word}-bad` and `{word}-well`.
    pub word: &'static str,
    /// The kind of what it makes.
    kind: &'static str,
    /// Whether that is kept as it is whatever somebody makes of it: what closes and gives rights is.
    pub firm: bool,
    /// The act of a step of this name, in this namespace.
    act: fn(&str, &str) -> Value,
    /// What somebody makes of the object, as a merge patch.
    edit: fn() -> Value,
}

/// Every kind of step that makes objects.
pub const MADE: [Made; 4] = [
    Made {
        word: "apply",
        kind: "ConfigMap",
        firm: false,
        act: |step, space| {
            let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "text": "stay at home" },
                "metadata": { "name": step, "namespace": space } });
            json!({ "apply": { "objects": [object] } })
        },
        edit: || json!({ "data": { "text": "go out" } }),
    },
    Made {
        word: "isolate",
        kind: "NetworkPolicy",
        firm: true,
        act: |_, space| json!({ "isolate": { "preset": "DenyAll", "namespaces": { "names": [space] } } }),
        edit: || json!({ "spec": { "ingress": [{}] } }),
    },
    Made {
        word: "access-grant",
        kind: "RoleBinding",
        firm: true,
        act: |_, space| {
            let grant = json!({ "subjects": [{ "kind": "Group", "name": "community" }],
                "role": { "kind": "ClusterRole", "name": ROLE }, "namespaces": { "names": [space] },
                "purpose": "find the sick", "legalBasis": "article 68" });
            json!({ "access": { "grant": [grant] } })
        },
        edit: || json!({ "subjects": [{ "kind": "Group", "apiGroup": RBAC, "name": "strangers" }] }),
    },
    Made {
        word: FREEZE,
        kind: "ChangeFreeze",
        firm: false,
        act: |step, space| {
            let command = json!({ "kind": "Group", "name": "emergency-approvers" });
            json!({ "freeze": { "namespaces": { "names": [frozen(step, space)] }, "except": [command] } })
        },
        edit: || json!({ "spec": { "groups": ["strangers"] } }),
    },
];

const FREEZE: &str = "freeze";

/// What a step freezes: nobody else writes there.
fn frozen(step: &str, space: &str) -> String {
    format!("{space}-{step}")
}

impl Made {
    /// Its step whose object goes wrong.
    fn bad(&self) -> String {
        format!("{}-bad", self.word)
    }

    /// The one beside it.
    fn well(&self) -> String {
        format!("{}-well", self.word)
    }

    /// Whether the operator itself makes it, with rights of its own.
    pub fn is_freeze(&self) -> bool {
        self.word == FREEZE
    }
}

/// In which state what goes wrong is listed.
const fn state(fault: Fault) -> &'static str {
    match fault {
        Fault::ForbiddenThere | Fault::DeniedThere | Fault::QuotaThere | Fault::EndsThere => {
            "Refused"
        }
        Fault::WebhookThere => "Unanswered",
        Fault::ForbiddenBack | Fault::DeniedBack | Fault::WebhookBack | Fault::QuotaBack => "Stuck",
        Fault::Nothing
        | Fault::PutBack
        | Fault::Third
        | Fault::LateOurs
        | Fault::LateKeep
        | Fault::EndsBack => "Drifted",
    }
}

/// What is said of it, one of these.
const fn words(fault: Fault) -> [&'static str; 2] {
    match fault {
        Fault::Third | Fault::LateOurs | Fault::LateKeep => [COLLEAGUE; 2],
        Fault::ForbiddenThere => [refusal(fault), "may not freeze"],
        Fault::ForbiddenBack => ["cannot delete resource"; 2],
        _ => [refusal(fault); 2],
    }
}

/// How a column is played.
impl Play<'_> {
    /// Plays it for what steps make.
    pub async fn make(&mut self) -> Result<(), String> {
        self.settle(&self.frozen()).await;
        self.declare(&self.steps(), true).await;
        self.is_paused().await?;
        if self.fault.is_there() {
            self.trouble(true).await;
        }
        if self.fault == Fault::EndsThere {
            self.end().await;
        }
        self.change(json!({ "paused": false })).await;
        self.there("made", |_, wrong| (!wrong).then_some(true))
            .await?;
        if self.fault.is_there() || self.fault == Fault::EndsThere {
            self.lists().await?;
            self.is_true().await?;
        }
        if self.fault.is_there() {
            self.trouble(false).await;
        }
        self.until("is active", |status| status.phase == Some(Phase::Active))
            .await?;
        self.stand().await?;
        self.is_true().await?;
        self.go().await?;
        self.until("is closed", |status| status.phase == Some(Phase::Closed))
            .await?;
        self.is_true().await?;
        let kept = self.fault == Fault::LateKeep;
        self.there("gone", |_, wrong| (!(kept && wrong)).then_some(false))
            .await?;
        if kept {
            let wrong = self.stays().await;
            self.wrong.extend(wrong);
        }
        Ok(())
    }

    /// In wartime.
    async fn stand(&mut self) -> Result<(), String> {
        let refused = matches!(
            self.fault,
            Fault::ForbiddenThere | Fault::DeniedThere | Fault::QuotaThere | Fault::EndsThere
        );
        self.there("made, where it can be", |_, wrong| {
            Some(!(refused && wrong))
        })
        .await?;
        self.before = self.what_is_made().await;
        match self.fault {
            Fault::PutBack => {
                for object in self.wrong_ones().await {
                    self.remove(&object).await;
                }
                self.there("made again", |_, _| Some(true)).await?;
            }
            Fault::Third => {
                self.meddle().await;
                self.lists().await?;
                self.there("made anew, unasked", |row, wrong| {
                    (row.firm || !wrong).then_some(true)
                })
                .await?;
                self.is_true().await?;
                self.verdict("Ours").await;
                self.there("made anew by a verdict", |_, _| Some(true))
                    .await?;
            }
            Fault::EndsBack => {
                self.end().await;
                self.lists().await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The return, with the cause in the way.
    async fn go(&self) -> Result<(), String> {
        let late = matches!(self.fault, Fault::LateOurs | Fault::LateKeep);
        if late {
            self.change(json!({ "paused": true })).await;
            self.is_paused().await?;
            self.meddle().await;
        }
        if self.fault.is_back() {
            self.trouble(true).await;
        }
        self.change(json!({ "posture": "Peacetime" })).await;
        if late {
            self.change(json!({ "paused": false })).await;
        }
        if !late && !self.fault.is_back() {
            return Ok(());
        }
        self.lists().await?;
        self.there("gone meanwhile", |_, wrong| (!wrong).then_some(false))
            .await?;
        self.is_true().await?;
        match self.fault {
            Fault::LateOurs => self.verdict("Ours").await,
            Fault::LateKeep => {
                self.verdict("Keep").await;
                // What is kept goes on freezing, so its end cannot be proven.
                let what =
                    format!("{STAGE}/{FREEZE}-bad is to be undone: the freeze is still in force");
                self.until("says that it is frozen", |status| {
                    let said = status.waiting_on.as_deref().unwrap_or_default();
                    said.contains(&what)
                })
                .await?;
                self.skip(STAGE, &format!("{FREEZE}-bad")).await;
            }
            _ => self.trouble(false).await,
        }
        Ok(())
    }
}

/// What people do.
impl Play<'_> {
    /// What its steps freeze: beside what goes wrong, and what goes wrong.
    pub fn frozen(&self) -> [String; 2] {
        [("well", self.space.as_str()), ("bad", self.bad_space())]
            .map(|(side, space)| frozen(&format!("{FREEZE}-{side}"), space))
    }

    fn steps(&self) -> Value {
        let steps = MADE.into_iter().flat_map(|row| {
            let sides = [(row.bad(), self.bad_space()), (row.well(), &*self.space)];
            sides.map(|(name, space)| {
                let mut step = (row.act)(&name, space);
                step["name"] = json!(name);
                step
            })
        });
        let steps: Vec<Value> = steps.collect();
        json!([{ "name": STAGE, "onFailure": "Continue", "steps": steps }])
    }

    /// Somebody changes each object that goes wrong.
    async fn meddle(&self) {
        let places = self.by_step().await;
        for (row, step, _) in self.sides().filter(|(_, _, wrong)| *wrong) {
            let place = &places[&step];
            let api: Api<DynamicObject> = Api::namespaced_with(
                self.site.client.clone(),
                &place.namespace,
                &resource(row.kind),
            );
            let params = PatchParams {
                field_manager: Some(COLLEAGUE.to_owned()),
                ..PatchParams::default()
            };
            let patch = Patch::Merge((row.edit)());
            let edited = api.patch(&place.name, &params, &patch).await;
            self.site.note(&edited.expect("the edit is accepted"));
        }
    }
}

/// What is there, and what is said of it.
impl Play<'_> {
    /// Every step: its row, its name, and whether its object goes wrong in this column.
    fn sides(&self) -> impl Iterator<Item = (Made, String, bool)> {
        MADE.into_iter().flat_map(move |row| {
            let wrong = matches!(self.fault.made(&row), Cell::Holds(_));
            [(row, row.bad(), wrong), (row, row.well(), false)]
        })
    }

    /// Where each step makes its object, by the step's name, as the journal says; nothing before there is a plan.
    async fn by_step(&self) -> BTreeMap<String, Target> {
        let mode = self.modes().get(self.word()).await;
        let mode = mode.expect("the mode is there");
        if mode.status.is_none_or(|status| status.plan.is_none()) {
            return BTreeMap::new();
        }
        let ledger = self.journal(&mode.metadata.uid.expect("a uid")).await;
        let entries = ledger.entries.values();
        entries
            .map(|entry| (entry.step.to_string(), entry.target.clone()))
            .collect()
    }

    async fn at(&self, place: &Target) -> Option<Value> {
        self.site
            .get(&place.kind, &place.namespace, &place.name)
            .await
    }

    /// Everything that was made, and is there.
    pub async fn what_is_made(&self) -> Objects {
        let mut all = Objects::new();
        for place in self.by_step().await.values() {
            if let Some(object) = self.at(place).await {
                all.insert((place.kind.clone(), place.name.clone()), object);
            }
        }
        all
    }

    /// The objects that go wrong, as they are.
    async fn wrong_ones(&self) -> Vec<Value> {
        let places = self.by_step().await;
        let mut found = Vec::new();
        for (_, step, _) in self.sides().filter(|(_, _, wrong)| *wrong) {
            found.extend(self.at(&places[&step]).await);
        }
        found
    }

    /// Whether an object is this mode's, and what it was made as.
    fn is_as_made(&self, place: &Target, object: &Value) -> bool {
        let held = &object["metadata"]["labels"][names::HELD_BY_LABEL];
        let key = (place.kind.clone(), place.name.clone());
        let made = self.before.get(&key);
        *held == names::label_value(self.word())
            && made.is_none_or(|made| bare(made) == bare(object))
    }

    /// Waits until objects are there as they were made, or are not there; nothing is wanted of the others.
    /// What is asked about one is its row, and whether it goes wrong.
    async fn there(
        &self,
        what: &str,
        wanted: impl Fn(&Made, bool) -> Option<bool>,
    ) -> Result<(), String> {
        self.comes_true(what, async || {
            let places = self.by_step().await;
            let mut wrong = Vec::new();
            for (row, step, is_wrong) in self.sides() {
                let Some(wanted) = wanted(&row, is_wrong) else {
                    continue;
                };
                let place = places.get(&step);
                let object = match place {
                    Some(place) => self.at(place).await,
                    None => None,
                };
                let holds = match (place, &object) {
                    (Some(place), Some(object)) => wanted && self.is_as_made(place, object),
                    (_, None) | (None, _) => !wanted,
                };
                wrong.extend(complaint(holds, || format!("{step} is {object:?}")));
            }
            wrong
        })
        .await
    }

    /// Waits until everything that goes wrong is listed, with why.
    async fn lists(&self) -> Result<(), String> {
        let (state, words) = (state(self.fault), words(self.fault));
        self.comes_true("listed", async || {
            let (status, places) = (self.status().await, self.by_step().await);
            let mut wrong = Vec::new();
            for (row, step, is_wrong) in self.sides() {
                let is_it = |one: &TargetStatus| {
                    let message = one.message.as_deref().unwrap_or_default();
                    places.get(&step).is_some_and(|place| place.uid == one.uid)
                        && one.state == state
                        && words.iter().any(|word| message.contains(word))
                };
                let is_due = is_wrong && !(row.firm && self.fault == Fault::Third);
                let holds = !is_due || status.targets.iter().any(is_it);
                wrong.extend(complaint(holds, || {
                    format!("{step} is not listed as {state} with one of {words:?}")
                }));
            }
            wrong
        })
        .await
    }

    async fn comes_true(
        &self,
        what: &str,
        mut complaints: impl AsyncFnMut() -> Vec<String>,
    ) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let wrong = complaints().await;
            if wrong.is_empty() {
                return Ok(());
            }
            if began.elapsed() > self.site.patience {
                let status = serde_json::to_string(&self.status().await).unwrap_or_default();
                return Err(format!("not {what}: {}; {status}", wrong.join("; ")));
            }
            sleep(self.site.look).await;
        }
    }

    /// What somebody else changed and is to be kept is as they left it, and theirs alone.
    async fn stays(&self) -> Vec<String> {
        let places = self.by_step().await;
        let mut wrong = Vec::new();
        for (_, step, _) in self.sides().filter(|(_, _, wrong)| *wrong) {
            let place = &places[&step];
            let Some(object) = self.at(place).await else {
                wrong.push(format!("{step} is not kept"));
                continue;
            };
            let made = &self.before[&(place.kind.clone(), place.name.clone())];
            wrong.extend(complaint(bare(made) != bare(&object), || {
                format!("{step} is not as they left it: {object}")
            }));
            wrong.extend(bears_our_name(&step, &object));
        }
        wrong
    }

    /// The journal has of each step that nothing was there before it.
    pub fn made_of_nothing(&self, evidence: &Evidence) -> Vec<String> {
        let known = |step: &str| {
            let ledgers = evidence.ledgers.values();
            let mut entries = ledgers.flat_map(|ledger| ledger.entries.values());
            entries.any(|entry| *entry.step == *step && entry.base == Image::Absent)
        };
        let sides = self.sides();
        sides
            .flat_map(|(_, step, _)| complaint(known(&step), || format!("no record of {step}")))
            .collect()
    }
}

/// An object but for what the server writes of it.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("metadata");
    }
    object
}
