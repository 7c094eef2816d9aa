//! The project's own tooling.
