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
    let listed = list::list(&look.own.reads, &query, |mode| found(&mode)).await;
    let lines = match listed {
        Ok(listed) => lines(look.lang, listed.items),
        Err(error) => vec![look.unseen("emergencymodes", &error)],
    };
    Part {
        name: "modes",
        lines,
    }
}

/// A mode of which something is to be said, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// Its review is overdue.
    Overdue(String),
    /// Its status cannot be read: a later version has written it, or somebody by hand.
    Unread(String),
}

/// What is to be said of a mode. One of which the operator has said nothing was never set in force.
fn found(mode: &Value) -> Option<Found> {
    let status = Some(&mode["status"]).filter(|status| !status.is_null())?;
    let name = mode["metadata"]["name"].as_str()?.to_owned();
    match EmergencyModeStatus::deserialize(status) {
        Ok(status) => decide::is_review_overdue(&status).then_some(Found::Overdue(name)),
        Err(_) => Some(Found::Unread(name)),
    }
}

/// What is said of all of them: of none that it is well, where it is not known of some.
fn lines(lang: Lang, all: Vec<Found>) -> Vec<Line> {
    let (mut overdue, mut unread) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Found::Overdue(name) => overdue.push(name),
            Found::Unread(name) => unread.push(name),
        }
    }
    if unread.is_empty() {
        return vec![reviews(lang, &overdue)];
    }
    let known = Some(&overdue).filter(|overdue| !overdue.is_empty());
    let mut lines: Vec<Line> = known
        .map(|overdue| reviews(lang, overdue))
        .into_iter()
        .collect();
    let names = unread.join(", ");
    lines.push(Line::look(
        t!(lang, "check-reviews-unread", names = names),
        t!(lang, "check-reviews-unread-next"),
    ));
    lines
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
    use serde_json::json;

    use super::*;
    use crate::cli::check::Mark;
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
        let all: Vec<Found> = all.iter().filter_map(found).collect();
        assert_eq!(all, [Found::Overdue("flood-2026-07".to_owned())]);
        let found = ["flood-2026-07".to_owned()];
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

    /// Whoever asks whether a review was missed must not be told that all is well where that is not known: a
    /// later version may have written what this one cannot read.
    #[test]
    fn a_status_that_cannot_be_read_is_not_well() {
        let mode =
            |name: &str, status: Value| json!({ "metadata": { "name": name }, "status": status });
        let late = serde_json::to_value(samples::without_quorum(decide::OVERDUE)).expect("JSON");
        let conditions = json!({ "conditions": { "Approved": "in another form" } });
        let all = [
            mode("fresh", Value::Null),
            json!({ "metadata": { "name": "fresher" } }),
            mode("later", conditions),
            late,
        ];
        let marks = |all: &[Value]| -> Vec<(Mark, bool)> {
            let all = all.iter().filter_map(found).collect();
            let lines = lines(Lang::En, all).into_iter();
            let lines = lines.map(|line| (line.mark, line.text.contains("later")));
            lines.collect()
        };
        assert_eq!(marks(&all[..2]), [(Mark::Good, false)]);
        assert_eq!(marks(&all[..3]), [(Mark::Look, true)]);
        assert_eq!(marks(&all), [(Mark::Look, false), (Mark::Look, true)]);
    }
}
