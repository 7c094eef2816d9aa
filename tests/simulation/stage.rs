//! The operators' processes: begun, killed and begun anew, frozen, and stopped.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use pingzhan::api::names;
use pingzhan::run::signal::Signals;
use pingzhan::run::task::Gate;
use pingzhan::run::{lease, operator, retention};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::city::City;
use super::deeds::signals;
use super::story::Story;
use super::wire::{Life, Sky, Wire};

/// How long a process that died is away.
const RESTART: Duration = Duration::from_secs(2);
/// How long things may take to come to rest: longer than any wait between two tries.
const REST: Duration = Duration::from_secs(20);

/// The processes.
pub struct Stage<'a> {
    city: Arc<City>,
    sky: Sky,
    story: &'a Story,
    processes: Vec<Process>,
    /// Who stood still, and when.
    frozen: Vec<Frozen>,
    /// Tasks that are there without any operator.
    tasks: usize,
}

/// A time in which a process stood still, in milliseconds since the first one began.
#[derive(Clone, Copy, Debug)]
pub struct Frozen {
    pub process: usize,
    pub from: u64,
    pub until: u64,
}

struct Process {
    life: Arc<Life>,
    /// Through which everything goes that this process does.
    gate: Gate,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl<'a> Stage<'a> {
    pub fn new(city: &Arc<City>, sky: &Sky, story: &'a Story) -> Self {
        let mut stage = Self {
            city: city.clone(),
            sky: sky.clone(),
            story,
            processes: Vec::new(),
            frozen: Vec::new(),
            tasks: tasks(),
        };
        for _ in 0..story.operators {
            stage.start();
        }
        stage
    }

    fn process(&self, number: usize) -> &Process {
        &self.processes[number % self.processes.len()]
    }

    pub fn life(&self, process: usize) -> Arc<Life> {
        self.process(process).life.clone()
    }

    /// Stops a process where it stands, with what it has sent, or lets it go on.
    pub fn freeze(&mut self, process: usize, frozen: bool) {
        let now = self.sky.now();
        let process = self.process(process);
        let number = process.life.number;
        process.life.freeze(frozen);
        process.gate.shut(frozen);
        let mut stood = self.frozen.iter_mut();
        let known = stood.find(|one| one.process == number && one.until == u64::MAX);
        match (known, frozen) {
            (Some(known), false) => known.until = now,
            (None, true) => self.frozen.push(Frozen {
                process: number,
                from: now,
                until: u64::MAX,
            }),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Who stood still, and when.
    pub fn frozen(&self) -> Vec<Frozen> {
        self.frozen.clone()
    }

    fn start(&mut self) {
        let number = self.processes.len();
        let life = Life::new(number);
        let alarms = self.story.alarms;
        let reaches = if self.story.deeds || alarms {
            signals(&self.city, &life, alarms)
        } else {
            Signals::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let settings = operator::Settings {
            namespace: names::DEFAULT_NAMESPACE.into(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.into(),
            identity: format!("operator-{number}"),
            concurrency: 4,
            address: None,
            record_retention: retention::DEFAULT,
            lease: lease::settings(self.story.lease),
            signals: Arc::new(reaches),
            readiness: None,
        };
        let wire = Wire {
            service: self.city.service.of(City::operator()),
            life: life.clone(),
            sky: self.sky.clone(),
        };
        let client = Client::new(wire, "default");
        // Each process begins a moment after the other, as machines do.
        let head = Duration::from_millis(37 * number as u64);
        let clock = self.sky.clock(self.story.hands(number));
        let gate = Gate::default();
        let task = tokio::spawn(gate.clone().guard(async move {
            sleep(head).await;
            let until = async {
                // A sender that is dropped is a process that is stopped.
                let _ = stopped.await;
            };
            let ended = operator::run_over(client, settings, clock, until).await;
            ended.expect("the operator ends in peace");
        }));
        self.processes.push(Process {
            life,
            gate,
            stop: Some(stop),
            task,
        });
    }

    /// Waits, and starts anew whatever died meanwhile.
    pub async fn wait(&mut self, until: Instant) {
        loop {
            let died = self.died();
            let died = tokio::select! {
                biased;
                died = died => Some(died),
                () = sleep_until(until) => None,
            };
            let Some(died) = died else { return };
            let process = &mut self.processes[died];
            process.task.abort();
            // Whatever it left behind is not stopped any more, but dead.
            process.gate.shut(false);
            process.stop = None;
            sleep(RESTART).await;
            self.start();
        }
    }

    /// The first process that died and was not cleared away.
    async fn died(&self) -> usize {
        let alive = self.processes.iter().enumerate();
        let alive = alive.filter(|(_, process)| process.stop.is_some());
        let deaths = alive.map(|(number, process)| {
            let life = process.life.clone();
            Box::pin(async move {
                if !life.is_dead() {
                    life.died.notified().await;
                }
                number
            })
        });
        let deaths: Vec<_> = deaths.collect();
        if deaths.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(deaths).await.0
    }

    pub fn thaw(&mut self) {
        for number in 0..self.processes.len() {
            self.freeze(number, false);
        }
    }

    /// What is written while nothing should be.
    pub async fn quiet(&mut self, how_long: Duration) -> Vec<String> {
        // What a person's last word began, and events that are still to be told.
        sleep(REST).await;
        let before = self.sky.trail.all().len();
        self.wait(Instant::now() + how_long).await;
        let trail = self.sky.trail.all();
        // A watch that was broken before the sky was clear may still begin anew.
        let late = trail[before..]
            .iter()
            .filter(|sent| !sent.lease && !sent.only_asks());
        late.map(|sent| format!("{} {}", sent.method, sent.uri))
            .collect()
    }

    /// Stops everybody. Says how many tasks are left that nobody needs, where no process died or lost
    /// its connection.
    pub async fn stop(self) -> usize {
        let mut any_died = false;
        for process in self.processes {
            any_died |= process.life.is_dead();
            let Some(stop) = process.stop else { continue };
            drop(stop);
            let _ = process.task.await;
        }
        sleep(REST).await;
        if any_died {
            return 0;
        }
        tasks().saturating_sub(self.tasks)
    }
}

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}
