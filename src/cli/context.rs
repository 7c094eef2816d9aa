//! What every verb needs: the cluster, the language, and where the output goes.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Serialize;
use snafu::ResultExt;

use crate::api::{EmergencyMode, Level, Playbook};
use crate::i18n::Lang;

use super::args::{Format, Global};
use super::error::{Error, OutputSnafu};
use super::render::View;

/// How long one request may take: people wait at a prompt, and a write that is not confirmed by
/// then is reported as such.
const REQUEST: Duration = Duration::from_secs(10);
/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);

/// What every verb needs.
#[derive(Clone, Debug)]
pub struct Context {
    /// The global flags.
    pub global: Global,
    /// The language.
    pub lang: Lang,
}

impl Context {
    /// From the global flags and the environment.
    pub fn new(global: Global) -> Self {
        let lang = global.lang.unwrap_or_else(|| Lang::of_locale(&locale()));
        Self { global, lang }
    }

    /// How results are drawn on this output.
    pub fn view(&self) -> View {
        let terminal = std::io::stdout().is_terminal();
        View {
            lang: self.lang,
            width: comfy_table::Table::new().width().filter(|_| terminal),
            bars: terminal,
            colour: terminal && !self.global.no_color && environment("NO_COLOR").is_none(),
            zone: TimeZone::system(),
        }
    }

    /// The cluster's configuration, with the identity of `--as`.
    pub async fn config(&self) -> Result<Config, Error> {
        let options = KubeConfigOptions {
            context: self.global.context.clone(),
            ..KubeConfigOptions::default()
        };
        let read = |problem: String| Error::Kubeconfig { problem };
        let mut config = if let Some(file) = &self.global.kubeconfig {
            let file = Kubeconfig::read_from(file).map_err(|error| read(error.to_string()))?;
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| read(error.to_string()))?
        } else if options.context.is_some() {
            let config = Config::from_kubeconfig(&options).await;
            config.map_err(|error| read(error.to_string()))?
        } else {
            Config::infer()
                .await
                .map_err(|error| read(error.to_string()))?
        };
        // One request is one request: what a person typed is never sent twice behind their back.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        if let Some(user) = &self.global.as_user {
            // An empty header would be no header, and the request would run as oneself.
            if user.is_empty() || self.global.as_groups.iter().any(String::is_empty) {
                return Err(Error::Input {
                    problem: crate::t!(self.lang, "error-empty-identity"),
                });
            }
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups =
                Some(self.global.as_groups.clone()).filter(|groups| !groups.is_empty());
        }
        Ok(config)
    }

    /// A client.
    pub async fn client(&self) -> Result<Client, Error> {
        let config = self.config().await?;
        Client::try_from(config).map_err(|error| Error::BuildClient {
            source: Box::new(error),
        })
    }

    /// Prints a text for people, or an object as JSON or YAML.
    pub fn print<T: Serialize>(
        &self,
        format: Format,
        object: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        match format {
            Format::Table => self.say(&text()),
            Format::Json => {
                let json = serde_json::to_string_pretty(object).map_err(std::io::Error::other);
                self.say(&json.context(OutputSnafu)?)
            }
            Format::Yaml => {
                let yaml = serde_yaml::to_string(object).map_err(std::io::Error::other);
                self.say(yaml.context(OutputSnafu)?.trim_end())
            }
        }
    }

    /// Prints a text and a line's end. A reader that has gone away is no error.
    #[allow(
        clippy::unused_self,
        reason = "where the output goes is the context's matter"
    )]
    pub fn say(&self, text: &str) -> Result<(), Error> {
        let mut out = anstream::stdout();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context(OutputSnafu),
        }
    }

    /// Asks a yes-or-no question.
    ///
    /// # Errors
    /// `Input` where nobody is there to answer.
    pub fn ask(&self, question: &str) -> Result<bool, Error> {
        if !std::io::stdin().is_terminal() {
            return Err(Error::Input {
                problem: crate::t!(self.lang, "error-no-terminal"),
            });
        }
        let mut out = anstream::stderr();
        write!(out, "{question} ")
            .and_then(|()| out.flush())
            .context(OutputSnafu)?;
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .context(OutputSnafu)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "是"))
    }
}

/// Sends one request, with a limit on how long it may take.
///
/// # Errors
/// `Silent` where no answer came, `NoKinds` where the cluster does not know the kind, `NotFound`
/// where it does not have the object, else `Request`.
pub async fn call<T>(
    what: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(REQUEST, request).await {
        Err(_) => Err(Error::Silent {
            what: what.to_owned(),
        }),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => {
            match status
                .details
                .as_ref()
                .filter(|details| !details.name.is_empty())
            {
                Some(details) => Err(Error::NotFound {
                    kind: details.kind.clone(),
                    name: details.name.clone(),
                }),
                None => Err(Error::NoKinds),
            }
        }
        Ok(Err(error)) => Err(Error::Request {
            what: what.to_owned(),
            source: Box::new(error),
        }),
    }
}

/// Reads a mode.
pub async fn mode(client: &Client, name: &str) -> Result<EmergencyMode, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    call(&format!("read EmergencyMode {name}"), api.get(name)).await
}

/// The level that is in force of a mode, if one is.
pub fn in_force(mode: &EmergencyMode) -> Option<Level> {
    let granted = mode.status.as_ref()?.granted.as_ref()?;
    Some(granted.level)
}

/// Reads a playbook.
pub async fn playbook(client: &Client, name: &str) -> Result<Playbook, Error> {
    let api: Api<Playbook> = Api::all(client.clone());
    call(&format!("read Playbook {name}"), api.get(name)).await
}

/// The locale of messages, in the order that POSIX says.
fn locale() -> String {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(environment)
        .unwrap_or_default()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the CLI reads the environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
