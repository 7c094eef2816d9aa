//! What stands for an object that is made, what is seen of it, and what is sent.

use super::*;

const MODE: &str = "0123abcd-0000-4000-8000-000000000000";
const MANAGER: &str = "pingzhan/flood/0123abcd";

fn place() -> Target {
    target("v1", "ConfigMap", "configmaps", "portal", "notice")
}

/// A ConfigMap as the server made it of ours, with what others wrote meanwhile.
fn live() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "notice", "namespace": "portal", "uid": "77aa", "resourceVersion": "9",
            "creationTimestamp": "2026-07-01T08:00:00Z",
            "labels": { HELD_BY_LABEL: "flood", MADE_FOR_LABEL: MODE, "seen": "yes" },
            "annotations": { "checked": "now" },
            "managedFields": [
                { "manager": MANAGER, "operation": "Update", "apiVersion": "v1", "time": "2026-07-01T08:00:00Z",
                  "fieldsV1": { "f:data": { "f:text": {} }, "f:metadata": { "f:labels": {
                      "f:pingzhan.dev/held-by": {}, "f:pingzhan.dev/made-for": {} } } } },
                { "manager": "auditor", "operation": "Update", "apiVersion": "v1", "time": "2026-07-01T08:01:00Z",
                  "fieldsV1": { "f:metadata": { "f:labels": { "f:seen": {} } } } },
            ],
        },
        "data": { "text": "stay at home" },
    })
}

fn seen(object: &Value) -> Seen {
    super::seen(&place(), Some(object)).seen.remove(0)
}

/// A uid of ours must never be taken for one of the server's, nor two places for one.
#[test]
fn a_place_has_a_uid_that_no_object_has() {
    let own = uid("v1", "ConfigMap", "portal", "notice");
    assert!(is(&own) && own.len() <= 63, "{own}");
    assert!(!is("5f0b1a54-2f0e-4d0e-8c1f-2a3b4c5d6e7f"));
    let others = [
        uid("v1", "ConfigMap", "portal", "notices"),
        uid("v1", "ConfigMap", "portaln", "otice"),
        uid("example.com/v1", "ConfigMap", "portal", "notice"),
        uid("v1", "Service", "portal", "notice"),
    ];
    assert!(!others.contains(&own));
    let versions = ["apps/v1", "apps/v2"].map(|version| uid(version, "Deployment", "a", "b"));
    assert_eq!(versions[0], versions[1], "a version is no other object");
}

/// What controllers and colleagues add is no drift; what was made is.
#[test]
fn labels_of_others_and_status_are_not_compared_and_content_is() {
    let ours = seen(&live());
    assert_eq!(given(&ours.image), Some("77aa"));
    assert_eq!(ours.ours, [MANAGER]);
    let mut quiet = live();
    quiet["metadata"]["labels"]["seen"] = json!("twice");
    quiet["metadata"]["annotations"]["more"] = json!("yes");
    quiet["metadata"]["resourceVersion"] = json!("10");
    quiet["status"] = json!({ "phase": "Ready" });
    quiet["metadata"]["finalizers"] = json!(["example.com/x"]);
    assert_eq!(seen(&quiet).image, ours.image);
    for (pointer, value) in [
        ("/data/text", json!("go out")),
        ("/metadata/uid", json!("88bb")),
        ("/metadata/labels/pingzhan.dev~1made-for", json!("x")),
    ] {
        let mut edited = live();
        *edited.pointer_mut(pointer).expect("it is there") = value;
        assert_ne!(seen(&edited).image, ours.image, "{pointer}");
    }
    let mut more = live();
    more["data"]["added"] = json!("x");
    assert_eq!(changed(&ours.image, &seen(&more).image, 3), ["/data/added"]);
}

/// An autoscaler of the same playbook must not look like a rival.
#[test]
fn a_count_of_replicas_is_not_compared() {
    let mut object = live();
    object["spec"] = json!({ "replicas": 3, "paused": false });
    let before = seen(&object).image;
    object["spec"]["replicas"] = json!(9);
    assert_eq!(seen(&object).image, before);
    object["spec"]["paused"] = json!(true);
    assert_eq!(changed(&before, &seen(&object).image, 3), ["/spec/paused"]);
}

/// Whoever deletes ours and puts their own there, labels and all, has made it, not we.
#[test]
fn an_object_is_ours_by_manager_and_label_together() {
    let mut replaced = live();
    replaced["metadata"]["managedFields"][0]["manager"] = json!("kubectl-replace");
    assert!(seen(&replaced).ours.is_empty());
    let mut unlabelled = live();
    unlabelled["metadata"]["labels"] = json!({});
    assert!(seen(&unlabelled).ours.is_empty());
    let mut of_another = live();
    of_another["metadata"]["labels"][MADE_FOR_LABEL] = json!("ffff0000-1");
    assert!(seen(&of_another).ours.is_empty());
    let nothing = super::seen(&place(), None);
    assert_eq!(nothing.seen[0].image, Image::Absent);
    assert!(nothing.seen[0].ours.is_empty() && !nothing.deleting);
}

