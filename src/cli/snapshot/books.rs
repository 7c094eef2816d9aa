//! Pure: what playbooks ask of a cluster, at every level and whatever their parameters are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::{Act, Level, Parameter, ParameterType, PlaybookSpec, Scalar};
use crate::playbook::expand;
use crate::step::{self, Query, wait};

use super::left::Left;

/// What some playbooks ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Each once.
    pub queries: Vec<Query>,
    /// The accounts that they act as.
    pub accounts: Vec<String>,
    /// What of them asks for nothing, or for something that is not known beforehand.
    pub left: Vec<Left>,
    /// How many conditions may look at what a snapshot does not have.
    pub conditions: u64,
    /// How many objects have a name, a namespace or a kind that a parameter says.
    pub chosen: u64,
}

/// Words in a condition that say that it may look at a placeholder.
const REDACTED: [&str; 7] = [
    "env",
    "args",
    "command",
    "data",
    "binaryData",
    "annotations",
    "values",
];

impl Asked {
    /// Adds what one playbook asks for. One that does not lint asks for nothing, since no operator
    /// carries it out.
    pub fn add(&mut self, name: &str, spec: &PlaybookSpec) {
        let chosen = spec.parameters.iter().filter(|one| one.default.is_none());
        let parameters: BTreeMap<String, Scalar> = chosen
            .map(|parameter| (parameter.name.clone(), sample(parameter)))
            .collect();
        for level in Level::ALL {
            match expand::expand(spec, level, &parameters) {
                Ok(expanded) => self.expanded(&expanded),
                Err(findings) => {
                    let why = findings.first().map_or_else(String::new, |finding| {
                        format!("{}: {}", finding.code, finding.message)
                    });
                    let name = name.to_owned();
                    self.left.push(Left::Book { name, why });
                    return;
                }
            }
        }
        self.accounts.push(spec.service_account_name.clone());
        self.accounts.sort();
        self.accounts.dedup();
        let steps = spec.stages.iter().flat_map(|stage| &stage.steps);
        for step in steps {
            let wanted = step.targets.as_ref();
            let condition = wanted.and_then(|targets| targets.condition.as_deref());
            let waits = step
                .wait
                .as_ref()
                .and_then(|wait| wait.expression.as_deref());
            let texts = condition.into_iter().chain(waits);
            let reads = |text: &str| words(text).any(|word| REDACTED.contains(&word));
            self.conditions += texts.filter(|text| reads(text)).map(|_| 1).sum::<u64>();
            for act in step.acts() {
                if let Act::Apply(apply) = act {
                    let chosen = apply.objects.iter().filter(|object| is_chosen(object));
                    self.chosen += chosen.map(|_| 1).sum::<u64>();
                }
            }
        }
    }

    fn expanded(&mut self, expanded: &crate::playbook::Expanded) {
        let stages = expanded.stages.iter();
        for stage in stages.filter(|stage| stage.left_out.is_none()) {
            for step in &stage.steps {
                self.queries(step::needs(step));
                // A wait of a stage that is not part of the plan has nothing to look at.
                if let Ok(Some(probe)) = wait::Probe::new(expanded, &stage.name, step) {
                    self.queries(probe.queries().to_vec());
                }
            }
        }
    }

    fn queries(&mut self, queries: Vec<Query>) {
        for query in queries {
            if !self.queries.contains(&query) {
                self.queries.push(query);
            }
        }
    }
}

/// A value that a parameter may have. Which objects and fields a step is about never depends on it, but
/// for the names of objects that are made.
fn sample(parameter: &Parameter) -> Scalar {
    match parameter.type_ {
        ParameterType::Boolean => Scalar::Bool(false),
        ParameterType::Integer => Scalar::Int(parameter.minimum.or(parameter.maximum).unwrap_or(1)),
        ParameterType::String => {
            let first = parameter.values.first().cloned();
            Scalar::Text(first.unwrap_or_else(|| "x".to_owned()))
        }
    }
}

/// Whether a parameter says which object it is.
fn is_chosen(object: &Value) -> bool {
    let places = [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
    ];
    let mut texts = places
        .iter()
        .filter_map(|place| object.pointer(place)?.as_str());
    texts.any(|text| text.contains("${parameters."))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Path;
    use crate::step::{Fields, Role};

    fn asked(steps: &str) -> Asked {
        let text = format!(
            "title: {{ en: x, zh-CN: x }}\nhazard: x\nowner: x\nserviceAccountName: flood\n\
             authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}\n\
             parameters: [ {{ name: mode, type: String, enum: [low, none] }} ]\n\
             stages:\n{steps}"
        );
        let spec: PlaybookSpec = serde_yaml::from_str(&text).expect("a playbook");
        let mut asked = Asked::default();
        asked.add("flood", &spec);
        asked
    }

    /// A level or a parameter that nobody thought of while the snapshot was taken would be rehearsed on
    /// half a city.
    #[test]
    fn every_level_is_asked_for_and_a_parameter_need_not_be_chosen() {
        let asked = asked(
            "- name: a\n  levels: [IV]\n  steps: [ { name: s, targets: { kinds: [ConfigMap], names: [f] }, config: { set: { mode: '${parameters.mode}' } } } ]\n\
             - name: b\n  levels: [I]\n  steps: [ { name: s, targets: { kinds: [Deployment] }, scale: { replicas: 3 } } ]\n\
             - name: c\n  steps: [ { name: s, targets: { kinds: [Deployment] }, scale: { replicas: 3 } } ]\n",
        );
        assert_eq!(asked.left, []);
        assert_eq!(asked.accounts, ["flood"]);
        let targets: Vec<&str> = asked
            .queries
            .iter()
            .filter(|query| query.role == Role::Target)
            .map(|query| query.kind.as_str())
            .collect();
        assert_eq!(targets, ["Deployment", "ConfigMap"], "each once");
        let maps = asked.queries.iter().find(|query| query.kind == "ConfigMap");
        let Fields::Paths(paths) = &maps.expect("it is there").fields else {
            panic!("paths")
        };
        assert!(paths.contains(&Path::fields(["data", "mode"])), "{paths:?}");
    }

    /// What a rehearsal may judge otherwise than the cluster has to be said.
    #[test]
    fn what_cannot_be_foreseen_is_counted() {
        let asked = asked(
            "- name: a\n  steps:\n  - { name: s, targets: { kinds: [ConfigMap], where: \"object.data.tier == 'x'\" }, config: { set: { mode: '${parameters.mode}' } } }\n\
             \x20 - { name: t, targets: { kinds: [Deployment], where: 'object.spec.replicas > 1' }, scale: { replicas: 3 } }\n\
             \x20 - name: u\n    apply: { objects: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: '${parameters.mode}', namespace: n } } ] }\n",
        );
        assert_eq!((asked.conditions, asked.chosen), (1, 1), "{asked:?}");
    }

    /// A playbook that no operator would carry out is not left out in silence.
    #[test]
    fn a_playbook_that_does_not_lint_is_named() {
        let asked = asked(
            "- name: a\n  dependsOn: [a]\n  steps: [ { name: s, targets: { kinds: [Deployment] }, scale: { replicas: 3 } } ]\n",
        );
        assert!(asked.queries.is_empty());
        let [Left::Book { name, why }] = &asked.left[..] else {
            panic!("{asked:?}")
        };
        assert!(name == "flood" && why.starts_with("PZ"), "{name}: {why}");
    }
}
