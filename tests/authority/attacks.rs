//! What must be refused, and by what. A seed chooses among values and forms that make no difference,
//! and whether a request is a dry run: that must make none either.

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::acts::{
    ACTS, Act, LISTED, LISTS, ONLY, RIGHTS, acting, change, change_at, objections, plan_of,
};
use super::ask::{Ask, Form, JSON_PATCH, MERGE, Refusal, STRATEGIC};
use super::frozen::{FREEZE, FREEZES, freeze};
use super::people::{
    CHEN, CONTROLLER, DEPLOYER, ENDER, EVERYBODY, FENG, GAO, HE, INSIDER, LIN, MALLORY,
    OPERATOR_ITSELF, RESCUER, ROOT, STRANGER, TANG, WANG, WU, Who, ZHOU,
};
use super::world::{
    BARE, CLOSED, ENDED, FULL, LOST, MODES, OPEN, PLAYBOOKS, PROPOSED, RECORDS, REVIEWED,
    UNREVIEWED, World, hash, playbook, record,
};

/// Metadata of modes that is the operator's.
const MARKS: &str = include_str!("marks.yaml");
/// Where nothing is frozen.
const ELSEWHERE: &str = "/apis/pingzhan.dev/v1alpha1/namespaces/pingzhan-playbooks/changefreezes";
/// What is said of those who meddle with managers.
const STAMP: &str = "metadata.managedFields";

/// Metadata, and what the policy says of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    words: String,
    metadata: Value,
}

/// A request, who sends it, and why it must be refused: any of these; none where it may be done.
#[derive(Clone, Debug)]
pub struct Case {
    pub what: String,
    pub who: Who,
    pub ask: Ask,
    pub refused: Vec<Refusal>,
}

/// What is put together.
pub struct Cases<'a> {
    pub world: &'a World,
    pub rng: Rng,
    pub attacks: Vec<Case>,
    pub allowed: Vec<Case>,
}

impl<'a> Cases<'a> {
    /// Everything.
    pub fn of(world: &'a World, seed: u64) -> Self {
        let mut cases = Self {
            world,
            rng: Rng::with_seed(seed),
            attacks: Vec::new(),
            allowed: Vec::new(),
        };
        cases.honest();
        cases.forged();
        cases.early();
        cases.late();
        cases.tampered();
        cases.several();
        cases.passed_over();
        cases.frozen();
        cases.once();
        cases.marks();
        cases.managers();
        cases.status();
        cases.readiness();
        cases.records();
        cases.freezes();
        cases.lifted();
        cases.ending();
        cases.deleted();
        cases.lost();
        cases.playbooks();
        cases.odd();
        cases.declared();
        cases.guarded();
        cases.made();
        cases.stopped();
        cases.probed();
        let mut rng = cases.rng.clone();
        rng.shuffle(&mut cases.attacks);
        rng.shuffle(&mut cases.allowed);
        cases
    }

    /// A request that must be refused for one of these reasons; without one it is to be let through,
    /// and is tried without doing it.
    pub fn case(&mut self, what: impl Into<String>, who: &Who, ask: Ask, refused: Vec<Refusal>) {
        let what = what.into();
        if refused.is_empty() {
            let ask = ask.dry();
            self.allowed.push(Case {
                what,
                who: *who,
                ask,
                refused,
            });
            return;
        }
        let is_said = ask.query.contains("dryRun") || ask.path.contains("/pods/");
        let ask = if !is_said && self.rng.bool() {
            ask.dry()
        } else {
            ask
        };
        self.attacks.push(Case {
            what,
            who: *who,
            ask,
            refused,
        });
    }

    pub fn attack(&mut self, what: impl Into<String>, who: &Who, ask: Ask, refused: Refusal) {
        self.case(what, who, ask, vec![refused]);
    }

    fn mode(&self, name: &str) -> Value {
        self.world.modes[name].clone()
    }

    fn act(&self, act: Act, mode: &str, by: &str, group: &str) -> Value {
        let said = act.said(by, group, &plan_of(mode));
        act.written(&self.world.modes[mode], &said, (by, group))
    }

