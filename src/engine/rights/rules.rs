//! What an account has: the rules that a rules review answers, and whether they give a right.

use serde_json::Value;

use super::Right;

/// One rule, as a review answers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
}

/// The rules of somebody in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    all: Vec<Rule>,
    /// Whether there may be more: an authorizer that answers questions and lists nothing, or a role
    /// that could not be read.
    pub incomplete: bool,
}

impl Rules {
    /// Reads the answer to a `SelfSubjectRulesReview`.
    pub fn of(review: &Value) -> Self {
        let status = &review["status"];
        let rules = status["resourceRules"].as_array().into_iter().flatten();
        let failed = status["evaluationError"]
            .as_str()
            .is_some_and(|why| !why.is_empty());
        Self {
            all: rules.map(Rule::of).collect(),
            incomplete: failed || status["incomplete"].as_bool().unwrap_or(true),
        }
    }

    /// Whether they give a right in their namespace. One for any object is not given by a rule for
    /// some.
    pub fn give(&self, right: &Right) -> bool {
        self.all.iter().any(|rule| rule.gives(right))
    }
}

impl Rule {
    fn of(value: &Value) -> Self {
        let words = |name: &str| {
            let words = value[name].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: words("verbs"),
            groups: words("apiGroups"),
            resources: words("resources"),
            names: words("resourceNames"),
        }
    }

    fn gives(&self, right: &Right) -> bool {
        let holds =
            |words: &[String], word: &str| words.iter().any(|own| own == "*" || own == word);
        let named = match (&right.name, self.names.as_slice()) {
            (_, []) => true,
            (Some(name), names) => names.contains(name),
            (None, _) => false,
        };
        let below = right.resource.split_once('/').map(|(_, below)| below);
        let any_below = |own: &String| own.strip_prefix("*/").is_some_and(|own| Some(own) == below);
        named
            && holds(&self.verbs, &right.verb)
            && holds(&self.groups, &right.group)
            && (holds(&self.resources, &right.resource) || self.resources.iter().any(any_below))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(rule: &Value) -> Rules {
        Rules::of(&json!({ "status": { "incomplete": false, "resourceRules": [rule] } }))
    }

    fn right(verb: &str, group: &str, resource: &str, name: Option<&str>) -> Right {
        Right {
            name: name.map(str::to_owned),
            ..Right::on(group, resource, None).to(verb)
        }
    }

    /// Preflight that takes a rule for more than the API server does promises what will be refused.
    #[test]
    fn rules_mean_what_they_mean_to_the_api_server() {
        let named = json!({ "verbs": ["patch"], "apiGroups": ["apps"],
            "resources": ["deployments"], "resourceNames": ["web"] });
        let wide = json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] });
        let status =
            json!({ "verbs": ["patch"], "apiGroups": ["batch"], "resources": ["*/status"] });
        let plain =
            json!({ "verbs": ["patch"], "apiGroups": ["batch"], "resources": ["cronjobs"] });
        let rows = [
            (
                &named,
                right("patch", "apps", "deployments", Some("web")),
                true,
            ),
            (
                &named,
                right("patch", "apps", "deployments", Some("db")),
                false,
            ),
            (&named, right("patch", "apps", "deployments", None), false),
            (
                &named,
                right("get", "apps", "deployments", Some("web")),
                false,
            ),
            (
                &named,
                right("patch", "", "deployments", Some("web")),
                false,
            ),
            (
                &wide,
                right("bind", "x", "cronjobs/status", Some("a")),
                true,
            ),
            (
                &status,
                right("patch", "batch", "cronjobs/status", None),
                true,
            ),
            (&status, right("patch", "batch", "cronjobs", None), false),
            (
                &plain,
                right("patch", "batch", "cronjobs/status", None),
                false,
            ),
        ];
        for (rule, right, expected) in rows {
            assert_eq!(rules(rule).give(&right), expected, "{rule} {right:?}");
        }
    }

    /// What a review does not say of itself is not known to be all.
    #[test]
    fn an_answer_that_may_be_a_part_is_taken_for_one() {
        assert!(Rules::of(&json!({})).incomplete);
        let failed = json!({ "status": { "incomplete": false, "evaluationError": "no role x" } });
        assert!(Rules::of(&failed).incomplete);
        let whole = json!({ "status": { "incomplete": false, "resourceRules": [] } });
        assert!(!Rules::of(&whole).incomplete);
    }
}
