//! `status`: all modes in a list, or one in full, once or for as long as somebody looks.

use std::io::IsTerminal;

use futures::StreamExt;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::json;

use crate::api::{ChangeRecord, EmergencyMode, Phase, RecordMode, names};
use crate::ledger::Ledger;
use crate::t;

use super::args::{Format, Output};
use super::context::{Context, call, mode};
use super::error::Error;
use super::exit::Exit;
use super::follow::{self, News};
use super::render::{fields, mode as page};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode; all of them when left out
    pub name: Option<String>,
    /// Goes on showing it, until it is closed
    #[arg(short, long, requires = "name")]
    pub watch: bool,
    /// Shows every change of the mode, from its journal
    #[arg(long, requires = "name", conflicts_with = "watch")]
    pub targets: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Objects in one page of a list: what the API server answers in a few milliseconds.
const PAGE: u32 = 200;

/// Shows.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let format = args.output.output;
    match &args.name {
        None => list(context, &client, format).await?,
        Some(name) if args.targets => targets(context, &client, name, format).await?,
        Some(name) if args.watch => return watch(context, &client, name, format).await,
        Some(name) => show(context, &mode(&client, name).await?, format)?,
    }
    Ok(Exit::Done)
}

fn show(context: &Context, mode: &EmergencyMode, format: Format) -> Result<(), Error> {
    context.print(format, mode, || page::full(&context.view(), mode))
}

async fn list(context: &Context, client: &Client, format: Format) -> Result<(), Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let modes = pages("list EmergencyModes", &api, ListParams::default()).await?;
    let object = json!({ "items": modes });
    context.print(format, &object, || page::list(&context.view(), &modes))
}

/// Every change of a mode, folded from its journal: the status holds only the first 50 that are
/// not as they should be.
async fn targets(
    context: &Context,
    client: &Client,
    name: &str,
    format: Format,
) -> Result<(), Error> {
    let mode = mode(client, name).await?;
    let ledger = ledger(context, client, &mode).await?;
    let object = fields::entries_json(&ledger);
    context.print(format, &object, || {
        fields::entries(&context.view(), &ledger)
    })
}

/// The journal of a mode.
///
/// # Errors
/// What a request says; `Refused` where it is damaged.
pub(super) async fn ledger(
    context: &Context,
    client: &Client,
    mode: &EmergencyMode,
) -> Result<Ledger, Error> {
    let id = RecordMode {
        name: mode.metadata.name.clone().unwrap_or_default(),
        uid: mode.metadata.uid.clone().unwrap_or_default(),
    };
    ledger_of(context, client, id).await
}

/// The journal of a mode of which records are there, whether its object is or not.
///
/// # Errors
/// As [`ledger`].
pub(super) async fn ledger_of(
    context: &Context,
    client: &Client,
    id: RecordMode,
) -> Result<Ledger, Error> {
    let api: Api<ChangeRecord> = Api::all(client.clone());
    let of_mode = ListParams::default().labels(&format!("{}={}", names::MODE_UID_LABEL, id.uid));
    let records = pages("list ChangeRecords", &api, of_mode).await?;
    // A label does not hold every name whole.
    let id = records
        .first()
        .map_or(id, |record| record.spec.mode.clone());
    let name = id.name.clone();
    let specs = records.into_iter().map(|record| record.spec).collect();
    Ledger::fold(id, specs).map_err(|damage| Error::Refused {
        problem: t!(
            context.lang,
            "error-journal",
            name = name,
            problem = damage.to_string()
        ),
    })
}

/// All pages of a list.
pub(super) async fn pages<K>(what: &str, api: &Api<K>, params: ListParams) -> Result<Vec<K>, Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut params = params.limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = call(what, api.list(&params)).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

async fn watch(
    context: &Context,
    client: &Client,
    name: &str,
    format: Format,
) -> Result<Exit, Error> {
    // A watch would wait for ever where the first read already says what is wrong.
    mode(client, name).await?;
    let mut news = std::pin::pin!(follow::news(client, name));
    let terminal = std::io::stdout().is_terminal() && format == Format::Table;
    let mut last = String::new();
    while let Some(said) = news.next().await {
        let News::Now(mode) = said else {
            context.say(&t!(context.lang, "wait-gone", name = name.to_owned()))?;
            return Ok(Exit::Done);
        };
        if format == Format::Table {
            let text = page::full(&context.view(), &mode);
            if text != last {
                // On a terminal the page is drawn in place: home, the page, clear what is below.
                let frame = if terminal {
                    format!("\x1b[H\x1b[2J{text}")
                } else {
                    format!("{text}\n")
                };
                context.say(&frame)?;
                last = text;
            }
        } else {
            show(context, &mode, format)?;
        }
        if mode.status.as_ref().and_then(|status| status.phase) == Some(Phase::Closed) {
            return Ok(Exit::Done);
        }
    }
    Ok(Exit::Done)
}
