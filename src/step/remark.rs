//! What is worth knowing of a step before it is approved: what objects beside its targets say of what
//! it would come to. Nothing of it changes what is done.

use std::collections::BTreeSet;

use crate::api::Concern;
use crate::field::{Path, Projection, Uid, creation};

/// One thing worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How much it matters.
    pub concern: Concern,
    /// What, in a sentence.
    pub text: String,
    /// What makes it moot where an earlier step changes it: the place of an object that is not there
    /// yet.
    pub unless: Option<(Uid, Path)>,
}

impl Remark {
    /// Somebody is harmed.
    pub fn harm(text: impl Into<String>) -> Self {
        Self::new(Concern::Harm, text)
    }

    /// It may come otherwise than planned.
    pub fn risk(text: impl Into<String>) -> Self {
        Self::new(Concern::Risk, text)
    }

    /// Worth knowing.
    pub fn note(text: impl Into<String>) -> Self {
        Self::new(Concern::Note, text)
    }

    fn new(concern: Concern, text: impl Into<String>) -> Self {
        Self {
            concern,
            text: text.into(),
            unless: None,
        }
    }

    /// The same, where no earlier step makes that object.
    #[must_use]
    pub fn unless_made(self, version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        let place = creation::uid(version, kind, namespace, name);
        Self {
            unless: Some((place, creation::path())),
            ..self
        }
    }
}

/// What was found beside the targets of a step, in the order of its queries.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// What each query found.
    pub found: &'a [Vec<Projection>],
    /// The queries that were not answered: of what they would have found nothing is known.
    pub unread: &'a BTreeSet<usize>,
}

impl<'a> Beside<'a> {
    /// What a query found; nothing where it was not answered.
    pub fn of(self, place: usize) -> Option<&'a [Projection]> {
        let found = self.found.get(place)?;
        (!self.unread.contains(&place)).then_some(found.as_slice())
    }
}

/// So many names that a sentence can be read to its end.
pub const NAMED: usize = 3;

/// `a, b and c`, or `a, b, c and 7 more`.
pub fn few<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., last] if names.len() <= NAMED => format!("{} and {last}", before.join(", ")),
        all => format!("{} and {} more", all[..NAMED].join(", "), all.len() - NAMED),
    }
}

/// `1 pod`, `3 pods`.
pub fn count(many: usize, one: &str) -> String {
    if many == 1 {
        format!("1 {one}")
    } else {
        format!("{many} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence with a hundred names is read by nobody.
    #[test]
    fn a_sentence_names_few_and_counts_the_rest() {
        assert_eq!(few(&["a"]), "a");
        assert_eq!(few(&["a", "b", "c"]), "a, b and c");
        assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(
            (count(1, "pod"), count(0, "pod")),
            ("1 pod".into(), "0 pods".into())
        );
    }

    /// What could not be read must not pass for what is not there.
    #[test]
    fn nothing_is_said_of_what_was_not_read() {
        let unread = BTreeSet::from([1]);
        let found = [vec![], vec![], vec![]];
        let beside = Beside {
            found: &found,
            unread: &unread,
        };
        assert!(beside.of(0).is_some());
        assert!(beside.of(1).is_none() && beside.of(3).is_none());
    }
}
