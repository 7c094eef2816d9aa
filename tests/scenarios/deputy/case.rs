//! One playbook, and what has to come of it; and the table into which all of them are put. A seed
//! chooses where a choice makes no difference.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{access, call, lent, own, policies, run};

/// How long a step is tried that never succeeds: on a busy machine it must have been tried once, so that it
/// is the refusal that stops it.
pub const SOON: &str = "15s";

/// What a table has to know of the world in which it is played.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The scenario's own namespace. The account with the fewest rights has its name.
    pub space: String,
    /// Where calls may go.
    pub open: String,
    /// A port of loopback at which somebody counts who comes. Nobody may.
    pub inside: u16,
    /// The API server's address.
    pub server: String,
}

impl Ground {
    /// The name, and the label, of what lies where nothing is ever touched.
    pub fn bait(&self) -> String {
        format!("{}-bait", self.space)
    }

    /// The name, and the label, of what a playbook may change.
    pub fn free(&self) -> String {
        format!("{}-free", self.space)
    }

    /// A name that begins with that of the scenario, so that no other test has it.
    pub fn named(&self, word: &str) -> String {
        format!("{}-{word}", self.space)
    }

    /// The name of an account.
    pub fn account(&self, account: Account) -> String {
        match account {
            Account::Plain => self.space.clone(),
            Account::Binder => self.named("binder"),
            Account::Wide => self.named("wide"),
            Account::Named(name) => name.to_owned(),
        }
    }
}

/// As whom a playbook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// With the rights that the fleet's playbooks need in the scenario's namespace.
    Plain,
    /// With these, and the right to write roles and bindings, but to give one role only.
    Binder,
    /// With every right that a role can give.
    Wide,
    /// One of this name, whoever that is.
    Named(&'static str),
}

/// Who writes a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// An engineer who may lend every account.
    Lender,
    /// One who may write playbooks, and lend no account.
    Borrower,
}

/// By which way it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// What is never touched, by name and by selectors that are too wide.
    Own,
    /// Policies, rights and whatever else governs, by `patch` and `apply`.
    Policies,
    /// More rights than one has, by `access` and by making roles.
    Access,
    /// Somebody else's programs, by `run`.
    Run,
    /// The inside of the network, by `call`.
    Call,
    /// Another's account, or a playbook that is none.
    Lent,
}

impl Family {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Own => "own namespaces by selector",
            Self::Policies => "policies by patch and apply",
            Self::Access => "escalation by access",
            Self::Run => "exec by run",
            Self::Call => "SSRF by call",
            Self::Lent => "borrowed accounts",
        }
    }
}

/// Who stops it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The API server does not store the playbook: schema, rule or policy.
    Server,
    /// The finding of this code: nothing is planned.
    Lint,
    /// It cannot be carried out as it is written, now that the cluster was looked at.
    Plan,
    /// The API server does not let the account see or make it, as reads and dry runs say.
    Account,
    /// The plan leaves alone whatever it aims at, and has no change.
    Alone,
    /// It is tried when it is carried out, and stopped there.
    Act,
}

impl By {
    /// The reason that a mode has for being blocked by it, if it is.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Server | Self::Alone => None,
            Self::Lint => Some("PlaybookInvalid"),
            Self::Plan => Some("PlanFaulty"),
            Self::Account => Some("Unreadable"),
            Self::Act => Some("ActFailed"),
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Server => "the API server, before it is stored",
            Self::Lint => "lint",
            Self::Plan => "the plan's faults",
            Self::Account => "rights and dry runs, before anybody approves",
            Self::Alone => "the plan, which leaves it alone",
            Self::Act => "guards, when it is carried out",
        }
    }
}

/// What has to come of a playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is planned, and people are asked to approve it.
    Taken,
    /// Nothing of it is done: by whom it is stopped, and a part of what is said.
    Stopped(By, String),
}

