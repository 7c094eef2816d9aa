//! People against what the real server answered.

mod escalation;
mod impersonation;
mod reviews;
mod roles;
pub(in super::super) mod world;
