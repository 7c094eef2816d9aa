//! The whole operator on the sand table, in paused time: hours of an emergency in a moment, with faults
//! from a seed, and the oracles of the campaign after each schedule.
//!
//! A [`story`] says what people, owners and rivals do and when, the [`weather`] what each request of
//! each process meets; [`play`] plays both, [`judge`] judges what happened. The same schedule is the
//! same run, request by request, so that a failure is a seed; [`shrink`] takes out of it whatever the
//! failure does not need. [`runs`] are the runs of the normal test run, [`campaign`] goes on from there
//! for as many seeds and minutes as `cargo xtask campaign` says.

mod alarms;
mod answers;
mod broken;
pub mod campaign;
mod city;
mod clocks;
mod closed;
mod confined;
mod current;
mod deeds;
mod glass;
mod judge;
mod lawless;
mod layered;
mod machines;
mod made;
mod panics;
mod people;
mod play;
mod runs;
mod seeds;
mod shrink;
mod stage;
mod steps;
mod story;
mod surveyed;
mod terms;
pub mod weather;
pub mod wire;
