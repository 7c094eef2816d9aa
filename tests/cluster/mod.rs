//! Tests against a real API server. They fail where none can be had; they are never skipped.

mod chart;
mod crds;
