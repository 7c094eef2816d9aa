//! Tests of looking at a cluster, with a stand-in server.

use std::collections::BTreeMap;

use super::*;
use crate::api::{LabelSelector, Level, PlaybookSpec};
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::engine::protect::Own;
use crate::field::{Identity, Path, Projection, Target, Uid};
use crate::playbook::conditions::Where;
use crate::playbook::expand;
use crate::step::Fields;
use serde_json::{Value, json};

/// What the account may do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rights {
    All,
    InNamespaces,
    /// As what is generated gives them: nothing where nothing is ever touched.
    Least,
    NamedNamespaces,
}

fn forbidden() -> Reply {
    reply(
        403,
        json!({"kind": "Status", "reason": "Forbidden", "message": "not allowed"}),
    )
}

fn object(namespace: &str, name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"),
            "resourceVersion": "1", "labels": labels
        },
        "spec": {"replicas": 3}
    })
}

fn deployments() -> Vec<Value> {
    vec![
        object("kube-system", "coredns", &json!({})),
        object("pay", "gate", &json!({})),
        object("pay", "pin", &json!({"pingzhan.dev/exclude": "true"})),
        object("portal", "api", &json!({"tier": "web"})),
        object("portal", "web", &json!({"tier": "web"})),
        object("third", "mail", &json!({"tier": "web"})),
    ]
}

fn namespaces() -> Vec<Value> {
    let namespace =
        |name: &str, labels: Value| json!({"metadata": {"name": name, "labels": labels}});
    vec![
        namespace("kube-system", json!({})),
        namespace("pay", json!({"dept": "tax"})),
        namespace("portal", json!({"dept": "gov"})),
        namespace(
            "third",
            json!({"pingzhan.dev/exclude": "true", "dept": "gov"}),
        ),
    ]
}

fn of(namespace: &str) -> Vec<Value> {
    let all = deployments().into_iter();
    all.filter(|object| object["metadata"]["namespace"] == namespace)
        .collect()
}

fn group(name: &str, version: &str, kind: &str, plural: &str) -> Value {
    json!({"metadata": {"name": name}, "versions": [{
        "version": version, "resources": [{
            "resource": plural, "scope": "Namespaced",
            "responseKind": {"group": name, "version": version, "kind": kind}
        }]
    }]})
}

fn groups() -> Vec<Value> {
    let scalers = "horizontalpodautoscalers";
    let rbac = "rbac.authorization.k8s.io";
    vec![
        group("apps", "v1", "Deployment", "deployments"),
        group("autoscaling", "v2", "HorizontalPodAutoscaler", scalers),
        group(rbac, "v1", "RoleBinding", "rolebindings"),
    ]
}

fn answer(rights: Rights, asked: &Asked) -> Reply {
    let (path, _) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let items = match parts.as_slice() {
        ["api"] => vec![],
        ["apis"] => groups(),
        ["api", "v1", "namespaces"] if rights == Rights::NamedNamespaces => return forbidden(),
        ["api", "v1", "namespaces"] => namespaces(),
        ["api", "v1", "namespaces", name] => {
            let mut all = namespaces().into_iter();
            return match all.find(|object| object["metadata"]["name"] == *name) {
                Some(_) if *name == "third" => forbidden(),
                Some(object) => reply(200, object),
                None => reply(404, json!({"kind": "Status", "details": {"name": name}})),
            };
        }
        ["apis", "rbac.authorization.k8s.io", "v1", "rolebindings"] => bindings(),
        ["apis", "autoscaling", ..] if rights == Rights::All => vec![],
        ["apis", "apps", "v1", "deployments"] if rights == Rights::All => deployments(),
        ["apis", "autoscaling", ..] | ["apis", "apps", "v1", "deployments"] => {
            return forbidden();
        }
        [
            "apis",
            "apps",
            "v1",
            "namespaces",
            "kube-system" | "third",
            ..,
        ] if rights == Rights::Least => {
            return forbidden();
        }
        ["apis", "apps", "v1", "namespaces", namespace, "deployments"] => of(namespace),
        [
            "apis",
            "apps",
            "v1",
            "namespaces",
            namespace,
            "deployments",
            name,
        ] => {
            let mut all = of(namespace).into_iter();
            return match all.find(|object| object["metadata"]["name"] == *name) {
                Some(object) => reply(200, object),
                None => reply(404, json!({"kind": "Status", "details": {"name": name}})),
            };
        }
        _ => return reply(404, json!({})),
    };
    reply(200, json!({"metadata": {}, "items": items}))
}

