//! Emergencies that are played: the whole operator on the sand table, with the cluster's own
//! controllers, people and rivals, in a time of its own. The demo and rehearsals are made of it.
//!
//! Nothing here reaches a network, and what is played with the same seed goes the same way.

pub mod keda;
pub mod line;
pub mod people;
pub mod stage;
pub mod time;
pub mod whole;
