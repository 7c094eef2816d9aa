//! What a cluster is asked to be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::tools::Program;

/// Which controllers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Controllers {
    /// None: the API server alone. Nothing converges, and nothing else writes.
    #[default]
    None,
    /// kube-controller-manager and kube-scheduler with their stock settings.
    Stock,
}

/// What a cluster is asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its name.
    pub name: String,
    /// How many nodes with fake kubelets.
    pub nodes: u32,
    /// Which controllers run.
    pub controllers: Controllers,
    /// Whether every request is written to an audit log.
    pub audit: bool,
    /// An audit log that stays when the cluster ends: of every request, or else of those of the operator's
    /// account.
    #[serde(default)]
    pub operator_log: Option<PathBuf>,
    /// Whether etcd waits for the disk. Benchmarks do; tests may do without.
    pub fsync: bool,
    /// The process with which it ends; none: it stays up until it is brought down.
    pub owner: Option<u32>,
}

impl Spec {
    /// An API server and its store, nothing else.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            nodes: 0,
            controllers: Controllers::None,
            audit: false,
            operator_log: None,
            fsync: true,
            owner: None,
        }
    }

    /// The programs that it needs.
    pub fn programs(&self) -> Vec<Program> {
        let mut programs = vec![Program::Etcd, Program::KubeApiserver];
        match self.controllers {
            Controllers::None => {}
            Controllers::Stock => {
                programs.extend([Program::KubeControllerManager, Program::KubeScheduler]);
            }
        }
        if self.nodes > 0 {
            programs.push(Program::Kwok);
        }
        programs
    }
}
