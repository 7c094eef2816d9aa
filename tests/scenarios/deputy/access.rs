//! More rights than one has: given and taken by `access`, made by `apply`, and asked for by accounts that
//! have few.

use serde_json::{Value, json};

use super::case::{Account, By, Family, Table, act, made, named, step};
use super::own::{LABEL, NEVER};
use super::policies::{RBAC, RIGHTS, WAYS};

/// What the API server says of whoever gives what they have not.
const MORE: &str = "attempting to grant";
/// What is said of bindings that the API server itself keeps.
const CLUSTER: &str = "a binding of the cluster's own";

/// Roles of the scenario's own, each with a right that leads to every other: the end of the name, and rules.
pub fn roles() -> [(&'static str, Value); 5] {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!([{ "apiGroups": [group], "resources": resources, "verbs": verbs }]);
    let admission = [
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    ];
    [
        (
            "escalates",
            rule(RBAC, &["clusterroles"], &["escalate", "bind"]),
        ),
        (
            "impersonates",
            rule(
                "",
                &["users", "groups", "serviceaccounts"],
                &["impersonate"],
            ),
        ),
        ("secrets", rule("", &["secrets"], &["get", "list"])),
        (
            "policies",
            rule("admissionregistration.k8s.io", &admission, &["delete"]),
        ),
        (READER, rule("", &["services"], &["get"])),
    ]
}

/// The end of the name of the one role that may be given.
pub const READER: &str = "reader";

/// Roles that are always there, each with more than anybody gives away.
const BUILT_IN: [&str; 10] = [
    "cluster-admin",
    "system:aggregate-to-admin",
    "system:aggregate-to-edit",
    "system:node",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:auth-delegator",
    "system:controller:clusterrole-aggregation-controller",
    "pingzhan-operator",
    "pingzhan-acts",
];

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Access;
    for_accounts(table);
    for_everybody(table);
    as_written(table);
    where_never(table);
    emptied(table);
    taken(table);
    given_beyond(table);
    made_beyond(table);
    with_few(table);
    with_few_elsewhere(table);
    honest(table);
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "name": name })
}

fn user(name: &str) -> Value {
    json!({ "kind": "User", "name": name })
}

fn account(space: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": space, "name": name })
}

