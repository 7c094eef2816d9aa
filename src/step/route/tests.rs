//! What becomes of rules, and what is said of where they lead.

use serde_json::json;

use super::*;
use crate::api::Concern;
use crate::field::project::project;

fn to(namespace: Option<&str>) -> RouteTo {
    RouteTo {
        name: "emergency-page".to_owned(),
        port: 80,
        namespace: namespace.map(str::to_owned),
    }
}

fn targets(kind: &str) -> Targets {
    Targets {
        kinds: vec![kind.to_owned()],
        ..Targets::default()
    }
}

const ROUTE: &str = "gateway.networking.k8s.io/HTTPRoute";

fn seen(kind: &str, name: &str, body: &Value) -> Projection {
    let row = routed::find(kind).expect("a kind that is routed");
    of("v1", kind, name, body, &row.paths())
}

fn of(version: &str, kind: &str, name: &str, body: &Value, paths: &[Path]) -> Projection {
    let mut object = body.clone();
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    object["apiVersion"] = json!(format!("{group}/{version}").trim_start_matches('/'));
    object["kind"] = json!(kind);
    object["metadata"] = json!({ "name": name, "namespace": "counters",
        "uid": format!("uid-{kind}-{name}"), "resourceVersion": "1" });
    let mut paths = paths.to_vec();
    paths.sort();
    project(&object, "them", &paths, false).expect("an object")
}

fn changes(compiled: &Compiled) -> Vec<(String, String)> {
    let changes = compiled.changes.iter();
    changes
        .map(|change| (change.path.to_pointer(), change.after.display()))
        .collect()
}

fn rules() -> Value {
    json!({ "spec": { "rules": [
        { "matches": [{ "path": { "type": "PathPrefix", "value": "/book" } }],
          "filters": [{ "type": "RequestHeaderModifier" }],
          "backendRefs": [{ "name": "booking", "port": 80, "weight": 9 }, { "name": "canary", "port": 80 }] },
        { "filters": [{ "type": "RequestRedirect", "requestRedirect": { "scheme": "https" } }] },
    ] } })
}

/// Who asks must come to the page whatever the path, and a redirect has nothing behind it.
#[test]
fn every_rule_of_an_http_route_gets_the_one_backend_but_those_that_redirect() {
    let found = [vec![seen(ROUTE, "counters", &rules())]];
    let compiled = compile(&targets(ROUTE), &to(None), &found);
    let [change] = compiled.changes.as_slice() else {
        panic!("{compiled:?}");
    };
    assert_eq!(change.path.to_pointer(), "/spec/rules");
    assert_eq!(
        change.base,
        Image::Present(rules()["spec"]["rules"].clone())
    );
    let after = change.after.value().expect("rules");
    let one = json!([{ "group": "", "kind": "Service", "name": "emergency-page", "port": 80, "weight": 1 }]);
    assert_eq!(after[0]["backendRefs"], one);
    assert_eq!(after[0]["filters"], rules()["spec"]["rules"][0]["filters"]);
    assert_eq!(after[1], rules()["spec"]["rules"][1]);
    assert!(change.why.contains("1 rule that redirects stays"));
}

