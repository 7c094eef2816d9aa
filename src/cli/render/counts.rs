//! How many changes of a mode are in which state.

use crate::api::EmergencyModeStatus;
use crate::i18n::Lang;
use crate::t;

/// How many changes are in which state, those that are in none left out.
pub(super) fn counts(lang: Lang, status: &EmergencyModeStatus) -> String {
    let Some(counts) = status.counts else {
        return String::new();
    };
    let parts = [
        (
            counts.applied,
            t!(lang, "count-applied", n = counts.applied),
        ),
        (
            counts.restored,
            t!(lang, "count-restored", n = counts.restored),
        ),
        (
            counts.drifted,
            t!(lang, "count-drifted", n = counts.drifted),
        ),
        (
            counts.covered,
            t!(lang, "count-covered", n = counts.covered),
        ),
        (counts.stuck, t!(lang, "count-stuck", n = counts.stuck)),
        (
            counts.refused,
            t!(lang, "count-refused", n = counts.refused),
        ),
        (counts.gone, t!(lang, "count-gone", n = counts.gone)),
        (counts.kept, t!(lang, "count-kept", n = counts.kept)),
        (
            counts.overtaken,
            t!(lang, "count-overtaken", n = counts.overtaken),
        ),
    ];
    let some: Vec<String> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(_, text)| text)
        .collect();
    if some.is_empty() {
        return String::new();
    }
    t!(lang, "counts-line", counts = some.join(" · "))
}
