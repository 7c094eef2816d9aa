//! The admission policies that are shipped, on a real API server and on the sand table: one table of
//! creations, and both have to answer as it says.

pub mod freeze;
pub mod machine;
pub mod new_targets;
