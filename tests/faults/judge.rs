//! What is judged of a column: what its status says in the middle of it, and everything at the end.

use std::collections::BTreeSet;

use kube::api::{Api, ListParams};
use pingzhan::api::{ChangeRecord, EmergencyModeStatus, names};
use pingzhan::field::Image;
use pingzhan::ledger::Ledger;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::kinds::{KINDS, Kind};
use super::play::{COLLEAGUE, Play, complaint};
use super::table::{Cell, Fault};
use crate::scenarios::history::Event;
use crate::scenarios::oracles::{Allowed, Evidence};
use crate::scenarios::truth::Truth;

/// What the server says of a change that it does not let pass.
const fn words(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::ForbiddenThere | Fault::ForbiddenBack => &[
            "cannot patch",
            "missed runs could not be passed over at the return: Forbidden",
        ],
        Fault::DeniedThere | Fault::DeniedBack => &["not to be changed"],
        Fault::WebhookThere | Fault::WebhookBack => &["failed calling webhook"],
        Fault::EndsThere | Fault::EndsBack => &["is gone"],
        _ => &[],
    }
}

/// In which state a target is listed.
const fn state(fault: Fault) -> &'static str {
    match fault {
        Fault::ForbiddenThere | Fault::DeniedThere => "Refused",
        Fault::ForbiddenBack | Fault::DeniedBack | Fault::WebhookBack => "Stuck",
        Fault::WebhookThere => "Unanswered",
        Fault::EndsThere | Fault::EndsBack => "Gone",
        _ => "",
    }
}

/// What is said of a `run`, and of what is to be made.
pub const fn refusal(fault: Fault) -> &'static str {
    match fault {
        Fault::ForbiddenThere | Fault::ForbiddenBack => "cannot create resource",
        Fault::DeniedThere | Fault::DeniedBack => "not to be changed",
        Fault::WebhookThere | Fault::WebhookBack => "failed calling webhook",
        Fault::QuotaThere | Fault::QuotaBack => "exceeded quota",
        Fault::EndsThere | Fault::EndsBack => "being terminated",
        _ => "",
    }
}

fn waiting(status: &EmergencyModeStatus, all: &[&str]) -> Vec<String> {
    let said = status.waiting_on.as_deref().unwrap_or_default();
    let missing = all.iter().filter(|word| !said.contains(**word));
    missing
        .map(|word| format!("it does not say that it waits for `{word}`"))
        .collect()
}

/// How a target that goes wrong is not listed as it is to be.
fn listed(status: &EmergencyModeStatus, kind: &Kind, state: &str, words: &[&str]) -> Vec<String> {
    let name = kind.bad();
    let mut of = status
        .targets
        .iter()
        .filter(|one| one.kind == kind.target && one.name == name);
    let said: Vec<String> = of
        .clone()
        .map(|one| {
            format!(
                "{}: {}",
                one.state,
                one.message.as_deref().unwrap_or_default()
            )
        })
        .collect();
    let holds = of.any(|one| {
        let message = one.message.as_deref().unwrap_or_default();
        one.state == state && words.iter().any(|word| message.contains(word))
    });
    // What was never written has no record: its stage names it, or counts it where there are many.
    let stages = status.stages.iter();
    let mut told = stages.filter_map(|stage| stage.message.as_deref());
    let is_told = state == "Gone"
        && told.any(|told| {
            told.contains("gone before") && (told.contains(&name) || told.contains(" more"))
        });
    complaint(holds || is_told, || {
        format!("{name} is listed as {said:?}, not as {state} with {words:?}")
    })
}

