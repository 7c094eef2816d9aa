//! The CRDs: one file a kind in the manifests, and one in the chart.

use std::path::PathBuf;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use snafu::ResultExt;

use super::{Error, Generated, HEADER, RenderSnafu};

/// The CRD of every kind.
pub fn all() -> Vec<CustomResourceDefinition> {
    pingzhan::api::crds()
}

/// Its text, without the header.
pub fn yaml(crd: &CustomResourceDefinition) -> Result<String, Error> {
    let kind = &crd.spec.names.kind;
    serde_yaml::to_string(crd).context(RenderSnafu { kind })
}

/// The labels of a CRD, which the chart writes in its own way.
const LABELS: &str = "  labels:\n    app.kubernetes.io/name: pingzhan\n";
/// What stands between a CRD's name and its spec in the chart.
const CHART: &str = "  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include \"pingzhan.labels\" . | nindent 4 }}
spec:
";

/// Its files.
pub fn files(crd: &CustomResourceDefinition) -> Result<[Generated; 2], Error> {
    let (plural, yaml) = (&crd.spec.names.plural, yaml(crd)?);
    let template = yaml.replacen(LABELS, "", 1).replacen("spec:\n", CHART, 1);
    let template = format!("{{{{- if .Values.crds.enabled }}}}\n{template}{{{{- end }}}}\n");
    Ok([
        (format!("manifests/crds/{plural}.yaml"), yaml),
        (
            format!("charts/pingzhan/templates/crds/{plural}.yaml"),
            template,
        ),
    ]
    .map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: format!("{HEADER}{text}").into_bytes(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Helm would take braces in a description for a template of its own.
    #[test]
    fn no_crd_holds_what_helm_would_carry_out() {
        for crd in all() {
            let yaml = yaml(&crd).expect("a CRD is YAML");
            assert!(!yaml.contains("{{"), "{}", crd.spec.names.kind);
            assert!(yaml.contains("\nspec:\n"), "{}", crd.spec.names.kind);
            assert!(yaml.contains(LABELS), "{}", crd.spec.names.kind);
        }
    }
}
