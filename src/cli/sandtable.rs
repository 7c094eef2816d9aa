//! `sandtable`: an API server in memory, for rehearsals. `serve` serves it to kubectl and to the other
//! verbs, with a kubeconfig that has a context for everybody who plays.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use snafu::ResultExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::run::clock::Clock;
use crate::sandtable::schema;
use crate::sandtable::serve::identity::Identity;
use crate::sandtable::serve::kubeconfig::{self, Entry};
use crate::sandtable::serve::listen::Listener;
use crate::sandtable::serve::people::PEOPLE;
use crate::sandtable::serve::{self, people};
use crate::sandtable::server::Server;
use crate::sandtable::service::Service;
use crate::sandtable::standins::{self, Settings, Standins};
use crate::sandtable::{installed, load};
use crate::t;

use super::context::Context;
use super::error::{Error, OutputSnafu, ReadFileSnafu};
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to do with it.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with the sand table. The descriptions are in the catalogue.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Serves it.
    Serve(Serve),
}

/// The arguments of `serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Serve {
    /// Loopback address to listen on
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Manifests to begin with: files, or folders with YAML and JSON files; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub load: Vec<PathBuf>,
    /// Begins as an empty cluster: without Pingzhan's kinds, its namespaces and rights
    #[arg(long)]
    pub bare: bool,
    /// Without stand-ins for the cluster's own controllers: nothing becomes ready, no namespace ends
    #[arg(long)]
    pub no_standins: bool,
}

/// Where the kubeconfig is written if nobody says.
const KUBECONFIG: &str = "sandtable.kubeconfig";

/// Does what was asked.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    match args.what {
        What::Serve(args) => serve_it(context, &args).await,
    }
}

/// Serves the sand table until it is told to stop (SIGTERM or SIGINT).
async fn serve_it(context: &Context, args: &Serve) -> Result<Exit, Error> {
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let clock = Clock::machine();
    let path = kubeconfig_path(context)?;
    let address = SocketAddr::new(args.address, args.port);
    let listener = Listener::bind(address)
        .await
        .map_err(|error| cannot_serve(context, &error))?;
    let identity = Identity::make().map_err(|error| cannot_serve(context, &error))?;
    let mut server = begin(context, args, &clock)?;
    let entries = give_tokens(&mut server, &clock)?;
    write_kubeconfig(context, &listener, &identity, &path, &entries)?;
    context.say(&welcome_text(context, &listener.url(), &path, &entries))?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let service = Service::new(server, move || clock.now());
    let standins = (!args.no_standins).then(|| {
        let standins = Standins::new(Settings::default());
        tokio::spawn(standins::drive(service.clone(), standins))
    });
    listener.serve(service, identity, stop).await;
    if let Some(standins) = standins {
        standins.abort();
    }
    context.say(&t!(context.lang, "sandtable-ended"))?;
    Ok(Exit::Done)
}

/// Writes the kubeconfig of what is served.
pub(super) fn write_kubeconfig(
    context: &Context,
    listener: &Listener,
    identity: &Identity,
    path: &Path,
    entries: &[Entry],
) -> Result<(), Error> {
    let text = kubeconfig::text(&listener.url(), &identity.authority, entries);
    write_private(path, &text).map_err(|error| Error::Input {
        problem: t!(
            context.lang,
            "sandtable-cannot-write",
            file = path.display().to_string(),
            problem = error.to_string()
        ),
    })
}

/// A server with everything that it begins with.
fn begin(context: &Context, args: &Serve, clock: &Clock) -> Result<Server, Error> {
    let now = clock.now();
    // Uids that no earlier sand table gave: the nanoseconds of this moment.
    let seed = now.as_nanosecond().to_be_bytes();
    let seed = u64::from_be_bytes(seed[8..].try_into().unwrap_or_default());
    let mut server = Server::new(schema::builtin(), seed, now);
    if !args.bare {
        installed::install(&mut server, now).map_err(cannot_load(context, "manifests"))?;
    }
    for file in files(&args.load)? {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file);
        let text = text.context(ReadFileSnafu { file: &name })?;
        fill(context, &mut server, &text, &name, now)?;
    }
    Ok(server)
}

fn fill(
    context: &Context,
    server: &mut Server,
    text: &str,
    file: &str,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    let loaded = load::manifests(server, text, now);
    loaded.map(drop).map_err(cannot_load(context, file))
}

fn cannot_load(context: &Context, file: &str) -> impl FnOnce(load::Error) -> Error {
    let (lang, file) = (context.lang, file.to_owned());
    move |error| Error::Input {
        problem: t!(
            lang,
            "sandtable-cannot-load",
            file = file,
            problem = error.to_string()
        ),
    }
}

/// The files that are meant: of a folder those with manifests, by name.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let file = path.display().to_string();
        let entries = std::fs::read_dir(path).context(ReadFileSnafu { file })?;
        let mut inside: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let end = path.extension().and_then(|end| end.to_str());
                end.is_some_and(|end| ["yaml", "yml", "json"].contains(&end))
            })
            .collect();
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// A token for everybody: people, and the service accounts that are there.
pub(super) fn give_tokens(server: &mut Server, clock: &Clock) -> Result<Vec<Entry>, Error> {
    let count = PEOPLE.len() + server.store.list("", "serviceaccounts", "", None).count();
    let secrets: Result<Vec<String>, _> = (0..count).map(|_| clock.secret()).collect();
    let no_randomness = |_| std::io::Error::other("the operating system gives no randomness");
    let mut secrets = secrets
        .map_err(no_randomness)
        .context(OutputSnafu)?
        .into_iter();
    let mut next = || secrets.next().unwrap_or_default();
    let mut entries = people::welcome(server, &mut next);
    entries.extend(load::accounts(server, &mut next));
    Ok(entries)
}

