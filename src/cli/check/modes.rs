//! Modes: whether what was done in one of them without quorum still has to be reviewed, and the time
//! for that is over.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{EmergencyModeStatus, names};
use crate::cluster::Collection;
use crate::cluster::list::{self, Query};
use crate::engine::decide;
use crate::i18n::Lang;
use crate::t;

use super::{Line, Look, Part};

/// What is said of them, those that are over included.
pub(super) async fn part(look: &Look<'_>) -> Part {
    let query = Query {
        collection: Collection {
            api_version: format!("{}/{}", names::GROUP, names::VERSION),
            kind: "EmergencyMode".to_owned(),
            plural: "emergencymodes".to_owned(),
            namespace: String::new(),
        },
        ..Query::default()
    };
    let listed = list::list(&look.own.reads, &query, |mode| overdue(&mode)).await;
    let line = match listed {
        Ok(listed) => reviews(look.lang, &listed.items),
        Err(error) => look.unseen("emergencymodes", &error),
    };
    Part {
        name: "modes",
        lines: vec![line],
    }
}

/// The name of a mode whose review is overdue. One that cannot be read was never set in force.
fn overdue(mode: &Value) -> Option<String> {
    let status = EmergencyModeStatus::deserialize(&mode["status"]).ok()?;
    let name = mode["metadata"]["name"].as_str()?;
    decide::is_review_overdue(&status).then(|| name.to_owned())
}

fn reviews(lang: Lang, overdue: &[String]) -> Line {
    let Some(first) = overdue.first() else {
        return Line::good(t!(lang, "check-reviews-good"));
    };
    Line::look(
        t!(
            lang,
            "check-reviews-overdue",
            count = overdue.len(),
            names = overdue.join(", ")
        ),
        t!(lang, "check-reviews-next", name = first.clone()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    /// Which modes they are is what somebody has to know who can do something about it.
    #[test]
    fn overdue_reviews_are_counted_and_named_in_both_languages() {
        let all = [
            samples::pending(),
            samples::without_quorum(decide::BREAK_GLASS),
            samples::without_quorum("BreakGlassReviewed"),
            samples::without_quorum(decide::OVERDUE),
        ];
        let all = all.map(|mode| serde_json::to_value(mode).expect("JSON"));
        let found: Vec<String> = all.iter().filter_map(overdue).collect();
        assert_eq!(found, ["flood-2026-07"]);
        let two = [found[0].clone(), "heat".to_owned()];
        let all: [&[String]; 3] = [&[], &found, &two];
        let said = [Lang::En, Lang::ZhCn].map(|lang| {
            let lines = all.map(|overdue| {
                let Line { mark, text, next } = reviews(lang, overdue);
                let next = next.map(|next| format!(" → {next}"));
                format!("{} {text}{}", mark.sign(), next.unwrap_or_default())
            });
            lines.join("\n")
        });
        insta::assert_snapshot!(said.join("\n"));
    }
}
