//! `cargo xtask generate kinds`: the CRDs of Flux, Argo CD, KEDA and the Gateway API, for tests and demo,
//! from the Go modules in which their makers publish them.
//!
//! Flux publishes its API as modules of their own, so that its own generator (controller-gen) makes the
//! CRDs of their types. Argo CD, Argo Rollouts and KEDA publish theirs inside of a module that needs half
//! a cloud to compile; they and the Gateway API ship the CRDs that they generated: those are taken as they
//! are. Whatever is prose in them is left out, since it is most of them and nothing that a test holds.
//!
//! Unlike the other generated files these need Go and its module proxy, so the check for stale files
//! leaves them out; `generate kinds --check` is theirs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_yaml::Value;
use snafu::{OptionExt, ResultExt, Snafu, ensure};

use super::Generated;
use crate::golang::{self, Go};
use crate::progress::Progress;
use crate::surroundings::cache;

/// What went wrong.
#[derive(Debug, Snafu)]
pub enum Error {
    /// No Go toolchain.
    #[snafu(transparent)]
    Toolchain {
        /// Why.
        source: golang::Error,
    },
    /// A file or folder cannot be used.
    #[snafu(display("cannot use {}", path.display()))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Go does not run.
    #[snafu(display("cannot run {}", go.display()))]
    Run {
        /// Which.
        go: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Go did not do what was asked.
    #[snafu(display(
        "{doing} failed; the Go module proxy must be reachable the first time. It ended with:\n{said}"
    ))]
    Failed {
        /// What was asked.
        doing: String,
        /// What it said.
        said: String,
    },
    /// A module is not the one that was pinned.
    #[snafu(display(
        "{module} has the sum {sum}, not the pinned one: look at what changed before it is used"
    ))]
    Sum {
        /// Which.
        module: String,
        /// Its sum.
        sum: String,
    },
    /// A CRD does not read as one.
    #[snafu(display("{module} holds no CRD that reads as YAML at {file}"))]
    Read {
        /// Where it came from.
        module: String,
        /// Which file.
        file: String,
        /// Why.
        source: serde_yaml::Error,
    },
    /// Files cannot be written, or differ.
    #[snafu(transparent)]
    Files {
        /// Why.
        source: super::Error,
    },
}

/// Where the files belong.
const FOLDER: &str = "tests/fleet/crds";
/// What generates CRDs from types, and the modules of those types, all pinned by sum.
const GO_MOD: &str = include_str!("../../tools/crds/go.mod");
/// Their sums.
const GO_SUM: &str = include_str!("../../tools/crds/go.sum");
/// The program.
const CONTROLLER_GEN: &str = "sigs.k8s.io/controller-tools/cmd/controller-gen";

/// A module of types, and the package in it of which CRDs are generated.
struct Types {
    module: &'static str,
    package: &'static str,
    file: &'static str,
}

