//! Where a page's commands are typed: a folder as a checkout has it, a cluster on the sand table, and people
//! who do meanwhile what the page says that they do.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::page::Command;
use super::table::{ANSWERED, FOLLOWED, On, Row, STAYS, WHO};
use crate::support::terminal::Terminal;
use crate::support::{helm, kubectl_program, repository, variable};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pingzhan");
/// What a checkout has at its top, as far as pages name it.
const TOP: [&str; 4] = ["charts", "manifests", "playbooks", "tests"];
/// Who approves, one after the other.
const APPROVERS: [&str; 2] = ["approver-lin", "approver-chen"];
/// `cargo run --release -- X` is the built program with X; a demo is told at once.
const CARGO: &str = "#!/bin/sh\n[ \"$1 $2 $3\" = 'run --release --' ] || exit 97\nshift 3\n\
                     [ \"$1\" = demo ] && { shift; set -- demo --speed 0 \"$@\"; }\nexec pingzhan \"$@\"\n";

/// A page's place.
pub struct Scene {
    on: On,
    folder: tempfile::TempDir,
    approvals: usize,
    /// What goes on until the page is over.
    running: Vec<Terminal>,
    over: Arc<AtomicBool>,
    answering: Option<JoinHandle<()>>,
}

impl Scene {
    /// Opens it.
    pub fn open(row: &Row) -> Result<Self, String> {
        let mut scene = Self {
            on: row.on,
            folder: folder(),
            approvals: 0,
            running: Vec::new(),
            over: Arc::default(),
            answering: None,
        };
        let server = match row.on {
            On::Nothing => None,
            On::Bare => Some(("sandtable serve --bare", "Ctrl-C ends it")),
            On::City => Some(("demo --keep --speed 0", "takes the kubeconfig away")),
        };
        if let Some((line, shows)) = server {
            let path = scene.path("cluster.kubeconfig");
            let line = format!("pingzhan --kubeconfig {} --lang en {line}", path.display());
            scene.keep(&line, shows, &[])?;
            let text = std::fs::read_to_string(&path).expect("a kubeconfig");
            scene.write_contexts(&text);
        }
        if row.on == On::City {
            scene.answer();
        }
        for line in row.before {
            scene.once(line, "admin", 0)?;
        }
        Ok(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kubeconfig for each person, whose own context is the current one.
    fn write_contexts(&self, text: &str) {
        let config: Value = serde_yaml::from_str(text).expect("a kubeconfig");
        let contexts = config["contexts"].as_array().expect("contexts");
        for name in contexts.iter().filter_map(|one| one["name"].as_str()) {
            let mut own = config.clone();
            own["current-context"] = json!(name);
            let file = format!("as-{}.kubeconfig", name.replace('/', "-"));
            std::fs::write(self.path(&file), own.to_string()).expect("it is written");
        }
    }

    /// Types a command of the page, as whoever does such things.
    pub fn run(&mut self, command: &Command) -> Result<(), String> {
        let text = &command.text;
        let who = self.who(text);
        if let Some((_, shows, goes_on)) = STAYS.iter().find(|(part, ..)| text.contains(part)) {
            let kubeconfig = self.kubeconfig(who);
            self.keep(text, shows, &[("KUBECONFIG", &kubeconfig)])?;
            if !goes_on && let Some(mut stays) = self.running.pop() {
                // It may have ended by itself.
                stays.types("\x03").ok();
                stays.ends().map_err(|error| error.to_string())?;
            }
            return Ok(());
        }
        if let Some(mode) = words_after(text, "approve") {
            // People read the plan before they approve it, so it is there.
            let planned = "--for jsonpath='{.status.plan.hash}' --timeout 60s";
            self.once(&format!("kubectl wait em/{mode} {planned}"), "admin", 0)?;
        }
        self.once(text, who, command.code)?;
        if let Some((_, then, shows)) = FOLLOWED.iter().find(|(part, ..)| text.contains(part)) {
            let kubeconfig = self.kubeconfig("admin");
            self.keep(then, shows, &[("KUBECONFIG", &kubeconfig)])?;
        }
        Ok(())
    }

    fn kubeconfig(&self, who: &str) -> String {
        let own = self.path(&format!("as-{who}.kubeconfig"));
        own.to_str().expect("UTF-8").to_owned()
    }

    fn who(&mut self, text: &str) -> &'static str {
        let mut words = text.split_whitespace();
        words.find(|word| *word == "pingzhan");
        let verb = words.next();
        if self.on != On::Bare && verb == Some("approve") {
            self.approvals += 1;
            return APPROVERS[(self.approvals - 1) % APPROVERS.len()];
        }
        // Where nobody has given rights to people yet the administrator does everything.
        if self.on == On::Bare {
            return "admin";
        }
        let found = WHO.iter().find(|(known, _)| verb == Some(known));
        found.map_or("admin", |(_, who)| who)
    }

    fn terminal(&self, line: &str, environment: &[(&str, &str)]) -> Result<Terminal, String> {
        let home = self.folder.path().to_str().expect("UTF-8");
        let path = variable("PATH").unwrap_or_default();
        let path = format!("{home}/bin:{}", path.to_string_lossy());
        let all = [
            &[("HOME", home), ("PATH", &path), ("LANG", "C.UTF-8")],
            environment,
        ]
        .concat();
        // What a page exports is there in its later commands.
        let exports = if line.starts_with("export ") {
            "export -p > ../exported"
        } else {
            ""
        };
        let text = format!(
            "cd '{home}/checkout'\n[ -f ../exported ] && . ../exported\n{line}\nended=$?\n{exports}\n\
             exit $ended\n"
        );
        let file = self.path(&format!("line-{}.sh", self.running.len()));
        std::fs::write(&file, text).expect("it is written");
        let file = file.to_str().expect("UTF-8");
        let terminal = Terminal::run(Path::new("bash"), &[file], &all, self.folder.path());
        terminal.map_err(|error| error.to_string())
    }

    /// Types a line, says yes where it asks, and waits for its end.
    fn once(&self, line: &str, who: &str, code: i32) -> Result<(), String> {
        let kubeconfig = self.kubeconfig(who);
        let mut terminal = self.terminal(line, &[("KUBECONFIG", &kubeconfig)])?;
        // It waits in the terminal until somebody reads it.
        terminal.types("y\n").map_err(|error| error.to_string())?;
        let (status, shown) = terminal.ends().map_err(|error| error.to_string())?;
        if status.code() == Some(code) {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(&shown);
        Err(format!(
            "`{line}` as {who} ended with {status} instead of {code}:\n{shown}"
        ))
    }

    /// Types a line that goes on, and waits until it shows what it is for.
    fn keep(&mut self, line: &str, sign: &str, environment: &[(&str, &str)]) -> Result<(), String> {
        let terminal = self.terminal(line, environment)?;
        let shown = terminal.until(|shown| shown.contains(sign));
        self.running.push(terminal);
        if shown.contains(sign) {
            return Ok(());
        }
        Err(format!("`{line}` does not show `{sign}`:\n{shown}"))
    }

    /// The commander answers at gates for as long as the page lasts: pages speak of it, or leave it out.
    fn answer(&mut self) {
        let kubeconfig = self.kubeconfig("commander-wang");
        let over = self.over.clone();
        let answering = std::thread::spawn(move || {
            let asked = |over: &AtomicBool| !over.load(Ordering::SeqCst);
            let mut turn = 0;
            while asked(&over) {
                let (mode, gate) = ANSWERED[turn % ANSWERED.len()];
                turn += 1;
                let mut answer = std::process::Command::new(PROGRAM);
                answer.args(["answer", mode, gate, "proceed"]);
                answer.env("KUBECONFIG", &kubeconfig);
                // Nobody may ask yet: then it is said again.
                answer.output().ok();
                std::thread::park_timeout(std::time::Duration::from_millis(300));
            }
        });
        self.answering = Some(answering);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(answering) = self.answering.take() {
            answering.join().ok();
        }
        for mut running in self.running.drain(..).rev() {
            running.types("\x03").ok();
            running.ends().ok();
        }
    }
}

/// The word behind a verb of `pingzhan`.
fn words_after<'a>(text: &'a str, verb: &str) -> Option<&'a str> {
    let mut words = text
        .split_whitespace()
        .skip_while(|word| *word != "pingzhan");
    words.next()?;
    (words.next() == Some(verb)).then(|| words.next()).flatten()
}

/// A folder with a checkout, and the programs of the page.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (checkout, bin) = (folder.path().join("checkout"), folder.path().join("bin"));
    for made in [&checkout, &bin] {
        std::fs::create_dir(made).expect("it is made");
    }
    for name in TOP {
        symlink(repository().join(name), checkout.join(name)).expect("a link");
    }
    let programs = [
        ("pingzhan", PathBuf::from(PROGRAM)),
        (
            "kubectl-pingzhan",
            PathBuf::from(env!("CARGO_BIN_EXE_kubectl-pingzhan")),
        ),
        ("kubectl", kubectl_program()),
        ("helm", helm()),
    ];
    for (name, program) in programs {
        symlink(program, bin.join(name)).expect("a link");
    }
    let cargo = bin.join("cargo");
    std::fs::write(&cargo, CARGO).expect("it is written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&cargo, executable).expect("it is ours");
    folder
}
