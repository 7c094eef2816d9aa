//! The sand table (沙盘): a Kubernetes API server in memory, for rehearsals, the demo and tests. It is
//! never a store for production.
//!
//! It is honest because one table of requests (`tests/conformance`) is played against it and against
//! the real server. What it does not serve it refuses as the real one would, never with a wrong
//! success.

pub mod ask;
pub mod body;
pub mod crds;
pub mod discovery;
pub mod form;
pub mod gate;
pub mod installed;
pub mod kinds;
pub mod load;
pub mod managed;
pub mod meta;
pub mod normal;
pub mod openapi;
pub mod options;
pub mod patch;
pub mod people;
pub mod read;
pub mod refusal;
pub mod remove;
pub mod scale;
pub mod schema;
pub mod select;
pub mod serve;
pub mod server;
pub mod service;
pub mod snapshot;
pub mod specific;
pub mod standins;
pub mod store;
pub mod strategic;
pub mod tables;
pub mod tokens;
pub mod twins;
pub mod watch;
pub mod wire;
pub mod write;
