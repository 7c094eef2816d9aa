//! What unit tests of the executor share: a process that leads, and one change of one target.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use super::Deps;
use crate::api::names;
use crate::cluster::Clients;
use crate::field::{Identity, Image, Path, Target};
use crate::ledger::entry::NewEntry;
use crate::run::alarms::Alarms;
use crate::run::clock::Clock;
use crate::run::events::Events;
use crate::run::lease::Leader;
use crate::run::metrics::Metrics;
use crate::run::registry::Registry;

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
pub(super) fn entry() -> NewEntry {
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
    Deps {
        own: own.clone(),
        namespace: names::DEFAULT_NAMESPACE.to_owned(),
        clock,
        leader: Leader::fixed(1),
        metrics: Metrics::new(),
        events: Events::start(own.writes.clone(), "a".to_owned()),
        alarms: Alarms::start(Arc::default(), Metrics::new(), clock),
        registry: Registry::default(),
        deposed: mpsc::channel(1).0,
    }
}
