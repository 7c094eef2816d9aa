//! What governs: policies, rights, kinds, and the marks by which the operator knows what it did; by `patch`
//! over what is there, and by `apply` of something of one's own.

use pingzhan::policies::{self, Names};
use serde_json::{Value, json};

use super::case::{Account, By, Family, Table, act, made, named, step};

const ADMISSION: &str = "admissionregistration.k8s.io";
pub const RBAC: &str = "rbac.authorization.k8s.io";
/// What is said of our own policies and rights.
const OURS: &str = "part of Pingzhan itself";
/// What is said of roles and bindings that the API server itself keeps.
const KEPT: &str = "of the cluster's own, which the API server would repair";
/// The ends of the names of bindings that give an account of ours its rights without its own name.
pub const WAYS: [&str; 3] = ["by-user", "by-group", "by-all"];
/// The end of the name of a role whose rules are gathered from others, and what is said of it.
pub const GATHERS: &str = "gathers";
const GATHERED: &str = "gathered from other roles by its aggregationRule";
/// What is said of whoever would have a binding give another role.
const ROLE: &str = "which role a binding gives cannot be changed";
/// What is said of bindings of other accounts to which no playbook gives a right.
const OTHERS: &str = "gives no rights to accounts of Pingzhan or of the cluster";
/// What is said of bindings of accounts of ours.
pub const RIGHTS: &str = "or of a playbook its rights";

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Policies;
    our_policies(table);
    our_marked(table);
    our_rights(table);
    our_objects(table);
    accounts_rights(table);
    otherwise_written(table);
    rights_of_the_cluster(table);
    fixed(table);
    refused_kinds(table);
    rulers(table);
    fields(table);
    honest(table);
    made_kinds(table);
    made_parts(table);
    made_ours(table);
}

/// A patch of objects that are in no namespace.
fn patch(kind: &str, names: &[&str], asked: &Value) -> Value {
    step("patch", asked, &json!({ "kinds": [kind], "names": names }))
}

/// One field that is given a value.
fn set(path: &str, value: &Value) -> Value {
    json!({ "set": [{ "path": path, "value": value }] })
}

/// Every right there is.
fn wildcard() -> Value {
    json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }])
}

fn group(name: &str) -> Value {
    json!({ "apiGroup": RBAC, "kind": "Group", "name": name })
}

fn our_policies(table: &mut Table<'_>) {
    let weaken = [
        set("/spec/failurePolicy", &json!("Ignore")),
        json!({ "remove": ["/spec/validations"] }),
        json!({ "merge": { "spec": { "failurePolicy": "Ignore", "validations": [] } } }),
    ];
    let unbind = [
        set("/spec/validationActions", &json!(["Audit"])),
        set("/spec/policyName", &json!("none")),
        json!({ "merge": { "spec": { "validationActions": ["Warn"] } } }),
    ];
    for policy in policies::all(&Names::default()) {
        let kinds = [
            ("ValidatingAdmissionPolicy", &weaken),
            ("ValidatingAdmissionPolicyBinding", &unbind),
        ];
        for (kind, ways) in kinds {
            let asked = table.one_of(ways);
            let written = format!("{ADMISSION}/{kind}");
            let what = format!("a patch of {kind} {}", policy.name);
            let step = patch(&written, &[policy.name], &asked);
            table.stop(what, step, By::Lint, "PZ0406");
        }
    }
}

/// By the label that all that is installed has.
fn our_marked(table: &mut Table<'_>) {
    let rules = set("/rules", &wildcard());
    let nobody = set("/subjects", &json!([]));
    let rows = [
        (
            "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
            set("/spec/failurePolicy", &json!("Ignore")),
            By::Lint,
        ),
        (
            "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
            set("/spec/validationActions", &json!(["Audit"])),
            By::Lint,
        ),
        ("ClusterRole", rules.clone(), By::Alone),
        ("ClusterRoleBinding", nobody.clone(), By::Alone),
        ("Role", rules, By::Alone),
        ("RoleBinding", nobody, By::Alone),
    ];
    for (kind, asked, by) in rows {
        let said = if by == By::Lint { "PZ0406" } else { OURS };
        let selector = json!({ "matchLabels": { "app.kubernetes.io/name": "pingzhan" } });
        let targets = json!({ "kinds": [kind], "selector": selector });
        let what = format!("a patch of every {kind} of ours, by label");
        table.stop(what, step("patch", &asked, &targets), by, said);
    }
}

