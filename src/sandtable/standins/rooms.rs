//! Room on the nodes: what each can hold, and what is held. A pod goes to the first node, by name,
//! that has room for all that it asks for. That is no scheduler: it knows of amounts, of node
//! selectors and of nodes that take nothing new; it knows nothing of taints, affinity, spreading,
//! priority or pre-emption.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::field::quantity;

/// Amounts of resources (`cpu`, `memory`, `pods`), in billionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, i128>);

impl Amounts {
    /// Reads a list of resources. What is no quantity counts for nothing: the server refuses it.
    fn read(resources: &Value) -> Self {
        let said = resources.as_object().into_iter().flatten();
        let read = said.filter_map(|(name, amount)| {
            let text = match amount {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.clone(), quantity::parts(&text)?))
        });
        Self(read.collect())
    }

    fn of(&self, name: &str) -> i128 {
        self.0.get(name).copied().unwrap_or_default()
    }

    fn add(&mut self, other: &Self, times: i128) {
        for (name, amount) in &other.0 {
            *self.0.entry(name.clone()).or_default() += amount * times;
        }
    }

    /// The larger amount of each.
    fn larger(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            let own = self.0.entry(name.clone()).or_default();
            *own = (*own).max(*amount);
        }
    }
}

/// What a pod asks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    amounts: Amounts,
    labels: BTreeMap<String, String>,
}

impl Needs {
    /// What the pods of a template ask for: all its containers together, or, where that is more, one
    /// of those that run before them; what is limited and not asked for is asked for up to its limit.
    pub fn of(template: &Value) -> Self {
        let spec = &template["spec"];
        let asked = |container: &Value| {
            let resources = &container["resources"];
            let mut amounts = Amounts::read(&resources["limits"]);
            amounts.0.extend(Amounts::read(&resources["requests"]).0);
            amounts
        };
        let mut amounts = Amounts::default();
        for container in spec["containers"].as_array().into_iter().flatten() {
            amounts.add(&asked(container), 1);
        }
        for container in spec["initContainers"].as_array().into_iter().flatten() {
            amounts.larger(&asked(container));
        }
        amounts.add(&Amounts::read(&spec["overhead"]), 1);
        amounts.0.insert("pods".to_owned(), ONE_POD);
        Self {
            amounts,
            labels: texts(&spec["nodeSelector"]),
        }
    }
}

/// One pod, in the parts in which amounts are counted.
const ONE_POD: i128 = 1_000_000_000;

fn texts(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    let texts = members.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())));
    texts.collect()
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    has: Amounts,
    held: Amounts,
    labels: BTreeMap<String, String>,
    is_closed: bool,
}

impl Node {
    fn suits(&self, needs: &Needs) -> bool {
        let labels = &self.labels;
        needs
            .labels
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
    }

    fn has_room(&self, needs: &Needs) -> bool {
        let mut asked = needs.amounts.0.iter();
        asked.all(|(name, amount)| *amount == 0 || self.held.of(name) + amount <= self.has.of(name))
    }
}

/// All nodes. Where there is none, everything has room.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    nodes: BTreeMap<String, Node>,
    /// What is held of each node, once it is there, for pods that nothing here attends to.
    guests: BTreeMap<String, Amounts>,
    news: News,
}

/// What changed for those who wait for room, the more the later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Nothing.
    #[default]
    Nothing,
    /// A pod ended on a node.
    Freed,
    /// Nodes came, went or changed.
    Nodes,
}

/// The node of pods that were started while there was none.
pub const NOWHERE: &str = "";

impl Rooms {
    /// Holds room on a node for a pod that nothing here attends to. To be told before the node is seen.
    pub fn host(&mut self, node: &str, needs: &Needs) {
        let held = self.guests.entry(node.to_owned()).or_default();
        held.add(&needs.amounts, 1);
    }

    /// Takes a node as it is now. Pods that are on it stay, even where it has no room for them.
    pub fn put(&mut self, name: &str, object: &Value) {
        let known = self.nodes.get(name);
        let node = Node {
            has: Amounts::read(&object["status"]["allocatable"]),
            held: known
                .map(|node| &node.held)
                .or_else(|| self.guests.get(name))
                .cloned()
                .unwrap_or_default(),
            labels: texts(&object["metadata"]["labels"]),
            is_closed: object["spec"]["unschedulable"] == true
                || !object["metadata"]["deletionTimestamp"].is_null(),
        };
        if known != Some(&node) {
            self.news = News::Nodes;
            self.nodes.insert(name.to_owned(), node);
        }
    }

    /// A node is gone, with what was on it.
    pub fn remove(&mut self, name: &str) {
        if self.nodes.remove(name).is_some() {
            self.news = News::Nodes;
        }
    }

