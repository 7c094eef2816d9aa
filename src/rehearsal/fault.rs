//! What goes wrong in a rehearsal, on purpose.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A node is lost in the switch, for good: its pods need room elsewhere.
    NodeLoss,
    /// The cluster's own controllers, and pods that start, take five times as long.
    ControllersSlow,
    /// The API server turns one request in five away, from the declaration to the end.
    #[serde(rename = "api-429")]
    Api429,
    /// What applies manifests puts its values back, as long as nothing suspends it.
    GitopsReverts,
    /// Every approver answers 20 minutes late.
    ApproverLate,
    /// The operator is killed in the switch, and again in the return.
    OperatorDeath,
    /// Somebody sets three counts by hand while the mode is active.
    HandEdit,
}

impl Fault {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::NodeLoss,
        Self::ControllersSlow,
        Self::Api429,
        Self::GitopsReverts,
        Self::ApproverLate,
        Self::OperatorDeath,
        Self::HandEdit,
    ];

    /// The word by which people ask for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NodeLoss => "node-loss",
            Self::ControllersSlow => "controllers-slow",
            Self::Api429 => "api-429",
            Self::GitopsReverts => "gitops-reverts",
            Self::ApproverLate => "approver-late",
            Self::OperatorDeath => "operator-death",
            Self::HandEdit => "hand-edit",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|fault| fault.word() == text);
        found.ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("`{text}` is no fault: use {words}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people type, and what programs read, is one word.
    #[test]
    fn every_fault_is_named_as_it_is_read() {
        for fault in Fault::ALL {
            assert_eq!(fault.word().parse(), Ok(fault));
            assert_eq!(serde_json::json!(fault), fault.word());
        }
        let why = "flood".parse::<Fault>().expect_err("none");
        assert!(why.contains("node-loss, controllers-slow"), "{why}");
    }
}
