//! `cargo xtask`: parses the command line and calls the library.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::campaign;
use xtask::conformance;
use xtask::generate;
use xtask::mutants;
use xtask::picture;
use xtask::progress::Progress;
use xtask::surroundings::repository;
use xtask::test;

mod cluster_command;
mod demo_command;

/// The project's own tooling.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// A real control plane on this machine.
    #[command(subcommand)]
    Cluster(cluster_command::Verb),
    /// Play a flood on a real control plane: switch a fleet, hold it, bring it back exactly.
    Demo(demo_command::Demo),
    /// Run everything that must hold: format, clippy, tidy, generated files, all tests.
    Test {
        /// Of the tests, only those whose name contains this.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Emergencies on the sand table, with faults from seeds, judged by the oracles.
    Campaign(campaign::Campaign),
    /// What an API server answers.
    #[command(subcommand)]
    Conformance(Conformance),
    /// Break the operator on purpose, one mistake at a time: the tests must notice each.
    Mutants {
        /// Only those whose name contains this.
        #[arg(long)]
        only: Option<String>,
        /// Let simulated emergencies alone notice them, from the first seed on.
        #[arg(long)]
        simulation: bool,
    },
    /// Write CRDs, RBAC and reference pages from the types.
    #[command(args_conflicts_with_subcommands = true)]
    Generate {
        /// Only say which committed files differ, and fail when one does.
        #[arg(long)]
        check: bool,
        #[command(subcommand)]
        other: Option<Generate>,
    },
    /// What a switch and its return cost, beside a raw client.
    #[command(subcommand)]
    Bench(xtask::bench::Verb),
}

/// What is written from something else than the types.
#[derive(Subcommand)]
enum Generate {
    /// What the real server says of its own kinds: brings a control plane up and asks it.
    Openapi,
    /// The CRDs of Flux, Argo CD and KEDA, from the Go modules in which they are published.
    Kinds {
        /// Only say which committed files differ, and fail when one does.
        #[arg(long)]
        check: bool,
    },
    /// The pictures of the READMEs, from what the demo shows in a terminal.
    Picture {
        /// Only say which committed files differ, and fail when one does.
        #[arg(long)]
        check: bool,
        /// The program to take them of, instead of building it.
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
    },
}

/// What to do with the conformance table.
#[derive(Subcommand)]
enum Conformance {
    /// Play the table against a real control plane and write down what it answers.
    Record {
        /// Of the chapters, only those whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Play the table against a server and say what it answers otherwise than recorded.
    Check {
        /// Its kubeconfig, of an administrator.
        kubeconfig: PathBuf,
        /// Begins the names of the namespaces that are created for it.
        #[arg(long, default_value_t = format!("conformance-{}", std::process::id()))]
        prefix: String,
    },
    /// Play the table against the sand table.
    Sandtable,
    /// Play the table against sand tables that are wrong on purpose, one thing each: every case has
    /// to notice.
    Breaks {
        /// Write the page about it anew, instead of holding it against what was noticed.
        #[arg(long)]
        write: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let progress = Progress::detect();
    let result = match cli.verb {
        Verb::Cluster(verb) => cluster_command::run(verb, progress).await.map_err(report),
        Verb::Demo(demo) => demo_command::run(demo, progress).await.map_err(report),
        Verb::Test { filter } => tested(filter.as_deref(), progress).await,
        Verb::Campaign(verb) => {
            tokio::task::block_in_place(|| campaign::run(&verb)).map_err(report)
        }
        Verb::Conformance(verb) => conformed(verb, progress).await,
        Verb::Mutants { only, simulation } => mutated(only.as_deref(), simulation, progress),
        Verb::Generate {
            other: Some(Generate::Openapi),
            ..
        } => openapi(progress).await,
        Verb::Generate {
            other: Some(Generate::Kinds { check }),
            ..
        } => kinds(check, progress),
        Verb::Generate {
            other: Some(Generate::Picture { check, program }),
            ..
        } => {
            let taken = || picture::run(program, check, progress);
            tokio::task::block_in_place(taken).map_err(report)
        }
        Verb::Generate { check, other: None } => generated(check, progress).map_err(report),
        Verb::Bench(verb) => xtask::bench::run(verb, progress).await.map_err(report),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn tested(filter: Option<&str>, progress: Progress) -> Result<(), String> {
    let counts = test::run(filter, progress).await.map_err(report)?;
    println!("{counts}");
    if counts.failed > 0 {
        return Err(format!("{} tests failed", counts.failed));
    }
    Ok(())
}

async fn conformed(verb: Conformance, progress: Progress) -> Result<(), String> {
    let root = repository();
    match verb {
        Conformance::Record { only } => {
            let recorded = conformance::record::record(&root, &only, progress).await;
            println!("{} cases recorded", recorded.map_err(report)?);
        }
        Conformance::Check { kubeconfig, prefix } => {
            let checked = conformance::check::check(&root, &kubeconfig, &prefix).await;
            println!("{} cases answered as recorded", checked.map_err(report)?);
        }
        Conformance::Sandtable => {
            let checked = conformance::check::check_sandtable(&root).await;
            let (same, other) = checked.map_err(report)?;
            println!("{same} cases answered as by the real server, {other} known differences");
        }
        Conformance::Breaks { write } => {
            let (noticed, all) = conformance::page::prove(&root, write).map_err(report)?;
            println!("{noticed} of {all} cases fail when broken");
        }
    }
    Ok(())
}

fn mutated(only: Option<&str>, simulation: bool, progress: Progress) -> Result<(), String> {
    let by = if simulation {
        mutants::By::Simulation
    } else {
        mutants::By::ItsTests
    };
    let verdicts = mutants::run(only, by, progress).map_err(report)?;
    print!("{}", mutants::table(&verdicts));
    let survivors = verdicts.iter().filter(|one| one.caught_by.is_empty());
    match survivors.count() {
        0 if verdicts.is_empty() => Err("no mutant has such a name".to_owned()),
        0 => Ok(()),
        some => Err(format!(
            "{some} mutants survived: no test notices these mistakes"
        )),
    }
}

async fn openapi(progress: Progress) -> Result<(), String> {
    let written = generate::openapi::write(&repository(), progress).await;
    println!("{} objects compared", written.map_err(report)?);
    Ok(())
}

fn kinds(check: bool, progress: Progress) -> Result<(), String> {
    if check {
        return generate::kinds::check(&repository(), progress).map_err(report);
    }
    let written = generate::kinds::write(&repository(), progress).map_err(report)?;
    for path in written {
        progress.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

fn generated(check: bool, progress: Progress) -> Result<(), generate::Error> {
    if check {
        return generate::check(&repository());
    }
    for path in generate::write(&repository())? {
        progress.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// An error with everything that caused it, each said once.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is the end of the error's way"
)]
fn report(error: impl snafu::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text.extend(["\n  because ", &said]);
        }
        cause = source.source();
    }
    text
}
