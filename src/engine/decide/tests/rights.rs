//! Lists of people and of rules, which are made of what is there when their turn comes: hours lie between a
//! plan and its approval, and somebody may have changed them since.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::council::{Council, Deed, Wish};
use super::world::World;
use crate::api::{Level, Phase, Posture, VerdictChoice};
use crate::field::Image;
use crate::ledger::{Entry, State};

const GROUP: &str = "rbac.authorization.k8s.io";

fn people(names: &[&str]) -> Value {
    let people = names
        .iter()
        .map(|name| json!({ "kind": "Group", "apiGroup": GROUP, "name": name }));
    people.collect::<Vec<_>>().into()
}

/// What `helm` keeps, with one field of its own beside.
fn object(version: &str, kind: &str, fields: &Value) -> Value {
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": "mixed", "namespace": "portal", "uid": "mixed", "resourceVersion": "1",
            "managedFields": [{ "manager": "helm", "operation": "Apply", "apiVersion": version,
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:subjects": {}, "f:roleRef": {}, "f:spec": { "f:rules": {}, "f:hostnames": {} } } }] },
    });
    for (field, value) in fields.as_object().expect("fields") {
        object[field] = value.clone();
    }
    let kept = object["metadata"]["managedFields"][0]["fieldsV1"]
        .as_object_mut()
        .expect("fields");
    kept.retain(|field, _| fields.get(&field[2..]).is_some());
    object
}

fn binding(names: &[&str]) -> Value {
    let role = json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": "edit" });
    let fields = json!({ "roleRef": role, "subjects": people(names) });
    object(&format!("{GROUP}/v1"), "RoleBinding", &fields)
}

fn revoking(name: &str, level: &str, names: &[&str]) -> Value {
    let people = names
        .iter()
        .map(|name| json!({ "kind": "Group", "name": name }));
    let people: Vec<Value> = people.collect();
    let access = json!({ "revoke": [{ "subjects": people }] });
    json!({ "name": name, "levels": [level], "steps": [{ "name": "who", "access": access }] })
}

/// A binding for these people, a plan that takes the vendors out at level II, and more of them at level I.
fn world(names: &[&str], graver: &[&str]) -> World {
    let mut world = World::new();
    world.objects = BTreeMap::from([("mixed".to_owned(), binding(names))]);
    world.before = world.objects.clone();
    let stages = json!([
        revoking("rights", "II", &["vendors"]),
        revoking("graver", "I", graver)
    ]);
    world.playbook.stages = serde_json::from_value(stages).expect("stages");
    world
}

impl World {
    fn for_whom(&self) -> Vec<&str> {
        let subjects = self.objects["mixed"]["subjects"].as_array();
        let names = subjects.into_iter().flatten();
        names.filter_map(|one| one["name"].as_str()).collect()
    }

    fn makes_it(&mut self, manager: &str, names: &[&str]) {
        self.write_as(manager, "mixed", "/subjects", &people(names));
    }

    /// What the journal says that was asked for, and where it is.
    fn journalled(&self) -> Vec<(State, Image)> {
        let entries = self.ledger().entries.values();
        let asked = |entry: &Entry| (entry.state, entry.after.clone());
        entries.map(asked).collect()
    }

    fn active(&mut self) {
        self.approve_when_planned();
        self.run();
        assert_eq!(self.phase(), Phase::Active);
    }

    fn at_level(&mut self, level: Level) {
        self.propose(level);
        self.approve_when_planned();
        self.run();
        assert_eq!(self.phase(), Phase::Active);
    }

    fn over(&mut self) {
        self.spec.posture = Posture::Peacetime;
        self.run();
    }
}

fn image(names: &[&str]) -> Image {
    Image::Present(people(names))
}

/// Somebody lost a right while the plan waited for its approval: they do not get it back by a list that is
/// as old as the plan, and whoever was let in since keeps it.
#[test]
fn whom_somebody_took_out_since_the_plan_was_made_does_not_come_back() {
    let rows: [(&[&str], &[&str], &[&str]); 4] = [
        (&["vendors", "bob"], &["vendors"], &[]),
        (
            &["vendors", "bob"],
            &["vendors", "bob", "carol"],
            &["bob", "carol"],
        ),
        (&["vendors"], &["carol", "vendors"], &["carol"]),
        (&["bob", "vendors"], &["vendors", "carol"], &["carol"]),
    ];
    for (planned, since, wanted) in rows {
        let mut world = world(planned, &["carol"]);
        world.run();
        assert_eq!((world.phase(), world.writes), (Phase::Pending, 0));
        world.makes_it("admin", since);
        world.before = world.objects.clone();
        world.active();
        assert_eq!(world.for_whom(), wanted, "{planned:?}, then {since:?}");
        let after = if wanted.is_empty() {
            Image::Absent
        } else {
            image(wanted)
        };
        assert_eq!(world.journalled(), [(State::Applied, after)]);
        world.over();
        assert_eq!(world.phase(), Phase::Closed);
        super::assert_as_before(&world, "the list of the moment");
    }
}

