//! Every test that needs more than one module: one binary.

mod cli;
mod corpus;
mod lease_model;
