//! `demo`: a flood in a city, from the warning to the exact return, on the sand table in this process.
//! Nothing is asked of any cluster, and nothing is left behind.

pub mod story;
pub mod teller;
mod wartime;
pub mod wrap;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use snafu::ResultExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{Level, Playbook};
use crate::i18n::Lang;
use crate::rehearsal::line::Costs;
use crate::rehearsal::stage::{self, Stage};
use crate::rehearsal::time::{self, Pace};
use crate::rehearsal::{keda, people, whole};
use crate::sandtable::serve::identity::Identity;
use crate::sandtable::serve::listen::Listener;
use crate::sandtable::snapshot::{self, Snapshot};
use crate::sandtable::standins;
use crate::t;

use super::context::Context;
use super::error::{Error, OutputSnafu, ReadFileSnafu};
use super::exit::Exit;
use super::sandtable;
use story::Story;
use teller::Teller;

/// The city, as `cargo xtask generate` makes it of `tests/fleet`.
const YUNXI: &[u8] = include_bytes!("yunxi.json.gz");
/// What is played where nobody names another.
const PLAYBOOK: &str = include_str!("../../../playbooks/flood-response/playbook.yaml");
/// Seeds what libraries leave to chance, and uids.
const SEED: u64 = 12345;
/// How many milliseconds of the story a second of everybody's time has, at speed 1.
const SPEED: u64 = 3_000;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Waits for Enter before each act
    #[arg(long)]
    pub step: bool,
    /// Stays up afterwards, to be played with: writes a kubeconfig, to --kubeconfig or sandtable.kubeconfig
    #[arg(long)]
    pub keep: bool,
    /// How fast it is told: 2 is twice as fast, 0 as fast as can be
    #[arg(long, value_name = "FACTOR", default_value_t = 1)]
    pub speed: u64,
    /// The level of the declaration: I, II, III or IV
    #[arg(long, value_name = "LEVEL", default_value = "II")]
    pub level: Level,
    /// The playbook to play on the city, instead of flood-response
    #[arg(long, value_name = "FILE")]
    pub playbook: Option<PathBuf>,
}

/// When the story begins.
fn begin() -> Timestamp {
    // 2026-07-08T14:00:00+08:00, in the season of floods.
    Timestamp::from_second(1_783_490_400).unwrap_or_default()
}

/// Plays it.
///
/// # Errors
/// The story went another way.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let playbook = match &args.playbook {
        Some(path) => {
            let file = path.display().to_string();
            std::fs::read_to_string(path).context(ReadFileSnafu { file })?
        }
        None => PLAYBOOK.to_owned(),
    };
    let playbook: Playbook = serde_yaml::from_str(&playbook).map_err(|error| Error::Input {
        problem: t!(
            context.lang,
            "story-no-playbook",
            file = args
                .playbook
                .as_deref()
                .unwrap_or(Path::new("flood-response"))
                .display()
                .to_string(),
            problem = error.to_string()
        ),
    })?;
    let verdict = time::play(SEED, play(context, args, &playbook)).context(OutputSnafu)??;
    if verdict.differences.is_empty() && verdict.fields > 0 {
        return Ok(Exit::Done);
    }
    Ok(Exit::Negative)
}

async fn play(
    context: &Context,
    args: &Args,
    playbook: &Playbook,
) -> Result<whole::Verdict, Error> {
    let lang = context.lang;
    let broken = |problem: String| Error::Input { problem };
    let city = Snapshot::read(YUNXI).map_err(|error: snapshot::Error| broken(error.to_string()))?;
    let settings = stage::Settings {
        begin: begin(),
        seed: SEED,
        controllers: standins::Settings::default(),
        costs: Costs::default(),
        lease: 15,
        concurrency: 8,
    };
    let mut stage = Stage::open(&city, settings).map_err(|error| broken(error.to_string()))?;
    tokio::spawn(keda::play(stage.service.client()));
    let pace = Pace::at_once();
    tokio::spawn(pace.clone().keep(teller::hold));
    // The cluster's own controllers find everything as they left it.
    tokio::time::sleep(Duration::from_secs(40)).await;
    stage.begin_operator();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let story = Story {
        context,
        stage: &stage,
        teller: Teller::detect(lang),
        playbook,
        level: args.level,
        pace: pace.clone(),
        speed: (args.speed > 0).then(|| args.speed.saturating_mul(SPEED)),
        step: args.step,
        people: people::PEOPLE,
    };
    teller::line(&t!(lang, "story-title"))?;
    let verdict = story.play().await?;
    pace.set(None);
    tell(lang, &verdict)?;
    if args.keep {
        keep(context, &stage).await?;
    }
    stage.close().await;
    Ok(verdict)
}

/// Serves what was played on until somebody ends it, in everybody's time.
async fn keep(context: &Context, stage: &Stage) -> Result<(), Error> {
    tokio::time::resume();
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let cannot = |error| sandtable::cannot_serve(context, &error);
    let path = sandtable::kubeconfig_path(context)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address).await.map_err(cannot)?;
    let identity = Identity::make().map_err(cannot)?;
    let tokens = |server: &mut _, _| sandtable::give_tokens(server, &stage.clock);
    let entries = stage.service.act(tokens)?;
    sandtable::welcome(context, &listener, &identity, &path, &entries)?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    listener.serve(stage.service.clone(), identity, stop).await;
    // Whoever asked for it is told of nothing that is not there any more.
    std::fs::remove_file(&path).context(OutputSnafu)
}

/// The last line: programs look for it.
fn tell(lang: Lang, verdict: &whole::Verdict) -> Result<(), Error> {
    let (same, fields) = (verdict.same(), verdict.fields);
    teller::line("")?;
    if verdict.differences.is_empty() {
        // Programs read the English line, whoever reads the other one.
        for lang in [lang, Lang::En]
            .iter()
            .take(if lang == Lang::En { 1 } else { 2 })
        {
            teller::line(&t!(*lang, "story-exact", same = same, fields = fields))?;
        }
    } else {
        for (object, sentence) in &verdict.differences {
            teller::say(&format!("{object}: {sentence}"))?;
        }
        teller::line(&t!(lang, "story-differs", same = same, fields = fields))?;
    }
    Ok(())
}
