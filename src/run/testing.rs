//! What unit tests of a process stand on: its parts, a crew, and an actor before a stand-in server.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::api::{EmergencyMode, RecordMode, names};
use crate::cluster::fake::Fake;
use crate::cluster::{self, Clients, Discovery};
use crate::policies::Names;

use super::actor::Actor;
use super::alarms::Alarms;
use super::clock::Clock;
use super::crew::{Crew, Playbooks};
use super::enforcement::Rules;
use super::events::Events;
use super::executor::Deps;
use super::lease::{self, Elector, Leader};
use super::metrics::Metrics;
use super::mode::{Mode, State};
use super::operator::Settings;
use super::records::Journal;
use super::registry::Registry;
use super::retention;

/// The clock of all of them.
fn clock() -> Clock {
    Clock::from(Timestamp::UNIX_EPOCH)
}

/// Whoever does not lead.
pub(super) fn follower(fake: &Fake) -> Leader {
    let (client, who) = (fake.client(), "operator".to_owned());
    let (_, leader) = Elector::new(
        client,
        names::DEFAULT_NAMESPACE,
        names::LEASE,
        who,
        lease::DEFAULT,
        clock(),
    );
    leader
}

/// What a process stands on.
pub(super) fn deps(own: &Clients, leader: Leader, clock: Clock) -> Deps {
    let metrics = Metrics::new();
    Deps {
        own: own.clone(),
        clock,
        leader,
        events: Events::start(own.writes.clone(), "operator".to_owned()),
        alarms: Alarms::start(Arc::default(), metrics.clone(), clock),
        metrics,
        registry: Registry::default(),
        deposed: mpsc::channel(1).0,
    }
}

/// What it was told.
pub(super) fn settings() -> Settings {
    Settings {
        namespace: names::DEFAULT_NAMESPACE.to_owned(),
        accounts_namespace: names::ACCOUNT_NAMESPACE.to_owned(),
        identity: "operator".to_owned(),
        concurrency: 4,
        address: None,
        record_retention: retention::DEFAULT,
        lease: lease::DEFAULT,
        signals: Arc::default(),
        readiness: None,
    }
}

/// A crew that knows no playbook.
pub(super) fn crew(fake: &Fake, leader: Leader) -> Crew {
    let (own, accounts) = cluster::over(fake.client(), None);
    let (_, playbooks) = watch::channel(Playbooks::default());
    let deps = deps(&own, leader, clock());
    Crew {
        accounts,
        discovery: Discovery::new(own.reads.clone()),
        settings: settings(),
        rules: Rules::new(own.clone(), clock(), deps.metrics.clone(), Names::default()),
        registry: deps.registry.clone(),
        deps,
        playbooks,
        orders: mpsc::channel(1).0,
        epoch: 1,
        health: super::server::Health::default(),
        own,
    }
}

/// The actor of a mode without records.
pub(super) fn actor(crew: Crew, object: EmergencyMode) -> Actor {
    let id = RecordMode {
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
    };
    let journal = Journal::of(&crew.own, id.clone(), crew.epoch, Vec::new());
    let (journal, ledger) = journal.expect("a journal without records");
    let state = State::new(journal, ledger, crew.deps.clock.now());
    let (_, object) = watch::channel(Some(Arc::new(object)));
    Actor {
        mode: Arc::new(Mode::new(id, state)),
        deps: crew.deps,
        own: crew.own,
        accounts: crew.accounts,
        discovery: crew.discovery,
        settings: crew.settings,
        object,
        playbooks: crew.playbooks,
        rules: crew.rules,
        registry: crew.registry,
        orders: crew.orders,
    }
}

/// A mode that was just declared.
pub(super) fn mode() -> EmergencyMode {
    let mode = json!({
        "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
        "metadata": { "name": "flood", "uid": "u-flood", "resourceVersion": "7", "generation": 1 },
        "spec": { "playbookRef": { "name": "flood" }, "level": "I", "reason": "rain",
            "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" },
    });
    serde_json::from_value(mode).expect("a mode")
}
