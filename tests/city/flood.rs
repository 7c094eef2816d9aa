//! What the playbook for floods does with the city: it reads clean, and changes what is meant and nothing
//! else.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use pingzhan::api::{Level, Nature, PlaybookSpec, Scalar, Term, names};
use pingzhan::cluster::{Clients, Discovery};
use pingzhan::engine::plan::{self, Plan, Request};
use pingzhan::engine::protect::Own;
use pingzhan::playbook::expand;
use pingzhan::playbook::parse::{Body, check, render};
use pingzhan::run::observe::{self, View};
use pingzhan::step::freeze;

use serde_json::Value;

use super::loaded::{found, sand};
use crate::fleet::table::{Department, Kind, Tier};
use crate::fleet::{self, City};

const TEXT: &str = include_str!("../../playbooks/flood-response/playbook.yaml");
/// Its page in each language.
const PAGES: [&str; 2] = [
    include_str!("../../playbooks/flood-response/README.md"),
    include_str!("../../playbooks/flood-response/README.zh-CN.md"),
];
/// The kinds that apply manifests by themselves.
const GITOPS: [&str; 3] = ["Application", "HelmRelease", "Kustomization"];
/// The chapter of the codes that say what a version does not follow up.
const LATER: &str = "PZ07";

/// The playbook.
pub fn spec() -> PlaybookSpec {
    let parsed = check(TEXT, |_| None);
    match &parsed.documents[0].body {
        Body::Playbook(spec) => (**spec).clone(),
        Body::Mode(_) => panic!("not a playbook"),
    }
}

/// What is published must be beyond reproach: nothing is said of it but what this version does not
/// follow up.
#[test]
fn the_playbook_for_floods_lints_clean() {
    let parsed = check(TEXT, |_| None);
    let said = parsed.diagnostics.iter();
    let said = said.filter(|one| !one.finding.code.starts_with(LATER));
    let said: Vec<String> = said.map(|one| render(one, TEXT, "playbook.yaml")).collect();
    assert_eq!(said, Vec::<String>::new());
    assert!(!parsed.refused());
    for level in Level::ALL {
        expand::expand(&spec(), level, &BTreeMap::new()).expect("it expands at every level");
    }
}

/// The plan of a playbook on what a server has.
async fn planned(client: &Client, spec: &PlaybookSpec, level: Level) -> Plan {
    let given = BTreeMap::from([("surge".to_owned(), Scalar::Int(300))]);
    let expanded = expand::expand(spec, level, &given).expect("it expands");
    let account = Clients {
        who: "flood".to_owned(),
        reads: client.clone(),
        writes: client.clone(),
        watches: client.clone(),
    };
    let discovery = Discovery::new(client.clone());
    let view = View {
        account: &account,
        discovery: &discovery,
        explains: false,
        scope: None,
        own: Own {
            operator: names::DEFAULT_NAMESPACE,
            accounts: names::ACCOUNT_NAMESPACE,
        },
    };
    let facts = observe::observe(view, &expanded).await;
    let term = Term("24h".to_owned());
    let request = Request {
        playbook: "flood-response",
        playbook_uid: "flood",
        spec,
        level,
        nature: Nature::Actual,
        tabletop: false,
        scope: None,
        expires_after: &term,
        round: 0,
    };
    plan::compute(&request, &expanded, &facts)
}

/// How many changes of which steps.
fn counts(plan: &Plan) -> Vec<(&str, &str, usize)> {
    let stages = plan.stages.iter();
    let steps = stages.flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
    steps
        .map(|(stage, step)| (stage.name.as_str(), step.name.as_str(), step.changes.len()))
        .collect()
}

/// `Kind namespace/name` of everything that is changed, by step.
fn touched(plan: &Plan) -> BTreeMap<&str, BTreeSet<String>> {
    let mut touched: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, step, change) in plan.changes() {
        let named = plan::describe(&change.target);
        touched.entry(&step.name).or_default().insert(named);
    }
    touched
}

/// What a step of the counts is to touch, as the table says: the workloads of a tier, or what owns their
/// counts, but for those that are left alone.
fn meant(city: &City, tier: Tier, kinds: &[Kind], left: &[&str]) -> BTreeSet<String> {
    let all = city.workloads().filter(|(department, one)| {
        let alone = department.exclude || one.exclude || one.volumes_go;
        department.tier == tier
            && !alone
            && kinds.contains(&one.kind)
            && !left.contains(&one.name.as_str())
    });
    all.map(|(department, one)| {
        let kind = match (one.hpa, one.keda) {
            (Some(_), _) => "HorizontalPodAutoscaler",
            (None, Some(_)) => "ScaledObject",
            (None, None) => one.kind.name(),
        };
        format!("{kind} {}/{}", department.namespace, one.name)
    })
    .collect()
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|one| (*one).to_owned()).collect()
}

