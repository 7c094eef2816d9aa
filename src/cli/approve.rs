//! `approve`: one person's approval of the plan that status shows.

use std::io::IsTerminal;
use std::time::Duration;

use futures::StreamExt;

use crate::api::{Approval, EmergencyMode};
use crate::i18n::Lang;
use crate::t;

use super::args::{Output, Waiting};
use super::context::{Context, playbook};
use super::edit::{append, edit};
use super::error::Error;
use super::exit::Exit;
use super::follow;
use super::person::{Person, Right};
use super::render::{findings, nature_word, short_hash};

/// Longest wait for what the plan would meet: the operator takes no longer than two minutes.
const LONGEST: Duration = Duration::from_secs(125);

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// What you say to it
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// The plan that you mean, or the first characters of its hash; another one is not approved
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// The group in whose name you approve
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
    /// What is waited for.
    #[command(flatten)]
    pub waiting: Waiting,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What would be approved: the proposal, where there is one, else the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    hash: String,
    sentence: String,
}

/// Approves.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let asks = !args.yes && std::io::stdin().is_terminal();
    let mode = shown(context, &client, &args.name, asks).await?;
    let subject = subject(context.lang, &mode, args.plan.as_deref())?;
    let authority = playbook(&client, &mode.spec.playbook_ref.name)
        .await?
        .spec
        .authority;
    let person = Person::ask(&client).await?;
    let group = person.acting_as(Right::Approve, &authority, args.in_name_of.as_deref())?;
    if person.name == mode.spec.requested_by {
        return Err(Error::Refused {
            problem: t!(context.lang, "approve-own", name = args.name),
        });
    }
    let said = before(&subject, findings::waiting(&context.view(), &mode), asks);
    anstream::eprint!("{said}");
    if asks {
        let question = t!(
            context.lang,
            "approve-question",
            user = person.name.clone(),
            group = group.clone()
        );
        if !context.ask(&question)? {
            context.say(&t!(context.lang, "nothing-done"))?;
            return Ok(Exit::Negative);
        }
    }
    let approval = Approval {
        by: person.name,
        as_: group,
        plan_hash: subject.hash.clone(),
        comment: args.comment,
    };
    let mode = edit(&client, &args.name, "approve the plan", |now| {
        operations(context.lang, now, &approval)
    })
    .await?;
    context.print(args.output.output, &mode, || {
        let hash = short_hash(&approval.plan_hash);
        t!(
            context.lang,
            "approve-done",
            name = args.name.clone(),
            hash = hash,
            user = approval.by.clone(),
            group = approval.as_.clone()
        )
    })?;
    follow::until(
        context,
        &client,
        &args.name,
        args.waiting.wait_for,
        &args.waiting.timeout,
    )
    .await
}

/// The mode as who approves sees it.
async fn shown(
    context: &Context,
    client: &kube::Client,
    name: &str,
    asks: bool,
) -> Result<EmergencyMode, Error> {
    let mode = super::context::mode(client, name).await?;
    if asks && findings::are_unseen(&mode) {
        anstream::eprintln!("{}", t!(context.lang, "approve-trying"));
        return tried(client, name).await;
    }
    Ok(mode)
}

/// The mode once the operator has said what its plan would meet, or has had the time to: nobody is
/// asked before.
async fn tried(client: &kube::Client, name: &str) -> Result<EmergencyMode, Error> {
    let news = follow::news(client, name);
    let seen = async {
        let mut news = std::pin::pin!(news);
        while let Some(follow::News::Now(mode)) = news.next().await {
            if !findings::are_unseen(&mode) {
                break;
            }
        }
    };
    if tokio::time::timeout(LONGEST, seen).await.is_err() {
        tracing::info!("the operator has not said what the plan would meet");
    }
    super::context::mode(client, name).await
}

/// What is said before the approval is sent: who approves has seen what was found, also where nobody
/// is asked.
fn before(subject: &Subject, findings: String, asks: bool) -> String {
    let sentence = asks.then(|| subject.sentence.clone());
    let said = sentence.into_iter().chain([findings]);
    let said = said.filter(|text| !text.is_empty());
    said.map(|text| text + "\n").collect()
}

