//! Watching one mode: until it is in a phase, or for as long as somebody looks.

use std::future::Future;
use std::io::IsTerminal;

use futures::{Stream, StreamExt};
use kube::runtime::watcher;
use kube::{Api, Client};

use crate::api::{EmergencyMode, Phase, Term};
use crate::t;

use super::context::{Context, mode};
use super::error::Error;
use super::exit::Exit;

/// What a watch says of the one mode.
#[derive(Clone, Debug)]
pub enum News {
    /// It is there, like this.
    Now(Box<EmergencyMode>),
    /// It is gone.
    Gone,
}

/// The news of one mode, the present state first. Interruptions are passed over: the watch is
/// taken up again.
pub fn news(client: &Client, name: &str) -> impl Stream<Item = News> + Send + use<> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let stream = kube::runtime::WatchStreamExt::default_backoff(watcher(api, config));
    let mut listed = false;
    stream.filter_map(move |event| {
        let said = match event {
            Ok(watcher::Event::Init) => {
                listed = false;
                None
            }
            Ok(watcher::Event::InitApply(mode)) => {
                listed = true;
                Some(News::Now(Box::new(mode)))
            }
            Ok(watcher::Event::Apply(mode)) => Some(News::Now(Box::new(mode))),
            Ok(watcher::Event::InitDone) if listed => None,
            Ok(watcher::Event::InitDone | watcher::Event::Delete(_)) => Some(News::Gone),
            Err(error) => {
                tracing::info!(%error, "the watch was interrupted");
                None
            }
        };
        std::future::ready(said)
    })
}

/// Waits until a mode is in a phase. Without a phase it does not wait.
///
/// # Errors
/// `TimedOut`, and what the first read says.
pub async fn until(
    context: &Context,
    client: &Client,
    name: &str,
    phase: Option<Phase>,
    timeout: &Term,
) -> Result<Exit, Error> {
    let Some(phase) = phase else {
        return Ok(Exit::Done);
    };
    // A watch would wait for ever where the first read already says what is wrong.
    mode(client, name).await?;
    let limit = timeout
        .to_duration()
        .map_err(|problem| Error::Input { problem })?;
    let timed_out = || Error::TimedOut {
        name: name.to_owned(),
        phase: format!("{phase:?}"),
        timeout: timeout.0.clone(),
    };
    let waited = in_time(limit, reach(context, news(client, name), name, phase)).await;
    waited.unwrap_or_else(|| Err(timed_out()))
}

async fn in_time<T>(limit: std::time::Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

async fn reach(
    context: &Context,
    news: impl Stream<Item = News>,
    name: &str,
    wanted: Phase,
) -> Result<Exit, Error> {
    let mut news = std::pin::pin!(news);
    let (mut last, terminal) = (None, std::io::stderr().is_terminal());
    while let Some(said) = news.next().await {
        let mode = match said {
            News::Now(mode) => mode,
            News::Gone => {
                context.say(&t!(context.lang, "wait-gone", name = name.to_owned()))?;
                return Ok(if wanted == Phase::Closed {
                    Exit::Done
                } else {
                    Exit::Negative
                });
            }
        };
        let status = mode.status.unwrap_or_default();
        if status.phase == Some(wanted) {
            return Ok(Exit::Done);
        }
        // The way has no return: a phase that is behind will not come.
        if status.phase.is_some_and(|phase| phase > wanted) {
            let phase = super::render::phase_word(context.lang, status.phase);
            context.say(&t!(
                context.lang,
                "wait-passed",
                name = name.to_owned(),
                phase = phase
            ))?;
            return Ok(Exit::Negative);
        }
        if terminal && status.waiting_on != last {
            if let Some(sentence) = &status.waiting_on {
                anstream::eprintln!("{sentence}");
            }
            last = status.waiting_on;
        }
    }
    Ok(Exit::Negative)
}

#[cfg(test)]
mod tests {
    use super::super::args::Global;
    use super::*;
    use crate::cli::samples;

    fn at(phase: Option<Phase>) -> News {
        let mut mode = samples::active();
        mode.status.as_mut().unwrap().phase = phase;
        News::Now(Box::new(mode))
    }

    async fn waited(news: Vec<News>, wanted: Phase) -> Exit {
        let context = Context::new(Global::default());
        reach(&context, futures::stream::iter(news), "flood", wanted)
            .await
            .unwrap()
    }

    /// Scripts go on when it returns 0: only the phase itself may do that.
    #[tokio::test]
    async fn only_the_phase_itself_ends_the_wait_well() {
        let way = || {
            vec![
                at(None),
                at(Some(Phase::Pending)),
                at(Some(Phase::Activating)),
            ]
        };
        let then = |phase| [way(), vec![at(Some(phase))]].concat();
        assert_eq!(waited(then(Phase::Active), Phase::Active).await, Exit::Done);
        assert_eq!(waited(then(Phase::Closed), Phase::Closed).await, Exit::Done);
        assert_eq!(
            waited(then(Phase::Restoring), Phase::Active).await,
            Exit::Negative
        );
        assert_eq!(waited(way(), Phase::Active).await, Exit::Negative);
    }

    /// A mode that was deleted is closed, whatever else was waited for.
    #[tokio::test]
    async fn a_mode_that_is_gone_is_only_closed() {
        assert_eq!(waited(vec![News::Gone], Phase::Closed).await, Exit::Done);
        assert_eq!(
            waited(vec![News::Gone], Phase::Active).await,
            Exit::Negative
        );
    }

    /// A wait without an end would hold a script for ever.
    #[tokio::test]
    async fn a_wait_ends_in_time() {
        let never = std::future::pending::<()>();
        assert_eq!(
            in_time(std::time::Duration::from_millis(1), never).await,
            None
        );
    }
}
