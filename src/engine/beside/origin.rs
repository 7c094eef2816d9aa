//! Which object put another one there and keeps it as it is, as labels and annotations say.

use serde_json::Value;

/// A program that puts objects there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Flux, by a `Kustomization`.
    Kustomization,
    /// Flux, by a `HelmRelease`.
    HelmRelease,
    /// Argo CD, by an `Application`.
    Application,
    /// Helm, called by a person or a pipeline.
    Release,
}

impl Program {
    /// The kind of its objects, as playbooks write it; a release is none.
    pub const fn kind(self) -> Option<&'static str> {
        match self {
            Self::Kustomization => Some("kustomize.toolkit.fluxcd.io/Kustomization"),
            Self::HelmRelease => Some("helm.toolkit.fluxcd.io/HelmRelease"),
            Self::Application => Some("argoproj.io/Application"),
            Self::Release => None,
        }
    }

    /// One of its objects, where it is not known which.
    pub const fn any(self) -> &'static str {
        match self {
            Self::Kustomization => "a Kustomization of Flux",
            Self::HelmRelease => "a HelmRelease of Flux",
            Self::Application => "an Application of Argo CD",
            Self::Release => "a Helm release",
        }
    }

    /// The same as the reason of a condition: a word that programs may rely on.
    pub const fn named_reason(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::Application => "Application",
            Self::Release => "Helm",
        }
    }

    /// How its objects are called.
    pub const fn named(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::Application => "Application",
            Self::Release => "Helm release",
        }
    }
}

/// What put an object there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// By which program.
    pub program: Program,
    /// The namespace of its object; empty where it is not said.
    pub namespace: String,
    /// The name of its object.
    pub name: String,
    /// Whether nobody else sets this mark.
    pub sure: bool,
}

/// Flux's labels of each of its kinds: name and namespace.
const FLUX: [(Program, &str, &str); 2] = [
    (
        Program::HelmRelease,
        "helm.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/namespace",
    ),
    (
        Program::Kustomization,
        "kustomize.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/namespace",
    ),
];
/// Argo CD's annotation: `application:group/kind:namespace/name`.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// The label by which Argo CD tracks where it is not told to use its annotation; others set it, too.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// Who manages an object: Helm calls itself `Helm`, Argo CD nothing.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Helm's annotations: name and namespace of the release.
const RELEASE: [&str; 2] = [
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
];

impl Origin {
    /// Every origin that an object's marks name: the nearest first.
    ///
    /// Limit: the label `app.kubernetes.io/instance` alone says nothing of Argo CD, since charts set
    /// it, too: it is taken for an Application only where a field says that Argo CD owns it.
    pub fn of(object: &Value) -> Vec<Self> {
        let mark = |of: &str, key: &str| {
            let marks = object.get("metadata")?.get(of)?;
            marks.get(key)?.as_str().filter(|text| !text.is_empty())
        };
        let label = |key: &str| mark("labels", key);
        let annotation = |key: &str| mark("annotations", key);
        let one = |program, namespace: Option<&str>, name: &str| Self {
            program,
            namespace: namespace.unwrap_or_default().to_owned(),
            name: name.to_owned(),
            sure: true,
        };
        let mut origins = Vec::new();
        for (program, name, namespace) in FLUX {
            origins.extend(label(name).map(|name| one(program, label(namespace), name)));
        }
        let tracked = annotation(TRACKING).and_then(|text| text.split(':').next());
        if let Some(application) = tracked {
            // Where applications are in any namespace, it stands before the name.
            let (namespace, name) = application.split_once('_').unzip();
            origins.push(one(
                Program::Application,
                namespace,
                name.unwrap_or(application),
            ));
        } else if let Some(instance) = label(INSTANCE) {
            let origin = one(Program::Application, None, instance);
            origins.push(Self {
                sure: false,
                ..origin
            });
        }
        if label(MANAGED_BY) == Some("Helm") {
            let release = annotation(RELEASE[0]);
            origins.extend(release.map(|name| one(Program::Release, annotation(RELEASE[1]), name)));
        }
        origins
    }

    /// `flux-system/portal`.
    pub fn place(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// Whether this is the object of that kind, namespace and name.
    pub fn is(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let somewhere = self.namespace.is_empty() || self.namespace == namespace;
        self.program.kind() == Some(kind) && self.name == name && somewhere
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each program marks what it applies in its own way, and people know the object by this name.
    #[test]
    fn marks_name_the_object_that_put_another_there() {
        let rows = [
            (
                json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": "portal",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system" } }),
                vec!["Kustomization flux-system/portal"],
            ),
            (
                json!({ "labels": { "helm.toolkit.fluxcd.io/name": "web",
                    "helm.toolkit.fluxcd.io/namespace": "flux-system",
                    "app.kubernetes.io/managed-by": "Helm" },
                    "annotations": { "meta.helm.sh/release-name": "web",
                        "meta.helm.sh/release-namespace": "portal" } }),
                vec!["HelmRelease flux-system/web", "Helm release portal/web"],
            ),
            (
                json!({ "annotations": { "argocd.argoproj.io/tracking-id":
                    "portal:apps/Deployment:portal/web" },
                    "labels": { "app.kubernetes.io/instance": "other" } }),
                vec!["Application portal"],
            ),
            (
                json!({ "annotations": { "argocd.argoproj.io/tracking-id":
                    "teams_portal:apps/Deployment:portal/web" } }),
                vec!["Application teams/portal"],
            ),
            (
                json!({ "labels": { "app.kubernetes.io/instance": "portal" } }),
                vec!["Application portal"],
            ),
            (
                json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" } }),
                vec![],
            ),
            (json!({}), vec![]),
        ];
        for (metadata, expected) in rows {
            let origins = Origin::of(&json!({ "metadata": metadata }));
            let said = origins.iter();
            let said = said.map(|one| format!("{} {}", one.program.named(), one.place()));
            let said: Vec<String> = said.collect();
            assert_eq!(said, expected);
        }
    }
}
