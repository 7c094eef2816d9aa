//! The fleet: 云溪市 (Yunxi), a city of three million people that does not exist, with its departments,
//! what they run, and who writes it. Tests and the demo play on it, each in its own build of this folder.
//!
//! [`table`] reads `yunxi.yaml`, which says everything; [`objects`] and [`gitops`] make objects of its
//! rows, [`owners`] says who writes each and how, [`grown`] makes larger cities of the same kinds, and
//! [`load`] brings one to an API server: a real one or the sand table.

#![allow(
    dead_code,
    reason = "a city offers more than any one of its users takes"
)]

pub mod gitops;
pub mod grown;
pub mod load;
pub mod objects;
pub mod owners;
pub mod rooms;
pub mod table;

use serde_json::Value;

pub use owners::How;
pub use table::City;

/// The kinds of Flux, Argo CD and KEDA, as their makers publish them but for what is said of each field.
/// `cargo xtask generate kinds` writes them.
const KINDS: [&str; 5] = [
    include_str!("crds/argoproj.io_applications.yaml"),
    include_str!("crds/argoproj.io_rollouts.yaml"),
    include_str!("crds/helm.toolkit.fluxcd.io_helmreleases.yaml"),
    include_str!("crds/keda.sh_scaledobjects.yaml"),
    include_str!("crds/kustomize.toolkit.fluxcd.io_kustomizations.yaml"),
];

/// The kinds of the Gateway API that routes need, as their makers publish them as well.
const GATEWAY: [&str; 2] = [
    include_str!("crds/gateway.networking.k8s.io_httproutes.yaml"),
    include_str!("crds/gateway.networking.k8s.io_referencegrants.yaml"),
];

/// The city, as the table says.
pub fn yunxi() -> City {
    table::read(include_str!("yunxi.yaml"))
}

/// The `CustomResourceDefinitions` that the city's objects need.
pub fn kinds() -> Vec<Value> {
    let read = |text: &&str| serde_yaml::from_str(text).expect("the kinds are YAML");
    KINDS.iter().map(read).chain(gateway()).collect()
}

/// The `CustomResourceDefinitions` of the Gateway API.
pub fn gateway() -> Vec<Value> {
    let read = |text: &&str| serde_yaml::from_str(text).expect("the kinds are YAML");
    GATEWAY.iter().map(read).collect()
}
