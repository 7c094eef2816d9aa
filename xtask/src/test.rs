//! `cargo xtask test`: everything that must hold, cheap things first, on control planes that are
//! started once and ended by pid.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use snafu::{ResultExt, Snafu, ensure};

use crate::cluster::{self, Cluster, Spec};
use crate::generate;
use crate::progress::Progress;
use crate::rights::{self, Kept, Log};
use crate::runner::{self, Counts, Outcome};
use crate::surroundings::{OPERATOR_LOGS, Stopwatch, human, repository, set_by_cargo};
use crate::tools::{self, Program, Toolset};

/// How many control planes the tests of one runner share, and how many of them run at once on these: they
/// mostly wait, for leases and for controllers.
const PLANES: usize = 3;

/// Tests that run beside all others: those that never wait, since their time is paused and what they need
/// is the processor; and one that would be the last, and waits for a minute and a half.
const BESIDE: [&str; 2] = ["simulation::", "standins::"];

/// Tests that run beside these on control planes of their own: half of all the waiting is theirs, and they
/// leave the processor to others.
const SCENARIOS: &str = "scenarios::";

/// The tests of single files, and the examples in the documentation.
const UNITS: [&[&str]; 2] = [
    &["test", "--workspace", "--no-fail-fast", "--lib", "--bins"],
    &["test", "--workspace", "--no-fail-fast", "--doc"],
];
/// The tests of more than one file.
const ALL: &[&str] = &["test", "--package", "pingzhan", "--test", "all"];

/// How [`ALL`] is built: in the simulations an unoptimised program would take longer than it takes to
/// optimise it.
const BUILT: [(&str, &str); 1] = [("CARGO_PROFILE_DEV_OPT_LEVEL", "1")];

/// How long the runner may say nothing: compiling and the longest test take a few minutes, on a busy
/// machine some more.
const SILENCE: Duration = Duration::from_mins(15);

/// Why the tests did not pass.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The control plane's programs cannot be had.
    #[snafu(transparent)]
    Tools {
        /// Why.
        source: tools::Error,
    },
    /// A control plane does not come up.
    #[snafu(transparent)]
    Cluster {
        /// Why.
        source: cluster::Error,
    },
    /// The operator asked for what it should not, or does not need what it may.
    #[snafu(transparent)]
    Rights {
        /// What.
        source: rights::Error,
    },
    /// Generated files differ.
    #[snafu(transparent)]
    Generated {
        /// Which.
        source: generate::Error,
    },
    /// A program does not run.
    #[snafu(display("cannot run {program}"))]
    Run {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A stage fails.
    #[snafu(display("{stage} failed: run `{command}` to see it alone"))]
    Failed {
        /// Which.
        stage: &'static str,
        /// How to run it alone.
        command: String,
    },
    /// A test does not end.
    #[snafu(display(
        "the tests said nothing for {} and were ended; these were taking long: {tests}",
        human(SILENCE)
    ))]
    Hung {
        /// Which.
        tests: String,
    },
    /// Nothing was tested.
    #[snafu(display("no test ran: does the filter match anything?"))]
    Empty,
}

/// Runs everything; with a filter, of the tests only those whose name contains it.
///
/// Guarantees: a missing toolchain is said before anything long starts; every control plane that was
/// started is ended, whatever happens to this process.
pub async fn run(filter: Option<&str>, progress: Progress) -> Result<Counts, Error> {
    let programs = [
        Program::Etcd,
        Program::KubeApiserver,
        Program::Kubectl,
        Program::Helm,
        Program::Prometheus,
    ];
    let set = tokio::task::block_in_place(|| prepared(&programs, progress))?;
    let kept = Kept::begin()?;
    let started = Stopwatch::start();
    let planes = up(progress).await?;
    progress.say(&format!(
        "control planes: ok ({})",
        human(started.elapsed())
    ));
    let started = Stopwatch::start();
    let result = tokio::task::block_in_place(|| tests(filter, &planes, &set, kept.folder()));
    // What was not run asks for nothing, and what failed for less.
    let is_whole = filter.is_none() && result.as_ref().is_ok_and(|(_, success)| *success);
    let asked = asked(&planes, &kept, is_whole);
    for plane in planes {
        plane.down()?;
    }
    let said = asked.as_ref().err();
    let said = said.map_or("ok".to_owned(), |error| format!("FAILED: {error}"));
    progress.say(&format!("the operator's own rights: {said}"));
    let (counts, success) = result?;
    if success {
        asked?;
    }
    let verdict = if success { "ok" } else { "FAILED" };
    progress.say(&format!("tests: {verdict} ({})", human(started.elapsed())));
    ensure!(
        success || counts.failed > 0,
        FailedSnafu {
            stage: "tests",
            command: "cargo test --workspace"
        }
    );
    ensure!(counts.passed + counts.failed > 0, EmptySnafu);
    Ok(counts)
}

