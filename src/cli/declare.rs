//! `declare`: writes a new `EmergencyMode`, after showing what it would do.

#![allow(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts: no backticks"
)]

use std::path::PathBuf;

use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::Value;

use crate::api::{
    EmergencyMode, Level, ParameterType, Playbook, PlaybookSpec, Scalar, Term, names,
};
use crate::engine::plan::Plan;
use crate::i18n::Lang;
use crate::t;

use super::args::{Output, Waiting, level, pair, term};
use super::context::{Context, call, playbook};
use super::draft::{from_file, from_flags, playbook_name};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};
use super::preview::{self, Operator, Wish};
use super::{follow, render};

/// The arguments.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["name", "file"]))]
pub struct Flags {
    /// Name of the new mode
    #[arg(requires_all = ["playbook", "level", "reason"])]
    pub name: Option<String>,
    /// File with an EmergencyMode; requestedBy and requestedAs are filled in. `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Playbook to carry out
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// Response level: I (gravest), II, III or IV
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
    /// What has happened
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How long the mode lasts from its activation
    #[arg(long = "for", value_name = "TERM", value_parser = term)]
    pub term: Option<Term>,
    /// Declares an exercise (演练), not an emergency
    #[arg(long)]
    pub exercise: bool,
    /// Declares an exercise at the table (桌面推演): decisions are recorded, nothing is carried out
    #[arg(long)]
    pub tabletop: bool,
    /// A parameter of the playbook: KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Only in this namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    pub only_namespace: Vec<String>,
    /// Only in namespaces with this label: KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub only_label: Vec<(String, String)>,
    /// Who answers for it: a person or body
    #[arg(long, value_name = "NAME")]
    pub decided_by: Option<String>,
    /// In which role
    #[arg(long, value_name = "ROLE", requires = "decided_by")]
    pub role: Option<String>,
    /// The law or plan that allows it
    #[arg(long, value_name = "NAME")]
    pub instrument: Option<String>,
    /// Its article
    #[arg(long, value_name = "TEXT", requires = "instrument")]
    pub article: Option<String>,
    /// Number of the order
    #[arg(long, value_name = "TEXT", requires = "instrument")]
    pub order_number: Option<String>,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What is declared.
    #[command(flatten)]
    pub flags: Flags,
    /// The group in whose name you declare
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// Declares without computing the plan first: the operator computes it, and approvers see it
    #[arg(long)]
    pub no_preview: bool,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Where the operator is.
    #[command(flatten)]
    pub operator: Operator,
    /// What is waited for.
    #[command(flatten)]
    pub waiting: Waiting,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Declares.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lang = context.lang;
    let draft = match &args.flags.file {
        Some(file) => from_file(lang, &super::lint::read(file)?, &file.display().to_string())?,
        None => from_flags(&args.flags),
    };
    let client = context.client().await?;
    let playbook = playbook(&client, playbook_name(lang, &draft)?).await?;
    let person = Person::ask(&client).await?;
    let authority = &playbook.spec.authority;
    let group = person.acting_as(Right::Request, authority, args.in_name_of.as_deref())?;
    let mut mode = complete(lang, draft, &person.name, &group, &playbook.spec)?;
    let name = mode.metadata.name.clone().unwrap_or_default();
    within_term(
        lang,
        &playbook.spec,
        mode.spec.level,
        &mode.spec.expires_after,
    )?;

    let plan = if args.no_preview {
        None
    } else {
        let wish = wish(&mode, &playbook, &args.operator);
        Some(preview::compute(context, &client, &wish).await?)
    };
    anstream::eprintln!("{}", summary(context, &mode, &playbook.spec, plan.as_ref()));
    if let Some(plan) = &plan {
        bind(lang, &mut mode, plan)?;
    }
    if !args.yes && !context.ask(&t!(lang, "declare-question", name = name.clone()))? {
        context.say(&t!(lang, "nothing-done"))?;
        return Ok(Exit::Negative);
    }
    let stored = create(&client, &mode, &name).await?;
    context.print(args.output.output, &stored, || {
        let quorum = authority.quorum(stored.spec.level);
        t!(lang, "declare-done", name = name.clone(), quorum = quorum)
    })?;
    follow::until(
        context,
        &client,
        &name,
        args.waiting.wait_for,
        &args.waiting.timeout,
    )
    .await
}

