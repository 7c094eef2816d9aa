//! One policy on one request, with one parameter.

use std::sync::Arc;

use serde_json::Value;

use super::super::{aggregate, items, text};
use super::scene::{Scene, Sees};
use crate::cel::{Expression, Expressions, Failure, Fault, Machine, Val, Variable};

/// What the validations of a policy may cost together, as on the real server.
const BUDGET: u64 = 10_000_000;
/// What its conditions may cost together.
const CONDITIONS_BUDGET: u64 = 2_500_000;
/// Longest message that an expression makes.
const LONGEST_MESSAGE: usize = 5 * 1024;
const OUT_OF_BUDGET: &str = "validation failed due to running out of cost budget, no further \
                             validation rules will be run";

/// What one rule of a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It lets the request pass.
    Admit,
    /// It does not.
    Deny {
        /// For people.
        message: String,
        /// For machines; empty for a rule that could not be evaluated.
        reason: &'static str,
    },
}

/// What a policy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// By rule.
    pub(super) decisions: Vec<Decision>,
    /// For the audit event.
    pub(super) annotations: Vec<(String, String)>,
    /// Annotations that could not be evaluated, which denies too.
    pub(super) broken: Vec<String>,
}

/// A policy whose expressions are read.
pub(super) struct Prepared<'a> {
    expressions: &'a Expressions,
    policy: &'a Value,
    variables: Vec<Variable>,
    /// Whether it looks at who wrote what: objects keep that as texts.
    reads_managers: bool,
}

type Read = Result<Arc<Expression>, Fault>;

impl<'a> Prepared<'a> {
    pub(super) fn new(expressions: &'a Expressions, policy: &'a Value) -> Self {
        let variables = items(policy, "/spec/variables").iter().map(|own| Variable {
            name: text(own, "/name").to_owned(),
            expression: expressions.get(text(own, "/expression")),
        });
        Self {
            expressions,
            policy,
            variables: variables.collect(),
            reads_managers: expressions_of(policy).any(|text| text.contains("managedFields")),
        }
    }

