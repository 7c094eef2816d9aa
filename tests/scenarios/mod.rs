//! Scenarios: the whole operator on a real API server, under its own identity, against a fleet with
//! every kind of owner.
//!
//! Every scenario is judged in the end by the same oracles (`oracles`), over everything that
//! happened to every object (`history`), not by what the operator says of itself.

mod abandoned;
mod acts;
mod apply;
mod authority;
mod autoscaled;
mod capacity;
mod classic;
mod confinement;
mod custom;
mod deeds;
mod denied;
mod deputy;
mod drift;
mod ending;
pub mod fleet;
mod frozen;
mod gates;
mod glass;
mod gone;
pub mod history;
mod isolated;
mod kept;
mod layers;
pub mod least;
mod levels;
pub mod oracles;
mod owners;
mod paths;
mod prometheus;
mod readiness;
mod recovered;
mod renewal;
mod retention;
mod rights;
mod rivals;
mod routed;
mod suspended;
mod switch;
mod tabletop;
mod tampering;
pub mod truth;
pub mod world;
