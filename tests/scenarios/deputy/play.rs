//! How one playbook is played: stored, planned beside the operator, declared, approved where it asks for it,
//! and stood down again; and what came of it, held against what has to.

use std::collections::BTreeMap;

use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::runtime::wait::await_condition;
use pingzhan::api::condition::{self, types};
use pingzhan::api::{
    EmergencyMode, EmergencyModeStatus, Level, Nature, Phase, Playbook, PlaybookSpec, Scalar,
    Scope, Term, names,
};
use pingzhan::cluster::{self, Accounts, Discovery};
use pingzhan::engine::plan::{self, Plan, Request};
use pingzhan::engine::protect::Own;
use pingzhan::playbook::expand;
use pingzhan::run::observe::{self, View};
use serde_json::{Value, json};

use super::case::{Author, By, Case, Expected, Ground};
use super::ground::BORROWER;
use crate::scenarios::acts::APPROVERS;
use crate::scenarios::world::{PATIENCE, World, resource};
use crate::support::people::person;

/// Everybody who plays.
pub struct Hands<'a> {
    world: &'a World,
    ground: &'a Ground,
    lender: Client,
    borrower: Client,
    accounts: Accounts,
    discovery: Discovery,
}

/// Where a mode has come to.
#[derive(Debug)]
enum End {
    Blocked { reason: String, why: String },
    Asked,
    Active,
}

/// Where a mode has come to, if it goes no further by itself.
fn end(status: &EmergencyModeStatus) -> Option<End> {
    let blocked = condition::get(&status.conditions, types::BLOCKED);
    if let Some(blocked) = blocked.filter(|one| one.status == "True") {
        // The operator has not seen all yet, or the server did not answer for a moment.
        let passing = ["PlaybookMissing", "RulesNotEnforced", "RulesNotProven"]
            .contains(&blocked.reason.as_str());
        return (!passing).then(|| End::Blocked {
            reason: blocked.reason.clone(),
            why: blocked.message.clone(),
        });
    }
    let waits = status.waiting_on.as_deref().unwrap_or_default();
    match status.phase {
        Some(Phase::Active) => Some(End::Active),
        Some(Phase::Pending) if status.plan.is_some() && waits.contains("approval") => {
            Some(End::Asked)
        }
        _ => None,
    }
}

impl<'a> Hands<'a> {
    pub async fn of(world: &'a World, ground: &'a Ground) -> Self {
        let config = world.operator_config().await;
        let (own, accounts) = cluster::connect(config, None).expect("the operator has clients");
        Self {
            world,
            ground,
            lender: person(&world.client, "engineer-he", "platform"),
            borrower: world.plane.client_as(BORROWER, &["platform"]).await,
            accounts,
            discovery: Discovery::new(own.reads),
        }
    }

    /// The playbook's spec.
    pub fn spec(&self, case: &Case) -> Value {
        let stages = json!([{ "name": "only", "steps": [case.step] }]);
        let mut spec = self.world.playbook(&stages);
        spec["serviceAccountName"] = json!(self.ground.account(case.account));
        for (field, value) in case.book.as_object().into_iter().flatten() {
            match (spec[field].as_object_mut(), value.as_object()) {
                (Some(known), Some(more)) => known.extend(more.clone()),
                _ => spec[field] = value.clone(),
            }
        }
        spec
    }

