//! Processes of a cluster: started each in a group of its own, recognised by pid file and
//! command line, ended by pid and never by name.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use snafu::ResultExt;

use super::{Error, FilesSnafu, StartSnafu};
use crate::surroundings::Stopwatch;

/// A process of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The program.
    pub program: String,
    /// Its process id.
    pub pid: u32,
}

/// How long a program may take to end by itself before it is killed. An API server with open
/// watches takes longer than anybody wants to wait for throw-away data.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked whether a process has ended.
const LOOK: Duration = Duration::from_millis(25);
/// The order of ending: clients before servers, so that logs end without alarms.
const ORDER: [&str; 6] = [
    "kwok",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "etcd",
    "xtask",
];

/// Starts a program and notes its pid.
///
/// Assumption: an argument names the cluster's folder, or it would not be recognised later.
pub fn spawn(folder: &Path, program: &str, path: &Path, args: &[String]) -> Result<Process, Error> {
    let log = folder.join("logs").join(format!("{program}.log"));
    // One that is started again goes on in its log.
    let out = File::options().create(true).append(true).open(&log);
    let out = out.context(FilesSnafu { path: &log })?;
    let err = out.try_clone().context(FilesSnafu { path: &log })?;
    let child = Command::new(path)
        .args(args)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .current_dir(folder)
        .spawn()
        .context(StartSnafu { program })?;
    let pid = child.id();
    let note = folder.join("pids").join(program);
    std::fs::write(&note, pid.to_string()).context(FilesSnafu { path: note })?;
    Ok(Process {
        program: program.to_owned(),
        pid,
    })
}

/// The processes of a cluster: those of its pid files, and any other whose command line names the
/// cluster's folder (a run may be killed between start and note).
pub fn of(folder: &Path) -> Vec<Process> {
    let mut found: Vec<Process> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| ours(pid, folder).map(|program| Process { program, pid }))
        .collect();
    found.sort_by_key(|process| rank(&process.program));
    found
}

/// Whether the API server of a cluster runs: its pid file says which process, and that process is
/// it.
pub fn api_server(folder: &Path) -> bool {
    let program = "kube-apiserver";
    let pid = noted(folder, program);
    pid.and_then(|pid| ours(pid, folder))
        .is_some_and(|found| found == program)
}

/// The process in a program's pid file, whatever it is by now.
pub fn noted(folder: &Path, program: &str) -> Option<u32> {
    let text = std::fs::read_to_string(folder.join("pids").join(program)).ok()?;
    text.trim().parse().ok()
}

fn rank(program: &str) -> usize {
    ORDER
        .iter()
        .position(|name| *name == program)
        .unwrap_or(ORDER.len())
}

/// The program's name, when this process is one of ours and belongs to the folder.
fn ours(pid: u32, folder: &Path) -> Option<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8(line).ok()?;
    let mut args = line.split('\0');
    let program = Path::new(args.next()?).file_name()?.to_str()?;
    let known = ORDER.contains(&program);
    let folder = format!("{}/", folder.to_str()?);
    (known && args.any(|arg| arg.contains(&folder))).then(|| program.to_owned())
}

/// Ends every process of a cluster but this one. Says how many there were.
pub fn end_all(folder: &Path) -> Result<usize, Error> {
    let own = std::process::id();
    let processes: Vec<Process> = of(folder)
        .into_iter()
        .filter(|process| process.pid != own)
        .collect();
    end(folder, &processes)?;
    Ok(processes.len())
}

/// Ends processes of a cluster, and waits until they are gone.
fn end(folder: &Path, processes: &[Process]) -> Result<(), Error> {
    for process in processes {
        signal(process.pid, Signal::TERM);
    }
    let started = Stopwatch::start();
    let remain = || {
        processes
            .iter()
            .filter(|process| ours(process.pid, folder).is_some())
    };
    while remain().next().is_some() && started.elapsed() < GRACE {
        std::thread::sleep(LOOK);
    }
    for process in remain() {
        signal(process.pid, Signal::KILL);
    }
    while let Some(process) = remain().next() {
        if started.elapsed() > GRACE * 4 {
            let source = std::io::Error::other("it does not end");
            return Err(source).context(StartSnafu {
                program: format!("anew: {} {}", process.program, process.pid),
            });
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended since we looked, which is what we want.
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process runs. One that has ended and was not waited for does not.
pub fn is_alive(pid: u32) -> bool {
    start_time(pid).is_some()
}

/// When a process was started, in ticks: with the pid it names a process for good.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// Waits until a process is gone.
pub fn wait_gone(pid: u32) {
    let first = start_time(pid);
    while first.is_some() && start_time(pid) == first {
        std::thread::sleep(LOOK * 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ending by pid is safe only if a process that merely got the same pid is never taken for
    /// ours.
    #[test]
    fn a_process_that_does_not_name_the_folder_is_not_ours() {
        let folder = Path::new("/nowhere/clusters/one");
        assert_eq!(ours(std::process::id(), folder), None);
        assert_eq!(of(folder), Vec::new());
        assert!(is_alive(std::process::id()));
    }

    /// A cluster's watcher waits for its owner: it must see the end of one that nobody waited for.
    #[test]
    fn a_process_that_ended_is_not_alive() {
        let mut child = Command::new("true").spawn().expect("true runs");
        let pid = child.id();
        wait_gone(pid);
        assert!(!is_alive(pid));
        child.wait().expect("it ended");
    }
}
