//! What holds of the city at every size.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fleet::grown::grown;
use crate::fleet::rooms::{self, Room};
use crate::fleet::table::{Access, Kind, Owner, Tier};
use crate::fleet::{self, City, How};

/// The sizes that the city is grown to, beside its own.
const SIZES: [usize; 2] = [1000, 5000];
/// What a tier's share of all replicas may differ from the small city's, in percent points: offices have
/// half of an odd number, rounded up, and the last street is not complete.
const SHARE: f64 = 3.0;

fn cities() -> Vec<City> {
    let grown = SIZES.into_iter().map(grown);
    std::iter::once(fleet::yunxi()).chain(grown).collect()
}

fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Whether it is a name as the server wants those of namespaces, Services and labels' values.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && !text.ends_with('-')
}

fn is_label_value(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(fits)
        && ends(text.chars().next())
        && ends(text.chars().next_back())
}

/// What the issue of the city asks for, and what readers of its pages count on.
#[test]
fn the_city_has_what_its_playbooks_and_its_readers_count_on() {
    let city = fleet::yunxi();
    assert_eq!((city.departments.len(), city.size()), (18, 95));
    let services: BTreeSet<&str> = city
        .departments
        .iter()
        .map(|one| one.service.as_str())
        .collect();
    assert_eq!(services.len(), 18);
    let owners: BTreeSet<Owner> = city
        .workloads()
        .map(|(_, workload)| workload.owner)
        .collect();
    assert_eq!(owners, Owner::ALL.into_iter().collect());
    let deeds = city.deeds();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    // What capacity and Argo CD apply beside Helm is no object more.
    let places: BTreeSet<_> = deeds.iter().map(|deed| place(&deed.object)).collect();
    for (kind, _, _) in &places {
        *kinds.entry(kind).or_default() += 1;
    }
    let expected = [
        ("Application", 12),
        ("ClusterRole", 2),
        ("ClusterRoleBinding", 2),
        ("ConfigMap", 4),
        ("CronJob", 19),
        ("DaemonSet", 1),
        ("Deployment", 77),
        ("HTTPRoute", 3),
        ("HelmRelease", 3),
        ("HorizontalPodAutoscaler", 11),
        ("Kustomization", 9),
        ("LimitRange", 18),
        ("Namespace", 20),
        ("PodDisruptionBudget", 33),
        ("ResourceQuota", 18),
        ("RoleBinding", 8),
        ("ScaledObject", 4),
        ("Service", 95),
        ("StatefulSet", 18),
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
    assert!(city.workloads().any(|(_, one)| one.replicas == 0));
    // The server gives it back as `1`.
    assert!(city.workloads().any(|(_, one)| one.cpu == "1000m"));
    let flags = deeds
        .iter()
        .find(|deed| text(&deed.object, "/metadata/name") == "portal-flags");
    let data = &flags.expect("the portal has flags").object["data"];
    assert_eq!(
        (&data["homepage.carousel"], &data["search.suggest"]),
        (&"on".into(), &"on".into())
    );
}

fn place(object: &Value) -> (&str, &str, &str) {
    (
        text(object, "/kind"),
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

/// A figure of a thousand workloads is one only if there are a thousand.
#[test]
fn a_grown_city_has_exactly_as_many_workloads_and_begins_with_the_small_one() {
    let small = fleet::yunxi();
    let namespaces = small.departments.len() * (small.districts.len() + 1);
    for size in SIZES
        .into_iter()
        .chain([small.size(), small.size() + 1, small.size() + 7])
    {
        let city = grown(size);
        assert_eq!(city.size(), size);
        assert_eq!(
            city.departments[..small.departments.len()],
            small.departments
        );
        assert!(
            city.departments.len() <= namespaces,
            "{}",
            city.departments.len()
        );
        assert!(city.departments.iter().all(|one| !one.workloads.is_empty()));
    }
}

/// Two runs are compared only if they play on the same city.
#[test]
fn the_same_size_is_the_same_city() {
    for size in SIZES {
        assert_eq!(grown(size).deeds(), grown(size).deeds());
    }
}

/// One name for two objects would make the city smaller than it says; a bad one would be refused.
#[test]
fn names_and_labels_are_valid_and_every_object_is_one() {
    for city in cities() {
        let mut seen: BTreeMap<(String, String, String), BTreeSet<&str>> = BTreeMap::new();
        for deed in city.deeds() {
            let (kind, namespace, name) = place(&deed.object);
            assert!(is_name(name), "{kind} {name}");
            let is_wide = ["Namespace", "ClusterRole", "ClusterRoleBinding"].contains(&kind);
            assert!(namespace.is_empty() == is_wide, "{kind} {name}");
            let labels = deed.object["metadata"]["labels"].as_object();
            for (key, value) in labels.into_iter().flatten() {
                let value = value.as_str().expect("a label is a text");
                assert!(is_label_value(value), "{kind} {name}: {key}={value}");
            }
            let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
            let writers = seen.entry(key).or_default();
            assert!(
                writers.insert(deed.manager),
                "{kind} {namespace}/{name} is written twice by {}",
                deed.manager
            );
            // What is created must not be there.
            let alone = deed.how == How::Apply || writers.len() == 1;
            assert!(alone, "{kind} {namespace}/{name} is created a second time");
        }
    }
}

/// Playbooks choose by the labels of namespaces: one without is a department that nobody helps.
#[test]
fn every_namespace_and_everything_in_it_has_its_labels() {
    const WANTED: [&str; 6] = ["fleet", "city", "district", "department", "service", "tier"];
    for city in cities() {
        for department in &city.departments {
            let namespace = fleet::objects::namespace(&city, department);
            let labels = &namespace["metadata"]["labels"];
            for workload in &department.workloads {
                let object = fleet::objects::workload(&city, department, workload);
                for key in WANTED {
                    let own = &object["metadata"]["labels"][key];
                    assert!(
                        own.is_string() && *own == labels[key],
                        "{key} of {}",
                        workload.name
                    );
                }
            }
        }
    }
}

/// A figure of the large city says something about the small one only if it is made alike.
#[test]
fn tiers_have_the_same_share_of_all_replicas_at_every_size() {
    let shares = |city: &City| {
        let all: i64 = city.workloads().map(|(_, one)| one.replicas).sum();
        [Tier::Critical, Tier::Standard, Tier::BackOffice].map(|tier| {
            let own = city
                .workloads()
                .filter(|(department, _)| department.tier == tier);
            let own: i64 = own.map(|(_, one)| one.replicas).sum();
            100.0 * own as f64 / all as f64
        })
    };
    let small = shares(&fleet::yunxi());
    assert!(small.iter().all(|share| *share > 15.0), "{small:?}");
    for size in SIZES {
        let large = shares(&grown(size));
        for (one, other) in small.iter().zip(large) {
            assert!(
                (one - other).abs() < SHARE,
                "{size}: {small:?} and {large:?}"
            );
        }
    }
}

/// A quota that does not hold the city in peacetime would refuse what was there before anybody declared
/// anything; one that does not hold a surge of 300 % would refuse half of it.
#[test]
fn quotas_hold_the_whole_in_peacetime_and_the_critical_ones_a_surge() {
    let holds = |quota: Room, asked: Room| {
        quota.cpu >= asked.cpu && quota.memory >= asked.memory && quota.pods >= asked.pods
    };
    for city in cities() {
        for department in &city.departments {
            let quota = rooms::held(&city, department);
            let peace = rooms::of_all(department, rooms::most);
            assert!(holds(quota, peace), "{}", department.namespace);
            if department.tier == Tier::Critical {
                let surge = rooms::of_all(department, |one| match one.kind {
                    Kind::Deployment => 3 * one.replicas,
                    Kind::StatefulSet => one.replicas,
                });
                assert!(holds(quota, surge), "{}", department.namespace);
            }
        }
    }
}

/// No budget keeps more copies than there are, or nothing could ever be moved; no autoscaler begins above
/// its end.
#[test]
fn budgets_and_autoscalers_fit_what_they_are_of() {
    for city in cities() {
        for (department, one) in city.workloads() {
            let named = format!("{}/{}", department.namespace, one.name);
            assert!(one.pdb.is_none_or(|least| least <= one.replicas), "{named}");
            for (least, most) in one.hpa.into_iter().chain(one.keda) {
                let within = least >= 1 && (least..=most).contains(&one.replicas);
                assert!(within, "{named}: {least} to {most} of {}", one.replicas);
            }
            assert!(
                one.hpa.is_none() || one.keda.is_none(),
                "{named} has two owners"
            );
        }
    }
}

/// A binding without its role gives nothing, a route without its Service leads nowhere, and what is a supplier's
/// is not the city's own: the playbooks that close and open would show nothing.
#[test]
fn what_is_closed_and_opened_is_of_something() {
    const EVERYWHERE: [&str; 2] = ["view", "edit"];
    let city = fleet::yunxi();
    let own = city.departments.iter().flat_map(|one| &one.access);
    let access: Vec<&Access> = own.chain(&city.access).collect();
    for one in &access {
        let mut roles = city.roles.iter();
        let is_known = EVERYWHERE.contains(&&*one.role) || roles.any(|role| role.name == one.role);
        assert!(is_known, "{}", one.name);
        assert!(!one.groups.is_empty(), "{}", one.name);
    }
    let (third, staff): (Vec<&Access>, Vec<&Access>) =
        access.into_iter().partition(|one| one.party.is_some());
    let groups = |of: &[&Access]| -> BTreeSet<String> {
        let all = of.iter().flat_map(|one| one.groups.clone());
        all.collect()
    };
    assert!(groups(&third).is_disjoint(&groups(&staff)));
    assert!(third.len() > 3 && staff.len() > 3);
    // Only its playbook gives it.
    let reader = |one: &&Access| one.role == "medical-records-reader";
    assert!(!third.iter().chain(&staff).any(reader));
    for (department, route) in city
        .departments
        .iter()
        .flat_map(|one| one.routes.iter().map(move |route| (one, route)))
    {
        for workload in route.paths.values() {
            assert!(
                city.find(&department.namespace, workload).is_some(),
                "{}: {workload}",
                route.name
            );
        }
    }
    assert!(city.find("counters", "emergency-page").is_some());
    assert!(city.workloads().any(|(_, one)| one.party.is_some()));
}
