//! What nobody may miss: it is told at once, over every way that there is, and not only to who looks.

use crate::api::condition::{self, types};

use super::glass;
use super::term::{self, Left};
use super::{Blocked, Decision, Input, Phase};

/// Every reason of an alarm: words that receivers go by, so that each is on the page of signals.
pub const ALARMS: [&str; 6] = [
    glass::BREAK_GLASS,
    glass::OVERDUE,
    Left::Quarter.reason(),
    Left::Tenth.reason(),
    NOT_ENFORCED,
    NOT_PROVEN,
];

/// The reason where the API server does not enforce the rules of authority.
const NOT_ENFORCED: &str = "RulesNotEnforced";
/// The reason where it is not known whether it does.
const NOT_PROVEN: &str = "RulesNotProven";

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// What it is about, a word that programs may rely on.
    pub reason: &'static str,
    /// Tells it from an earlier one of this reason: a term that was renewed ends again.
    pub occasion: String,
    /// What is the matter, and what to do, a sentence.
    pub sentence: String,
}

impl Alarm {
    /// Whether a condition that becomes true, or a turn, tells of it on the mode already.
    pub fn is_told_by_events(&self) -> bool {
        self.reason != glass::OVERDUE
    }

    /// The same in Chinese, in few words.
    pub fn in_chinese(&self) -> &'static str {
        match self.reason {
            glass::BREAK_GLASS => "应急越权：未经会签即启动，须由他人在期限内复核",
            glass::OVERDUE => "应急越权的复核已逾期",
            "QuarterOfTermLeft" => "期限仅剩四分之一，到期自动恢复平时；如需延长请续期并报批",
            "TenthOfTermLeft" => "期限仅剩十分之一，即将自动恢复平时；如需延长请立即续期并报批",
            NOT_PROVEN => "无法确认集群是否在执行授权规则：切换已停止，将自动重试，确认后继续",
            _ => "集群未在执行授权规则：切换已停止，请恢复准入策略",
        }
    }
}

/// Everything that is to be known now. What was told already is for the caller to know.
pub(super) fn all(input: &Input<'_>, decision: &Decision, phase: Phase) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if let Some(review) = glass::review(input)
        && review.is_awaited()
    {
        alarms.push(Alarm {
            reason: review.reason,
            occasion: String::new(),
            sentence: review.sentence,
        });
    }
    let left = term::left(input);
    if matches!(phase, Phase::Activating | Phase::Active) && left != Left::Enough {
        let end = input
            .ledger
            .granted
            .as_ref()
            .map(|granted| granted.expires_at);
        alarms.push(Alarm {
            reason: left.reason(),
            occasion: end.map(|end| end.to_string()).unwrap_or_default(),
            sentence: term::sentence(input),
        });
    }
    if let Some(blocked @ (Blocked::NotEnforced(_) | Blocked::NotProven(_))) = &decision.blocked {
        alarms.push(Alarm {
            reason: blocked.reason(),
            occasion: since(decision),
            sentence: blocked.sentence(),
        });
    }
    debug_assert!(alarms.iter().all(|alarm| ALARMS.contains(&alarm.reason)));
    alarms
}

/// Whether a mode is blocked for the rules of authority, by the reason of its condition.
pub(super) fn is_of_the_rules(reason: &str) -> bool {
    [NOT_ENFORCED, NOT_PROVEN].contains(&reason)
}

/// Since when the mode has been blocked for the rules: rules that are mended and broken again are another
/// occasion, and what people write into the mode meanwhile is none.
fn since(decision: &Decision) -> String {
    let blocked = condition::get(&decision.status.conditions, types::BLOCKED);
    blocked.map_or_else(String::new, |said| said.last_transition_time.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A receiver goes by the word, and people by the sentence: each reason is one of its own in both.
    #[test]
    fn every_reason_has_a_word_and_a_sentence_of_its_own() {
        let blocked = [
            Blocked::NotEnforced(Vec::new()),
            Blocked::NotProven(String::new()),
        ];
        let words = blocked.each_ref().map(Blocked::reason);
        assert_eq!(words, [NOT_ENFORCED, NOT_PROVEN]);
        let alarm = |reason| Alarm {
            reason,
            occasion: String::new(),
            sentence: String::new(),
        };
        let sentences: BTreeSet<&str> = ALARMS.map(|reason| alarm(reason).in_chinese()).into();
        let reasons = BTreeSet::from(ALARMS);
        assert_eq!((reasons.len(), sentences.len()), (6, 6));
    }
}
