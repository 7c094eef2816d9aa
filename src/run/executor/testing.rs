//! What unit tests of the executor share: a process that leads, and one change of one target.

use serde_json::json;

use super::Deps;
use crate::cluster::Clients;
use crate::field::{Identity, Image, Path, Target};
use crate::ledger::entry::NewEntry;
use crate::run::clock::Clock;
use crate::run::lease::Leader;
use crate::run::testing;

/// A Deployment.
pub(super) fn target() -> Target {
    Target::from(Identity {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        plural: "deployments".to_owned(),
        namespace: "portal".to_owned(),
        name: "web".to_owned(),
        uid: "web".into(),
    })
}

/// The change of how many of it run, from 3 to 9.
pub(in crate::run) fn entry() -> NewEntry {
    NewEntry {
        stage: "surge".into(),
        step: "grow".into(),
        target: target(),
        path: Path::fields(["spec", "replicas"]),
        base: Image::Present(json!(3)),
        seen: Image::Present(json!(3)),
        after: Image::Present(json!(9)),
        owners: Vec::new().into(),
        parents: Vec::new(),
        covers: None,
        supersedes: None,
        amendment: 0,
    }
}

/// A process that leads for ever.
pub(super) fn deps(own: &Clients, clock: Clock) -> Deps {
    testing::deps(own, Leader::fixed(1), clock)
}
