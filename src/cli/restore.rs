//! `restore --from-records`: brings everything back with no operator and no `EmergencyMode`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use kube::Client;
use kube::api::{Api, ListParams};
use snafu::ResultExt;

use crate::api::{ChangeRecord, ChangeRecordSpec, RecordMode, Term, names};
use crate::ledger::{Direction, Ledger};
use crate::recover::{self, Restored};
use crate::run::clock::Clock;
use crate::run::lease;
use crate::run::operator::Settings;
use crate::run::retention;
use crate::t;

use super::args::{Output, term};
use super::context::Context;
use super::error::{Error, RecoverSnafu};
use super::exit::Exit;
use super::render::restore as page;
use super::status::pages;

/// Writes in flight at most: as the operator's own default.
const CONCURRENCY: usize = 32;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name or uid of the mode; every mode whose journal is not closed when left out
    pub name: Option<String>,
    /// Works from the journal alone; takes the operator's lease
    #[arg(long, required = true)]
    pub from_records: bool,
    /// Namespace of the operator, where its lease is
    #[arg(long, value_name = "NAME", default_value = names::DEFAULT_NAMESPACE)]
    pub namespace: String,
    /// Namespace of the service accounts that playbooks run under
    #[arg(long, value_name = "NAME", default_value = names::ACCOUNT_NAMESPACE)]
    pub accounts_namespace: String,
    /// Writes targets as yourself, not as the playbooks' accounts: where an account has lost a right
    #[arg(long)]
    pub as_yourself: bool,
    /// How long to wait for the lease of an operator that was killed
    #[arg(long, value_name = "TERM", default_value = "30s", value_parser = term)]
    pub wait_for_lease: Term,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Brings everything back.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let wait = args.wait_for_lease.to_duration();
    let wait = wait.map_err(|problem| Error::Input { problem })?;
    let client = context.client().await?;
    let open = open(&client, args.name.as_deref()).await?;
    if open.is_empty() {
        context.print(args.output.output, &page::json(&[]), || {
            t!(lang, "restore-nothing")
        })?;
        return Ok(Exit::Done);
    }
    anstream::eprintln!("{}", page::before(lang, &open));
    if !args.yes && !context.ask(&t!(lang, "restore-question"))? {
        context.say(&t!(lang, "nothing-done"))?;
        return Ok(Exit::Negative);
    }
    let clock = Clock::machine();
    let settings = Settings {
        namespace: args.namespace,
        accounts_namespace: args.accounts_namespace,
        identity: clock.identity(&format!("restore-{}", super::run::host())),
        concurrency: CONCURRENCY,
        record_retention: retention::DEFAULT,
        address: None,
        lease: lease::DEFAULT,
        signals: Arc::default(),
        readiness: None,
    };
    let config = context.config().await?;
    let only = args.name.as_deref();
    let bar = bar(t!(lang, "restore-lease"));
    let ourselves = args.as_yourself;
    let restored = recover::restore(config, settings, clock, ourselves, only, wait, |now| {
        show(&bar, now);
    });
    let restored = restored.await;
    bar.finish_and_clear();
    // A mode that was closed before is none of this call's business.
    let mut restored = restored.context(RecoverSnafu)?;
    restored.retain(|mode| open.iter().any(|before| before.mode.uid == mode.mode.uid));
    context.print(args.output.output, &page::json(&restored), || {
        page::after(&context.view(), &restored)
    })?;
    let back = restored
        .iter()
        .all(|mode| mode.closed && mode.left.is_empty());
    Ok(if back { Exit::Done } else { Exit::Negative })
}

/// A mode whose journal is not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The mode.
    pub mode: RecordMode,
    /// Its changes; nothing where the journal cannot be read.
    pub changes: Option<usize>,
}

/// The modes whose journals are not closed: the one of that name or uid, or all.
async fn open(client: &Client, only: Option<&str>) -> Result<Vec<Open>, Error> {
    let api: Api<ChangeRecord> = Api::all(client.clone());
    let records = pages("list ChangeRecords", &api, ListParams::default()).await?;
    let mut by_mode: BTreeMap<String, (RecordMode, Vec<ChangeRecordSpec>)> = BTreeMap::new();
    for record in records {
        let mode = record.spec.mode.clone();
        let entry = by_mode.entry(mode.uid.clone());
        entry
            .or_insert_with(|| (mode, Vec::new()))
            .1
            .push(record.spec);
    }
    let wanted = by_mode.into_values();
    let wanted =
        wanted.filter(|(mode, _)| only.is_none_or(|only| mode.name == only || mode.uid == only));
    Ok(wanted
        .filter_map(|(mode, specs)| unclosed(mode, specs))
        .collect())
}

fn unclosed(mode: RecordMode, specs: Vec<ChangeRecordSpec>) -> Option<Open> {
    match Ledger::fold(mode.clone(), specs) {
        Ok(ledger) if ledger.direction == Direction::Closed => None,
        Ok(ledger) => Some(Open {
            mode,
            changes: Some(ledger.entries.len()),
        }),
        Err(_) => Some(Open {
            mode,
            changes: None,
        }),
    }
}

/// A bar on standard error; hidden where nobody looks.
fn bar(waiting: String) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(waiting);
    bar.tick();
    bar
}

fn show(bar: &ProgressBar, now: &[Restored]) {
    let done: usize = now.iter().map(|mode| mode.back + mode.let_go).sum();
    let left: usize = now.iter().map(|mode| mode.left.len()).sum();
    bar.set_length(u64::try_from(done + left).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    bar.set_message("");
}
