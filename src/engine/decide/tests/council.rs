//! The worlds of several modes, over the same objects: what each wants, what happens, and what must be
//! so at a quiet moment.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::world::World;
use crate::api::{AbortChoice, Level, Nature, Phase, Posture, RecordMode};
use crate::engine::layers::Layers;
use crate::engine::plan::Plan;
use crate::field::{Image, Path, Uid, exact};
use crate::ledger::Direction;

/// Rounds after which a council that still moves is called restless.
const ROUNDS: usize = 2000;

/// The worlds of several modes, over the same objects.
pub struct Council {
    pub worlds: Vec<World>,
    pub declared: Vec<bool>,
    /// Modes of which only the records are there: nobody carries them out.
    pub vanished: BTreeSet<usize>,
    pub objects: BTreeMap<String, Value>,
    pub before: BTreeMap<String, Value>,
}

/// What a mode wants of the fields; nothing where it leaves them alone.
#[derive(Clone, Debug)]
pub struct Wish {
    pub is_exercise: bool,
    pub level: Level,
    pub web: Option<i64>,
    pub batch: Option<i64>,
    pub flag: Option<&'static str>,
    pub other_flag: Option<&'static str>,
}

impl Wish {
    fn world(&self, index: usize) -> World {
        let name = format!("mode-{index}");
        let mut steps = Vec::new();
        if let Some(replicas) = self.web {
            steps.push(
                json!({ "name": "web", "scale": { "replicas": replicas }, "targets": {
                "kinds": ["Deployment"], "selector": { "matchLabels": { "tier": "critical" } } } }),
            );
        }
        if let Some(replicas) = self.batch {
            steps.push(json!({ "name": "batch", "scale": { "replicas": replicas },
                "targets": { "kinds": ["Deployment"], "names": ["batch"] } }));
        }
        let flags: BTreeMap<&str, &str> = [("a", self.flag), ("b", self.other_flag)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        if !flags.is_empty() {
            steps.push(json!({ "name": "flags", "config": { "set": flags },
                "targets": { "kinds": ["ConfigMap"], "names": ["flags"] } }));
        }
        let playbook = json!({
            "title": { "en": "One of several" }, "hazard": "Flood", "owner": "office",
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["approvers"],
                "quorum": { "I": 1, "II": 1 }, "maxTerm": { "I": "240h", "II": "240h" } },
            "serviceAccountName": "flood",
            "stages": [{ "name": "only", "steps": steps }]
        });
        let spec = json!({
            "playbookRef": { "name": "flood" }, "level": self.level, "reason": "rain",
            "nature": if self.is_exercise { Nature::Exercise } else { Nature::Actual },
            "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "200h"
        });
        let id = RecordMode {
            uid: format!("{index}a1b2c3d-mode"),
            name,
        };
        let read = |what| serde_json::from_value(what);
        World::of(
            id,
            read(spec).expect("a mode"),
            serde_json::from_value(playbook).expect("a playbook"),
        )
    }
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Declare(usize),
    StandDown(usize),
    /// A commander stops the switch: what stands is to stay.
    Hold(usize),
    Level(usize, Level),
    /// Some turns of one mode's actor.
    Turns(usize, usize),
    /// The process is killed at a later step of one mode.
    Crash(usize, usize),
    /// Somebody changes another field of an object.
    Touch(usize),
    /// Somebody takes a mode's object away with its finalizer, while no operator runs.
    Vanish(usize),
    /// A vanished mode is brought back from its records.
    Recover(usize),
    /// Everything comes to rest.
    Rest,
}

impl Council {
    pub fn new(wishes: &[Wish], lands_after: Option<SignedDuration>) -> Self {
        let mut worlds: Vec<World> = wishes
            .iter()
            .enumerate()
            .map(|(index, wish)| wish.world(index))
            .collect();
        let objects = worlds[0].objects.clone();
        for world in &mut worlds {
            world.objects.clear();
            world.lands_after = lands_after;
        }
        Self {
            declared: vec![false; worlds.len()],
            vanished: BTreeSet::new(),
            worlds,
            before: objects.clone(),
            objects,
        }
    }