const TYPES: [Types; 2] = [
    Types {
        module: "github.com/fluxcd/kustomize-controller/api",
        package: "github.com/fluxcd/kustomize-controller/api/v1",
        file: "kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    },
    Types {
        module: "github.com/fluxcd/helm-controller/api",
        package: "github.com/fluxcd/helm-controller/api/v2",
        file: "helm.toolkit.fluxcd.io_helmreleases.yaml",
    },
];

/// A module that ships a CRD.
struct Shipped {
    /// With its version.
    module: &'static str,
    /// Its sum, as `go.sum` would have it.
    sum: &'static str,
    /// Where in it.
    from: &'static str,
    file: &'static str,
}

/// The newest that an oldest Go of [`golang::OLDEST`] accepts.
const SHIPPED: [Shipped; 5] = [
    Shipped {
        module: "github.com/argoproj/argo-cd/v3@v3.4.13",
        sum: "h1:kmnF4nE5SQ83OhtdX6DMmLSpH0eRIa1gNYdCLNHqB+A=",
        from: "manifests/crds/application-crd.yaml",
        file: "argoproj.io_applications.yaml",
    },
    Shipped {
        module: "github.com/argoproj/argo-rollouts@v1.9.2",
        sum: "h1:NaAtrUjjm9AFAyurAEFRJjP54mk98s8007B3vsdFEbI=",
        from: "manifests/crds/rollout-crd.yaml",
        file: "argoproj.io_rollouts.yaml",
    },
    Shipped {
        module: "github.com/kedacore/keda/v2@v2.21.0",
        sum: "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        from: "config/crd/bases/keda.sh_scaledobjects.yaml",
        file: "keda.sh_scaledobjects.yaml",
    },
    Shipped {
        module: GATEWAY.0,
        sum: GATEWAY.1,
        from: "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        file: "gateway.networking.k8s.io_httproutes.yaml",
    },
    Shipped {
        module: GATEWAY.0,
        sum: GATEWAY.1,
        from: "config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml",
        file: "gateway.networking.k8s.io_referencegrants.yaml",
    },
];

/// The Gateway API, which ships several: module and sum.
const GATEWAY: (&str, &str) = (
    "sigs.k8s.io/gateway-api@v1.6.3",
    "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
);

/// Writes every file that differs; says which.
///
/// # Errors
/// A module cannot be fetched, is not the pinned one, or holds no CRD where it should.
pub fn write(root: &Path, progress: Progress) -> Result<Vec<PathBuf>, Error> {
    Ok(super::write_files(root, &files(progress)?)?)
}

/// Fails when a committed file is not what the modules say, and names it.
///
/// # Errors
/// As [`write`].
pub fn check(root: &Path, progress: Progress) -> Result<(), Error> {
    let files = files(progress)?;
    Ok(super::check_files(
        root,
        &files,
        "cargo xtask generate kinds",
    )?)
}

fn files(progress: Progress) -> Result<Vec<Generated>, Error> {
    let go = golang::find(progress)?;
    let work = cache().join(format!("crds-{}", std::process::id()));
    let made = made(&go, &work, progress);
    // Whatever came of it, the folder is of no further use.
    if work.exists() {
        std::fs::remove_dir_all(&work).context(FileSnafu { path: &work })?;
    }
    made
}

fn made(go: &Go, work: &Path, progress: Progress) -> Result<Vec<Generated>, Error> {
    let mut files = generated(go, work, progress)?;
    for shipped in &SHIPPED {
        let task = progress.task(&format!(
            "fetch {} (the first time it is large)",
            shipped.module
        ));
        let path = download(go, work, shipped)?.join(shipped.from);
        files.push(file(shipped.module, &path, shipped.file)?);
        task.done(shipped.file);
    }
    Ok(files)
}

/// The CRDs that controller-gen makes of the types of modules.
fn generated(go: &Go, work: &Path, progress: Progress) -> Result<Vec<Generated>, Error> {
    let out = work.join("out");
    std::fs::create_dir_all(&out).context(FileSnafu { path: &out })?;
    for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
        let path = work.join(name);
        std::fs::write(&path, text).context(FileSnafu { path })?;
    }
    let task =
        progress.task("generate CRDs of Flux from its types (the first time takes 2 minutes)");
    let mut command = command(go, work);
    command.args(["run", CONTROLLER_GEN, "crd:crdVersions=v1"]);
    command.args(TYPES.iter().map(|types| format!("paths={}", types.package)));
    command.arg(format!("output:crd:dir={}", out.display()));
    run(go, "controller-gen", &mut command)?;
    task.done("generated");
    TYPES
        .iter()
        .map(|types| {
            let module = format!("{}@{}", types.module, version(types.module));
            file(&module, &out.join(types.file), types.file)
        })
        .collect()
}

/// The version of a module in the pinned `go.mod`.
fn version(module: &str) -> &'static str {
    let mut lines = GO_MOD.lines().map(|line| line.split_whitespace());
    let found = lines.find_map(|mut words| (words.next()? == module).then(|| words.next())?);
    found.unwrap_or("")
}

