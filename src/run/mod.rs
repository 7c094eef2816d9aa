//! IO: the operator at work. What is seen of the cluster ([`observe`]) and what is durably
//! journalled ([`records`]).

pub mod observe;
pub mod records;
