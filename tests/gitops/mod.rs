//! GitOps as a rival: controllers that put back what Git says, held at the root, not at the root and not
//! at all, on the real server and on the sand table, and what becomes of them after the return.

mod reconcilers;
mod sites;
mod stories;
mod witness;
