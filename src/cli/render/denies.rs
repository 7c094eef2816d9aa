//! What a mode refuses: one line.

use crate::api::EmergencyModeStatus;
use crate::i18n::Lang;
use crate::t;

/// Which new objects are refused, and by which steps; nothing where none are.
pub fn denies(lang: Lang, status: &EmergencyModeStatus) -> Option<String> {
    let rules = status.denies.iter().map(|rule| {
        let kinds = rule.kinds.iter();
        let kinds: Vec<&str> = kinds
            .map(|kind| kind.rsplit('/').next().unwrap_or(kind))
            .collect();
        t!(
            lang,
            "value-denies",
            kinds = kinds.join(", "),
            stage = rule.stage.clone(),
            step = rule.step.clone()
        )
    });
    let rules: Vec<String> = rules.collect();
    (!rules.is_empty()).then(|| rules.join("; "))
}
