//! How fast stand-ins are.

use std::time::Duration;

/// How fast stand-ins are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Each controller of workloads attends to one at a time, and to the next one no sooner.
    ///
    /// 100 ms: a stock controller manager sends 20 requests a second, and attending to a workload
    /// takes it two. A changed Deployment is attended to twice (when it is seen, and when its pods
    /// are ready), so that five a second converge, in the order in which they were changed; 80 that
    /// were changed at once were all seen before the first of them was told ready, as here. Zero: as
    /// fast as they change.
    pub pace: Duration,
    /// How long a pod takes from its node to being ready, where no label says it. Three seconds: a
    /// small service on a node that has its image.
    pub ready_after: Duration,
    /// How often an autoscaler looks at its target: the real one's default.
    pub autoscaler_period: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(100),
            ready_after: Duration::from_secs(3),
            autoscaler_period: Duration::from_secs(15),
        }
    }
}

impl Settings {
    /// Everything that can happen at once does: for simulations that are not about readiness.
    pub fn immediate() -> Self {
        Self {
            pace: Duration::ZERO,
            ready_after: Duration::ZERO,
            ..Self::default()
        }
    }
}