/// Of a vendor, and of the account of a playbook.
fn bindings() -> Vec<Value> {
    let binding = |name: &str, of: &str| {
        let mut binding = object("portal", name, &json!({}));
        binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "x", "namespace": of}]);
        binding
    };
    vec![binding("flood", "pay-accounts"), binding("vendor", "third")]
}

/// A playbook that takes its own account's rights away could not come back.
#[tokio::test]
async fn the_rights_of_accounts_are_protected_by_whom_they_are_for() {
    let bindings = Query {
        kind: "RoleBinding".to_owned(),
        fields: Fields::Paths(vec![Path::fields(["roleRef"])]),
        ..query()
    };
    let (facts, _) = look(Rights::All, None, &[vec![bindings]]).await;
    assert_eq!(found(&facts[0]), [["portal/vendor"]]);
    let told = &facts[0].protected;
    assert_eq!((told.len(), told[0].target.name.as_str()), (1, "flood"));
    assert!(told[0].why.contains("its rights"), "{told:?}");
}

/// A playbook of one step, `s/do`, as it was stored: nothing of it was linted.
fn stored(step: &Value) -> Expanded {
    let book = json!({
        "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x",
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
        "serviceAccountName": "x", "stages": [{ "name": "s", "steps": [step] }],
    });
    let spec: PlaybookSpec = serde_json::from_value(book).expect("a playbook");
    expand::stored(&spec, Level::I, &BTreeMap::new()).expect("it expands")
}

/// A Job may touch whatever there is in its namespace, so it runs in none in which nothing is touched:
/// lint knows neither where the operator lives nor what owners have left out.
#[tokio::test]
async fn no_job_runs_where_nothing_is_touched_or_where_that_is_not_known() {
    let own = "in the operator's own namespace";
    let rows = [
        (Rights::All, "pay", ""),
        (Rights::All, "absent", ""),
        (Rights::All, "third", "pingzhan.dev/exclude=true"),
        (Rights::All, "pay-operator", own),
        (
            Rights::All,
            "kube-system",
            "in a namespace of the cluster's own",
        ),
        (Rights::NamedNamespaces, "pay", ""),
        (Rights::NamedNamespaces, "pay-operator", own),
        (
            Rights::NamedNamespaces,
            "third",
            "cannot read namespace third",
        ),
    ];
    for (rights, space, said) in rows {
        let fake = Fake::new(move |asked| answer(rights, asked));
        let account = Clients::fake(&fake.client());
        let discovery = Discovery::new(fake.client());
        let view = View {
            account: &account,
            discovery: &discovery,
            scope: None,
            own: Own {
                operator: "pay-operator",
                accounts: "pay-accounts",
            },
            explains: false,
        };
        let step = json!({ "name": "do", "run": { "namespace": space, "job": {}, "undo": {} } });
        let facts = observe(view, &stored(&step)).await;
        let seen = &facts.steps[&("s".to_owned(), "do".to_owned())];
        let all = [seen.faults.as_slice(), seen.problems.as_slice()].concat();
        let all = all.join("; ");
        assert!(
            all.contains(said) && all.is_empty() == said.is_empty(),
            "{rights:?} {space}: {all}"
        );
        assert_eq!(facts.requests, fake.addresses().len(), "{space}");
    }
}

