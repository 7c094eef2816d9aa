//! Emergencies that are played: the whole operator on the sand table, with the cluster's own
//! controllers, people and rivals, in a time of its own. The demo and rehearsals are made of it.
//!
//! Nothing here reaches a network, and what is played with the same seed goes the same way.

pub mod cast;
pub mod fault;
pub mod foresee;
mod gather;
pub mod guests;
pub mod keda;
pub mod line;
pub mod model;
pub mod outside;
pub mod people;
pub mod play;
pub mod report;
pub mod rivals;
pub mod stage;
mod strikes;
pub mod time;
pub mod watch;
pub mod whole;
