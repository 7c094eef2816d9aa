//! What happens in a rehearsal, and when.

use serde::Serialize;

use crate::api::StageState;
use crate::rehearsal::fault::Fault;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When.
    pub at: f64,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Happened {
    Declared {
        by: String,
        group: String,
    },
    Planned {
        changes: i64,
        targets: i64,
    },
    Approved {
        by: String,
        group: String,
    },
    Activated,
    StageBegan {
        stage: String,
    },
    StageEnded {
        stage: String,
        state: StageState,
    },
    Asked {
        step: String,
    },
    Answered {
        step: String,
        by: String,
        group: String,
    },
    Active,
    Struck {
        fault: Fault,
        object: String,
    },
    Drifted {
        object: String,
        path: String,
    },
    Decided {
        object: String,
        path: String,
        by: String,
    },
    StoodDown {
        by: String,
    },
    Closed,
    GaveUp {
        waiting_on: String,
    },
}
