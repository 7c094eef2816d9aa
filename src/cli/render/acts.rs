//! What an act that leaves no field behind, or a freeze, will do, for those who approve it.

use crate::api::{Act, Localized, Principal, Step, Wait};
use crate::engine::plan::PlannedStep;
use crate::i18n::Lang;
use crate::step::freeze;
use crate::t;

/// What a step does that changes no field; nothing where it is one that changes some.
pub fn text(step: &Step, lang: Lang) -> Option<String> {
    let acts = step.acts();
    match acts.first()? {
        Act::Wait(wait) => Some(waits(wait, step, lang)),
        Act::Gate(gate) => {
            let timeout = gate.timeout.as_ref().or(step.timeout.as_ref());
            Some(t!(
                lang,
                "plan-act-gate",
                groups = gate.groups.join(", "),
                prompt = said(&gate.prompt, lang),
                timeout = timeout.map_or_else(|| DEFAULT.to_owned(), |term| term.0.clone()),
                silence = format!("{:?}", gate.on_timeout.unwrap_or_default())
            ))
        }
        Act::Notify(notify) => Some(t!(
            lang,
            "plan-act-notify",
            channels = notify.channels.join(", "),
            message = said(&notify.message, lang)
        )),
        Act::Run(run) => {
            let namespace = run.namespace.clone();
            Some(if run.undo.is_some() {
                t!(lang, "plan-act-run", namespace = namespace)
            } else {
                t!(lang, "plan-act-run-for-good", namespace = namespace)
            })
        }
        Act::Call(call) => Some(match &call.undo {
            Some(undo) => t!(
                lang,
                "plan-act-call",
                url = call.url.clone(),
                undo = undo.clone()
            ),
            None => t!(lang, "plan-act-call-for-good", url = call.url.clone()),
        }),
        Act::Scale(_)
        | Act::Suspend(_)
        | Act::Isolate(_)
        | Act::Access(_)
        | Act::Config(_)
        | Act::Route(_)
        | Act::Freeze(_)
        | Act::Patch(_)
        | Act::Apply(_) => None,
    }
}

/// Where a step freezes, whom it stops and who may go on; nothing where it freezes nothing.
pub fn freezes(source: &Step, planned: &PlannedStep, lang: Lang) -> Option<String> {
    let asked = source.freeze.as_ref()?;
    let manifests = planned.changes.iter();
    let manifests = manifests.filter_map(|change| change.after.value());
    let spaces: Vec<&str> = manifests.filter_map(freeze::namespace).collect();
    if spaces.is_empty() {
        return None;
    }
    let names = |principals: &[Principal]| {
        let named = principals.iter().map(|one| one.name.as_str());
        named.collect::<Vec<_>>().join(", ")
    };
    let mut shown = spaces.iter().take(SPACES).copied().collect::<Vec<_>>();
    if spaces.len() > SPACES {
        shown.push("…");
    }
    let (count, spaces) = (spaces.len(), shown.join(", "));
    let stopped = if asked.automation.is_empty() {
        t!(lang, "plan-freeze-people")
    } else {
        t!(
            lang,
            "plan-freeze-people-and",
            names = names(&asked.automation)
        )
    };
    let except = if asked.except.is_empty() {
        t!(lang, "plan-freeze-nobody")
    } else {
        t!(lang, "plan-freeze-except", names = names(&asked.except))
    };
    Some(t!(
        lang,
        "plan-act-freeze",
        count = count,
        namespaces = spaces,
        stopped = stopped,
        except = except
    ))
}

/// Namespaces that are listed of a freeze: what a person reads at one glance.
const SPACES: usize = 8;
/// How long a step may take where it does not say.
const DEFAULT: &str = "10m";

fn waits(wait: &Wait, step: &Step, lang: Lang) -> String {
    let what = if let Some(ready) = &wait.ready {
        t!(
            lang,
            "plan-act-ready",
            percent = i64::from(ready.percent),
            step = ready.step.clone()
        )
    } else if let Some(rollout) = &wait.rollout {
        t!(lang, "plan-act-rollout", step = rollout.step.clone())
    } else if let Some(condition) = &wait.condition {
        let status = condition
            .status
            .clone()
            .unwrap_or_else(|| "True".to_owned());
        format!("{}={status}", condition.type_)
    } else {
        let text = wait.expression.as_ref().or(wait.prom_ql.as_ref());
        text.cloned().unwrap_or_default()
    };
    let timeout = step
        .timeout
        .as_ref()
        .map_or_else(|| DEFAULT.to_owned(), |term| term.0.clone());
    t!(lang, "plan-act-wait", what = what, timeout = timeout)
}

