//! IO: the operator at work. Who may write ([`lease`]), what is seen of the cluster ([`observe`]),
//! what is durably journalled ([`records`]), and what the operator says of itself ([`server`],
//! [`metrics`], [`logs`]). The one clock is [`clock`].

pub mod clock;
pub mod lease;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod records;
pub mod server;
