//! The CRDs on a real API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::ListParams;

use crate::support;

/// The API server checks what no schema library does: structure, CEL cost, list keys. A CRD that
/// it does not establish, or establishes with complaints, is no CRD.
#[tokio::test]
async fn every_crd_is_established_without_a_complaint() {
    let plane = support::cluster().await;
    let crds: Api<CustomResourceDefinition> = Api::all(plane.client.clone());
    let list = crds
        .list(&ListParams::default())
        .await
        .expect("CRDs are listed");
    let mut ours: Vec<String> = Vec::new();
    for crd in list
        .items
        .iter()
        .filter(|crd| crd.spec.group == "pingzhan.dev")
    {
        let status = crd.status.as_ref().expect("a status");
        for condition in status.conditions.iter().flatten() {
            let good = matches!(condition.type_.as_str(), "NamesAccepted" | "Established");
            assert_eq!(condition.status == "True", good, "{condition:?}");
        }
        ours.push(crd.spec.names.kind.clone());
    }
    ours.sort();
    let all = ["ChangeFreeze", "ChangeRecord", "EmergencyMode", "Playbook"];
    assert_eq!(ours, all);
}

/// `kubectl explain` is where engineers look a field up in the middle of the night.
#[tokio::test]
async fn explain_lists_the_fields_and_says_what_each_means() {
    let plane = support::cluster().await;
    let all = explained(&plane).await;
    for field in [
        "playbookRef",
        "requestedBy",
        "approvals",
        "planHash",
        "waitingOn",
        "granted",
    ] {
        assert!(all.contains(field), "{field} is not in:\n{all}");
    }
    let spec = plane.kubectl(&["explain", "emergencymode.spec"]);
    assert!(!spec.contains("<no description>"), "{spec}");
    assert!(
        spec.contains("The lever: Wartime, or Peacetime to stand down."),
        "{spec}"
    );
}

/// What kubectl explains. The API server publishes a kind's schema some time after it is
/// established: it is asked again until it has.
async fn explained(plane: &support::ControlPlane) -> String {
    for _ in 0..60 {
        let output = support::kubectl_with(&plane.kubeconfig)
            .args(["explain", "emergencymode", "--recursive"])
            .output()
            .expect("kubectl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() && said.contains("playbookRef") {
            return said;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("the schema of EmergencyMode is not published within 30 s");
}

/// The people of a test are told apart by certificate, in every one of their groups: without it
/// no test of authority means anything.
#[tokio::test]
async fn a_minted_identity_is_its_user_in_all_of_its_groups() {
    let plane = support::cluster().await;
    let zhou = plane.identity("duty-officer-zhou", &["emergency-duty", "flood-watch"]);
    let who = support::kubectl_as(&zhou, &["auth", "whoami", "-o", "json"]);
    let who: serde_json::Value = serde_json::from_str(&who).expect("kubectl prints JSON");
    let user = &who["status"]["userInfo"];
    assert_eq!(user["username"], "duty-officer-zhou");
    let groups = serde_json::json!(["emergency-duty", "flood-watch", "system:authenticated"]);
    assert_eq!(user["groups"], groups);
}

/// A verdict on one field that names no value never counts. Whoever gives one learns it at once, and
/// not from a mode that goes on waiting.
#[tokio::test]
async fn a_verdict_on_one_field_is_accepted_only_with_the_value_that_was_seen() {
    use kube::api::PostParams;
    use pingzhan::api::EmergencyMode;
    use serde_json::json;

    let plane = support::cluster().await;
    // A mode that begins with an act is refused by these, whatever the act is.
    for policy in ["pingzhan-emergencymode", "pingzhan-emergencymode-playbook"] {
        plane.disarm(policy).await;
    }
    let modes: Api<EmergencyMode> = Api::all(plane.client.clone());
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    for (of, seen, accepted) in [
        (json!({ "uid": "u", "path": "/spec/replicas" }), None, false),
        (
            json!({ "uid": "u", "path": "/spec/replicas" }),
            Some("sha256:1"),
            true,
        ),
        (json!({ "all": true }), None, true),
    ] {
        let mut verdict = json!({ "of": of, "choice": "Keep", "by": "he", "as": "platform" });
        if let Some(seen) = seen {
            verdict["seen"] = json!(seen);
        }
        let spec = json!({
            "playbookRef": { "name": "flood" }, "level": "IV", "reason": "rain",
            "requestedBy": "zhou", "requestedAs": "emergency-duty", "expiresAfter": "1h",
            "verdicts": [verdict],
        });
        let spec = serde_json::from_value(spec).expect("a mode");
        let created = modes.create(&dry, &EmergencyMode::new("flood", spec)).await;
        match created {
            Ok(_) => assert!(accepted, "{of} without a value is accepted"),
            Err(error) => {
                assert!(!accepted, "{of}: {error}");
                let said = error.to_string();
                assert!(said.contains("copy seen from status.targets"), "{said}");
            }
        }
    }
}
