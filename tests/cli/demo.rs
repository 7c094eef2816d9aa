//! The demo, as newcomers run it.

use std::process::{Command, Output};

use unicode_width::UnicodeWidthStr;

fn demo(lang: &str, more: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
    command
        .current_dir(&folder)
        .env_clear()
        .env("HOME", folder.path());
    command.args(["demo", "--speed", "0", "--lang", lang]);
    let output = command.args(more).output().expect("it runs");
    let left = std::fs::read_dir(&folder).expect("the folder is there");
    assert_eq!(left.count(), 0, "it leaves nothing behind");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// The first thing that a newcomer sees has to be whole: nothing around it, every act, and the last line
/// worked out from whole objects.
#[test]
fn the_demo_tells_the_whole_story_the_same_each_time() {
    for (lang, acts) in [
        ("en", "[10/10] Is everything"),
        ("zh-CN", "[10/10] 一切如初"),
    ] {
        let (output, text) = demo(lang, &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        assert!(text.contains(acts), "{text}");
        let last = text.lines().last().unwrap_or_default();
        let numbers: Vec<usize> = last
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [same, fields] = numbers[..] else {
            panic!("{last}");
        };
        assert!(same == fields && fields > 10_000, "{last}");
        assert!(last.ends_with("fields, ownership included"), "{last}");
        for line in text.lines() {
            assert!(line.width() <= 80, "{} columns: {line}", line.width());
        }
        assert_eq!(demo(lang, &[]).1, text, "another story");
    }
}

/// Whoever brings a playbook that is none learns what is wrong with it, and nothing is played.
#[test]
fn a_playbook_that_is_none_is_refused() {
    let (output, text) = demo("en", &["--playbook", "/dev/null"]);
    assert!(!output.status.success(), "{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("/dev/null"), "{errors}");
}
