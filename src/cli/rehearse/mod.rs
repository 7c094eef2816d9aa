//! `rehearse`: a playbook is played on a snapshot of a cluster, with faults, in this process. Nothing
//! is asked of any cluster.

mod html;
mod matrix;
mod picture;
mod text;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use snafu::ResultExt;

use crate::api::{Level, Playbook, Scalar};
use crate::rehearsal::fault::Fault;
use crate::rehearsal::play::{self, Rehearsal};
use crate::rehearsal::report::Report;
use crate::sandtable::snapshot::Snapshot;
use crate::t;

use super::args::{Format, level, pair};
use super::context::Context;
use super::error::{Error, ReadFileSnafu};
use super::exit::Exit;

/// The word for everything there is.
const ALL: &str = "all";

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("at").required(true).args(["level", "levels"]))]
pub struct Args {
    /// The snapshot of a cluster, as pingzhan snapshot writes it
    #[arg(long, value_name = "FILE")]
    pub snapshot: PathBuf,
    /// The playbook: a file, or the name of one in the snapshot
    #[arg(long, value_name = "FILE|NAME")]
    pub playbook: String,
    /// The level of the declaration: I, II, III or IV
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
    /// Several levels, one rehearsal each: all, or I,II
    #[arg(long, value_name = "LEVELS")]
    pub levels: Option<String>,
    /// Something that goes wrong: node-loss, controllers-slow, api-429, gitops-reverts, approver-late, operator-death or hand-edit; may be repeated
    #[arg(long = "fault", value_name = "FAULT")]
    pub fault: Vec<Fault>,
    /// Several faults, one rehearsal each besides one without any: all, or node-loss,api-429
    #[arg(long, value_name = "FAULTS", conflicts_with = "fault")]
    pub faults: Option<String>,
    /// Decides what is left to chance; the same number gives the same rehearsal
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// A parameter of the playbook: KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Also writes the report as one page to be opened in a browser, or printed
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How to print the report
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// One rehearsal of a sweep.
#[derive(Clone, Debug)]
pub struct Case {
    /// The level.
    pub level: Level,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// Rehearses.
///
/// # Errors
/// A file cannot be read or written, or cannot be used.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (levels, faults) = (levels(args)?, faults(args)?);
    let file = args.snapshot.display().to_string();
    let packed = std::fs::read(&args.snapshot).context(ReadFileSnafu { file: file.clone() })?;
    let snapshot = Snapshot::read(&packed).map_err(|error| Error::Input {
        problem: format!("{file}: {error}"),
    })?;
    let playbook = playbook(context, &args.playbook, &snapshot)?;
    let mut parameters = BTreeMap::new();
    for (name, value) in &args.parameters {
        let value = Scalar::Text(value.clone());
        let value = super::declare::parameter(context.lang, &playbook.spec, name, &value)?;
        parameters.insert(name.clone(), value);
    }
    let cases = levels.iter().flat_map(|level| {
        faults.iter().map(|faults| Case {
            level: *level,
            faults: faults.clone(),
        })
    });
    let cases: Vec<Case> = cases.collect();
    let mut reports = Vec::new();
    for case in &cases {
        let rehearsal = Rehearsal {
            snapshot: &snapshot,
            playbook: &playbook,
            level: case.level,
            parameters: &parameters,
            faults: &case.faults,
            seed: args.seed,
        };
        let report =
            quietly(context, || play::rehearse(&rehearsal)).map_err(|error| Error::Input {
                problem: error.to_string(),
            })?;
        if cases.len() > 1 {
            anstream::eprintln!(
                "{}",
                matrix::progress(context.lang, reports.len() + 1, cases.len(), &report)
            );
        }
        reports.push(report);
    }
    tell(context, args, &reports)?;
    let good = reports.iter().all(|report| report.verdict.good);
    Ok(if good { Exit::Done } else { Exit::Negative })
}

/// Operators that are rehearsed say what they would write into their logs only where somebody asks for
/// more.
fn quietly<T>(context: &Context, act: impl FnOnce() -> T) -> T {
    if context.global.verbose > 0 {
        return act();
    }
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), act)
}

fn tell(context: &Context, args: &Args, reports: &[Report]) -> Result<(), Error> {
    if let Some(path) = &args.html {
        let page = html::page(context.lang, reports);
        let file = path.display().to_string();
        std::fs::write(path, page).map_err(|error| Error::Input {
            problem: format!("{file}: {error}"),
        })?;
        anstream::eprintln!("{}", t!(context.lang, "rehearse-written", file = file));
    }
    let view = text::view(context.lang, context.view());
    let is_sweep = args.levels.is_some() || args.faults.is_some();
    match reports {
        [report] if !is_sweep => context.print(args.output, report, || text::report(&view, report)),
        _ => {
            let object =
                json!({ "format": crate::rehearsal::report::FORMAT, "rehearsals": reports });
            context.print(args.output, &object, || matrix::table(&view, reports))
        }
    }
}

/// The levels that are rehearsed.
fn levels(args: &Args) -> Result<Vec<Level>, Error> {
    match (&args.levels, args.level) {
        (Some(text), _) if text == ALL => Ok(Level::ALL.to_vec()),
        (Some(text), _) => each(text),
        (None, level) => Ok(level.into_iter().collect()),
    }
}

/// What goes wrong in each rehearsal of a level.
fn faults(args: &Args) -> Result<Vec<Vec<Fault>>, Error> {
    let Some(text) = &args.faults else {
        return Ok(vec![args.fault.clone()]);
    };
    let each = if text == ALL {
        Fault::ALL.to_vec()
    } else {
        each(text)?
    };
    let none = std::iter::once(Vec::new());
    Ok(none
        .chain(each.into_iter().map(|fault| vec![fault]))
        .collect())
}

fn each<T: std::str::FromStr<Err = String>>(text: &str) -> Result<Vec<T>, Error> {
    let words = text.split(',').map(|word| word.trim().parse());
    words
        .collect::<Result<_, _>>()
        .map_err(|problem| Error::Input { problem })
}

/// The playbook: of a file where there is one of that name, otherwise of the snapshot.
fn playbook(context: &Context, named: &str, snapshot: &Snapshot) -> Result<Playbook, Error> {
    let path = Path::new(named);
    if named == "-" || path.exists() {
        return super::lint::playbook_of(context, path);
    }
    let mut objects = snapshot.objects.iter();
    let found =
        objects.find(|object| object["kind"] == "Playbook" && object["metadata"]["name"] == named);
    let found = found.ok_or_else(|| Error::Input {
        problem: t!(
            context.lang,
            "rehearse-no-playbook",
            name = named.to_owned()
        ),
    })?;
    serde_json::from_value(found.clone()).map_err(|error| Error::Input {
        problem: format!("Playbook {named}: {error}"),
    })
}
