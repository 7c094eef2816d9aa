//! What differs between what was recorded and what a server answers.

use serde_json::Value;

use super::table::Answer;

/// Most differences that are said of one case: the first ones explain the others.
const MOST: usize = 20;

/// What differs, a sentence each; nothing where the answers are the same.
pub fn differences(recorded: &[Answer], played: &[Answer]) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.len() != played.len() {
        let (recorded, played) = (recorded.len(), played.len());
        found.push(format!("{recorded} answers are recorded, {played} came"));
    }
    for (index, (recorded, played)) in recorded.iter().zip(played).enumerate() {
        let at = format!("step {}", index + 1);
        if recorded.status != played.status {
            let (recorded, played) = (recorded.status, played.status);
            found.push(format!(
                "{at}: status {recorded} is recorded, {played} came"
            ));
        }
        if recorded.headers != played.headers {
            let (recorded, played) = (&recorded.headers, &played.headers);
            found.push(format!(
                "{at}: headers {recorded:?} are recorded, {played:?} came"
            ));
        }
        values(&at, Some(&recorded.body), Some(&played.body), &mut found);
    }
    found.truncate(MOST);
    found
}

fn values(at: &str, recorded: Option<&Value>, played: Option<&Value>, found: &mut Vec<String>) {
    match (recorded, played) {
        (Some(Value::Object(recorded)), Some(Value::Object(played))) => {
            let mut names: Vec<&String> = recorded.keys().chain(played.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let at = format!("{at}/{name}");
                values(&at, recorded.get(name), played.get(name), found);
            }
        }
        (Some(Value::Array(recorded)), Some(Value::Array(played))) => {
            for index in 0..recorded.len().max(played.len()) {
                let at = format!("{at}/{index}");
                values(&at, recorded.get(index), played.get(index), found);
            }
        }
        (recorded, played) if recorded != played => {
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            let (recorded, played) = (text(recorded), text(played));
            found.push(format!("{at}: {recorded} is recorded, {played} came"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer {
            status,
            headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
            body,
        }
    }

    /// A table that cannot fail holds nothing.
    #[test]
    fn every_part_of_an_answer_is_compared() {
        let recorded = [answer(200, json!({ "a": [1, { "b": null }], "c": "x" }))];
        assert_eq!(differences(&recorded, &recorded), [""; 0]);
        let broken = [
            (answer(201, recorded[0].body.clone()), "step 1: status 200"),
            (
                answer(200, json!({ "a": [1, {}], "c": "x" })),
                "step 1/a/1/b: null is recorded, nothing",
            ),
            (answer(200, json!({ "a": [1], "c": "x" })), "step 1/a/1: "),
            (
                answer(200, json!({ "a": [1, { "b": null }, 2], "c": "x" })),
                "step 1/a/2: nothing",
            ),
            (
                answer(200, json!({ "a": [1, { "b": null }], "c": 7 })),
                "step 1/c: \"x\"",
            ),
            (
                answer(200, json!({ "a": [1, { "b": null }], "c": "x", "d": 0 })),
                "step 1/d: nothing",
            ),
            (answer(200, json!([])), "step 1: {"),
        ];
        for (played, said) in broken {
            let found = differences(&recorded, &[played]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(said), "{found:?}");
        }
        let mut other = recorded.clone();
        other[0].headers.clear();
        assert_eq!(differences(&recorded, &other).len(), 1);
        assert_eq!(
            differences(&recorded, &[]),
            ["1 answers are recorded, 0 came"]
        );
    }
}