/// What Go says of a module that it fetched.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    sum: String,
}

/// Fetches a module; where it is.
fn download(go: &Go, work: &Path, shipped: &Shipped) -> Result<PathBuf, Error> {
    let mut command = command(go, work);
    let said = run(
        go,
        shipped.module,
        command.args(["mod", "download", "-json", shipped.module]),
    )?;
    let found: Downloaded = serde_json::from_str(&said).ok().context(FailedSnafu {
        doing: shipped.module,
        said,
    })?;
    let (module, sum) = (shipped.module, &found.sum);
    ensure!(sum == shipped.sum, SumSnafu { module, sum });
    Ok(found.dir)
}

fn command(go: &Go, work: &Path) -> Command {
    let mut command = Command::new(&go.program);
    command
        .current_dir(work)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=mod");
    command
}

fn run(go: &Go, doing: &str, command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.context(RunSnafu { go: &go.program })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    // An error of a fetch is in its answer.
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    FailedSnafu { doing, said }.fail()
}

fn file(module: &str, path: &Path, name: &str) -> Result<Generated, Error> {
    let text = std::fs::read_to_string(path).context(FileSnafu { path })?;
    let text = without_prose(&text).context(ReadSnafu { module, file: name })?;
    Ok(Generated {
        path: Path::new(FOLDER).join(name),
        contents: format!(
            "# Generated by `cargo xtask generate kinds` from {module}, without its descriptions. Do not edit.\n{text}"
        )
        .into_bytes(),
    })
}

/// A CRD without its descriptions.
fn without_prose(text: &str) -> Result<String, serde_yaml::Error> {
    let mut crd: Value = serde_yaml::from_str(text)?;
    let versions = crd
        .get_mut("spec")
        .and_then(|spec| spec.get_mut("versions"));
    let versions = versions.and_then(Value::as_sequence_mut);
    for version in versions.into_iter().flatten() {
        let schema = version.get_mut("schema");
        if let Some(schema) = schema.and_then(|schema| schema.get_mut("openAPIV3Schema")) {
            strip(schema);
        }
    }
    serde_yaml::to_string(&crd)
}

/// A property may be called `description`, so only schemas are looked at.
fn strip(schema: &mut Value) {
    let Some(fields) = schema.as_mapping_mut() else {
        return;
    };
    fields.remove("description");
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_mapping_mut) {
        properties.values_mut().for_each(strip);
    }
    for one in ["items", "additionalProperties", "not"] {
        fields.get_mut(one).into_iter().for_each(strip);
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        let schemas = fields.get_mut(several).and_then(Value::as_sequence_mut);
        schemas.into_iter().flatten().for_each(strip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that people call `description` is part of the API; what is said of it is not.
    #[test]
    fn descriptions_go_and_fields_of_that_name_stay() {
        let crd = "
spec:
  versions:
  - schema:
      openAPIV3Schema:
        description: what it is
        properties:
          description: { type: string, description: for people }
          list: { type: array, items: { description: one, type: string } }
";
        let found: Value = serde_yaml::from_str(&without_prose(crd).expect("YAML")).expect("YAML");
        let schema = &found["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert_eq!(schema.get("description"), None);
        assert_eq!(schema["properties"]["description"]["type"], "string");
        assert_eq!(schema["properties"]["description"].get("description"), None);
        assert_eq!(
            schema["properties"]["list"]["items"].get("description"),
            None
        );
    }

    /// What is not pinned may be another thing tomorrow.
    #[test]
    fn every_module_of_types_is_pinned() {
        for types in TYPES {
            assert!(version(types.module).starts_with('v'), "{}", types.module);
            assert!(GO_SUM.contains(types.module), "{}", types.module);
        }
        assert!(GO_SUM.contains("sigs.k8s.io/controller-tools "));
    }
}
