//! What somebody may do again and again: it does not keep others from doing it once. Lists have room for
//! more than one person; labels and field managers stay as many as the policies can look at.

use serde_json::{Map, Value, json};

use super::acts::{Act, RIGHTS, acting, change};
use super::ask::{APPLY, Answer, Ask, Form, MERGE, Refusal, send};
use super::people::{HE, MALLORY, MENG, OPERATOR_ITSELF, WANG, Who, ZHOU};
use super::world::{FINALIZER, MODES, World, declaration, hash};

/// Acts that are items of lists; who does them as often as one person may, how often that is, and who does
/// them next.
const HALVES: [(Act, Who, usize, Who); 3] = [
    (Act::Answer, WANG, 32, MENG),
    (Act::Skip, WANG, 32, MENG),
    (Act::Verdict, HE, 64, MENG),
];
/// So many managers that update the server keeps apart.
const UPDATERS: usize = 10;
/// So many that apply may be brought by whoever may only put marks on a mode.
const APPLIERS: usize = 32;

/// Does all of it, on modes of its own; what was said where it was refused.
pub async fn kept(world: &mut World) -> Vec<String> {
    managers(world).await;
    marks(world).await;
    halves(world).await
}

/// A mode that the operator has taken up.
async fn declared(world: &mut World, name: &str) -> String {
    let path = format!("{MODES}/{name}");
    let mode = declaration(name, &ZHOU, json!({}));
    world.act(&ZHOU, Ask::with("POST", MODES, mode)).await;
    let finalizer = json!({ "metadata": { "finalizers": [FINALIZER] } });
    world.operator(path.clone(), finalizer).await;
    path
}

async fn refused(world: &World, who: &Who, ask: Ask, words: &'static str) -> Answer {
    let answer = send(&world.admin, Some(who), &ask).await;
    assert!(
        answer.is(Refusal::Policy(RIGHTS, words)),
        "{}: {ask:?}, expected {words}: {} {}",
        who.name,
        answer.code,
        answer.message()
    );
    answer
}

/// One person says as much as they may, and the rest of the list is for others.
async fn halves(world: &mut World) -> Vec<String> {
    let path = declared(world, "attacked-filled").await;
    let mut all = Vec::new();
    for (act, who, half, other) in HALVES {
        let one = |mode: &Value, who: &Who| {
            let group = acting(act, who);
            let said = act.said(who.name, group, &hash('a'));
            let fields = act.written(mode, &said, (who.name, group));
            change(mode, &fields, Form::Merge)
        };
        let mut mode = world.read(&path).await;
        for _ in 0..half {
            let ask = one(&mode, &who);
            mode = world.act(&who, ask).await;
        }
        let words = "is yours, and the rest is for others";
        let answer = refused(world, &who, one(&mode, &who), words).await;
        all.push(answer.message().to_owned());
        world.act(&other, one(&mode, &other)).await;
    }
    all
}

/// Whoever may only put marks on a mode does so by many programs: people act on it all the same, and by
/// programs that it has not seen. Beyond ten that update, the server makes one of the oldest, the operator's
/// among them.
async fn managers(world: &mut World) {
    let path = declared(world, "attacked-managed").await;
    for at in 0..=UPDATERS {
        let mark = format!("mark-{at}");
        let marked = json!({ "metadata": { "labels": { mark: "x" } } });
        let ask = Ask::with("PATCH", &path, marked).media(MERGE);
        let ask = ask.query(&format!("fieldManager=program-{at}"));
        world.act(&MALLORY, ask).await;
    }
    let applied = |at: usize| {
        let mode = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
            "metadata": { "name": "attacked-managed", "labels": { "mark": "x" } } });
        let ask = Ask::with("PATCH", &path, mode).media(APPLY);
        ask.query(&format!("fieldManager=applier-{at}"))
    };
    for at in 0..APPLIERS {
        world.act(&MALLORY, applied(at)).await;
    }
    let words = "32 field managers that apply";
    refused(world, &MALLORY, applied(APPLIERS), words).await;
    let mode = world.read(&path).await;
    for (value, form) in [(true, Form::Merge), (false, Form::Apply)] {
        let ask = change(&mode, &json!({ "paused": value }), form);
        world.act(&ZHOU, ask).await;
    }
    let down = change(&mode, &json!({ "posture": "Peacetime" }), Form::Json);
    world.act(&ZHOU, down).await;
}

/// A mode that has more labels than people may put on it: they take some off, and act on it.
async fn marks(world: &mut World) {
    let path = declared(world, "attacked-marked").await;
    let mark = |at: usize| (format!("mark-{at}"), Value::from("x"));
    let many: Map<String, Value> = (0..70).map(mark).collect();
    let many = json!({ "metadata": { "labels": many } });
    // By a name of another's: what the operator wrote would stay its own.
    let ask = Ask::with("PATCH", &path, many).media(MERGE);
    world
        .act(&OPERATOR_ITSELF, ask.query("fieldManager=earlier"))
        .await;
    let labels = |labels: Value| {
        Ask::with("PATCH", &path, json!({ "metadata": { "labels": labels } })).media(MERGE)
    };
    let one_more = labels(json!({ "mark-70": "x" }));
    refused(world, &MALLORY, one_more, "at most 64 labels").await;
    let one_less = labels(json!({ "mark-0": null }));
    world.act(&MALLORY, one_less).await;
    let mode = world.read(&path).await;
    let paused = change(&mode, &json!({ "paused": true }), Form::Merge);
    world.act(&ZHOU, paused).await;
}
