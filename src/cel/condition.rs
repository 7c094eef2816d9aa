//! Conditions of playbooks: expressions of people that come to true or false. They are checked
//! before they are ever evaluated, and what one may cost is counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Expression, Failure, Fault, Machine, Names, Type, Val, check};

/// Longest condition, as in the schema of playbooks.
const LONGEST: usize = 1024;
/// What one evaluation may cost, as the API server lets a rule of its own cost: some milliseconds.
const BUDGET: u64 = 1_000_000;

/// An expression that comes to true or false.
#[derive(Debug)]
pub struct Condition(Expression);

impl Condition {
    /// Reads a condition that may name these values.
    ///
    /// # Errors
    /// What is wrong with it, one sentence: it is no expression, names what is not there, is long or
    /// deep, or cannot come to true or false.
    pub fn read(text: &str, values: &[&str]) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(Fault(format!("it is longer than {LONGEST} bytes")));
        }
        let mut names = Names::default();
        let known = values
            .iter()
            .map(|name| ((*name).to_owned(), Type::Dynamic));
        names.values.extend(known);
        let type_ = check(text, &names).map_err(|fault| flat(&fault))?;
        if !matches!(type_, Type::Bool | Type::Dynamic) {
            let message = format!("it comes to `{}`, not to true or false", type_.word());
            return Err(Fault(message));
        }
        Expression::read(text)
            .map(Self)
            .map_err(|fault| flat(&fault))
    }

    /// Whether it holds for these values.
    ///
    /// # Errors
    /// Why it comes to neither true nor false, one sentence: a field that is not there, values that
    /// cannot be compared, or a cost above what one evaluation may have.
    pub fn holds(&self, values: &[(&'static str, &Value)]) -> Result<bool, Fault> {
        let roots: BTreeMap<&'static str, Val<'_>> = values
            .iter()
            .map(|(name, value)| (*name, Val::of(value)))
            .collect();
        let machine = Machine::new(roots, &[], None, BUDGET);
        match machine.run(&self.0) {
            Ok(Val::Bool(holds)) => Ok(holds),
            Ok(_) => Err(Fault("it does not come to true or false".to_owned())),
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Budget) => Err(Fault("it costs more than it may".to_owned())),
        }
    }
}

/// The first line of a fault, without the words that say where in the API server it came up.
fn flat(fault: &Fault) -> Fault {
    let text = fault.0.trim_start_matches("compilation failed: ");
    let line = text.lines().next().unwrap_or_default();
    let said = line
        .strip_prefix("ERROR: <input>:")
        .map_or_else(|| line.to_owned(), |placed| format!("at {placed}"));
    Fault(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(text: &str, object: &Value) -> Result<bool, String> {
        let condition = Condition::read(text, &["object"]).map_err(|fault| fault.0)?;
        condition
            .holds(&[("object", object)])
            .map_err(|fault| fault.0)
    }

    /// Which objects a playbook acts on follows from this alone.
    #[test]
    fn a_condition_is_judged_on_the_object_as_it_is() {
        let object = json!({
            "metadata": { "labels": { "tier": "critical" } },
            "spec": { "replicas": 3, "template": { "spec": { "containers": [ { "name": "server" } ] } } },
        });
        for (text, expected) in [
            (
                "object.spec.template.spec.containers.exists(c, c.name == 'server')",
                true,
            ),
            ("object.spec.replicas + 1 > 4", false),
            (
                "object.metadata.labels.?tier.orValue('') == 'critical'",
                true,
            ),
            ("has(object.spec.paused) && object.spec.paused", false),
        ] {
            assert_eq!(holds(text, &object), Ok(expected), "{text}");
        }
    }

    /// A condition that cannot be judged must not look like one that does not hold.
    #[test]
    fn what_cannot_be_judged_is_an_error() {
        let object = json!({ "spec": { "replicas": 3 } });
        for (text, why) in [
            ("object.spec.gone == 1", "no such key: gone"),
            ("object.spec.replicas", "does not come to true or false"),
        ] {
            let fault = holds(text, &object).expect_err(text);
            assert!(fault.contains(why), "{text}: {fault}");
        }
    }

    /// What is wrong as it is written is said before anybody relies on it.
    #[test]
    fn what_is_wrong_as_written_is_refused() {
        for (text, why) in [
            ("object.spec.", "at 1:"),
            (
                "obiect.spec.replicas == 1",
                "undeclared reference to 'obiect'",
            ),
            ("1 + 1", "comes to `int`"),
            (&"a".repeat(1025), "longer than 1024 bytes"),
            (&"(".repeat(100), "nested too deeply"),
        ] {
            let fault = Condition::read(text, &["object"]).expect_err(text).0;
            assert!(fault.contains(why), "{text}: {fault}");
            assert!(!fault.contains('\n'), "{fault}");
        }
    }

    /// One playbook must not hold the operator of a whole city up.
    #[test]
    fn a_condition_that_costs_too_much_is_stopped() {
        let many: Vec<u32> = (0..2_000).collect();
        let object = json!({ "items": many });
        let text = "object.items.all(a, object.items.all(b, object.items.all(c, a + b + c >= 0)))";
        let fault = holds(text, &object).expect_err(text);
        assert!(fault.contains("cost"), "{fault}");
        let text = "object.items.map(a, 'xxxxxxxx').map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).size() == 1";
        let fault = holds(text, &object).expect_err(text);
        assert!(fault.contains("cost"), "{fault}");
    }
}