    /// One turn of one mode's actor; whether there may be more to do.
    fn turn(&mut self, index: usize) -> bool {
        if !self.declared[index] || self.vanished.contains(&index) {
            return false;
        }
        let layers = self.layers(index);
        let others = self.worlds.iter().enumerate();
        let others = others
            .filter(|(other, _)| *other != index)
            .map(|(_, world)| world.ledger().clone());
        self.worlds[index].others = others.collect();
        let world = &mut self.worlds[index];
        world.layers = layers;
        std::mem::swap(&mut self.objects, &mut world.objects);
        let versions = versions(&world.objects);
        let turned = world.turn();
        std::mem::swap(&mut self.objects, &mut world.objects);
        let now = self.worlds[index].now;
        let after = versions_that_differ(&versions, &self.objects);
        for world in &mut self.worlds {
            world.now = world.now.max(now);
        }
        for (other, world) in self.worlds.iter_mut().enumerate() {
            for uid in after.iter().filter(|_| other != index) {
                world.touch(uid);
            }
        }
        turned.unwrap_or_else(|_| {
            self.restart();
            true
        })
    }

    fn restart(&mut self) {
        for world in &mut self.worlds {
            world.restart();
        }
        let now = self.worlds.iter().map(|world| world.now).max();
        for world in &mut self.worlds {
            world.now = now.expect("a world");
        }
    }

    fn layers(&self, index: usize) -> Layers {
        let own = &self.worlds[index];
        let plan = in_force(own);
        let rank = plan
            .as_deref()
            .and_then(|plan| crate::engine::layers::Rank::of(plan, own.ledger()));
        let planned = plan.iter().flat_map(|plan| plan.changes());
        let planned = planned.map(|(_, _, change)| change.target.uid.clone());
        let live = own.ledger().live().map(|entry| entry.target.uid.clone());
        let targets: BTreeSet<Uid> = planned.chain(live).collect();
        let mut layers = Layers::new(rank, false, BTreeMap::new());
        for (other, world) in self.worlds.iter().enumerate() {
            let Some(plan) = in_force(world).filter(|_| other != index) else {
                continue;
            };
            if self.vanished.contains(&other) {
                layers.add_vanished(&plan, world.ledger(), &targets);
            } else {
                layers.add(&plan, world.ledger(), &targets);
            }
        }
        layers
    }

    /// Runs until nothing moves.
    pub fn rest(&mut self) {
        for _ in 0..ROUNDS {
            let mut moved = false;
            for index in 0..self.worlds.len() {
                moved |= self.turn(index);
            }
            if !moved {
                return;
            }
        }
        panic!("the council does not come to rest: {}", self.say());
    }

    /// Where everything is, for people.
    fn say(&self) -> String {
        let of = |world: &World| {
            let live = world.ledger().entries.values().map(|entry| {
                format!(
                    "  {:?} {} {} base {} after {}",
                    entry.state,
                    entry.target.name,
                    entry.path,
                    entry.base.display(),
                    entry.after.display()
                )
            });
            let head = format!(
                "{}: {:?} {}",
                world.mode.name,
                world.phase(),
                world.waits_for()
            );
            std::iter::once(head)
                .chain(live)
                .collect::<Vec<_>>()
                .join("\n")
        };
        self.worlds.iter().map(of).collect::<Vec<_>>().join("\n")
    }

    pub fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Declare(index) => {
                self.declared[index] = true;
                self.worlds[index].approve_when_planned();
            }
            Deed::StandDown(index) => self.worlds[index].spec.posture = Posture::Peacetime,
            Deed::Hold(index) => self.worlds[index].abort(AbortChoice::Hold),
            Deed::Level(index, level) => {
                self.worlds[index].propose(level);
                self.worlds[index].approve_when_planned();
            }
            Deed::Turns(index, turns) => {
                for _ in 0..turns {
                    self.turn(index);
                }
            }
            Deed::Crash(index, after) => {
                let world = &mut self.worlds[index];
                world.crash_at.push(world.steps + after);
            }
            Deed::Touch(which) => {
                let uid = ["web-0", "web-1", "batch"][which % 3];
                let object = self.objects.get_mut(uid).expect("there");
                object["metadata"]["generation"] =
                    json!(object["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
                for world in &mut self.worlds {
                    world.touch(uid);
                }
            }
            Deed::Vanish(index) => {
                self.vanished.insert(index);
                self.restart();
            }
            Deed::Recover(index) => {
                self.vanished.remove(&index);
                self.worlds[index].is_gone = true;
                self.restart();
            }
            Deed::Rest => {
                self.rest();
                self.assert_top_values();
            }
        }
    }

