//! `review`: what one person did without quorum is judged by somebody else.

use clap::ValueEnum;

use crate::api::{Review, ReviewOutcome};
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{append, edit_record};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// What the reviewer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// It was right
    Justified,
    /// It was not
    Unjustified,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// What you find
    #[arg(value_enum)]
    pub outcome: Outcome,
    /// What you say to it
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// The group in whose name you review it
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Adds a review, also to a mode that is over.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let client = context.client().await?;
    let now = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &now.spec.playbook_ref.name).await?.spec;
    let person = Person::ask(&client).await?;
    let review = Review {
        of: "breakGlass".to_owned(),
        outcome: match args.outcome {
            Outcome::Justified => ReviewOutcome::Justified,
            Outcome::Unjustified => ReviewOutcome::Unjustified,
        },
        comment: args.comment,
        as_: person.acting_as(
            Right::Oversee,
            &playbook.authority,
            args.in_name_of.as_deref(),
        )?,
        by: person.name,
    };
    let mode = edit_record(&client, &args.name, "review what was done", |now| {
        let problem = match &now.spec.break_glass {
            None => t!(lang, "review-nothing", name = args.name.clone()),
            Some(act) if act.by == review.by => t!(lang, "review-own", name = args.name.clone()),
            Some(_) => {
                let length = now.spec.reviews.len();
                return Ok(vec![append("reviews", length, &review)]);
            }
        };
        Err(Error::Refused { problem })
    })
    .await?;
    context.print(args.output.output, &mode, || {
        t!(lang, "review-done", name = args.name.clone())
    })?;
    Ok(Exit::Done)
}
