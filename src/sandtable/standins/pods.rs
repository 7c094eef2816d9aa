//! The pods of a workload, as far as its status tells of them: of which template each is, whether it
//! has a node, and when it is ready. They have no insides, and nobody else sees them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::rooms::{Needs, Rooms};

/// A pod template, as far as pods are told apart by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The end of the names of what is made of it. Not the real one's, which is a hash of Go's
    /// memory; as long, of the same letters, and different where the template is.
    pub hash: String,
    /// What its pods ask of a node.
    pub needs: Needs,
}

/// Letters of hashes: no vowels, so that they make no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Letters of a hash: most of the real one's have ten.
const LENGTH: usize = 10;

impl Template {
    /// Reads `spec.template`.
    pub fn of(template: &Value) -> Arc<Self> {
        let digest = Sha256::digest(template.to_string());
        let letters = digest.iter().take(LENGTH);
        Arc::new(Self {
            hash: letters
                .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
                .collect(),
            needs: Needs::of(template),
        })
    }
}

/// How long a pod takes from its node to being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// So long.
    After(Duration),
    /// It never is.
    Never,
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// What it is made of.
    pub template: Arc<Template>,
    /// Where it is.
    pub place: Place,
}

/// Where a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// No node has room for it.
    Waiting,
    /// On a node, and ready from a moment on, or never.
    On {
        /// The node's name.
        node: String,
        /// When it is ready; nothing: never.
        ready: Option<Timestamp>,
    },
}

impl Pod {
    /// Its node, where it has one.
    pub fn node(&self) -> Option<&str> {
        match &self.place {
            Place::Waiting => None,
            Place::On { node, .. } => Some(node),
        }
    }

    /// Whether it has been ready for so long.
    pub fn is_ready(&self, now: Timestamp, for_so_long: Duration) -> bool {
        self.ready(for_so_long).is_some_and(|at| at <= now)
    }

    /// When it has been ready for so long; nothing where that is not to be foreseen.
    fn ready(&self, for_so_long: Duration) -> Option<Timestamp> {
        match &self.place {
            Place::On {
                ready: Some(at), ..
            } => Some(later(*at, for_so_long)),
            Place::On { ready: None, .. } | Place::Waiting => None,
        }
    }
}

/// A moment and some time.
pub fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// What pods are started with: the nodes, the moment, and how long it takes.
pub struct Ground<'a> {
    /// The nodes.
    pub rooms: &'a mut Rooms,
    /// The moment.
    pub now: Timestamp,
    /// How long a pod takes.
    pub readiness: Readiness,
}

/// The pods of one workload; of a StatefulSet by ordinal, otherwise the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Pods(Vec<Pod>);

impl Pods {
    /// All of them.
    pub fn all(&self) -> &[Pod] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many hold.
    pub fn count(&self, holds: impl Fn(&Pod) -> bool) -> usize {
        self.0.iter().filter(|pod| holds(pod)).count()
    }

    /// Starts a pod at a place among the others.
    pub fn start(&mut self, at: usize, template: &Arc<Template>, ground: &mut Ground<'_>) {
        let place = ground.place(&template.needs);
        let template = template.clone();
        self.0.insert(at, Pod { template, place });
    }

    /// Starts so many more, behind the others.
    pub fn grow(&mut self, count: usize, template: &Arc<Template>, ground: &mut Ground<'_>) {
        for _ in 0..count {
            self.start(self.0.len(), template, ground);
        }
    }

    /// Starts a pod on a certain node, if that has room for it.
    pub fn start_on(&mut self, node: &str, template: &Arc<Template>, ground: &mut Ground<'_>) {
        let place = if ground.rooms.take_on(node, &template.needs) {
            ground.on(node.to_owned())
        } else {
            Place::Waiting
        };
        let template = template.clone();
        self.0.push(Pod { template, place });
    }

    /// Ends one pod.
    pub fn end(&mut self, at: usize, rooms: &mut Rooms) {
        let pod = self.0.remove(at);
        if let Place::On { node, .. } = &pod.place {
            rooms.free(node, &pod.template.needs);
        }
    }

    /// Ends all pods.
    pub fn end_all(&mut self, rooms: &mut Rooms) {
        while !self.0.is_empty() {
            self.end(self.0.len() - 1, rooms);
        }
    }

    /// Ends so many of those that hold: first those without a node, then those that are not ready,
    /// then the youngest.
    pub fn shrink(
        &mut self,
        count: usize,
        holds: impl Fn(&Pod) -> bool,
        now: Timestamp,
        rooms: &mut Rooms,
    ) {
        let worth = |pod: &Pod| match &pod.place {
            Place::Waiting => 0,
            Place::On { .. } if !pod.is_ready(now, Duration::ZERO) => 1,
            Place::On { .. } => 2,
        };
        let mut chosen: Vec<usize> = (0..self.0.len()).filter(|at| holds(&self.0[*at])).collect();
        chosen.sort_by_key(|at| (worth(&self.0[*at]), std::cmp::Reverse(*at)));
        chosen.truncate(count);
        chosen.sort_unstable();
        for at in chosen.into_iter().rev() {
            self.end(at, rooms);
        }
    }

    /// Gives nodes to those that wait for one and to those whose node is gone.
    pub fn settle(&mut self, ground: &mut Ground<'_>) {
        for pod in &mut self.0 {
            if pod.node().is_none_or(|node| !ground.rooms.knows(node)) {
                pod.place = ground.place(&pod.template.needs);
            }
        }
    }

    /// Whether the node of one is gone.
    pub fn is_lost(&self, rooms: &Rooms) -> bool {
        let mut nodes = self.0.iter().filter_map(Pod::node);
        nodes.any(|node| !rooms.knows(node))
    }

    /// Whether one waits for a node.
    pub fn is_waiting(&self) -> bool {
        self.0.iter().any(|pod| pod.place == Place::Waiting)
    }

    /// When the next one will be ready, or will have been so for so long.
    pub fn next(&self, now: Timestamp, for_so_long: Duration) -> Option<Timestamp> {
        let moments = self
            .0
            .iter()
            .flat_map(|pod| [pod.ready(Duration::ZERO), pod.ready(for_so_long)]);
        moments.flatten().filter(|at| *at > now).min()
    }
}

impl Ground<'_> {
    fn place(&mut self, needs: &Needs) -> Place {
        match self.rooms.take(needs) {
            None => Place::Waiting,
            Some(node) => self.on(node),
        }
    }

    fn on(&self, node: String) -> Place {
        let ready = match self.readiness {
            Readiness::After(time) => Some(later(self.now, time)),
            Readiness::Never => None,
        };
        Place::On { node, ready }
    }
}
