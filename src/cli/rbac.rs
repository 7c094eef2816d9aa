//! `rbac generate`: the least account, roles and bindings that a playbook needs, for `kubectl apply`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;

use crate::api::{Level, Nature, Playbook, Scalar, Term};
use crate::cluster::{self, Discovery};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Request};
use crate::engine::protect::Own;
use crate::engine::rights::{self, Ground, Needs, role};
use crate::playbook::{Expanded, expand};
use crate::run::observe::{self, View};
use crate::t;

use super::args::{level, pair};
use super::context::{Context, playbook};
use super::error::Error;
use super::exit::Exit;
use super::preview::Operator;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done about rights. The descriptions are in the catalogue.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Makes the least roles.
    Generate(Generate),
}

/// The arguments of `generate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Generate {
    /// Playbook: a file, `-` for standard input, or the name of one in the cluster
    #[arg(value_name = "PLAYBOOK")]
    pub playbook: String,
    /// Only for this response level: I (gravest), II, III or IV; may be repeated. By default for all
    #[arg(long = "level", value_name = "LEVEL", value_parser = level)]
    pub levels: Vec<Level>,
    /// A parameter of the playbook: KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Asks no cluster: what a step selects by label may then be anywhere in it
    #[arg(long)]
    pub offline: bool,
    /// Where the operator is.
    #[command(flatten)]
    pub operator: Operator,
}

/// What was found out for the roles.
struct Found {
    needs: Needs,
    /// What of the cluster could not be read, each a sentence.
    problems: Vec<String>,
}

/// Does what was asked.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    match args.what {
        What::Generate(args) => generate(context, args).await,
    }
}

async fn generate(context: &Context, args: Generate) -> Result<Exit, Error> {
    let file = file(&args.playbook);
    let view = match view(context, &args).await {
        Ok(view) => Some(view),
        // A file says what it can where there is no cluster; a name says nothing.
        Err(error) if file.is_some() => {
            let lang = context.lang;
            if !args.offline {
                let problem = error.explain(lang);
                anstream::eprintln!("{}", t!(lang, "rbac-offline", problem = problem));
            }
            None
        }
        Err(error) => return Err(error),
    };
    let book = match file {
        Some(path) => super::lint::playbook_of(context, &path)?,
        None => playbook(&context.client().await?, &args.playbook).await?,
    };
    let expanded = expansions(context, &args, &book)?;
    let found = match &view {
        Some((clients, discovery)) => {
            let view = View {
                account: clients,
                discovery,
                scope: None,
                own: own(&args.operator),
                explains: false,
            };
            of_cluster(view, &book, &expanded).await?
        }
        None => Found {
            needs: of_file(&expanded),
            problems: Vec::new(),
        },
    };
    tell(context, &args, &book, &found)
}

/// The file that is meant, if it is one.
fn file(named: &str) -> Option<PathBuf> {
    let path = PathBuf::from(named);
    (named == "-" || path.is_file()).then_some(path)
}

fn own(operator: &Operator) -> Own<'_> {
    Own {
        operator: &operator.operator_namespace,
        accounts: &operator.accounts_namespace,
    }
}

/// The clients of the person: the account may not be there yet.
async fn view(context: &Context, args: &Generate) -> Result<(cluster::Clients, Discovery), Error> {
    if args.offline {
        return Err(Error::Input {
            problem: t!(context.lang, "rbac-needs-file"),
        });
    }
    let config = context.config().await?;
    let (own, _) = cluster::connect(config, None).map_err(|error| Error::Kubeconfig {
        problem: error.to_string(),
    })?;
    let client = context.client().await?;
    super::context::call("read the cluster's version", client.apiserver_version()).await?;
    let discovery = Discovery::new(own.reads.clone());
    Ok((own, discovery))
}

