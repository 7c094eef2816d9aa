//! `verdict`: a person's decision about fields that somebody else changed.

use clap::ValueEnum;

use crate::api::{EmergencyMode, PlaybookSpec, Verdict, VerdictChoice, VerdictOf};
use crate::i18n::Lang;
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{append, edit};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// Which value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The other's value stays; the mode lets go of the field
    Keep,
    /// The value of the present direction is written over it
    Ours,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("of").required(true).args(["uid", "step", "all"]))]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// Which value stands
    #[arg(value_enum)]
    pub choice: Choice,
    /// Uid of the target, as status shows it
    #[arg(long, value_name = "UID", requires = "path")]
    pub uid: Option<String>,
    /// Path of the field, as status shows it
    #[arg(long, value_name = "PATH", requires = "uid")]
    pub path: Option<String>,
    /// Hash of the value that you saw; by default the one that status shows now
    #[arg(long, value_name = "HASH", requires = "uid")]
    pub seen: Option<String>,
    /// Every drifted field of this step
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,
    /// Every drifted field
    #[arg(long)]
    pub all: bool,
    /// The group in whose name you decide
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Gives a verdict.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let first = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &first.spec.playbook_ref.name).await?.spec;
    says_something(context.lang, &first, &playbook, &args)?;
    let person = Person::ask(&client).await?;
    let verdict = Verdict {
        of: VerdictOf {
            uid: args.uid.clone(),
            path: args.path.clone(),
            step: args.step.clone(),
            all: args.all.then_some(true),
        },
        choice: match args.choice {
            Choice::Keep => VerdictChoice::Keep,
            Choice::Ours => VerdictChoice::Ours,
        },
        seen: seen(context.lang, &first, &args)?,
        as_: person.acting_as(
            Right::Adjudicate,
            &playbook.authority,
            args.in_name_of.as_deref(),
        )?,
        by: person.name,
    };
    let mode = edit(&client, &args.name, "give the verdict", |now| {
        let verdicts = &now.spec.verdicts;
        // Of all or of a step it may be said again: it is about what is drifted then.
        let repeated = verdict.seen.is_some() && verdicts.last() == Some(&verdict);
        Ok(if repeated {
            vec![]
        } else {
            vec![append("verdicts", verdicts.len(), &verdict)]
        })
    })
    .await?;
    context.print(args.output.output, &mode, || match args.choice {
        Choice::Keep => t!(context.lang, "verdict-keep-done", name = args.name.clone()),
        Choice::Ours => t!(context.lang, "verdict-ours-done", name = args.name.clone()),
    })?;
    Ok(Exit::Done)
}

/// Refuses a verdict that would be about nothing: it would be stored, look given, and change
/// nothing.
fn says_something(
    lang: Lang,
    mode: &EmergencyMode,
    playbook: &PlaybookSpec,
    args: &Args,
) -> Result<(), Error> {
    let steps = playbook.stages.iter().flat_map(|stage| &stage.steps);
    let steps: Vec<&str> = steps.map(|step| step.name.as_str()).collect();
    if let Some(step) = args
        .step
        .as_ref()
        .filter(|step| !steps.contains(&step.as_str()))
    {
        let (step, steps) = (step.clone(), steps.join(", "));
        return Err(Error::Refused {
            problem: t!(lang, "verdict-no-step", step = step, steps = steps),
        });
    }
    let counts = mode
        .status
        .as_ref()
        .and_then(|status| status.counts.as_ref());
    let drifted = counts.map_or(0, |counts| counts.drifted);
    if args.uid.is_none() && drifted == 0 {
        return Err(Error::Refused {
            problem: t!(lang, "verdict-nothing", name = args.name.clone()),
        });
    }
    Ok(())
}

/// The hash of the value that the person saw: the one given, else the one that status shows.
fn seen(lang: Lang, mode: &EmergencyMode, args: &Args) -> Result<Option<String>, Error> {
    let (Some(uid), Some(path)) = (&args.uid, &args.path) else {
        return Ok(None);
    };
    if args.seen.is_some() {
        return Ok(args.seen.clone());
    }
    let targets = mode
        .status
        .as_ref()
        .map(|status| status.targets.as_slice())
        .unwrap_or_default();
    let target = targets
        .iter()
        .find(|target| &target.uid == uid && &target.path == path);
    match target.and_then(|target| target.seen.clone()) {
        Some(seen) => Ok(Some(seen)),
        None => Err(Error::Refused {
            problem: t!(
                lang,
                "verdict-nothing-drifted",
                uid = uid.clone(),
                path = path.clone()
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Verb};
    use super::*;
    use crate::cli::samples;

    fn parsed(line: &str) -> Result<Args, String> {
        match Cli::try_parse_from(line.split(' '))
            .map_err(|error| error.to_string())?
            .verb
        {
            Verb::Verdict(args) => Ok(args),
            other => Err(format!("{other:?}")),
        }
    }

    /// A verdict is bound to the value that the person saw: another edit needs another verdict.
    #[test]
    fn a_verdict_on_one_field_names_the_value_that_status_shows() {
        let mode = samples::active();
        let drifted = &mode.status.as_ref().unwrap().targets[0];
        let line = format!(
            "pingzhan verdict flood keep --uid {} --path {}",
            drifted.uid, drifted.path
        );
        let args = parsed(&line).unwrap();
        assert_eq!(seen(Lang::En, &mode, &args).unwrap(), drifted.seen);
        let args = parsed("pingzhan verdict flood keep --uid none --path /spec/replicas").unwrap();
        assert!(matches!(
            seen(Lang::En, &mode, &args),
            Err(Error::Refused { .. })
        ));
        let args = parsed("pingzhan verdict flood ours --all").unwrap();
        assert_eq!(seen(Lang::En, &mode, &args).unwrap(), None);
    }

    /// Under stress a name is mistyped: a verdict on nothing must not look given.
    #[test]
    fn a_verdict_on_nothing_is_refused() {
        let mut mode = samples::active();
        let playbook = samples::playbook();
        let step = &playbook.stages[0].steps[0].name;
        let say = |mode: &EmergencyMode, of: &str| {
            let args = parsed(&format!("pingzhan verdict flood keep {of}")).unwrap();
            let said = says_something(Lang::En, mode, &playbook, &args);
            said.err().map(|error| error.explain(Lang::En))
        };
        let status = mode.status.as_mut().unwrap();
        status.counts.as_mut().unwrap().drifted = 1;
        assert_eq!(say(&mode, "--all"), None);
        assert_eq!(say(&mode, &format!("--step {step}")), None);
        let typo = say(&mode, "--step no-such").expect("refused");
        assert!(typo.contains("no-such") && typo.contains(step), "{typo}");
        let status = mode.status.as_mut().unwrap();
        status.counts.as_mut().unwrap().drifted = 0;
        assert!(say(&mode, "--all").is_some());
        assert_eq!(say(&mode, "--uid u --path /spec/replicas"), None);
    }

    /// The API server takes exactly one of the three: people are told before.
    #[test]
    fn a_verdict_is_about_one_thing() {
        for bad in [
            "keep",
            "keep --all --step s",
            "keep --uid u",
            "keep --path /spec/replicas",
            "maybe --all",
        ] {
            assert!(
                parsed(&format!("pingzhan verdict flood {bad}")).is_err(),
                "{bad} was accepted"
            );
        }
    }
}
