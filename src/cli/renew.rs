//! `renew`: proposes a longer term. What was granted stays in force until it is approved.

use std::time::Duration;

use crate::api::{EmergencyMode, Term};
use crate::t;

use super::args::{Output, term};
use super::context::{Context, in_force, mode, playbook};
use super::declare::within_term;
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// How much longer the mode lasts: added to its term
    #[arg(long = "for", value_name = "TERM", value_parser = term)]
    pub more: Term,
    /// The group in whose name you propose it
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Proposes a longer term. The one who changes it becomes the requester, so they cannot approve it.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let first = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &first.spec.playbook_ref.name).await?.spec;
    let person = Person::ask(&client).await?;
    let group = person.acting_as(
        Right::Request,
        &playbook.authority,
        args.in_name_of.as_deref(),
    )?;
    let wanted = longer(&first, &args.more)?;
    within_term(context.lang, &playbook, first.spec.level, &wanted)?;
    let mode = edit(&client, &args.name, "change the term", |now| {
        // Two people who renew at the same moment would add up otherwise.
        if now.spec.expires_after != first.spec.expires_after {
            let term = now.spec.expires_after.0.clone();
            return Err(Error::Refused {
                problem: t!(
                    context.lang,
                    "renew-changed",
                    name = args.name.clone(),
                    term = term
                ),
            });
        }
        Ok(vec![
            set("expiresAfter", &wanted),
            set("requestedBy", &person.name),
            set("requestedAs", &group),
        ])
    })
    .await?;
    context.print(args.output.output, &mode, || {
        t!(
            context.lang,
            "renew-done",
            name = args.name.clone(),
            term = wanted.0.clone(),
            quorum = playbook
                .authority
                .quorum_over(in_force(&mode), mode.spec.level)
        )
    })?;
    Ok(Exit::Done)
}

/// The present term and what is added to it.
fn longer(mode: &EmergencyMode, added: &Term) -> Result<Term, Error> {
    let read = |term: &Term| {
        term.to_duration()
            .map_err(|problem| Error::Input { problem })
    };
    Ok(written(
        read(&mode.spec.expires_after)?.saturating_add(read(added)?),
    ))
}

/// A span as people write it: `36h`, `1h30m`.
fn written(span: Duration) -> Term {
    let seconds = span.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n}{unit}"));
    Term(text.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    /// The new term is counted from activation like the old one, so what is added is added to it.
    #[test]
    fn the_term_grows_by_what_is_given() {
        let grown = |more: &str| longer(&samples::active(), &Term(more.into())).unwrap().0;
        assert_eq!(grown("12h"), "36h");
        assert_eq!(grown("1h30m5s"), "25h30m5s");
    }
}
