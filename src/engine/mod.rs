//! Pure: what is to be done. The plan and its hash ([`plan`]), who may set it in motion
//! ([`authority`]), one three-way judgement for hold and return ([`judge`]), the executor's
//! scheduler ([`scheduler`]), and the decision that follows from everything ([`decide`]). What is
//! worth knowing of targets ([`beside`]) and of the cluster ([`room`]) goes into a plan's findings.
//!
//! Nothing here does IO, reads a clock, or draws a random number: `now` is data.

pub mod acts;
pub mod amounts;
pub mod authority;
pub mod beside;
pub mod decide;
pub mod denies;
pub mod enforcement;
pub mod facts;
pub mod judge;
pub mod layers;
pub mod plan;
pub mod preflight;
pub mod protect;
pub mod readiness;
pub mod refused;
pub mod rights;
pub mod room;
pub mod scheduler;
pub mod shared;
pub mod work;
