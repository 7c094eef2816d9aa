//! How much a department asks for, and the quota that holds it.

use serde_json::{Value, json};

use super::objects::{METRICS_CPU, METRICS_MEMORY, labelled};
use super::table::{City, Department, Workload};

/// What pods ask for: thousandths of processors, mebibytes, and how many pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Thousandths of processors.
    pub cpu: i64,
    /// Mebibytes.
    pub memory: i64,
    /// Pods.
    pub pods: i64,
}

/// What one copy of a workload asks for: its own container, and what measures it.
pub fn of_one(workload: &Workload) -> Room {
    Room {
        cpu: millicores(&workload.cpu) + millicores(METRICS_CPU),
        memory: mebibytes(&workload.memory) + mebibytes(METRICS_MEMORY),
        pods: 1,
    }
}

/// How many copies a workload may have in peacetime: what its autoscaler goes up to, else what it has.
pub fn most(workload: &Workload) -> i64 {
    let bounds = workload.hpa.or(workload.keda);
    bounds.map_or(workload.replicas, |(_, most)| most)
}

/// What all workloads of a department ask for, each with so many copies.
pub fn of_all(department: &Department, copies: impl Fn(&Workload) -> i64) -> Room {
    let add = |sum: Room, workload: &Workload| {
        let (one, many) = (of_one(workload), copies(workload));
        Room {
            cpu: sum.cpu + one.cpu * many,
            memory: sum.memory + one.memory * many,
            pods: sum.pods + many,
        }
    };
    department.workloads.iter().fold(Room::default(), add)
}

/// What a department's quota holds.
pub fn held(city: &City, department: &Department) -> Room {
    let asked = of_all(department, most);
    let times = city.room.get(&department.tier).copied().unwrap_or(1);
    Room {
        cpu: asked.cpu * times,
        memory: asked.memory * times,
        pods: asked.pods * times,
    }
}

/// The quota of a department.
pub fn quota(city: &City, department: &Department) -> Value {
    let Room { cpu, memory, pods } = held(city, department);
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": labelled(city, department, "department"),
        "spec": { "hard": {
            "requests.cpu": format!("{cpu}m"),
            "requests.memory": format!("{memory}Mi"),
            "pods": pods.to_string(),
        } },
    })
}

/// The limits of one container in a department: what nobody says, and what nobody may.
pub fn limits(city: &City, department: &Department) -> Value {
    json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": labelled(city, department, "containers"),
        "spec": { "limits": [{
            "type": "Container",
            "defaultRequest": { "cpu": "100m", "memory": "128Mi" },
            "default": { "memory": "512Mi" },
            "max": { "cpu": "8", "memory": "16Gi" },
        }] },
    })
}

/// Thousandths of processors.
///
/// # Panics
/// It is no quantity as the table writes them.
pub fn millicores(text: &str) -> i64 {
    let (number, times) = match text.strip_suffix('m') {
        Some(number) => (number, 1),
        None => (text, 1000),
    };
    number.parse::<i64>().expect("processors") * times
}

/// Mebibytes.
///
/// # Panics
/// It is no quantity as the table writes them.
pub fn mebibytes(text: &str) -> i64 {
    let (number, times) = match text.strip_suffix("Gi") {
        Some(number) => (number, 1024),
        None => (text.strip_suffix("Mi").expect("Mi or Gi"), 1),
    };
    number.parse::<i64>().expect("memory") * times
}