    /// Everybody does every act in their own name: whoever lacks a right or a group is refused.
    fn honest(&mut self) {
        for who in EVERYBODY.iter().chain([&OPERATOR_ITSELF]) {
            for act in ACTS {
                let mode = act.mode();
                let group = acting(act, who);
                let refused = objections(act, who, who.name, group, mode);
                let fields = self.act(act, mode, who.name, group);
                for form in Form::ALL {
                    let ask = change(&self.mode(mode), &fields, form);
                    let what = format!("{act:?} on {mode} by {form:?}");
                    self.case(what, who, ask, refused.clone());
                }
            }
            // A proposal is approved by its own hash, and by nobody who asked for it.
            let group = acting(Act::Approve, who);
            for letter in ['a', 'b'] {
                let said = Act::Approve.said(who.name, group, &hash(letter));
                let fields = Act::Approve.written(&self.mode(PROPOSED), &said, (who.name, group));
                let mut refused = objections(Act::Approve, who, who.name, group, PROPOSED);
                if letter == 'a' {
                    refused.push(Refusal::Policy(RIGHTS, "approvals[].planHash must be"));
                }
                let ask = change(
                    &self.mode(PROPOSED),
                    &fields,
                    *self.rng.choice(&Form::ALL).expect("a form"),
                );
                self.case(format!("approve {letter} of a proposal"), who, ask, refused);
            }
        }
    }

    /// In another's name, in the name of a group that is not theirs, in nobody's.
    fn forged(&mut self) {
        for act in ACTS.into_iter().filter(|act| act.is_signed()) {
            let mode = act.mode();
            for who in [INSIDER, LIN, ZHOU, ROOT, WANG] {
                let own = acting(act, &who);
                let others = [
                    HE.name,
                    "system:serviceaccount:pingzhan-system:pingzhan",
                    "approver-xu",
                ];
                let other = *self.rng.choice(&others).expect("another");
                let blank = *self.rng.choice(&[" ", "   "]).expect("nobody");
                for (by, group) in [
                    (other, own),
                    (who.name, "retired"),
                    (who.name, "system:masters"),
                    (other, "retired"),
                    (blank, own),
                    (who.name, blank),
                    ("", own),
                    (who.name, ""),
                    (&who.name.to_uppercase(), own),
                ] {
                    let refused = if by.is_empty() || group.is_empty() {
                        vec![Refusal::Schema]
                    } else {
                        objections(act, &who, by, group, mode)
                    };
                    let fields = self.act(act, mode, by, group);
                    let form = *self.rng.choice(&Form::ALL).expect("a form");
                    let ask = change(&self.mode(mode), &fields, form);
                    self.case(
                        format!("{act:?} by {by:?} as {group:?}, {form:?}"),
                        &who,
                        ask,
                        refused,
                    );
                }
            }
        }
        for act in [Act::Level, Act::Renew] {
            for (by, group) in [
                (ZHOU.name, "duty"),
                (INSIDER.name, "retired"),
                (INSIDER.name, "chiefs"),
                (" ", "duty"),
            ] {
                let refused = objections(act, &INSIDER, by, group, OPEN);
                let fields = self.act(act, OPEN, by, group);
                for form in Form::ALL {
                    let ask = change(&self.mode(OPEN), &fields, form);
                    self.case(
                        format!("{act:?} by {by:?} as {group:?}"),
                        &INSIDER,
                        ask,
                        refused.clone(),
                    );
                }
            }
        }
    }

    /// Before the plan is in force: nobody makes another of it, neither under a broken glass nor so that who
    /// declared could approve it.
    fn early(&mut self) {
        for mode in [BARE, FULL] {
            for who in [INSIDER, WU, ZHOU] {
                for act in [Act::Level, Act::Renew] {
                    let refused = objections(act, &who, who.name, "duty", mode);
                    let fields = self.act(act, mode, who.name, "duty");
                    for form in Form::ALL {
                        let ask = change(&self.mode(mode), &fields, form);
                        let what = format!("{act:?} on {mode}, before it is in force");
                        self.case(what, &who, ask, refused.clone());
                    }
                }
            }
        }
    }

    /// After the end.
    fn late(&mut self) {
        for mode in [ENDED, CLOSED] {
            for act in ACTS {
                if act == Act::StandDown {
                    continue;
                }
                let group = acting(act, &INSIDER);
                let refused = objections(act, &INSIDER, INSIDER.name, group, mode);
                let fields = self.act(act, mode, INSIDER.name, group);
                for form in [Form::Merge, Form::Put] {
                    let ask = change(&self.mode(mode), &fields, form);
                    self.case(format!("{act:?} on {mode}"), &INSIDER, ask, refused.clone());
                }
            }
        }
        for form in Form::ALL {
            let up = change(&self.mode(ENDED), &json!({ "posture": "Wartime" }), form);
            self.attack("back to wartime", &INSIDER, up, Refusal::Schema);
        }
    }