/// Each part that names a service is changed, whatever it was, and nothing is added that was not there.
#[test]
fn every_path_of_an_ingress_and_its_backend_for_all_else_get_the_one_service() {
    let body = json!({ "spec": {
        "defaultBackend": { "resource": { "apiGroup": "example.com", "kind": "Bucket", "name": "static" } },
        "rules": [{ "host": "a", "http": { "paths": [
            { "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "name": "http" } } } },
            { "path": "/files", "pathType": "Prefix", "backend": { "resource": { "kind": "Bucket", "name": "x" } } },
        ] } }, { "host": "b" }],
    } });
    let found = [vec![seen("Ingress", "counters", &body)]];
    let compiled = compile(&targets("Ingress"), &to(None), &found);
    let mut said = changes(&compiled);
    let rules = compiled.changes[0].after.value().expect("rules").clone();
    said.remove(0);
    let text = |row: (&str, &str)| (row.0.to_owned(), row.1.to_owned());
    assert_eq!(
        said,
        [
            ("/spec/defaultBackend/resource", "(absent)"),
            ("/spec/defaultBackend/service/name", "\"emergency-page\""),
            ("/spec/defaultBackend/service/port", "{\"number\":80}"),
        ]
        .map(text)
    );
    let backend = json!({ "service": { "name": "emergency-page", "port": { "number": 80 } } });
    assert_eq!(rules[0]["http"]["paths"][0]["backend"], backend);
    assert_eq!(rules[0]["http"]["paths"][1]["backend"], backend);
    assert_eq!(rules[1], json!({ "host": "b" }));
    let plain = json!({ "spec": { "rules": body["spec"]["rules"] } });
    let compiled = compile(
        &targets("Ingress"),
        &to(None),
        &[vec![seen("Ingress", "counters", &plain)]],
    );
    assert_eq!(compiled.changes.len(), 1);
}

/// Nothing is written for nothing.
#[test]
fn what_has_no_service_behind_it_or_goes_there_already_is_left_alone() {
    let redirect = json!({ "spec": { "rules": [{ "filters": [{ "type": "RequestRedirect" }] }] } });
    let backend = json!({ "group": "", "kind": "Service", "name": "emergency-page", "port": 80, "weight": 1 });
    let there = json!({ "spec": { "rules": [{ "backendRefs": [backend] }] } });
    for (kind, body, why) in [
        (ROUTE, redirect, "redirects"),
        (ROUTE, there, "already"),
        ("Ingress", json!({ "spec": {} }), "nowhere"),
    ] {
        let compiled = compile(&targets(kind), &to(None), &[vec![seen(kind, "x", &body)]]);
        assert!(compiled.changes.is_empty(), "{body}");
        assert!(compiled.skipped[0].why.contains(why), "{compiled:?}");
    }
}

/// The API has no place for it, and a page that nobody reaches is worse than none.
#[test]
fn an_ingress_cannot_send_traffic_to_another_namespace() {
    let body = json!({ "spec": { "defaultBackend": { "service": { "name": "web", "port": { "number": 80 } } } } });
    let found = [vec![seen("Ingress", "counters", &body)]];
    let refused = compile(&targets("Ingress"), &to(Some("pages")), &found);
    assert!(refused.changes.is_empty());
    assert!(
        refused.faults[0].contains("own namespace only"),
        "{refused:?}"
    );
    let own = compile(&targets("Ingress"), &to(Some("counters")), &found);
    assert_eq!((own.changes.len(), own.faults.len()), (1, 0));
    let found = [vec![seen(ROUTE, "counters", &rules())]];
    let routed = compile(&targets(ROUTE), &to(Some("pages")), &found);
    let after = routed.changes[0].after.value().expect("rules");
    assert_eq!(after[0]["backendRefs"][0]["namespace"], "pages");
}

fn service(port: i32) -> Projection {
    let paths = [["spec", "ports"], ["spec", "type"]].map(Path::fields);
    let body = json!({ "spec": { "ports": [{ "port": port }], "type": "ClusterIP" } });
    of("v1", "Service", "emergency-page", &body, &paths)
}

fn slice(ready: bool) -> Projection {
    let body = json!({ "endpoints": [{ "conditions": { "ready": ready } }] });
    let kind = "discovery.k8s.io/EndpointSlice";
    of(
        "v1",
        kind,
        "emergency-page-x",
        &body,
        &[Path::fields(["endpoints"])],
    )
}

fn said(asides: [Vec<Projection>; 2], unread: &[usize]) -> Vec<(Concern, String)> {
    let [services, slices] = asides;
    let found = [vec![seen(ROUTE, "counters", &rules())], services, slices];
    let unread = unread.iter().copied().collect();
    let beside = Beside {
        found: &found,
        unread: &unread,
    };
    let remarks = remarks(&targets(ROUTE), &to(None), beside);
    remarks
        .into_iter()
        .map(|remark| (remark.concern, remark.text))
        .collect()
}

/// People would find an error where they look for help: who approves must know.
#[test]
fn a_service_that_cannot_answer_is_harm_and_one_that_was_not_read_is_not() {
    for (asides, says) in [
        (
            [vec![], vec![]],
            "there is no Service counters/emergency-page",
        ),
        ([vec![service(8080)], vec![slice(true)]], "no port 80"),
        ([vec![service(80)], vec![]], "nothing that is ready"),
        (
            [vec![service(80)], vec![slice(false)]],
            "nothing that is ready",
        ),
    ] {
        let found = said(asides, &[]);
        assert!(
            matches!(found.as_slice(), [(Concern::Harm, text)] if text.contains(says)),
            "{says}: {found:?}"
        );
    }
    assert_eq!(said([vec![service(80)], vec![slice(true)]], &[]), []);
    assert_eq!(said([vec![], vec![]], &[1, 2]), []);
    assert_eq!(said([vec![service(80)], vec![]], &[2]), []);
}

/// A Gateway refuses to follow a route into a namespace that has not agreed.
#[test]
fn a_route_into_another_namespace_needs_its_grant() {
    let paths = [["spec", "from"], ["spec", "to"]].map(Path::fields);
    let grant = |from: &str, name: Option<&str>| {
        let mut to = json!({ "group": "", "kind": "Service" });
        if let Some(name) = name {
            to["name"] = json!(name);
        }
        let body = json!({ "spec": { "to": [to], "from": [{
            "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": from }] } });
        of("v1beta1", GRANT, "g", &body, &paths)
    };
    let unread = BTreeSet::from([1, 2]);
    for (grants, harmed) in [
        (vec![], true),
        (vec![grant("elsewhere", None)], true),
        (vec![grant("counters", Some("other"))], true),
        (vec![grant("counters", Some("emergency-page"))], false),
        (vec![grant("counters", None)], false),
    ] {
        let routes = vec![seen(ROUTE, "counters", &rules())];
        let found = [routes, vec![], vec![], grants.clone()];
        let beside = Beside {
            found: &found,
            unread: &unread,
        };
        let said = remarks(&targets(ROUTE), &to(Some("pages")), beside);
        assert_eq!(!said.is_empty(), harmed, "{grants:?}");
        assert!(said.iter().all(|one| one.text.contains("ReferenceGrant")));
    }
}