/// The playbook at each level.
fn expansions(
    context: &Context,
    args: &Generate,
    book: &Playbook,
) -> Result<Vec<(Level, Expanded)>, Error> {
    let mut parameters: BTreeMap<String, Scalar> = BTreeMap::new();
    for (name, value) in &args.parameters {
        let value = Scalar::Text(value.clone());
        let value = super::declare::parameter(context.lang, &book.spec, name, &value)?;
        parameters.insert(name.clone(), value);
    }
    let levels = if args.levels.is_empty() {
        Level::ALL.to_vec()
    } else {
        args.levels.clone()
    };
    let mut all = Vec::new();
    for level in levels {
        let expanded = expand::expand(&book.spec, level, &parameters).map_err(|findings| {
            let sentences = findings
                .iter()
                .map(|finding| format!("{}: {}", finding.code, finding.message));
            Error::Input {
                problem: sentences.collect::<Vec<_>>().join("\n"),
            }
        })?;
        all.push((level, expanded));
    }
    Ok(all)
}

fn of_file(expanded: &[(Level, Expanded)]) -> Needs {
    let mut needs = Needs::default();
    for (_, expanded) in expanded {
        needs.join(rights::of_steps(expanded, &Ground::default(), None));
    }
    needs
}

async fn of_cluster(
    view: View<'_>,
    book: &Playbook,
    all: &[(Level, Expanded)],
) -> Result<Found, Error> {
    let each: Vec<&Expanded> = all.iter().map(|(_, expanded)| expanded).collect();
    let ground = observe::ground(view, &each).await;
    let ground = ground.map_err(|problem| Error::Refused { problem })?;
    let mut needs = Needs::default();
    let mut problems = Vec::new();
    for (level, expanded) in all {
        let facts = observe::observe(view, expanded).await;
        let found = of_level(book, *level, expanded, &ground, &facts);
        needs.join(found.needs);
        problems.extend(found.problems);
    }
    problems.sort();
    problems.dedup();
    Ok(Found { needs, problems })
}

/// What is needed at one level, by what was seen.
fn of_level(
    book: &Playbook,
    level: Level,
    expanded: &Expanded,
    ground: &Ground<'_>,
    facts: &Facts,
) -> Found {
    // What does not hold today may hold when it matters.
    let mut expanded = expanded.clone();
    for stage in &mut expanded.stages {
        stage.when = None;
    }
    let term = Term("1h".to_owned());
    let request = Request {
        playbook: book.metadata.name.as_deref().unwrap_or_default(),
        playbook_uid: "",
        spec: &book.spec,
        level,
        nature: Nature::Actual,
        tabletop: false,
        scope: None,
        expires_after: &term,
        round: 0,
    };
    let plan = plan::compute(&request, &expanded, facts);
    let problems = plan.problems().into_iter();
    let problems = problems.map(|(_, why)| why.to_owned()).collect();
    let mut needs = rights::of_steps(&expanded, ground, Some(&plan));
    rights::name_roles(&mut needs, &expanded, &plan, facts);
    rights::keep_autoscalers(&mut needs, &expanded, ground, facts);
    Found { needs, problems }
}