/// What its status says.
impl Play<'_> {
    /// The cause is named at every target and act that it is in the way of.
    pub fn in_the_way(&self, status: &EmergencyModeStatus) -> Vec<String> {
        let mut wrong = Vec::new();
        for kind in KINDS.iter().filter(|kind| self.demands(kind)) {
            wrong.extend(listed(status, kind, state(self.fault), words(self.fault)));
        }
        if self.fault == Fault::EndsThere {
            wrong.extend(Self::all_gone(status));
        }
        if self.fault == Fault::EndsBack {
            return wrong;
        }
        if self.fault.is_back() {
            wrong.extend(self.not_undone(status));
            return wrong;
        }
        if self.fault == Fault::DeniedThere {
            let acts = status.stages.iter().find(|stage| stage.name == "acts");
            let said = acts
                .and_then(|acts| acts.message.as_deref())
                .unwrap_or_default();
            wrong.extend(complaint(
                said.contains("acts/run failed: the Job is refused")
                    && said.contains("not to be changed"),
                || format!("the stage of acts says {said:?}"),
            ));
            wrong.extend(waiting(
                status,
                &["acts/call waits for: 127.0.0.1 answered 503"],
            ));
            let told = self.site.outside.heard(self.word());
            wrong.extend(complaint(told.is_empty(), || format!("{told:?} was taken")));
            return wrong;
        }
        wrong.extend(waiting(
            status,
            &["acts/run waits for: ", refusal(self.fault)],
        ));
        match self.fault {
            Fault::ForbiddenThere => {
                wrong.extend(waiting(status, &["acts/wait waits for: ", "statefulsets"]));
            }
            Fault::EndsThere => wrong.extend(waiting(
                status,
                &["acts/wait waits for: no object is there of which"],
            )),
            _ => {}
        }
        wrong
    }

    /// Every target of the namespace that ended counts: in the journal, or with its stage.
    fn all_gone(status: &EmergencyModeStatus) -> Vec<String> {
        let gone = status.targets.iter().filter(|one| one.state == "Gone");
        let listed: BTreeSet<&str> = gone.map(|one| one.uid.as_str()).collect();
        let fields = status.stages.iter().find(|stage| stage.name == "fields");
        let said = fields.and_then(|stage| stage.message.as_deref());
        let said = said.filter(|said| said.contains("gone before"));
        let counted = said.and_then(|said| said.split_whitespace().next()?.parse::<usize>().ok());
        let all = listed.len() + counted.unwrap_or_default();
        // A ConfigMap is one more where what reads it is restarted.
        complaint(all == KINDS.len() + 1, || {
            format!("{all} are said to be gone: {said:?}")
        })
    }

    /// What could not be undone is named.
    pub fn not_undone(&self, status: &EmergencyModeStatus) -> Vec<String> {
        let mut wrong = waiting(status, &["acts/run is to be undone: ", refusal(self.fault)]);
        if self.fault == Fault::DeniedBack {
            wrong.extend(waiting(
                status,
                &["acts/call is to be undone: 127.0.0.1 answered 503"],
            ));
        }
        wrong
    }

    /// Before anything went wrong: the gate asks, and the wait says what it found.
    pub fn asks(status: &EmergencyModeStatus) -> Vec<String> {
        waiting(
            status,
            &[
                "acts/gate waits for: an answer (Proceed, Skip or Stop) of emergency-command to: Go on?",
                "acts/wait waits for: `object.spec.replicas == 2` holds of 0 of 1 objects",
            ],
        )
    }

    /// Each target that somebody edited is listed, with whoever did; but for those that are kept in wartime.
    pub fn drifted(&self, status: &EmergencyModeStatus) -> Vec<String> {
        let mut wrong = Vec::new();
        let stays = |kind: &&Kind| self.fault != Fault::Third || !kind.is_firm();
        for kind in KINDS.iter().filter(|kind| self.demands(kind)).filter(stays) {
            wrong.extend(listed(status, kind, "Drifted", &[COLLEAGUE]));
        }
        wrong
    }

    /// Waits until the status is true by live reads.
    pub async fn is_true(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let lies = self.lies().await;
            if lies.is_empty() {
                return Ok(());
            }
            if began.elapsed() > self.site.patience {
                return Err(lies.join("; "));
            }
            sleep(self.site.look).await;
        }
    }

    /// What the status says and is not so, of this moment.
    async fn lies(&self) -> Vec<String> {
        let mode = self.modes().get(self.word()).await;
        let mode = mode.expect("the mode is there");
        let uid = mode.metadata.uid.as_deref().unwrap_or_default();
        let ledger = self.journal(uid).await;
        let live = &self.now().await;
        let Some(status) = &mode.status else {
            return vec!["there is no status".to_owned()];
        };
        let (mode, ledger) = (&mode, &ledger);
        Truth {
            mode,
            status,
            ledger,
            live,
        }
        .lies()
    }

    /// The journal as it is stored.
    pub async fn journal(&self, uid: &str) -> Ledger {
        let records: Api<ChangeRecord> = Api::all(self.site.client.clone());
        let of = ListParams::default().labels(&format!("{}={uid}", names::MODE_UID_LABEL));
        let listed = records.list(&of).await.expect("records can be listed");
        let mut all: Vec<_> = listed.items.into_iter().map(|record| record.spec).collect();
        all.sort_by_key(|record| record.sequence);
        let ledger = Ledger::fold(all[0].mode.clone(), all);
        ledger.expect("the journal folds")
    }

    /// What of everything that happened is about this column.
    fn evidence(&self, all: &[Event]) -> Evidence {
        let is_ours = |event: &&Event| {
            let object = &event.object;
            let space = object["metadata"]["namespace"].as_str().unwrap_or_default();
            match event.kind.as_str() {
                "ChangeRecord" => object["spec"]["mode"]["name"] == self.word(),
                "EmergencyMode" => event.name() == self.word(),
                // A freeze is in the namespace that it freezes, and says whose it is; what an act creates is no
                // target.
                _ => {
                    let act = object["metadata"]["annotations"].get(names::ACT).is_some();
                    let freezes =
                        event.kind == "ChangeFreeze" && object["spec"]["mode"] == self.word();
                    freezes || self.spaces.iter().any(|own| own == space) && !act
                }
            }
        };
        let ours = all.iter().filter(is_ours).cloned().collect();
        Evidence::of(ours, self.site.foreign())
    }
}