/// The control plane's programs, and everything that needs none of them: much of what Cargo does waits
/// for one processor, and the first time Go has the others.
fn prepared(programs: &[Program], progress: Progress) -> Result<Toolset, Error> {
    tools::toolchain(programs, progress)?;
    std::thread::scope(|scope| {
        let building = scope.spawn(|| tools::ensure(programs, progress));
        checks(progress)?;
        match building.join() {
            Ok(set) => Ok(set?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What needs no control plane: the cheap things first.
fn checks(progress: Progress) -> Result<(), Error> {
    stage("format", progress, || {
        cargo("format", &["fmt", "--all", "--", "--check"])
    })?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    stage("clippy", progress, || cargo("clippy", &clippy))?;
    dependencies(progress)?;
    for (what, of) in [("units", UNITS[0]), ("tests", ALL)] {
        let build = [of, &["--quiet", "--no-run"]].concat();
        stage(&format!("build of {what}"), progress, || {
            cargo("build", &build)
        })?;
    }
    let tidy = [ALL, &["--quiet", "--", "tidy::"]].concat();
    stage("tidy", progress, || cargo("tidy", &tidy))?;
    stage("generated files", progress, || {
        Ok(generate::check(&repository())?)
    })
}

/// Runs a stage and says how long it took.
fn stage(
    name: &str,
    progress: Progress,
    run: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let started = Stopwatch::start();
    let result = tokio::task::block_in_place(run);
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    progress.say(&format!("{name}: {verdict} ({})", human(started.elapsed())));
    result
}

/// Cargo, as it runs us, at the root of the repository.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args)
        .current_dir(repository())
        .stdin(Stdio::null());
    for name in set_by_cargo() {
        command.env_remove(name);
    }
    if args.starts_with(ALL) {
        command.envs(BUILT);
    }
    command
}

fn cargo(stage: &'static str, args: &[&str]) -> Result<(), Error> {
    let status = command(args)
        .status()
        .context(RunSnafu { program: "cargo" })?;
    ensure!(
        status.success(),
        FailedSnafu {
            stage,
            command: format!("cargo {}", args.join(" "))
        }
    );
    Ok(())
}

/// Licences, bans and sources of dependencies, where the program for it is installed.
fn dependencies(progress: Progress) -> Result<(), Error> {
    let mut asked = command(&["deny", "--version"]);
    let asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        progress.say("dependencies: NOT RUN: install it with `cargo install cargo-deny`");
        return Ok(());
    }
    // Advisories need a copy of their database, and a network to fetch it.
    let args = [
        "deny",
        "--workspace",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    stage("dependencies", progress, || cargo("dependencies", &args))
}

/// Starts the control planes. They end with this process, however it ends.
async fn up(progress: Progress) -> Result<Vec<Cluster>, Error> {
    let own = std::process::id();
    let spec = |number: usize| Spec {
        fsync: false,
        audit: true,
        owner: Some(own),
        ..Spec::new(&format!("tests-{own}-{number}"))
    };
    let starts = (0..2 * PLANES).map(|number| Cluster::up(spec(number), progress));
    Ok(futures::future::try_join_all(starts).await?)
}

/// Whether the operator asked for what it should: of these control planes, and of those of one test alone.
fn asked(planes: &[Cluster], kept: &Kept, whole: bool) -> Result<(), rights::Error> {
    let log = |plane: &Cluster| {
        let (plane, path) = (plane.spec.name.clone(), plane.audit_log()?);
        Some(Log { plane, path })
    };
    let shared: Vec<Log> = planes.iter().filter_map(log).collect();
    rights::check(&shared, &kept.logs()?, whole)
}

/// Runs every test, shows what the runners say, and counts.
fn tests(
    filter: Option<&str>,
    planes: &[Cluster],
    set: &Toolset,
    kept: &Path,
) -> Result<(Counts, bool), Error> {
    let (some, others) = planes.split_at(PLANES.min(planes.len()));
    let on = |planes, args: &[&str]| listened(tested(planes, set, kept, args));
    let run = |args: &[&str]| on(some, args);
    if let Some(filter) = filter {
        let own = ["--", filter];
        let every = UNITS.into_iter().chain([ALL]);
        return sum(every.map(|args| run(&[args, &own].concat())));
    }
    let threads = PLANES.to_string();
    let waiting = ["--", "--test-threads", &threads];
    let elsewhere = BESIDE.iter().chain([&SCENARIOS]);
    let elsewhere: Vec<&str> = elsewhere.flat_map(|these| ["--skip", these]).collect();
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let busy = [ALL, &["--"], &BESIDE].concat();
            sum(UNITS.into_iter().map(&run).chain([run(&busy)]))
        });
        let scenarios = scope.spawn(|| on(others, &[ALL, &waiting, &[SCENARIOS]].concat()));
        let rest = run(&[ALL, &waiting, &elsewhere].concat());
        let joined = [beside.join(), scenarios.join()];
        let joined = joined.map(|ended| ended.unwrap_or_else(|_| EmptySnafu.fail()));
        sum([rest].into_iter().chain(joined))
    })
}

