//! The plan of a rehearsal before it is declared, with everything worth knowing of it: what the
//! operator will compute, as the playbook's account.

use std::collections::BTreeMap;

use snafu::Snafu;

use crate::api::{Level, Nature, Playbook, Scalar, Term, names};
use crate::cluster::{self, Discovery};
use crate::engine::plan::{self, Plan, Request};
use crate::engine::protect::Own;
use crate::playbook::expand;
use crate::run::observe::{self, View};

use super::report::{About, Finding, Planned, Skipped};
use super::stage::Stage;

/// Why there is no plan to look at.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The playbook does not expand.
    #[snafu(display("{}", sentences.join("\n")))]
    Expand {
        /// What is wrong with it, or with the parameters.
        sentences: Vec<String>,
    },
    /// The account cannot be acted as.
    #[snafu(display("{problem}"))]
    Account {
        /// Why.
        problem: String,
    },
}

/// What is to be planned.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The playbook, as it is stored.
    pub playbook: &'a Playbook,
    /// The level.
    pub level: Level,
    /// The chosen parameters.
    pub parameters: &'a BTreeMap<String, Scalar>,
    /// How long the mode would last.
    pub term: &'a Term,
}

/// Computes the plan.
///
/// # Errors
/// The playbook does not expand. What cannot be read is among the plan's problems.
pub async fn foresee(stage: &Stage, wish: Wish<'_>) -> Result<Plan, Error> {
    let spec = &wish.playbook.spec;
    let expanded = expand::expand(spec, wish.level, wish.parameters).map_err(|findings| {
        let sentences = findings.iter();
        let sentences = sentences.map(|one| format!("{}: {}", one.code, one.message));
        Error::Expand {
            sentences: sentences.collect(),
        }
    })?;
    let (own, accounts) = cluster::over(stage.operator(), None);
    let account = accounts.account(names::ACCOUNT_NAMESPACE, &spec.service_account_name);
    let account = account.map_err(|error| Error::Account {
        problem: error.to_string(),
    })?;
    let view = View {
        account: &account,
        discovery: &Discovery::new(own.reads),
        scope: None,
        own: Own {
            operator: names::DEFAULT_NAMESPACE,
            accounts: names::ACCOUNT_NAMESPACE,
        },
        explains: true,
    };
    let facts = observe::observe(view, &expanded).await;
    let metadata = &wish.playbook.metadata;
    let request = Request {
        playbook: metadata.name.as_deref().unwrap_or_default(),
        playbook_uid: metadata.uid.as_deref().unwrap_or_default(),
        spec,
        level: wish.level,
        nature: Nature::Actual,
        tabletop: false,
        scope: None,
        expires_after: wish.term,
        round: 0,
    };
    let mut plan = plan::compute(&request, &expanded, &facts);
    observe::explain(view, &mut plan, &facts).await;
    Ok(plan)
}

/// What a report says of a plan.
pub fn told(plan: &Plan) -> Planned {
    let whole = plan.findings.iter().map(|finding| Finding {
        concern: finding.concern,
        about: About::Capacity,
        step: None,
        text: finding.text.clone(),
    });
    let mut findings: Vec<Finding> = whole.collect();
    let mut skipped = Vec::new();
    let stages = plan.stages.iter().filter(|stage| stage.left_out.is_none());
    for (stage, step) in stages.flat_map(|stage| stage.steps.iter().map(move |one| (stage, one))) {
        let named = format!("{}/{}", stage.name, step.name);
        findings.extend(step.findings.iter().map(|finding| Finding {
            concern: finding.concern,
            about: About::Step,
            step: Some(named.clone()),
            text: finding.text.clone(),
        }));
        skipped.extend(step.skipped.iter().map(|skip| Skipped {
            step: named.clone(),
            object: skip.target.clone(),
            why: skip.why.clone(),
        }));
    }
    // Stable: what is equally grave stays in the order of the plan.
    findings.sort_by_key(|finding| finding.concern);
    Planned {
        hash: plan.hash.clone(),
        changes: plan.change_count(),
        targets: plan.target_count(),
        findings,
        skipped,
    }
}