fn our_rights(table: &mut Table<'_>) {
    let wider = set("/rules", &wildcard());
    let mallory = set("/subjects", &json!([group("mallory")]));
    for name in ["pingzhan-operator", "pingzhan-acts", "pingzhan-view"] {
        let what = format!("a patch of ClusterRole {name}");
        table.stop(what, patch("ClusterRole", &[name], &wider), By::Alone, OURS);
    }
    for name in ["pingzhan-operator", "pingzhan-acts"] {
        let what = format!("a patch of ClusterRoleBinding {name}");
        let step = patch("ClusterRoleBinding", &[name], &mallory);
        table.stop(what, step, By::Alone, OURS);
    }
}

/// What lies in our namespaces: rights, the operator's account, and the lease that says which one writes.
fn our_objects(table: &mut Table<'_>) {
    let wider = set("/rules", &wildcard());
    let mallory = set("/subjects", &json!([group("mallory")]));
    let operator = "in the operator's own namespace";
    let token = set("/automountServiceAccountToken", &json!(true));
    let holder = set("/spec/holderIdentity", &json!("mallory"));
    let bait = table.ground.bait();
    let rows = [
        (
            "coordination.k8s.io/Lease",
            "kube-node-lease",
            bait.as_str(),
            &holder,
            "in a namespace of the cluster's own",
        ),
        ("Role", "pingzhan-system", "pingzhan-lease", &wider, OURS),
        (
            "RoleBinding",
            "pingzhan-playbooks",
            "pingzhan-playbook-accounts",
            &mallory,
            OURS,
        ),
        (
            "ServiceAccount",
            "pingzhan-system",
            "pingzhan",
            &token,
            operator,
        ),
        (
            "coordination.k8s.io/Lease",
            "pingzhan-system",
            "pingzhan-operator",
            &holder,
            operator,
        ),
    ];
    for (kind, space, name, asked, said) in rows {
        let step = step("patch", asked, &named(kind, space, name));
        table.stop(
            format!("a patch of {kind} {space}/{name}"),
            step,
            By::Alone,
            said,
        );
    }
}

/// Bindings by which accounts of playbooks have their rights.
fn accounts_rights(table: &mut Table<'_>) {
    let mallory = set("/subjects", &json!([group("mallory")]));
    let own = table.ground.space.clone();
    let wide = table.ground.account(Account::Wide);
    let named = step("patch", &mallory, &named("RoleBinding", &own, &own));
    table.stop(
        "a patch of the account's own binding",
        named,
        By::Alone,
        RIGHTS,
    );
    let whole = patch("ClusterRoleBinding", &[&wide], &mallory);
    table.stop(
        "a patch of a wider account's binding",
        whole,
        By::Alone,
        RIGHTS,
    );
}

/// The same, where the binding names the account in another way.
fn otherwise_written(table: &mut Table<'_>) {
    let mallory = set("/subjects", &json!([group("mallory")]));
    let own = table.ground.space.clone();
    for end in WAYS {
        let name = table.ground.named(end);
        let step = step("patch", &mallory, &named("RoleBinding", &own, &name));
        let what = format!("a patch of what gives an account its rights: {end}");
        table.stop(what, step, By::Alone, RIGHTS);
    }
}

