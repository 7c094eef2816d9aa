//! Which rights an account lacks: its rules of the whole cluster and of namespaces, each at once, and where
//! those do not give a right, the question for it alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::cluster::{Clients, reviews};
use crate::engine::plan::{Finding, few};
use crate::engine::rights::rules::Rules;
use crate::engine::rights::{self, Need, Needs, Right};

use super::{Found, IN_FLIGHT};

/// Most rights that are asked for one by one: where more seem to be missing, the account has as good as
/// none, and the first of them say enough.
const SINGLE: usize = 64;

/// What was found of an account's rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Those that it does not have.
    pub missing: BTreeMap<Right, Need>,
    /// Those of which nobody says whether it has them.
    pub unknown: BTreeMap<Right, Need>,
    /// Why, where nothing could be asked, each a sentence.
    pub problems: BTreeSet<String>,
    /// How many requests it took.
    pub requests: usize,
}

/// Holds what is needed against what an account has: first in the whole cluster, and in a namespace where that
/// does not give all.
///
/// Guarantees: one request, one more for each namespace in which something is still open, and at most
/// [`SINGLE`] more.
pub async fn check(account: &Clients, needs: &Needs) -> Checked {
    let mut checked = Checked::default();
    if needs.all.is_empty() {
        return checked;
    }
    // Whether those that are not asked for one by one are known not to be given.
    let mut whole = true;
    let everywhere = reviews::rules(account, reviews::NOWHERE).await;
    let everywhere = checked.told(everywhere, &mut whole);
    let mut open: Vec<(&Right, &Need)> = Vec::new();
    let mut places: BTreeMap<&str, Vec<(&Right, &Need)>> = BTreeMap::new();
    for (right, need) in &needs.all {
        match right.namespace.as_deref() {
            _ if everywhere.give(right) => {}
            Some(place) => places.entry(place).or_default().push((right, need)),
            None => open.push((right, need)),
        }
    }
    let asked: Vec<_> = places
        .keys()
        .map(|place| reviews::rules(account, place))
        .collect();
    let answers: Vec<_> = stream::iter(asked).buffered(IN_FLIGHT).collect().await;
    for (rights, rules) in places.into_values().zip(answers) {
        let rules = checked.told(rules, &mut whole);
        open.extend(rights.into_iter().filter(|(right, _)| !rules.give(right)));
    }
    checked.one_by_one(account, open, whole).await;
    checked
}

impl Checked {
    /// What was answered; no rules where nothing was. `whole` stays true where it is all that there is.
    fn told(&mut self, answer: Result<Rules, String>, whole: &mut bool) -> Rules {
        self.requests += 1;
        match answer {
            Ok(rules) => {
                *whole &= !rules.incomplete;
                rules
            }
            Err(why) => {
                *whole = false;
                self.problems.insert(why);
                Rules::default()
            }
        }
    }

    async fn one_by_one(&mut self, account: &Clients, open: Vec<(&Right, &Need)>, whole: bool) {
        let (first, rest) = open.split_at(open.len().min(SINGLE));
        let asked: Vec<_> = first
            .iter()
            .map(|(right, _)| reviews::may(account, right))
            .collect();
        let answers: Vec<_> = stream::iter(asked).buffered(IN_FLIGHT).collect().await;
        self.requests += answers.len();
        for ((right, need), answer) in first.iter().zip(answers) {
            let list = match answer {
                Ok(true) => continue,
                Ok(false) => &mut self.missing,
                Err(why) => {
                    self.problems.insert(why);
                    &mut self.unknown
                }
            };
            list.insert((*right).clone(), (*need).clone());
        }
        let list = if whole {
            &mut self.missing
        } else {
            &mut self.unknown
        };
        list.extend(
            rest.iter()
                .map(|(right, need)| ((*right).clone(), (*need).clone())),
        );
    }

    /// What is said of them.
    pub fn sentences(&self, who: &str) -> Vec<Finding> {
        let mut said = rights::missing(who, &self.missing);
        if !self.unknown.is_empty() {
            let why: Vec<&String> = self.problems.iter().collect();
            let why = match why.as_slice() {
                [] => "its authorizers do not list what they allow".to_owned(),
                some => few(some),
            };
            said.push(Finding::risk(format!(
                "it is not known of {} rights whether {who} has them: {why}",
                self.unknown.len()
            )));
        }
        said
    }

    pub(super) fn findings(&self, who: &str) -> Vec<Found> {
        let said = self.sentences(who).into_iter();
        said.map(|finding| (None, finding)).collect()
    }

    /// Whether a right is known to be missing, for an object of this name or any.
    pub(super) fn lacks(&self, right: &Right) -> bool {
        let any = Right {
            name: None,
            ..right.clone()
        };
        self.missing.contains_key(right) || self.missing.contains_key(&any)
    }
}
