//! `check`: whether what Pingzhan stands on is there and in order, before it is needed. Each line says
//! what to do next where something is not. It changes nothing.

mod installed;
mod modes;
mod operator;
mod people;
mod same;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::names;
use crate::cluster::{self, Clients};
use crate::i18n::Lang;
use crate::policies::Names;
use crate::t;

use super::args::Format;
use super::context::{Context, call};
use super::error::Error;
use super::exit::Exit;
use super::preview::Operator;

/// The oldest Kubernetes that is supported, as major and minor number: from it on the admission policies
/// that everything rests on are stable.
const LEAST: (u32, u32) = (1, 30);
/// The first one that lets the operator act as an account and as nothing else, if it is asked to.
const CONSTRAINED: (u32, u32) = (1, 36);

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Before Pingzhan is installed: whether the cluster can carry it, and whether you may install it
    #[arg(long)]
    pub pre: bool,
    /// Where the operator is.
    #[command(flatten)]
    pub operator: Operator,
    /// User name of the operator; by default the one that the policies in the cluster name
    #[arg(long, value_name = "NAME")]
    pub operator_user: Option<String>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// What a line says of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is in order.
    Good,
    /// It is not known, or worth a look.
    Look,
    /// Something will not work.
    Bad,
}

impl Mark {
    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Look => "!",
            Self::Bad => "✗",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    mark: Mark,
    text: String,
    /// What to do next.
    next: Option<String>,
}

impl Line {
    fn good(text: String) -> Self {
        Self::new(Mark::Good, text, None)
    }

    fn look(text: String, next: String) -> Self {
        Self::new(Mark::Look, text, Some(next))
    }

    fn bad(text: String, next: String) -> Self {
        Self::new(Mark::Bad, text, Some(next))
    }

    const fn new(mark: Mark, text: String, next: Option<String>) -> Self {
        Self { mark, text, next }
    }
}

/// Lines about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its key in the catalogue is `check-part-…`, and its name in JSON is this.
    name: &'static str,
    lines: Vec<Line>,
}

/// What every part needs.
pub(super) struct Look<'a> {
    lang: Lang,
    own: Clients,
    operator: &'a Operator,
}

impl Look<'_> {
    /// That something cannot be seen, and why.
    fn unseen(&self, what: &str, error: &cluster::Error) -> Line {
        let text = self.not_seen(what, &error.to_string());
        Line::look(text, t!(self.lang, "check-unseen-next"))
    }

    /// The same of what the API server said. That a right is missing it says at great length.
    fn not_seen(&self, what: &str, problem: &str) -> String {
        let problem = if problem.contains(" is forbidden: ") {
            t!(self.lang, "check-forbidden")
        } else {
            problem.to_owned()
        };
        t!(
            self.lang,
            "check-unseen",
            what = what.to_owned(),
            problem = problem
        )
    }
}

/// Checks.
///
/// # Errors
/// The cluster does not answer at all.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let version = call("read the cluster's version", client.apiserver_version()).await?;
    let config = context.config().await?;
    let (own, _) = cluster::connect(config, None).map_err(|error| Error::Kubeconfig {
        problem: error.to_string(),
    })?;
    let look = Look {
        lang: context.lang,
        own,
        operator: &args.operator,
    };
    let mut parts = vec![Part {
        name: "cluster",
        lines: cluster_lines(context.lang, &version.git_version),
    }];
    if args.pre {
        parts.push(people::may_install(&look).await);
    } else {
        parts.push(installed::kinds(&look).await);
        let expected = expected(&args)?;
        let is_given = args.operator_user.is_some();
        let (names, lines) = installed::policies(&look, &expected, is_given).await;
        parts.push(lines);
        parts.push(installed::namespaces(&look).await);
        let (books, lines) = people::playbooks(&look).await;
        let accounts = books.iter().map(|book| &book.spec.service_account_name);
        let accounts: BTreeSet<String> = accounts.cloned().collect();
        parts.push(operator::part(&look, names.operator(), &accounts).await);
        parts.push(modes::part(&look).await);
        parts.push(lines);
        parts.push(people::you(&look, &client, &books).await?);
    }
    let object = as_json(&parts);
    let is_good = parts
        .iter()
        .flat_map(|part| &part.lines)
        .all(|line| line.mark != Mark::Bad);
    context.print(args.output, &object, || page(context.lang, &parts))?;
    Ok(if is_good { Exit::Done } else { Exit::Negative })
}

