//! Every act of a person, and a second opinion on who may do it: written from the design, not from the
//! policies.

use serde_json::{Value, json};

use super::ask::{APPLY, Ask, Form, JSON_PATCH, MERGE, Refusal};
use super::people::{OPERATOR, Rights, Who};
use super::world::{CLOSED, ENDED, FULL, MODES, OPEN, PROPOSED, hash};

/// The policy of rights, and that of the playbook's lists.
pub const RIGHTS: &str = "pingzhan-emergencymode";
pub const LISTS: &str = "pingzhan-emergencymode-playbook";
pub const ONLY: &str = "pingzhan-operator-only";
pub const GUARD: &str = "pingzhan-guard";

/// An act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Approve,
    Answer,
    Verdict,
    Skip,
    Review,
    Abandon,
    Abort,
    BreakGlass,
    StandDown,
    Pause,
    Level,
    Renew,
}

use Act::{
    Abandon, Abort, Answer, Approve, BreakGlass, Level, Pause, Renew, Review, Skip, StandDown,
    Verdict,
};

/// All of them.
pub const ACTS: [Act; 12] = [
    Approve, Answer, Verdict, Skip, Review, Abandon, Abort, BreakGlass, StandDown, Pause, Level,
    Renew,
];
/// Those that are items of lists.
pub const LISTED: [Act; 6] = [Approve, Answer, Verdict, Skip, Review, Abandon];

impl Act {
    /// The field that it writes.
    pub const fn field(self) -> &'static str {
        match self {
            Approve => "approvals",
            Answer => "answers",
            Verdict => "verdicts",
            Skip => "skips",
            Review => "reviews",
            Abandon => "abandon",
            Abort => "abort",
            BreakGlass => "breakGlass",
            StandDown => "posture",
            Pause => "paused",
            Level => "level",
            Renew => "expiresAfter",
        }
    }

    pub const fn is_listed(self) -> bool {
        matches!(self, Approve | Answer | Verdict | Skip | Review | Abandon)
    }

    /// Whether it names who does it.
    pub const fn is_signed(self) -> bool {
        self.is_listed() || matches!(self, Abort | BreakGlass)
    }

    const fn verb(self) -> &'static str {
        match self {
            Approve => "approve",
            Answer | Skip => "decide",
            Verdict | Review => "adjudicate",
            Abandon => "abandon",
            Abort | StandDown | Pause => "standdown",
            BreakGlass => "breakglass",
            Level | Renew => "declare",
        }
    }

    /// The playbook's lists in one of which the group has to be; nothing where any group will do.
    const fn groups(self) -> &'static [&'static str] {
        match self {
            Approve => &["chiefs", "retired"],
            Answer => &["command"],
            Verdict => &[],
            Skip | Abort | StandDown | Pause => &["duty", "chiefs", "command", "retired"],
            Review | Abandon => &["chiefs", "command", "retired"],
            BreakGlass => &["command", "retired"],
            Level | Renew => &["duty", "retired"],
        }
    }

    /// The mode on which it can be done.
    pub const fn mode(self) -> &'static str {
        match self {
            Review | Abandon => FULL,
            Approve | Answer | Verdict | Skip | Abort | BreakGlass | StandDown | Pause | Level
            | Renew => OPEN,
        }
    }

    /// What is said, by somebody in the name of a group.
    pub fn said(self, by: &str, group: &str, plan: &str) -> Value {
        let signed = |mut said: Value| {
            said["by"] = by.into();
            said["as"] = group.into();
            said
        };
        match self {
            Approve => signed(json!({ "planHash": plan })),
            Answer => {
                signed(json!({ "stage": "counters", "step": "confirm", "answer": "Proceed" }))
            }
            Verdict => signed(json!({ "of": { "all": true }, "choice": "Keep" })),
            Skip => signed(json!({ "stage": "counters", "step": "x", "reason": "closed" })),
            Review => signed(json!({ "of": "breakGlass", "outcome": "Justified" })),
            Abandon => signed(json!({ "reason": "lost" })),
            Abort => signed(json!({ "choice": "Restore", "reason": "enough" })),
            BreakGlass => signed(json!({ "reason": "no time" })),
            StandDown => "Peacetime".into(),
            Pause => true.into(),
            Level => "III".into(),
            Renew => "30h".into(),
        }
    }

    /// The fields that it writes in a mode, with the values that they then have.
    pub fn written(self, mode: &Value, said: &Value, who: (&str, &str)) -> Value {
        if self.is_listed() {
            let mut items = mode["spec"][self.field()]
                .as_array()
                .cloned()
                .unwrap_or_default();
            items.push(said.clone());
            return json!({ self.field(): items });
        }
        let mut fields = json!({ self.field(): said });
        if matches!(self, Level | Renew) {
            fields["requestedBy"] = who.0.into();
            fields["requestedAs"] = who.1.into();
        }
        fields
    }
}

/// The plan that is to be approved in a mode.
pub fn plan_of(mode: &str) -> String {
    hash(if mode == PROPOSED { 'b' } else { 'a' })
}

/// The group in whose name somebody would do an act: one that counts, if they are in one.
pub fn acting(act: Act, who: &Who) -> &'static str {
    let mut fitting = act
        .groups()
        .iter()
        .filter(|group| who.groups.contains(group));
    fitting.next().copied().unwrap_or_else(|| who.group())
}

/// A change of fields of the spec, in one of the forms.
pub fn change(mode: &Value, fields: &Value, form: Form) -> Ask {
    let name = mode["metadata"]["name"].as_str().expect("a name");
    change_at(
        &format!("{MODES}/{name}"),
        mode,
        &json!({ "spec": fields }),
        form,
    )
}