/// The same, killed anywhere.
#[test]
fn a_crash_at_every_step_puts_nobody_back_either() {
    let play = |at: Option<usize>| {
        let mut world = world(&["vendors", "bob", "carol"], &["carol"]);
        world.run();
        world.makes_it("admin", &["vendors", "carol"]);
        world.before = world.objects.clone();
        world.crash_at = at.into_iter().collect();
        world.active();
        assert_eq!(world.for_whom(), ["carol"], "crash at {at:?}");
        world.over();
        assert_eq!(world.phase(), Phase::Closed, "crash at {at:?}");
        super::assert_as_before(&world, &format!("crash at {at:?}"));
        world.steps
    };
    let steps = play(None);
    for at in 0..steps {
        play(Some(at));
    }
}

/// Whoever is let in again is taken out again; whom somebody else has taken out is not put back by it, which
/// a person is told, and asked about at the return.
#[test]
fn a_list_that_is_kept_puts_nobody_back() {
    for (choice, wanted) in [
        (VerdictChoice::Ours, &["vendors", "bob", "carol"][..]),
        (VerdictChoice::Keep, &["carol"][..]),
    ] {
        let mut world = world(&["vendors", "bob", "carol"], &["carol"]);
        world.active();
        assert_eq!(world.for_whom(), ["bob", "carol"]);
        world.makes_it("intruder", &["bob", "vendors", "carol", "mallory"]);
        world.run();
        assert_eq!(world.for_whom(), ["bob", "carol"]);
        world.makes_it("admin", &["carol"]);
        world.run();
        assert_eq!(world.for_whom(), ["carol"]);
        let ours = image(&["bob", "carol"]);
        assert_eq!(world.journalled(), [(State::Drifted, ours.clone())]);
        world.makes_it("intruder", &["vendors", "carol"]);
        world.run();
        assert_eq!(world.for_whom(), ["carol"]);
        assert_eq!(world.journalled(), [(State::Drifted, ours)]);
        world.over();
        assert_eq!(world.phase(), Phase::Restoring, "somebody has to say");
        assert_eq!(world.for_whom(), ["carol"]);
        world.verdict_on_all(choice);
        world.run();
        assert_eq!(world.phase(), Phase::Closed);
        assert_eq!(world.for_whom(), wanted);
    }
}

/// Another level takes others out, or fewer: of a list that somebody has made shorter it takes out whom it
/// means at once, and puts back only whom the earlier one took.
#[test]
fn another_level_puts_back_only_whom_the_earlier_took() {
    let all = ["vendors", "bob", "carol", "dave"];
    let mut world = world(&all, &["vendors", "carol"]);
    world.active();
    assert_eq!(world.for_whom(), ["bob", "carol", "dave"]);
    world.makes_it("admin", &["carol", "dave"]);
    world.run();
    world.at_level(Level::I);
    assert_eq!(world.for_whom(), ["dave"]);
    world.at_level(Level::II);
    assert_eq!(world.for_whom(), ["dave", "carol"]);
    let asked = world.journalled();
    assert_eq!(asked.len(), 3, "one for each level, and it comes to rest");
    assert_eq!(asked[2], (State::Drifted, image(&["bob", "carol", "dave"])));
    world.over();
    assert_eq!(world.phase(), Phase::Restoring);
    world.verdict_on_all(VerdictChoice::Ours);
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.for_whom(), all);
}

