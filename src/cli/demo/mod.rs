//! `demo`: a flood in a city, from the warning to the exact return, on the sand table in this process.
//! Nothing is asked of any cluster, and nothing is left behind.

pub mod cast;
mod draft;
mod keep;
mod parts;
pub mod story;
pub mod teller;
mod wartime;
pub mod wrap;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use snafu::ResultExt;

use crate::api::{Level, Playbook, Scalar};
use crate::i18n::Lang;
use crate::rehearsal::stage::{self, Stage};
use crate::rehearsal::time::{self, Pace};
use crate::rehearsal::{keda, whole};
use crate::sandtable::snapshot::{self, Snapshot};
use crate::t;

use super::args::pair;
use super::context::Context;
use super::error::{Error, OutputSnafu};
use super::exit::Exit;
use super::render::Tone;
use super::{declare, lint, sandtable};
use cast::Cast;
use draft::Draft;
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
    /// A parameter of the playbook: KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
}

/// When the story begins.
fn begin() -> Timestamp {
    // 2026-07-08T14:00:00+08:00, in the season of floods.
    Timestamp::from_second(1_783_490_400).unwrap_or_default()
}

/// Plays it.
///
/// # Errors
/// The playbook cannot be played, or the story went another way.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let playbook = match &args.playbook {
        Some(path) => lint::playbook_of(context, path)?,
        None => lint::playbook_in(context, "flood-response".to_owned(), PLAYBOOK.to_owned())?,
    };
    let cast = Cast::of(&playbook.spec);
    let draft = draft(context.lang, args, &playbook, &cast)?;
    // Whoever waits for the end of a story should not learn then that nothing can be written.
    let path = sandtable::kubeconfig_path(context);
    let kept = args.keep.then_some(path).transpose()?;
    let verdict = time::play(SEED, async {
        let (verdict, stage) = play(context, args, (&playbook, &cast, &draft)).await?;
        if let Some(path) = &kept {
            let name = playbook.metadata.name.as_deref().unwrap_or_default();
            keep::keep(context, &stage, &cast, path, name).await?;
        }
        stage.close().await;
        Ok(verdict)
    });
    let verdict: whole::Verdict = verdict.context(OutputSnafu)??;
    if verdict.differences.is_empty() && verdict.fields > 0 {
        return Ok(Exit::Done);
    }
    Ok(Exit::Negative)
}

/// What will be declared.
fn draft(lang: Lang, args: &Args, playbook: &Playbook, cast: &Cast) -> Result<Draft, Error> {
    let parameters = args.parameters.iter().map(|(name, text)| {
        let value = Scalar::Text(text.clone());
        let value = declare::parameter(lang, &playbook.spec, name, &value)?;
        Ok((name.clone(), value))
    });
    let parameters = parameters.collect::<Result<_, Error>>()?;
    Draft::of(lang, playbook, args.level, &parameters, cast.requester)
}

async fn play(
    context: &Context,
    args: &Args,
    (playbook, cast, draft): (&Playbook, &Cast, &Draft),
) -> Result<(whole::Verdict, Stage), Error> {
    let lang = context.lang;
    let broken = |problem: String| Error::Input { problem };
    let city = Snapshot::read(YUNXI).map_err(|error: snapshot::Error| broken(error.to_string()))?;
    let settings = stage::Settings {
        seed: SEED,
        ..stage::Settings::at(begin())
    };
    let mut stage = Stage::open(&city, settings).map_err(|error| broken(error.to_string()))?;
    let gave = parts::give(&stage, playbook).map_err(|error| broken(error.to_string()))?;
    tokio::spawn(keda::play(stage.service.of(keda::user()).client()));
    let pace = Pace::at_once();
    tokio::spawn(pace.clone().keep(teller::hold));
    // The cluster's own controllers find everything as they left it.
    tokio::time::sleep(Duration::from_secs(40)).await;
    stage.begin_operator();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let story = Story {
        stage: &stage,
        teller: Teller::detect(lang),
        playbook,
        draft,
        pace: pace.clone(),
        speed: (args.speed > 0).then(|| args.speed.saturating_mul(SPEED)),
        step: args.step,
        cast,
        gave,
    };
    teller::line(&t!(lang, "story-title"))?;
    let verdict = story.play().await?;
    pace.set(None);
    tell(lang, &verdict)?;
    Ok((verdict, stage))
}

/// The last line: programs look for it.
fn tell(lang: Lang, verdict: &whole::Verdict) -> Result<(), Error> {
    let (same, fields) = (verdict.same(), verdict.fields);
    teller::line("")?;
    if !verdict.differences.is_empty() {
        for (object, sentence) in &verdict.differences {
            teller::tell(Tone::Bad, &format!("{object}: {sentence}"))?;
        }
        return teller::line(&t!(lang, "story-differs", same = same, fields = fields));
    }
    let good = teller::style(Tone::Good).bold();
    // Programs read the English line, whoever reads the other one.
    let own = (lang != Lang::En).then_some(lang);
    own.into_iter().chain([Lang::En]).try_for_each(|lang| {
        let text = t!(lang, "story-exact", same = same, fields = fields);
        teller::line(&format!("{good}{text}{good:#}"))
    })
}
