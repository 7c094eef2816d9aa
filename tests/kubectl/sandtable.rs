//! A sand table that is served for a test, by the program as people start it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support;

/// A sand table in the hands of one test.
pub struct Sandtable {
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    server: Child,
    out: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Sandtable {
    /// Serves one that begins with these manifests. Nobody stands in for controllers, as the real
    /// server that it is compared with has none.
    pub fn with(manifests: &[&str]) -> Self {
        Self::serve(manifests, &["--no-standins"])
    }

    /// Serves one on which workloads become ready.
    pub fn at_work() -> Self {
        Self::serve(&[], &[])
    }

    fn serve(manifests: &[&str], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("kubeconfig");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
        command
            .args(["sandtable", "serve"])
            .args(options)
            .arg("--kubeconfig")
            .arg(&kubeconfig);
        for (at, manifest) in manifests.iter().enumerate() {
            let file = folder.path().join(format!("{at}.yaml"));
            std::fs::write(&file, manifest).expect("a file");
            command.arg("--load").arg(file);
        }
        let mut server = command
            .env("LC_ALL", "C.UTF-8")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut out = BufReader::new(server.stdout.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            let read = out.read_line(&mut said).expect("it speaks");
            assert!(read > 0, "it ended before it was ready:\n{said}");
        }
        Self {
            kubeconfig,
            server,
            out,
            _folder: folder,
        }
    }

    /// Asks it to end, as Ctrl-C does; how it ended, and its last words.
    pub fn interrupt(&mut self) -> (Option<i32>, String) {
        let pid = self.server.id().to_string();
        support::run(Command::new("kill").args(["-INT", &pid]));
        let mut last = String::new();
        self.out.read_line(&mut last).expect("it speaks");
        (self.server.wait().expect("it ends").code(), last)
    }

    /// The kubeconfig of somebody, in a file of its own.
    pub fn of(&self, context: &str, folder: &Path) -> PathBuf {
        let text = std::fs::read_to_string(&self.kubeconfig).expect("it was written");
        let mut config: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        config["current-context"] = context.into();
        let path = folder.join(format!("{}.kubeconfig", context.replace('/', "-")));
        std::fs::write(&path, config.to_string()).expect("a file");
        path
    }
}

impl Drop for Sandtable {
    fn drop(&mut self) {
        // It may have ended already.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