/// One playbook.
#[derive(Clone, Debug)]
pub struct Case {
    pub family: Family,
    /// What it tries, for people.
    pub what: String,
    /// Its only step.
    pub step: Value,
    pub account: Account,
    pub author: Author,
    /// Fields of the playbook beside those that all have.
    pub book: Value,
    /// Fields of the mode beside those that all have.
    pub mode: Value,
    pub expected: Expected,
}

impl Case {
    /// Under this account.
    pub fn account(&mut self, account: Account) -> &mut Self {
        self.account = account;
        self
    }

    /// By this engineer.
    pub fn author(&mut self, author: Author) -> &mut Self {
        self.author = author;
        self
    }

    /// With a parameter of this value, which the declarer gives.
    pub fn given(&mut self, name: &str, value: &str) -> &mut Self {
        self.book["parameters"] = json!([{ "name": name, "type": "String" }]);
        self.mode["parameters"] = json!({ name: value });
        self
    }

    /// Narrowed by the declarer to these namespaces.
    pub fn scope(&mut self, namespaces: &Value) -> &mut Self {
        self.mode["scope"] = json!({ "namespaces": namespaces });
        self
    }

    /// Whether its act changes objects: others leave no field behind.
    pub fn changes(&self) -> bool {
        let acts = ["run", "call", "wait", "gate", "notify"];
        acts.iter().all(|act| self.step.get(act).is_none())
    }
}

/// What is put together.
pub struct Table<'a> {
    pub ground: &'a Ground,
    pub rng: Rng,
    pub family: Family,
    cases: Vec<Case>,
}

impl<'a> Table<'a> {
    /// Everything, in an order of the seed's.
    pub fn of(ground: &'a Ground, seed: u64) -> Vec<Case> {
        let mut table = Self {
            ground,
            rng: Rng::with_seed(seed),
            family: Family::Own,
            cases: Vec::new(),
        };
        own::fill(&mut table);
        policies::fill(&mut table);
        access::fill(&mut table);
        run::fill(&mut table);
        call::fill(&mut table);
        lent::fill(&mut table);
        table.levels();
        let Self {
            mut rng, mut cases, ..
        } = table;
        rng.shuffle(&mut cases);
        cases
    }

    /// Whether anybody has to approve makes no difference to what is stopped; what is to be taken is asked
    /// about, and not approved.
    fn levels(&mut self) {
        for case in &mut self.cases {
            let asks = case.expected == Expected::Taken || self.rng.bool();
            case.mode["level"] = json!(if asks { "III" } else { "IV" });
        }
    }

    /// One of these.
    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(..all.len())].clone()
    }

    fn add(&mut self, what: String, step: Value, expected: Expected) -> &mut Case {
        let family = self.family;
        let place = self.cases.len();
        self.cases.push(Case {
            family,
            what,
            step,
            account: Account::Wide,
            author: Author::Lender,
            book: json!({}),
            mode: json!({}),
            expected,
        });
        &mut self.cases[place]
    }

    /// A step of which nothing may be done.
    pub fn stop(
        &mut self,
        what: impl Into<String>,
        step: Value,
        by: By,
        words: impl Into<String>,
    ) -> &mut Case {
        self.add(what.into(), step, Expected::Stopped(by, words.into()))
    }

    /// Its honest twin.
    pub fn take(&mut self, what: impl Into<String>, step: Value) -> &mut Case {
        self.add(what.into(), step, Expected::Taken)
    }
}

/// A step that does this to these.
pub fn step(act: &str, asked: &Value, targets: &Value) -> Value {
    json!({ "name": "do", "targets": targets, act: asked })
}

/// A step that says for itself where it works.
pub fn act(act: &str, asked: &Value) -> Value {
    json!({ "name": "do", act: asked })
}

/// Objects of a kind by name in a namespace.
pub fn named(kind: &str, space: &str, name: &str) -> Value {
    json!({ "kinds": [kind], "namespaces": { "names": [space] }, "names": [name] })
}

/// One object that is made for the mode's lifetime.
pub fn made(object: &Value) -> Value {
    act("apply", &json!({ "objects": [object] }))
}
