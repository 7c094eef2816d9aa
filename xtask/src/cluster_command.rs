//! `cargo xtask cluster`: the command line of [`xtask::cluster`].

use clap::{Args, Subcommand};
use xtask::cluster::{self, Cluster, Controllers, Error, Spec, Status};
use xtask::progress::Progress;
use xtask::rights;
use xtask::tools::{self, Program};

/// What to do with a control plane.
#[derive(Subcommand)]
pub enum Verb {
    /// Bring one up, building what it needs the first time; prints the admin's kubeconfig.
    Up(Up),
    /// End one by pid and remove its data.
    Down(Named),
    /// Say which are up, where, and with which programs.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the path of a kubeconfig: the admin's, or that of anybody.
    Kubeconfig(Kubeconfig),
    /// Print the path of kubectl, building it the first time.
    Kubectl,
    /// Print the path of helm, building it the first time.
    Helm,
    /// Print the path of prometheus, building it the first time.
    Prometheus,
    /// Wait for a process to end, then end a cluster.
    #[command(hide = true)]
    Reap(Reap),
}

/// Which control plane.
#[derive(Args)]
pub struct Named {
    /// Its name.
    #[arg(long, default_value = "main")]
    name: String,
}

/// How it is brought up.
#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    named: Named,
    /// How many nodes with fake kubelets.
    #[arg(long, default_value_t = 0)]
    nodes: u32,
    /// Which controllers run.
    #[arg(long, value_enum, default_value_t)]
    controllers: Controllers,
    /// Write every request to an audit log.
    #[arg(long)]
    audit: bool,
    /// Let etcd not wait for the disk: faster, for tests; never for figures.
    #[arg(long)]
    no_fsync: bool,
    /// End it when this process ends.
    #[arg(long, value_name = "PID")]
    owner: Option<u32>,
}

/// Whose kubeconfig.
#[derive(Args)]
pub struct Kubeconfig {
    #[command(flatten)]
    named: Named,
    /// A user; the admin when left out.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// A group of the user; may be repeated.
    #[arg(long = "group", value_name = "GROUP", requires = "user")]
    groups: Vec<String>,
}

/// What ends with what.
#[derive(Args)]
pub struct Reap {
    #[command(flatten)]
    named: Named,
    /// The process.
    #[arg(long)]
    owner: u32,
    /// The cluster's folder, by which this process is recognised.
    #[arg(long)]
    of: String,
}

/// Does it.
pub async fn run(verb: Verb, progress: Progress) -> Result<(), Error> {
    match verb {
        Verb::Up(up) => {
            let spec = Spec {
                nodes: up.nodes,
                controllers: up.controllers,
                audit: up.audit,
                fsync: !up.no_fsync,
                owner: up.owner,
                operator_log: rights::log_of(&up.named.name),
                ..Spec::new(&up.named.name)
            };
            let cluster = Cluster::up(spec, progress).await?;
            println!("{}", cluster.kubeconfig().display());
        }
        Verb::Down(named) => {
            let ended = cluster::down(&named.name)?;
            progress.say(&format!("cluster {}: {ended} programs ended", named.name));
        }
        Verb::Status { json } => print_status(&cluster::status(), json),
        Verb::Kubeconfig(whose) => {
            let cluster = Cluster::find(&whose.named.name)?;
            let path = match whose.user {
                Some(user) => cluster.identity(&user, &whose.groups)?,
                None => cluster.kubeconfig(),
            };
            println!("{}", path.display());
        }
        Verb::Kubectl => print_tool(Program::Kubectl, progress)?,
        Verb::Helm => print_tool(Program::Helm, progress)?,
        Verb::Prometheus => print_tool(Program::Prometheus, progress)?,
        Verb::Reap(reap) => cluster::reap(&reap.named.name, reap.owner)?,
    }
    Ok(())
}

fn print_tool(program: Program, progress: Progress) -> Result<(), Error> {
    let set = tools::ensure(&[program], progress)?;
    if let Some(path) = set.get(program) {
        println!("{}", path.display());
    }
    Ok(())
}

fn print_status(all: &[Status], json: bool) {
    if json {
        println!("{}", serde_json::json!(all));
        return;
    }
    if all.is_empty() {
        println!("no cluster is up: run `cargo xtask cluster up`");
    }
    for status in all {
        let state = if status.up { "up" } else { "not up" };
        println!(
            "{}: {state} {}",
            status.name,
            status.url.as_deref().unwrap_or_default()
        );
        if let Some(path) = &status.kubeconfig {
            println!("  kubeconfig {}", path.display());
        }
        if let Some(path) = &status.audit {
            println!("  audit log  {}", path.display());
        }
        println!("  logs       {}", status.logs.display());
        for unit in &status.programs {
            println!("  {:<24} pid {}", unit.program, unit.pid);
        }
        if let Some(owner) = status.owner {
            println!("  ends with process {owner}");
        }
    }
}
