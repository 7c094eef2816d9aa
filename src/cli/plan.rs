//! `plan`: what a declaration would do, computed with the operator's planner. Writes nothing.

use std::path::PathBuf;

use clap::ValueEnum;
use kube::Client;
use kube::api::Api;

use crate::api::{Level, NamespaceSelector, Nature, Playbook, Scalar, Scope, Term};
use crate::t;

use super::args::{level, pair, term};
use super::context::{Context, call, playbook};
use super::error::Error;
use super::exit::Exit;
use super::preview::{self, Operator, Wish};
use super::render;

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// Stages, steps and changes, with reasons
    #[default]
    Table,
    /// One unified diff a target
    Diff,
    /// One JSON document
    Json,
}

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["playbook", "file"]))]
pub struct Args {
    /// Name of a playbook in the cluster
    pub playbook: Option<String>,
    /// File with a playbook; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Response level: I (gravest), II, III or IV
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Level,
    /// A parameter of the playbook: KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// How long the mode would last; the term is part of what is approved
    #[arg(long = "for", value_name = "TERM", default_value = "24h", value_parser = term)]
    pub term: Term,
    /// Plans an exercise (演练), not an emergency
    #[arg(long)]
    pub exercise: bool,
    /// Plans an exercise at the table (桌面推演): nothing would be carried out
    #[arg(long)]
    pub tabletop: bool,
    /// Only in this namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    pub only_namespace: Vec<String>,
    /// Only in namespaces with this label: KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub only_label: Vec<(String, String)>,
    /// Where the operator is.
    #[command(flatten)]
    pub operator: Operator,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: PlanFormat,
}

/// Plans.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let playbook = match (&args.file, &args.playbook) {
        (Some(file), _) => {
            let mut playbook = super::lint::playbook_of(context, file)?;
            playbook.metadata.uid = uid(&client, playbook.metadata.name.as_deref()).await?;
            playbook
        }
        (None, name) => playbook(&client, name.as_deref().unwrap_or_default()).await?,
    };
    let mut parameters = std::collections::BTreeMap::new();
    for (name, value) in &args.parameters {
        let value = Scalar::Text(value.clone());
        let value = super::declare::parameter(context.lang, &playbook.spec, name, &value)?;
        parameters.insert(name.clone(), value);
    }
    let wish = Wish {
        playbook,
        level: args.level,
        nature: if args.exercise || args.tabletop {
            Nature::Exercise
        } else {
            Nature::Actual
        },
        tabletop: args.tabletop,
        parameters,
        scope: scope(&args.only_namespace, &args.only_label),
        term: args.term,
        operator: args.operator,
    };
    let plan = preview::compute(context, &client, &wish).await?;
    let text = match args.output {
        PlanFormat::Table => render::plan::table(&plan, &context.view()),
        PlanFormat::Json => format!("{:#}", render::plan::json(&plan)),
        PlanFormat::Diff => render::plan::diff(&plan),
    };
    if text.is_empty() {
        context.say(&t!(context.lang, "plan-no-changes"))?;
    } else {
        context.say(&text)?;
    }
    // A plan that the operator would refuse is an answer, and the answer is no.
    let whole = plan.problems().is_empty() && plan.faults().is_empty();
    Ok(if whole { Exit::Done } else { Exit::Negative })
}

/// The uid of the playbook of that name in the cluster, if there is one: it is part of the hash,
/// so that a plan from the file of a playbook has the hash of the playbook.
async fn uid(client: &Client, name: Option<&str>) -> Result<Option<String>, Error> {
    let Some(name) = name else { return Ok(None) };
    let api: Api<Playbook> = Api::all(client.clone());
    let stored = call("read the playbook of that name", api.get_opt(name)).await?;
    Ok(stored.and_then(|playbook| playbook.metadata.uid))
}

/// The scope of `--only-namespace` and `--only-label`; none where neither is given.
pub(super) fn scope(namespaces: &[String], labels: &[(String, String)]) -> Option<Scope> {
    if namespaces.is_empty() && labels.is_empty() {
        return None;
    }
    Some(Scope {
        namespaces: Some(NamespaceSelector {
            names: namespaces.to_vec(),
            match_labels: labels.iter().cloned().collect(),
            match_expressions: Vec::new(),
        }),
    })
}
