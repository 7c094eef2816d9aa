//! What a snapshot does not have, in words: in English in the file, so that the same cluster gives the
//! same file, and in the language of whoever takes it on their terminal.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Collection;
use crate::i18n::Lang;
use crate::sandtable::snapshot::LeftOut;
use crate::t;

use super::reader::Refusal;

/// What is left out, as far as its kind is known beforehand; in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Secrets.
    Secrets,
    /// Values of variables of the environment, and of headers.
    Environment,
    /// Commands and arguments.
    Arguments,
    /// Values of `ConfigMaps`.
    Config,
    /// Annotations that hold documents.
    Annotations,
    /// Values for charts, for triggers and for substitutions, and patches.
    Values,
    /// What is called a password, a token or a key, and passwords in addresses.
    Named,
    /// Lists of the Secrets of service accounts.
    Accounts,
    /// Certificates of authorities in definitions of kinds.
    Bundles,
    /// Descriptions in definitions of kinds.
    Descriptions,
    /// Lists of the images on nodes.
    Images,
    /// The insides of pods.
    Pods,
    /// Namespaces in which nothing is.
    Namespaces,
    /// Parameters of admission policies.
    Parameters,
    /// Admission webhooks.
    Webhooks,
    /// Conditions that may look at a placeholder.
    Conditions,
    /// Objects whose name a parameter says.
    Chosen,
    /// Playbooks that were read from files.
    Files,
    /// Modes that are not closed.
    Modes,
}

/// Something that is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// What is known beforehand, and how much of it.
    Group(Group, u64),
    /// A step of a playbook, or all of them, that ask for nothing, and why.
    Book {
        /// The playbook.
        name: String,
        /// Why, a sentence.
        why: String,
    },
    /// A kind of which something was not answered, and why.
    Refused {
        /// The kind: its plural and its group.
        what: String,
        /// Why.
        why: Refusal,
        /// In which namespaces, or which of its objects; all of it where there is none.
        places: BTreeSet<String>,
    },
    /// A kind that the cluster does not serve.
    Unserved(String),
}

impl Left {
    /// In words.
    pub fn text(&self, lang: Lang) -> LeftOut {
        match self {
            Self::Group(group, count) => LeftOut {
                what: group.what(lang),
                count: *count,
                why: group.why(lang),
            },
            Self::Book { name, why } => LeftOut {
                what: t!(lang, "snapshot-left-book", name = name.clone()),
                count: 1,
                why: why.clone(),
            },
            Self::Refused { what, why, places } => LeftOut {
                what: what.clone(),
                count: u64::try_from(places.len()).unwrap_or_default().max(1),
                why: refusal(lang, why, places),
            },
            Self::Unserved(kind) => LeftOut {
                what: kind.clone(),
                count: 1,
                why: t!(lang, "snapshot-why-unserved"),
            },
        }
    }

    /// A kind of which something was not answered; of the whole cluster where no place is given.
    pub fn refused(collection: &Collection, place: &str, why: Refusal) -> Self {
        let group = collection.api_version.split_once('/');
        let what = match group {
            Some((group, _)) => format!("{}.{group}", collection.plural),
            None => collection.plural.clone(),
        };
        let place = Some(place.to_owned()).filter(|place| !place.is_empty());
        Self::Refused {
            what,
            why,
            places: place.into_iter().collect(),
        }
    }
}

/// Places that are named one by one.
const NAMED: usize = 6;

fn refusal(lang: Lang, why: &Refusal, places: &BTreeSet<String>) -> String {
    let why = match why {
        Refusal::Right => t!(lang, "snapshot-why-right"),
        Refusal::Said(said) => said.clone(),
    };
    if places.is_empty() {
        return why;
    }
    let named: Vec<&str> = places.iter().take(NAMED).map(String::as_str).collect();
    t!(
        lang,
        "snapshot-why-places",
        why = why,
        places = named.join(", "),
        more = places.len().saturating_sub(NAMED)
    )
}

/// All that is left out, in the order in which it is told; of one kind the same thing once.
pub fn all(counts: &BTreeMap<Group, u64>, others: Vec<Left>) -> Vec<Left> {
    let mut refused: BTreeMap<(String, Refusal), BTreeSet<String>> = BTreeMap::new();
    let groups = counts.iter();
    let mut all: Vec<Left> = groups
        .map(|(group, count)| Left::Group(*group, *count))
        .collect();
    for left in others {
        match left {
            Left::Refused { what, why, places } => {
                refused.entry((what, why)).or_default().extend(places);
            }
            Left::Group(..) | Left::Book { .. } | Left::Unserved(_) => all.push(left),
        }
    }
    let refused = refused.into_iter();
    all.extend(refused.map(|((what, why), places)| Left::Refused { what, why, places }));
    all.sort();
    all.dedup();
    all
}

