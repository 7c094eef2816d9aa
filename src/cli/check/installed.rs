//! What is installed: kinds, policies, namespaces, each held against this program's own copy.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api;
use crate::cluster::{self, Collection, write};
use crate::policies::{self, Names};
use crate::t;

use super::{Line, Look, Part, same};

/// The group of policies and their bindings.
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

fn collection(api_version: &str, kind: &str, plural: &str) -> Collection {
    Collection {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespace: String::new(),
    }
}

/// Our kinds.
pub(super) async fn kinds(look: &Look<'_>) -> Part {
    let lang = look.lang;
    let crds = collection(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    );
    let mut lines = Vec::new();
    for own in api::kinds() {
        let name = own["metadata"]["name"].as_str().unwrap_or_default();
        lines.push(match write::get(&look.own.reads, &crds, name).await {
            Err(error) => look.unseen(name, &error),
            Ok(None) => Line::bad(
                t!(lang, "check-crd-missing", name = name),
                t!(lang, "check-crd-next"),
            ),
            Ok(Some(live)) => kind(look, name, &own["spec"], &live),
        });
    }
    Part {
        name: "kinds",
        lines,
    }
}

fn kind(look: &Look<'_>, name: &str, own: &Value, live: &Value) -> Line {
    let lang = look.lang;
    let name = name.to_owned();
    if live.pointer("/metadata/deletionTimestamp").is_some() {
        let text = t!(lang, "check-crd-ending", name = name);
        return Line::bad(text, t!(lang, "check-crd-ending-next"));
    }
    let conditions = live.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let established = conditions.any(|own| own["type"] == "Established" && own["status"] == "True");
    if !established {
        let text = t!(lang, "check-crd-unserved", name = name);
        return Line::bad(text, t!(lang, "check-crd-unserved-next"));
    }
    match same::differs(own, &live["spec"]) {
        None => Line::good(t!(lang, "check-crd-good", name = name)),
        Some(at) => Line::bad(
            t!(lang, "check-crd-differs", name = name, at = at),
            t!(lang, "check-crd-next"),
        ),
    }
}

/// What is in the cluster under the name of a policy or a binding of ours.
type Stored = Result<Option<Value>, cluster::Error>;

/// Our policies and their bindings, and whom they were held against.
///
/// The operator's user name is a value of the chart. Where it is not given, it is what most of the policies in
/// the cluster say, so that one that says another is found; that all of them say another than the usual one
/// is worth a look.
pub(super) async fn policies(look: &Look<'_>, expected: &Names, is_given: bool) -> (Names, Part) {
    let mut stored = Vec::new();
    for own in shipped(expected) {
        stored.push(read(look, &own).await);
    }
    let names = if is_given {
        expected.clone()
    } else {
        told(expected, &stored)
    };
    let own = shipped(&names).into_iter();
    let mut lines: Vec<Line> = own
        .zip(&stored)
        .map(|(own, stored)| one_policy(look, &own, stored))
        .collect();
    if names != *expected {
        let (lang, user) = (look.lang, names.operator().to_owned());
        let usual = expected.operator().to_owned();
        lines.push(Line::look(
            t!(
                lang,
                "check-operator-other",
                user = user.clone(),
                usual = usual
            ),
            t!(lang, "check-operator-other-next", user = user),
        ));
    }
    let part = Part {
        name: "policies",
        lines,
    };
    (names, part)
}

/// Every policy and binding of this version, as it is for these names.
fn shipped(names: &Names) -> Vec<Value> {
    let all = policies::all(names).into_iter();
    // A test of theirs holds that each reads as YAML.
    all.flat_map(|policy| policy.objects().unwrap_or_default())
        .collect()
}

/// The names by what the policies in the cluster say; those that are expected, where they say nothing.
fn told(expected: &Names, stored: &[Stored]) -> Names {
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    let there = stored.iter().filter_map(|one| one.as_ref().ok()?.as_ref());
    for user in there.filter_map(policies::operator_in) {
        *said.entry(user).or_default() += 1;
    }
    let most = said.into_iter().max_by_key(|(_, times)| *times);
    let names =
        most.and_then(|(user, _)| Names::new(user, expected.namespace(), expected.accounts()).ok());
    names.unwrap_or_else(|| expected.clone())
}

