//! What people see on a terminal of 80 columns, from a real control plane, in both languages.

use std::fmt::Write as _;
use std::path::Path;

use super::town::{Town, expect, seen};

/// What differs between two runs; `#` is a digit, `%` a hexadecimal one, both become 0.
const BLOTTED: [&str; 6] = [
    "####-##-##",
    "##:##:##",
    "%%%%%%%%-%%%%-%%%%-%%%%-%%%%%%%%%%%%",
    "sha256:%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%",
    "sha256:%%%%%%%%%%%%",
    "pingzhan/flood/%%%%%%%%",
];
/// How long something took, where a page says it.
const TOOK: [&str; 4] = ["Switch took", "Return took", "切换用时", "恢复用时"];

/// A page without what differs between two runs; every line is as wide as it was.
fn blotted(page: &str) -> String {
    let mut text: Vec<char> = page.chars().collect();
    for pattern in BLOTTED {
        let pattern: Vec<char> = pattern.chars().collect();
        let stands = |at: char, wanted: char| match wanted {
            '#' => at.is_ascii_digit(),
            '%' => at.is_ascii_hexdigit(),
            other => at == other,
        };
        for start in 0..text.len().saturating_sub(pattern.len() - 1) {
            let window = &mut text[start..start + pattern.len()];
            if window
                .iter()
                .zip(&pattern)
                .all(|(at, wanted)| stands(*at, *wanted))
            {
                for (at, wanted) in window.iter_mut().zip(&pattern) {
                    if matches!(wanted, '#' | '%') {
                        *at = '0';
                    }
                }
            }
        }
    }
    let text: String = text.into_iter().collect();
    let line = |line: &str| match TOOK.iter().find(|label| line.starts_with(**label)) {
        Some(label) => format!("{label}  0s"),
        None => line.trim_end().to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The pages of both languages.
#[derive(Default)]
struct Album {
    en: String,
    zh_cn: String,
}

impl Album {
    fn take(&mut self, kubeconfig: &Path, line: &str) {
        for (lang, pages) in [("en", &mut self.en), ("zh-CN", &mut self.zh_cn)] {
            let page = blotted(&seen(kubeconfig, lang, line));
            let _ = writeln!(pages, "$ pingzhan {line}\n{}\n", page.trim_end());
        }
    }
}

/// Everything that a person reads is looked at by people before it changes: broken columns and
/// half-translated lines are found here.
#[tokio::test]
async fn pages_read_well_on_a_terminal_of_80_columns_in_both_languages() {
    let mut town = Town::called("riverside").await;
    let mut album = Album::default();
    album.take(&town.duty, "status");
    album.take(&town.duty, "plan town --level II");
    town.start();
    expect(
        &town.duty,
        "declare flood --playbook town --level II --reason 汛情 --yes",
        0,
    );
    // What it would meet is looked at first, and then people are asked.
    town.wait("em/flood", "jsonpath={.status.plan.findings.at}");
    album.take(&town.duty, "status flood");
    expect(&town.lin, "approve flood --yes", 0);
    expect(
        &town.he,
        "approve flood --yes --wait-for Active --timeout 90s",
        0,
    );
    album.take(&town.duty, "status");
    album.take(&town.duty, "status flood");
    album.take(&town.duty, "status flood --targets");
    album.take(&town.plane.kubeconfig, "who deploy/hotline -n riverside");
    album.take(&town.duty, "who deploy/hotline -n riverside");
    town.plane.kubectl(&[
        "-n",
        "riverside",
        "scale",
        "deployment/hotline",
        "--replicas=7",
    ]);
    town.wait("em/flood", "condition=Drifted");
    album.take(&town.duty, "status flood");
    expect(&town.lin, "verdict flood ours --all", 0);
    expect(&town.duty, "stand-down flood --wait --timeout 90s", 0);
    album.take(&town.duty, "status flood");
    insta::assert_snapshot!("pages_en", album.en);
    insta::assert_snapshot!("pages_zh_cn", album.zh_cn);
}
