//! A larger city of the same kinds: first the departments have an office in every district, then in the
//! streets of every district. The same size is the same city, always.

use super::table::{City, Department, Title, Workload};

/// The city with exactly so many workloads.
///
/// Guarantees: it begins with the city as the table has it; namespaces are not more than departments times
/// districts, and one of each for the city itself, whatever the size.
///
/// # Panics
/// The table has more, or no districts.
pub fn grown(workloads: usize) -> City {
    let small = super::yunxi();
    let mut city = small.clone();
    let mut missing = workloads
        .checked_sub(city.size())
        .expect("a grown city is larger than the table's");
    assert!(!small.districts.is_empty(), "a city has districts");
    for round in 0.. {
        for district in &small.districts {
            for department in &small.departments {
                if missing == 0 {
                    return city;
                }
                let mut office = office(department, district, round);
                office.workloads.truncate(missing);
                missing -= office.workloads.len();
                open(&mut city, office);
            }
        }
    }
    city
}

/// What a department has in a district: its office in round 0, then one in each street.
fn office(department: &Department, district: &str, round: usize) -> Department {
    let workloads = department.workloads.iter();
    let small = workloads
        .map(|workload| in_office(workload, round))
        .collect();
    let named = |title: &str| format!("{title} ({district})");
    Department {
        namespace: format!("{}-{district}", department.namespace),
        title: Title {
            en: named(&department.title.en),
            zh_cn: named(&department.title.zh_cn),
        },
        district: Some(district.to_owned()),
        workloads: small,
        ..department.clone()
    }
}

/// An office needs half of what the city does.
fn in_office(workload: &Workload, round: usize) -> Workload {
    let half = |count: i64| (count + 1) / 2;
    let bounds = |(least, most): (i64, i64)| (half(least), half(most));
    let name = match round {
        0 => workload.name.clone(),
        street => format!("{}-s{street:02}", workload.name),
    };
    Workload {
        name,
        replicas: half(workload.replicas),
        hpa: workload.hpa.map(bounds),
        keda: workload.keda.map(bounds),
        pdb: workload.pdb.map(half),
        ..workload.clone()
    }
}

/// Adds an office, to the namespace of the district's where that is there already.
fn open(city: &mut City, office: Department) {
    let mut all = city.departments.iter_mut();
    match all.find(|department| department.namespace == office.namespace) {
        Some(there) => there.workloads.extend(office.workloads),
        None => city.departments.push(office),
    }
}
