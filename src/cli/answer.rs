//! `answer`: what a person says at a gate.

use clap::ValueEnum;

use crate::api::{Answer, AnswerChoice, EmergencyMode, Gate, PlaybookSpec};
use crate::i18n::Lang;
use crate::t;

use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{append, edit};
use super::error::Error;
use super::exit::Exit;
use super::person::Person;

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Go on
    Proceed,
    /// Leave out the steps after the gate
    Skip,
    /// Stop the stage
    Stop,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// The gate: STAGE/STEP, as status shows it
    #[arg(value_name = "STAGE/STEP")]
    pub at: String,
    /// What you answer
    #[arg(value_enum)]
    pub choice: Choice,
    /// The group in whose name you answer; by default the first of yours that the gate asks
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Answers.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let first = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &first.spec.playbook_ref.name).await?.spec;
    let (stage, step) = split(context.lang, &playbook, &args.at)?;
    let gate = gate(context.lang, &playbook, stage, step)?;
    let person = Person::ask(&client).await?;
    let answer = Answer {
        stage: stage.to_owned(),
        step: step.to_owned(),
        answer: match args.choice {
            Choice::Proceed => AnswerChoice::Proceed,
            Choice::Skip => AnswerChoice::Skip,
            Choice::Stop => AnswerChoice::Stop,
        },
        as_: person.among(&gate.groups, args.in_name_of.as_deref())?,
        by: person.name,
    };
    let mode = edit(&client, &args.name, "answer", |now| {
        match given(now, &answer, &gate.groups) {
            None => Ok(vec![append("answers", now.spec.answers.len(), &answer)]),
            Some(said) if said.answer == answer.answer => Ok(vec![]),
            // The first answer counts: a second one would look given and change nothing.
            Some(said) => Err(Error::Refused {
                problem: t!(
                    context.lang,
                    "answer-given",
                    at = args.at.clone(),
                    by = said.by.clone(),
                    answer = format!("{:?}", said.answer)
                ),
            }),
        }
    })
    .await?;
    context.print(args.output.output, &mode, || {
        let answer = format!("{:?}", answer.answer);
        let (name, at) = (args.name.clone(), args.at.clone());
        t!(
            context.lang,
            "answer-done",
            name = name,
            at = at,
            answer = answer
        )
    })?;
    Ok(Exit::Done)
}

/// The answer that stands in the way of another one: the last, since those before it were given when the
/// gate asked earlier. While it asks and the operator has not seen everything, whether that one is about this
/// time is not known: one that says the same is given once more, which changes nothing where it is.
fn given<'a>(now: &'a EmergencyMode, answer: &Answer, groups: &[String]) -> Option<&'a Answer> {
    let mut answers = now.spec.answers.iter();
    let last = answers.rfind(|said| {
        said.stage == answer.stage && said.step == answer.step && groups.contains(&said.as_)
    });
    last.filter(|last| {
        let same = last.answer == answer.answer;
        let again = asks_again(now, answer) || (same && asks(now, answer));
        !again
    })
}

/// Whether a gate asks although the operator knows everything that was answered: its stage had left the
/// plan meanwhile, and what was answered then is not about this time.
fn asks_again(now: &EmergencyMode, answer: &Answer) -> bool {
    let seen = now.status.as_ref().map(|status| status.observed_generation);
    asks(now, answer) && now.metadata.generation == seen
}

/// Whether a gate asks, by what the operator has seen so far.
fn asks(now: &EmergencyMode, answer: &Answer) -> bool {
    let mut stages = now.status.iter().flat_map(|status| &status.stages);
    stages.any(|own| own.name == answer.stage && own.asks.contains(&answer.step))
}

/// The stage and the step of `STAGE/STEP`, where the playbook has them.
pub(super) fn split<'a>(
    lang: Lang,
    playbook: &PlaybookSpec,
    at: &'a str,
) -> Result<(&'a str, &'a str), Error> {
    let all = playbook.stages.iter().flat_map(|stage| {
        let steps = stage.steps.iter();
        steps.map(move |step| format!("{}/{}", stage.name, step.name))
    });
    let all: Vec<String> = all.collect();
    match at.split_once('/') {
        Some(found) if all.iter().any(|known| known == at) => Ok(found),
        Some(_) | None => {
            let (at, steps) = (at.to_owned(), all.join(", "));
            Err(Error::Refused {
                problem: t!(lang, "no-such-step", at = at, steps = steps),
            })
        }
    }
}