    /// Somebody who is no mode changes a field of an object.
    pub fn write_as(&mut self, manager: &str, uid: &str, pointer: &str, value: &Value) {
        let world = &mut self.worlds[0];
        std::mem::swap(&mut self.objects, &mut world.objects);
        world.write_as(manager, uid, pointer, value);
        std::mem::swap(&mut self.objects, &mut world.objects);
        for world in &mut self.worlds {
            world.touch(uid);
        }
    }

    /// Each field has the value of the mode in force that lies on top, or peacetime's.
    fn assert_top_values(&self) {
        let mut wanted: BTreeMap<(String, Path), (_, Image)> = BTreeMap::new();
        let mut unsure = Vec::new();
        for (index, world) in self.worlds.iter().enumerate() {
            let Some(plan) = in_force(world) else {
                continue;
            };
            let direction = world.ledger().direction;
            match direction {
                Direction::Wartime => assert_eq!(world.phase(), Phase::Active, "{}", self.say()),
                Direction::Held => {}
                Direction::Pending | Direction::Restoring | Direction::Closed => {
                    assert_eq!(world.phase(), Phase::Closed, "{}", self.say());
                    continue;
                }
            }
            for (_, _, change) in plan.changes() {
                // Of one that was stopped half-way only what stood is to stay; what was never
                // confirmed may stand or not.
                let entry = world.ledger().head_of(&change.target.uid, &change.path);
                let field = (change.target.uid.to_string(), change.path.clone());
                if direction == Direction::Held && entry.is_none_or(|entry| !entry.confirmed) {
                    unsure.extend(entry.map(|_| field));
                    continue;
                }
                let rank = (
                    plan.nature == Nature::Actual,
                    Reverse(plan.level),
                    world.ledger().activated_at.expect("in force"),
                    index,
                );
                let top = wanted.get(&field).is_none_or(|(top, _)| rank > *top);
                if top {
                    // Of one that was stopped before its level changed: what it wrote.
                    let after = entry.map_or(&change.after, |entry| &entry.after);
                    wanted.insert(field, (rank, after.clone()));
                }
            }
        }
        wanted.retain(|field, _| !unsure.contains(field));
        let mut objects = self.objects.clone();
        for (uid, path) in &unsure {
            let object = objects.get_mut(uid).expect("there");
            *object = with(object, path, &Image::at(&self.before[uid], path));
        }
        for (uid, object) in &objects {
            let mut object = object.clone();
            let before = &self.before[uid];
            for ((_, path), (_, image)) in wanted.iter().filter(|((of, _), _)| of == uid) {
                assert_eq!(
                    &Image::at(&object, path),
                    image,
                    "{uid} {path}\n{}",
                    self.say()
                );
                object = with(&object, path, &Image::at(before, path));
            }
            for part in ["spec", "data"] {
                assert_eq!(object.get(part), before.get(part), "{uid}: no other field");
            }
        }
    }

    pub fn assert_peacetime(&self) {
        for (uid, before) in &self.before {
            let mut before = before.clone();
            before["metadata"]["generation"] = self.objects[uid]["metadata"]["generation"].clone();
            let found = exact::differences(&before, &self.objects[uid]);
            assert!(found.is_empty(), "{uid} differs: {found:#?}");
        }
    }
}

/// An object with another value in one field.
fn with(object: &Value, path: &Path, image: &Image) -> Value {
    let mut object = object.clone();
    let pointer = path.to_pointer();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        match image.value() {
            Some(value) => parent.insert(key.to_owned(), value.clone()),
            None => parent.remove(key),
        };
    }
    object
}

fn in_force(world: &World) -> Option<std::sync::Arc<Plan>> {
    let granted = world.ledger().granted.as_ref()?;
    world.plans().get(&granted.plan_hash).cloned()
}

fn versions(objects: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let version = |(uid, object): (&String, &Value)| {
        (uid.clone(), object["metadata"]["resourceVersion"].clone())
    };
    objects.iter().map(version).collect()
}

fn versions_that_differ(
    before: &BTreeMap<String, Value>,
    objects: &BTreeMap<String, Value>,
) -> Vec<String> {
    let now = versions(objects);
    let differs = now
        .into_iter()
        .filter(|(uid, version)| before.get(uid) != Some(version));
    differs.map(|(uid, _)| uid).collect()
}
