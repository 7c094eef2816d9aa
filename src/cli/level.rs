//! `level`: proposes another response level. What was granted stays in force until it is approved.

use crate::api::Level;
use crate::t;

use super::args::{Output, level};
use super::context::{Context, in_force, mode, playbook};
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// The new response level: I (gravest), II, III or IV
    #[arg(value_parser = level)]
    pub level: Level,
    /// The group in whose name you propose it
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Proposes a level. The one who changes it becomes the requester, so they cannot approve it.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let now = mode(&client, &args.name).await?;
    let authority = playbook(&client, &now.spec.playbook_ref.name)
        .await?
        .spec
        .authority;
    let person = Person::ask(&client).await?;
    let group = person.acting_as(Right::Request, &authority, args.in_name_of.as_deref())?;
    let mode = edit(&client, &args.name, "change the level", |now| {
        if now.spec.level == args.level {
            return Ok(Vec::new());
        }
        Ok(vec![
            set("level", args.level),
            set("requestedBy", &person.name),
            set("requestedAs", &group),
        ])
    })
    .await?;
    context.print(args.output.output, &mode, || {
        t!(
            context.lang,
            "level-done",
            name = args.name.clone(),
            level = args.level.as_str(),
            quorum = authority.quorum_over(in_force(&mode), args.level)
        )
    })?;
    Ok(Exit::Done)
}
