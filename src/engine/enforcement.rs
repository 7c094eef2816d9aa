//! Whether the API server enforces the rules of authority. Where it does not, whoever may write a mode
//! could declare and approve in anybody's name: nothing is begun then, and nothing goes on.

use jiff::{SignedDuration, Timestamp};

/// How old a proof may be when a plan is set in force: as long as a person looks at one screen.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How old it may be while a mode is in force. What is changed of the policies is seen at once, so that
/// this finds only what no watch tells.
pub const GOOD: SignedDuration = SignedDuration::from_mins(10);

impl Enforcement {
    /// Whether the rules vouch for what people said: nobody could have said it in another's name. `None`
    /// where they have to be tried first.
    ///
    /// What cannot be tried now counts where it was proven once: who gives a mode up for lost does so
    /// since something is broken.
    pub fn vouches(&self, now: Timestamp) -> Option<bool> {
        match self {
            Self::Proven(at) if now.duration_since(*at) < FRESH => Some(true),
            Self::Unknown {
                proven: Some(_), ..
            } => Some(true),
            Self::Broken(_) => Some(false),
            Self::Proven(_) | Self::Unknown { proven: None, .. } | Self::Untried => None,
        }
    }
}

/// What is known of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// It was not tried whether they are in force, since they were last changed.
    #[default]
    Untried,
    /// It was tried for some time, just now too, and the API server does not let it be known.
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
