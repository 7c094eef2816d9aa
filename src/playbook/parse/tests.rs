//! Tests of reading, judging and rendering.

use std::fmt::Write as _;

use super::*;

fn codes_of(text: &str) -> Vec<&'static str> {
    let parsed = check(text, |_| None);
    let found = parsed.diagnostics.iter();
    found.map(|diagnostic| diagnostic.finding.code).collect()
}

const BOOK: &str = r"apiVersion: pingzhan.dev/v1alpha1
kind: Playbook
metadata: { name: flood }
spec:
  title: { en: Flood, zh-CN: 洪水 }
  hazard: Flood
  owner: 应急管理局
  serviceAccountName: flood
  authority: { requesterGroups: [duty], approverGroups: [chiefs] }
  stages:
    - name: surge
      steps:
        - name: more
          targets: { kinds: [Deployment], names: [web] }
          scale: { replicas: 3 }
";

/// People fix what they are pointed at: the line and column must be those of the mistake.
#[test]
fn a_finding_points_at_line_and_column() {
    let text = BOOK.replace("{ replicas: 3 }", "{ replicas: 3, percent: 200 }");
    let parsed = check(&text, |_| None);
    assert_eq!(parsed.documents.len(), 1);
    let first = &parsed.diagnostics[0];
    assert_eq!(first.finding.code, "PZ0502");
    assert_eq!((first.position.line, first.position.column), (15, 11));
    insta::assert_snapshot!(render(first, &text, "flood.yaml"), @r"
    flood.yaml:15:11: error[PZ0502]: `replicas` is a fixed count and stands alone
       |
    15 |           scale: { replicas: 3, percent: 200 }
       |           ^^^^^
       = help: give either `replicas`, or `percent`, `minimum` and `maximum`
    ");
    assert_eq!(to_json(first, "flood.yaml")["line"], 15);
}

/// A clean playbook gives nothing to read.
#[test]
fn a_clean_playbook_has_no_findings() {
    assert_eq!(codes_of(BOOK), Vec::<&str>::new());
}

/// A mode is judged by the playbook beside it, so one file can hold both.
#[test]
fn a_mode_is_judged_by_the_playbook_beside_it() {
    let mode = "---\napiVersion: pingzhan.dev/v1alpha1\nkind: EmergencyMode\nmetadata: { name: m }\nspec: { playbookRef: { name: flood }, level: II, reason: rain, requestedBy: zhou, requestedAs: duty, expiresAfter: 80h }\n";
    assert_eq!(codes_of(&format!("{BOOK}{mode}")), ["PZ0801"]);
    assert_eq!(codes_of(mode), Vec::<&str>::new());
}

/// One bad document must not hide what is wrong, or right, with the others.
#[test]
fn other_documents_are_read_when_one_is_bad() {
    let text = format!("apiVersion: v1\nkind: Secret\n---\n{BOOK}");
    let parsed = check(&text, |_| None);
    assert_eq!(parsed.documents.len(), 1);
    assert_eq!(parsed.diagnostics[0].finding.code, "PZ0104");
}

/// A bomb is text that is small on disk and huge in memory.
#[test]
fn bombs_are_refused_quickly() {
    let mut laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (next, last) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let nine = vec![format!("*{last}"); 9].join(", ");
        let _ = writeln!(laughs, "{next}: &{next} [{nine}]");
    }
    let long = "x".repeat(900_000);
    let bombs = [
        laughs,
        "[".repeat(500_000),
        "{a: ".repeat(200_000),
        "- ".repeat(400_000),
        "a,".repeat(400_000).replacen("a,", "[a,", 1),
        "x".repeat(LONGEST + 1),
        format!("{}: 1\n", "k".repeat(700)),
        format!("? {}\n: 1\n", "k".repeat(2_000)),
        format!("a: &a {long}\nb: [{}]\n", "*a,".repeat(30_000)),
        format!("{{{}}}", "a: a, ".repeat(100_000)),
    ];
    for (index, bomb) in bombs.iter().enumerate() {
        let found = codes_of(bomb);
        // The reader of YAML has bounds of its own, for keys and indentation, and says so.
        let end = found
            .iter()
            .filter(|code| matches!(**code, "PZ0101" | "PZ0103"));
        assert_eq!(
            end.count(),
            1,
            "bomb {index}: {:?}",
            &found[..found.len().min(3)]
        );
        assert!(found.len() <= 101, "bomb {index}");
    }
}

/// A playbook from a stranger must not drive the terminal of whoever lints it.
#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = BOOK.replace(
        "hazard: Flood",
        "hazard: \"Flood\"\n  \"\u{202e}evil\\e[2J\": 1",
    );
    let parsed = check(&text, |_| None);
    let shown = render(&parsed.diagnostics[0], &text, "a\u{1b}.yaml");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
}