    /// What others have said, changed by somebody who may say anything of their own.
    fn tampered(&mut self) {
        for act in LISTED {
            let now = self.mode(FULL)["spec"][act.field()]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let own = act.said(INSIDER.name, acting(act, &INSIDER), &hash('a'));
            let mut edited = now.clone();
            edited[0]["by"] = "somebody".into();
            let mut taken_over = now.clone();
            taken_over[0] = own.clone();
            let mut front = now.clone();
            front.insert(0, own.clone());
            let mut swapped = now.clone();
            swapped.reverse();
            swapped.push(own.clone());
            let mut instead = now.clone();
            instead.pop();
            instead.push(own.clone());
            let two: Vec<Value> = now.iter().chain([&own, &own]).cloned().collect();
            let kept = "append-only";
            for (how, items, words) in [
                ("edited", edited, kept),
                ("taken over", taken_over, kept),
                ("removed", now[1..].to_vec(), kept),
                ("emptied", Vec::new(), kept),
                ("put in front", front, kept),
                ("in another order", swapped, kept),
                ("the last one instead", instead, kept),
                ("two items", two, "one item a request"),
            ] {
                if how == "in another order" && now.len() < 2 {
                    continue;
                }
                let form = *self.rng.choice(&Form::ALL).expect("a form");
                for (form, who) in [
                    (Form::Merge, INSIDER),
                    (Form::Put, INSIDER),
                    (form, ROOT),
                    (form, MALLORY),
                ] {
                    let ask = change(&self.mode(FULL), &json!({ act.field(): items }), form);
                    let what = format!("{} {how}, {form:?}", act.field());
                    let mut refused = vec![Refusal::Policy(RIGHTS, words)];
                    if who != INSIDER {
                        refused.extend(
                            [RIGHTS, super::acts::LISTS].map(|policy| Refusal::Policy(policy, "")),
                        );
                    }
                    self.case(what, &who, ask, refused);
                }
            }
            let gone = json!([{ "op": "remove", "path": format!("/spec/{}", act.field()) }]);
            let ask = Ask::with("PATCH", format!("{MODES}/{FULL}"), gone).media(JSON_PATCH);
            self.attack(
                format!("{} removed whole", act.field()),
                &INSIDER,
                ask,
                Refusal::Policy(RIGHTS, kept),
            );
        }
    }

    /// Two acts in one request, each of which may be done alone.
    fn several(&mut self) {
        let alone: Vec<Act> = ACTS.into_iter().filter(|act| *act != Act::Review).collect();
        for (at, first) in alone.iter().enumerate() {
            for second in &alone[at + 1..] {
                let pair = (*first, *second);
                if pair == (Act::Level, Act::Renew) {
                    continue; // One proposal.
                }
                let mut fields = self.act(*first, OPEN, INSIDER.name, acting(*first, &INSIDER));
                let more = self.act(*second, OPEN, INSIDER.name, acting(*second, &INSIDER));
                let more = more.as_object().expect("fields").clone();
                fields.as_object_mut().expect("fields").extend(more);
                for form in [Form::Merge, *self.rng.choice(&Form::ALL).expect("a form")] {
                    let ask = change(&self.mode(OPEN), &fields, form);
                    let refused = Refusal::Policy(RIGHTS, "one act a request");
                    self.attack(format!("{first:?} and {second:?}"), &INSIDER, ask, refused);
                }
            }
        }
    }

    /// Who passes a gate over decides at it: only those may whom it asks.
    fn passed_over(&mut self) {
        let unasked = Refusal::Policy(LISTS, "is not asked: only the groups that it asks");
        for (who, group, refused) in [
            (INSIDER, "duty", vec![unasked]),
            (INSIDER, "chiefs", vec![unasked]),
            (INSIDER, "command", Vec::new()),
            (WANG, "command", Vec::new()),
        ] {
            let mut said = Act::Skip.said(who.name, group, "");
            said["step"] = "confirm".into();
            let fields = Act::Skip.written(&self.mode(OPEN), &said, (who.name, group));
            for form in Form::ALL {
                let ask = change(&self.mode(OPEN), &fields, form);
                let what = format!("a gate passed over as {group} by {form:?}");
                self.case(what, &who, ask, refused.clone());
            }
        }
    }

    /// Fields that nobody changes after the declaration.
    fn frozen(&mut self) {
        let frozen = Refusal::Policy(RIGHTS, "spec is frozen");
        let requester = Refusal::Policy(RIGHTS, "requestedBy and requestedAs change");
        let fields = [
            (json!({ "reason": "another" }), frozen),
            (json!({ "legalBasis": { "instrument": "none" } }), frozen),
            (json!({ "decidedBy": { "name": "nobody" } }), frozen),
            (json!({ "planHash": hash('c') }), frozen),
            (json!({ "parameters": { "surge": 900 } }), frozen),
            (
                json!({ "scope": { "namespaces": { "names": ["a"] } } }),
                frozen,
            ),
            (json!({ "nature": "Exercise" }), Refusal::Schema),
            (
                json!({ "playbookRef": { "name": "other" } }),
                Refusal::Schema,
            ),
            (json!({ "tabletop": true }), Refusal::Schema),
            (json!({ "requestedBy": INSIDER.name }), requester),
            (json!({ "requestedAs": "chiefs" }), requester),
        ];
        for (fields, refused) in fields {
            for who in [INSIDER, ZHOU, ROOT, MALLORY, OPERATOR_ITSELF, RESCUER] {
                for form in Form::ALL {
                    let ask = change(&self.mode(OPEN), &fields, form);
                    let mut reasons = vec![refused];
                    if who == OPERATOR_ITSELF {
                        reasons.push(Refusal::Policy(RIGHTS, "the operator does not change spec"));
                    }
                    self.case(format!("{fields} by {form:?}"), &who, ask, reasons);
                }
            }
        }
    }

