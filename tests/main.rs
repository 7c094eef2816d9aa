//! Every test that needs more than one module: one binary.

mod corpus;
mod lease_model;
