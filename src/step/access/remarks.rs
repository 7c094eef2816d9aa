//! What is worth knowing of rights that are given and taken: what for, what stays by other bindings, and
//! what no binding says.

use std::collections::{BTreeMap, BTreeSet};

use super::people::{self, Person};
use super::{Does, parts, people_of, taken, takings};
use crate::api::AccessGrant;
use crate::field::Projection;
use crate::playbook::Rights;
use crate::step::remark::{Beside, Remark, count, few};

/// The role that may do everything.
const ADMIN: &str = "cluster-admin";

/// What is worth knowing of the step.
pub fn remarks(rights: &Rights, beside: Beside<'_>) -> Vec<Remark> {
    let parts = parts(rights);
    let mut remarks = Vec::new();
    for (part, found) in parts.iter().zip(beside.found) {
        if let Does::Grant(grant) = part.does
            && !found.is_empty()
        {
            remarks.extend(granted(grant, found.len()));
        }
    }
    let takings = takings(&parts, beside.found);
    let changed: BTreeMap<_, BTreeSet<Person>> = takings
        .values()
        .filter_map(|taking| {
            let change = taken(taking).ok()??;
            let stay: Vec<Person> = match change.after.value().and_then(|list| list.as_array()) {
                Some(list) => list.iter().map(Person::of_subject).collect(),
                None => Vec::new(),
            };
            let all = people_of(taking.seen);
            let gone = all.iter().map(Person::of_subject);
            let gone = gone.filter(|one| !stay.contains(one)).collect();
            Some((&taking.seen.target.uid, gone))
        })
        .collect();
    let gone: BTreeSet<&Person> = changed.values().flatten().collect();
    if gone.is_empty() {
        return remarks;
    }
    remarks.extend(elsewhere(&parts, beside, &gone, |seen| {
        changed.contains_key(&seen.target.uid)
    }));
    if let Some(group) = gone.iter().find(|one| one.is_group()) {
        remarks.push(Remark::note(format!(
            "who is in {} is not known here: what its members may do by their own names, or by other \
             groups, stays",
            group.said()
        )));
    }
    remarks
}

fn granted(grant: &AccessGrant, places: usize) -> Vec<Remark> {
    let who = people::said(&grant.subjects);
    let role = format!("{} {}", grant.role.kind, grant.role.name);
    let place = if grant.cluster_wide {
        "the whole cluster".to_owned()
    } else {
        count(places, "namespace")
    };
    let what = format!(
        "{who} may do what {role} allows in {place}, for: {} ({})",
        grant.purpose, grant.legal_basis
    );
    let mut remarks = vec![if grant.cluster_wide {
        Remark::risk(what)
    } else {
        Remark::note(what)
    }];
    if grant.role.name == ADMIN {
        remarks.push(Remark::harm(format!(
            "{role} allows everything there: give a role that allows what is needed for the purpose"
        )));
    }
    let everybody = grant
        .subjects
        .iter()
        .map(Person::of)
        .find(Person::is_everybody);
    remarks.extend(everybody.map(|one| {
        Remark::harm(format!(
            "{} is everybody: name the people who are meant",
            one.said()
        ))
    }));
    remarks
}

/// Bindings that go on giving the same people rights.
fn elsewhere(
    parts: &[super::Part<'_>],
    beside: Beside<'_>,
    gone: &BTreeSet<&Person>,
    is_changed: impl Fn(&Projection) -> bool,
) -> Option<Remark> {
    let mut names = BTreeSet::new();
    let mut people = BTreeSet::new();
    for (place, part) in parts.iter().enumerate() {
        let Does::Aside = part.does else { continue };
        for seen in beside.of(place).into_iter().flatten() {
            let own: BTreeSet<Person> = people_of(seen).iter().map(Person::of_subject).collect();
            let same: Vec<&Person> = own.iter().filter(|one| gone.contains(one)).collect();
            if same.is_empty() || is_changed(seen) {
                continue;
            }
            people.extend(same.into_iter().map(Person::said));
            let target = &seen.target;
            names.insert(if target.namespace.is_empty() {
                format!("{} {}", target.kind, target.name)
            } else {
                format!("{} {}/{}", target.kind, target.namespace, target.name)
            });
        }
    }
    let (names, people): (Vec<_>, Vec<_>) =
        (names.into_iter().collect(), people.into_iter().collect());
    (!names.is_empty()).then(|| {
        Remark::risk(format!(
            "{} keep what {} give: select these too, if that is not meant",
            few(&people),
            few(&names)
        ))
    })
}
