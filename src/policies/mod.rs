//! Pure: the admission policies, as templates: what the API server enforces before anybody counts.
//!
//! `manifests/policies` and the chart are written from them; the operator compares what is in force
//! with them, so that a policy that somebody has changed is found.
//!
//! Each policy is one YAML text with its binding. Words in braces are filled in here, from the same
//! constants that the operator goes by.

pub mod compare;

use serde_json::Value;
use snafu::{ResultExt, Snafu, ensure};

use crate::api::names::{
    ACCOUNT_NAMESPACE, ADVICE_POLICY, DEFAULT_NAMESPACE, DENIES_LABEL, DENY_POLICY, EXCLUDE_LABEL,
    FREEZE_POLICY, GROUP, LEASE, MADE_FOR_LABEL, MADE_POLICY, OPERATOR_MANAGER, PROBE_LABEL,
    ROLE_LABEL, VERSION,
};
use crate::engine::protect;
use crate::playbook::denied::UNJUDGED_GROUPS;

/// A verb that nobody is ever given: who holds it holds a wildcard.
///
/// `recover`, and verdicts by people whom no list of the playbook names, have to be given by name.
pub const WILDCARD_PROBE: &str = "only-by-wildcard";

/// The labels that every policy bears in the manifests.
pub const LABELS: &str = "  labels:\n    app.kubernetes.io/name: pingzhan";

/// What several policies need: who acts, and which act it is.
const ACTS: &str = include_str!("acts.yaml");

/// Whether a record is marked to be refused by this policy: the operator tries so whether it is in force.
const PROBE_MARK: &str = "request.operation == 'CREATE' && has(object.metadata.labels) && '{probe-label}' in object.metadata.labels && object.metadata.labels['{probe-label}'] == '{name}'";
/// The operator's record comes by this policy, too.
const PROBE_RULE: &str =
    "    # The operator tries whether this policy is in force: before a plan is set in force, by a dry run.
    - {apiGroups: [{group}], apiVersions: [{version}], operations: [CREATE], resources: [changerecords], scope: \"*\"}";
/// Of records it looks at no other.
const PROBE_CONDITION: &str = "  - name: no-record-but-the-probe
    expression: \"request.resource.resource != 'changerecords' || ({probe-mark})\"";
/// And refuses that one.
const PROBE: &str = "  # §4: the operator proves by a dry-run probe that this policy is in force.
  - expression: \"request.resource.resource != 'changerecords'\"
    reason: Forbidden
    message: \"refused as it should be: this policy is in force\"";

/// The policies without which nobody may act, each asked to refuse something before a plan is set in
/// force.
const NEEDED: [&str; 5] = [
    "pingzhan-emergencymode",
    "pingzhan-emergencymode-playbook",
    "pingzhan-operator-only",
    "pingzhan-guard",
    "pingzhan-playbook",
];

/// The policies: name, and template. Of those that are not needed, a mode says where something that it
/// relies on has lapsed: each has its row in `engine::decide::conditions::lapsed`.
const TEMPLATES: [(&str, &str); 9] = [
    ("pingzhan-emergencymode", include_str!("emergencymode.yaml")),
    (
        "pingzhan-emergencymode-playbook",
        include_str!("emergencymode-playbook.yaml"),
    ),
    (ADVICE_POLICY, include_str!("emergencymode-advice.yaml")),
    ("pingzhan-operator-only", include_str!("operator-only.yaml")),
    ("pingzhan-guard", include_str!("guard.yaml")),
    ("pingzhan-playbook", include_str!("playbook.yaml")),
    (MADE_POLICY, include_str!("made.yaml")),
    (FREEZE_POLICY, include_str!("freeze.yaml")),
    (DENY_POLICY, include_str!("new-targets.yaml")),
];

/// What went wrong.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display(
        "`{name}` cannot stand in a policy: use a name of letters, digits and any of . _ : @ / -"
    ))]
    Name { name: String },
    #[snafu(display("the policy {policy} is no YAML: this is a mistake in Pingzhan, report it"))]
    Read {
        policy: &'static str,
        source: Box<serde_saphyr::Error>,
    },
}

