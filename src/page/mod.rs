//! The emergency page: what stands in for a service that is closed. It says, in Chinese and in English, what
//! is closed, since when, and where to turn.
//!
//! [`content`] reads what a ConfigMap says, [`html`] makes the one page of it, [`serve`] answers every
//! request with it: 503 and `Retry-After`, so that no cache and no search engine takes it for the service.

pub mod content;
pub mod html;
mod serve;

pub use content::Content;
pub use serve::{Error, Page};
