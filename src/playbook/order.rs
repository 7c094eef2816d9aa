//! The order of stages and steps: none before one that it waits for; among equals, as declared.

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

/// Something with a name that waits for others of its kind.
pub struct Item<'a> {
    /// Its name.
    pub name: &'a str,
    /// Names of those that must be done first. Names of nothing are not waited for.
    pub after: &'a [String],
}

/// The places of the items in an order in which none stands before one that it waits for. Kahn's
/// algorithm, which takes the first declared one of those that are free.
///
/// # Errors
/// The names of the items of one cycle, in the order in which they wait for each other.
pub fn order(items: &[Item<'_>]) -> Result<Vec<usize>, Vec<String>> {
    let place = |name: &str| items.iter().position(|item| item.name == name);
    let waits: Vec<Vec<usize>> = items
        .iter()
        .map(|item| item.after.iter().filter_map(|name| place(name)).collect())
        .collect();
    let mut done = vec![false; items.len()];
    let mut order = Vec::with_capacity(items.len());
    while order.len() < items.len() {
        let free =
            (0..items.len()).find(|&at| !done[at] && waits[at].iter().all(|&before| done[before]));
        let Some(at) = free else {
            return Err(cycle(items, &waits));
        };
        done[at] = true;
        order.push(at);
    }
    Ok(order)
}

/// The names of one cycle, beginning with the item that was declared first.
fn cycle(items: &[Item<'_>], waits: &[Vec<usize>]) -> Vec<String> {
    let mut graph = DiGraph::<usize, ()>::new();
    let nodes: Vec<_> = (0..items.len()).map(|at| graph.add_node(at)).collect();
    for (at, before) in waits.iter().enumerate() {
        for &first in before {
            graph.add_edge(nodes[at], nodes[first], ());
        }
    }
    let knots = tarjan_scc(&graph).into_iter().map(|knot| {
        let mut members: Vec<usize> = knot.into_iter().map(|node| graph[node]).collect();
        members.sort_unstable();
        members
    });
    let knot = knots
        .filter(|members| members.len() > 1 || waits[members[0]].contains(&members[0]))
        .min()
        .unwrap_or_default();
    // Walk along the waits inside the knot until an item comes again: that is one cycle.
    let mut walk: Vec<usize> = knot.first().copied().into_iter().collect();
    while let Some(&last) = walk.last() {
        let Some(&next) = waits[last].iter().find(|next| knot.contains(next)) else {
            break;
        };
        if let Some(start) = walk.iter().position(|&seen| seen == next) {
            walk.drain(..start);
            break;
        }
        walk.push(next);
    }
    walk.into_iter()
        .map(|at| items[at].name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rows: &[(&str, &[&str])]) -> Result<Vec<String>, Vec<String>> {
        let after: Vec<Vec<String>> = rows
            .iter()
            .map(|(_, after)| after.iter().map(|name| (*name).to_owned()).collect())
            .collect();
        let items: Vec<Item<'_>> = rows
            .iter()
            .zip(&after)
            .map(|((name, _), after)| Item { name, after })
            .collect();
        order(&items).map(|order| order.into_iter().map(|at| rows[at].0.to_owned()).collect())
    }

    /// Two plans of one playbook must be the same plan, so the order has no choice left.
    #[test]
    fn the_order_is_the_declared_one_but_for_what_must_come_first() {
        let rows: [(&str, &[&str]); 4] = [("d", &["a"]), ("c", &[]), ("a", &["c"]), ("b", &[])];
        assert_eq!(run(&rows).unwrap(), ["c", "a", "d", "b"]);
        let unknown: [(&str, &[&str]); 1] = [("a", &["nothing"])];
        assert_eq!(run(&unknown).unwrap(), ["a"]);
    }

    /// "There is a cycle" helps nobody: the finding names it.
    #[test]
    fn a_cycle_is_named_without_those_that_only_wait_for_it() {
        let rows: [(&str, &[&str]); 4] =
            [("x", &["b"]), ("a", &["c"]), ("b", &["a"]), ("c", &["b"])];
        assert_eq!(run(&rows).unwrap_err(), ["a", "c", "b"]);
        let own: [(&str, &[&str]); 1] = [("a", &["a"])];
        assert_eq!(run(&own).unwrap_err(), ["a"]);
    }
}
