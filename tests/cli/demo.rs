//! The demo, as newcomers run it: in a pipe, in a terminal, with a playbook of their own, and to be played
//! with afterwards.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::support;
use crate::support::terminal::Terminal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pingzhan");

/// Calls the program in a folder, with nothing of whoever runs the test.
fn call(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).env_clear().env("HOME", folder);
    command.args(args).output().expect("it runs")
}

fn demo(lang: &str, more: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let args = [&["demo", "--speed", "0", "--lang", lang], more].concat();
    let output = call(folder.path(), &args);
    assert_eq!(files(folder.path()), [""; 0], "it leaves nothing behind");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// The names of what is in a folder.
fn files(folder: &Path) -> Vec<String> {
    let inside = std::fs::read_dir(folder).expect("the folder is there");
    let names = inside.flatten().map(|entry| entry.file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn terminal(folder: &Path, args: &[&str]) -> Terminal {
    let environment = [("HOME", folder.to_str().expect("UTF-8"))];
    let args = [&["demo", "--lang", "en"], args].concat();
    Terminal::run(Path::new(PROGRAM), &args, &environment, folder).expect("a terminal")
}

/// The first thing that a newcomer sees has to be whole: nothing around it, every act, and the last line
/// worked out from whole objects.
#[test]
fn the_demo_tells_the_whole_story_the_same_each_time() {
    for (lang, acts, frozen) in [
        (
            "en",
            "[10/10] Is everything",
            "refused, the change freeze holds",
        ),
        ("zh-CN", "[10/10] 一切如初", "被拒绝，封网期间不得变更"),
    ] {
        let (output, text) = demo(lang, &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        assert!(text.contains(acts), "{text}");
        // Wherever the line is broken.
        let without = |text: &str| text.split_whitespace().collect::<String>();
        assert!(without(&text).contains(&without(frozen)), "{text}");
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
        // Whoever reads Chinese is not told half of it in English; but for the line that programs read.
        let foreign = |line: &&str| !line.is_empty() && line.width() == line.chars().count();
        let foreign: Vec<&str> = text.lines().filter(foreign).collect();
        assert!(lang == "en" || foreign == [last], "{foreign:?}");
        assert_eq!(demo(lang, &[]).1, text, "another story");
    }
}

/// A picture of what the program showed once promises what it does not do any more.
#[test]
fn the_pictures_are_what_the_demo_shows() {
    support::xtask(&["generate", "picture", "--check", "--program", PROGRAM]);
}

/// Whoever brings a playbook that cannot be played learns what is wrong with it and what to do, and nothing
/// is played.
#[test]
fn a_playbook_that_cannot_be_played_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("storm.yaml");
    std::fs::write(&file, storm("", "I")).expect("it is written");
    let file = file.to_str().expect("UTF-8");
    let rows: [(&[&str], &str); 5] = [
        (&["--playbook", "/dev/null"], "/dev/null"),
        (&["--playbook", "no-such-file"], "no-such-file"),
        // Its one stage runs at level I.
        (&["--playbook", file, "--set", "surge=200"], "--level"),
        (&["--playbook", file, "--level", "I"], "surge"),
        (&["--playbook", file, "--set", "sugre=200"], "surge"),
    ];
    for (args, says) in rows {
        let (output, text) = demo("en", args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert_eq!(text, "", "{args:?}");
        assert!(errors.contains(says), "{args:?} says {errors}");
    }
}

/// A playbook of another city: other groups, another account, a parameter without default.
fn storm(drift: &str, levels: &str) -> String {
    format!(
        "apiVersion: pingzhan.dev/v1alpha1\nkind: Playbook\nmetadata: {{ name: storm }}\n\
         spec:\n  title: {{ en: Storm, zh-CN: 台风 }}\n  hazard: Storm\n  owner: harbour\n  \
         parameters: [{{ name: surge, type: Integer, minimum: 100, maximum: 400 }}]\n  \
         authority:\n    requesterGroups: [watch]\n    approverGroups: [mayors, chiefs]\n    \
         quorum: {{ I: 3, II: 1, III: 0, IV: 1 }}\n    maxTerm: {{ I: 12h, II: 12h, III: 12h, IV: 12h }}\n  \
         serviceAccountName: storm\n{drift}  stages:\n    - name: open\n      levels: [{levels}]\n      steps:\n        \
         - name: ask\n          gate: {{ groups: [harbour-master], prompt: {{ en: Open? }} }}\n        \
         - name: widen\n          after: [ask]\n          targets: {{ kinds: [Deployment], \
         namespaces: {{ names: [hotline] }}, names: [hotline-web, hotline-knowledge] }}\n          \
         scale: {{ percent: '${{parameters.surge}}', maximum: 40 }}\n"
    )
}

/// People play their own playbook first of all, and it asks for groups that nobody of the sand table is in:
/// the story has to come to its end with any quorum, and with any rule about values of others.
#[test]
fn a_playbook_of_other_groups_is_played_to_the_exact_return() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("storm.yaml");
    let rows = [
        ("", "I", "(3 of 3)"),
        ("", "II", "(1 of 1)"),
        ("  drift: { active: Enforce }\n", "III", "needs no approval"),
        ("  drift: { active: Yield }\n", "IV", "drift Yield"),
    ];
    for (drift, level, says) in rows {
        std::fs::write(&file, storm(drift, "I, II, III, IV")).expect("it is written");
        let file = file.to_str().expect("UTF-8");
        let args = ["--playbook", file, "--level", level, "--set", "surge=200"];
        let (output, text) = demo("en", &args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{level}: {text}\n{errors}");
        assert!(text.contains(says), "{level}: {text}");
        assert!(
            text.contains("“Storm”") && text.contains("for watch"),
            "{text}"
        );
        assert!(text.contains("account storm is new"), "{text}");
        assert!(text.contains("restored exactly: "), "{text}");
    }
}

/// Whoever shows it to others decides when it goes on: no act begins before Enter.
#[test]
fn each_act_waits_for_enter() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = terminal(folder.path(), &["--speed", "0", "--step"]);
    for act in 2..=9 {
        let asked = |shown: &str| shown.matches("[Enter]").count() == act - 1;
        let shown = terminal.until(asked);
        assert!(asked(&shown), "{shown}");
        let (before, own) = (format!("[{}/10]", act - 1), format!("[{act}/10]"));
        assert!(shown.contains(&before) && !shown.contains(&own), "{shown}");
        terminal.types("\n").expect("it reads");
    }
    let (status, shown) = terminal.ends().expect("it ends");
    let shown = String::from_utf8_lossy(&shown);
    assert!(status.success(), "{shown}");
    assert!(shown.contains("restored exactly: "), "{shown}");
}

/// A story that is broken off must leave neither file nor a terminal without a cursor, and scripts have to
/// see that it was.
#[test]
fn a_story_that_is_broken_off_leaves_nothing_behind() {
    let rows: [(&[&str], &str); 3] = [
        (&[], "[2/10]"),
        (&["--keep", "--speed", "20"], "[5/10]"),
        (&["--step"], "[Enter]"),
    ];
    for (args, at) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        let mut terminal = terminal(folder.path(), args);
        let shown = terminal.until(|shown| shown.contains(at));
        assert!(shown.contains(at), "{shown}");
        terminal.types("\x03").expect("it reads");
        let (status, shown) = terminal.ends().expect("it ends");
        let shown = String::from_utf8_lossy(&shown);
        // SIGINT: shells make 130 of it.
        assert_eq!(status.signal(), Some(2), "{args:?}: {status} {shown}");
        assert!(!shown.contains("restored exactly"), "{shown}");
        let hidden = shown.rfind("\x1b[?25l");
        assert!(hidden <= shown.rfind("\x1b[?25h"), "{shown:?}");
        assert_eq!(files(folder.path()), [""; 0], "{args:?}");
    }
}

/// Whoever plays on afterwards finds everybody in the kubeconfig, which is for their eyes alone, and
/// everything gone after the end.
#[test]
fn what_is_kept_is_served_until_it_is_ended() {
    // An emergency of its own takes its time: with one of the two ends.
    for signal in ["-TERM", "\x03"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut terminal = terminal(folder.path(), &["--keep", "--speed", "0"]);
        let shown = terminal.until(|shown| shown.contains("takes the kubeconfig away"));
        let kubeconfig = folder.path().join("sandtable.kubeconfig");
        let metadata = std::fs::metadata(&kubeconfig);
        let metadata = metadata.unwrap_or_else(|error| panic!("{error}: {shown}"));
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        if signal == "-TERM" {
            play_on(folder.path());
        }
        let text = std::fs::read_to_string(&kubeconfig).expect("it is there");
        let config: Value = serde_yaml::from_str(&text).expect("a kubeconfig");
        let server = &config["clusters"][0]["cluster"]["server"];
        let address = server.as_str().and_then(|url| url.strip_prefix("https://"));
        let address = address.expect("an address");
        assert!(TcpStream::connect(address).is_ok());
        if signal == "-TERM" {
            let id = terminal.id().to_string();
            support::run(Command::new("kill").args([signal, &id]));
        } else {
            terminal.types(signal).expect("it reads");
        }
        let (status, shown) = terminal.ends().expect("it ends");
        let shown = String::from_utf8_lossy(&shown);
        assert_eq!(status.code(), Some(0), "{shown}");
        assert_eq!(files(folder.path()), [""; 0], "{shown}");
        assert!(TcpStream::connect(address).is_err(), "somebody listens");
    }
}

/// An emergency of one's own, by the contexts that the kubeconfig has, to its end.
fn play_on(folder: &Path) {
    let lines = [
        "status flood-2026-07",
        "--context duty-officer-zhou declare second --playbook flood-response --level III --reason rain \
         --set closeCounters=false --yes",
        "--context approver-lin approve second --yes --wait-for Active",
        "--context duty-officer-zhou stand-down second --wait-for Closed",
    ];
    for line in lines {
        let words = line.split_whitespace();
        let kubeconfig = ["--kubeconfig", "sandtable.kubeconfig"];
        let args: Vec<&str> = kubeconfig.into_iter().chain(words).collect();
        // A plan takes the operator a moment.
        let mut output = call(folder, &args);
        for _ in 0..200 {
            if output.status.success() {
                break;
            }
            output = call(folder, &args);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
    }
}