    /// What is set once.
    fn once(&mut self) {
        for act in [Act::Abort, Act::BreakGlass] {
            let own = act.said(INSIDER.name, acting(act, &INSIDER), "");
            for who in [INSIDER, ROOT, OPERATOR_ITSELF] {
                for value in [own.clone(), Value::Null] {
                    for form in [Form::Merge, Form::Json, Form::Put] {
                        let fields = json!({ act.field(): value });
                        let ask = change(&self.mode(FULL), &fields, form);
                        self.attack(
                            format!("{act:?} again, {form:?}"),
                            &who,
                            ask,
                            Refusal::Schema,
                        );
                    }
                }
            }
        }
    }

    /// Metadata that is the operator's, through the object and through its status.
    fn marks(&mut self) {
        let entries = self.mode(OPEN)["metadata"]["managedFields"].clone();
        let entries = entries.as_array().expect("managedFields");
        let mut managed = entries.clone();
        for entry in &mut managed {
            entry["manager"] = "pingzhan-operator".into();
        }
        let mut rows: Vec<Mark> = serde_yaml::from_str(MARKS).expect("the table");
        for kind in ["labels", "annotations"] {
            let mark = |at: usize| (format!("mark-{at}"), Value::from("x"));
            let many: Map<String, Value> = (0..=64).map(mark).collect();
            rows.push(Mark {
                words: "at most 64 labels".to_owned(),
                metadata: json!({ kind: many }),
            });
        }
        for fields in [json!([{}]), json!(managed), json!(entries[..1])] {
            let metadata = json!({ "managedFields": fields });
            rows.push(Mark {
                words: STAMP.to_owned(),
                metadata,
            });
        }
        for Mark { words, metadata } in rows {
            let words: &'static str = words.leak();
            let parts = json!({ "metadata": metadata });
            let path = format!("{MODES}/{OPEN}");
            let status = format!("{path}/status");
            for who in [INSIDER, MALLORY, ROOT] {
                for form in [Form::Merge, Form::Json, Form::Put] {
                    let ask = change_at(&path, &self.mode(OPEN), &parts, form);
                    let refused = Refusal::Policy(RIGHTS, words);
                    self.attack(format!("{metadata} by {form:?}"), &who, ask, refused);
                    let ask = change_at(&status, &self.mode(OPEN), &parts, form);
                    let refused =
                        Refusal::Policy(ONLY, "only the operator writes emergencymodes/status");
                    self.attack(format!("{metadata} through status"), &who, ask, refused);
                }
            }
            // Who restores offline may write status: what they say beside it is not heard.
            if words != STAMP {
                let ask = change_at(&status, &self.mode(OPEN), &parts, Form::Merge);
                self.attack(
                    format!("{metadata} by a rescuer"),
                    &RESCUER,
                    ask,
                    Refusal::Ignored,
                );
            }
        }
    }

    /// The operator's field managers, by name and by that of its program.
    fn managers(&mut self) {
        let fields = json!({ "paused": true });
        for manager in [
            "pingzhan/attacked-open/12345678",
            "pingzhan-operator",
            "pingzhan/",
        ] {
            for form in [Form::Merge, Form::Json, Form::Put] {
                let named = format!("fieldManager={manager}");
                let ask = change(&self.mode(OPEN), &fields, form).query(&named);
                let refused = Refusal::Policy(RIGHTS, "field managers pingzhan/");
                self.attack(
                    format!("as the field manager {manager}"),
                    &INSIDER,
                    ask,
                    refused,
                );
            }
        }
        for form in [Form::Merge, Form::Put] {
            let ask = change(&self.mode(OPEN), &fields, form).agent("pingzhan-operator/0.1");
            self.attack(
                "as the operator's program",
                &INSIDER,
                ask,
                Refusal::Policy(RIGHTS, STAMP),
            );
        }
        // Where nothing is the operator's yet, who wrote what may not be wiped either.
        let wiped = json!({ "metadata": { "managedFields": [{}] } });
        for form in [Form::Merge, Form::Put] {
            let ask = change_at(&format!("{MODES}/{BARE}"), &self.mode(BARE), &wiped, form);
            let refused = Refusal::Policy(RIGHTS, "may not be emptied");
            self.attack("managers wiped", &INSIDER, ask, refused);
        }
    }

