//! One schedule, from the declaration to the last owner, in paused time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::api::{Api, PostParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook, names};
use pingzhan::sandtable::people::User;
use tokio::time::{Instant, sleep};

use super::city::{City, SECOND, playbook, second};
use super::judge::{self, Evidence};
use super::people::People;
use super::stage::Stage;
use super::story::{Act, Story};
use super::weather::Weather;
use super::wire::Sky;

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
    /// Types and reasons of conditions that were true at any time, and `gone` where a status counted
    /// anything that is.
    pub said: BTreeSet<String>,
    /// How long it was, in seconds of its own time.
    pub took: u64,
}

/// How long the operators run before anybody declares.
pub const HEAD: Duration = Duration::from_secs(5);
/// How a mode ends whose journal has a gap.
pub const DAMAGED: &str = "Blocked(JournalDamaged)";
/// After the last happening, the sky is clear and people end what they began: how long it may take
/// then. Longer than the longest back-off, the longest stale watch and a term of 15 minutes together.
const PATIENCE: Duration = Duration::from_hours(2);
/// How long the weather goes on after the last happening: two takeovers.
const LINGERS: Duration = Duration::from_mins(2);
/// How long nothing may be written at the end.
const QUIET: Duration = Duration::from_mins(1);

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
        self.judged_by(&self.story)
    }

    /// Plays it, and judges it by what a story tells of it.
    pub fn judged_by(&self, told: &Story) -> Outcome {
        super::panics::watch();
        fastrand::seed(self.seed);
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(self.tell(told))
        }));
        let panics = super::panics::taken();
        let mut outcome = played.unwrap_or_default();
        let said = panics.into_iter().map(|what| format!("O10: panic: {what}"));
        outcome.violations.extend(said);
        outcome
    }

    async fn tell(&self, told: &Story) -> Outcome {
        let city = Arc::new(City::new(&self.story).await);
        let sky = Sky::new(self.weather.clone(), city.now());
        publish(&city, &self.story).await;
        let mut stage = Stage::new(&city, &sky, &self.story);
        sleep(HEAD).await;
        let mut people = People::new(city.clone());
        people.declare(&self.story).await;
        let declared = Instant::now();
        for happening in &self.story.happenings {
            let at = declared + Duration::from_secs(happening.at);
            stage.wait(at).await;
            match &happening.act {
                Act::Down(away) => sky.down.store(*away, Ordering::SeqCst),
                Act::Quota(full) => sky.full.store(*full, Ordering::SeqCst),
                Act::Freeze(process, frozen) => stage.freeze(*process, *frozen),
                Act::Kill(process) => {
                    sky.deaths.fetch_add(1, Ordering::SeqCst);
                    stage.life(*process).die();
                }
                act => people.act(act).await,
            }
        }
        linger(&city, &mut stage).await;
        sky.clear();
        stage.thaw();
        people.put_right().await;
        let end = self.end(&city, &mut stage, &mut people).await;
        let quiet = stage.quiet(QUIET).await;
        let deaths = sky.deaths.load(Ordering::SeqCst);
        let first = stage.life(0);
        let frozen = stage.frozen();
        let leak = stage.stop().await;
        let late = late_copies(&city, &sky).await;
        let trail = sky.trail.all().clone();
        let asked = sky.asked.lock().expect("no panic").clone();
        let evidence = Evidence {
            story: told,
            trail: &trail,
            morning: sky.morning,
            asked: &asked,
            frozen: &frozen,
            deaths,
            end: &end,
            quiet,
            leak,
            late,
            touched: &people.touched,
            lawless: &people.lawless,
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
    async fn end(&self, city: &City, stage: &mut Stage<'_>, people: &mut People) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let mode = city.mode();
            let others = city.modes();
            if let Some(end) = mode.as_ref().and_then(ended)
                && others.iter().all(|mode| ended(mode).is_some())
            {
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

/// The weather goes on after the last happening, which is mostly the one that begins the return: until
/// all is over, or for long enough that the return has met it.
async fn linger(city: &City, stage: &mut Stage<'_>) {
    let until = Instant::now() + LINGERS;
    let is_over = || city.modes().iter().all(|mode| ended(mode).is_some());
    while Instant::now() < until && !is_over() {
        stage.wait(Instant::now() + Duration::from_secs(5)).await;
    }
}

/// The playbooks are published.
pub async fn publish(city: &City, story: &Story) {
    let playbooks: Api<Playbook> = Api::all(city.admin.clone());
    for (name, spec) in [("flood", playbook(story)), (SECOND, second())] {
        let spec = serde_json::from_value(spec).expect("a playbook");
        let published = playbooks
            .create(&PostParams::default(), &Playbook::new(name, spec))
            .await;
        published.expect("the playbook is accepted");
    }
}

/// What the status ever said to be so.
fn said(city: &City) -> BTreeSet<String> {
    let events = city
        .history()
        .into_iter()
        .filter(|event| event.kind == "EmergencyMode");
    let mut words = BTreeSet::new();
    for status in events.map(|event| event.object["status"].clone()) {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let so = conditions.filter(|one| one["status"] == "True");
        let said = so.flat_map(|one| [&one["type"], &one["reason"]]);
        words.extend(said.filter_map(|word| word.as_str().map(str::to_owned)));
        if status["counts"]["gone"]
            .as_i64()
            .is_some_and(|gone| gone > 0)
        {
            words.insert("gone".to_owned());
        }
    }
    words
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

/// Every write that a target ever took is sent again: each must be refused, and nothing change. Not
/// those that make an object: they have no guard, and are dead after ten seconds.
async fn late_copies(city: &City, sky: &Sky) -> Vec<String> {
    let before = city.fleet();
    let account = User::account(names::ACCOUNT_NAMESPACE, "flood");
    let service = city.service.of(account);
    let all = sky.trail.all().clone();
    let mut wrong = Vec::new();
    for sent in all
        .iter()
        .filter(|sent| sent.is_of_target() && sent.code == 200 && !sent.uri.contains("dryRun="))
    {
        let Some(body) = &sent.body else { continue };
        let kind = if sent.method == http::Method::PATCH {
            "application/json-patch+json"
        } else {
            "application/json"
        };
        let request = http::Request::builder()
            .method(sent.method.clone())
            .uri(&sent.uri)
            .header("content-type", kind)
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
