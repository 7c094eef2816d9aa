//! Lists of those whom bindings are for, and what is left of them. All of it makes less of lists that are
//! there: nobody stands in what is made who stands in none of what it is made of.

use std::collections::BTreeSet;

use serde_json::Value;

use super::people::Person;
use crate::api::Principal;
use crate::field::Image;

/// People who are taken out of a binding, however it names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct People(BTreeSet<Person>);

impl People {
    /// Those whom a playbook names.
    pub(super) fn of<'a>(principals: impl IntoIterator<Item = &'a Principal>) -> Self {
        Self(principals.into_iter().map(Person::of).collect())
    }

    /// What they are and their names, as a stored plan has them.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Person::said).collect()
    }

    /// Reads [`People::texts`] back; nothing where one is not of that form.
    pub fn of_texts(texts: &[String]) -> Option<Self> {
        let people = texts.iter().map(|text| Person::of_said(text));
        people.collect::<Option<_>>().map(Self)
    }

    /// A list without them, in its order; the field is absent where nobody is left, as the API server
    /// writes it.
    pub fn without(&self, list: &Image) -> Image {
        kept(list, |one| !self.0.contains(&Person::of_subject(one)))
    }
}

/// What of a list that somebody else has written is left where only those of `ours` may stand: so whoever
/// was put there goes, and whoever was taken out of ours as well is not put back.
pub fn left(ours: &Image, live: &Image) -> Image {
    let ours = people(ours);
    kept(live, |one| ours.contains(&Person::of_subject(one)))
}

/// What is written of `after`, which is to take the place of `before`, where somebody else has made `live`
/// of that: of those that stood before whoever stands there still, and whoever comes back by our doing.
pub fn spared(after: &Image, before: &Image, live: &Image) -> Image {
    let (known, there) = (people(before), people(live));
    let mut list = items(&left(after, live)).to_vec();
    let returning = items(after).iter().filter(|one| {
        let one = Person::of_subject(one);
        !known.contains(&one) && !there.contains(&one)
    });
    list.extend(returning.cloned());
    listed(list)
}

/// Whether two lists are for the same people.
pub fn are_same(one: &Image, other: &Image) -> bool {
    people(one) == people(other)
}

/// A list of whom something holds. One of which nobody goes stays as it is.
fn kept(list: &Image, stays: impl Fn(&Value) -> bool) -> Image {
    let all = items(list);
    let left: Vec<Value> = all.iter().filter(|one| stays(one)).cloned().collect();
    if left.len() == all.len() {
        return list.clone();
    }
    listed(left)
}

/// As the server writes a list: one of nobody is none.
fn listed(list: Vec<Value>) -> Image {
    if list.is_empty() {
        Image::Absent
    } else {
        Image::Present(list.into())
    }
}

fn items(list: &Image) -> &[Value] {
    let items = list.value().and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

fn people(list: &Image) -> BTreeSet<Person> {
    items(list).iter().map(Person::of_subject).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Somebody, in one of the ways in which a binding may name them: accounts are named in two.
    fn subject() -> impl Strategy<Value = Value> {
        let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")];
        (0..4_u8, name).prop_map(|(way, name)| match way {
            0 => json!({ "kind": "Group", "name": name }),
            1 => json!({ "kind": "User", "name": name }),
            2 => json!({ "kind": "ServiceAccount", "namespace": "ci", "name": name }),
            _ => {
                json!({ "kind": "User", "name": format!("system:serviceaccount:ci:{name}") })
            }
        })
    }

    fn list() -> impl Strategy<Value = Image> {
        let some = prop::collection::vec(subject(), 0..7);
        let some = some.prop_map(|list| Image::Present(list.into()));
        prop_oneof![1 => Just(Image::Absent), 6 => some]
    }

    fn group() -> impl Strategy<Value = People> {
        prop::collection::vec(subject(), 0..4)
            .prop_map(|list| People(list.iter().map(Person::of_subject).collect()))
    }

    /// Whether one list is the other with some left out.
    fn is_part(part: &Image, whole: &Image) -> bool {
        let mut whole = items(whole).iter();
        items(part)
            .iter()
            .all(|one| whole.any(|other| other == one))
    }

    proptest! {
        /// The heart of a revocation: whatever the list has become, exactly these go, and nobody comes.
        #[test]
        fn exactly_these_go_and_the_order_stays(list in list(), gone in group()) {
            let after = gone.without(&list);
            prop_assert!(is_part(&after, &list));
            prop_assert!(people(&after).is_disjoint(&gone.0));
            let stay = items(&list).iter().filter(|one| !gone.0.contains(&Person::of_subject(one)));
            prop_assert_eq!(items(&after).iter().collect::<Vec<_>>(), stay.collect::<Vec<_>>());
            prop_assert_eq!(gone.without(&after), after.clone(), "once more changes nothing");
            prop_assert!(after == list || !matches!(&after, Image::Present(list) if list == &json!([])));
        }

        /// Whoever keeps a list against others puts nobody back and takes out whoever came.
        #[test]
        fn a_list_that_is_kept_only_ever_gets_shorter(base in list(), live in list(), gone in group()) {
            let ours = gone.without(&base);
            let kept = left(&ours, &live);
            prop_assert!(is_part(&kept, &live));
            prop_assert!(people(&kept).is_disjoint(&gone.0));
            prop_assert!(people(&kept).is_subset(&people(&ours)));
            prop_assert_eq!(left(&ours, &kept), kept.clone(), "it comes to rest");
            prop_assert_eq!(left(&ours, &ours), ours.clone(), "ours is left alone");
        }

        /// Another plan over a list that somebody has made shorter: those whom they took out stay out,
        /// whom the new plan takes out goes, and only whom we took out comes back.
        #[test]
        fn another_plan_puts_back_only_whom_the_earlier_took(
            base in list(), live in list(), earlier in group(), later in group()
        ) {
            let (before, after) = (earlier.without(&base), later.without(&base));
            let written = spared(&after, &before, &live);
            prop_assert!(people(&written).is_disjoint(&later.0));
            for one in people(&written).difference(&people(&live)) {
                prop_assert!(earlier.0.contains(one), "{one:?} was not taken out by us");
            }
            let undisturbed = spared(&after, &before, &before);
            prop_assert!(are_same(&undisturbed, &after));
        }

        /// What people approve is stored as words.
        #[test]
        fn people_are_read_back_from_a_stored_plan(people in group()) {
            prop_assert_eq!(People::of_texts(&people.texts()), Some(people));
        }
    }

    /// A plan that does not say whom is damaged, and takes nobody out.
    #[test]
    fn words_that_name_nobody_are_not_read() {
        for text in ["", "vendors", "Everybody vendors", "Group "] {
            assert_eq!(People::of_texts(&[text.to_owned()]), None, "{text:?}");
        }
    }
}