/// Roles and bindings that the API server itself keeps, changed, taken over and made.
fn rights_of_the_cluster(table: &mut Table<'_>) {
    let nothing = set("/rules", &json!([]));
    let mallory = set("/subjects", &json!([group("mallory")]));
    let rows = [
        ("ClusterRole", "system:node", &nothing),
        ("ClusterRole", "view", &nothing),
        ("ClusterRole", "cluster-admin", &nothing),
        ("ClusterRoleBinding", "cluster-admin", &mallory),
        ("ClusterRoleBinding", "system:discovery", &mallory),
    ];
    for (kind, name, asked) in rows {
        let what = format!("a patch of {kind} {name}");
        table.stop(what, patch(kind, &[name], asked), By::Alone, KEPT);
    }
    let version = format!("{RBAC}/v1");
    let role = |name: &str| json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": name }, "rules": [] });
    let binding = json!({ "apiVersion": version, "kind": "ClusterRoleBinding",
        "metadata": { "name": "cluster-admin" }, "subjects": [group("mallory")],
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" } });
    for object in [role("system:deputy"), binding] {
        let what = format!("a {} that the cluster keeps", object["metadata"]["name"]);
        table.stop(what, made(&object), By::Plan, KEPT);
    }
    let over = act(
        "apply",
        &json!({ "objects": [role("view")], "adopt": true }),
    );
    table.stop("a role of the cluster, taken over", over, By::Alone, KEPT);
}

/// What the API server lets nobody change, and what a controller puts back: to promise it would be worse than
/// to refuse it.
fn fixed(table: &mut Table<'_>) {
    let ground = table.ground;
    let (own, free) = (ground.space.as_str(), ground.free());
    let gathers = ground.named(GATHERS);
    let ways = [
        set("/rules", &wildcard()),
        json!({ "remove": ["/rules"] }),
        json!({ "merge": { "rules": [] } }),
    ];
    for asked in ways {
        let what = format!("a patch of gathered rules by {asked}");
        let step = patch("ClusterRole", &[&gathers], &asked);
        table.stop(what, step, By::Alone, GATHERED);
    }
    let version = format!("{RBAC}/v1");
    let role = json!({ "apiVersion": version, "kind": "ClusterRole",
        "metadata": { "name": gathers }, "rules": wildcard() });
    let over = |object: Value| act("apply", &json!({ "objects": [object], "adopt": true }));
    table.stop("gathered rules, taken over", over(role), By::Plan, GATHERED);
    let admin = json!({ "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" });
    for asked in [
        set("/roleRef", &admin),
        set("/roleRef/name", &json!("cluster-admin")),
    ] {
        let what = format!("a patch of the role that a binding gives by {asked}");
        let step = step("patch", &asked, &named("RoleBinding", own, &free));
        table.stop(what, step, By::Alone, ROLE);
    }
    let binding = json!({ "apiVersion": version, "kind": "RoleBinding", "roleRef": admin,
        "metadata": { "name": free, "namespace": own },
        "subjects": [group(&ground.named("helpers"))] });
    let what = "a binding that gives another role, taken over";
    table.stop(what, over(binding), By::Plan, ROLE);
}

/// Kinds that rule over every request, whatever is done to them.
fn rulers(table: &mut Table<'_>) {
    let noted =
        json!({ "merge": { "metadata": { "annotations": { "example.com/by": "mallory" } } } });
    for (kind, name) in [
        (
            "admissionregistration.k8s.io/MutatingWebhookConfiguration",
            "vendor",
        ),
        (
            "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
            "vendor",
        ),
        ("apiregistration.k8s.io/APIService", "v1alpha1.pingzhan.dev"),
        ("apiregistration.k8s.io/APIService", "v1.apps"),
        ("flowcontrol.apiserver.k8s.io/FlowSchema", "exempt"),
        (
            "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
            "exempt",
        ),
    ] {
        let what = format!("a patch of {kind} {name}");
        table.stop(what, patch(kind, &[name], &noted), By::Lint, "PZ0406");
    }
    let targets = json!({ "kinds": ["flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration"], "names": ["exempt"] });
    for (word, asked) in [
        ("scale", json!({ "replicas": 0 })),
        ("wait", json!({ "condition": { "type": "Available" } })),
    ] {
        let step = step(word, &asked, &targets);
        table.stop(format!("{word} of a priority"), step, By::Lint, "PZ0406");
    }
}

/// Kinds that are never touched, those that are not known by a bare name, and those that nobody serves.
fn refused_kinds(table: &mut Table<'_>) {
    let rows = [
        ("Secret", By::Lint, "PZ0406"),
        ("/Secret", By::Lint, "PZ0406"),
        ("Namespace", By::Lint, "PZ0406"),
        ("CustomResourceDefinition", By::Lint, "PZ0406"),
        (
            "apiextensions.k8s.io/CustomResourceDefinition",
            By::Lint,
            "PZ0406",
        ),
        ("pingzhan.dev/EmergencyMode", By::Lint, "PZ0406"),
        ("pingzhan.dev/Playbook", By::Lint, "PZ0406"),
        ("pingzhan.dev/ChangeRecord", By::Lint, "PZ0406"),
        ("pingzhan.dev/ChangeFreeze", By::Lint, "PZ0406"),
        ("secrets", By::Lint, "PZ0405"),
        ("Node", By::Lint, "PZ0405"),
        ("Pod", By::Lint, "PZ0405"),
        ("MutatingWebhookConfiguration", By::Lint, "PZ0405"),
        ("v1/Secret", By::Account, "is not served by this cluster"),
        (
            "core/Namespace",
            By::Account,
            "is not served by this cluster",
        ),
    ];
    let asked =
        json!({ "merge": { "metadata": { "annotations": { "example.com/by": "mallory" } } } });
    for (kind, by, words) in rows {
        let name = table.ground.bait();
        let what = format!("a patch of a {kind}");
        table.stop(what, patch(kind, &[&name], &asked), by, words);
    }
}

/// Fields of an object that a playbook may change: those that say what it is and whose.
fn fields(table: &mut Table<'_>) {
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b" }]);
    let refused = [
        set("/metadata/ownerReferences", &owner),
        set("/metadata/finalizers", &json!(["example.com/mine"])),
        json!({ "remove": ["/metadata/finalizers"] }),
        set("/metadata/name", &json!("other")),
        set("/metadata/namespace", &json!("kube-system")),
        set("/metadata/managedFields", &json!([])),
        set("/metadata/labels", &json!({})),
        json!({ "merge": { "metadata": { "annotations": null } } }),
        set("/status", &json!({})),
        json!({ "merge": { "status": { "replicas": 0 } } }),
        set("/apiVersion", &json!("v1")),
    ];
    let ours = [
        set("/metadata/labels/pingzhan.dev~1held-by", &json!("nobody")),
        set("/metadata/labels/pingzhan.dev~1made-for", &json!("nobody")),
        set("/metadata/annotations/pingzhan.dev~1act", &json!("none")),
        json!({ "merge": { "metadata": { "labels": { "pingzhan.dev/exclude": "true" } } } }),
        json!({ "remove": ["/metadata/labels/pingzhan.dev~1exclude"] }),
    ];
    let (own, free) = (table.ground.space.clone(), table.ground.free());
    let refused = refused.into_iter().map(|asked| (asked, "PZ0522"));
    let ours = ours.into_iter().map(|asked| (asked, "PZ0412"));
    for (asked, code) in refused.chain(ours) {
        let step = step("patch", &asked, &named("Deployment", &own, &free));
        table.stop(format!("a patch by {asked}"), step, By::Lint, code);
    }
    // Whoever is let in by it would be let in by the playbook alone.
    let freeze = set("/spec/groups", &json!(["mallory"]));
    let step = step(
        "patch",
        &freeze,
        &named("pingzhan.dev/ChangeFreeze", &own, &free),
    );
    table.stop("a patch of who may go on", step, By::Lint, "PZ0406");
}

fn honest(table: &mut Table<'_>) {
    let (own, free) = (table.ground.space.clone(), table.ground.free());
    let rows = [
        (
            "Deployment",
            set("/metadata/annotations/example.com~1note", &json!("closed")),
        ),
        (
            "Deployment",
            json!({ "merge": { "spec": { "paused": true } } }),
        ),
        ("ConfigMap", set("/data/carousel", &json!("off"))),
    ];
    for (kind, asked) in rows {
        let step = step("patch", &asked, &named(kind, &own, &free));
        table.take(format!("a patch of its own {kind} by {asked}"), step);
    }
}

/// Kinds that no playbook makes.
fn made_kinds(table: &mut Table<'_>) {
    let refused = [
        ("v1", "Secret"),
        ("v1", "Namespace"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("pingzhan.dev/v1alpha1", "EmergencyMode"),
        ("pingzhan.dev/v1alpha1", "Playbook"),
        ("pingzhan.dev/v1alpha1", "ChangeRecord"),
        ("pingzhan.dev/v1alpha1", "ChangeFreeze"),
    ];
    let unfit = [
        ("v1", "Pod"),
        ("v1", "Node"),
        ("v1", "Event"),
        ("v1", "Binding"),
        ("coordination.k8s.io/v1", "Lease"),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicyBinding",
        ),
        (
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
        ),
        ("apiregistration.k8s.io/v1", "APIService"),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
        ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ];
    let refused = refused.into_iter().map(|kind| (kind, "PZ0406"));
    let unfit = unfit.into_iter().map(|kind| (kind, "PZ0407"));
    for ((version, kind), code) in refused.chain(unfit) {
        let metadata =
            json!({ "name": table.ground.named("made"), "namespace": table.ground.space });
        let object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
        table.stop(
            format!("a {kind} that is made"),
            made(&object),
            By::Lint,
            code,
        );
    }
}

/// Parts of an object that others write, and what is not for a parameter to say.
fn made_parts(table: &mut Table<'_>) {
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b" }]);
    let parts = [
        ("/metadata/ownerReferences", owner, "PZ0542"),
        ("/metadata/managedFields", json!([]), "PZ0542"),
        ("/metadata/uid", json!("b"), "PZ0542"),
        (
            "/metadata/finalizers",
            json!(["example.com/mine"]),
            "PZ0542",
        ),
        (
            "/metadata/deletionTimestamp",
            json!("2026-07-01T08:00:00Z"),
            "PZ0542",
        ),
        ("/status", json!({}), "PZ0542"),
        (
            "/metadata/labels",
            json!({ "pingzhan.dev/held-by": "nobody" }),
            "PZ0412",
        ),
        (
            "/metadata/labels",
            json!({ "pingzhan.dev/made-for": "nobody" }),
            "PZ0412",
        ),
        (
            "/metadata/annotations",
            json!({ "pingzhan.dev/act": "none" }),
            "PZ0412",
        ),
        ("/metadata/generateName", json!("made-"), "PZ0541"),
    ];
    let metadata = json!({ "name": table.ground.named("made"), "namespace": table.ground.space });
    let whole = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
    for (at, value, code) in parts {
        let mut object = whole.clone();
        let what = format!("an object with {at} {value}");
        match at.strip_prefix("/metadata/") {
            Some(field) => object["metadata"][field] = value,
            None => object["status"] = value,
        }
        table.stop(what, made(&object), By::Lint, code);
    }
    for (field, value) in [("kind", "Secret"), ("apiVersion", "pingzhan.dev/v1alpha1")] {
        let mut object = whole.clone();
        object[field] = json!("${parameters.word}");
        let what = format!("an object whose {field} is what a parameter says: {value}");
        table
            .stop(what, made(&object), By::Lint, "PZ0541")
            .given("word", value);
    }
}

/// Accounts of ours and of the cluster, in every way in which they can be written.
fn accounts(own: &str) -> Vec<Value> {
    let account = |space: &str, name: &str| json!({ "kind": "ServiceAccount", "namespace": space, "name": name });
    let user = |space: &str, name: &str| {
        let name = format!("system:serviceaccount:{space}:{name}");
        json!({ "apiGroup": RBAC, "kind": "User", "name": name })
    };
    vec![
        account("pingzhan-playbooks", own),
        account("pingzhan-system", "pingzhan"),
        account("kube-system", "default"),
        user("pingzhan-playbooks", own),
        user("pingzhan-system", "pingzhan"),
        user("kube-system", "default"),
        group("system:serviceaccounts:pingzhan-playbooks"),
        group("system:serviceaccounts:pingzhan-system"),
        group("system:serviceaccounts:kube-system"),
        group("system:serviceaccounts"),
    ]
}

/// Rights of our own accounts, and what has a name of ours.
fn made_ours(table: &mut Table<'_>) {
    let version = format!("{RBAC}/v1");
    let role = |name: &str| json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": name }, "rules": wildcard() });
    let own = table.ground.space.clone();
    let binding = |kind: &str, name: &str, subject: &Value| {
        let mut metadata = json!({ "name": name });
        if kind == "RoleBinding" {
            metadata["namespace"] = json!(own);
        }
        json!({
            "apiVersion": version, "kind": kind, "metadata": metadata, "subjects": [subject],
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" },
        })
    };
    let made_name = table.ground.named("made");
    let rows = [
        role("pingzhan-more"),
        binding("ClusterRoleBinding", "pingzhan-more", &group("mallory")),
        binding("RoleBinding", "pingzhan-more", &group("mallory")),
    ];
    for object in rows {
        let what = format!("a {} of our name", object["kind"]);
        table.stop(what, made(&object), By::Plan, OURS);
    }
    for subject in accounts(&own) {
        let kind = table.one_of(&["ClusterRoleBinding", "RoleBinding"]);
        let object = binding(kind, &made_name, &subject);
        let what = format!("a {kind} of {subject}");
        table.stop(what, made(&object), By::Lint, "PZ0555");
    }
    for (who, said) in [
        ("system:serviceaccount:pingzhan-system:pingzhan", RIGHTS),
        ("system:serviceaccount:pingzhan-playbooks:default", RIGHTS),
        ("system:serviceaccount:kube-system:default", OTHERS),
        ("system:anonymous", "not signed in"),
    ] {
        let user = json!({ "apiGroup": RBAC, "kind": "User", "name": "${parameters.word}" });
        let object = binding("RoleBinding", &made_name, &user);
        let what = format!("a binding of whom a parameter names: {who}");
        let case = table.stop(what, made(&object), By::Plan, said);
        case.given("word", who);
    }
    let over = json!({ "objects": [role("pingzhan-operator")], "adopt": true });
    let step = act("apply", &over);
    table.stop("the operator's role, taken over", step, By::Plan, OURS);
    let object = role("${parameters.word}");
    table
        .stop(
            "a role whose name a parameter says",
            made(&object),
            By::Plan,
            OURS,
        )
        .given("word", "pingzhan-operator");
}
