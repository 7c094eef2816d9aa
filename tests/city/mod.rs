//! The city: what holds of it at every size, and that API servers take it as it is.

mod loaded;
mod shape;
