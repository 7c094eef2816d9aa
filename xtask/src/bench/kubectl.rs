//! What people do without pingzhan: `kubectl scale` by name, and eight of it at a time.

use std::path::Path;
use std::process::Stdio;

use snafu::{ResultExt, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Error, IoSnafu, WrongSnafu, fleet};
use crate::surroundings::Stopwatch;

/// Targets a second, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// One `kubectl scale` a namespace, with all names.
    pub by_name: f64,
    /// One `kubectl scale` a target, eight at a time.
    pub xargs: f64,
}

/// Scales so many targets up, one way, and down, the other way.
pub async fn measure(kubectl: &Path, kubeconfig: &Path, targets: usize) -> Result<Measured, Error> {
    let watch = Stopwatch::start();
    for place in 0..fleet::NAMESPACES {
        let members = (0..targets).filter(|member| member % fleet::NAMESPACES == place);
        let names = members.map(|member| format!("deployment/{}", fleet::name(member)));
        let mut command = scale(kubectl, kubeconfig, fleet::AFTER);
        command
            .args(["--namespace", &fleet::namespace(place)])
            .args(names);
        finish(command, "").await?;
    }
    let by_name = targets as f64 / watch.elapsed().as_secs_f64();
    let lines: Vec<String> = (0..targets)
        .map(|member| {
            let (namespace, name) = (fleet::namespace(member), fleet::name(member));
            format!("--namespace={namespace} deployment/{name}\n")
        })
        .collect();
    let watch = Stopwatch::start();
    let mut command = Command::new("xargs");
    command
        .args(["-P8", "-L1"])
        .arg(kubectl)
        .arg("--kubeconfig")
        .arg(kubeconfig);
    command
        .arg("scale")
        .arg(format!("--replicas={}", fleet::BASE));
    finish(command, &lines.concat()).await?;
    let xargs = targets as f64 / watch.elapsed().as_secs_f64();
    Ok(Measured { by_name, xargs })
}

fn scale(kubectl: &Path, kubeconfig: &Path, replicas: i64) -> Command {
    let mut command = Command::new(kubectl);
    command.arg("--kubeconfig").arg(kubeconfig).arg("scale");
    command.arg(format!("--replicas={replicas}"));
    command
}

async fn finish(mut command: Command, input: &str) -> Result<(), Error> {
    let doing = "running kubectl scale";
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().context(IoSnafu { doing })?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(input.as_bytes())
            .await
            .context(IoSnafu { doing })?;
    }
    let status = child.wait().await.context(IoSnafu { doing })?;
    let problem = format!("kubectl scale ended with {status}");
    ensure!(status.success(), WrongSnafu { problem });
    Ok(())
}