/// The plan of level II.
async fn counted(city: &City) -> Plan {
    let sand = sand();
    found(&sand, city).await;
    planned(&sand, &spec(), Level::II).await
}

/// Figures that people check the playbook's page against.
#[tokio::test]
async fn the_playbook_for_floods_makes_so_many_changes_a_step() {
    let plan = counted(&fleet::yunxi()).await;
    assert_eq!(plan.problems(), Vec::new());
    assert_eq!(plan.faults(), Vec::new());
    let expected = [
        ("protect", "no-changes", 8),
        ("protect", "hold-gitops", 24),
        ("shed", "pause-batch", 8),
        ("shed", "shrink-back-office", 26),
        ("shed", "calm-portal", 3),
        ("spare", "halve-standard", 0),
        ("surge", "open-callback", 1),
        ("surge", "scale-critical", 34),
        ("surge", "wait-critical", 0),
        ("access", "vendors-out", 16),
        ("access", "vendors-locked", 5),
        ("access", "share-chronic-patients", 1),
        ("counters", "confirm", 0),
        ("counters", "to-online", 2),
        ("counters", "say-closed", 2),
        ("counters", "tell-districts", 0),
    ];
    assert_eq!(counts(&plan), expected);
    let (_, _, freeze) = expected[0];
    let stages = ["protect", "shed", "surge", "access", "counters"];
    let [protect, shed, surge, access, counters] = stages.map(|stage| {
        let own = expected.iter().filter(|(of, _, _)| *of == stage);
        own.map(|(_, _, changes)| changes).sum::<usize>()
    });
    let (hold, objects) = (protect - freeze, plan.target_count());
    let english = format!(
        "{freeze} changes to freeze, {hold} to hold GitOps, {shed} to shed, {surge} to surge, {access} \
         to close and to share, and {counters} at the counters, of {objects} objects"
    );
    let chinese = format!(
        "封网 {freeze} 处，暂停同步 {hold} 处，压减 {shed} 处，扩容 {surge} 处，断开与共享 {access} \
         处，窗口 {counters} 处，涉及 {objects} 个对象"
    );
    for (page, says) in PAGES.into_iter().zip([english, chinese]) {
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&says), "{says}");
    }
}

/// At the gravest level what can wait until next week gives room, too: not who is missing, nor what says so.
#[tokio::test]
async fn at_the_gravest_level_more_gives_room() {
    let city = fleet::yunxi();
    let sand = sand();
    found(&sand, &city).await;
    let gravest = planned(&sand, &spec(), Level::I).await;
    let mut touched = touched(&gravest);
    let halved = touched.remove("halve-standard").unwrap_or_default();
    let left = ["missing-persons", "emergency-page"];
    let meant = meant(&city, Tier::Standard, &[Kind::Deployment], &left);
    assert_eq!(halved, meant);
    let plan = counted(&city).await;
    assert_eq!(touched, self::touched(&plan), "all else is as at level II");
}

/// What is never touched, and what nobody meant, must not be changed by a selection that is too wide: what
/// is meant is worked out from the table, not from the playbook.
#[tokio::test]
async fn the_playbook_for_floods_touches_what_is_meant_and_nothing_else() {
    let city = fleet::yunxi();
    let plan = counted(&city).await;
    let touched = touched(&plan);
    // One copy is the least; none is none.
    let single = ["fund-interest", "place-names"];
    let both = [Kind::Deployment, Kind::StatefulSet];
    let shed = meant(&city, Tier::BackOffice, &both, &single);
    assert_eq!(touched["shrink-back-office"], shed);
    // Not what is never touched, what has no server, and three times none.
    let left = ["apisix", "exchange-probe", "hotline-callback"];
    let wide = meant(&city, Tier::Critical, &[Kind::Deployment], &left);
    assert_eq!(touched["scale-critical"], wide);
    let pairs = [
        ("open-callback", vec!["Deployment hotline/hotline-callback"]),
        (
            "calm-portal",
            vec![
                "ConfigMap portal/portal-flags",
                "Deployment portal/portal-web",
            ],
        ),
        (
            "say-closed",
            vec![
                "ConfigMap counters/counter-hours",
                "Deployment counters/counter-display",
            ],
        ),
    ];
    for (step, objects) in pairs {
        assert_eq!(touched[step], names(&objects), "{step}");
    }
    let bureaus = city.departments.iter();
    let bureaus = bureaus.filter(|one| one.tier == Tier::BackOffice && !one.exclude);
    let jobs = bureaus.flat_map(|department| {
        let run = department.jobs.iter().filter(|job| !job.suspended);
        run.map(|job| format!("CronJob {}/{}", department.namespace, job.name))
    });
    assert_eq!(touched["pause-batch"], jobs.collect());
    let gitops = city.deeds().into_iter().filter_map(|deed| {
        let text = |at: &str| deed.object.pointer(at).and_then(Value::as_str);
        let kind = text("/kind").filter(|kind| GITOPS.contains(kind))?;
        let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
        Some(format!("{kind} {namespace}/{name}"))
    });
    assert_eq!(touched["hold-gitops"], gitops.collect());
}

