//! One schedule, from the declaration to the last owner, in paused time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, PostParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook, names};
use pingzhan::run::clock::Clock;
use pingzhan::run::{lease, operator, retention};
use pingzhan::sandtable::people::User;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::city::{City, begin, playbook};
use super::judge::{self, Evidence};
use super::people::People;
use super::story::{Act, Story};
use super::weather::Weather;
use super::wire::{Life, Sky, Wire};

/// Everything that decides how a simulation goes.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub story: Story,
    pub weather: Weather,
    /// Seeds what the libraries leave to chance.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What is against the rules, a sentence each, that begins with the oracle.
    pub violations: Vec<String>,
    /// Requests of the first process, and writes among them.
    pub first: (usize, usize),
    /// Everything that was sent.
    pub trail: Vec<super::wire::Sent>,
    /// Processes that died.
    pub deaths: usize,
    /// Types of conditions that were true at any time.
    pub said: BTreeSet<String>,
    /// How long it was, in seconds of its own time.
    pub took: u64,
}

/// How long the operators run before anybody declares.
pub const HEAD: Duration = Duration::from_secs(5);
/// How long a process that died is away.
const RESTART: Duration = Duration::from_secs(2);
/// How a mode ends whose journal has a gap.
pub const DAMAGED: &str = "Blocked(JournalDamaged)";
/// After the last happening, the sky is clear and people end what they began: how long it may take
/// then. Longer than the longest back-off, the longest stale watch and a term of 15 minutes together.
const PATIENCE: Duration = Duration::from_hours(2);
/// How long nothing may be written at the end.
const QUIET: Duration = Duration::from_mins(1);
/// How long things may take to come to rest: longer than any wait between two tries.
const REST: Duration = Duration::from_secs(20);
/// Seconds of the lease: three times the usual, since its renewals are most of what idle hours cost.
const LEASE: u32 = 45;

impl Schedule {
    /// Without faults.
    pub fn fine(story: Story) -> Self {
        Self {
            story,
            weather: Weather::fine(),
            seed: 0,
        }
    }

    /// Plays it.
    pub fn play(&self) -> Outcome {
        super::panics::watch();
        fastrand::seed(self.seed);
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(self.tell())
        }));
        let panics = super::panics::taken();
        let mut outcome = played.unwrap_or_default();
        let said = panics.into_iter().map(|what| format!("O10: panic: {what}"));
        outcome.violations.extend(said);
        outcome
    }

    async fn tell(&self) -> Outcome {
        let city = Arc::new(City::new().await);
        let sky = Sky::new(self.weather.clone());
        let playbooks: Api<Playbook> = Api::all(city.admin.clone());
        let spec = serde_json::from_value(playbook(&self.story.drift)).expect("a playbook");
        let published = playbooks
            .create(&PostParams::default(), &Playbook::new("flood", spec))
            .await;
        published.expect("the playbook is accepted");
        let mut stage = Stage::new(&city, &sky, self.story.operators);
        sleep(HEAD).await;
        let mut people = People::new(city.clone());
        people.declare(&self.story).await;
        let declared = Instant::now();
        for happening in &self.story.happenings {
            let at = declared + Duration::from_secs(happening.at);
            stage.wait(at).await;
            match &happening.act {
                Act::Down(away) => sky.down.store(*away, Ordering::SeqCst),
                Act::Freeze(process, frozen) => stage.life(*process).freeze(*frozen),
                Act::Kill(process) => {
                    sky.deaths.fetch_add(1, Ordering::SeqCst);
                    stage.life(*process).die();
                }
                act => people.act(act).await,
            }
        }
        sky.clear();
        stage.thaw();
        people.put_right().await;
        let end = self.end(&city, &mut stage, &mut people).await;
        let quiet = stage.quiet(QUIET).await;
        let deaths = sky.deaths.load(Ordering::SeqCst);
        let first = stage.life(0);
        let leak = stage.stop().await;
        let late = late_copies(&city, &sky).await;
        let trail = sky.trail.all().clone();
        let asked = sky.asked.lock().expect("no panic").clone();
        let evidence = Evidence {
            story: &self.story,
            trail: &trail,
            asked: &asked,
            deaths,
            end: &end,
            quiet,
            leak,
            late,
            touched: &people.touched,
        };
        Outcome {
            violations: judge::violations(&city, &evidence),
            first: (first.requests(), first.writes()),
            took: sky.now() / 1000,
            deaths,
            said: said(&city),
            trail,
        }
    }

    /// Waits until the mode is at its end, with people who decide whatever waits for them.
    async fn end(&self, city: &City, stage: &mut Stage, people: &mut People) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let mode = city.mode();
            if let Some(end) = mode.as_ref().and_then(ended) {
                return end;
            }
            if Instant::now() >= until {
                return not_over(mode.and_then(|mode| mode.status));
            }
            stage.wait(Instant::now() + Duration::from_secs(30)).await;
            people.have_the_last_word(self.story.last_word).await;
        }
    }
}

/// What the status ever said to be so.
fn said(city: &City) -> BTreeSet<String> {
    let events = city
        .history()
        .into_iter()
        .filter(|event| event.kind == "EmergencyMode");
    let statuses =
        events.filter_map(|event| event.object["status"]["conditions"].as_array().cloned());
    let so = statuses.flatten().filter(|one| one["status"] == "True");
    so.filter_map(|one| one["type"].as_str().map(str::to_owned))
        .collect()
}