async fn create(client: &Client, mode: &EmergencyMode, name: &str) -> Result<EmergencyMode, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let params = PostParams {
        field_manager: Some(names::CLI_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match call("declare the mode", api.create(&params, mode)).await {
        Err(Error::Request { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.is_already_exists()) => {
            Err(Error::Exists {
                kind: "EmergencyMode".to_owned(),
                name: name.to_owned(),
            })
        }
        other => other,
    }
}

fn wish(mode: &EmergencyMode, playbook: &Playbook, operator: &Operator) -> Wish {
    Wish {
        playbook: playbook.clone(),
        level: mode.spec.level,
        nature: mode.spec.nature,
        tabletop: mode.spec.tabletop,
        parameters: mode.spec.parameters.clone(),
        scope: mode.spec.scope.clone(),
        term: mode.spec.expires_after.clone(),
        operator: operator.clone(),
    }
}

/// Binds the mode to the plan that was shown: another one is then refused by the operator. A plan
/// that could not be read whole, or that must be corrected first, binds nothing, since the
/// operator's will be another.
fn bind(lang: Lang, mode: &mut EmergencyMode, plan: &Plan) -> Result<(), Error> {
    match &mode.spec.plan_hash {
        Some(wanted) if wanted != &plan.hash => Err(Error::Refused {
            problem: t!(
                lang,
                "approve-other-plan",
                wanted = wanted.clone(),
                hash = plan.hash.clone()
            ),
        }),
        None if !(plan.problems().is_empty() && plan.faults().is_empty()) => Ok(()),
        Some(_) | None => {
            mode.spec.plan_hash = Some(plan.hash.clone());
            Ok(())
        }
    }
}

/// What is about to be declared, for the question.
fn summary(
    context: &Context,
    mode: &EmergencyMode,
    playbook: &PlaybookSpec,
    plan: Option<&Plan>,
) -> String {
    let lang = context.lang;
    let head = t!(
        lang,
        "declare-summary",
        name = mode.metadata.name.clone().unwrap_or_default(),
        playbook = mode.spec.playbook_ref.name.clone(),
        level = mode.spec.level.as_str(),
        nature = render::nature_word(lang, mode.spec.nature, mode.spec.tabletop),
        term = mode.spec.expires_after.0.clone(),
        reason = mode.spec.reason.clone(),
        user = mode.spec.requested_by.clone(),
        group = mode.spec.requested_as.clone(),
        quorum = playbook.authority.quorum(mode.spec.level)
    );
    match plan {
        Some(plan) => {
            let findings = render::plan::findings(plan, lang);
            let notes = render::plan::obstacles(plan, lang);
            format!(
                "{head}\n{}{findings}{notes}",
                render::plan::summary(plan, lang)
            )
        }
        None => format!("{head}\n{}", t!(lang, "declare-no-preview")),
    }
}

/// The draft with what only now is known: who declares, and the types of parameters.
fn complete(
    lang: Lang,
    mut draft: Value,
    user: &str,
    group: &str,
    playbook: &PlaybookSpec,
) -> Result<EmergencyMode, Error> {
    draft["spec"]["requestedBy"] = user.into();
    draft["spec"]["requestedAs"] = group.into();
    let invalid = |problem: String| Error::Input { problem };
    let mut mode: EmergencyMode = serde_json::from_value(draft)
        .map_err(|error| invalid(t!(lang, "declare-bad-mode", problem = error.to_string())))?;
    if mode.metadata.name.as_deref().unwrap_or_default().is_empty() {
        return Err(invalid(t!(lang, "declare-no-name")));
    }
    mode.status = None;
    for (name, value) in &mut mode.spec.parameters {
        *value = parameter(lang, playbook, name, value)?;
    }
    Ok(mode)
}

/// A parameter's value, in the type that the playbook gives it; flags give texts.
pub(super) fn parameter(
    lang: Lang,
    playbook: &PlaybookSpec,
    name: &str,
    value: &Scalar,
) -> Result<Scalar, Error> {
    let name = name.to_owned();
    let Some(declared) = playbook
        .parameters
        .iter()
        .find(|parameter| parameter.name == name)
    else {
        let known: Vec<&str> = playbook
            .parameters
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        return Err(Error::Input {
            problem: t!(
                lang,
                "declare-unknown-parameter",
                name = name,
                known = known.join(", ")
            ),
        });
    };
    typed(declared.type_, value).ok_or_else(|| Error::Input {
        problem: t!(lang, "declare-bad-parameter", name = name, type = format!("{:?}", declared.type_)),
    })
}

/// A value of a parameter's type; flags give texts.
fn typed(type_: ParameterType, value: &Scalar) -> Option<Scalar> {
    match (type_, value) {
        (ParameterType::Integer, Scalar::Text(text)) => text.parse().ok().map(Scalar::Int),
        (ParameterType::Boolean, Scalar::Text(text)) => text.parse().ok().map(Scalar::Bool),
        (ParameterType::Integer, Scalar::Int(_))
        | (ParameterType::Boolean, Scalar::Bool(_))
        | (ParameterType::String, Scalar::Text(_)) => Some(value.clone()),
        (ParameterType::Integer, Scalar::Bool(_))
        | (ParameterType::Boolean, Scalar::Int(_))
        | (ParameterType::String, Scalar::Bool(_) | Scalar::Int(_)) => None,
    }
}

/// Says early what the operator would refuse late: a term beyond the playbook's.
pub(super) fn within_term(
    lang: Lang,
    playbook: &PlaybookSpec,
    level: Level,
    wanted: &Term,
) -> Result<(), Error> {
    let Some(longest) = playbook
        .authority
        .max_term
        .as_ref()
        .and_then(|term| term.get(level))
    else {
        return Ok(());
    };
    let read = |term: &Term| {
        term.to_duration()
            .map_err(|problem| Error::Input { problem })
    };
    if read(wanted)? <= read(longest)? {
        return Ok(());
    }
    Err(Error::Input {
        problem: t!(
            lang,
            "declare-term-too-long",
            wanted = wanted.0.clone(),
            longest = longest.0.clone(),
            level = level.as_str()
        ),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Verb};
    use super::*;
    use crate::cli::samples;

    fn declared(line: &[&str]) -> Result<EmergencyMode, String> {
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        let Verb::Declare(args) = cli.verb else {
            return Err("not declare".into());
        };
        complete(
            Lang::En,
            from_flags(&args.flags),
            "zhou",
            "emergency-duty",
            &samples::playbook(),
        )
        .map_err(|error| error.explain(Lang::En))
    }

    const LINE: [&str; 9] = [
        "pingzhan",
        "declare",
        "flood",
        "--playbook",
        "flood-response",
        "--level",
        "II",
        "--reason",
        "rain",
    ];

    /// What is typed in a hurry must become exactly the object that is meant.
    #[test]
    fn flags_become_the_object() {
        let rest = [
            "--for",
            "12h",
            "--set",
            "surge=250",
            "--set",
            "closeCounters=false",
            "--only-label",
            "city=yunxi",
            "--decided-by",
            "市防指",
            "--role",
            "指挥长",
            "--instrument",
            "预案",
            "--order-number",
            "7号",
        ];
        let mode = declared(&[&LINE[..], &rest].concat()).unwrap();
        insta::assert_snapshot!(serde_yaml::to_string(&mode).unwrap());
    }

    /// A parameter's typing error found in the emergency is found here, not after approval.
    #[test]
    fn parameters_have_the_playbooks_names_and_types() {
        let with = |set| declared(&[&LINE[..], &["--set", set]].concat());
        assert_eq!(
            with("surge=250").unwrap().spec.parameters["surge"],
            Scalar::Int(250)
        );
        for bad in ["surge=lots", "closeCounters=1", "sugre=250", "surge"] {
            assert!(with(bad).is_err(), "{bad} was accepted");
        }
    }

    /// A declaration that lacks what matters is refused before anything is read.
    #[test]
    fn name_level_and_reason_are_needed() {
        assert!(declared(&LINE[..7]).unwrap_err().contains("--reason"));
        assert!(declared(&["pingzhan", "declare"]).is_err());
        assert_eq!(
            declared(&LINE).unwrap().spec.expires_after,
            Term("24h".into())
        );
    }

    /// A file is another way to say the same; who declares is not the file's to say.
    #[test]
    fn a_file_is_completed_with_who_declares() {
        let text = "apiVersion: pingzhan.dev/v1alpha1\nkind: EmergencyMode\nmetadata: {name: flood}\nspec: {playbookRef: {name: flood-response}, level: II, reason: rain, expiresAfter: 24h, requestedBy: somebody-else}\n";
        let draft = from_file(Lang::En, text, "mode.yaml").unwrap();
        let mode = complete(Lang::En, draft, "zhou", "duty", &samples::playbook()).unwrap();
        assert_eq!(
            (
                mode.spec.requested_by.as_str(),
                mode.spec.requested_as.as_str()
            ),
            ("zhou", "duty")
        );
        let other = text.replace("kind: EmergencyMode", "kind: Playbook");
        assert!(from_file(Lang::En, &other, "mode.yaml").is_err());
        assert!(from_file(Lang::En, "a: [", "mode.yaml").is_err());
    }

    /// The playbook's longest term is a legal limit.
    #[test]
    fn the_term_is_within_the_playbooks() {
        let longest = |term: &str| {
            within_term(
                Lang::En,
                &samples::playbook(),
                Level::II,
                &Term(term.into()),
            )
        };
        assert!(longest("72h").is_ok());
        assert!(longest("72h1m").is_err());
    }
}