/// What several runners counted together, and whether all is well.
fn sum(
    runs: impl IntoIterator<Item = Result<(Counts, bool), Error>>,
) -> Result<(Counts, bool), Error> {
    let mut all = (Counts::default(), true);
    for run in runs {
        let (counts, success) = run?;
        all = (all.0.and(counts), all.1 && success);
    }
    Ok(all)
}

/// A runner, with everything that tests need.
fn tested(planes: &[Cluster], set: &Toolset, kept: &Path, args: &[&str]) -> Command {
    let kubeconfigs: Vec<PathBuf> = planes.iter().map(Cluster::kubeconfig).collect();
    let kubeconfigs = std::env::join_paths(kubeconfigs).unwrap_or_default();
    let own = std::env::current_exe().map_or_else(|_| OsString::new(), Into::into);
    let program = |program| set.get(program).map(OsString::from).unwrap_or_default();
    let mut runner = command(args);
    runner
        .env("PINGZHAN_TEST_CLUSTERS", kubeconfigs)
        .env("PINGZHAN_TEST_KUBECTL", program(Program::Kubectl))
        .env("PINGZHAN_TEST_HELM", program(Program::Helm))
        .env("PINGZHAN_TEST_PROMETHEUS", program(Program::Prometheus))
        .env("PINGZHAN_XTASK", own)
        .env(OPERATOR_LOGS, kept)
        .stdout(Stdio::piped());
    runner
}

/// Starts a runner, and counts what it says until it ends.
fn listened(mut runner: Command) -> Result<(Counts, bool), Error> {
    let program = "cargo test";
    let runner = runner.spawn().context(RunSnafu { program })?;
    let heard = runner::listen(runner, SILENCE, std::io::stdout());
    match heard.context(RunSnafu { program })? {
        Outcome::Ended(counts, status) => Ok((counts, status.success())),
        Outcome::Hung(tests) => {
            let tests = Vec::from_iter(tests).join(", ");
            HungSnafu { tests }.fail()
        }
    }
}
