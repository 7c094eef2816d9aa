//! The admission policies, from their templates in `src/policies`: plain, and as templates of the chart,
//! where the operator's user name is a value.

use std::path::PathBuf;

use pingzhan::policies::{self, LABELS, Names, Policy};

use super::{Generated, HEADER};

/// Labels in the chart, where the manifests have [`LABELS`].
pub(super) const CHART: &str = "  labels:\n    {{- include \"pingzhan.labels\" . | nindent 4 }}";
/// The operator's user name in the chart.
const OPERATOR: &str = "{{ include \"pingzhan.userName\" . }}";

/// Every policy with its binding, without the header.
pub fn plain() -> Vec<String> {
    let all = policies::all(&Names::default());
    all.into_iter().map(|policy| policy.text).collect()
}

/// One policy with its binding, without the header.
pub fn one(name: &str) -> String {
    let all = policies::all(&Names::default());
    let found = all.into_iter().find(|policy| policy.name == name);
    found.map(|policy| policy.text).unwrap_or_default()
}

/// A policy as the chart has it.
fn template(policy: &Policy, names: &Names) -> String {
    let text = policy.text.replace(LABELS, CHART);
    text.replace(names.operator(), OPERATOR)
}

/// The files.
pub fn files() -> Vec<Generated> {
    let names = Names::default();
    let all = policies::all(&names).into_iter();
    let both = all.flat_map(|policy| {
        let chart = format!(
            "{{{{- if .Values.policies.enabled }}}}\n{}{{{{- end }}}}\n",
            template(&policy, &names)
        );
        let file = &policy.file;
        [
            (format!("manifests/policies/{file}"), policy.text),
            (format!("charts/pingzhan/templates/policies/{file}"), chart),
        ]
    });
    both.map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: format!("{HEADER}{text}").into_bytes(),
    })
    .collect()
}
