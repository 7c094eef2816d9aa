//! A playbook that waits for a query of Prometheus: the real one, which reads the operator's own metrics.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use pingzhan::api::{EmergencyModeStatus, Phase};
use pingzhan::run::signal::Signals;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::World;
use crate::support;

/// A Prometheus of this test's own, which ends with it.
struct Prometheus {
    child: Child,
    _folder: TempDir,
}

impl Prometheus {
    /// One that listens here and reads what is told there, every second.
    fn start(at: SocketAddr, reads: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "scrape_configs": [{ "job_name": "pingzhan", "static_configs": [{ "targets": [reads] }] }],
        });
        let file = folder.path().join("prometheus.yaml");
        std::fs::write(&file, config.to_string()).expect("it is written");
        let child = Command::new(support::prometheus())
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={at}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus runs");
        Self {
            child,
            _folder: folder,
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody has.
pub async fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

/// Signals that ask this Prometheus.
fn asks(prometheus: SocketAddr) -> Signals {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("signals.yaml");
    let text = format!("allow: ['127.0.0.0/8']\nprometheus: 'http://{prometheus}'\n");
    std::fs::write(&file, text).expect("it is written");
    Signals::read(file).expect("a signals file")
}

fn waits_for(words: &'static str) -> impl Fn(&EmergencyModeStatus) -> bool {
    move |status| {
        let said = status.waiting_on.as_deref().unwrap_or_default();
        said.contains(words)
    }
}

/// A surge that begins before the load is measured, or never since nobody measures it, is the wrong
/// surge: what is asked, what is answered and that nobody answers are said, and nothing follows before
/// there is a sample.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_waits_until_prometheus_has_a_sample() {
    // Built first: whoever waits for it must not wait for a compiler.
    support::prometheus();
    let (own, prometheus) = (free().await, free().await);
    let mut world = World::new().await;
    for owned in super::fleet::fleet(&world.namespace) {
        world.write(&owned).await;
    }
    world.scale("capacity", "Deployment", "shared", 9).await;
    world.signals = Arc::new(asks(prometheus));
    world.metrics = Some(own);
    world.start().await;
    let before = world.snapshot().await;
    let query = r#"pingzhan_modes{phase="Active"} > 0"#;
    let stages = json!([
        { "name": "load", "steps": [{ "name": "measured", "timeout": "5m", "wait": { "promQL": query } }] },
        after(halve(&world, "shed", &["portal-web"]), "load"),
    ]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    world
        .until(
            "flood",
            "says that nobody answers",
            waits_for("load/measured waits for: 127.0.0.1 cannot be reached"),
        )
        .await;
    let _server = Prometheus::start(prometheus, own);
    world
        .until(
            "flood",
            "has asked in vain",
            waits_for(r#"`pingzhan_modes{phase="Active"} > 0` has 0 samples"#),
        )
        .await;
    world.compare(&before).await;
    // What the query is about comes to be: another mode is active.
    world
        .switch("heat", &json!([halve(&world, "calm", &["helm-api"])]))
        .await;
    let active = world.phase("flood", Phase::Active).await;
    let told = active.status.expect("a status").timeline;
    assert!(
        told.iter().any(|entry| entry.event == "ActDone"
            && entry.message.starts_with("load/measured")
            && entry.message.ends_with("has 1 samples")),
        "{told:#?}"
    );
    let portal = world.get("Deployment", "portal-web").await;
    assert_eq!(portal["spec"]["replicas"], 4);
    world.come_back("flood").await;
    world.come_back("heat").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
