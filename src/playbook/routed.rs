//! The kinds that `route` is for, and where each says to which service its traffic goes.

use crate::field::Path;

use super::kinds;

/// How a kind names the services behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Rules, each with its `backendRefs`.
    References,
    /// Rules with paths, each with its `backend`, and one backend for all else.
    Backends,
}

/// A kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed {
    /// As playbooks write it, with its group.
    pub kind: &'static str,
    /// How it names services.
    pub shape: Shape,
}

/// All of them.
pub const KINDS: [Routed; 2] = [
    Routed {
        kind: "gateway.networking.k8s.io/HTTPRoute",
        shape: Shape::References,
    },
    Routed {
        kind: "networking.k8s.io/Ingress",
        shape: Shape::Backends,
    },
];

impl Routed {
    /// The fields that say where traffic goes.
    pub fn paths(&self) -> Vec<Path> {
        let rules = Path::fields(["spec", "rules"]);
        match self.shape {
            Shape::References => vec![rules],
            Shape::Backends => {
                let [resource, name, port] = default_backend();
                vec![resource, name, port, rules]
            }
        }
    }
}

/// The parts of an Ingress's backend for all else: what it may be beside a service, the service's
/// name, and its port, which is one value.
pub fn default_backend() -> [Path; 3] {
    let at = ["spec", "defaultBackend"];
    let below = |names: &[&'static str]| Path::fields(at.iter().chain(names).copied());
    [
        below(&["resource"]),
        below(&["service", "name"]),
        below(&["service", "port"]),
    ]
}

/// The row of a kind, however it is written.
pub fn find(written: &str) -> Option<&'static Routed> {
    let qualified = kinds::find(written).map(kinds::Kind::qualified);
    let qualified = qualified.as_deref().unwrap_or(written);
    KINDS.iter().find(|row| row.kind == qualified)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that lint accepts and the step does not know would be left alone in silence.
    #[test]
    fn each_is_found_as_playbooks_write_it_and_nothing_else_is() {
        for row in KINDS {
            assert_eq!(find(row.kind), Some(&row));
            assert!(row.paths().contains(&Path::fields(["spec", "rules"])));
        }
        assert_eq!(find("Ingress").map(|row| row.shape), Some(Shape::Backends));
        assert_eq!(find("Deployment"), None);
        assert_eq!(find("example.com/HTTPRoute"), None);
    }
}