/// What is judged at the end.
impl Play<'_> {
    /// Everything is as it was, and nothing was lost or done twice.
    pub async fn is_over(&mut self) {
        let mut wrong = self.differs(Kind::well).await;
        match self.fault {
            Fault::EndsThere | Fault::EndsBack => {}
            Fault::LateKeep => wrong.extend(self.kept().await),
            _ => wrong.extend(self.differs(Kind::bad).await),
        }
        let mut heard = self.site.outside.heard(self.word());
        heard.sort();
        wrong.extend(complaint(heard == ["divert", "normal", "told"], || {
            format!("outside was heard {heard:?}")
        }));
        self.wrong.extend(wrong);
    }

    /// Judges everything that happened.
    pub async fn judge(&mut self, all: &[Event]) {
        let evidence = self.evidence(all);
        let allowed = Allowed {
            overwrite: matches!(self.fault, Fault::Third | Fault::LateOurs),
            crashes: 0,
        };
        let objections = evidence.objections(&self.now().await, allowed);
        self.wrong.extend(objections);
        let bases = if self.makes {
            self.made_of_nothing(&evidence)
        } else {
            self.bases(&evidence)
        };
        self.wrong.extend(bases);
    }

    /// Where the other's value stays, it is the other's alone.
    async fn kept(&self) -> Vec<String> {
        let now = self.now().await;
        let mut wrong = Vec::new();
        for kind in KINDS {
            let object = &now[&(kind.target.to_owned(), kind.bad())];
            let wanted = match (self.fault.field(&kind), kind.third) {
                (Cell::Holds(_), Some(third)) => third,
                _ => kind.base,
            };
            wrong.extend(complaint(kind.holds(object, wanted), || {
                format!("{} is not kept", kind.bad())
            }));
            wrong.extend(bears_our_name(&kind.bad(), object));
        }
        wrong
    }

    /// The journal has what each field held in peacetime.
    fn bases(&self, evidence: &Evidence) -> Vec<String> {
        let mut wrong = Vec::new();
        let of = |object: &Value, uid: &str| object["metadata"]["uid"] == uid;
        for entry in evidence
            .ledgers
            .values()
            .flat_map(|ledger| ledger.entries.values())
        {
            let was = self
                .before
                .values()
                .find(|object| of(object, &entry.target.uid));
            let was = was.map(|object| Image::at(object, &entry.path));
            if was.as_ref() != Some(&entry.base) {
                let (path, name) = (&entry.path, &entry.target.name);
                wrong.push(format!(
                    "the journal has {} for {path} of {name}, it was {was:?}",
                    entry.base.display()
                ));
            }
        }
        let journalled = |kind: &&Kind| {
            let mut all = evidence
                .ledgers
                .values()
                .flat_map(|ledger| ledger.entries.values());
            all.any(|entry| entry.target.kind == kind.target && entry.target.name == kind.well())
        };
        wrong.extend(
            KINDS
                .iter()
                .filter(|kind| !journalled(kind))
                .map(|kind| format!("no record of {}", kind.well())),
        );
        wrong
    }
}

/// That something which is another's alone says that it is ours.
pub fn bears_our_name(what: &str, object: &Value) -> Vec<String> {
    let text = object.to_string();
    let marks = ["pingzhan/", names::HELD_BY_LABEL, names::MADE_FOR_LABEL];
    complaint(!marks.iter().any(|mark| text.contains(mark)), || {
        format!("{what} still bears our name: {text}")
    })
}