fn query() -> Query {
    Query {
        kind: "Deployment".to_owned(),
        namespaces: None,
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role: Role::Target,
        fields: Fields::Paths(vec![Path::fields(["spec", "replicas"])]),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the form of a query's field")]
fn in_namespaces(names: &[&str]) -> Option<NamespaceSelector> {
    Some(NamespaceSelector {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..NamespaceSelector::default()
    })
}

/// The steps' facts, each step given by its queries, and the addresses asked after discovery.
async fn look(
    rights: Rights,
    scope: Option<&NamespaceSelector>,
    steps: &[Vec<Query>],
) -> (Vec<StepFacts>, Vec<String>) {
    let fake = Fake::new(move |asked| answer(rights, asked));
    let account = Clients::fake(&fake.client());
    let discovery = Discovery::new(fake.client());
    let view = View {
        account: &account,
        discovery: &discovery,
        scope,
        own: Own {
            operator: "pay-operator",
            accounts: "pay-accounts",
        },
        explains: false,
    };
    let namespaces = Namespaces::read(view, steps.iter().flatten()).await;
    let mut session = Session {
        view,
        requests: namespaces.requests,
        namespaces,
        done: Vec::new(),
    };
    let mut facts = Vec::new();
    for queries in steps {
        facts.push(session.step(queries).await);
    }
    let mut asked = fake.addresses();
    asked.retain(|address| address != "GET /api" && address != "GET /apis");
    assert_eq!(asked.len(), session.requests);
    (facts, asked)
}

fn found(facts: &StepFacts) -> Vec<Vec<String>> {
    let name = |target: &Target| format!("{}/{}", target.namespace, target.name);
    let lists = facts.found.iter();
    lists
        .map(|list| list.iter().map(|seen| name(&seen.target)).collect())
        .collect()
}

/// An account that may not look at autoscalers must not stop an emergency, nor hide that.
#[tokio::test]
async fn autoscalers_that_cannot_be_read_are_told_and_stop_nothing() {
    let autoscalers = || Query {
        kind: "HorizontalPodAutoscaler".to_owned(),
        role: Role::Autoscaler,
        ..query()
    };
    let named = |namespaces| Query {
        namespaces,
        ..query()
    };
    let few = in_namespaces(&["pay"]);
    let steps = [vec![named(few), autoscalers()]];
    let (facts, asked) = look(Rights::InNamespaces, None, &steps).await;
    assert!(facts[0].problems.is_empty(), "{:?}", facts[0].problems);
    assert_eq!(found(&facts[0]), [vec!["pay/gate"], vec![]]);
    insta::assert_snapshot!(facts[0].findings.join("\n"));
    assert_eq!(
        asked
            .last()
            .map(|last| last.contains("/namespaces/pay/horizontal")),
        Some(true)
    );

    let (facts, asked) = look(Rights::All, None, &[vec![query(), autoscalers()]]).await;
    assert!(facts[0].findings.is_empty());
    let wide: Vec<_> = asked
        .iter()
        .filter(|address| address.contains("horizontal"))
        .collect();
    assert_eq!(wide.len(), 2, "only where a target is: {wide:?}");
}

/// A root is in the namespace of its controller, wherever the mode's scope is. Whoever may not look
/// there looks where the targets are, and a cluster without such a kind has none of it.
#[tokio::test]
async fn what_may_apply_a_target_is_looked_for_everywhere_or_else_beside_it() {
    let applier = |kind: &str| Query {
        kind: kind.to_owned(),
        namespaces: None,
        role: Role::Applier,
        ..query()
    };
    let targets = Query {
        namespaces: in_namespaces(&["pay"]),
        ..query()
    };
    let steps = [vec![
        targets,
        applier("Deployment"),
        applier("kustomize.toolkit.fluxcd.io/Kustomization"),
    ]];
    let scope = in_namespaces(&["pay"]);
    let (facts, _) = look(Rights::All, scope.as_ref(), &steps).await;
    let all = found(&facts[0]);
    assert_eq!(all[0], ["pay/gate"]);
    assert!(all[1].contains(&"portal/web".to_owned()), "{all:?}");
    assert_eq!(all[2], [""; 0]);
    let (facts, _) = look(Rights::InNamespaces, None, &steps).await;
    // What is never touched applies all the same.
    assert_eq!(found(&facts[0])[1], ["pay/gate", "pay/pin"]);
    assert_eq!(facts[0].findings, [""; 0]);
    assert_eq!(facts[0].problems, [""; 0]);
}

/// The protected set holds whatever the playbook selects, and is told, not hidden.
#[tokio::test]
async fn everything_is_found_but_what_is_never_touched() {
    let (facts, asked) = look(Rights::All, None, &[vec![query()]]).await;
    assert_eq!(found(&facts[0]), [["pay/gate", "portal/api", "portal/web"]]);
    let told: Vec<String> = facts[0]
        .protected
        .iter()
        .map(|skipped| format!("{}: {}", skipped.target.name, skipped.why))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(facts[0].problems.is_empty());
    assert_eq!(asked.len(), 2);
    let seen = &facts[0].found[0][0];
    assert_eq!(seen.target.api_version, "apps/v1");
    assert_eq!(seen.target.plural, "deployments");
    assert_eq!(seen.seen.len(), 1);
}

/// Selectors and scope both narrow; an object that either leaves out is not touched.
#[tokio::test]
async fn labels_names_namespaces_and_scope_narrow_together() {
    let labelled = Query {
        selector: Some(LabelSelector {
            match_labels: [("tier".to_owned(), "web".to_owned())].into(),
            match_expressions: Vec::new(),
        }),
        ..query()
    };
    let named = Query {
        names: vec!["web".to_owned(), "gate".to_owned()],
        ..query()
    };
    let elsewhere = Query {
        namespaces: in_namespaces(&["pay"]),
        ..query()
    };
    let scope = in_namespaces(&["portal"]);
    let steps = [vec![labelled, named], vec![elsewhere]];
    let (facts, _) = look(Rights::All, scope.as_ref(), &steps).await;
    let expected = [vec!["portal/api", "portal/web"], vec!["portal/web"]];
    assert_eq!(found(&facts[0]), expected);
    assert_eq!(found(&facts[1]), [Vec::<String>::new()]);
}

/// A condition narrows like every other part of a selection, by name and by list; where it cannot
/// be judged the plan is refused.
#[tokio::test]
async fn a_condition_narrows_and_what_it_cannot_judge_is_a_problem() {
    let where_ = |text: &str| {
        let parameters = json!({});
        let texts = vec![text.to_owned()];
        Some(Where { texts, parameters })
    };
    let web = "has(object.metadata.labels.tier) && object.metadata.labels.tier == 'web'";
    let listed = Query {
        condition: where_(web),
        ..query()
    };
    let named = Query {
        names: vec!["web".to_owned(), "gate".to_owned()],
        ..listed.clone()
    };
    let careless = Query {
        condition: where_("object.metadata.labels.tier == 'web'"),
        ..query()
    };
    let steps = [vec![listed, named], vec![careless]];
    let (facts, _) = look(Rights::All, None, &steps).await;
    let expected = [vec!["portal/api", "portal/web"], vec!["portal/web"]];
    assert_eq!(found(&facts[0]), expected);
    assert!(facts[0].problems.is_empty());
    assert_eq!(
        facts[1].problems,
        [
            "it cannot be judged whether Deployment pay/gate satisfies `object.metadata.labels.tier == 'web'`: no such key: tier"
        ]
    );
}

/// Accounts that are bound namespace by namespace are the usual case in a shared cluster.
#[tokio::test]
async fn where_the_cluster_may_not_be_listed_its_namespaces_are() {
    let (facts, asked) = look(Rights::InNamespaces, None, &[vec![query()]]).await;
    assert_eq!(found(&facts[0]), [["pay/gate", "portal/api", "portal/web"]]);
    assert!(facts[0].problems.is_empty());
    assert_eq!(asked.len(), 1 + 1 + 4);
}

/// The least rights reach no namespace in which nothing is ever touched, and a selection by label, or of all
/// there are, means it as well: a plan must not be kept from what the account may change.
#[tokio::test]
async fn who_may_not_look_where_nothing_is_touched_misses_nothing() {
    let named = Query {
        namespaces: in_namespaces(&["third", "portal"]),
        names: vec!["web".to_owned(), "mail".to_owned()],
        ..query()
    };
    let (facts, asked) = look(Rights::Least, None, &[vec![query()], vec![named]]).await;
    assert_eq!(found(&facts[0]), [["pay/gate", "portal/api", "portal/web"]]);
    assert_eq!(found(&facts[1]), [["portal/web"]]);
    for facts in &facts {
        assert_eq!(facts.problems, [""; 0]);
    }
    assert!(asked.iter().any(|address| address.contains("/third/")));
}

/// A selection that may be incomplete must be told apart from a whole one.
#[tokio::test]
async fn what_cannot_be_read_is_a_problem_that_says_what_to_do() {
    let all = vec![query()];
    let known = vec![Query {
        namespaces: in_namespaces(&["portal", "absent"]),
        ..query()
    }];
    let unread = vec![Query {
        namespaces: in_namespaces(&["third"]),
        ..query()
    }];
    let misspelt = vec![Query {
        kind: "Depolyment".to_owned(),
        ..query()
    }];
    let steps = [all, known, unread, misspelt];
    let (facts, _) = look(Rights::NamedNamespaces, None, &steps).await;
    assert!(
        facts[0].problems[0].contains("cannot list namespaces"),
        "{:?}",
        facts[0].problems
    );
    assert_eq!(found(&facts[1]), [["portal/api", "portal/web"]]);
    assert!(facts[1].problems.is_empty());
    assert!(facts[2].problems[0].contains("cannot read namespace third"));
    assert!(facts[3].problems[0].contains("correct its name"));
}

/// Ten steps on the same objects must not cost ten lists.
#[tokio::test]
async fn the_same_query_of_several_steps_is_run_once() {
    let steps = [vec![query()], vec![query()], vec![query(), query()]];
    let (facts, asked) = look(Rights::All, None, &steps).await;
    assert_eq!(asked.len(), 2);
    assert_eq!(facts[0].found[0], facts[2].found[1]);
}

/// Restarting a workload where no ConfigMap was changed would be an outage for nothing.
#[tokio::test]
async fn workloads_are_restarted_only_where_the_step_has_a_target() {
    let restart = Query {
        role: Role::Restart,
        ..query()
    };
    let target = Query {
        names: vec!["gate".to_owned()],
        ..query()
    };
    let steps = [vec![restart, target]];
    let (facts, _) = look(Rights::All, None, &steps).await;
    assert_eq!(found(&facts[0]), [["pay/gate"], ["pay/gate"]]);
}

fn wanted(namespace: &str, name: &str, uid: &str) -> Wanted {
    Wanted {
        target: Target::from(Identity {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.into(),
        }),
        paths: vec![Path::fields(["spec", "replicas"])],
        with_managed_fields: name == "web",
    }
}

/// A whole look: what was told, by uid, and what came of it.
async fn again(
    account: &Clients,
    targets: &[Wanted],
) -> (BTreeMap<Uid, Option<Projection>>, Observed) {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let observed = observe_targets(account, targets, &tell).await;
    let mut seen = BTreeMap::new();
    while let Ok((target, projection)) = told.try_recv() {
        let before = seen.insert(target.uid.clone(), projection);
        assert_eq!(before, None, "told once");
    }
    (seen, observed)
}

/// An object of the same name with another uid is somebody else's: it never gets an old value. And
/// what could not be read is not gone.
#[tokio::test]
async fn a_known_object_is_seen_or_gone_or_unknown() {
    let fake = Fake::new(|asked| {
        if asked.path.contains("/third/") {
            return forbidden();
        }
        answer(Rights::All, asked)
    });
    let account = Clients::fake(&fake.client());
    let targets = [
        wanted("portal", "web", "portal-web"),
        wanted("portal", "api", "of-another-life"),
        wanted("portal", "old", "portal-old"),
        wanted("third", "mail", "third-mail"),
    ];
    let (seen, observed) = again(&account, &targets).await;
    assert!(seen["portal-web"].is_some());
    assert_eq!(seen["of-another-life"], None);
    assert_eq!(seen["portal-old"], None);
    assert!(!seen.contains_key("third-mail"));
    assert_eq!(observed.problems.len(), 1);
    assert_eq!(observed.requests, 4);
}

/// Beyond a few objects a list is one request instead of many.
#[tokio::test]
async fn many_known_objects_of_a_namespace_are_listed_at_once() {
    let fake = Fake::new(|asked| answer(Rights::All, asked));
    let account = Clients::fake(&fake.client());
    let targets = [
        wanted("portal", "web", "portal-web"),
        wanted("portal", "api", "portal-api"),
        wanted("portal", "old", "portal-old"),
        wanted("portal", "older", "portal-older"),
    ];
    let (seen, observed) = again(&account, &targets).await;
    assert_eq!(observed.requests, 1);
    let there = seen.values().filter(|seen| seen.is_some());
    assert_eq!((seen.len(), there.count()), (4, 2));
}

/// A fleet over many namespaces is a few pages of one list, and a namespace each would be most of
/// what a switch sends; but a cluster much larger than the fleet must not be read for it, what was
/// found until then is not read again, and an account without the right must see its targets all
/// the same.
#[tokio::test]
async fn many_namespaces_are_read_at_once_where_that_is_cheaper() {
    let spread = |at: usize| format!("ns-{}", at % 10);
    let targets: Vec<Wanted> = (0..40)
        .map(|at| {
            let (namespace, name) = (spread(at), format!("web-{at}"));
            wanted(&namespace, &name, &format!("{namespace}-{name}"))
        })
        .collect();
    for (rights, next, expected) in [
        (Rights::All, "", 1),
        (Rights::All, "more", 17),
        (Rights::InNamespaces, "", 11),
    ] {
        let fake = Fake::new(move |asked| {
            let (path, _) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
            let own = path.strip_prefix("/apis/apps/v1/namespaces/");
            let space = own.and_then(|rest| rest.strip_suffix("/deployments"));
            if space.is_none() && rights != Rights::All {
                return forbidden();
            }
            // Of a larger cluster, the first page holds those of three namespaces.
            let first = if next.is_empty() { "ns-9" } else { "ns-2" };
            let in_space = |at: &usize| match space {
                Some(space) => spread(*at) == space,
                None => spread(*at).as_str() <= first,
            };
            let all = (0..40).filter(in_space);
            let items: Vec<Value> = all
                .map(|at| object(&spread(at), &format!("web-{at}"), &json!({})))
                .collect();
            let next = if space.is_none() { next } else { "" };
            reply(200, json!({"metadata": {"continue": next}, "items": items}))
        });
        let account = Clients::fake(&fake.client());
        let (seen, observed) = again(&account, &targets).await;
        assert_eq!(observed.requests, expected, "{rights:?} {next}");
        assert_eq!(seen.len(), 40);
        assert!(seen.values().all(Option::is_some));
        assert!(observed.problems.is_empty());
    }
}
