//! The rules. Each takes a file and says what breaks it.

use super::source::{Source, functions, words};

/// Which modules of `src` a module may import: only downward. A new module needs a row.
const ALLOWED: [(&str, &str); 17] = [
    ("i18n", ""),
    ("cel", ""),
    ("api", ""),
    ("field", "api"),
    ("ledger", "api field"),
    ("playbook", "api field cel"),
    ("step", "api field playbook"),
    ("engine", "api field cel ledger playbook step"),
    ("policies", "api playbook engine"),
    ("cluster", "api field ledger playbook step engine policies"),
    (
        "run",
        "api field cel ledger playbook step engine policies cluster",
    ),
    (
        "recover",
        "api field ledger playbook step engine policies cluster run",
    ),
    (
        "panel",
        "i18n api field ledger playbook step engine policies cluster run",
    ),
    ("page", ""),
    ("sandtable", "api field cel policies"),
    (
        "rehearsal",
        "i18n api field ledger playbook step engine policies cluster run sandtable",
    ),
    (
        "cli",
        "i18n api field ledger playbook step engine policies cluster run recover panel page sandtable rehearsal",
    ),
];
/// A macro lives at the root of its crate wherever it is written: this one is `i18n`'s.
const MACROS: [(&str, &str); 1] = [("t", "i18n")];

/// Folders whose code is a function of its arguments.
const PURE: [&str; 8] = [
    "api", "cel", "field", "ledger", "playbook", "step", "engine", "policies",
];

/// Words that a pure folder does not know, and why.
const IMPURE: [(&str, &str); 14] = [
    ("async", "nothing is waited for"),
    ("await", "nothing is waited for"),
    ("tokio", "nothing is waited for"),
    ("Client", "no cluster is asked"),
    ("reqwest", "no server is asked"),
    ("Instant", "`now` is data"),
    ("SystemTime", "`now` is data"),
    ("now", "`now()` is data: take it as an argument"),
    ("env", "the environment is read by main and cli"),
    ("rand", "nothing is left to chance"),
    ("HashMap", "order must be the same in every run: BTreeMap"),
    ("HashSet", "order must be the same in every run: BTreeSet"),
    ("println", "only cli speaks"),
    ("fs", "files are read by cli"),
];

/// Longest file without its tests.
const FILE_LINES: usize = 400;
/// Longest body of a function, blank lines and comments left out.
const FUNCTION_LINES: usize = 60;

/// The module of `src` that a file belongs to. Programs are thin and call in from outside.
fn folder(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let own = match inside.split_once('/') {
        Some((folder, _)) => folder,
        None => inside.strip_suffix(".rs")?,
    };
    (!["bin", "lib", "main"].contains(&own)).then_some(own)
}

/// Imports only what the table allows.
pub fn imports(path: &str, source: &Source) -> Vec<String> {
    let Some(own) = folder(path) else {
        return Vec::new();
    };
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == own) else {
        return vec![format!(
            "src/{own} has no row in the table of allowed imports"
        )];
    };
    let mut broken = Vec::new();
    for used in used_folders(&source.own_code()) {
        let macros = MACROS.iter().find(|(name, _)| *name == used);
        let used = macros.map_or(used.as_str(), |(_, home)| home);
        if used != own && !allowed.split(' ').any(|name| name == used) {
            broken.push(format!("src/{own} must not import crate::{used}"));
        }
    }
    broken
}

/// The first segments of everything that is named from the root of the crate.
fn used_folders(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            used.extend(words(rest).next().map(|(_, word)| word.to_owned()));
            continue;
        };
        let mut depth = 0_usize;
        let mut at_start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                _ if at_start && c.is_alphanumeric() => {
                    used.extend(words(&group[at..]).next().map(|(_, word)| word.to_owned()));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    used
}

