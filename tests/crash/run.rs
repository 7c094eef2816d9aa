//! One run: a mode from its declaration to its close, with people who approve and stand down as
//! soon as they can, and a new operator whenever the last one is dead.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use serde_json::Value;

use super::process::{Home, Operator};
use super::proxy::{Fault, Trail, Write};
use super::scenario::Scenario;

/// How often people look.
const LOOK: Duration = Duration::from_millis(100);
/// How long a run may take: one takes 10 to 25 s where it waits for a lease and for unconfirmed
/// writes, and many share a machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// One run.
pub struct Run {
    /// Its things.
    pub scenario: Scenario,
    /// What its operators have in common.
    pub home: Home,
    /// The objects before.
    pub before: Vec<(String, Value)>,
    /// The mode's uid.
    pub uid: String,
    /// Its operators, the living one last.
    pub operators: Vec<Operator>,
}

/// Who acts on a control plane.
#[derive(Clone)]
pub struct Stage {
    /// The administrator.
    pub admin: Client,
    /// The operator's own identity.
    pub operator: Client,
    /// Begins the names of runs.
    pub prefix: String,
    /// Whether the playbook makes objects.
    pub makes: bool,
}

impl Run {
    /// Loads the objects, declares, and starts the first operator.
    pub async fn begin(stage: &Stage, name: &str, folder: &Path, fault: Fault) -> Self {
        let scenario = Scenario {
            admin: stage.admin.clone(),
            name: format!("{}-{name}", stage.prefix),
            makes: stage.makes,
        };
        scenario.load().await;
        let before = scenario.objects_now().await;
        let mode = scenario.declare().await;
        let uid = mode["metadata"]["uid"].as_str().expect("a uid").to_owned();
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder is created");
        let home = Home {
            identity: stage.operator.clone(),
            mode: scenario.name.clone(),
            namespace: scenario.operators(),
            folder,
            trail: Trail::default(),
        };
        let first = Operator::start(&home, 0, fault).await;
        Self {
            scenario,
            home,
            before,
            uid,
            operators: vec![first],
        }
    }

    /// Starts another operator, beside those that there are.
    pub async fn start_another(&mut self) {
        let next = Operator::start(&self.home, self.operators.len(), Fault::None).await;
        self.operators.push(next);
    }

    /// Carries the mode on until it is over. Errors: it does not come to its end.
    pub async fn finish(&mut self) -> Result<(), String> {
        match tokio::time::timeout(PATIENCE, self.until_closed()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.stuck().await),
        }
    }

    async fn until_closed(&mut self) {
        loop {
            let mode = self.scenario.mode().await;
            if self.advance(&mode).await {
                return;
            }
            let last = self.operators.last().expect("one was started");
            if last.victim.has_ended() {
                self.start_another().await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Does what people would do next; says whether the mode is over and let go.
    pub async fn advance(&self, mode: &Value) -> bool {
        let status = &mode["status"];
        let phase = status["phase"].as_str().unwrap_or_default();
        let approved = mode["spec"]["approvals"].is_array();
        match (phase, status["plan"]["hash"].as_str()) {
            ("Closed", _) => return mode["metadata"]["finalizers"].is_null(),
            ("Pending", Some(hash)) if !approved => self.scenario.approve(hash).await,
            ("Active", _) if mode["spec"]["posture"] == "Wartime" => {
                self.scenario.stand_down().await;
            }
            _ => {}
        }
        false
    }

    async fn stuck(&self) -> String {
        let mode = self.scenario.mode().await;
        let said: Vec<String> = self.operators.iter().map(Operator::said).collect();
        format!(
            "it did not come to its end: {}\n{}",
            mode["status"],
            said.join("\n--- the next operator\n")
        )
    }

    /// Everything that was written, in order.
    pub fn trail(&self) -> Vec<Write> {
        let trail: &Arc<Mutex<Vec<Write>>> = &self.home.trail;
        trail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
