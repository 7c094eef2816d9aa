//! Every test that needs more than one module: one binary, so that it is linked once and control
//! planes are shared.

mod authority;
mod city;
mod cli;
mod cluster;
mod conformance;
mod controllers;
mod corpus;
mod crash;
mod docs;
mod faults;
mod fleet;
mod generated;
mod gitops;
mod kubectl;
mod lease_model;
mod policies;
mod rehearsal;
mod scenarios;
mod simulation;
mod standins;
mod support;
mod tidy;