fn text(object: &Value, place: &str) -> String {
    let found = object.pointer(place).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

async fn read(look: &Look<'_>, own: &Value) -> Stored {
    let (kind, name) = (text(own, "/kind"), text(own, "/metadata/name"));
    let plural = match kind.as_str() {
        "ValidatingAdmissionPolicyBinding" => "validatingadmissionpolicybindings",
        _ => "validatingadmissionpolicies",
    };
    let stored = collection(ADMISSION, &kind, plural);
    write::get(&look.own.reads, &stored, &name).await
}

fn one_policy(look: &Look<'_>, own: &Value, stored: &Stored) -> Line {
    let lang = look.lang;
    let what = format!("{} {}", text(own, "/kind"), text(own, "/metadata/name"));
    match stored {
        Err(error) => look.unseen(&what, error),
        Ok(None) => Line::bad(
            t!(lang, "check-policy-missing", what = what),
            t!(lang, "check-policy-next"),
        ),
        Ok(Some(live)) => match same::differs(&own["spec"], &live["spec"]) {
            None => Line::good(t!(lang, "check-policy-good", what = what)),
            Some(at) => Line::bad(
                t!(lang, "check-policy-differs", what = what, at = at),
                t!(lang, "check-policy-next"),
            ),
        },
    }
}

/// The operator's namespace, and that of accounts.
pub(super) async fn namespaces(look: &Look<'_>) -> Part {
    let lang = look.lang;
    let all = collection("v1", "Namespace", "namespaces");
    let mut lines = Vec::new();
    for name in [
        &look.operator.operator_namespace,
        &look.operator.accounts_namespace,
    ] {
        let name = name.clone();
        lines.push(match write::get(&look.own.reads, &all, &name).await {
            Err(error) => look.unseen(&name, &error),
            Ok(None) => Line::bad(
                t!(lang, "check-namespace-missing", name = name),
                t!(lang, "check-namespace-missing-next"),
            ),
            Ok(Some(live)) if live.pointer("/metadata/deletionTimestamp").is_some() => Line::bad(
                t!(lang, "check-namespace-ending", name = name),
                t!(lang, "check-namespace-ending-next"),
            ),
            Ok(Some(_)) => Line::good(t!(lang, "check-namespace-good", name = name)),
        });
    }
    Part {
        name: "namespaces",
        lines,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Mark, Operator};
    use super::*;
    use crate::api::names;
    use crate::cluster::Clients;
    use crate::cluster::fake::{Fake, reply};
    use crate::i18n::Lang;

    const OPS: &str = "ops@city";

    /// The names of an installation whose operator is this user.
    fn names(user: &str) -> Names {
        let usual = Names::default();
        Names::new(user, usual.namespace(), usual.accounts()).expect("plain names")
    }

    /// What is said of a cluster in which the operator is somebody: of the name of each object that is not in
    /// order, its line; and whom the policies were held against.
    async fn said(
        user: &str,
        change: fn(&mut Value),
        given: Option<&str>,
    ) -> (Vec<(Mark, String)>, String) {
        let mut objects = shipped(&names(user));
        objects.iter_mut().for_each(change);
        let fake = Fake::new(move |asked| {
            let mut there = objects.iter();
            let found = there.find(|object| {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let binding = object["kind"] == "ValidatingAdmissionPolicyBinding";
                asked.path.ends_with(&format!("/{name}"))
                    && asked.path.contains("bindings/") == binding
            });
            reply(200, found.cloned().unwrap_or_else(|| json!({})))
        });
        let operator = Operator {
            operator_namespace: names::DEFAULT_NAMESPACE.to_owned(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.to_owned(),
        };
        let look = Look {
            lang: Lang::En,
            own: Clients::fake(&fake.client()),
            operator: &operator,
        };
        let expected = given.map_or_else(Names::default, names);
        let (held, part) = policies(&look, &expected, given.is_some()).await;
        let lines = part.lines.into_iter();
        let lines = lines.filter(|line| line.mark != Mark::Good);
        let lines = lines.map(|line| (line.mark, line.text)).collect();
        (lines, held.operator().to_owned())
    }

    fn as_shipped(_: &mut Value) {}

    /// One that lets somebody else write as the operator.
    fn betrayed(object: &mut Value) {
        if object["metadata"]["name"] == "pingzhan-guard" {
            let text = object.to_string().replace(OPS, "mallory");
            *object = serde_json::from_str(&text).expect("JSON");
        }
    }

    /// The operator's user name is a value of the chart: each policy that asks for it would be called a
    /// mistake where it is another than the usual one. That it is another one is said all the same, since
    /// whoever may write policies may write their own name.
    #[tokio::test]
    async fn policies_of_an_operator_of_another_name_are_held_against_that_name() {
        let usual = Names::default().operator().to_owned();
        let (lines, held) = said(&usual, as_shipped, None).await;
        assert_eq!((lines, held), (Vec::new(), usual.clone()));

        let (lines, held) = said(OPS, as_shipped, None).await;
        assert_eq!(held, OPS);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let (mark, text) = &lines[0];
        assert_eq!(*mark, Mark::Look);
        assert!(text.contains(OPS) && text.contains(&usual), "{text}");

        let (lines, held) = said(OPS, as_shipped, Some(OPS)).await;
        assert_eq!((lines, held), (Vec::new(), OPS.to_owned()));

        // Who says whom they expect is told of every policy that takes somebody else for it.
        let (lines, held) = said(OPS, as_shipped, Some(&usual)).await;
        assert_eq!(held, usual);
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert!(lines.iter().all(|(mark, _)| *mark == Mark::Bad));
    }

    /// One policy that takes somebody else for the operator is the way in, whatever the others say.
    #[tokio::test]
    async fn a_policy_that_names_another_operator_than_the_others_is_named() {
        for given in [None, Some(OPS)] {
            let (lines, held) = said(OPS, betrayed, given).await;
            assert_eq!(held, OPS);
            let bad: Vec<&String> = lines
                .iter()
                .filter(|(mark, _)| *mark == Mark::Bad)
                .map(|(_, text)| text)
                .collect();
            assert_eq!(bad.len(), 1, "{lines:?}");
            assert!(bad[0].contains("pingzhan-guard"), "{}", bad[0]);
        }
    }
}