/// A text in the language, else in the other one.
pub fn said(text: &Localized, lang: Lang) -> String {
    let (first, second) = match lang {
        Lang::En => (&text.en, &text.zh_cn),
        Lang::ZhCn => (&text.zh_cn, &text.en),
    };
    first.clone().or_else(|| second.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::plan::Change;
    use crate::field::Image;

    /// Who approves at night must read what they will be asked, and what nothing undoes.
    #[test]
    fn every_act_says_what_it_will_do() {
        let rows = [
            (
                "wait: { ready: { step: up, percent: 95 } }\ntimeout: 8m",
                "waits until 95 % of step up are ready, at most 8m",
            ),
            (
                "wait: { promQL: 'up > 0' }",
                "waits until up > 0, at most 10m",
            ),
            (
                "gate: { groups: [command], prompt: { en: Close? }, onTimeout: Skip }",
                "asks command: “Close?”; silence for 10m means Skip",
            ),
            (
                "notify: { channels: [districts], message: { en: Closed } }",
                "tells districts: “Closed”",
            ),
            (
                "run: { namespace: portal, job: {}, irreversible: true }",
                "runs a Job in portal; nothing undoes it",
            ),
            (
                "call: { url: 'https://a', undo: 'https://b' }",
                "calls https://a; the return calls https://b",
            ),
        ];
        for (act, expected) in rows {
            let step: Step = serde_yaml::from_str(&format!("name: s\n{act}")).expect(act);
            assert_eq!(text(&step, Lang::En).as_deref(), Some(expected));
            let chinese = text(&step, Lang::ZhCn).expect("a text");
            assert_ne!(chinese, expected, "{act}");
        }
        let scale: Step = serde_yaml::from_str("name: s\nscale: { replicas: 1 }").expect("a step");
        assert_eq!(text(&scale, Lang::En), None);
    }

    /// Who approves a freeze must read whom it stops, and who may go on.
    #[test]
    fn a_freeze_says_where_it_is_and_whom_it_stops() {
        let asked = "name: s\nfreeze: { namespaces: {}, automation: [ { kind: ServiceAccount, namespace: ci, \
                     name: deployer } ], except: [ { kind: Group, name: command } ] }";
        let source: Step = serde_yaml::from_str(asked).expect("a step");
        let plan = crate::cli::samples::plan();
        let mut planned = plan.stages[0].steps[0].clone();
        let change = planned.changes[0].clone();
        let freeze = |namespace: &str| Change {
            after: Image::Present(
                json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze",
                "metadata": { "namespace": namespace } }),
            ),
            ..change.clone()
        };
        planned.changes = vec![freeze("portal"), freeze("tax")];
        assert_eq!(
            freezes(&source, &planned, Lang::En).as_deref(),
            Some(
                "freezes 2 namespaces (portal, tax): people and deployer change nothing there, but for \
                 command; what comes after it waits until that is proven, and it is lifted last"
            )
        );
        assert_eq!(
            freezes(&source, &planned, Lang::ZhCn).as_deref(),
            Some(
                "冻结 2 个命名空间（portal, tax）：人员以及 deployer 不得改动其中任何内容，command 除外；\
                 探测证实之后才继续后面的步骤，恢复时最后解除"
            )
        );
        let bare = "name: s\nfreeze: { namespaces: {} }";
        let bare: Step = serde_yaml::from_str(bare).expect("a step");
        planned.changes = vec![freeze("portal")];
        assert_eq!(
            freezes(&bare, &planned, Lang::En).as_deref(),
            Some(
                "freezes the namespace portal: people change nothing there, with no exception; what comes \
                 after it waits until that is proven, and it is lifted last"
            )
        );
        planned.changes.clear();
        assert_eq!(freezes(&bare, &planned, Lang::En), None);
    }
}
