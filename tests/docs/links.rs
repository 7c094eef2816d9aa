//! Links inside the repository lead to files and headings that are there.

use std::collections::BTreeSet;
use std::path::Path;

use super::pages;
use crate::support::repository;

/// Links of a text outside of fenced blocks and code: what stands in `](…)`, and pictures in `src="…"`.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (mark, end) in [("](", ')'), ("src=\"", '"')] {
            let parts = prose.split(mark).skip(1);
            found.extend(parts.filter_map(|part| Some(part.split_once(end)?.0.to_owned())));
        }
    }
    found
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        found.insert(kept.collect());
    }
    found
}

/// Why a link leads nowhere.
fn wrong(page: &str, text: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = repository().join(page);
    let folder = folder.parent().unwrap_or(repository());
    let target = folder.join(file);
    if !file.is_empty() && !target.exists() {
        return Some(format!("{page}: {link} is not there"));
    }
    let there = if file.is_empty() {
        text.to_owned()
    } else {
        std::fs::read_to_string(&target).unwrap_or_default()
    };
    let is_page = file.is_empty() || Path::new(file).extension().is_some_and(|end| end == "md");
    let missing = !anchor.is_empty() && is_page && !anchors(&there).contains(anchor);
    missing.then(|| format!("{page}: {link} names no heading"))
}

/// Somebody who looks for help at night must not end at a page that is not there.
#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut broken = Vec::new();
    for (page, text) in pages() {
        let links = links(&text);
        count += links.len();
        broken.extend(links.iter().filter_map(|link| wrong(&page, &text, link)));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 100, "{count} links");
}

/// A test that cannot see a broken link holds nothing.
#[test]
fn a_link_to_nothing_is_noticed() {
    let text = "# A heading, *quoted*\n[a](#a-heading-quoted) [b](nowhere.md) `[c](x.md)` [d](docs/glossary.md#no)";
    let found = links(text);
    assert_eq!(
        found,
        ["#a-heading-quoted", "nowhere.md", "docs/glossary.md#no"]
    );
    let wrong: Vec<String> = found
        .iter()
        .filter_map(|link| wrong("README.md", text, link))
        .collect();
    assert_eq!(
        wrong,
        [
            "README.md: nowhere.md is not there",
            "README.md: docs/glossary.md#no names no heading"
        ]
    );
}
