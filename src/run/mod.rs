//! IO: the operator at work. Elected ([`lease`]), it keeps one actor a mode ([`crew`], [`actor`]),
//! which sees the cluster ([`observe`]), journals ([`records`]), and hands what was decided to the
//! one writer of targets ([`executor`]).

pub mod actor;
pub mod alarms;
pub mod clock;
mod count;
pub mod crew;
pub mod enforcement;
pub mod events;
pub mod executor;
pub mod freeze;
pub mod hold;
pub mod lease;
pub mod logs;
mod malformed;
pub mod metrics;
pub mod mode;
pub mod observe;
pub mod operator;
pub mod playbooks;
pub mod preflight;
pub mod publish;
pub mod records;
pub mod recovery;
pub mod registry;
pub mod retention;
pub mod server;
pub mod signal;
pub mod strangers;
pub mod task;
#[cfg(test)]
mod testing;
mod vanished;
