//! `cargo xtask demo`: the whole of Pingzhan on a real control plane, in a minute. A city is
//! switched and brought back, and whole objects are compared.
//!
//! Everybody in it is who they are: people by client certificates, the operator and the playbook
//! by service accounts, each with the rights that they would have in production.

mod city;
mod mode;
mod operator;
mod owners;
mod people;
mod played;
mod story;
mod teller;
mod watch;
mod whole;

use std::path::PathBuf;
use std::time::Duration;

use pingzhan::i18n::Lang;
use pingzhan::t;
use snafu::{Snafu, ensure};

use crate::cluster::{self, Cluster, Controllers, Spec};
use crate::progress::Progress;
use operator::Operator;
use people::People;
use played::PLAYED;
use story::Stage;
use teller::Teller;

/// How long the demo waits for any one thing. All of it takes a few seconds on an idle machine;
/// this is for machines that are busy with many other things.
const PATIENCE: Duration = Duration::from_mins(3);

/// What went wrong with the demo.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The control plane.
    #[snafu(transparent)]
    Cluster {
        /// Why.
        source: cluster::Error,
    },
    /// A cluster of this name is up.
    #[snafu(display(
        "cluster {name} is up already: end it with `cargo xtask cluster down --name {name}`, or \
         give the demo another --name"
    ))]
    Taken {
        /// Which.
        name: String,
    },
    /// A file cannot be read.
    #[snafu(display("cannot use {}", path.display()))]
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A kubeconfig cannot be used.
    #[snafu(display("the kubeconfig {} cannot be used", path.display()))]
    Kubeconfig {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
    /// A manifest of the demo is broken.
    #[snafu(display("a manifest of the demo cannot be read"))]
    Manifest {
        /// Why.
        source: serde_yaml::Error,
    },
    /// The city cannot be brought to the API server.
    #[snafu(display("the city cannot be loaded"))]
    Fleet {
        /// Why.
        source: crate::fleet::load::Error,
    },
    /// The API server refuses.
    #[snafu(display("the API server did not accept {what}: {why}"))]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        why: String,
    },
    /// Something does not come.
    #[snafu(display("waited {} s for {what}: {state}", PATIENCE.as_secs()))]
    Late {
        /// What was waited for.
        what: String,
        /// Where it stands.
        state: String,
    },
    /// Something is other than the story says.
    #[snafu(display("the story went another way: {what}"))]
    Unexpected {
        /// What.
        what: String,
    },
    /// The operator ended.
    #[snafu(display("the operator ended in the middle of the demo: {why}"))]
    OperatorEnded {
        /// Why.
        why: String,
    },
    /// The logs cannot be kept.
    #[snafu(display("the operator's log cannot be kept: {why}"))]
    Logs {
        /// Why.
        why: String,
    },
    /// Not everything is back.
    #[snafu(display("NOT restored exactly: {same} of {fields} fields"))]
    Differs {
        /// How many fields are as they were.
        same: usize,
        /// How many there were.
        fields: usize,
    },
    /// A person stopped it.
    #[snafu(display("interrupted"))]
    Interrupted,
}

/// Makes an error of what the API server said to a request.
fn refused(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Error {
    let what = what.into();
    move |error| {
        let why = match error {
            kube::Error::Api(status) => status.message,
            other => other.to_string(),
        };
        Error::Refused { what, why }
    }
}

/// How the demo is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// In which language.
    pub lang: Lang,
    /// Whether the cluster stays up afterwards.
    pub keep: bool,
    /// The cluster's name.
    pub name: String,
}

/// Plays the demo.
///
/// Guarantees: without `keep` the cluster ends with the demo, however that ends.
///
/// # Errors
/// Anything but an exact return.
pub async fn run(options: Options, progress: Progress) -> Result<(), Error> {
    let teller = Teller::detect(options.lang);
    let taken = cluster::status()
        .iter()
        .any(|status| status.name == options.name && status.up);
    ensure!(!taken, TakenSnafu { name: options.name });
    teller::line(&t!(options.lang, "demo-title"));
    teller::act(1, story::ACTS, &t!(options.lang, "demo-city"));
    let spec = Spec {
        fsync: false,
        controllers: PLAYED.controllers,
        nodes: PLAYED.nodes(),
        owner: (!options.keep).then(std::process::id),
        ..Spec::new(&options.name)
    };
    let cluster = Cluster::up(spec, progress).await?;
    let played = tokio::select! {
        played = play(&cluster, &options, teller) => played,
        () = interrupted() => InterruptedSnafu.fail(),
    };
    if let Err(error) = &played
        && !matches!(error, Error::Interrupted | Error::Differs { .. })
    {
        operator::last_words(&cluster);
    }
    if !options.keep {
        cluster.down()?;
    }
    played
}

