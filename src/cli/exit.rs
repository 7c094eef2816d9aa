//! How the program ends. Scripts rely on these numbers: they never change.

/// The exit codes, documented in `docs/reference/exit-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: it was done.
    Done,
    /// 1: it was done, and the answer is no: findings in a playbook, a question answered with no,
    /// nobody holds a field, a mode that ended otherwise than waited for.
    Negative,
    /// 2: what was given does not make sense, or names something that does not exist.
    Invalid,
    /// 3: the cluster cannot be reached, or does not know Pingzhan's kinds.
    Unreachable,
    /// 4: the cluster, or this program, refused.
    Refused,
    /// 5: what was waited for did not come in time.
    TimedOut,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Negative,
        Self::Invalid,
        Self::Unreachable,
        Self::Refused,
        Self::TimedOut,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::Invalid => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::TimedOut => 5,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are a contract with scripts, and the reference page lists each.
    #[test]
    fn codes_are_those_of_the_reference_page() {
        let page = include_str!("../../docs/reference/exit-codes.md");
        for (number, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number);
            assert!(
                page.contains(&format!("| {number} |")),
                "{number} is not documented"
            );
        }
    }
}