/// Appends the approval, if the mode still shows the plan that the person saw, and they have not
/// approved it yet.
fn operations(
    lang: Lang,
    now: &EmergencyMode,
    approval: &Approval,
) -> Result<Vec<serde_json::Value>, Error> {
    subject(lang, now, Some(&approval.plan_hash))?;
    let approvals = &now.spec.approvals;
    let same = |old: &Approval| old.by == approval.by && old.plan_hash == approval.plan_hash;
    if approvals.iter().any(same) {
        return Ok(Vec::new());
    }
    Ok(vec![append("approvals", approvals.len(), approval)])
}

fn subject(lang: Lang, mode: &EmergencyMode, wanted: Option<&str>) -> Result<Subject, Error> {
    let status = mode.status.as_ref();
    let name = mode.metadata.name.clone().unwrap_or_default();
    let refused = |problem: String| Error::Refused { problem };
    let proposed = status.and_then(|status| status.proposed.as_ref());
    let planned = status.and_then(|status| status.plan.as_ref());
    let nature = nature_word(lang, mode.spec.nature, mode.spec.tabletop);
    let subject = if let Some(proposed) = proposed {
        Subject {
            hash: proposed.plan_hash.clone(),
            sentence: t!(
                lang,
                "approve-proposal",
                name = name.clone(),
                level = proposed.level.as_str(),
                nature = nature,
                term = proposed.expires_after.0.clone(),
                changes = proposed.changes,
                hash = proposed.plan_hash.clone()
            ),
        }
    } else if let Some(plan) = planned {
        Subject {
            hash: plan.hash.clone(),
            sentence: t!(
                lang,
                "approve-plan",
                name = name.clone(),
                level = mode.spec.level.as_str(),
                nature = nature,
                changes = plan.changes,
                targets = plan.targets,
                reason = mode.spec.reason.clone(),
                hash = plan.hash.clone()
            ),
        }
    } else {
        return Err(refused(t!(lang, "approve-no-plan", name = name)));
    };
    match wanted {
        Some(wanted) if !names_hash(&subject.hash, wanted) => Err(refused(t!(
            lang,
            "approve-other-plan",
            wanted = wanted.to_owned(),
            hash = subject.hash
        ))),
        _ => Ok(subject),
    }
}