async fn play(cluster: &Cluster, options: &Options, teller: Teller) -> Result<(), Error> {
    let lang = options.lang;
    let admin = cluster.client().await?;
    city::install(&admin).await?;
    teller::say(&t!(lang, "demo-installed", url = cluster.url.clone()));
    let yunxi = crate::fleet::yunxi();
    city::load(&admin, &yunxi, teller).await?;
    if PLAYED.controllers == Controllers::Stock {
        // Nobody runs KEDA here: what it would pass on is passed on in its place.
        let keda = people::keda(cluster).await?;
        tokio::spawn(pingzhan::rehearsal::keda::play(keda));
        city::settle(&admin, &yunxi, teller).await?;
    }
    let people = People::of(cluster).await?;
    city::publish(&people.he.client).await?;
    let before = whole::take(&admin, &yunxi).await?;
    teller::say(&t!(
        lang,
        "demo-before",
        objects = before.len(),
        fields = whole::fields(&before)
    ));
    let config = people::operator(cluster, &admin).await?;
    let mut operator = Operator::start(cluster, config)?;
    let stage = Stage {
        admin: &admin,
        city: &yunxi,
        people: &people,
        teller,
    };
    let verdict = tokio::select! {
        verdict = story::play(&stage, &before) => verdict?,
        why = operator.ended() => return OperatorEndedSnafu { why }.fail(),
    };
    operator.stop().await;
    if options.keep {
        keep(cluster, &people, teller);
    }
    let (same, fields) = (verdict.same(), verdict.fields);
    ensure!(
        verdict.differences.is_empty(),
        DiffersSnafu { same, fields }
    );
    println!();
    if lang == Lang::ZhCn {
        teller::line(&t!(lang, "demo-exact", same = same, fields = fields));
    }
    teller::line(&format!("restored exactly: {same} of {fields} fields"));
    Ok(())
}

/// Says how to go on in a cluster that stays up.
fn keep(cluster: &Cluster, people: &People, teller: Teller) {
    println!();
    let path = cluster.kubeconfig().display().to_string();
    teller::say(&t!(
        teller.lang,
        "demo-kept",
        name = cluster.spec.name.clone()
    ));
    teller::line(&format!("  export KUBECONFIG={path}"));
    for person in people.command() {
        teller::line(&format!(
            "  # {}: {}",
            person.name,
            person.kubeconfig.display()
        ));
    }
    for command in [
        "cargo run --bin pingzhan -- run",
        "cargo run --bin pingzhan -- status",
        "kubectl get pingzhan",
        "kubectl get deployments -A --show-managed-fields -o yaml",
        &format!("cargo xtask cluster down --name {}", cluster.spec.name),
    ] {
        teller::line(&format!("  {command}"));
    }
}

/// Ctrl-C, or a polite request to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The files that speak to people.
    const SPEAKERS: [&str; 5] = [
        include_str!("mod.rs"),
        include_str!("city.rs"),
        include_str!("owners.rs"),
        include_str!("story.rs"),
        include_str!("teller.rs"),
    ];

    fn keys(catalogue: &str) -> BTreeSet<&str> {
        let heads = catalogue.lines().filter_map(|line| line.split_once(" ="));
        heads
            .map(|(key, _)| key)
            .filter(|key| key.starts_with("demo-"))
            .collect()
    }

    /// A key instead of a sentence would be the first thing that a newcomer sees.
    #[test]
    fn every_sentence_is_there_in_both_languages() {
        let english = keys(include_str!("../../../locales/en/demo.ftl"));
        let chinese = keys(include_str!("../../../locales/zh-CN/demo.ftl"));
        assert_eq!(english, chinese);
        let used: BTreeSet<&str> = SPEAKERS
            .iter()
            .flat_map(|source| source.split('"'))
            .filter(|text| text.starts_with("demo-") && text.len() > "demo-".len())
            .collect();
        assert_eq!(used, english);
    }
}
