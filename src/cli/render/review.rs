//! The review of an act without quorum: what is said of it beside everything else that a mode waits
//! for.

use crate::api::EmergencyModeStatus;
use crate::engine::decide;
use crate::i18n::Lang;
use crate::t;

use super::Tone;

/// What a mode waits for, on one line: an overdue review first, in the reader's language.
pub(super) fn waits(lang: Lang, name: &str, status: &EmergencyModeStatus) -> Option<String> {
    let overdue = overdue(lang, name, status);
    let all: Vec<String> = overdue
        .into_iter()
        .chain(status.waiting_on.clone())
        .collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The same as rows of a page: label, text and tone.
pub(super) fn awaited(
    lang: Lang,
    name: &str,
    status: &EmergencyModeStatus,
) -> Vec<(String, String, Tone)> {
    let overdue = overdue(lang, name, status);
    let overdue = overdue.map(|text| (t!(lang, "label-review"), text, Tone::Bad));
    let waiting = status.waiting_on.clone();
    let waiting = waiting.map(|text| (t!(lang, "label-waiting"), text, Tone::Busy));
    overdue.into_iter().chain(waiting).collect()
}

fn overdue(lang: Lang, name: &str, status: &EmergencyModeStatus) -> Option<String> {
    decide::is_review_overdue(status).then(|| t!(lang, "review-overdue", name = name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    /// What is overdue must not be hidden by whatever else is waited for, nor be in one language only.
    #[test]
    fn an_overdue_review_is_said_first_and_only_once_it_is_overdue() {
        let waits = |lang, reason| {
            let mode = samples::without_quorum(reason);
            waits(lang, "flood-2026-07", &mode.status.expect("a status")).expect("it waits")
        };
        let other = "waiting for a verdict on 1 field: pingzhan verdict flood-2026-07";
        for (lang, says) in [(Lang::En, "review is overdue"), (Lang::ZhCn, "复核已逾期")] {
            assert_eq!(waits(lang, decide::BREAK_GLASS), other);
            let overdue = waits(lang, decide::OVERDUE);
            let (first, then) = overdue.split_once("; ").expect("both");
            assert!(first.contains(says), "{overdue}");
            assert!(first.contains("pingzhan review flood-2026-07"), "{overdue}");
            assert_eq!(then, other);
        }
    }
}