/// Prints the roles, and says on standard error what deserves a second look.
fn tell(context: &Context, args: &Generate, book: &Playbook, found: &Found) -> Result<Exit, Error> {
    let account = role::Account {
        playbook: book.metadata.name.as_deref().unwrap_or_default(),
        name: &book.spec.service_account_name,
        namespace: &args.operator.accounts_namespace,
    };
    let made = role::make(account, &found.needs);
    context.say(made.yaml.trim_end())?;
    let lang = context.lang;
    for text in made.dangers {
        anstream::eprintln!("{}", t!(lang, "rbac-danger", text = text));
    }
    for text in &found.needs.notes {
        anstream::eprintln!("{}", t!(lang, "rbac-note", text = text.clone()));
    }
    for text in &found.problems {
        anstream::eprintln!("{}", t!(lang, "rbac-unread", text = text.clone()));
    }
    // Roles that may lack something are an answer, and it is not yes.
    Ok(if found.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Negative
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::names;
    use crate::engine::facts::StepFacts;
    use crate::field::project;
    use crate::step::{self, Fields, Role};

    /// A playbook of one step in stage `late`, called `out`.
    fn book(stage: &str) -> Playbook {
        let text = format!(
            "
apiVersion: pingzhan.dev/v1alpha1
kind: Playbook
metadata: {{ name: flood }}
spec:
  title: {{ en: x, zh-CN: x }}
  hazard: x
  owner: x
  serviceAccountName: flood
  authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}
  stages:
  - name: late
{stage}
"
        );
        serde_yaml::from_str(&text).expect("a playbook")
    }

    /// What the playbook needs at level I where these objects are what its step finds.
    fn needed(book: &Playbook, objects: &[Value]) -> Needs {
        let expanded = expand::expand(&book.spec, Level::I, &BTreeMap::new()).expect("it expands");
        let mut seen = StepFacts::default();
        for query in step::needs(&expanded.stages[0].steps[0]) {
            let Fields::Paths(mut paths) = query.fields else {
                panic!("only fields are looked at")
            };
            paths.sort();
            let meant = objects.iter().filter(|object| {
                let is_meant = matches!(query.role, Role::Target | Role::Autoscaler);
                is_meant && object["kind"] == *query.kind
            });
            let found = meant.filter_map(|object| project::project(object, "", &paths, false));
            seen.found.push(found.collect());
        }
        let key = ("late".to_owned(), "out".to_owned());
        let facts = Facts {
            steps: [(key, seen)].into(),
            ..Facts::default()
        };
        of_level(book, Level::I, &expanded, &Ground::default(), &facts).needs
    }

    /// A stage that does not hold today may be what the emergency is about: an account without what it takes
    /// would stop there.
    #[test]
    fn what_a_stage_needs_is_given_whether_it_holds_today_or_not() {
        let book = book(
            "    when: level == 'IV'
    steps:
    - name: out
      access: { revoke: [ { subjects: [ { kind: Group, name: vendors } ], namespaces: { names: [portal] } } ] }",
        );
        let object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "suppliers", "namespace": "portal", "uid": "u1", "resourceVersion": "1" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "vendors" }],
        });
        let needs = needed(&book, &[object]);
        let bind = needs.all.keys().filter(|right| right.verb == "bind");
        let bind: Vec<(&str, Option<&str>)> = bind
            .map(|right| (right.resource.as_str(), right.name.as_deref()))
            .collect();
        assert_eq!(bind, [("clusterroles", Some("edit"))]);
    }

    /// Roles that are generated and applied in wartime must not take from the account what it brings services
    /// back with: an autoscaler that a mode changed is as its step asks, and no change to any plan.
    #[test]
    fn what_a_mode_has_changed_can_be_brought_back_by_roles_made_in_wartime() {
        let book = book(
            "    steps:
    - name: out
      targets: { kinds: [Deployment], namespaces: { names: [portal] }, names: [web] }
      scale: { replicas: 8 }",
        );
        let patches = |held: &str| {
            let labels = if held.is_empty() {
                json!({})
            } else {
                json!({ names::HELD_BY_LABEL: held })
            };
            let workload = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "web", "namespace": "portal", "uid": "u1", "resourceVersion": "1" },
                "spec": { "replicas": 8 } });
            let scaler = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                "metadata": { "name": "web", "namespace": "portal", "uid": "u2", "resourceVersion": "1",
                    "labels": labels },
                "spec": { "minReplicas": 8, "maxReplicas": 8,
                    "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" } } });
            let needs = needed(&book, &[workload, scaler]);
            let rights = needs.all.into_keys();
            let rights = rights.filter(|right| right.resource == "horizontalpodautoscalers");
            let rights = rights.filter(|right| ["watch", "patch"].contains(&right.verb.as_str()));
            let verbs = rights.map(|right| (right.namespace, right.verb));
            verbs.collect::<Vec<_>>()
        };
        assert!(patches("").is_empty(), "nobody has changed it");
        let portal = |verb: &str| (Some("portal".to_owned()), verb.to_owned());
        assert_eq!(patches("flood"), [portal("patch"), portal("watch")]);
    }

    /// A name that happens to be a folder's is a name.
    #[test]
    fn a_file_is_told_from_a_name() {
        assert_eq!(file("-"), Some(PathBuf::from("-")));
        assert_eq!(file("src"), None);
        assert_eq!(file("no-such-playbook"), None);
        assert!(file("Cargo.toml").is_some());
    }
}