/// The same, killed anywhere and stood down then: whom somebody else has taken out comes back only if a person
/// says so, also where nobody lived to see what became of the list that left them out.
#[test]
fn a_list_that_was_never_confirmed_puts_nobody_back_unasked() {
    let all = ["vendors", "bob", "carol", "dave"];
    let play = |at: Option<usize>| {
        let mut world = world(&all, &["vendors", "carol"]);
        world.active();
        world.makes_it("admin", &["carol", "dave"]);
        world.run();
        let began = world.steps;
        world.crash_at = at.map(|at| began + at).into_iter().collect();
        world.propose(Level::I);
        world.approve_when_planned();
        world.run_until_killed();
        let steps = world.steps - began;
        world.over();
        assert_eq!(world.phase(), Phase::Restoring, "crash at {at:?}");
        let there = world.for_whom();
        assert!(!there.contains(&"bob"), "crash at {at:?}: {there:?}");
        world.verdict_on_all(VerdictChoice::Ours);
        world.run();
        assert_eq!(world.phase(), Phase::Closed, "crash at {at:?}");
        assert_eq!(world.for_whom(), all, "crash at {at:?}");
        steps
    };
    for at in 0..play(None) {
        play(Some(at));
    }
}

/// A level that is lowered over a list that nobody touches, killed anywhere and stood down then: whom the
/// earlier list took out is missing by our doing, and nobody is asked about it.
#[test]
fn a_list_that_was_never_confirmed_and_is_ours_comes_back_unasked() {
    let play = |at: Option<usize>| {
        let mut world = world(&["vendors", "bob", "carol"], &["carol", "vendors"]);
        world.active();
        world.at_level(Level::I);
        let began = world.steps;
        world.crash_at = at.map(|at| began + at).into_iter().collect();
        world.propose(Level::II);
        world.approve_when_planned();
        world.run_until_killed();
        let steps = world.steps - began;
        world.over();
        assert_eq!(world.phase(), Phase::Closed, "crash at {at:?}");
        super::assert_as_before(&world, &format!("crash at {at:?}"));
        steps
    };
    for at in 0..play(None) {
        play(Some(at));
    }
}

/// Levels over a list that nobody touches: each has its own, and the return is exact.
#[test]
fn levels_over_an_untouched_list_are_exact() {
    let all = ["vendors", "bob", "carol"];
    let mut world = world(&all, &["carol", "vendors"]);
    world.active();
    for (level, wanted) in [
        (Level::I, &["bob"][..]),
        (Level::II, &["bob", "carol"][..]),
        (Level::I, &["bob"][..]),
    ] {
        world.at_level(level);
        assert_eq!(world.for_whom(), wanted, "{level:?}");
    }
    let last = world.journalled().pop().expect("an entry");
    assert_eq!(last, (State::Applied, image(&["bob"])));
    world.over();
    assert_eq!(world.phase(), Phase::Closed);
    super::assert_as_before(&world, "after three levels");
}

/// Nobody of those is there any more when the plan is granted: nothing is written, and who comes back is
/// taken out all the same.
#[test]
fn whoever_comes_back_is_taken_out_where_nobody_had_to_be() {
    for comes_back in [false, true] {
        let mut world = world(&["vendors", "bob"], &["bob"]);
        world.run();
        world.makes_it("admin", &["bob"]);
        world.before = world.objects.clone();
        world.active();
        assert_eq!((world.writes, world.for_whom()), (0, vec!["bob"]));
        assert_eq!(world.journalled(), [(State::Applied, image(&["bob"]))]);
        if comes_back {
            world.makes_it("intruder", &["bob", "vendors"]);
            world.run();
            assert_eq!(world.for_whom(), ["bob"]);
            world.over();
            assert_eq!(world.for_whom(), ["bob"]);
            let owners = world.objects["mixed"]["metadata"].to_string();
            assert!(!owners.contains("pingzhan"), "{owners}");
        } else {
            world.at_level(Level::I);
            assert_eq!(world.for_whom(), Vec::<&str>::new());
            world.over();
            super::assert_as_before(&world, "nobody had to be taken out");
        }
        assert_eq!(world.phase(), Phase::Closed);
    }
}

/// A binding by which the operator has come to have its rights is never touched, whatever was approved.
#[test]
fn a_binding_that_became_one_of_an_account_of_ours_is_left_alone() {
    let mut world = world(&["vendors", "bob"], &["carol"]);
    world.run();
    let mut since = people(&["vendors", "bob"]);
    let account =
        json!({ "kind": "ServiceAccount", "namespace": "pingzhan-playbooks", "name": "flood" });
    since.as_array_mut().expect("a list").push(account);
    world.write_as("admin", "mixed", "/subjects", &since);
    world.before = world.objects.clone();
    world.active();
    assert_eq!(world.writes, 0);
    assert_eq!(world.objects["mixed"]["subjects"], since);
    let told = &world.status.targets[0];
    assert_eq!(told.state, "Overtaken");
    world.over();
    assert_eq!(world.phase(), Phase::Closed);
    super::assert_as_before(&world, "it is left alone");
}