    /// Status is the operator's, by every way.
    fn status(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes emergencymodes/status");
        for who in EVERYBODY {
            for name in [OPEN, FULL, CLOSED] {
                let plan =
                    json!({ "hash": hash('f'), "changes": 0, "targets": 0, "amendments": 0 });
                let choices = [
                    json!({ "phase": "Closed" }),
                    json!({ "plan": plan }),
                    json!({ "proposed": { "planHash": hash('f'), "level": "I", "expiresAfter": "1h", "changes": 0 } }),
                ];
                let fields = self.rng.choice(&choices).expect("one").clone();
                let form = *self.rng.choice(&Form::ALL).expect("a form");
                let path = format!("{MODES}/{name}/status");
                let ask = change_at(&path, &self.mode(name), &json!({ "status": fields }), form);
                self.attack(format!("status of {name} by {form:?}"), &who, ask, only);
            }
            let path = format!("{MODES}/{OPEN}");
            for form in [Form::Merge, Form::Put] {
                let status = json!({ "status": { "phase": "Closed" } });
                let ask = change_at(&path, &self.mode(OPEN), &status, form);
                self.attack("status with the object", &who, ask, Refusal::Ignored);
            }
            let ask = Ask::with(
                "PATCH",
                format!("{path}/scale"),
                json!({ "spec": { "replicas": 0 } }),
            )
            .media(MERGE);
            self.attack("a scale", &who, ask, Refusal::Absent);
        }
        for form in Form::ALL {
            let status = json!({ "status": { "phase": "Active" } });
            for who in [OPERATOR_ITSELF, RESCUER] {
                let ask = change_at(
                    &format!("{MODES}/{OPEN}/status"),
                    &self.mode(OPEN),
                    &status,
                    form,
                );
                self.case("status by whom it is for", &who, ask, Vec::new());
            }
        }
    }

    /// So is that of playbooks.
    fn readiness(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes playbooks/status");
        let path = format!("{PLAYBOOKS}/flood/status");
        let now = playbook("flood", "flood");
        let seen = json!({ "status": { "observedGeneration": 1 } });
        let forms = [Form::Merge, Form::Json, Form::Apply];
        for who in EVERYBODY {
            let form = *self.rng.choice(&forms).expect("a form");
            let ask = change_at(&path, &now, &seen, form);
            let what = format!("status of a playbook by {form:?}");
            self.attack(what, &who, ask, only);
        }
        for form in forms {
            for who in [OPERATOR_ITSELF, RESCUER] {
                let ask = change_at(&path, &now, &seen, form);
                let what = "status of a playbook by whom it is for";
                self.case(what, &who, ask, Vec::new());
            }
        }
    }

    /// The journal.
    fn records(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes changerecords");
        let path = format!("{RECORDS}/attacked-000001");
        let forged = record("attacked", 9);
        let labels = json!({ "metadata": { "labels": { "pingzhan.dev/mode-uid": "other" } } });
        let free = json!({ "metadata": { "finalizers": null } });
        let generated = {
            let mut record = record("attacked", 8);
            record["metadata"] = json!({ "generateName": "attacked-" });
            record
        };
        for who in EVERYBODY {
            self.attack(
                "a record",
                &who,
                Ask::with("POST", RECORDS, forged.clone()),
                only,
            );
            self.attack(
                "a generated record",
                &who,
                Ask::with("POST", RECORDS, generated.clone()),
                only,
            );
            for body in [labels.clone(), free.clone()] {
                let ask = Ask::with("PATCH", &path, body).media(MERGE);
                self.attack("a record changed", &who, ask, only);
            }
            self.attack("a record deleted", &who, Ask::new("DELETE", &path), only);
            self.attack(
                "all records deleted",
                &who,
                Ask::new("DELETE", RECORDS),
                only,
            );
        }
        for who in [OPERATOR_ITSELF, RESCUER, INSIDER] {
            let spec = json!({ "spec": { "epoch": 2 } });
            let ask = Ask::with("PATCH", &path, spec).media(MERGE);
            self.attack("a record rewritten", &who, ask, Refusal::Schema);
        }
        for who in [OPERATOR_ITSELF, RESCUER] {
            self.case(
                "a record",
                &who,
                Ask::with("POST", RECORDS, forged.clone()),
                Vec::new(),
            );
            self.case(
                "a record freed",
                &who,
                Ask::with("PATCH", &path, free.clone()).media(MERGE),
                Vec::new(),
            );
            self.case(
                "a record deleted",
                &who,
                Ask::new("DELETE", &path),
                Vec::new(),
            );
        }
    }

