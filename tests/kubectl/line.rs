//! One call of kubectl: what was typed, and what it said without what differs from run to run.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::support;

/// Somebody with a kubeconfig, and caches of their own.
pub struct Shell {
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

/// What a call said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub code: i32,
    pub text: String,
}

impl Shell {
    pub fn of(kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: kubeconfig.to_path_buf(),
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A call that is to be run: its input and output are the caller's matter.
    pub fn command(&self, line: &str) -> Command {
        let mut command = support::kubectl_with(&self.kubeconfig);
        command
            .args(words(line))
            .env("HOME", self.home.path())
            .env("KUBE_EDITOR", "sed -i 's/a: \"1\"/a: edited/'")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        command
    }

    /// Types a line, and what it reads; both outputs, one after the other.
    pub fn types(&self, line: &str, input: &str) -> Said {
        let mut child = self
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A call that reads nothing may have ended before all was written.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            code: output.status.code().expect("it ends by itself"),
            text: text(&output.stdout) + &text(&output.stderr),
        }
    }
}

/// The words of a line, as a shell splits it: between single quotes everything is one word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut has_word) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                has_word = true;
            }
            ' ' if !quoted => {
                if std::mem::take(&mut has_word) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                has_word = true;
            }
        }
    }
    if has_word {
        words.push(word);
    }
    words
}

/// What differs from run to run and from server to server, and what stands for it.
static VARIES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let all = [
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( \+0000)?( UTC)?Z?",
            "TIME",
        ),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r#"(resourceVersion"?: )"\d+""#, "${1}VERSION"),
        (r"(Resource Version: +)\d+", "${1}VERSION"),
        (r"\b10\.96\.\d+\.\d+\b", "ADDRESS"),
        (r"\b80:3\d{4}/TCP", "80:PORT/TCP"),
        (r"(nodePort: |NodePort: +<unset> +)3\d{4}", "${1}PORT"),
        (r"\b\d+(s|m|m\d+s|h|h\d+m|d|d\d+h)\b", "AGE"),
        (
            r"(Expected resource version to be 1, was )\d+",
            "${1}VERSION",
        ),
        (r"https://127\.0\.0\.1:\d+", "URL"),
        (r"/tmp/(LIVE|MERGED)-\d+", "/tmp/$1"),
        (r"\+sandtable", ""),
        // Columns are as wide as what stands in them.
        (r" {2,}|\t+", " "),
        (r" +\n", "\n"),
    ];
    let read =
        |(pattern, stands): (&str, &'static str)| (Regex::new(pattern).expect("a pattern"), stands);
    all.into_iter().map(read).collect()
});

/// What nobody asked for: what kubectl says of itself (a date and a place in its source), and events that
/// the real server makes when it looks after the addresses of Services.
const ASIDE: [&str; 3] = [".go:", "ClusterIPNotAllocated", "event.events.k8s.io/web."];

/// What was said without what differs from run to run.
pub fn steady(text: &str) -> String {
    let own = |line: &&str| !ASIDE.iter().any(|aside| line.contains(aside));
    let mut steady: String = text
        .lines()
        .filter(own)
        .flat_map(|line| [line, "\n"])
        .collect();
    for (pattern, stands) in VARIES.iter() {
        steady = pattern.replace_all(&steady, *stands).into_owned();
    }
    steady
}

/// A pattern that takes too much makes everything the same.
#[test]
fn only_what_varies_is_left_out() {
    let text =
        "web   0/2     6   75s   w:1\nresourceVersion: \"12\"\n80:31234/TCP 2026-11-28T12:55:35Z\n";
    let steady = steady(text);
    assert_eq!(
        steady,
        "web 0/2 6 AGE w:1\nresourceVersion: VERSION\n80:PORT/TCP TIME\n"
    );
    assert_eq!(
        words("get x -o 'json path={.a b}' -p '{\"a\": 1}'"),
        ["get", "x", "-o", "json path={.a b}", "-p", "{\"a\": 1}"]
    );
}