/// Who and where Pingzhan is in this cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    operator: String,
    namespace: String,
    accounts: String,
}

impl Default for Names {
    /// As the manifests and the chart install it.
    fn default() -> Self {
        Self {
            operator: format!("system:serviceaccount:{DEFAULT_NAMESPACE}:pingzhan"),
            namespace: DEFAULT_NAMESPACE.to_owned(),
            accounts: ACCOUNT_NAMESPACE.to_owned(),
        }
    }
}

impl Names {
    /// The operator's user name, its namespace, and that of the accounts of playbooks.
    ///
    /// # Errors
    /// A name that is empty, or holds what would be read as a part of the policy.
    pub fn new(operator: &str, namespace: &str, accounts: &str) -> Result<Self, Error> {
        for name in [operator, namespace, accounts] {
            ensure!(is_plain(name), NameSnafu { name });
        }
        Ok(Self {
            operator: operator.to_owned(),
            namespace: namespace.to_owned(),
            accounts: accounts.to_owned(),
        })
    }

    /// The operator's user name.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The operator's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The namespace of the accounts of playbooks.
    pub fn accounts(&self) -> &str {
        &self.accounts
    }
}

/// Whether a name can stand in a policy and is read as a name there.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@/-".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

/// The operator's user name in a policy as it is stored, where the policy has a variable `operator` that
/// compares the user with one name and does nothing else; nothing for any other object.
///
/// It is what the policy says, not what is true: whoever may write policies may write a name.
pub fn operator_in(policy: &Value) -> Option<&str> {
    let variables = policy.pointer("/spec/variables")?.as_array()?;
    let operator = variables.iter().find(|own| own["name"] == "operator")?;
    let compared = operator["expression"].as_str()?.trim();
    let name = compared.strip_prefix("variables.me == '")?;
    let name = name.strip_suffix('\'')?;
    is_plain(name).then_some(name)
}

/// A policy and its binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name of both.
    pub name: &'static str,
    /// The name of its file.
    pub file: String,
    /// Both, as YAML with comments.
    pub text: String,
}

impl Policy {
    /// Whether nothing may be begun where it is not in force.
    pub fn is_needed(&self) -> bool {
        NEEDED.contains(&self.name)
    }

    /// The policy and the binding, as they are sent; the API server fills in defaults.
    ///
    /// # Errors
    /// The template is no YAML; a test holds that none is.
    pub fn objects(&self) -> Result<Vec<Value>, Error> {
        let parts = self.text.split("\n---\n");
        let read = parts.map(|part| serde_saphyr::from_str::<Value>(part).map_err(Box::new));
        read.map(|object| object.context(ReadSnafu { policy: self.name }))
            .collect()
    }
}

/// Every policy that is shipped, in the order in which they are applied.
pub fn all(names: &Names) -> Vec<Policy> {
    let filled = TEMPLATES.iter().map(|(name, template)| Policy {
        name,
        file: format!("{}.yaml", name.trim_start_matches("pingzhan-")),
        text: fill(name, template, names),
    });
    filled.collect()
}

