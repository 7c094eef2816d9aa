//! Listening to the runner of tests: what it says is shown and counted, and one that says nothing
//! for too long is ended by pid, with the names of the tests that it was in the middle of. A run that
//! hangs must end by itself, and say where.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// What came of a runner.
#[derive(Debug)]
pub enum Outcome {
    /// It ended by itself.
    Ended(Counts, ExitStatus),
    /// It said nothing for too long and was ended. Of these tests it had said that they take long.
    Hung(BTreeSet<String>),
}

/// Passes on what a runner says on its standard output until it ends, or until it has said nothing
/// for this long.
///
/// # Errors
/// It has no standard output that can be read, or cannot be waited for.
pub fn listen(
    mut runner: Child,
    patience: Duration,
    mut to: impl std::io::Write,
) -> std::io::Result<Outcome> {
    let output = runner.stdout.take();
    let output = output.ok_or_else(|| std::io::Error::other("the runner's output is not piped"))?;
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let mut counts = Counts::default();
    let mut long = BTreeSet::new();
    loop {
        match told.recv_timeout(patience) {
            Ok(line) => {
                counts.add(&line);
                note(&mut long, &line);
                // Whoever reads us may have gone; the tests go on all the same.
                let _ = writeln!(to, "{line}");
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Outcome::Ended(counts, runner.wait()?));
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut runner)?;
                return Ok(Outcome::Hung(long));
            }
        }
    }
}

/// Notes which tests take long, and which of them have ended.
fn note(long: &mut BTreeSet<String>, line: &str) {
    let Some(rest) = line.strip_prefix("test ") else {
        return;
    };
    if let Some(name) = rest.strip_suffix(" has been running for over 60 seconds") {
        long.insert(name.to_owned());
    } else if let Some((name, _)) = rest.split_once(" ... ") {
        long.remove(name);
    }
}

/// Ends a runner and all that it started.
fn end(runner: &mut Child) -> std::io::Result<()> {
    // The youngest first: nobody is left to start another.
    for pid in descendants(runner.id()).into_iter().rev() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may have ended since, which is what we want.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    runner.kill()?;
    runner.wait().map(drop)
}

/// The processes that this one started, and those that they did, in the order of generations.
fn descendants(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(one) = family.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == one);
        family.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    family.split_off(1)
}

/// Who started a process: the second field after the name in parentheses, see `proc_pid_stat(5)`.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(1)?.parse().ok()
}

/// What the runner counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that are marked to be left out.
    pub skipped: usize,
}

impl Counts {
    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// Adds what a closing line of the runner says:
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let (_, rest) = rest.split_once(". ").unwrap_or_default();
        for part in rest.split("; ") {
            let Some((count, what)) = part.split_once(' ') else {
                continue;
            };
            let count: usize = count.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::surroundings::Stopwatch;

    fn runner(script: &str) -> Child {
        let mut shell = Command::new("sh");
        let shell = shell.args(["-c", script]).stdout(Stdio::piped());
        shell.spawn().expect("a shell")
    }

    /// A test that never ends would take the whole run with it, and nobody would learn which it was.
    #[test]
    fn a_runner_that_falls_silent_is_ended_with_its_children_and_its_tests_are_named() {
        let script = "
            echo 'test a has been running for over 60 seconds'
            echo 'test b has been running for over 60 seconds'
            echo 'test a ... ok'
            sleep 613.25 & wait";
        let sleeps = || {
            let processes = std::fs::read_dir("/proc").expect("a list").flatten();
            let mut lines =
                processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
            lines.any(|line| line == b"sleep\x00613.25\x00")
        };
        let child = runner(script);
        while !sleeps() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let outcome = listen(child, Duration::from_secs(1), std::io::sink()).expect("it is heard");
        match outcome {
            Outcome::Hung(tests) => assert_eq!(tests, BTreeSet::from(["b".to_owned()])),
            Outcome::Ended(..) => panic!("it does not end by itself"),
        }
        // A process that was killed is there until the system has cleared it away.
        let began = Stopwatch::start();
        while sleeps() {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "what the runner started goes on"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// One that goes on talking is left alone.
    #[test]
    fn a_runner_that_ends_is_counted() {
        let line = "test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; finished in 1s";
        let child = runner(&format!("echo '{line}'; exit 3"));
        let mut shown = Vec::new();
        let heard = listen(child, Duration::from_mins(1), &mut shown).expect("it is heard");
        assert_eq!(shown, format!("{line}\n").as_bytes());
        match heard {
            Outcome::Ended(counts, status) => {
                assert_eq!((counts.passed, counts.failed), (5, 1));
                assert_eq!(status.code(), Some(3));
            }
            Outcome::Hung(tests) => panic!("it ended: {tests:?}"),
        }
    }

    /// The last line is what people and machines go by: it must be the runner's own sum.
    #[test]
    fn the_runners_closing_lines_are_added_up() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.20s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s",
        ] {
            counts.add(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 7,
                failed: 3,
                skipped: 1
            }
        );
        assert_eq!(counts.to_string(), "7 passed, 3 failed, 1 skipped");
    }
}