fn rule(path: &str, backend: &str) -> Value {
    json!({ "matches": [{ "path": { "type": "PathPrefix", "value": path } }],
        "backendRefs": [{ "group": "", "kind": "Service", "name": backend, "port": 80, "weight": 1 }] })
}

/// All rules that are there lead to the page: one that was taken away since the plan was made does not come
/// back, and none that came is lost.
#[test]
fn rules_are_led_to_the_page_as_they_are_when_their_turn_comes() {
    let mut world = World::new();
    let spec =
        json!({ "hostnames": ["a"], "rules": [rule("/old", "old"), rule("/book", "booking")] });
    let version = "gateway.networking.k8s.io/v1";
    let route = object(version, "HTTPRoute", &json!({ "spec": spec }));
    world.objects = BTreeMap::from([("mixed".to_owned(), route)]);
    let stages = json!([{ "name": "close", "steps": [{ "name": "to-page",
        "targets": { "kinds": ["gateway.networking.k8s.io/HTTPRoute"], "names": ["mixed"] },
        "route": { "to": { "name": "page", "port": 80 } } }] }]);
    world.playbook.stages = serde_json::from_value(stages).expect("stages");
    world.run();
    let since = json!([rule("/book", "booking"), rule("/new", "new")]);
    world.write_as("helm-2", "mixed", "/spec/rules", &since);
    world.before = world.objects.clone();
    world.active();
    let rules = &world.objects["mixed"]["spec"]["rules"];
    assert_eq!(rules, &json!([rule("/book", "page"), rule("/new", "page")]));
    assert_eq!(
        world.journalled(),
        [(State::Applied, Image::Present(rules.clone()))]
    );
    world.over();
    assert_eq!(world.phase(), Phase::Closed);
    super::assert_as_before(&world, "the rules of the moment");
}

fn two_modes() -> Council {
    let wish = |level| Wish {
        is_exercise: false,
        level,
        web: Some(9),
        batch: None,
        flag: None,
        other_flag: None,
    };
    let mut council = Council::new(&[wish(Level::II), wish(Level::I)], None);
    council.objects = BTreeMap::from([("mixed".to_owned(), binding(&["vendors", "ci", "bob"]))]);
    council.before = council.objects.clone();
    for (world, (level, name)) in council
        .worlds
        .iter_mut()
        .zip([("II", "vendors"), ("I", "ci")])
    {
        let stages = json!([revoking("only", level, &[name])]);
        world.playbook.stages = serde_json::from_value(stages).expect("stages");
    }
    council
}

fn for_whom(council: &Council) -> Vec<String> {
    let subjects = council.objects["mixed"]["subjects"].as_array();
    let names = subjects.into_iter().flatten();
    names
        .filter_map(|one| one["name"].as_str().map(str::to_owned))
        .collect()
}

/// Two modes over one list: the top one's stands, the next one's after it, and peacetime's after both.
#[test]
fn lists_of_two_modes_are_layers_over_the_one_of_peacetime() {
    let mut council = two_modes();
    council.perform(Deed::Declare(0));
    council.rest();
    assert_eq!(for_whom(&council), ["ci", "bob"]);
    council.perform(Deed::Declare(1));
    council.rest();
    assert_eq!(for_whom(&council), ["vendors", "bob"]);
    council.perform(Deed::StandDown(1));
    council.rest();
    assert_eq!(for_whom(&council), ["ci", "bob"]);
    council.perform(Deed::StandDown(0));
    council.rest();
    council.assert_peacetime();
}

/// Whom somebody took out while one mode had the list, no other mode puts back, in whatever order they end.
#[test]
fn whom_somebody_took_out_no_other_mode_puts_back() {
    for first in [0, 1] {
        let mut council = two_modes();
        council.perform(Deed::Declare(0));
        council.rest();
        council.write_as("admin", "mixed", "/subjects", &people(&["ci"]));
        council.rest();
        council.perform(Deed::Declare(1));
        council.rest();
        let there = for_whom(&council);
        assert!(!there.contains(&"bob".to_owned()), "{there:?}");
        assert!(!there.contains(&"ci".to_owned()), "{there:?}");
        council.perform(Deed::StandDown(first));
        council.rest();
        let there = for_whom(&council);
        assert!(!there.contains(&"bob".to_owned()), "{there:?}");
    }
}