fn fill(name: &str, template: &str, names: &Names) -> String {
    let Names {
        operator,
        namespace,
        accounts,
    } = names;
    let spaces = protect::CLUSTER_NAMESPACES
        .into_iter()
        .chain([namespace.as_str(), accounts.as_str()]);
    template
        .replace("{acts}\n", ACTS)
        .replace("{probe-rule}", PROBE_RULE)
        .replace("{probe-condition}", PROBE_CONDITION)
        .replace("{probe-mark}", PROBE_MARK)
        .replace("{probe-label}", PROBE_LABEL)
        .replace("{probe}", PROBE)
        .replace("{name}", name)
        .replace("{labels}", LABELS)
        .replace("{operator}", operator)
        .replace("{system}", namespace)
        .replace("{accounts}", accounts)
        .replace("{group}", GROUP)
        .replace("{version}", VERSION)
        .replace("{manager}", OPERATOR_MANAGER)
        .replace("{lease}", LEASE)
        .replace("{wildcard}", WILDCARD_PROBE)
        .replace("{policy}", name)
        .replace("{unjudged}", &UNJUDGED_GROUPS.join(", "))
        .replace("{spaces}", &quoted(spaces))
        .replace("{guarded}", &quoted(protect::GUARDED_GROUPS.into_iter()))
        .replace("{prefix}", protect::OUR_PREFIX)
        .replace("{apis}", protect::API_GROUP)
        .replace("{exclude}", EXCLUDE_LABEL)
        .replace("{made}", MADE_FOR_LABEL)
        .replace("{roles}", &quoted(protect::roles()))
        .replace("{role}", ROLE_LABEL)
        .replace(
            "{program_labels}",
            &quoted(protect::PROGRAM_LABELS.into_iter()),
        )
        .replace("{programs}", &quoted(protect::programs()))
        .replace("{denies}", DENIES_LABEL)
}