    /// Freezes, where something is frozen and where nothing is: nobody makes one but whom it is for, and
    /// nobody changes what one says.
    fn freezes(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes changefreezes");
        let path = format!("{FREEZES}/{FREEZE}");
        let owner =
            json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "plain", "uid": "1" }]);
        let parts = [
            json!({ "spec": { "groups": ["staff", "street"] } }),
            json!({ "spec": { "automation": [] } }),
            json!({ "metadata": { "labels": { "a": "b" } } }),
            json!({ "metadata": { "annotations": { "a": "b" } } }),
            json!({ "metadata": { "finalizers": ["example.com/mine"] } }),
            json!({ "metadata": { "ownerReferences": owner } }),
        ];
        let own = freeze("attacked");
        let mut generated = own.clone();
        generated["metadata"] = json!({ "generateName": "attacked-" });
        let whole = json!({ "spec": own["spec"] });
        for list in [FREEZES, ELSEWHERE] {
            let asks = [
                Ask::with("POST", list, own.clone()),
                Ask::with("POST", list, generated.clone()),
                change_at(&format!("{list}/attacked"), &own, &whole, Form::Apply),
            ];
            for ask in asks {
                for who in EVERYBODY.iter().chain([&ENDER]) {
                    self.attack("a freeze", who, ask.clone(), only);
                }
                self.attack("a freeze", &STRANGER, ask.clone(), Refusal::Roles);
                for who in [OPERATOR_ITSELF, RESCUER, FENG] {
                    self.case("a freeze", &who, ask.clone(), Vec::new());
                }
            }
        }
        for parts in parts {
            let form = *self.rng.choice(&Form::ALL).expect("a form");
            let ask = change_at(&path, &self.world.freeze, &parts, form);
            let what = format!("{parts} of a freeze by {form:?}");
            for who in EVERYBODY.iter().chain([&ENDER]) {
                self.attack(&what, who, ask.clone(), only);
            }
            self.attack(&what, &STRANGER, ask.clone(), Refusal::Roles);
            for who in [OPERATOR_ITSELF, RESCUER, FENG] {
                self.case(&what, &who, ask.clone(), Vec::new());
            }
        }
        // It has no status, and no count.
        for part in ["status", "scale"] {
            let body = json!({ "spec": { "replicas": 0 } });
            let ask = Ask::with("PATCH", format!("{path}/{part}"), body).media(MERGE);
            for who in [MALLORY, INSIDER, OPERATOR_ITSELF] {
                self.attack("a part of a freeze", &who, ask.clone(), Refusal::Absent);
            }
        }
    }

    /// Nobody lifts one but whom it is for, one by one and all at once.
    fn lifted(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes changefreezes");
        for ask in [
            Ask::new("DELETE", format!("{FREEZES}/{FREEZE}")),
            Ask::new("DELETE", FREEZES),
        ] {
            for who in EVERYBODY.iter().chain([&ENDER]) {
                self.attack("a freeze lifted", who, ask.clone(), only);
            }
            self.attack("a freeze lifted", &STRANGER, ask.clone(), Refusal::Roles);
            for who in [OPERATOR_ITSELF, RESCUER, FENG] {
                self.case("a freeze lifted", &who, ask.clone(), Vec::new());
            }
        }
    }

    /// Where a namespace ends, the cluster's own controller takes its freeze along. It does nothing else to it,
    /// and nobody else does that.
    fn ending(&mut self) {
        let only = Refusal::Policy(ONLY, "only the operator writes changefreezes");
        let list = self.world.ending_freezes();
        let path = format!("{list}/{FREEZE}");
        for ask in [Ask::new("DELETE", &path), Ask::new("DELETE", &list)] {
            let what = "a freeze of a namespace that ends";
            for who in [ENDER, CONTROLLER, OPERATOR_ITSELF, RESCUER, FENG] {
                self.case(what, &who, ask.clone(), Vec::new());
            }
            for who in [MALLORY, ROOT, INSIDER, DEPLOYER, ZHOU] {
                self.attack(what, &who, ask.clone(), only);
            }
            self.attack(what, &STRANGER, ask.clone(), Refusal::Roles);
        }
        let wider = json!({ "spec": { "groups": ["staff"] } });
        let free = json!({ "metadata": { "finalizers": null } });
        for body in [wider, free] {
            for who in [ENDER, CONTROLLER, ROOT] {
                let ask = Ask::with("PATCH", &path, body.clone()).media(MERGE);
                let what = "a freeze changed while its namespace ends";
                self.attack(what, &who, ask, only);
            }
        }
    }

    fn deleted(&mut self) {
        let refused = Refusal::Policy(RIGHTS, "is not closed, or still has its finalizer");
        for who in EVERYBODY.iter().chain([&OPERATOR_ITSELF, &RESCUER]) {
            for name in [OPEN, FULL, PROPOSED, ENDED] {
                let ask = Ask::new("DELETE", format!("{MODES}/{name}"));
                let how = *self
                    .rng
                    .choice(&[
                        "propagationPolicy=Orphan",
                        "propagationPolicy=Foreground",
                        "gracePeriodSeconds=0",
                    ])
                    .expect("one");
                self.attack(
                    format!("{name} deleted, {how}"),
                    who,
                    ask.query(how),
                    refused,
                );
            }
            let ask =
                Ask::new("DELETE", MODES).query("fieldSelector=metadata.name%3Dattacked-open");
            self.attack("modes deleted", who, ask, refused);
        }
        self.unreviewed();
        let ask = Ask::new("DELETE", format!("{MODES}/{CLOSED}"));
        self.case("a closed mode deleted", &INSIDER, ask, Vec::new());
        let ask = Ask::new("DELETE", format!("{MODES}/{BARE}"));
        self.case(
            "a mode that nobody has taken up deleted",
            &INSIDER,
            ask,
            Vec::new(),
        );
    }

    /// What was done without quorum is reviewed before it may be forgotten.
    fn unreviewed(&mut self) {
        let refused = Refusal::Policy(RIGHTS, "nobody else has reviewed that");
        let one = |name: &str| Ask::new("DELETE", format!("{MODES}/{name}"));
        let field = format!("fieldSelector=metadata.name%3D{UNREVIEWED}");
        for who in EVERYBODY.iter().chain([&OPERATOR_ITSELF]) {
            self.attack("an unreviewed mode deleted", who, one(UNREVIEWED), refused);
            let all = Ask::new("DELETE", MODES).query(&field);
            self.attack("unreviewed modes deleted", who, all, refused);
            self.case("a reviewed mode deleted", who, one(REVIEWED), Vec::new());
        }
        let what = "an unreviewed mode deleted by a rescuer";
        self.case(what, &RESCUER, one(UNREVIEWED), Vec::new());
    }

    /// A mode that two people have given up, while no operator lets it go: each of the two may take the
    /// finalizer off, and delete it. Nobody else may.
    fn lost(&mut self) {
        let path = format!("{MODES}/{LOST}");
        let free = json!({ "metadata": { "finalizers": null } });
        let deleted = Ask::new("DELETE", &path);
        let forms = [Form::Merge, Form::Json, Form::Put];
        for who in [LIN, CHEN] {
            let what = "what was given up, by one of the two";
            self.case(what, &who, deleted.clone(), Vec::new());
            for form in forms {
                let ask = change_at(&path, &self.mode(LOST), &free, form);
                self.case(what, &who, ask, Vec::new());
            }
        }
        let kept = Refusal::Policy(RIGHTS, "is not closed, or still has its finalizer");
        let held = Refusal::Policy(RIGHTS, "finalizers are the operator's");
        for who in [ZHOU, WANG, INSIDER, TANG, ROOT, MALLORY] {
            let what = "what others have given up";
            self.attack(what, &who, deleted.clone(), kept);
            for form in forms {
                let ask = change_at(&path, &self.mode(LOST), &free, form);
                self.attack(what, &who, ask, held);
            }
        }
        // Nor is anything put on it that would keep it for ever.
        for finalizers in [
            json!(["pingzhan.dev/mode", "example.com/mine"]),
            json!(["example.com/mine"]),
        ] {
            let mine = json!({ "metadata": { "finalizers": finalizers } });
            for form in forms {
                let ask = change_at(&path, &self.mode(LOST), &mine, form);
                self.attack("a finalizer of one's own", &CHEN, ask, held);
            }
        }
        // Having given it up gives no right to the rest.
        let status = json!({ "status": { "phase": "Closed" } });
        let ask = change_at(
            &format!("{path}/status"),
            &self.mode(LOST),
            &status,
            Form::Merge,
        );
        let only = Refusal::Policy(ONLY, "only the operator writes emergencymodes/status");
        self.attack("its status", &LIN, ask, only);
        let other = json!({ "metadata": { "finalizers": ["pingzhan.dev/mode"], "labels": { "pingzhan.dev/denies": "true" } } });
        let ask = change_at(&path, &self.mode(LOST), &other, Form::Merge);
        let labels = Refusal::Policy(RIGHTS, "labels and annotations under");
        self.attack("its labels", &CHEN, ask, labels);
    }

    /// Who writes a playbook borrows its account.
    fn playbooks(&mut self) {
        let lent = Refusal::Policy("pingzhan-playbook", "may not use the account");
        let empty = Refusal::Policy("pingzhan-playbook", "spec.serviceAccountName is empty");
        let now = playbook("flood", "flood");
        let path = format!("{PLAYBOOKS}/flood");
        let lists = json!({ "requesterGroups": ["staff"], "approverGroups": ["staff"] });
        for who in [MALLORY, INSIDER, TANG, ZHOU, GAO, HE] {
            let own = playbook("attacked", if who == HE { "other" } else { "flood" });
            let mut generated = own.clone();
            generated["metadata"] = json!({ "generateName": "attacked-" });
            let whole = json!({ "spec": own["spec"] });
            for ask in [
                Ask::with("POST", PLAYBOOKS, own.clone()),
                Ask::with("POST", PLAYBOOKS, generated),
                change_at(&format!("{PLAYBOOKS}/attacked"), &own, &whole, Form::Apply),
            ] {
                self.attack("a playbook", &who, ask, lent);
            }
            for form in [Form::Merge, Form::Json, Form::Apply] {
                let account = json!({ "spec": { "serviceAccountName": "other" } });
                let ask = change_at(&path, &now, &account, form);
                self.attack("another account", &who, ask, lent);
                let ask = change_at(
                    &path,
                    &now,
                    &json!({ "spec": { "authority": lists } }),
                    form,
                );
                let refused = if who == HE { Vec::new() } else { vec![lent] };
                self.case("other groups", &who, ask, refused);
            }
            let blank = json!({ "spec": { "serviceAccountName": " " } });
            let ask = change_at(&path, &now, &blank, Form::Merge);
            self.case("a blank account", &who, ask, vec![empty, lent]);
            let label = json!({ "metadata": { "labels": { "city": "here" } } });
            self.case(
                "a label",
                &who,
                change_at(&path, &now, &label, Form::Merge),
                Vec::new(),
            );
            // Its lists would hold nobody any more.
            let refused = if who == HE { Vec::new() } else { vec![lent] };
            self.case("taken away", &who, Ask::new("DELETE", &path), refused);
        }
        // Who is lent the other account only does not make the playbook theirs by it.
        for form in [Form::Merge, Form::Json, Form::Apply] {
            let fields = json!({ "serviceAccountName": "other", "authority": lists });
            let ask = change_at(&path, &now, &json!({ "spec": fields }), form);
            let taken = Refusal::Policy("pingzhan-playbook", "as which the playbook runs now");
            self.attack("taken over", &GAO, ask.clone(), taken);
            let what = "another account, by somebody to whom both are lent";
            self.case(what, &ROOT, ask, Vec::new());
        }
        let ask = Ask::with("POST", PLAYBOOKS, playbook("attacked", "flood"));
        self.case("their own account", &HE, ask, Vec::new());
    }

    /// Forms that are none, names that are not there, and those without any right.
    fn odd(&mut self) {
        for act in ACTS {
            let fields = self.act(act, act.mode(), INSIDER.name, acting(act, &INSIDER));
            let ask = change(&self.mode(act.mode()), &fields, Form::Merge).media(STRATEGIC);
            self.attack(
                format!("{act:?} by a strategic patch"),
                &INSIDER,
                ask,
                Refusal::Media,
            );
            for form in Form::ALL {
                let ask = change(&self.mode(act.mode()), &fields, form);
                self.attack(format!("{act:?} by nobody"), &STRANGER, ask, Refusal::Roles);
            }
        }
        for (method, path) in [
            ("DELETE", MODES),
            ("DELETE", RECORDS),
            ("POST", MODES),
            ("POST", RECORDS),
            ("POST", PLAYBOOKS),
        ] {
            let body = record("attacked", 7);
            let ask = if method == "POST" {
                Ask::with(method, path, body)
            } else {
                Ask::new(method, path)
            };
            self.attack(
                format!("{method} {path} by nobody"),
                &STRANGER,
                ask,
                Refusal::Roles,
            );
        }
        let copied =
            json!([{ "op": "copy", "from": "/spec/approvals/0", "path": "/spec/approvals/-" }]);
        let ask = Ask::with("PATCH", format!("{MODES}/{OPEN}"), copied).media(JSON_PATCH);
        self.attack(
            "another's approval copied",
            &INSIDER,
            ask,
            Refusal::Policy(RIGHTS, "`by` must be"),
        );
        let moved =
            json!([{ "op": "move", "from": "/spec/approvals/0", "path": "/spec/approvals/1" }]);
        let ask = Ask::with("PATCH", format!("{MODES}/{OPEN}"), moved).media(JSON_PATCH);
        self.attack(
            "approvals moved",
            &INSIDER,
            ask,
            Refusal::Policy(RIGHTS, "append-only"),
        );
        let nowhere = json!({ "metadata": { "name": "nowhere" } });
        let ask = change_at(
            &format!("{MODES}/nowhere"),
            &nowhere,
            &json!({ "spec": { "paused": true } }),
            Form::Merge,
        );
        self.attack("a mode that is not there", &INSIDER, ask, Refusal::Absent);
    }
}
