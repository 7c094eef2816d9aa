//! Playbooks and steps that stand on pages: people begin with them.

use pingzhan::engine::decide::ALARMS;
use pingzhan::playbook::parse::{self, Parsed};

use super::page::blocks;
use super::pages;

/// A playbook around steps that stand alone, with what they may refer to.
fn around(steps: &str) -> String {
    let steps: Vec<String> = steps
        .lines()
        .map(|line| format!("        {line}"))
        .collect();
    let steps = steps.join("\n");
    format!(
        "apiVersion: pingzhan.dev/v1alpha1\nkind: Playbook\nmetadata: {{ name: example }}\nspec:\n  \
         title: {{ en: Example }}\n  hazard: Flood\n  owner: harbour\n  serviceAccountName: example\n  \
         parameters: [{{ name: surge, type: Integer, default: 300, minimum: 100, maximum: 1000 }}]\n  \
         authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}\n  stages:\n    \
         - name: example\n      steps:\n        - name: scale-critical\n          \
         targets: {{ kinds: [Deployment], namespaces: {{ names: [one] }} }}\n          \
         scale: {{ percent: \"${{parameters.surge}}\", maximum: 40 }}\n{steps}"
    )
}

fn said(parsed: &Parsed, text: &str, page: &str) -> String {
    let each = parsed.diagnostics.iter();
    let each: Vec<String> = each.map(|found| parse::render(found, text, page)).collect();
    each.join("\n")
}

/// An example that lint refuses teaches the wrong thing.
#[test]
fn playbooks_and_steps_on_pages_pass_lint() {
    let mut steps = 0;
    for (page, text) in pages() {
        // The reference is generated from a table whose examples have a test of their own.
        if page.starts_with("docs/reference/") {
            continue;
        }
        for block in blocks(&text).iter().filter(|block| block.kind == "yaml") {
            let yaml = block.lines.join("\n");
            let yaml = if yaml.contains("kind: Playbook") {
                yaml
            } else if yaml.starts_with("- name: ") {
                steps += 1;
                around(&yaml)
            } else {
                continue;
            };
            let parsed = parse::check(&yaml, |_| None);
            let place = format!("{page}:{}", block.line);
            assert!(!parsed.refused(), "{}", said(&parsed, &yaml, &place));
        }
    }
    assert!(steps >= 10, "{steps} steps");
}

/// Whoever is woken by a word looks it up: each reason of an alarm has its row.
#[test]
fn every_alarm_has_its_row_on_the_page_of_signals() {
    let (_, page) = pages()
        .into_iter()
        .find(|(path, _)| path == "docs/guides/signals.md")
        .expect("the page is there");
    for reason in ALARMS {
        let row = format!("\n| `{reason}` | ");
        assert_eq!(page.matches(&row).count(), 1, "{reason}");
    }
}
