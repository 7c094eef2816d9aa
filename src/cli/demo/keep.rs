//! `--keep`: what was played on is served until somebody ends it, to kubectl and to the other verbs, with
//! a context for everybody who plays. The operator goes on; from now on time is everybody's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use snafu::ResultExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::rehearsal::stage::Stage;
use crate::sandtable::serve::identity::Identity;
use crate::sandtable::serve::kubeconfig::Entry;
use crate::sandtable::serve::listen::Listener;
use crate::t;

use super::super::context::Context;
use super::super::error::{Error, OutputSnafu};
use super::super::sandtable;
use super::cast::Cast;
use super::story::MODE;

/// Serves it. `path` is where the kubeconfig goes; it is taken away at the end.
///
/// # Errors
/// Nothing can be served, or the kubeconfig cannot be written.
pub async fn keep(
    context: &Context,
    stage: &Stage,
    cast: &Cast,
    path: &Path,
    playbook: &str,
) -> Result<(), Error> {
    tokio::time::resume();
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let cannot = |error| sandtable::cannot_serve(context, &error);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address).await.map_err(cannot)?;
    let identity = Identity::make().map_err(cannot)?;
    let entries = stage
        .service
        .act(|server, _| -> Result<Vec<Entry>, Error> {
            let mut entries = sandtable::give_tokens(server, &stage.clock)?;
            for entry in &entries {
                if cast.everybody().any(|(name, _)| name == entry.context) {
                    server.tokens.give(&entry.token, cast.user(&entry.context));
                }
            }
            for (name, _) in cast.everybody() {
                if entries.iter().all(|entry| entry.context != name) {
                    let token = stage.clock.secret();
                    let none =
                        |_| std::io::Error::other("the operating system gives no randomness");
                    let token = token.map_err(none).context(OutputSnafu)?;
                    server.tokens.give(&token, cast.user(name));
                    let context = name.to_owned();
                    entries.push(Entry { context, token });
                }
            }
            Ok(entries)
        })?;
    sandtable::write_kubeconfig(context, &listener, &identity, path, &entries)?;
    let written = std::fs::read(path).context(OutputSnafu)?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let said = context.say(&format!(
        "\n{}",
        welcome(context, &listener.url(), path, cast, playbook)
    ));
    if said.is_ok() {
        listener.serve(stage.service.clone(), identity, stop).await;
    }
    // Nobody is told of what is not there any more. A later one's is left, and one that is gone is.
    if std::fs::read(path).is_ok_and(|now| now == written) {
        std::fs::remove_file(path).context(OutputSnafu)?;
    }
    said
}

/// What to do next.
fn welcome(context: &Context, url: &str, path: &Path, cast: &Cast, playbook: &str) -> String {
    let people = cast.everybody().map(|(name, groups)| {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        t!(
            context.lang,
            "sandtable-person",
            context = format!("{name:<20}"),
            group = groups.join(", ")
        )
    });
    let people: Vec<String> = people.collect();
    t!(
        context.lang,
        "story-kept",
        url = url.to_owned(),
        path = path.display().to_string(),
        people = people.join("\n"),
        program = program().display().to_string(),
        mode = MODE,
        playbook = playbook.to_owned()
    )
}

/// This program, as it can be called from here: `cargo run` puts it on nobody's path.
fn program() -> PathBuf {
    let name = PathBuf::from("pingzhan");
    let (Ok(program), Ok(here)) = (std::env::current_exe(), std::env::current_dir()) else {
        return name;
    };
    match program.strip_prefix(&here) {
        Ok(inside) => inside.to_owned(),
        Err(_) => program,
    }
}