/// Where the kubeconfig goes.
///
/// # Errors
/// Something else is there: the way to somebody's real clusters is not written over.
pub(super) fn kubeconfig_path(context: &Context) -> Result<PathBuf, Error> {
    let given = context.global.kubeconfig.clone();
    let path = given.unwrap_or_else(|| PathBuf::from(KUBECONFIG));
    let path = std::path::absolute(&path).unwrap_or(path);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.is_empty() && !kubeconfig::is_ours(&text) => Err(Error::Input {
            problem: t!(
                context.lang,
                "sandtable-other-kubeconfig",
                file = path.display().to_string()
            ),
        }),
        // What cannot be read now cannot be written either, and that will be said.
        Ok(_) | Err(_) => Ok(path),
    }
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let partial = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // There may be nothing to remove.
        std::fs::remove_file(&partial).ok();
    }
    written
}

/// What to do next.
fn welcome_text(context: &Context, url: &str, path: &Path, entries: &[Entry]) -> String {
    let people = PEOPLE.iter().map(|person| {
        t!(
            context.lang,
            "sandtable-person",
            context = format!("{:<20}", person.name),
            group = person.group
        )
    });
    let accounts = entries.iter().skip(PEOPLE.len());
    let accounts = accounts.map(|entry| {
        t!(
            context.lang,
            "sandtable-account",
            context = entry.context.clone()
        )
    });
    let everybody: Vec<String> = people.chain(accounts).collect();
    t!(
        context.lang,
        "sandtable-served",
        url = url.to_owned(),
        path = path.display().to_string(),
        people = everybody.join("\n")
    )
}

pub(super) fn cannot_serve(context: &Context, error: &serve::Error) -> Error {
    let lang = context.lang;
    let problem = match error {
        serve::Error::Outside { address } => {
            t!(
                lang,
                "sandtable-outside",
                address = address.ip().to_string()
            )
        }
        serve::Error::Listen { address, source } => t!(
            lang,
            "sandtable-cannot-listen",
            address = address.to_string(),
            problem = source.to_string()
        ),
        serve::Error::Certificate { .. } | serve::Error::Tls { .. } => error.to_string(),
    };
    Error::Input { problem }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::args::Global;
    use super::*;

    fn context(kubeconfig: PathBuf) -> Context {
        Context::new(Global {
            kubeconfig: Some(kubeconfig),
            lang: Some(crate::i18n::Lang::En),
            ..Global::default()
        })
    }

    /// Tokens are for one person; and a kubeconfig of real clusters must survive a mistyped path.
    #[test]
    fn a_kubeconfig_is_its_owners_alone_and_writes_over_none_but_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let own = kubeconfig::text("https://127.0.0.1:1", "PEM", &[]);
        write_private(&path, &own).expect("it can be written");
        let mode = std::fs::metadata(&path).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        kubeconfig_path(&context(path.clone())).expect("it is ours");
        std::fs::write(&path, "clusters: [{name: production}]").expect("a file");
        let refused = kubeconfig_path(&context(path.clone())).expect_err("it is not");
        assert!(refused.explain(crate::i18n::Lang::En).contains("another"));
        let kept = std::fs::read_to_string(&path).expect("it is there");
        assert_eq!(kept, "clusters: [{name: production}]");
    }

    /// What newcomers begin with must load, whole: kinds, namespaces, rights.
    #[test]
    fn everything_that_is_installed_loads() {
        let clock = Clock::from(jiff::Timestamp::UNIX_EPOCH);
        let args = Serve {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            load: vec!["playbooks/skeleton-surge".into()],
            bare: false,
            no_standins: false,
        };
        let context = context("none".into());
        let mut server = begin(&context, &args, &clock).expect("it loads");
        assert!(
            server
                .kinds
                .find("pingzhan.dev", "emergencymodes")
                .is_some()
        );
        let playbooks = server.store.list("pingzhan.dev", "playbooks", "", None);
        assert_eq!(playbooks.count(), 1);
        let entries = give_tokens(&mut server, &clock).expect("tokens");
        let tokens: std::collections::BTreeSet<_> =
            entries.iter().map(|entry| entry.token.clone()).collect();
        assert_eq!(tokens.len(), entries.len());
        assert!(tokens.iter().all(|token| token.len() == 64), "{tokens:?}");
        let operator = "pingzhan-system/pingzhan";
        assert!(entries.iter().any(|entry| entry.context == operator));
    }

    /// What people read first.
    #[test]
    fn the_welcome_reads_well() {
        let entries: Vec<Entry> = PEOPLE
            .iter()
            .map(|person| person.name.to_owned())
            .chain(["pingzhan-system/pingzhan".to_owned()])
            .map(|context| Entry {
                context,
                token: "t".to_owned(),
            })
            .collect();
        let mut page = String::new();
        for lang in [crate::i18n::Lang::En, crate::i18n::Lang::ZhCn] {
            let context = Context::new(Global {
                lang: Some(lang),
                ..Global::default()
            });
            let path = Path::new("/home/zhou/sandtable.kubeconfig");
            page += &welcome_text(&context, "https://127.0.0.1:6443", path, &entries);
            page.push('\n');
        }
        insta::assert_snapshot!(page);
    }
}
