//! Whether the API server enforces the rules of authority. Where it does not, whoever may write a mode
//! could declare and approve in anybody's name: nothing is begun then, and nothing goes on.

use jiff::{SignedDuration, Timestamp};

/// How old a proof may be when a plan is set in force: as long as a person looks at one screen.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How old it may be while a mode is in force. What is changed of the policies is seen at once, so that
/// this finds only what no watch tells.
pub const GOOD: SignedDuration = SignedDuration::from_mins(10);

/// What is known of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// It was not tried whether they are in force, since they were last changed.
    #[default]
    Untried,
    /// It was tried for some time, and the API server does not let it be known.
    Unknown {
        /// Why.
        why: String,
        /// When they were last proven, unless somebody wrote them since.
        proven: Option<Timestamp>,
    },
    /// They are as they should be, and each refused at this time what it has to refuse.
    Proven(Timestamp),
    /// They are not: a sentence each.
    Broken(Vec<String>),
}
