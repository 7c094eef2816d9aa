//! `snapshot`: what playbooks ask of a cluster, in one file to rehearse on. Read as the caller; what does
//! not leave the cluster is taken out of each object as soon as it is read ([`redact`]).
//!
//! The way of a call: [`books`] says what playbooks ask for, [`take`] reads it kind by kind ([`kind`])
//! into packed objects ([`piece`]), [`file`] writes them whole or not at all, [`page`] says what is there
//! and what is not ([`left`]).

mod books;
mod file;
mod kind;
mod left;
mod namespaces;
mod page;
mod piece;
mod pods;
mod progress;
mod reader;
mod redact;
mod rights;
mod shelf;
mod take;
mod targets;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use snafu::ResultExt as _;

use crate::i18n::Lang;
use crate::run::clock::Clock;
use crate::sandtable::snapshot::{self, Compression, FORMAT, LARGEST, Snapshot};
use crate::t;

use super::context::Context;
use super::error::{Error, OutputSnafu};
use super::exit::Exit;
use super::person::Person;
use super::preview::Operator;
use left::{Group, Left};
use page::Page;
use piece::Piece;
use progress::Progress;
use reader::Reader;
use shelf::Shelf;
use take::Taken;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The file to write, whole or not at all; `-` writes to standard output
    #[arg(short, long, value_name = "FILE", default_value = "snapshot.json.gz")]
    pub output: PathBuf,
    /// Takes only what this playbook asks for: its name in the cluster, or a file; may be repeated. By
    /// default all of the cluster's
    #[arg(long, value_name = "NAME|FILE")]
    pub playbook: Vec<String>,
    /// Where the operator is.
    #[command(flatten)]
    pub operator: Operator,
}

/// How much is packed: a third more than the best costs, in a tenth of its time.
const PACKED: u32 = 6;

/// Takes a snapshot, unless somebody interrupts it.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let stopped = || Error::Refused {
        problem: t!(context.lang, "snapshot-interrupted"),
    };
    tokio::select! {
        done = Box::pin(whole(context, &args)) => done,
        _ = interrupt.recv() => Err(stopped()),
        _ = terminate.recv() => Err(stopped()),
    }
}

async fn whole(context: &Context, args: &Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let began = Instant::now();
    let is_streamed = args.output.as_os_str() == "-";
    if is_streamed && io::stdout().is_terminal() {
        return Err(Error::Input {
            problem: t!(lang, "snapshot-no-terminal"),
        });
    }
    let client = context.client().await?;
    let person = Person::ask(&client).await?;
    let reader = Reader::new(context.config().await?, Progress::new(lang))?;
    let shelf = Shelf::read(context, &reader, &args.playbook).await?;
    let server = reader.version().await?;
    let taken = take::take(&reader, &shelf.asked, &args.operator).await;
    reader.progress.end();
    let mut taken = taken?;
    let playbook = shelf.first.clone();
    let left = left_out(&mut taken, shelf);
    let english = left.iter().map(|left| left.text(Lang::En));
    let head = Head {
        taken: Clock::machine().now(),
        by: person.name,
        server,
        left: english.collect(),
    };
    let pieces = piece::sorted(std::mem::take(&mut taken.part.pieces));
    let page = Page {
        file: (!is_streamed).then(|| args.output.display().to_string()),
        sizes: piece::sizes(&pieces),
        packed: 0,
        unpacked: 0,
        left,
        delays: taken.measured.ready_seconds.len(),
        round_trip: (
            taken.measured.round_trip_milliseconds,
            taken.measured.requests,
        ),
        took: 0,
        playbook,
        lacks_targets: taken.part.lacks_targets,
    };
    let snapshot = head.snapshot(&mut taken, pieces);
    let (packed, unpacked) = write(context, &args.output, &snapshot)?;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or_default();
    let page = Page {
        packed,
        unpacked,
        took,
        ..page
    };
    tell(context, &page, taken.wartime, is_streamed)
}

/// What a snapshot says of itself.
struct Head {
    taken: Timestamp,
    by: String,
    server: String,
    left: Vec<snapshot::LeftOut>,
}

impl Head {
    fn snapshot(self, taken: &mut Taken, pieces: Vec<Piece>) -> Snapshot<Box<RawValue>> {
        Snapshot {
            format: FORMAT.to_owned(),
            taken: self.taken,
            by: self.by,
            server: self.server,
            left_out: self.left,
            measured: Some(std::mem::take(&mut taken.measured)),
            objects: pieces.into_iter().map(|piece| piece.text).collect(),
        }
    }
}

/// Everything that is left out, with what playbooks leave open.
fn left_out(taken: &mut Taken, shelf: Shelf) -> Vec<Left> {
    let mut counts = std::mem::take(&mut taken.part.counts);
    // Nobody asks for these, so nobody knows how many there are.
    counts.extend([(Group::Secrets, 0), (Group::Webhooks, 0)]);
    let open: BTreeMap<Group, u64> = [
        (Group::Conditions, shelf.asked.conditions),
        (Group::Chosen, shelf.asked.chosen),
        (Group::Files, shelf.files),
    ]
    .into();
    counts.extend(open.into_iter().filter(|(_, count)| *count > 0));
    let mut others = std::mem::take(&mut taken.part.left);
    taken.part.lacks_targets |= !shelf.asked.left.is_empty();
    others.extend(shelf.asked.left);
    taken.part.keep_all(shelf.objects);
    for (group, count) in std::mem::take(&mut taken.part.counts) {
        *counts.entry(group).or_default() += count;
    }
    left::all(&counts, others)
}

/// Writes a snapshot, and says how many bytes it has, packed and unpacked.
fn write(
    context: &Context,
    path: &Path,
    snapshot: &Snapshot<Box<RawValue>>,
) -> Result<(u64, u64), Error> {
    let written = if path.as_os_str() == "-" {
        fill(io::stdout().lock(), snapshot)
    } else {
        file::whole(path, |file| fill(file, snapshot))
    };
    written.map_err(|error| Error::Input {
        problem: t!(
            context.lang,
            "snapshot-cannot-write",
            file = path.display().to_string(),
            problem = error.to_string()
        ),
    })
}

fn fill(into: impl Write, snapshot: &Snapshot<Box<RawValue>>) -> io::Result<(u64, u64)> {
    let mut into = Counted { bytes: 0, into };
    let unpacked = snapshot.pack(&mut into, Compression::new(PACKED));
    let unpacked = unpacked.map_err(snapshot::Error::into_io)?;
    into.flush()?;
    if unpacked > LARGEST {
        return Err(io::Error::other(snapshot::Error::Large));
    }
    Ok((into.bytes, unpacked))
}

/// Counts what goes through.
struct Counted<W> {
    bytes: u64,
    into: W,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// Says what was taken: on standard error where the snapshot itself went to standard output.
fn tell(context: &Context, page: &Page, wartime: u64, is_streamed: bool) -> Result<Exit, Error> {
    let text = page.text(&context.view());
    if is_streamed {
        anstream::eprintln!("{text}");
    } else {
        context.say(&text)?;
    }
    if wartime > 0 {
        let warning = t!(context.lang, "snapshot-wartime", modes = wartime);
        anstream::eprintln!("{warning}");
    }
    Ok(if page.lacks_targets {
        Exit::Negative
    } else {
        Exit::Done
    })
}
