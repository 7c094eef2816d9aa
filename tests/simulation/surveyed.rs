//! New objects that a playbook's rule covers, where not everything of it can be looked at: what was seen stays
//! to be looked for, is found as soon as that is possible, and what was known before stays known.

use std::time::Duration;

use http::Method;
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyModeStatus, Phase};
use pingzhan::field::exact;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::city::{ANNEX, City, SPACE};
use super::confined::{Asked, Desk, played, why};
use crate::scenarios::fleet;

/// What the playbook selects besides and there is nothing of, so that only a survey looks for it.
const PLURAL: &str = "statefulsets";

/// A step that halves what is there of two kinds, and says what becomes of what is new.
fn step(name: &str, new: &str, space: &str, more: (&str, Value)) -> Value {
    let mut targets =
        json!({ "kinds": ["Deployment", "StatefulSet"], "namespaces": { "names": [space] } });
    targets[more.0] = more.1;
    json!({ "name": name, "newTargets": new, "scale": { "percent": 50, "minimum": 1 },
        "targets": targets })
}

/// A Deployment comes into the city; what it is then.
async fn comes(city: &City, space: &str, name: &str, replicas: i64) -> Value {
    let mut object = fleet::deployment(space, name, Some(replicas));
    object["metadata"]["labels"] = json!({ "tier": "front" });
    city.put(&object).await;
    let api = city.api_of(&object);
    let made = api.get(name).await.expect("it is there");
    serde_json::to_value(made).expect("an object is JSON")
}

/// What a Deployment is now.
async fn now(city: &City, space: &str, name: &str) -> Value {
    let object = fleet::deployment(space, name, None);
    let found = city.api_of(&object).get(name).await;
    serde_json::to_value(found.expect("it is there")).expect("an object is JSON")
}

/// The playbook's account loses all that it may of one kind.
async fn blind(city: &City) {
    let mut role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "flood" } });
    let known = city.api_of(&role).get("flood").await.expect("it is there");
    let mut rules = known.data["rules"].clone();
    for rule in rules.as_array_mut().expect("a list") {
        let resources = rule["resources"].as_array_mut().expect("a list");
        resources.retain(|one| one != PLURAL);
    }
    role["rules"] = rules;
    city.put(&role).await;
}

/// What is said under a condition.
fn says(status: &EmergencyModeStatus, type_: &str) -> String {
    let said = condition::get(&status.conditions, type_);
    said.map(|said| said.message.clone()).unwrap_or_default()
}

/// Whether a look looked for the other kind where new objects are switched.
fn is_look(asked: &Asked) -> bool {
    asked.method == Method::GET && asked.uri.contains(&format!("/namespaces/{ANNEX}/{PLURAL}"))
}

/// Waits until a Deployment has so many replicas; how long it took.
async fn has(desk: &Desk, name: &str, replicas: i64) -> Duration {
    let began = Instant::now();
    while now(&desk.city, ANNEX, name).await["spec"]["replicas"] != replicas {
        let waited = began.elapsed();
        assert!(waited < Duration::from_mins(3), "{name} is never switched");
        sleep(Duration::from_secs(1)).await;
    }
    began.elapsed()
}

/// A mode that lasts for days meets hours in which it may not read everything. A service that came in such an
/// hour must not stay as it is for the rest of the emergency, nor may what people were told be taken back.
#[test]
fn what_cannot_be_looked_for_now_is_found_later_and_what_is_known_stays_known() {
    played(async {
        let desk = Desk::bare().await;
        let city = &desk.city;
        comes(city, SPACE, "front", 6).await;
        let adopting = step("adopting", "Adopt", ANNEX, ("names", json!([])));
        let front = json!({ "matchLabels": { "tier": "front" } });
        let reporting = step("reporting", "Report", SPACE, ("selector", front));
        desk.publish("flood", &json!([adopting, reporting])).await;
        let operator = desk.start("first");
        desk.declare("flood").await;
        desk.is_in("flood", Phase::Active).await;
        comes(city, SPACE, "front-two", 6).await;
        let is_known =
            |status: &EmergencyModeStatus| says(status, types::ACTIVE).contains("front-two");
        desk.until("flood", "reports what is new", is_known).await;

        // The account may not read everything.
        blind(city).await;
        let late = comes(city, ANNEX, "late", 8).await;
        let unseen = |status: &EmergencyModeStatus| {
            why(status, types::DEGRADED) == Some("NotWatched")
                && says(status, types::DEGRADED).contains("cannot be looked for now")
        };
        let status = desk.until("flood", "says that it is blind", unseen).await;
        assert!(is_known(&status), "{}", says(&status, types::ACTIVE));
        let looks = || desk.asked().iter().filter(|asked| is_look(asked)).count();
        let before = looks();
        sleep(Duration::from_mins(5)).await;
        let many = looks() - before;
        assert!((4..=6).contains(&many), "{many} looks in five minutes");
        let status = desk.mode("flood").status.expect("a status");
        assert!(unseen(&status) && is_known(&status), "{status:#?}");
        let unswitched = now(city, ANNEX, "late").await;
        assert_eq!(exact::differences(&late, &unswitched), [""; 0]);
        city.allow(true).await;
        let took = has(&desk, "late", 4).await;
        assert!(took < Duration::from_secs(75), "{took:?}");

        // The program itself fails at it: that holds up no decision.
        desk.fails_at(is_look);
        let later = comes(city, ANNEX, "later", 10).await;
        let failed = |status: &EmergencyModeStatus| {
            let says = says(status, types::DEGRADED);
            says.contains("pingzhan itself failed at it")
        };
        let status = desk.until("flood", "says that it failed", failed).await;
        assert_eq!(why(&status, types::BLOCKED), None);
        assert!(is_known(&status), "{}", says(&status, types::ACTIVE));
        desk.is_mended();
        has(&desk, "later", 5).await;
        let seen = |status: &EmergencyModeStatus| why(status, types::DEGRADED).is_none();
        let status = desk.until("flood", "is blind no more", seen).await;
        assert!(is_known(&status), "{}", says(&status, types::ACTIVE));

        desk.come_back("flood").await;
        operator.stop().await;
        desk.is_exact_but(&[]);
        for (name, before) in [("late", late), ("later", later)] {
            let after = now(city, ANNEX, name).await;
            assert_eq!(exact::differences(&before, &after), [""; 0], "{name}");
        }
    });
}