impl Group {
    /// What it is.
    fn what(self, lang: Lang) -> String {
        match self {
            Self::Secrets => t!(lang, "snapshot-left-secrets"),
            Self::Environment => t!(lang, "snapshot-left-environment"),
            Self::Arguments => t!(lang, "snapshot-left-arguments"),
            Self::Config => t!(lang, "snapshot-left-config"),
            Self::Annotations => t!(lang, "snapshot-left-annotations"),
            Self::Values => t!(lang, "snapshot-left-values"),
            Self::Named => t!(lang, "snapshot-left-named"),
            Self::Accounts => t!(lang, "snapshot-left-accounts"),
            Self::Bundles => t!(lang, "snapshot-left-bundles"),
            Self::Descriptions => t!(lang, "snapshot-left-descriptions"),
            Self::Images => t!(lang, "snapshot-left-images"),
            Self::Pods => t!(lang, "snapshot-left-pods"),
            Self::Namespaces => t!(lang, "snapshot-left-namespaces"),
            Self::Parameters => t!(lang, "snapshot-left-parameters"),
            Self::Webhooks => t!(lang, "snapshot-left-webhooks"),
            Self::Conditions => t!(lang, "snapshot-left-conditions"),
            Self::Chosen => t!(lang, "snapshot-left-chosen"),
            Self::Files => t!(lang, "snapshot-left-files"),
            Self::Modes => t!(lang, "snapshot-left-modes"),
        }
    }

    /// Why it is left out.
    fn why(self, lang: Lang) -> String {
        match self {
            Self::Secrets => t!(lang, "snapshot-why-secrets"),
            Self::Environment | Self::Arguments | Self::Values => {
                t!(lang, "snapshot-why-literals")
            }
            Self::Config => t!(lang, "snapshot-why-config"),
            Self::Annotations => t!(lang, "snapshot-why-annotations"),
            Self::Named => t!(lang, "snapshot-why-named"),
            Self::Accounts => t!(lang, "snapshot-why-accounts"),
            Self::Bundles => t!(lang, "snapshot-why-bundles"),
            Self::Descriptions | Self::Images => t!(lang, "snapshot-why-large"),
            Self::Pods => t!(lang, "snapshot-why-pods"),
            Self::Namespaces => t!(lang, "snapshot-why-namespaces"),
            Self::Parameters => t!(lang, "snapshot-why-parameters"),
            Self::Webhooks => t!(lang, "snapshot-why-webhooks"),
            Self::Conditions => t!(lang, "snapshot-why-conditions"),
            Self::Chosen => t!(lang, "snapshot-why-chosen"),
            Self::Files => t!(lang, "snapshot-why-files"),
            Self::Modes => t!(lang, "snapshot-why-modes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who reads what is missing has to know why, in their language; and the same is told once.
    #[test]
    fn what_is_left_out_is_told_once_and_in_words() {
        let counts = BTreeMap::from([(Group::Config, 3), (Group::Secrets, 0)]);
        let collection = Collection {
            api_version: "apps/v1".to_owned(),
            plural: "deployments".to_owned(),
            ..Collection::default()
        };
        let spaces = ["a", "b", "c", "d", "e", "f", "g", "a"];
        let refused = spaces.map(|space| Left::refused(&collection, space, Refusal::Right));
        let unserved = Left::Unserved("example.com/Pool".to_owned());
        let others = refused.into_iter().chain([unserved]);
        let all = all(&counts, others.collect());
        assert_eq!(all.len(), 4, "{all:?}");
        let told = all[2].text(Lang::En);
        assert_eq!((told.what.as_str(), told.count), ("deployments.apps", 7));
        assert!(
            told.why.ends_with("In: a, b, c, d, e, f and 1 more."),
            "{told:?}"
        );
        for lang in [Lang::En, Lang::ZhCn] {
            for left in &all {
                let text = left.text(lang);
                assert!(!text.what.starts_with("snapshot-"), "{text:?}");
                assert!(!text.why.starts_with("snapshot-"), "{text:?}");
            }
        }
        assert_eq!(all[1].text(Lang::En).count, 3);
    }
}
