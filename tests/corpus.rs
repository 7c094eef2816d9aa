//! Malformed playbooks and modes, as people write them: every message is a snapshot, and nothing
//! panics.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pingzhan::api::{Level, PlaybookSpec, Scalar};
use pingzhan::playbook::expand;
use pingzhan::playbook::lint::CODES;
use pingzhan::playbook::parse::{Body, Parsed, check, render, to_json};
use proptest::prelude::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The malformed texts, by name.
fn corpus() -> BTreeMap<String, String> {
    let folder = root().join("tests/corpus");
    let files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn read(text: &str) -> Parsed {
    check(text, |_| None)
}

/// What people read is what they act on: no message changes without somebody seeing it.
#[test]
fn every_malformed_text_gives_its_message() {
    let corpus = corpus();
    assert!(corpus.len() >= 40, "only {} texts", corpus.len());
    for (name, text) in corpus {
        let parsed = read(&text);
        assert!(!parsed.diagnostics.is_empty(), "{name} gives no finding");
        let file = format!("{name}.yaml");
        let rendered: Vec<String> = parsed
            .diagnostics
            .iter()
            .map(|diagnostic| render(diagnostic, &text, &file))
            .collect();
        insta::with_settings!({ snapshot_path => "corpus/snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, rendered.join("\n"));
        });
    }
}

/// Programs switch on these fields: each must be there, and true, for every finding.
#[test]
fn the_json_form_says_the_same_as_the_text() {
    for (name, text) in corpus() {
        let lines = text.lines().count().max(1);
        for diagnostic in read(&text).diagnostics {
            let json = to_json(&diagnostic, "x.yaml");
            assert!(CODES.iter().any(|code| json["code"] == code.code), "{name}");
            let line = json["line"].as_u64().unwrap();
            assert!(line >= 1, "{name}");
            assert!(usize::try_from(line).unwrap() <= lines + 1, "{name}");
            assert_eq!(json["severity"], diagnostic.finding.severity.as_str());
        }
    }
}

/// A code that nothing ever gives is a promise in the reference that nobody tests.
#[test]
fn every_code_is_shown_by_the_corpus() {
    let texts = corpus();
    let mut shown: Vec<&str> = texts
        .values()
        .flat_map(|text| read(text).diagnostics)
        .map(|diagnostic| diagnostic.finding.code)
        .collect();
    shown.sort_unstable();
    shown.dedup();
    let missing: Vec<&str> = CODES
        .iter()
        .map(|code| code.code)
        .filter(|code| !shown.contains(code))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The malformed ones must never come as far as a plan.
#[test]
fn a_text_with_errors_never_expands() {
    for (name, text) in corpus() {
        let parsed = read(&text);
        for document in &parsed.documents {
            let Body::Playbook(spec) = &document.body else {
                continue;
            };
            let errors =
                pingzhan::playbook::lint::refused(&pingzhan::playbook::lint::playbook(spec));
            let expands = expand(spec, Level::I, &BTreeMap::new()).is_ok();
            assert!(!(errors && expands), "{name} has errors and expands");
        }
    }
}

fn skeleton() -> String {
    fs::read_to_string(root().join("playbooks/skeleton-surge/playbook.yaml")).unwrap()
}

fn spec(text: &str) -> PlaybookSpec {
    let parsed = read(text);
    match &parsed.documents[0].body {
        Body::Playbook(spec) => (**spec).clone(),
        Body::Mode(_) => panic!("not a playbook"),
    }
}

/// What we ship must be beyond reproach.
#[test]
fn the_shipped_playbook_lints_clean_and_expands_at_every_level() {
    let text = skeleton();
    let parsed = read(&text);
    let findings: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| render(diagnostic, &text, "playbook.yaml"))
        .collect();
    assert_eq!(findings, Vec::<String>::new());
    let spec = spec(&text);
    for level in Level::ALL {
        expand(&spec, level, &BTreeMap::new()).unwrap();
    }
}

/// A slip of the hand in an emergency must give a message, never a crash.
fn slip(text: &str, which: u8, at: usize, other: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut changed: Vec<&str> = lines.clone();
    let (at, other) = (at % lines.len(), other % lines.len());
    match which % 5 {
        0 => changed.truncate(at),
        1 => changed.swap(at, other),
        2 => changed.insert(other, lines[at]),
        3 => {
            changed.remove(at);
        }
        _ => {
            let letters: Vec<char> = text.chars().collect();
            let cut = at * letters.len() / lines.len();
            return letters[..cut].iter().collect();
        }
    }
    changed.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is lost, doubled or exchanged, reading, judging, showing and expanding only say so.
    #[test]
    fn slips_of_the_hand_never_panic(
        slips in proptest::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 1..4),
        example in any::<bool>(),
    ) {
        let whole = if example {
            include_str!("corpus/whole/flood.yaml").to_owned()
        } else {
            skeleton()
        };
        let mut text = whole;
        for (which, at, other) in slips {
            if text.is_empty() {
                break;
            }
            text = slip(&text, which, usize::from(at), usize::from(other));
        }
        let parsed = read(&text);
        for diagnostic in &parsed.diagnostics {
            prop_assert!(!render(diagnostic, &text, "x.yaml").is_empty());
        }
        for document in &parsed.documents {
            if let Body::Playbook(spec) = &document.body {
                let _ = expand(spec, Level::II, &BTreeMap::new());
            }
        }
    }

    /// The promise of lint: what it passes expands with every value that it allows.
    #[test]
    fn what_lints_clean_expands_with_every_allowed_parameter(
        surge in 100_i64..=1000,
        banner in "[^$]{0,20}",
        level in 0_usize..4,
    ) {
        let given = BTreeMap::from([
            ("surge".to_owned(), Scalar::Int(surge)),
            ("banner".to_owned(), Scalar::Text(banner)),
        ]);
        prop_assert!(expand(&spec(&skeleton()), Level::ALL[level], &given).is_ok());
    }

    /// Any text at all is answered.
    #[test]
    fn arbitrary_texts_never_panic(text in "(?s).{0,400}") {
        let parsed = read(&text);
        for diagnostic in &parsed.diagnostics {
            prop_assert!(!render(diagnostic, &text, "x.yaml").is_empty());
        }
    }
}

/// The contract's example uses every act: all of it is read, and none of it is an error.
#[test]
fn the_whole_language_is_read_without_errors() {
    let text = include_str!("corpus/whole/flood.yaml");
    let parsed = read(text);
    let rendered: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| render(diagnostic, text, "flood.yaml"))
        .collect();
    assert!(!parsed.refused(), "{}", rendered.join("\n"));
    insta::with_settings!({ snapshot_path => "corpus/snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("whole-flood", rendered.join("\n"));
    });
}
