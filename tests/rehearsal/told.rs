//! What people read of a rehearsal, as they run it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::support;

/// What a call said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn city() -> PathBuf {
    support::repository().join("src/cli/demo/yunxi.json.gz")
}

fn flood() -> PathBuf {
    support::repository().join("playbooks/flood-response/playbook.yaml")
}

fn rehearse(lang: &str, snapshot: &Path, playbook: &Path, more: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
    command.env_clear().args(["rehearse", "--lang", lang]);
    command.arg("--snapshot").arg(snapshot);
    command.arg("--playbook").arg(playbook).args(more);
    let output = command.output().expect("it runs");
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The flood's playbook without the stage that freezes and suspends GitOps, and with a title that is no page.
fn bare(folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(flood()).expect("the playbook is there");
    let (begin, end) = ("    # Nobody changes by hand", "    # Room first.");
    let from = text.find(begin).expect("the stage begins");
    let to = text.find(end).expect("the stage ends");
    let text = format!("{}{}", &text[..from], &text[to..]);
    let text = text.replace("      dependsOn: [protect]\n", "");
    let text = text.replace(
        "en: Urban flood response",
        "en: \"<script>alert('flood')</script>\"",
    );
    let path = folder.join("bare.yaml");
    std::fs::write(&path, text).expect("it is written");
    path
}

/// A report is read at night, over a slow line, in 80 columns: nothing of it may be cut off, and its
/// first lines have to say whether anything is to be mended.
#[test]
fn a_report_reads_well_in_both_languages() {
    for (lang, good, unknown) in [
        (
            "en",
            "GOOD: there and back",
            "What this rehearsal cannot know",
        ),
        ("zh-CN", "合格：", "推演无法得知的事"),
    ] {
        let said = rehearse(lang, &city(), &flood(), &["--level", "II"]);
        assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
        assert_eq!(said.err, "", "nothing beside the report");
        let second = said.out.lines().nth(1).unwrap_or_default();
        assert!(second.starts_with(good), "{second}");
        assert!(said.out.contains(unknown), "{}", said.out);
        for line in said.out.lines() {
            assert!(line.width() <= 80, "{} columns: {line}", line.width());
        }
    }
}

/// A page is opened where nothing else is at hand, and printed: it must load nothing, and a title must
/// not become a part of it.
#[test]
fn a_page_holds_everything_and_loads_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let html = page.to_string_lossy().into_owned();
    let more = [
        "--level",
        "II",
        "--fault",
        "gitops-reverts",
        "--fault",
        "hand-edit",
    ];
    let more = [&more[..], &["--html", &html, "--output", "json"]].concat();
    let said = rehearse("en", &city(), &bare(folder.path()), &more);
    let report: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let good = report["verdict"]["good"] == true;
    assert_eq!(said.code, Some(i32::from(!good)), "{}", said.err);
    let page = std::fs::read_to_string(page).expect("the page is written");
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for loads in [
        "http:", "https:", "<script", "<link", "<img", "url(", "@import",
    ] {
        assert!(!foreign.contains(loads), "{loads} in {page}");
    }
    assert!(
        page.contains("&lt;script&gt;alert(&#39;flood&#39;)"),
        "{page}"
    );
    for told in [
        "<svg",
        "class=\"fault\"",
        "argocd-controller",
        "kubectl-edit",
        "@media print",
    ] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
    let fights = report["fights"].as_array().expect("a list");
    for fight in fights {
        let object = fight["object"].as_str().expect("a text");
        assert!(page.contains(object), "{object} is not in the page");
    }
}

/// Who looks for the weak spot of a plan looks at all levels and faults at once.
#[test]
fn a_sweep_is_a_matrix() {
    let more = ["--levels", "II,IV", "--faults", "api-429,operator-death"];
    let said = rehearse("en", &city(), &flood(), &more);
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    let rows = said.out.lines().map(str::trim_start);
    let rows: Vec<&str> = rows
        .filter(|row| row.matches("good, ").count() == 2)
        .collect();
    let first: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.split("  ").next())
        .collect();
    assert_eq!(
        first,
        ["no fault", "api-429", "operator-death"],
        "{}",
        said.out
    );
    assert_eq!(said.err.lines().count(), 6, "one line each: {}", said.err);

    let said = rehearse(
        "en",
        &city(),
        &flood(),
        &[&more[..], &["--output", "json"]].concat(),
    );
    let all: Value = serde_json::from_str(&said.out).expect("one JSON document");
    assert_eq!(all["rehearsals"].as_array().map(Vec::len), Some(6));
}

/// What cannot be rehearsed is said with what to do about it, and nothing is written.
#[test]
fn what_cannot_be_rehearsed_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path
    };
    let (nothing, text) = (
        folder.path().join("none.gz"),
        file("text.gz", "no snapshot"),
    );
    let wrong = file(
        "wrong.yaml",
        "apiVersion: pingzhan.dev/v1alpha1\nkind: Playbook\nmetadata: {name: x}\nspec: {}\n",
    );
    let level = ["--level", "II"];
    let (city, flood) = (city(), flood());
    let cases: [(&Path, &Path, &[&str], &str); 7] = [
        (&nothing, &flood, &level, "none.gz"),
        (
            &text,
            &flood,
            &level,
            "take it anew with `pingzhan snapshot`",
        ),
        (
            &city,
            Path::new("no-such-playbook"),
            &level,
            "no-such-playbook",
        ),
        (&city, &wrong, &level, "wrong.yaml"),
        (
            &city,
            &flood,
            &["--level", "II", "--fault", "flood"],
            "node-loss",
        ),
        (
            &city,
            &flood,
            &["--levels", "II,V"],
            "`V` is not a response level",
        ),
        (
            &city,
            &flood,
            &["--level", "II", "--set", "surge=5000"],
            "surge",
        ),
    ];
    for (snapshot, playbook, more, why) in cases {
        let said = rehearse("en", snapshot, playbook, more);
        assert_eq!(said.code, Some(2), "{more:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(why), "{why} is not in {}", said.err);
        assert_eq!(said.out, "");
    }
}