/// What a mode waits for that does not end.
fn not_over(status: Option<EmergencyModeStatus>) -> String {
    let status = status.unwrap_or_default();
    let so = status.conditions.iter().filter(|one| one.status == "True");
    let so: Vec<_> = so
        .map(|one| (&one.type_, &one.reason, &one.message))
        .collect();
    let (phase, waiting) = (status.phase, status.waiting_on);
    format!(
        "{phase:?}, waiting on {waiting:?}; {so:?}; {:?}",
        status.targets
    )
}

/// How a mode that is over ended.
fn ended(mode: &EmergencyMode) -> Option<String> {
    let status = mode.status.as_ref()?;
    let finalizers = mode.metadata.finalizers.as_deref().unwrap_or_default();
    let over = status.phase == Some(Phase::Closed) && finalizers.is_empty();
    let blocked = condition::get(&status.conditions, types::BLOCKED);
    let damaged = blocked.is_some_and(|one| one.status == "True" && one.reason == "JournalDamaged");
    let end = if damaged { DAMAGED } else { "Closed" };
    (over || damaged).then(|| end.to_owned())
}

/// Every write that a target ever took is sent again: each must be refused, and nothing change.
async fn late_copies(city: &City, sky: &Sky) -> Vec<String> {
    let before = city.fleet();
    let account = User::account(names::ACCOUNT_NAMESPACE, "flood");
    let service = city.service.of(account);
    let all = sky.trail.all().clone();
    let mut wrong = Vec::new();
    for sent in all
        .iter()
        .filter(|sent| sent.is_of_target() && sent.code == 200)
    {
        let Some(body) = &sent.body else { continue };
        let request = http::Request::patch(&sent.uri)
            .header("content-type", "application/json-patch+json")
            .body(kube::client::Body::from(body.to_string().into_bytes()));
        let answer = service.answer(request.expect("a request")).await;
        if !matches!(answer.status().as_u16(), 404 | 409 | 422) {
            let (path, code) = (sent.path(), answer.status());
            wrong.push(format!(
                "O6: a late copy of a write of {path} was answered {code}"
            ));
        }
    }
    if city.fleet() != before {
        wrong.push("O6: late copies changed objects".to_owned());
    }
    wrong
}

/// The processes.
struct Stage {
    city: Arc<City>,
    sky: Sky,
    processes: Vec<Process>,
    /// Tasks that are there without any operator.
    tasks: usize,
}

struct Process {
    life: Arc<Life>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Stage {
    fn new(city: &Arc<City>, sky: &Sky, operators: usize) -> Self {
        let mut stage = Self {
            city: city.clone(),
            sky: sky.clone(),
            processes: Vec::new(),
            tasks: tasks(),
        };
        for _ in 0..operators {
            stage.start();
        }
        stage
    }

    fn life(&self, process: usize) -> Arc<Life> {
        self.processes[process % self.processes.len()].life.clone()
    }

    fn start(&mut self) {
        let number = self.processes.len();
        let life = Life::new(number);
        let (stop, stopped) = oneshot::channel::<()>();
        let settings = operator::Settings {
            namespace: names::DEFAULT_NAMESPACE.into(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.into(),
            identity: format!("operator-{number}"),
            concurrency: 4,
            address: None,
            record_retention: retention::DEFAULT,
            lease: lease::settings(LEASE),
        };
        let wire = Wire {
            service: self.city.service.of(City::operator()),
            life: life.clone(),
            sky: self.sky.clone(),
        };
        let client = Client::new(wire, "default");
        // Each process begins a moment after the other, as machines do.
        let head = Duration::from_millis(37 * number as u64);
        let now = self.sky.began.elapsed();
        let wall = begin() + jiff::SignedDuration::try_from(now).unwrap_or_default();
        let task = tokio::spawn(async move {
            sleep(head).await;
            let until = async {
                // A sender that is dropped is a process that is stopped.
                let _ = stopped.await;
            };
            let ended = operator::run_over(client, settings, Clock::from(wall), until).await;
            ended.expect("the operator ends in peace");
        });
        self.processes.push(Process {
            life,
            stop: Some(stop),
            task,
        });
    }

    /// Waits, and starts anew whatever died meanwhile.
    async fn wait(&mut self, until: Instant) {
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

    fn thaw(&self) {
        for process in &self.processes {
            process.life.freeze(false);
        }
    }

    /// What is written while nothing should be.
    async fn quiet(&mut self, how_long: Duration) -> Vec<String> {
        // What a person's last word began, and events that are still to be told.
        sleep(REST).await;
        let before = self.sky.trail.all().len();
        self.wait(Instant::now() + how_long).await;
        let trail = self.sky.trail.all();
        // A watch that was broken before the sky was clear may still begin anew.
        let late = trail[before..]
            .iter()
            .filter(|sent| !sent.lease && sent.method != http::Method::GET);
        late.map(|sent| format!("{} {}", sent.method, sent.uri))
            .collect()
    }

    /// Stops everybody. Says how many tasks are left that nobody needs, where no process died or lost
    /// its connection.
    async fn stop(self) -> usize {
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
