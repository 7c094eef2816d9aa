//! What is asked for of a field whose value is a whole list, and hours may lie between the plan and the
//! write: whom somebody has taken out of it since must not come back by a list that is as old as the plan.

use std::sync::Arc;

use super::access::People;
use super::route;
use crate::api::RouteTo;
use crate::field::{Image, Path, Target};
use crate::playbook::ResolvedAct;
use crate::playbook::kinds::group_of;
use crate::playbook::routed::{self, Shape};

/// How what a change asks for follows from what the field holds in peacetime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// It does not: it is the same, whatever the field holds.
    #[default]
    Fixed,
    /// It is the list without these people.
    Without(Arc<People>),
    /// It is the rules, each with this one service behind it.
    Routed(Arc<RouteTo>, Shape),
}

impl Rule {
    /// The rule of a change that an act asks for. `without` are those whom it takes out of the object, if
    /// it takes out some.
    pub fn of(
        act: &ResolvedAct,
        target: &Target,
        path: &Path,
        without: Option<Arc<People>>,
    ) -> Self {
        match act {
            ResolvedAct::Access(_) => without.map_or(Self::Fixed, Self::Without),
            ResolvedAct::Route(to) => {
                let group = group_of(&target.api_version);
                let row = routed::find(&format!("{group}/{}", target.kind));
                let row = row.filter(|_| *path == route::rules());
                row.map_or(Self::Fixed, |row| {
                    Self::Routed(Arc::new(to.clone()), row.shape)
                })
            }
            ResolvedAct::Scale(_)
            | ResolvedAct::Config { .. }
            | ResolvedAct::Patch(_)
            | ResolvedAct::Apply(_)
            | ResolvedAct::Freeze(_)
            | ResolvedAct::Suspend(_)
            | ResolvedAct::Isolate(_)
            | ResolvedAct::Wait(_)
            | ResolvedAct::Gate(_)
            | ResolvedAct::Notify(_)
            | ResolvedAct::Run(_)
            | ResolvedAct::Call(_) => Self::Fixed,
        }
    }

    /// What is asked for of a field that holds `base`; nothing where it is the same for every base.
    ///
    /// Guarantees: of what the rule made already it makes the same; where there is nothing to do it is the
    /// base.
    pub fn on(&self, base: &Image) -> Option<Image> {
        match self {
            Self::Fixed => None,
            Self::Without(people) => Some(people.without(base)),
            Self::Routed(to, shape) => Some(route::leading(*shape, to, base)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::Identity;

    fn to() -> RouteTo {
        RouteTo {
            name: "page".to_owned(),
            port: 80,
            namespace: None,
        }
    }

    fn of(kind: &str, path: &Path) -> Rule {
        let target = Target::from(Identity {
            api_version: "networking.k8s.io/v1".to_owned(),
            kind: kind.to_owned(),
            ..Identity::default()
        });
        Rule::of(&ResolvedAct::Route(to()), &target, path, None)
    }

    /// Of a stored plan the rule follows from its playbook: a field more or less would be written as it
    /// was hours ago.
    #[test]
    fn the_rules_of_what_is_routed_are_made_anew_and_nothing_else_is() {
        let rules = Path::fields(["spec", "rules"]);
        let routed = Rule::Routed(Arc::new(to()), Shape::Backends);
        assert_eq!(of("Ingress", &rules), routed);
        let [_, name, _] = routed::default_backend();
        assert_eq!(of("Ingress", &name), Rule::Fixed);
        assert_eq!(of("Deployment", &rules), Rule::Fixed);
        assert_eq!(Rule::Fixed.on(&Image::Present(json!([]))), None);
    }

    /// What a rule has made it makes again, so that a change that is written is known to be done.
    #[test]
    fn a_rule_changes_nothing_where_it_was_carried_out() {
        let path = |name: &str| {
            json!({ "path": "/", "pathType": "Prefix", "backend": { "service": {
            "name": name, "port": { "number": 8080 } } } })
        };
        let bases = [
            Image::Absent,
            Image::Present(json!([])),
            Image::Present(json!([{ "host": "a" }])),
            Image::Present(json!([{ "host": "a", "http": { "paths": [path("x"), path("y")] } }])),
        ];
        for shape in [Shape::Backends, Shape::References] {
            let rule = Rule::Routed(Arc::new(to()), shape);
            for base in &bases {
                let once = rule.on(base).expect("a list");
                assert_eq!(rule.on(&once).as_ref(), Some(&once), "{}", base.display());
            }
        }
        let rule = Rule::Routed(Arc::new(to()), Shape::Backends);
        let [absent, none, empty, paths] = bases;
        for base in [absent, none, empty] {
            assert_eq!(rule.on(&base).as_ref(), Some(&base));
        }
        let there = json!({ "service": { "name": "page", "port": { "number": 80 } } });
        let made = rule.on(&paths).expect("a list");
        let made = made.value().expect("rules");
        assert_eq!(made[0]["http"]["paths"][1]["backend"], there);
    }
}