/// Knows nothing but its arguments.
pub fn pure(path: &str, source: &Source) -> Vec<String> {
    let Some(own) = folder(path).filter(|own| PURE.contains(own)) else {
        return Vec::new();
    };
    let code = source.own_code();
    let mut broken = Vec::new();
    for (at, word) in words(&code) {
        let Some((_, why)) = IMPURE.iter().find(|(banned, _)| *banned == word) else {
            continue;
        };
        if is_impure_use(word, &code[..at], &code[at + word.len()..]) {
            broken.push(format!("`{word}` in src/{own}, which is pure: {why}"));
        }
    }
    broken
}

/// Words that are also good names are impure only as a call, a path or a macro.
fn is_impure_use(word: &str, before: &str, after: &str) -> bool {
    match word {
        "now" => before.ends_with("::") && after.starts_with('('),
        "env" | "fs" => {
            before.ends_with("std::") || after.starts_with("::") || after.starts_with('!')
        }
        _ => true,
    }
}

/// Opens with what it is for.
pub fn opening(_: &str, source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec!["does not open with `//!`: what it is for, and its place in the flow".to_owned()]
}

/// Is short enough.
pub fn file_length(path: &str, source: &Source) -> Vec<String> {
    let is_test = |part: &str| matches!(part, "tests" | "tests.rs");
    let is_tests = path.split('/').any(is_test);
    if is_tests || source.before_tests <= FILE_LINES {
        return Vec::new();
    }
    let lines = source.before_tests;
    vec![format!(
        "{lines} lines without its tests, at most {FILE_LINES}: split it"
    )]
}

/// Has only functions that are short enough, or say why they are not.
pub fn function_length(_: &str, source: &Source) -> Vec<String> {
    let long = functions(&source.code)
        .into_iter()
        .filter(|function| function.lines > FUNCTION_LINES);
    long.map(|function| {
        format!(
            "fn {} has {} lines, at most {FUNCTION_LINES}: split it",
            function.name, function.lines
        )
    })
    .collect()
}

/// The operator's tasks begin as its own: one that did not would go on in a process that stands still.
/// A thread that only computes, whose work is a closure, is none.
pub fn spawned(path: &str, source: &Source) -> Vec<String> {
    if !["run", "cluster"]
        .iter()
        .any(|own| folder(path) == Some(own))
        || path.contains("/tests")
    {
        return Vec::new();
    }
    let code = source.own_code();
    let all = code.match_indices("spawn(");
    let others = all.filter(|(at, word)| {
        let what = code[at + word.len()..].trim_start();
        !what.starts_with("task::own(") && !what.starts_with("move ||")
    });
    let lines = others.map(|(at, _)| code[..at].lines().count());
    lines
        .map(|line| format!("line {line}: what is spawned is not `task::own`"))
        .collect()
}

/// Leaves nothing undone.
pub fn undone(_: &str, source: &Source) -> Vec<String> {
    let left = ["todo!(", "unimplemented!(", "#[ignore"];
    let found = left.iter().filter(|what| source.code.contains(**what));
    found.map(|what| format!("`{what}` is left")).collect()
}

