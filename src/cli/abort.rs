//! `abort`: stops the switch where it is, and holds or restores what was done.

use clap::ValueEnum;

use crate::api::{Abort, AbortChoice};
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// What becomes of what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Stop writing; the values stay, the term still runs
    Hold,
    /// Bring everything back
    Restore,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// What becomes of what was done
    #[arg(value_enum)]
    pub choice: Choice,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The group in whose name you decide
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Aborts. It is set once.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let now = mode(&client, &args.name).await?;
    let authority = playbook(&client, &now.spec.playbook_ref.name)
        .await?
        .spec
        .authority;
    let person = Person::ask(&client).await?;
    let abort = Abort {
        choice: match args.choice {
            Choice::Hold => AbortChoice::Hold,
            Choice::Restore => AbortChoice::Restore,
        },
        reason: args.reason,
        as_: person.acting_as(Right::Decide, &authority, args.in_name_of.as_deref())?,
        by: person.name,
    };
    let mode = edit(&client, &args.name, "abort the mode", |now| {
        match &now.spec.abort {
            Some(old) if old.choice == abort.choice => Ok(Vec::new()),
            Some(old) => Err(Error::Refused {
                problem: t!(
                    context.lang,
                    "abort-already",
                    name = args.name.clone(),
                    by = old.by.clone()
                ),
            }),
            None => Ok(vec![set("abort", &abort)]),
        }
    })
    .await?;
    context.print(args.output.output, &mode, || match args.choice {
        Choice::Hold => t!(context.lang, "abort-hold-done", name = args.name.clone()),
        Choice::Restore => t!(context.lang, "abort-restore-done", name = args.name.clone()),
    })?;
    Ok(Exit::Done)
}