/// Whether a text is a hash or the beginning of one: at least 8 characters, so that it is no
/// accident.
fn names_hash(hash: &str, wanted: &str) -> bool {
    let digits = hash.strip_prefix("sha256:").unwrap_or(hash);
    let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    wanted.len() >= 8 && digits.starts_with(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Phase, PlanFindings};
    use crate::cli::render::View;
    use crate::cli::samples;

    const fn view() -> View {
        View {
            lang: Lang::En,
            width: Some(80),
            bars: false,
            colour: false,
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn approval(hash: &str) -> Approval {
        Approval {
            by: "lin".into(),
            as_: "approvers".into(),
            plan_hash: hash.into(),
            comment: None,
        }
    }

    /// Two plans under one approval is how the wrong one is executed.
    #[test]
    fn only_the_plan_that_was_seen_is_approved() {
        let mode = samples::pending();
        let shown = subject(Lang::En, &mode, None).unwrap().hash;
        assert!(subject(Lang::En, &mode, Some(&shown[..16])).is_ok());
        assert!(subject(Lang::En, &mode, Some("sha256:")).is_err());
        assert!(operations(Lang::En, &mode, &approval(samples::OTHER_HASH)).is_err());
        let operations = operations(Lang::En, &mode, &approval(&shown)).unwrap();
        assert_eq!(operations[0]["path"], "/spec/approvals");
        assert_eq!(operations[0]["value"][0]["by"], "lin");
    }

    /// A proposal waits while the granted plan runs: what is asked is the proposal.
    #[test]
    fn a_proposal_goes_before_the_plan_and_is_approved_once() {
        let mut mode = samples::proposed();
        let shown = subject(Lang::En, &mode, None).unwrap().hash;
        assert_eq!(shown, samples::OTHER_HASH);
        let before = mode.spec.approvals.len();
        assert_eq!(
            operations(Lang::En, &mode, &approval(&shown)).unwrap()[0]["path"],
            "/spec/approvals/-"
        );
        mode.spec.approvals.push(approval(&shown));
        assert_eq!(before + 1, mode.spec.approvals.len());
        assert!(
            operations(Lang::En, &mode, &approval(&shown))
                .unwrap()
                .is_empty()
        );
    }

    /// Who agrees to a plan agrees to what it meets: it stands below the plan before the question, and
    /// is said where nobody is asked, too.
    #[test]
    fn what_was_found_is_said_before_the_approval_is_sent() {
        let view = view();
        let said = |mode: &EmergencyMode, asks| {
            let subject = subject(Lang::En, mode, None).unwrap();
            before(&subject, findings::waiting(&view, mode), asks)
        };
        let found = said(&samples::pending(), false);
        assert!(found.contains("42 CPU short in stage surge"), "{found}");
        let asked = said(&samples::pending(), true);
        let plan = asked.strip_suffix(&found).expect("below the plan");
        assert!(plan.contains(samples::HASH), "{plan}");
        // Of a proposal its own plan counts.
        let proposed = said(&samples::proposed(), false);
        assert!(proposed.contains(": 8 CPU short"), "{proposed}");
    }

    /// In the first seconds nothing is found because nobody has looked; that must not read as a plan
    /// that meets nothing.
    #[test]
    fn a_plan_that_nobody_has_looked_at_is_said_to_be_one() {
        let view = view();
        let without = |mut mode: EmergencyMode, phase, findings: Option<PlanFindings>| {
            let status = mode.status.as_mut().unwrap();
            status.phase = Some(phase);
            if let Some(proposed) = &mut status.proposed {
                proposed.findings = findings;
            } else if let Some(plan) = &mut status.plan {
                plan.findings = findings;
            }
            findings::waiting(&view, &mode)
        };
        let unseen = "Nobody has looked yet";
        let pending = without(samples::pending(), Phase::Pending, None);
        assert!(pending.starts_with(unseen), "{pending}");
        let proposed = without(samples::proposed(), Phase::Active, None);
        assert!(proposed.starts_with(unseen), "{proposed}");
        // Looked at, and nothing found; over before anybody approved.
        let nothing = Some(PlanFindings {
            at: jiff::Timestamp::UNIX_EPOCH,
            listed: Vec::new(),
            left_out: 0,
        });
        assert_eq!(without(samples::pending(), Phase::Pending, nothing), "");
        assert_eq!(without(samples::pending(), Phase::Closed, None), "");
        // Whoever is asked waits for that, and for nothing that does not come.
        let mut mode = samples::pending();
        assert!(!findings::are_unseen(&mode));
        let status = mode.status.as_mut().expect("a status");
        status.plan.as_mut().expect("a plan").findings = None;
        assert!(findings::are_unseen(&mode));
        mode.status.as_mut().expect("a status").phase = Some(Phase::Closed);
        assert!(!findings::are_unseen(&mode));
    }

    /// Who is woken at night must read whether it is an emergency or practice before they agree.
    #[test]
    fn whoever_approves_reads_what_kind_of_mode_it_is() {
        let said = |mode: &EmergencyMode| subject(Lang::En, mode, None).unwrap().sentence;
        for mut mode in [samples::pending(), samples::proposed()] {
            assert!(said(&mode).contains(", Actual, "), "{}", said(&mode));
            mode.spec.nature = crate::api::Nature::Exercise;
            assert!(said(&mode).contains("EXERCISE/演练"), "{}", said(&mode));
            mode.spec.tabletop = true;
            assert!(said(&mode).contains("TABLETOP"), "{}", said(&mode));
        }
    }

    /// Before the plan is stored there is nothing that could be approved.
    #[test]
    fn without_a_plan_there_is_nothing_to_approve() {
        let mut mode = samples::pending();
        mode.status = None;
        assert!(matches!(
            subject(Lang::En, &mode, None),
            Err(Error::Refused { .. })
        ));
    }
}
