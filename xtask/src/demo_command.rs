//! `cargo xtask demo`: the command line of [`xtask::demo`].

use clap::Args;
use pingzhan::i18n::Lang;
use xtask::demo::{self, Error, Options};
use xtask::progress::Progress;
use xtask::surroundings;

/// How the demo is played.
#[derive(Args)]
pub struct Demo {
    /// The language: en or zh-CN; by default that of `$LANG`.
    #[arg(long, value_name = "LANG")]
    lang: Option<Lang>,
    /// Leave the cluster up, and say how to look around in it.
    #[arg(long)]
    keep: bool,
    /// The name of the cluster.
    #[arg(long, default_value = "demo")]
    name: String,
}

/// Plays it.
pub async fn run(demo: Demo, progress: Progress) -> Result<(), Error> {
    let Demo { lang, keep, name } = demo;
    let lang = lang.unwrap_or_else(|| Lang::of_locale(&surroundings::locale()));
    demo::run(Options { lang, keep, name }, progress).await
}