/// Names no machine and no registry.
pub fn machines(text: &str) -> Vec<String> {
    // In two parts, or this file would break its own rule.
    let banned = [
        ("/wo", "rk/"),
        ("crates", ".io"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("npmjs", ".org"),
        ("proxy.golang", ".org"),
        ("deb.debian", ".org"),
        ("maven", ".org"),
    ];
    let banned = banned.map(|(one, other)| format!("{one}{other}"));
    let found = banned.iter().filter(|what| text.contains(what.as_str()));
    found.map(|what| format!("names {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks(rule: fn(&str, &Source) -> Vec<String>, path: &str, text: &str) -> bool {
        !rule(path, &Source::new(text)).is_empty()
    }

    /// A rule that no sample breaks guards nothing.
    #[test]
    fn an_import_upward_is_found_and_one_downward_is_not() {
        let path = "src/field/path.rs";
        assert!(breaks(imports, path, "use crate::engine::plan;"));
        assert!(breaks(
            imports,
            path,
            "use crate::{api::Level, run::{a, b}};"
        ));
        assert!(breaks(imports, path, "fn f() { crate::cluster::g() }"));
        assert!(breaks(imports, "src/new/mod.rs", ""));
        assert!(!breaks(
            imports,
            path,
            "use crate::{api::{Level, Term}, field::x}; // crate::run"
        ));
        assert!(!breaks(
            imports,
            "src/cli/run.rs",
            "use crate::run::operator;"
        ));
    }

    /// Each word of the table is banned, and good names that contain or equal one are not.
    #[test]
    fn each_impure_word_is_found() {
        let path = "src/engine/plan.rs";
        for text in [
            "async fn a() {}",
            "a.await",
            "use tokio::sync;",
            "use kube::Client;",
            "Instant::elapsed",
            "std::time::SystemTime",
            "jiff::Timestamp::now()",
            "std::env::var_os",
            "env!(\"A\")",
            "use rand::Rng;",
            "HashMap::new()",
            "HashSet::new()",
            "println!()",
            "use std::fs;",
        ] {
            assert!(breaks(pure, path, text), "{text}");
            assert!(!breaks(pure, "src/run/plan.rs", text), "{text}");
        }
        assert!(!breaks(
            pure,
            path,
            "fn f(now: Timestamp, client: u8) { g(now) } // Instant"
        ));
        assert!(!breaks(
            pure,
            path,
            "#[cfg(test)]\nmod tests {\n use std::fs;\n}"
        ));
    }

    /// Lengths at the border: the budget itself is allowed.
    #[test]
    fn a_file_or_function_over_its_budget_is_found() {
        let lines = |count: usize| "x;\n".repeat(count);
        assert!(!breaks(file_length, "src/a.rs", &lines(FILE_LINES)));
        assert!(breaks(file_length, "src/a.rs", &lines(FILE_LINES + 1)));
        let function = |count: usize| format!("fn f() {{\n{}}}", lines(count));
        assert!(!breaks(
            function_length,
            "src/a.rs",
            &function(FUNCTION_LINES)
        ));
        assert!(breaks(
            function_length,
            "src/a.rs",
            &function(FUNCTION_LINES + 1)
        ));
    }

    /// A task of nobody's is found, wherever it is spawned; one of the process, and a test's, is not.
    #[test]
    fn a_task_that_is_not_the_processs_own_is_found() {
        let foreign = "fn f() { tokio::spawn(g()); }";
        assert!(breaks(spawned, "src/run/a.rs", foreign));
        assert!(breaks(
            spawned,
            "src/cluster/a.rs",
            "fn f() { set.spawn(task); }"
        ));
        assert!(!breaks(
            spawned,
            "src/run/a.rs",
            "fn f() { tokio::spawn(task::own(g())); }"
        ));
        for path in ["src/run/a/tests.rs", "src/cli/a.rs", "tests/a.rs"] {
            assert!(!breaks(spawned, path, foreign), "{path}");
        }
    }

    /// Each thing that is left behind is found, and a text about it is not.
    #[test]
    fn what_is_left_behind_is_found() {
        assert!(breaks(opening, "src/a.rs", "use a;"));
        assert!(!breaks(opening, "src/a.rs", "//! A."));
        for text in [
            "fn a() { todo!() }",
            "unimplemented!(\"b\")",
            "#[ignore]",
            "#[ignore = \"c\"]",
        ] {
            assert!(breaks(undone, "src/a.rs", text), "{text}");
        }
        assert!(!breaks(undone, "src/a.rs", "// todo!()\nf(\"todo!()\")"));
        assert!(!machines(concat!("cd /wo", "rk/main")).is_empty());
        assert!(!machines(concat!("https://crates", ".io")).is_empty());
        assert!(machines("docs/guides/work.md").is_empty());
    }
}