/// A list of texts in CEL.
fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word that was not filled in would be a policy that refuses nothing, and says so nowhere.
    #[test]
    fn nothing_is_left_to_fill_in() {
        for policy in all(&Names::default()) {
            let left = policy.text.split('{').skip(1);
            let left: Vec<&str> = left
                .filter_map(|part| part.split_once('}'))
                .map(|(word, _)| word)
                .filter(|word| {
                    word.chars()
                        .all(|c| c.is_ascii_lowercase() || "_-".contains(c))
                })
                .filter(|word| !word.is_empty())
                .collect();
            assert_eq!(left, Vec::<&str>::new(), "{}", policy.name);
        }
    }

    /// A rule that nobody tries may be out of force for months.
    #[test]
    fn every_policy_that_is_needed_refuses_the_record_that_is_marked_for_it() {
        let all = all(&Names::default());
        let needed: Vec<&Policy> = all.iter().filter(|policy| policy.is_needed()).collect();
        assert_eq!(needed.len(), NEEDED.len());
        for policy in needed {
            let object = &policy.objects().expect("YAML")[0];
            let spec = object["spec"].to_string();
            assert_eq!(object["spec"]["failurePolicy"], "Fail", "{}", policy.name);
            let mark = format!("labels['{PROBE_LABEL}'] == '{}'", policy.name);
            assert_eq!(spec.matches(&mark).count(), 1, "{}", policy.name);
            assert_eq!(
                spec.matches("refused as it should be").count(),
                1,
                "{}",
                policy.name
            );
        }
    }

    /// Braces that Helm would take for its own would break the chart.
    #[test]
    fn no_policy_holds_anything_that_helm_would_carry_out() {
        for policy in all(&Names::default()) {
            assert!(!policy.text.contains("{{"), "{}", policy.name);
        }
    }

    /// A rule of which nobody knows what it is there for is one that somebody takes out.
    #[test]
    fn every_validation_says_which_sentence_it_enforces() {
        for policy in all(&Names::default()) {
            let rules = policy.text.split_once("\n  validations:\n");
            let rules = rules.and_then(|(_, rules)| rules.split_once("\n---\n"));
            let (rules, _) = rules.expect("rules, and a binding after them");
            let lines: Vec<&str> = rules.lines().collect();
            let begins = |at: &usize| lines[*at].starts_with("  - ");
            let begins: Vec<usize> = (0..lines.len()).filter(begins).collect();
            let objects = policy.objects().expect("YAML");
            let known = objects[0]["spec"]["validations"].as_array().map(Vec::len);
            assert_eq!(Some(begins.len()), known, "{}", policy.name);
            for at in begins {
                let before = at.checked_sub(1).map(|before| lines[before]);
                let said = before.and_then(|before| before.trim_start().strip_prefix("# "));
                assert!(
                    said.is_some_and(|said| !said.is_empty()),
                    "{}: no comment stands before {}",
                    policy.name,
                    lines[at]
                );
            }
        }
    }

    /// What is compared with the cluster, and what people apply, is one policy and its binding.
    #[test]
    fn every_policy_is_one_policy_and_its_binding() {
        let all = all(&Names::default());
        for policy in &all {
            let objects = policy.objects().expect("YAML");
            let kinds: Vec<&str> = objects.iter().filter_map(|o| o["kind"].as_str()).collect();
            let both = [
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
            ];
            assert_eq!(kinds, both, "{}", policy.name);
            for object in &objects {
                assert_eq!(object["metadata"]["name"], policy.name);
            }
            assert_eq!(objects[1]["spec"]["policyName"], policy.name);
        }
        let files: std::collections::BTreeSet<&String> = all.iter().map(|p| &p.file).collect();
        assert_eq!(files.len(), all.len());
    }

    /// Who runs the operator as somebody else must be that somebody in every policy, and nobody must
    /// become the operator by a name that ends a text.
    #[test]
    fn the_operator_is_whom_the_names_say() {
        let names = Names::new("ops@city", "emergency", "accounts").expect("plain names");
        for policy in all(&names) {
            assert!(
                !policy.text.contains("serviceaccount:pingzhan-system"),
                "{}",
                policy.name
            );
        }
        for bad in ["", "a' || true || '", "a b", "a\"b", "a\nb", "{labels}"] {
            assert!(Names::new(bad, "a", "b").is_err(), "{bad}");
        }
    }

    /// Who checks an installation learns from the policies themselves whom they take for the operator: where
    /// that could not be read any more, every other name than the usual one would be called a mistake.
    #[test]
    fn the_name_of_the_operator_is_read_back_from_the_policies_that_ask_for_it() {
        let names = Names::new("ops@city", "emergency", "accounts").expect("plain names");
        let all = all(&names).into_iter();
        let objects: Vec<Value> = all
            .flat_map(|policy| policy.objects().expect("YAML"))
            .collect();
        let read: Vec<&str> = objects.iter().filter_map(operator_in).collect();
        assert_eq!(read, ["ops@city"; 4]);
        for bad in [
            "variables.me == 'a' || true",
            "variables.me == 'a' || variables.me == 'b'",
            "variables.me != 'a'",
            "variables.me == ''",
            "true",
        ] {
            let policy = serde_json::json!({ "spec": { "variables": [{ "name": "operator", "expression": bad }] } });
            assert_eq!(operator_in(&policy), None, "{bad}");
        }
    }

    /// The API server allows two questions of authority an expression and stops at a cost; each stands
    /// in a variable of its own, so that no expression asks more.
    #[test]
    fn no_expression_asks_more_than_two_questions_of_authority() {
        for policy in all(&Names::default()) {
            for object in policy.objects().expect("YAML") {
                let parts = ["variables", "validations", "matchConditions"];
                for part in parts {
                    let all = object["spec"][part].as_array().into_iter().flatten();
                    for one in all {
                        let text = one["expression"].as_str().expect("an expression");
                        let asked = text.matches(".check(").count();
                        assert!(asked <= 1, "{}: {text}", policy.name);
                    }
                }
            }
        }
    }

    /// People under stress read the refusal: it says what to do next, and is a refusal (403), not an
    /// invalid object.
    #[test]
    fn every_refusal_is_forbidden_and_says_something() {
        for policy in all(&Names::default()) {
            let objects = policy.objects().expect("YAML");
            let warns = objects[1]["spec"]["validationActions"][0] == "Warn";
            let rules = objects[0]["spec"]["validations"].as_array().expect("rules");
            for rule in rules {
                let said = rule["message"]
                    .as_str()
                    .or(rule["messageExpression"].as_str());
                assert!(said.is_some_and(|said| said.len() > 20), "{rule}");
                assert!(warns || rule["reason"] == "Forbidden", "{rule}");
            }
        }
    }
}