/// A right that is given, of a role of the cluster.
fn grant(role: &str, subject: &Value, more: &Value) -> Value {
    let mut grant = json!({
        "subjects": [subject], "role": { "kind": "ClusterRole", "name": role },
        "purpose": "find the sick in flooded districts", "legalBasis": "个人信息保护法 第十三条第一款第四项",
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        grant[field] = value.clone();
    }
    act("access", &json!({ "grant": [grant] }))
}

fn revoke(subject: &Value, namespaces: Option<&Value>) -> Value {
    let mut revoke = json!({ "subjects": [subject] });
    if let Some(namespaces) = namespaces {
        revoke["namespaces"] = namespaces.clone();
    }
    act("access", &json!({ "revoke": [revoke] }))
}

fn lock_down(bindings: &Value) -> Value {
    act("access", &json!({ "lockDown": { "bindings": bindings } }))
}

/// Accounts of the cluster and of ours get no more than they have.
fn for_accounts(table: &mut Table<'_>) {
    let own = json!({ "namespaces": { "names": [table.ground.space] } });
    for (space, _) in NEVER {
        let written = [
            account(space, "default"),
            user(&format!("system:serviceaccount:{space}:default")),
            group(&format!("system:serviceaccounts:{space}")),
        ];
        for who in written {
            let step = grant("view", &who, &own);
            let what = format!("a right for {who}");
            table.stop(what, step, By::Lint, "PZ0555");
        }
    }
    let step = grant("view", &group("system:serviceaccounts"), &own);
    table.stop("a right for every account", step, By::Lint, "PZ0555");
}

/// Whoever is not signed in, and who may do everything, get nothing; everybody gets little.
fn for_everybody(table: &mut Table<'_>) {
    let own = json!({ "namespaces": { "names": [table.ground.space] } });
    let everywhere = json!({ "clusterWide": true });
    let nobody = [
        user("system:anonymous"),
        group("system:unauthenticated"),
        group("system:masters"),
    ];
    for who in nobody {
        for (place, words) in [(&own, "here"), (&everywhere, "everywhere")] {
            let what = format!("a right for {} {words}", who["name"]);
            table.stop(what, grant("view", &who, place), By::Lint, "PZ0560");
        }
    }
    let signed_in = group("system:authenticated");
    for role in ["cluster-admin", "admin", "edit"] {
        let step = grant(role, &signed_in, &everywhere);
        table.stop(format!("{role} for everybody"), step, By::Lint, "PZ0560");
    }
}

/// What can be said of it without a cluster.
fn as_written(table: &mut Table<'_>) {
    let own = json!({ "namespaces": { "names": [table.ground.space] } });
    let mallory = group("mallory");
    let with = |more: Value| {
        let mut all = own.clone();
        for (field, value) in more.as_object().into_iter().flatten() {
            all[field] = value.clone();
        }
        grant("view", &mallory, &all)
    };
    let role = |kind: &str, name: &str| json!({ "role": { "kind": kind, "name": name } });
    let mut whole = role("Role", "reader");
    whole["clusterWide"] = json!(true);
    let rows = [
        ("for no purpose", with(json!({ "purpose": " " })), "PZ0559"),
        (
            "on no legal basis",
            with(json!({ "legalBasis": " " })),
            "PZ0559",
        ),
        (
            "here and everywhere",
            with(json!({ "clusterWide": true })),
            "PZ0557",
        ),
        (
            "it is not said where",
            grant("view", &mallory, &json!({})),
            "PZ0557",
        ),
        ("of no role", with(role("Group", "view")), "PZ0556"),
        (
            "of a role by its address",
            with(role("ClusterRole", "../cluster-admin")),
            "PZ0556",
        ),
        (
            "of a namespace's role everywhere",
            grant("view", &mallory, &whole),
            "PZ0556",
        ),
        (
            "for a node",
            grant("view", &json!({ "kind": "Node", "name": "a" }), &own),
            "PZ0555",
        ),
        (
            "taken everywhere but there",
            revoke(&mallory, Some(&json!({}))),
            "PZ0557",
        ),
        ("every binding emptied", lock_down(&json!({})), "PZ0558"),
    ];
    for (what, step, code) in rows {
        table.stop(format!("a right: {what}"), step, By::Lint, code);
    }
}

/// Where nothing is ever touched no right is given.
fn where_never(table: &mut Table<'_>) {
    let mallory = group("mallory");
    for (space, said) in table.rng.choose_multiple(NEVER, 3) {
        let there = json!({ "namespaces": { "names": [space] } });
        let step = grant("view", &mallory, &there);
        table.stop(format!("a right in {space}"), step, By::Alone, said);
    }
    let ours = json!({ "matchLabels": { "app.kubernetes.io/name": "pingzhan" } });
    let step = grant("cluster-admin", &mallory, &json!({ "namespaces": ours }));
    table.stop(
        "every right in ours, by label",
        step,
        By::Alone,
        "never touched",
    );
    let step = grant(
        "view",
        &mallory,
        &json!({ "namespaces": { "matchExpressions": [
        { "key": "kubernetes.io/metadata.name", "operator": "Exists" },
    ] } }),
    );
    let (space, said) = table.one_of(&NEVER);
    table
        .stop("a right in the mode's scope", step, By::Alone, said)
        .scope(&json!({ "names": [space] }));
}

/// Bindings that the operator, the cluster and the way back live by are not emptied.
fn emptied(table: &mut Table<'_>) {
    let ground = table.ground;
    let rows = [
        ("bindings", LABEL, ground.bait(), "never touched"),
        (
            "bindings of accounts",
            LABEL,
            ground.named("rights"),
            RIGHTS,
        ),
        (
            "our bindings",
            "app.kubernetes.io/name",
            "pingzhan".to_owned(),
            "part of Pingzhan itself",
        ),
        (
            "the cluster's bindings",
            "kubernetes.io/bootstrapping",
            "rbac-defaults".to_owned(),
            CLUSTER,
        ),
    ];
    for (what, key, value, said) in rows {
        let step = lock_down(&json!({ "matchLabels": { key: value } }));
        table.stop(format!("{what} emptied by label"), step, By::Alone, said);
    }
    for end in WAYS {
        let step = lock_down(&json!({ "matchLabels": { LABEL: ground.named(end) } }));
        let what = format!("a binding of accounts emptied by label: {end}");
        table.stop(what, step, By::Alone, RIGHTS);
    }
}

/// Nor is anybody taken out of them.
fn taken(table: &mut Table<'_>) {
    let ground = table.ground;
    let vendors = group(&ground.named("vendors"));
    for (space, said) in table.rng.choose_multiple(NEVER, 2) {
        let step = revoke(&vendors, Some(&json!({ "names": [space] })));
        table.stop(format!("rights taken in {space}"), step, By::Alone, said);
    }
    let own = json!({ "names": [ground.space] });
    let itself = [
        account("pingzhan-playbooks", &ground.space),
        user(&format!(
            "system:serviceaccount:pingzhan-playbooks:{}",
            ground.space
        )),
        group("system:serviceaccounts:pingzhan-playbooks"),
        group("system:serviceaccounts"),
    ];
    for who in itself {
        let step = revoke(&who, Some(&own));
        let what = format!("rights taken from the account itself, as {who}");
        table.stop(what, step, By::Alone, RIGHTS);
    }
    let rows = [
        ("vendors", vendors, "never touched"),
        (
            "the operator",
            account("pingzhan-system", "pingzhan"),
            "part of Pingzhan itself",
        ),
        ("administrators", group("system:masters"), CLUSTER),
        (
            "controllers",
            user("system:kube-controller-manager"),
            CLUSTER,
        ),
        ("the scheduler", user("system:kube-scheduler"), CLUSTER),
    ];
    for (what, who, said) in rows {
        let step = revoke(&who, None);
        table.stop(format!("rights taken from {what}"), step, By::Alone, said);
    }
}

/// Whoever may write bindings may not give whatever there is.
fn given_beyond(table: &mut Table<'_>) {
    let ground = table.ground;
    let own = roles().map(|(end, _)| ground.named(end));
    let reader = ground.named(READER);
    let beyond = own.into_iter().filter(|role| *role != reader);
    let built_in = BUILT_IN.into_iter().map(str::to_owned);
    let here = json!({ "namespaces": { "names": [ground.space] } });
    let everywhere = json!({ "clusterWide": true });
    let whom = [
        group("system:authenticated"),
        group("mallory"),
        group("system:serviceaccounts:ci"),
        user("mallory"),
        user("system:serviceaccount:ci:deployer"),
        account("ci", "deployer"),
    ];
    let all: Vec<String> = built_in.chain(beyond).collect();
    for role in &all {
        // Both places for what matters most, one of them for the rest.
        let only = table.one_of(&["here", "everywhere"]);
        for (place, words) in [(&here, "here"), (&everywhere, "everywhere")] {
            if role != "cluster-admin" && words != only {
                continue;
            }
            // That everybody gets everything is refused before that.
            let first = usize::from(role == "cluster-admin");
            let subject = table.one_of(&whom[first..]);
            let what = format!("{role} for {} {words}", subject["name"]);
            let step = grant(role, &subject, place);
            table
                .stop(what, step, By::Account, MORE)
                .account(Account::Binder);
        }
    }
}

/// Nor is it a way around to make the role, or the binding, by hand.
fn made_beyond(table: &mut Table<'_>) {
    let version = format!("{RBAC}/v1");
    let ground = table.ground;
    let object = |kind: &str, more: &Value| {
        let mut object = more.clone();
        let mut metadata = json!({ "name": ground.named("beyond") });
        if !kind.starts_with("Cluster") {
            metadata["namespace"] = json!(ground.space);
        }
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        object["metadata"] = metadata;
        made(&object)
    };
    let rules = |group: &str, resource: &str, verb: &str| json!({ "rules": [{ "apiGroups": [group], "resources": [resource], "verbs": [verb] }] });
    let admin = json!({
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": RBAC, "kind": "Group", "name": "mallory" }],
    });
    let gathers = json!({ "rules": [], "aggregationRule": { "clusterRoleSelectors": [
        { "matchLabels": { "rbac.authorization.k8s.io/aggregate-to-admin": "true" } },
    ] } });
    let rows = [
        ("Role", rules("", "secrets", "get"), MORE),
        ("Role", rules(RBAC, "roles", "escalate"), MORE),
        ("ClusterRole", rules("*", "*", "*"), MORE),
        ("ClusterRole", rules("", "users", "impersonate"), MORE),
        ("ClusterRole", gathers, "use the aggregationRule"),
        ("RoleBinding", admin.clone(), MORE),
        ("ClusterRoleBinding", admin, MORE),
    ];
    for (kind, more, words) in rows {
        let what = format!("a {kind} with {more}");
        let step = object(kind, &more);
        table
            .stop(what, step, By::Account, words)
            .account(Account::Binder);
    }
}

/// Steps that an account with few rights may not carry out, each with what is said of it.
fn lacks(table: &mut Table<'_>, rows: Vec<(Value, &str)>) {
    for (step, words) in rows {
        let what = format!("what its account may not: {step}");
        table
            .stop(what, step, By::Account, words)
            .account(Account::Plain);
    }
}

/// An account with few rights is told before anybody approves: of rights.
fn with_few(table: &mut Table<'_>) {
    let ground = table.ground;
    let here = json!({ "namespaces": { "names": [ground.space] } });
    let everywhere = json!({ "clusterWide": true });
    let mallory = group("mallory");
    let lies = json!({ "matchLabels": { LABEL: ground.free() } });
    let wider = json!({ "set": [{ "path": "/rules", "value": [] }] });
    let role = json!({ "kinds": ["ClusterRole"], "names": ["cluster-admin"] });
    let rows = vec![
        (
            grant("view", &mallory, &here),
            "cannot get resource \"rolebindings\"",
        ),
        (
            grant("view", &mallory, &everywhere),
            "cannot get resource \"clusterrolebindings\"",
        ),
        (lock_down(&lies), "cannot list namespaces"),
        (
            step("patch", &wider, &role),
            "cannot get resource \"clusterroles\"",
        ),
    ];
    lacks(table, rows);
}

/// And of what is of others, or of kinds that it was not given.
fn with_few_elsewhere(table: &mut Table<'_>) {
    let ground = table.ground;
    let notice = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": ground.named("made"), "namespace": ground.space } });
    let lies = json!({ "matchLabels": { LABEL: ground.bait() } });
    let jobs = json!({ "kinds": ["CronJob"], "selector": lies });
    let elsewhere = named("Deployment", "default", "web");
    let cut = json!({ "preset": "DenyAll", "namespaces": { "names": [ground.space] } });
    let freeze = json!({ "namespaces": { "names": [ground.space] } });
    let page = json!({ "to": { "name": "deputy-page", "port": 80 } });
    let way = named("Ingress", &ground.space, &ground.free());
    let rows = vec![
        (made(&notice), "cannot create resource \"configmaps\""),
        (step("suspend", &json!({}), &jobs), "cannot list namespaces"),
        (
            step("scale", &json!({ "replicas": 9 }), &elsewhere),
            "cannot get resource \"deployments\"",
        ),
        (
            step("route", &page, &way),
            "cannot get resource \"ingresses\"",
        ),
        (
            act("isolate", &cut),
            "cannot get resource \"networkpolicies\"",
        ),
        (act("freeze", &freeze), "may not freeze"),
    ];
    lacks(table, rows);
}

fn honest(table: &mut Table<'_>) {
    let ground = table.ground;
    let here = json!({ "namespaces": { "names": [ground.space] } });
    let own = json!({ "names": [ground.space] });
    let friends = group(&ground.named("friends"));
    let helpers = group(&ground.named("helpers"));
    table.take(
        "a right of its own namespace",
        grant("view", &friends, &here),
    );
    table.take(
        "rights taken in its own namespace",
        revoke(&helpers, Some(&own)),
    );
    let lies = json!({ "matchLabels": { LABEL: ground.free() } });
    table.take("bindings of its own emptied", lock_down(&lies));
    let given = grant(&ground.named(READER), &friends, &here);
    table
        .take("the one role that may be given", given)
        .account(Account::Binder);
    let targets = named("Deployment", &ground.space, &ground.free());
    let grown = step("scale", &json!({ "replicas": 9 }), &targets);
    table
        .take("a count, by the account with few rights", grown)
        .account(Account::Plain);
}
