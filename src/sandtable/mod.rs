//! The sand table (沙盘): a Kubernetes API server in memory, for rehearsals, the demo and tests. It is
//! never a store for production.
//!
//! It is honest because one table of requests (`tests/conformance`) is played against it and against
//! the real server. What it does not serve it refuses as the real one would, never with a wrong
//! success.

pub mod people;
pub mod refusal;
pub mod schema;
pub mod strategic;