/// Departments on which people depend in an emergency.
fn critical(city: &City) -> impl Iterator<Item = &Department> {
    let all = city.departments.iter();
    all.filter(|one| one.tier == Tier::Critical && !one.exclude)
}

/// What is made, without the digests in which names end, and how much of it.
fn made(objects: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for object in objects {
        let (name, _) = object.rsplit_once('-').expect("a name with a digest");
        *made.entry(name.to_owned()).or_default() += 1;
    }
    made
}

/// Whoever is shut out, let in or sent elsewhere is so by name: a supplier too many is a service that stands
/// still, one too few an open door.
#[tokio::test]
async fn the_playbook_for_floods_closes_and_shares_what_is_meant_and_nothing_else() {
    let city = fleet::yunxi();
    let plan = counted(&city).await;
    let touched = touched(&plan);
    let frozen = plan
        .changes()
        .filter(|(_, step, _)| step.name == "no-changes");
    let frozen = frozen.map(|(_, _, change)| {
        let namespace = change.after.value().and_then(freeze::namespace);
        namespace.expect("a freeze")
    });
    let frozen: Vec<&str> = frozen.collect();
    let mut spaces: Vec<&str> = critical(&city).map(|one| &*one.namespace).collect();
    spaces.sort_unstable();
    assert_eq!(frozen, spaces);
    let cuts = critical(&city).map(|one| {
        let name = format!("NetworkPolicy {}/wartime-vendors-out", one.namespace);
        (name, 2)
    });
    assert_eq!(made(&touched["vendors-out"]), cuts.collect());
    let grant = "RoleBinding medical-insurance/wartime-share-chronic-patients";
    let grant = BTreeMap::from([(grant.to_owned(), 1)]);
    assert_eq!(made(&touched["share-chronic-patients"]), grant);
    let bureaus = city.departments.iter().filter(|one| !one.exclude);
    let suppliers = bureaus.flat_map(|department| {
        let own = department.access.iter().filter(|one| one.party.is_some());
        own.map(|one| format!("RoleBinding {}/{}", department.namespace, one.name))
    });
    let everywhere = city.access.iter().filter(|one| one.party.is_some());
    let everywhere = everywhere.map(|one| format!("ClusterRoleBinding {}", one.name));
    let locked: BTreeSet<String> = suppliers.chain(everywhere).collect();
    assert_eq!(touched["vendors-locked"], locked);
    let counters = city.department("counters").expect("there are counters");
    let routes = counters.routes.iter();
    let routes = routes.map(|route| format!("HTTPRoute counters/{}", route.name));
    assert_eq!(touched["to-online"], routes.collect());
}

/// At level IV nothing is shed: the blue level asks for attention, not for cuts.
#[tokio::test]
async fn at_the_least_level_nothing_is_shed() {
    let sand = sand();
    found(&sand, &fleet::yunxi()).await;
    let plan = planned(&sand, &spec(), Level::IV).await;
    let shed = plan
        .stages
        .iter()
        .find(|stage| stage.name == "shed")
        .expect("the stage");
    assert!(shed.left_out.is_some());
    assert!(touched(&plan).keys().all(|step| {
        [
            "no-changes",
            "hold-gitops",
            "open-callback",
            "scale-critical",
            "to-online",
            "say-closed",
        ]
        .contains(step)
    }));
}

/// What is rehearsed on the sand table must be what would be done.
pub async fn plans_the_same(sand: &Client, real: &Client) {
    for level in Level::ALL {
        let spec = spec();
        let (one, other) = (
            planned(sand, &spec, level).await,
            planned(real, &spec, level).await,
        );
        assert_eq!(
            (counts(&one), touched(&one)),
            (counts(&other), touched(&other))
        );
        let skipped = |plan: &Plan| {
            let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
            let all = steps.flat_map(|step| {
                step.skipped
                    .iter()
                    .map(|skip| (skip.target.clone(), skip.why.clone()))
            });
            all.collect::<BTreeSet<_>>()
        };
        assert_eq!(skipped(&one), skipped(&other));
    }
}