/// A change of members of the parts of an object, in one of the forms. Null takes a member away.
pub fn change_at(path: &str, object: &Value, parts: &Value, form: Form) -> Ask {
    let parts = parts.as_object().expect("parts");
    let members = || {
        parts.iter().flat_map(|(part, fields)| {
            let fields = fields.as_object().expect("members").iter();
            fields.map(move |(field, value)| (part, field, value))
        })
    };
    match form {
        Form::Merge => Ask::with("PATCH", path, json!(parts)).media(MERGE),
        Form::Json => {
            let has_part = |part: &str| object.get(part).is_some();
            let mut operations = Vec::new();
            for (part, fields) in parts {
                if !has_part(part) {
                    operations
                        .push(json!({ "op": "add", "path": format!("/{part}"), "value": fields }));
                }
            }
            for (part, field, value) in members().filter(|(part, _, _)| has_part(part)) {
                let path = format!("/{part}/{}", field.replace('/', "~1"));
                operations.push(if value.is_null() {
                    json!({ "op": "remove", "path": path })
                } else {
                    json!({ "op": "add", "path": path, "value": value })
                });
            }
            Ask::with("PATCH", path, operations.into()).media(JSON_PATCH)
        }
        Form::Put => {
            let mut whole = object.clone();
            for (part, field, value) in members() {
                if value.is_null() {
                    if let Some(fields) = whole[part].as_object_mut() {
                        fields.remove(field);
                    }
                } else {
                    whole[part][field] = value.clone();
                }
            }
            Ask::with("PUT", path, whole)
        }
        Form::Apply => {
            let mut whole = json!({ "apiVersion": object["apiVersion"], "kind": object["kind"],
                "metadata": { "name": object["metadata"]["name"] } });
            for (part, field, value) in members() {
                whole[part][field] = value.clone();
            }
            let ask = Ask::with("PATCH", path, whole).media(APPLY);
            ask.query("fieldManager=kubectl&force=true")
        }
    }
}

/// Why an act must be refused: nothing where it may be done. `by` and `group` are what it says.
pub fn objections(act: Act, who: &Who, by: &str, group: &str, mode: &str) -> Vec<Refusal> {
    let is_proposal = matches!(act, Level | Renew);
    let is_operator = who.name == OPERATOR;
    let mine = [
        (
            act.is_signed() && (by != who.name || !who.is_in(group)),
            "`by` must be",
        ),
        (act.is_signed() && who.is_system(), "a person's act"),
        (
            is_proposal && !who.is_in(group),
            "spec.requestedAs must be one of",
        ),
        (
            is_proposal && by != who.name,
            "requestedBy and requestedAs change",
        ),
        (
            !who.holds(act.verb()) && !is_operator,
            "needs the RBAC verb",
        ),
        (is_operator, "the operator"),
    ];
    let told = |(is, words): (bool, &'static str)| is.then_some(Refusal::Policy(RIGHTS, words));
    let mut all: Vec<Refusal> = mine.into_iter().filter_map(told).collect();
    all.extend(unlisted(act, who, group));
    all.extend(of_mode(act, who, mode).into_iter().filter_map(told));
    all
}

/// What the playbook's lists have against it.
fn unlisted(act: Act, who: &Who, group: &str) -> Option<Refusal> {
    let groups = act.groups();
    let listed = match act {
        // A level and a term name the group in `requestedAs`; the levers name none.
        StandDown | Pause => groups.iter().any(|group| who.is_in(group)),
        // Engineers are in no list: of them the verb must be given by name.
        Verdict => {
            let named = ["duty", "chiefs", "command", "retired"].contains(&group);
            named || who.rights != Rights::Wildcard
        }
        Approve | Answer | Skip | Review | Abandon | Abort | BreakGlass | Level | Renew => {
            groups.contains(&group)
        }
    };
    let words = match act {
        Verdict => "does not make you a judge",
        Approve => "approverGroups",
        Answer => "has no gate",
        Skip | Abort => "must be one of the groups that playbook flood names",
        Review | Abandon => "approverGroups or breakGlassGroups",
        BreakGlass => "breakGlassGroups",
        StandDown | Pause => "is in none of the groups",
        Level | Renew => "requesterGroups",
    };
    (!listed).then_some(Refusal::Policy(LISTS, words))
}

/// Who declared a mode, or last changed its level.
fn requester(mode: &str) -> &'static str {
    if mode == PROPOSED {
        "insider"
    } else {
        "duty-officer-zhou"
    }
}

/// What a mode on its way has against it, and whether it has.
fn of_mode(act: Act, who: &Who, mode: &str) -> [(bool, &'static str); 9] {
    let is = |one: Act, name: &str| act == one && who.name == name;
    let approved = ["approver-lin", "approver-chen"].contains(&who.name);
    let forward = matches!(act, Approve | BreakGlass | Level | Renew);
    let early = matches!(act, Level | Renew) && !matches!(mode, OPEN | PROPOSED);
    let reviewed = ["commander-meng", "approver-lin"].contains(&who.name);
    [
        (is(Approve, requester(mode)), "you requested this"),
        (
            act == Approve && approved && matches!(mode, OPEN | FULL),
            "approved this plan already",
        ),
        (
            act == Review && (mode != FULL || who.name == "commander-wang"),
            "a review is of breakGlass",
        ),
        (
            act == Review && mode == FULL && reviewed,
            "you have reviewed this already",
        ),
        (
            early && who.name != requester(mode),
            "nobody else changes level or term",
        ),
        (early && mode == FULL, "somebody broke the glass"),
        (
            is(Abandon, "approver-chen") && mode == FULL,
            "you have said so already",
        ),
        (mode == CLOSED && act != Review, "this mode is closed"),
        (
            forward && matches!(mode, ENDED | CLOSED),
            "this mode was stood down",
        ),
    ]
}
