//! Tests of the journal as a whole: what is written is read back, small; what was changed since is
//! found; and the fold says what is true.

mod acts;
mod fold;
mod journal;
mod record;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::api::{Level, RecordMode, Turn, TurnKind};
use crate::field::{FieldSet, FormerOwner, Identity, Image, Owner, Path, Target};

use super::entry::{EntryId, NewEntry};
use super::fold::Ledger;
use super::record::{Body, NewOutcome, encode};
use super::transition::{Event, State};

pub(super) fn mode() -> RecordMode {
    RecordMode {
        name: "flood-2026-07".to_owned(),
        uid: "0b7b4c9e-7e0c-4f2f-9a83-3c1d5f1a2b3c".to_owned(),
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).expect("a time")
}

fn image(value: impl Into<Value>) -> Image {
    Image::Present(value.into())
}

/// A change of the replicas of the n-th Deployment, owned by Helm's server-side apply.
pub(super) fn scale(n: usize, base: i64, after: i64) -> NewEntry {
    let path = Path::fields(["spec", "replicas"]);
    NewEntry {
        stage: "surge".into(),
        step: "portals".into(),
        target: Target::from(Identity {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: "citizen-services".to_owned(),
            name: format!("portal-web-{n}"),
            uid: format!("6f1c2d3e-0000-4000-8000-{n:012}").into(),
        }),
        base: image(base),
        seen: image(base),
        after: image(after),
        owners: Arc::new([FormerOwner {
            owner: Arc::new(Owner {
                manager: "helm".to_owned(),
                operation: "Apply".to_owned(),
                api_version: "apps/v1".to_owned(),
                subresource: String::new(),
            }),
            at: Some(format!("2026-07-01T08:{:02}:{:02}Z", n / 60 % 60, n % 60)),
            lost: FieldSet::of(&path),
        }]),
        path,
        parents: Vec::new(),
        covers: None,
        supersedes: None,
        amendment: 0,
    }
}

pub(super) fn turn(kind: TurnKind) -> Turn {
    Turn {
        kind,
        by: Some("duty-officer-zhou".to_owned()),
        reason: None,
        plan_hash: None,
        level: None,
        expires_at: None,
        approvals: Vec::new(),
    }
}

pub(super) fn granted() -> Turn {
    Turn {
        plan_hash: Some("sha256:plan".to_owned()),
        level: Some(Level::II),
        expires_at: Some("2026-07-02T08:00:00Z".to_owned()),
        approvals: vec!["approver-lin".to_owned()],
        ..turn(TurnKind::Granted)
    }
}

/// A ledger whose journal is written as it goes.
fn started() -> Ledger {
    let mut ledger = Ledger::new(mode());
    take(&mut ledger, &Body::Turn(granted()));
    ledger
}

fn take(ledger: &mut Ledger, body: &Body) {
    let record = encode(
        &ledger.head,
        &ledger.mode,
        1,
        at(ledger.head.sequence),
        ledger.next_entry,
        body,
    );
    ledger.apply(&record).expect("a legal record");
}

fn outcome(event: Event, id: i64) -> NewOutcome {
    NewOutcome::new(event, vec![EntryId(id)])
}

fn happened(ledger: &mut Ledger, event: Event, id: i64) {
    take(ledger, &Body::Outcomes(vec![outcome(event, id)]));
}

fn state(ledger: &Ledger, id: i64) -> State {
    ledger.entries[&EntryId(id)].state
}
