//! `abandon`: two people give a mode up for lost; its targets stay as they are.

use crate::api::Abandonment;
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{append, edit};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// Why it is lost
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The group in whose name you act
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Says that a mode is lost. It takes two people.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let client = context.client().await?;
    let now = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &now.spec.playbook_ref.name).await?.spec;
    let person = Person::ask(&client).await?;
    let act = Abandonment {
        reason: args.reason,
        as_: person.acting_as(
            Right::Oversee,
            &playbook.authority,
            args.in_name_of.as_deref(),
        )?,
        by: person.name,
    };
    let question = t!(lang, "abandon-question", name = args.name.clone());
    if !args.yes && !context.ask(&question)? {
        context.say(&t!(lang, "nothing-done"))?;
        return Ok(Exit::Negative);
    }
    let mode = edit(&client, &args.name, "give the mode up", |now| {
        let said = &now.spec.abandon;
        Ok(if said.iter().any(|one| one.by == act.by) {
            Vec::new()
        } else {
            vec![append("abandon", said.len(), &act)]
        })
    })
    .await?;
    context.print(args.output.output, &mode, || {
        let people = mode.spec.abandon.len();
        t!(
            lang,
            "abandon-done",
            name = args.name.clone(),
            people = people
        )
    })?;
    Ok(Exit::Done)
}