/// Who and where the operator is: whom the arguments name, or else its account, as it is installed.
///
/// # Errors
/// A name that cannot stand in a policy.
fn expected(args: &Args) -> Result<Names, Error> {
    let Operator {
        operator_namespace,
        accounts_namespace,
    } = &args.operator;
    let account = format!("system:serviceaccount:{operator_namespace}:pingzhan");
    let user = args.operator_user.as_ref().unwrap_or(&account);
    // The policies are shipped for one place, as the operator itself has it.
    let names = Names::new(user, names::DEFAULT_NAMESPACE, accounts_namespace);
    names.map_err(|error| Error::Input {
        problem: error.to_string(),
    })
}

fn cluster_lines(lang: Lang, version: &str) -> Vec<Line> {
    let Some(number) = number(version) else {
        let text = t!(lang, "check-version-unknown", version = version.to_owned());
        return vec![Line::look(text, t!(lang, "check-version-unknown-next"))];
    };
    let least = format!("{}.{}", LEAST.0, LEAST.1);
    if number < LEAST {
        let text = t!(
            lang,
            "check-version-old",
            version = version.to_owned(),
            least = least.clone()
        );
        return vec![Line::bad(
            text,
            t!(lang, "check-version-old-next", least = least),
        )];
    }
    let acts = if number >= CONSTRAINED {
        "check-acts-constrained"
    } else {
        "check-acts-classic"
    };
    vec![
        Line::good(t!(lang, "check-version-good", version = version.to_owned())),
        Line::good(crate::i18n::text(lang, acts, &[])),
    ]
}

/// Major and minor number of `v1.36.3+vendor`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let mut next = || {
        let part = parts.next()?;
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    Some((next()?, next()?))
}

fn page(lang: Lang, parts: &[Part]) -> String {
    let mut lines = Vec::new();
    for part in parts {
        let key = format!("check-part-{}", part.name);
        lines.push(crate::i18n::text(lang, &key, &[]));
        for line in &part.lines {
            lines.push(format!("  {} {}", line.mark.sign(), line.text));
            lines.extend(line.next.iter().map(|next| format!("    → {next}")));
        }
    }
    let count = |mark: Mark| {
        let all = parts.iter().flat_map(|part| &part.lines);
        all.filter(|line| line.mark == mark).count()
    };
    lines.push(match (count(Mark::Bad), count(Mark::Look)) {
        (0, 0) => t!(lang, "check-all-good"),
        (bad, look) => t!(lang, "check-summary", bad = bad, look = look),
    });
    lines.join("\n")
}

fn as_json(parts: &[Part]) -> Value {
    let parts = parts.iter().map(|part| {
        let lines = part.lines.iter().map(
            |line| json!({ "result": line.mark.word(), "text": line.text, "next": line.next }),
        );
        json!({ "part": part.name, "lines": lines.collect::<Vec<_>>() })
    });
    json!({ "parts": parts.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version that is taken for another lets an installation begin that cannot work.
    #[test]
    fn versions_are_read_with_what_vendors_add() {
        for (text, expected) in [
            ("v1.36.3", Some((1, 36))),
            ("v1.30.2-gke.1587003", Some((1, 30))),
            ("v1.29+", Some((1, 29))),
            ("1.36.3+k3s1", Some((1, 36))),
            ("unknown", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        let marks = |version: &str| -> Vec<Mark> {
            let lines = cluster_lines(Lang::En, version);
            lines.iter().map(|line| line.mark).collect()
        };
        assert_eq!(marks("v1.29.9"), [Mark::Bad]);
        assert_eq!(marks("v1.30.0"), [Mark::Good, Mark::Good]);
        assert_eq!(marks("dev"), [Mark::Look]);
    }
}