fn gate<'a>(
    lang: Lang,
    playbook: &'a PlaybookSpec,
    stage: &str,
    step: &str,
) -> Result<&'a Gate, Error> {
    let gates = || {
        playbook.stages.iter().flat_map(|stage| {
            let steps = stage.steps.iter();
            steps.filter_map(move |step| Some((&stage.name, &step.name, step.gate.as_ref()?)))
        })
    };
    let mut found = gates().filter(|(of, at, _)| *of == stage && *at == step);
    found.next().map(|(_, _, gate)| gate).ok_or_else(|| {
        let known: Vec<String> = gates()
            .map(|(stage, step, _)| format!("{stage}/{step}"))
            .collect();
        let (at, gates) = (format!("{stage}/{step}"), known.join(", "));
        Error::Refused {
            problem: t!(lang, "answer-no-gate", at = at, gates = gates),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mode(generation: i64, asks: &[&str]) -> EmergencyMode {
        let mode = json!({
            "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
            "metadata": { "name": "flood", "generation": generation },
            "spec": { "playbookRef": { "name": "flood" }, "level": "I", "reason": "rain",
                "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" },
            "status": { "observedGeneration": 7, "stages": [
                { "name": "shed", "state": "Done", "changes": 1, "applied": 1, "failed": 0 },
                { "name": "counters", "state": "Running", "changes": 1, "applied": 0, "failed": 0,
                    "asks": asks },
            ] },
        });
        serde_json::from_value(mode).expect("a mode")
    }

    /// Whoever is asked again must be able to answer again; but what a colleague has just answered
    /// counts, though the operator has not seen it yet.
    #[test]
    fn a_gate_asks_again_only_where_every_answer_is_known() {
        let answer = Answer {
            stage: "counters".into(),
            step: "confirm".into(),
            answer: AnswerChoice::Proceed,
            by: "wang".into(),
            as_: "command".into(),
        };
        assert!(asks_again(&mode(7, &["confirm"]), &answer));
        assert!(
            !asks_again(&mode(8, &["confirm"]), &answer),
            "one is unseen"
        );
        assert!(!asks_again(&mode(7, &["other"]), &answer));
        assert!(!asks_again(&mode(7, &[]), &answer));
        let elsewhere = Answer {
            stage: "shed".into(),
            ..answer
        };
        assert!(!asks_again(&mode(7, &["confirm"]), &elsewhere));
    }

    /// Whoever is told that it is done relies on it: what a colleague has said since the gate asks again counts,
    /// and an answer of the time before does not.
    #[test]
    fn an_answer_of_an_earlier_time_is_not_taken_for_this_ones() {
        let said = |answer: AnswerChoice, by: &str| Answer {
            stage: "counters".into(),
            step: "confirm".into(),
            answer,
            by: by.into(),
            as_: "command".into(),
        };
        let groups = ["command".to_owned()];
        let (first, stop) = (
            said(AnswerChoice::Proceed, "wang"),
            said(AnswerChoice::Stop, "lin"),
        );
        let in_the_way = |generation: i64, asks: &[&str], all: &[&Answer], mine: &Answer| {
            let mut mode = mode(generation, asks);
            mode.spec.answers = all.iter().copied().cloned().collect();
            given(&mode, mine, &groups).map(|said| said.by.clone())
        };
        let lin = Some("lin".to_owned());
        let both = [&first, &stop];
        assert_eq!(in_the_way(8, &["confirm"], &both, &first), lin, "unseen");
        assert_eq!(in_the_way(7, &[], &both, &first), lin, "seen");
        assert_eq!(
            in_the_way(7, &["confirm"], &both, &first),
            None,
            "it asks again"
        );
        // Something else was changed: what is said must not only look as if it were.
        assert_eq!(in_the_way(8, &["confirm"], &[&first], &first), None);
        let wang = Some("wang".to_owned());
        assert_eq!(in_the_way(8, &["confirm"], &[&first], &stop), wang);
        assert_eq!(in_the_way(7, &[], &[&first], &first), wang, "it is given");
    }
}
