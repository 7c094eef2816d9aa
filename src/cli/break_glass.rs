//! `break-glass`: one person acts without quorum, at once, and answers for it afterwards.

use crate::api::BreakGlass;
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// Why there is no time for a quorum
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

/// Acts without quorum. It is set once.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let client = context.client().await?;
    let now = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &now.spec.playbook_ref.name).await?.spec;
    let person = Person::ask(&client).await?;
    let wanted = args.in_name_of.as_deref();
    let act = BreakGlass {
        reason: args.reason,
        as_: person.acting_as(Right::BreakGlass, &playbook.authority, wanted)?,
        by: person.name,
    };
    let (name, user, group) = (args.name.clone(), act.by.clone(), act.as_.clone());
    let question = t!(
        lang,
        "break-glass-question",
        name = name,
        user = user,
        group = group
    );
    if !args.yes && !context.ask(&question)? {
        context.say(&t!(lang, "nothing-done"))?;
        return Ok(Exit::Negative);
    }
    let mode = edit(
        &client,
        &args.name,
        "act without quorum",
        |now| match &now.spec.break_glass {
            Some(old) if old.by == act.by => Ok(Vec::new()),
            Some(old) => {
                let (name, by) = (args.name.clone(), old.by.clone());
                Err(Error::Refused {
                    problem: t!(lang, "break-glass-already", name = name, by = by),
                })
            }
            None => Ok(vec![set("breakGlass", &act)]),
        },
    )
    .await?;
    context.print(args.output.output, &mode, || {
        let (name, by) = (args.name.clone(), act.by.clone());
        t!(lang, "break-glass-done", name = name, by = by)
    })?;
    Ok(Exit::Done)
}
