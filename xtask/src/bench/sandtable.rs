//! The sand table beside the real server: the same guarded patches of the same fleet by the same raw
//! client, in turn, and how long it takes to load objects.

use std::path::Path;

use http::{Method, Request};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use snafu::{ResultExt, ensure};

use super::raw::{Measured, Raw};
use super::{Error, IoSnafu, WrongSnafu, fleet, median, mode};
use crate::cluster::{self, Cluster, Spec};
use crate::progress::Progress;
use crate::surroundings::Stopwatch;

/// The account that writes, on both.
const ACCOUNT: &str = "system:serviceaccount:pingzhan-playbooks:bench";

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Size of the fleet whose patches are compared.
    #[arg(long, default_value_t = 1000)]
    targets: usize,
    /// Pairs of runs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Writes in flight at most.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Objects that are loaded.
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// Measures the sand table alone: for a profile of it.
    #[arg(long)]
    alone: bool,
}

/// Measures, and prints.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let mut loads = Vec::new();
    for _ in 0..args.pairs {
        loads.push(load(args.objects).await?);
    }
    println!(
        "{} Deployments loaded in {:.2} s",
        args.objects,
        median(loads)
    );
    let sand = service();
    let admin = sand.client();
    prepare(&admin, args.targets, progress).await?;
    let file = std::env::temp_dir().join(format!("pingzhan-bench-{}.tsv", std::process::id()));
    let measured = compare(args, &sand, &file, progress).await;
    std::fs::remove_file(&file).context(IoSnafu {
        doing: format!("removing {}", file.display()),
    })?;
    measured
}

async fn compare(
    args: &Args,
    sand: &Service,
    file: &Path,
    progress: Progress,
) -> Result<(), Error> {
    let admin = sand.client();
    let own = Raw {
        admin: &admin,
        client: sand
            .of(User::account("pingzhan-playbooks", "bench"))
            .client(),
        forwarder: None,
        concurrency: args.concurrency,
        file,
    };
    if args.alone {
        for _ in 0..args.pairs {
            println!("{}", said("sand table", &own.measure(args.targets).await?));
        }
        return Ok(());
    }
    let spec = Spec {
        owner: Some(std::process::id()),
        ..Spec::new(&format!("bench-{}", std::process::id()))
    };
    let cluster = Cluster::up(spec, progress).await?;
    let real = cluster.client().await?;
    prepare(&real, args.targets, progress).await?;
    let mut config = cluster::config(&cluster.kubeconfig()).await?;
    config.auth_info.impersonate = Some(ACCOUNT.to_owned());
    let client = Client::try_from(config).map_err(|error| Error::Wrong {
        problem: error.to_string(),
    })?;
    let other = Raw {
        admin: &real,
        client,
        forwarder: None,
        concurrency: args.concurrency,
        file,
    };
    let mut pairs = Vec::with_capacity(args.pairs);
    for number in 0..args.pairs {
        let real = other.measure(args.targets).await?;
        let sand = own.measure(args.targets).await?;
        progress.say(&format!("  pair {}: {}", number + 1, said("real", &real)));
        progress.say(&format!(
            "  pair {}: {}",
            number + 1,
            said("sand table", &sand)
        ));
        pairs.push((real, sand));
    }
    cluster.down()?;
    report(&pairs, args.targets);
    Ok(())
}

fn said(who: &str, measured: &Measured) -> String {
    let Measured {
        switch,
        restore,
        owners,
    } = measured;
    format!(
        "{who}: switch {:.0}/s, return {:.0}/s, ownership {:.0}/s",
        switch.rate, restore.rate, owners.rate
    )
}

/// What of a run is compared.
type Rate = fn(&Measured) -> f64;

fn report(pairs: &[(Measured, Measured)], targets: usize) {
    let passes: [(&str, Rate); 3] = [
        ("switch", |measured| measured.switch.rate),
        ("return", |measured| measured.restore.rate),
        ("ownership", |measured| measured.owners.rate),
    ];
    println!("{targets} targets, {} pairs, medians:", pairs.len());
    for (name, rate) in passes {
        let of = |pick: fn(&(Measured, Measured)) -> &Measured| {
            median(pairs.iter().map(|pair| rate(pick(pair))))
        };
        let ratios = pairs.iter().map(|(real, sand)| rate(sand) / rate(real));
        println!(
            "  {name}: real {:.0}/s, sand table {:.0}/s, {:.1} times",
            of(|pair| &pair.0),
            of(|pair| &pair.1),
            median(ratios)
        );
    }
}

pub(super) fn service() -> Service {
    let clock = Clock::machine();
    let server = Server::new(schema::builtin(), 1, clock.now());
    Service::new(server, move || -> Timestamp { clock.now() })
}

/// Namespaces, rights and a fleet.
pub(super) async fn prepare(
    client: &Client,
    targets: usize,
    progress: Progress,
) -> Result<(), Error> {
    fleet::namespaces(client).await?;
    mode::grant(client).await?;
    fleet::grow(client, 0, targets, progress).await
}

/// Seconds for so many Deployments of the fleet's size to be made, one after another.
async fn load(objects: usize) -> Result<f64, Error> {
    let service = service();
    fleet::namespaces(&service.client()).await?;
    let mut prepared = Vec::with_capacity(objects);
    for member in 0..objects {
        let path = format!(
            "/apis/apps/v1/namespaces/{}/deployments?fieldManager=helm",
            fleet::namespace(member)
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(
                fleet::deployment(member).to_string().into_bytes(),
            ));
        prepared.push(request.map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })?);
    }
    let watch = Stopwatch::start();
    let mut refused = 0;
    for request in prepared {
        let answer = service.answer(request).await;
        refused += usize::from(answer.status() != http::StatusCode::CREATED);
    }
    let took = watch.elapsed().as_secs_f64();
    let problem = format!("{refused} of {objects} Deployments were refused");
    ensure!(refused == 0, WrongSnafu { problem });
    Ok(took)
}
