//! What the threat model says is shipped is what is shipped.

use std::collections::BTreeSet;

use pingzhan::policies::{self, Names};

use crate::support::repository;

/// The page, and the head of its table of policies.
const PAGE: &str = "docs/security/threat-model.md";
const HEAD: &str = "| Policy | Keeps |";

/// Who reads what stops whom has to read of every policy, and of none that is not there.
#[test]
fn the_threat_model_names_every_policy_and_no_other() {
    let page = std::fs::read_to_string(repository().join(PAGE)).expect("a page");
    let (_, table) = page.split_once(HEAD).expect("a table of policies");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut named = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, policy, keeps, _] = cells[..] else {
            panic!("{PAGE}: {row}: a policy, and what it keeps");
        };
        assert!(!keeps.is_empty(), "{row}");
        let policy = policy.trim_matches('`').to_owned();
        assert!(named.insert(policy), "{row}: it is there twice");
    }
    let all = policies::all(&Names::default());
    let shipped: BTreeSet<String> = all.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(named, shipped);
}