    /// The names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// What changed since this was asked last.
    pub fn news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    /// Whether pods can be on it: it is there, or there are no nodes to speak of.
    pub fn knows(&self, name: &str) -> bool {
        name == NOWHERE || self.nodes.contains_key(name)
    }

    /// Takes room for a pod: the node, where one has it.
    pub fn take(&mut self, needs: &Needs) -> Option<String> {
        if self.nodes.is_empty() {
            return Some(NOWHERE.to_owned());
        }
        let fits = |node: &Node| !node.is_closed && node.suits(needs) && node.has_room(needs);
        let (name, node) = self.nodes.iter_mut().find(|(_, node)| fits(node))?;
        node.held.add(&needs.amounts, 1);
        Some(name.clone())
    }

    /// Takes room on a certain node. Says whether there was any.
    pub fn take_on(&mut self, name: &str, needs: &Needs) -> bool {
        let Some(node) = self.nodes.get_mut(name) else {
            return false;
        };
        let fits = node.has_room(needs);
        if fits {
            node.held.add(&needs.amounts, 1);
        }
        fits
    }

    /// The nodes that suit a pod, whether they take new ones or not.
    pub fn suitable(&self, needs: &Needs) -> Vec<String> {
        let suitable = self.nodes.iter().filter(|(_, node)| node.suits(needs));
        suitable.map(|(name, _)| name.clone()).collect()
    }

    /// A pod is gone.
    pub fn free(&mut self, name: &str, needs: &Needs) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.held.add(&needs.amounts, -1);
            self.news = self.news.max(News::Freed);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(cpu: &str) -> Value {
        json!({ "metadata": { "labels": { "zone": "a" } },
            "status": { "allocatable": { "cpu": cpu, "memory": "1Gi", "pods": "3" } } })
    }

    fn asks(cpu: &str) -> Needs {
        Needs::of(&json!({ "spec": { "containers": [
            { "resources": { "requests": { "cpu": cpu } } }] } }))
    }

    /// A surge that does not fit must be seen not to fit in a rehearsal.
    #[test]
    fn a_pod_gets_room_only_where_all_that_it_asks_for_is_left() {
        let mut rooms = Rooms::default();
        assert_eq!(rooms.take(&asks("64")).as_deref(), Some(NOWHERE));
        rooms.put("b", &node("1500m"));
        rooms.put("a", &node("1"));
        let half = asks("500m");
        let taken: Vec<_> = (0..6).map(|_| rooms.take(&half)).collect();
        let names = ["a", "a", "b", "b", "b", "none"].map(str::to_owned);
        let none = || "none".to_owned();
        let taken: Vec<_> = taken
            .into_iter()
            .map(|name| name.unwrap_or_else(none))
            .collect();
        assert_eq!(taken, names);
        rooms.free("a", &half);
        assert_eq!(rooms.take(&asks("600m")), None);
        assert_eq!(rooms.take(&half).as_deref(), Some("a"));
        // No more than three pods, however small.
        assert_eq!(rooms.take(&asks("0")).as_deref(), Some("a"));
        assert_eq!(rooms.take(&asks("0")), None);
        // What nobody has, nobody gives.
        let odd = Needs::of(&json!({ "spec": { "containers": [
            { "resources": { "limits": { "example.com/gpu": "1" } } }] } }));
        assert_eq!(rooms.take(&odd), None);
    }

    /// Nodes that are being emptied, or are of another kind, get nothing new.
    #[test]
    fn closed_nodes_and_those_without_the_labels_are_passed_over() {
        let mut rooms = Rooms::default();
        let mut closed = node("4");
        closed["spec"]["unschedulable"] = true.into();
        rooms.put("a", &closed);
        rooms.put("b", &node("4"));
        assert_eq!(rooms.take(&asks("1")).as_deref(), Some("b"));
        let elsewhere = Needs::of(&json!({ "spec": { "nodeSelector": { "zone": "b" } } }));
        assert_eq!(rooms.take(&elsewhere), None);
        assert_eq!(rooms.suitable(&asks("1")), ["a", "b"]);
        assert!(rooms.suitable(&elsewhere).is_empty());
    }

    /// The largest of what runs before counts, not its sum.
    #[test]
    fn a_pod_asks_for_all_containers_or_for_the_largest_before_them() {
        let needs = Needs::of(&json!({ "spec": {
            "containers": [
                { "resources": { "requests": { "cpu": "1" }, "limits": { "cpu": "2", "memory": "1Gi" } } },
                { "resources": { "requests": { "cpu": "500m" } } }],
            "initContainers": [
                { "resources": { "requests": { "cpu": "1200m", "memory": "2Gi" } } }] } }));
        let of = |name: &str| needs.amounts.of(name);
        assert_eq!(of("cpu"), 1_500_000_000);
        assert_eq!(of("memory"), 2 * 1024 * 1024 * 1024 * 1_000_000_000);
        assert_eq!(of("pods"), ONE_POD);
    }
}