    /// Stores the playbook; what the API server says where it does not.
    pub async fn store(&self, name: &str, case: &Case) -> Result<(), String> {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": format!("{}/{}", names::GROUP, names::VERSION), "kind": "Playbook",
            "metadata": { "name": name }, "spec": self.spec(case),
        }))
        .expect("an object");
        let author = match case.author {
            Author::Lender => &self.lender,
            Author::Borrower => &self.borrower,
        };
        let api: Api<DynamicObject> = Api::all_with(author.clone(), &resource("Playbook"));
        let stored = api.create(&PostParams::default(), &object).await;
        stored.map(drop).map_err(|error| error.to_string())
    }

    /// Takes away what was stored and declared: whenever a playbook is written, every mode looks at it.
    pub async fn remove(&self, name: &str) {
        let delete = DeleteParams::default();
        let playbooks: Api<Playbook> = Api::all(self.world.client.clone());
        let removed = playbooks.delete(name, &delete).await;
        removed.expect("a playbook that no mode has in force may be taken away");
        let free = |mode: Option<&EmergencyMode>| {
            mode.is_none_or(|mode| mode.metadata.finalizers.as_ref().is_none_or(Vec::is_empty))
        };
        let waited = await_condition(self.world.modes(), name, free);
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        let found = waited.expect("the operator lets go of what is closed");
        if found.expect("a watch").is_some() {
            let removed = self.world.modes().delete(name, &delete).await;
            removed.expect("a mode that is closed may be taken away");
        }
    }

    /// Plays what was stored, or was not; why something else came of it than has to, if so.
    pub async fn play(
        &self,
        name: &str,
        case: &Case,
        stored: &Result<(), String>,
    ) -> Result<(), String> {
        if let Expected::Stopped(By::Server, words) = &case.expected {
            return match stored {
                Ok(()) => Err("it is stored".to_owned()),
                Err(said) if said.contains(words) => Ok(()),
                Err(said) => Err(format!("it is not stored, and not for `{words}`: {said}")),
            };
        }
        stored
            .clone()
            .map_err(|said| format!("it is not stored: {said}"))?;
        match &case.expected {
            Expected::Taken => self.is_sound(name, case).await?,
            Expected::Stopped(By::Alone, words) => self.leaves_alone(name, case, words).await?,
            Expected::Stopped(..) => {}
        }
        self.world.try_declare(name, case.mode.clone()).await?;
        let outcome = self.carried(name, case).await;
        let ended = self.ends(name).await;
        outcome.and(ended)
    }

    /// What comes of the mode, without an end to it.
    async fn carried(&self, name: &str, case: &Case) -> Result<(), String> {
        let (mut mode, mut found) = self.settles(name, true).await?;
        let is_asked = matches!(found, End::Asked);
        let by = match &case.expected {
            Expected::Taken if is_asked => return Ok(()),
            Expected::Taken => return Err(format!("nobody is asked to approve it: {found:?}")),
            Expected::Stopped(by, _) => *by,
        };
        if by == By::Alone && changes(&mode) != 0 {
            return Err(format!("the plan has {} changes", changes(&mode)));
        }
        if is_asked && matches!(by, By::Alone | By::Act) {
            self.approve(name, &mode).await?;
            (mode, found) = self.settles(name, false).await?;
        }
        let Expected::Stopped(_, words) = &case.expected else {
            return Ok(());
        };
        match (by.reason(), &found) {
            (Some(wanted), End::Blocked { reason, why }) if reason == wanted => {
                let is = why.contains(words);
                let other = || format!("it is stopped, and not for `{words}`: {why}");
                is.then_some(()).ok_or_else(other)
            }
            (None, End::Active) if changes(&mode) == 0 => Ok(()),
            (wanted, _) => Err(format!("it comes to {found:?}, and not to {wanted:?}")),
        }
    }

    /// Waits until a mode goes no further by itself.
    async fn settles(&self, name: &str, asks: bool) -> Result<(EmergencyMode, End), String> {
        let known = |status: &EmergencyModeStatus| {
            end(status).filter(|end| asks || !matches!(end, End::Asked))
        };
        let mode = self.awaits(name, |status| known(status).is_some()).await?;
        let found = mode.status.as_ref().and_then(known);
        let found = found.ok_or_else(|| "it has no status".to_owned())?;
        Ok((mode, found))
    }

    async fn awaits(
        &self,
        name: &str,
        says: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> Result<EmergencyMode, String> {
        let holds = |mode: Option<&EmergencyMode>| {
            let status = mode.and_then(|mode| mode.status.as_ref());
            status.is_some_and(&says)
        };
        let waited = await_condition(self.world.modes(), name, holds);
        match tokio::time::timeout(PATIENCE, waited).await {
            Ok(Ok(Some(mode))) => Ok(mode),
            Ok(other) => Err(format!("the watch on it ended: {other:?}")),
            Err(_) => {
                let status = self.world.mode(name).await.status;
                let status = serde_json::to_string(&status).unwrap_or_default();
                Err(format!("it comes to nothing; its status is {status}"))
            }
        }
    }

    async fn approve(&self, name: &str, mode: &EmergencyMode) -> Result<(), String> {
        let plan = mode.status.as_ref().and_then(|status| status.plan.as_ref());
        let hash = plan.map(|plan| plan.hash.clone()).unwrap_or_default();
        let item = json!({ "by": "approver-lin", "as": APPROVERS, "planHash": hash });
        self.world.try_add(name, "approvals", item).await
    }

    /// Stands the mode down, and waits until it is closed.
    async fn ends(&self, name: &str) -> Result<(), String> {
        let down = json!({ "posture": "Peacetime" });
        self.world.try_change(name, down).await?;
        let closed = |status: &EmergencyModeStatus| status.phase == Some(Phase::Closed);
        self.awaits(name, closed).await.map(drop)
    }

    /// The plan, made as the operator makes it: only so it is known what is left alone, and why.
    async fn plan(&self, name: &str, case: &Case) -> Result<Plan, String> {
        let spec: PlaybookSpec = serde_json::from_value(self.spec(case)).expect("a playbook");
        let given = case.mode.get("parameters").cloned();
        let given: BTreeMap<String, Scalar> =
            serde_json::from_value(given.unwrap_or_else(|| json!({}))).expect("parameters");
        let scope = case.mode.get("scope").cloned();
        let scope: Option<Scope> =
            scope.map(|scope| serde_json::from_value(scope).expect("a scope"));
        let expanded = expand::expand(&spec, Level::III, &given)
            .map_err(|findings| format!("it does not expand: {findings:?}"))?;
        let account = self
            .accounts
            .account(names::ACCOUNT_NAMESPACE, &spec.service_account_name)
            .map_err(|error| error.to_string())?;
        let view = View {
            account: &account,
            discovery: &self.discovery,
            scope: scope.as_ref().and_then(|scope| scope.namespaces.as_ref()),
            own: Own {
                operator: names::DEFAULT_NAMESPACE,
                accounts: names::ACCOUNT_NAMESPACE,
            },
            explains: false,
        };
        let facts = observe::observe(view, &expanded).await;
        let request = Request {
            playbook: name,
            playbook_uid: name,
            spec: &spec,
            level: Level::III,
            nature: Nature::Actual,
            tabletop: false,
            scope: scope.as_ref(),
            expires_after: &Term("1h".to_owned()),
            round: 0,
        };
        let plan = plan::compute(&request, &expanded, &facts);
        let wrong = [plan.problems(), plan.faults()].concat();
        let wrong: Vec<String> = wrong
            .into_iter()
            .map(|(step, why)| format!("{step}: {why}"))
            .collect();
        if wrong.is_empty() {
            return Ok(plan);
        }
        Err(format!("it cannot be planned: {}", wrong.join("; ")))
    }

    /// Nothing of it is planned, and what it aims at is named with the reason.
    async fn leaves_alone(&self, name: &str, case: &Case, words: &str) -> Result<(), String> {
        let plan = self.plan(name, case).await?;
        if let Some((_, _, change)) = plan.changes().next() {
            let what = plan::describe(&change.target);
            return Err(format!("it would change {what}"));
        }
        let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
        let left: Vec<String> = steps
            .flat_map(|step| &step.skipped)
            .map(|skip| format!("{}: {}", skip.target, skip.why))
            .collect();
        if left.iter().any(|why| why.contains(words)) {
            return Ok(());
        }
        Err(format!("nothing is left alone for `{words}`: {left:?}"))
    }

    /// It would do what it says.
    async fn is_sound(&self, name: &str, case: &Case) -> Result<(), String> {
        let plan = self.plan(name, case).await?;
        if case.changes() && plan.change_count() == 0 {
            return Err("it would change nothing".to_owned());
        }
        Ok(())
    }
}

/// How many changes the stored plan of a mode has.
fn changes(mode: &EmergencyMode) -> i64 {
    let plan = mode.status.as_ref().and_then(|status| status.plan.as_ref());
    plan.map_or(0, |plan| plan.changes)
}