    fn machine<'m>(
        &self,
        scene: &'m Scene<'_>,
        param: Option<&'m Value>,
        variables: &'m [Variable],
        sees: Sees,
        budget: u64,
    ) -> Machine<'m> {
        let both = scene.both(self.reads_managers);
        scene.machine(both, param, variables, sees, budget)
    }

    /// Evaluates all rules, or none where a condition is not met.
    pub(super) fn validate(&self, scene: &Scene<'_>, param: Option<&Value>) -> Outcome {
        match self.conditions(scene, param) {
            Ok(true) => {}
            Ok(false) => return Outcome::default(),
            Err(why) => return self.failed(why),
        }
        let machine = self.machine(scene, param, &self.variables, Sees::All, BUDGET);
        let mut decisions = Vec::new();
        for rule in items(self.policy, "/spec/validations") {
            let expression = text(rule, "/expression");
            match run(&machine, expression, &self.expressions.get(expression)) {
                Ok(Val::Bool(true)) => decisions.push(Decision::Admit),
                Ok(_) => {
                    let left = machine.left();
                    let plain =
                        self.machine(scene, param, &self.variables, Sees::NoAuthority, left);
                    match self.message(rule, &plain) {
                        Ok(message) => {
                            let reason = reason(text(rule, "/reason"));
                            decisions.push(Decision::Deny { message, reason });
                        }
                        Err(why) => decisions.push(self.on_failure(why)),
                    }
                }
                Err(Stop::Fault(why)) => decisions.push(self.on_failure(why)),
                Err(Stop::Budget) => return self.failed(OUT_OF_BUDGET.to_owned()),
            }
        }
        let mut outcome = Outcome {
            decisions,
            ..Outcome::default()
        };
        let plain = self.machine(scene, param, &self.variables, Sees::NoAuthority, BUDGET);
        match self.annotate(&plain, &mut outcome) {
            Ok(()) => outcome,
            Err(why) => self.failed(why),
        }
    }

    fn ignores(&self) -> bool {
        text(self.policy, "/spec/failurePolicy") == "Ignore"
    }

    /// What a rule that could not be evaluated says: it lets pass where failures are ignored.
    fn on_failure(&self, message: String) -> Decision {
        if self.ignores() {
            return Decision::Admit;
        }
        Decision::Deny {
            message,
            reason: "",
        }
    }

    fn failed(&self, message: String) -> Outcome {
        Outcome {
            decisions: vec![self.on_failure(message)],
            ..Outcome::default()
        }
    }

    /// Whether all conditions are met. One that is not decides, whatever the others do.
    fn conditions(&self, scene: &Scene<'_>, param: Option<&Value>) -> Result<bool, String> {
        let none: [Variable; 0] = [];
        let machine = self.machine(scene, param, &none, Sees::Conditions, CONDITIONS_BUDGET);
        let mut faults = Vec::new();
        for condition in items(self.policy, "/spec/matchConditions") {
            let expression = text(condition, "/expression");
            match run(&machine, expression, &self.expressions.get(expression)) {
                Ok(Val::Bool(true)) => {}
                Ok(Val::Bool(false)) => return Ok(false),
                Ok(_) => faults.push(format!("expression '{expression}' is no boolean")),
                Err(Stop::Fault(why)) => faults.push(why),
                Err(Stop::Budget) => faults.push(OUT_OF_BUDGET.to_owned()),
            }
        }
        if faults.is_empty() {
            return Ok(true);
        }
        if self.ignores() {
            return Ok(false);
        }
        Err(aggregate(faults))
    }

    /// What a rule says to people: what its expression makes, or its text, or the rule itself.
    fn message(&self, rule: &Value, machine: &Machine<'_>) -> Result<String, String> {
        let expression = text(rule, "/messageExpression");
        if !expression.is_empty() {
            match run(machine, expression, &self.expressions.get(expression)) {
                Ok(Val::Text(made)) => {
                    let made = made.trim();
                    let short = made.len() <= LONGEST_MESSAGE;
                    if !made.is_empty() && short && !made.contains('\n') {
                        return Ok(made.to_owned());
                    }
                }
                Ok(_) | Err(Stop::Fault(_)) => {}
                Err(Stop::Budget) => {
                    return Err(format!("failed messageExpression: {OUT_OF_BUDGET}"));
                }
            }
        }
        let own = text(rule, "/message").trim();
        if !own.is_empty() {
            return Ok(own.to_owned());
        }
        let rule = text(rule, "/expression").trim();
        Ok(format!("failed expression: {rule}"))
    }

    fn annotate(&self, machine: &Machine<'_>, outcome: &mut Outcome) -> Result<(), String> {
        for annotation in items(self.policy, "/spec/auditAnnotations") {
            let expression = text(annotation, "/valueExpression");
            let key = text(annotation, "/key").to_owned();
            match run(machine, expression, &self.expressions.get(expression)) {
                Ok(Val::Text(value)) if value.trim().is_empty() => {}
                Ok(Val::Text(value)) => outcome.annotations.push((key, value.trim().to_owned())),
                Ok(Val::Null) => {}
                Ok(_) => outcome.broken.push(format!(
                    "valueExpression '{expression}' resulted in unsupported return type. \
                     Return type must be either string or null."
                )),
                Err(Stop::Fault(why)) => {
                    if !self.ignores() {
                        outcome.broken.push(why);
                    }
                }
                Err(Stop::Budget) => return Err(OUT_OF_BUDGET.to_owned()),
            }
        }
        Ok(())
    }
}

/// Every expression of a policy that may look at an object.
fn expressions_of(policy: &Value) -> impl Iterator<Item = &str> {
    const PARTS: [(&str, &[&str]); 4] = [
        ("/spec/variables", &["/expression"]),
        ("/spec/matchConditions", &["/expression"]),
        ("/spec/validations", &["/expression", "/messageExpression"]),
        ("/spec/auditAnnotations", &["/valueExpression"]),
    ];
    PARTS.into_iter().flat_map(move |(part, fields)| {
        let all = items(policy, part).iter();
        all.flat_map(move |one| fields.iter().map(move |field| text(one, field)))
    })
}

/// Why an expression has no value, as the server says it.
enum Stop {
    Fault(String),
    Budget,
}

fn run<'m>(machine: &Machine<'m>, text: &str, read: &Read) -> Result<Val<'m>, Stop> {
    let expression = match read {
        Ok(expression) => expression,
        Err(Fault(why)) => return Err(Stop::Fault(format!("compilation error: {why}"))),
    };
    machine.run(expression).map_err(|failure| match failure {
        Failure::Fault(Fault(why)) => {
            Stop::Fault(format!("expression '{text}' resulted in error: {why}"))
        }
        Failure::Budget => Stop::Budget,
    })
}

/// The reasons that a rule may give; without one it is `Invalid`.
fn reason(word: &str) -> &'static str {
    match word {
        "Forbidden" => "Forbidden",
        "Unauthorized" => "Unauthorized",
        "RequestEntityTooLarge" => "RequestEntityTooLarge",
        _ => "Invalid",
    }
}
