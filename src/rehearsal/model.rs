//! The model of a rehearsal's time: what everything takes that is not computed, and where each figure
//! comes from. It is part of every report.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::sandtable::snapshot::Snapshot;
use crate::sandtable::standins;

use super::fault::Fault;
use super::line::Costs;
use super::outside::JOB_TAKES;

/// How many times slower controllers and pods are under [`Fault::ControllersSlow`].
const SLOW: u32 = 5;
/// How long people take to approve, each, and to answer at a gate.
pub const PEOPLE: Duration = Duration::from_mins(1);
/// How much later approvers are under [`Fault::ApproverLate`].
pub const LATE: Duration = Duration::from_mins(20);
/// Writes that the operator has in flight at most: its default.
pub const CONCURRENCY: usize = 8;
/// Seconds of the operator's lease: its default.
pub const LEASE: u32 = 15;

/// The longest time that is believed of a request, or of a pod that becomes ready.
const BELIEVED: Duration = Duration::from_hours(24);

/// A measured time, where it can be one: a file may say anything.
fn believed(seconds: f64) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    (time <= BELIEVED).then_some(time)
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Measured where the snapshot was taken.
    Snapshot,
    /// Assumed: measured on a test cluster, or a default of Kubernetes.
    Assumed,
    /// Made so by a fault.
    Fault,
}

/// What is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// From sending a request to its answer, on an idle server.
    RoundTrip,
    /// How long a write keeps the server from other requests.
    Write,
    /// How long a read does.
    Read,
    /// How long the controllers of workloads take for one change, before they attend to the next.
    Controller,
    /// How long a pod takes from its node to being ready, where the snapshot does not tell.
    Ready,
    /// How often an autoscaler looks at its target.
    Autoscaler,
    /// How long people take to approve, each, and to answer.
    People,
    /// How long a Job of a step takes.
    Job,
    /// How long another operator takes over after one died, at least.
    Lease,
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Of what.
    pub what: What,
    /// In milliseconds.
    pub milliseconds: f64,
    /// Where it comes from.
    pub source: Source,
}

/// The model of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Every figure.
    pub figures: Vec<Figure>,
    /// Workloads of which the snapshot tells how long their pods take to be ready.
    pub measured_workloads: usize,
    /// Writes that the operator has in flight at most.
    pub concurrency: usize,
    /// How long the pods of those workloads take.
    #[serde(skip)]
    pub delays: BTreeMap<String, Duration>,
    /// What requests cost.
    #[serde(skip)]
    pub costs: Costs,
    /// How fast controllers are.
    #[serde(skip)]
    pub controllers: standins::Settings,
    /// How long an approver takes.
    #[serde(skip)]
    pub approver: Duration,
}

impl Model {
    /// The model for a snapshot, with these faults.
    pub fn of(snapshot: &Snapshot, faults: &[Fault]) -> Self {
        let measured = snapshot.measured.as_ref();
        let round_trip = measured.and_then(|measured| measured.round_trip_milliseconds);
        let round_trip = round_trip.and_then(|milliseconds| believed(milliseconds / 1000.0));
        let mut costs = Costs::default();
        if let Some(round_trip) = round_trip {
            costs.round_trip = round_trip;
        }
        let ready = measured
            .into_iter()
            .flat_map(|measured| &measured.ready_seconds);
        let slow = if faults.contains(&Fault::ControllersSlow) {
            SLOW
        } else {
            1
        };
        let delays = ready.filter_map(|(name, seconds)| {
            let after = believed(*seconds)?;
            Some((name.clone(), after * slow))
        });
        let delays: BTreeMap<String, Duration> = delays.collect();
        let mut controllers = standins::Settings::default();
        controllers.pace *= slow;
        controllers.ready_after *= slow;
        let late = faults.contains(&Fault::ApproverLate);
        let approver = if late { PEOPLE + LATE } else { PEOPLE };
        let mut model = Self {
            figures: Vec::new(),
            measured_workloads: delays.len(),
            concurrency: CONCURRENCY,
            delays,
            costs,
            controllers,
            approver,
        };
        model.figures = model.told(round_trip.is_some(), slow > 1, late);
        model
    }

    fn told(&self, is_measured: bool, is_slow: bool, is_late: bool) -> Vec<Figure> {
        let of = |what, time: Duration, source| Figure {
            what,
            milliseconds: time.as_secs_f64() * 1000.0,
            source,
        };
        let given = |is_so, source| if is_so { source } else { Source::Assumed };
        let (slow, late) = (given(is_slow, Source::Fault), given(is_late, Source::Fault));
        let (costs, controllers) = (self.costs, self.controllers);
        vec![
            of(
                What::RoundTrip,
                costs.round_trip,
                given(is_measured, Source::Snapshot),
            ),
            of(What::Write, costs.write, Source::Assumed),
            of(What::Read, costs.read, Source::Assumed),
            of(What::Controller, controllers.pace, slow),
            of(What::Ready, controllers.ready_after, slow),
            of(
                What::Autoscaler,
                controllers.autoscaler_period,
                Source::Assumed,
            ),
            of(What::People, self.approver, late),
            of(What::Job, JOB_TAKES, Source::Assumed),
            of(
                What::Lease,
                Duration::from_secs(LEASE.into()),
                Source::Assumed,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sandtable::snapshot::{FORMAT, Measured};

    /// A file that somebody wrote by hand must neither end the program nor stop time.
    #[test]
    fn figures_that_no_clock_has_are_left_aside() {
        let snapshot = |round_trip: f64, ready: f64| Snapshot {
            format: FORMAT.to_owned(),
            taken: Timestamp::UNIX_EPOCH,
            by: String::new(),
            server: String::new(),
            left_out: Vec::new(),
            measured: Some(Measured {
                round_trip_milliseconds: Some(round_trip),
                requests: 1,
                ready_seconds: [("Deployment n/web".to_owned(), ready)].into(),
            }),
            objects: Vec::new(),
        };
        let told = Model::of(&snapshot(2.5, 12.0), &[]);
        assert_eq!(told.costs.round_trip, Duration::from_micros(2500));
        assert_eq!(told.delays["Deployment n/web"], Duration::from_secs(12));
        for absurd in [-1.0, 1e300] {
            let model = Model::of(&snapshot(absurd, absurd), &[Fault::ControllersSlow]);
            assert_eq!(model.costs, Costs::default(), "{absurd}");
            assert!(model.delays.is_empty(), "{absurd}");
            let is_said = |figure: &Figure| figure.source == Source::Snapshot;
            assert!(!model.figures.iter().any(is_said), "{absurd}");
        }
    }
}
