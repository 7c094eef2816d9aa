//! `when` and `where`: what they may name, and what is wrong with one as it is written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{Level, Nature, Parameter, ParameterType, PlaybookSpec, Scalar};
use crate::cel::Condition;

use super::parameters;

/// What `when` may name.
const WHEN: [&str; 4] = ["parameters", "level", "nature", "facts"];
/// What `where` may name.
const WHERE: [&str; 2] = ["object", "parameters"];

/// A condition on each object that a step may act on.
#[derive(Clone, Debug, PartialEq)]
pub struct Where {
    /// The expressions; all of them must hold.
    pub texts: Vec<String>,
    /// The values of the playbook's parameters.
    pub parameters: Value,
}

impl Where {
    /// The conditions, ready to be judged.
    ///
    /// # Errors
    /// What is wrong with it, a sentence. Lint has said it before.
    pub fn read(&self) -> Result<Vec<Condition>, String> {
        let each = self.texts.iter().map(|text| {
            Condition::read(text, &WHERE).map_err(|fault| format!("`{text}`: {}", fault.0))
        });
        each.collect()
    }

    /// Whether an object satisfies it.
    ///
    /// # Errors
    /// Why that cannot be judged, a sentence.
    pub fn holds(&self, ready: &[Condition], object: &Value) -> Result<bool, String> {
        let values = [("object", object), ("parameters", &self.parameters)];
        for (condition, text) in ready.iter().zip(&self.texts) {
            match condition.holds(&values) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(fault) => return Err(format!("`{text}`: {}", fault.0)),
            }
        }
        Ok(true)
    }
}

/// What `when` is judged on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The values of the playbook's parameters.
    pub parameters: &'a BTreeMap<String, Scalar>,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// How many objects each step selects, by `stage/step`.
    pub selected: &'a BTreeMap<String, usize>,
}

/// Whether a stage's `when` holds.
///
/// # Errors
/// Why that cannot be judged, a sentence.
pub fn when(text: &str, situation: &Situation<'_>) -> Result<bool, String> {
    let condition = Condition::read(text, &WHEN).map_err(|fault| fault.0)?;
    let level = json!(situation.level.as_str());
    let nature = json!(match situation.nature {
        Nature::Actual => "Actual",
        Nature::Exercise => "Exercise",
    });
    let facts = json!({ "selected": situation.selected });
    let parameters = values(situation.parameters);
    let values = [
        ("parameters", &parameters),
        ("level", &level),
        ("nature", &nature),
        ("facts", &facts),
    ];
    condition.holds(&values).map_err(|fault| fault.0)
}

/// Parameters as conditions see them.
pub fn values(parameters: &BTreeMap<String, Scalar>) -> Value {
    let values = parameters
        .iter()
        .map(|(name, value)| (name.clone(), parameters::to_json(value)));
    Value::Object(values.collect::<Map<_, _>>())
}

/// What is wrong with a `when`, as it is written.
pub fn wrong_when(spec: &PlaybookSpec, text: &str) -> Option<String> {
    let steps = spec.stages.iter().flat_map(|stage| {
        let steps = stage.steps.iter();
        steps.map(move |step| (format!("{}/{}", stage.name, step.name), 0))
    });
    let selected = steps.collect();
    let parameters = samples(&spec.parameters);
    Level::ALL.into_iter().find_map(|level| {
        let situation = Situation {
            parameters: &parameters,
            level,
            nature: Nature::Actual,
            selected: &selected,
        };
        when(text, &situation).err()
    })
}

/// What is wrong with a `where`, as it is written.
pub fn wrong_where(text: &str) -> Option<String> {
    Condition::read(text, &WHERE).err().map(|fault| fault.0)
}

/// A value that each parameter may have, so that what names none of them is found.
fn samples(declared: &[Parameter]) -> BTreeMap<String, Scalar> {
    let sample = |parameter: &Parameter| match &parameter.default {
        Some(default) => default.clone(),
        None => match parameter.type_ {
            ParameterType::Boolean => Scalar::Bool(false),
            ParameterType::Integer => Scalar::Int(parameter.minimum.unwrap_or_default()),
            ParameterType::String => {
                Scalar::Text(parameter.values.first().cloned().unwrap_or_default())
            }
        },
    };
    declared
        .iter()
        .map(|parameter| (parameter.name.clone(), sample(parameter)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a stage of an emergency runs at all follows from this.
    #[test]
    fn when_is_judged_on_parameters_level_nature_and_facts() {
        let parameters = BTreeMap::from([("close".to_owned(), Scalar::Bool(true))]);
        let selected = BTreeMap::from([("surge/web".to_owned(), 3)]);
        let situation = Situation {
            parameters: &parameters,
            level: Level::II,
            nature: Nature::Exercise,
            selected: &selected,
        };
        for (text, expected) in [
            ("parameters.close", Ok(true)),
            ("level in ['I', 'II'] && nature == 'Actual'", Ok(false)),
            ("facts.selected['surge/web'] > 2", Ok(true)),
        ] {
            assert_eq!(when(text, &situation), expected, "{text}");
        }
        let wrong = when("parameters.open", &situation).unwrap_err();
        assert!(wrong.contains("no such key: open"), "{wrong}");
    }
}