/// Who it was has to be said: the latest, and never a controller that only wrote status.
#[test]
fn others_are_named_the_latest_first() {
    let mut object = live();
    let entry = |manager: &str, time: &str, subresource: &str| {
        json!({ "manager": manager, "operation": "Update", "time": time,
            "subresource": subresource, "fieldsV1": {} })
    };
    let entries = object["metadata"]["managedFields"]
        .as_array_mut()
        .expect("a list");
    entries.push(entry("kubectl-edit", "2026-07-01T09:00:00Z", ""));
    entries.push(entry("controller", "2026-07-01T10:00:00Z", "status"));
    let names: Vec<String> = seen(&object)
        .owners
        .iter()
        .map(|former| former.owner.manager.clone())
        .collect();
    assert_eq!(names, ["kubectl-edit", "auditor"]);
}

/// A person who waits for it has to be told what to remove.
#[test]
fn what_keeps_an_object_that_is_being_deleted_is_known() {
    assert_eq!(going(&seen(&live()).image), None);
    let mut object = live();
    object["metadata"]["deletionTimestamp"] = json!("2026-07-01T09:00:00Z");
    object["metadata"]["finalizers"] = json!(["example.com/x"]);
    let going = going(&seen(&object).image).expect("it goes");
    assert_eq!(going.since, "2026-07-01T09:00:00Z");
    assert_eq!(going.finalizers, ["example.com/x"]);
    assert!(super::seen(&place(), Some(&object)).deleting);
}

/// The labels are what proves that an object is ours, and what people find it by.
#[test]
fn what_is_sent_says_whose_it_is() {
    let manifest = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "notice", "labels": { "a": "b" } }, "data": { "text": "x" } });
    let body = body(&manifest, "flood", MODE);
    assert_eq!(
        body["metadata"]["labels"],
        json!({ "a": "b", HELD_BY_LABEL: "flood", MADE_FOR_LABEL: MODE })
    );
    assert_eq!(body["data"], manifest["data"]);
}

/// Made anew it is what the playbook says; what others hang on its metadata is theirs.
#[test]
fn a_renewed_object_is_as_it_was_made_and_keeps_what_others_added() {
    let manifest = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "notice", "annotations": { "why": "flood" } }, "data": { "text": "stay at home" } });
    let body = body(&manifest, "flood", MODE);
    let mut edited = live();
    edited["data"] = json!({ "text": "go out", "added": "x" });
    edited["binaryData"] = json!({ "b": "AA==" });
    edited["metadata"]["annotations"] = Value::Null;
    edited["metadata"]["finalizers"] = json!(["example.com/x"]);
    let mut renewed_object = edited.clone();
    let patch = renewed(&edited, &body);
    ops::carry_out(&mut renewed_object, &patch.0).expect("it applies");
    assert_eq!(renewed_object["data"], json!({ "text": "stay at home" }));
    assert_eq!(renewed_object.get("binaryData"), None);
    let metadata = &renewed_object["metadata"];
    assert_eq!(metadata["labels"]["seen"], "yes");
    assert_eq!(metadata["annotations"], json!({ "why": "flood" }));
    assert_eq!(metadata["finalizers"], json!(["example.com/x"]));
    edited["metadata"]["uid"] = json!("another");
    assert!(
        ops::carry_out(&mut edited, &patch.0).is_err(),
        "it is pinned"
    );
}

/// Where another's object stays, nothing of ours may: neither label nor owner.
#[test]
fn marks_come_off_alone() {
    let mut object = live();
    let patch = unmarked(&object, "configmaps", MANAGER).expect("it is marked");
    ops::carry_out(&mut object, &patch.0).expect("it applies");
    assert_eq!(object["metadata"]["labels"], json!({ "seen": "yes" }));
    assert_eq!(object["data"], live()["data"]);
    let owners = object["metadata"]["managedFields"].to_string();
    assert!(!owners.contains("pingzhan/"), "{owners}");
    assert!(unmarked(&object, "configmaps", MANAGER).is_none());
}

/// A count that an autoscaler moved is not put back where the playbook gives none.
#[test]
fn a_renewed_object_keeps_its_count() {
    let mut object = live();
    object["spec"] = json!({ "replicas": 9, "paused": true });
    let body = json!({ "metadata": { "labels": {} }, "spec": { "paused": false } });
    let patch = renewed(&object, &body);
    ops::carry_out(&mut object, &patch.0).expect("it applies");
    assert_eq!(object["spec"], json!({ "replicas": 9, "paused": false }));
}

/// Another mode may hold fields of an object that stays: by its name it knows what it wrote.
#[test]
fn the_marks_of_another_mode_stay() {
    let mut object = live();
    let other = json!({ "manager": "pingzhan/heat/0123abcd", "operation": "Update",
        "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": { "f:data": { "f:text": {} } } });
    let entries = object["metadata"]["managedFields"].as_array_mut();
    entries.expect("entries").push(other.clone());
    let patch = unmarked(&object, "configmaps", MANAGER).expect("it is marked");
    ops::carry_out(&mut object, &patch.0).expect("it applies");
    let entries = object["metadata"]["managedFields"].as_array();
    assert!(entries.expect("entries").contains(&other), "{object}");
}
