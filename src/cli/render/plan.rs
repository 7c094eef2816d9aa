//! A plan as a table, as one unified diff a target, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use similar::TextDiff;

use crate::api::Step;
use crate::engine::plan::{Change, Finding, Plan, PlannedStage, PlannedStep};
use crate::field::{Image, Target, creation};
use crate::i18n::Lang;
use crate::t;

use super::{Tone, View, acts, drawn};

/// Lines around a change in a diff: all of a field's value that matters is the change itself.
const CONTEXT: usize = 3;

/// The plan for people: per stage and step what is changed, left alone and worth knowing.
pub fn table(plan: &Plan, view: &View) -> String {
    let lang = view.lang;
    let mut page = vec![summary(plan, lang) + &findings(plan, lang)];
    for stage in &plan.stages {
        page.push(stage_head(stage, lang));
        if stage.left_out.is_none() {
            let texts = stage.steps.iter().map(|step| {
                let source = plan.source(&stage.name, &step.name);
                step_text(step, source, view)
            });
            page.extend(texts);
        }
    }
    page.join("\n\n")
}

/// What the plan is, and how much it does.
pub fn summary(plan: &Plan, lang: Lang) -> String {
    let counts = counts(plan);
    let head = t!(
        lang,
        "plan-head",
        playbook = plan.playbook.clone(),
        level = plan.level.as_str(),
        account = plan.spec.service_account_name.clone(),
        term = plan.expires_after.0.clone(),
        hash = plan.hash.clone()
    );
    let figures = t!(
        lang,
        "plan-figures",
        changes = counts.changes,
        targets = counts.targets,
        writes = counts.writes,
        restores = 2 * counts.targets,
        requests = plan.requests()
    );
    let mut page = format!("{head}\n{figures}");
    if plan.tabletop {
        page += "\n";
        page += &t!(lang, "plan-tabletop");
    }
    page
}

/// What is worth knowing of the plan as a whole, a line each. Empty where there is nothing.
pub fn findings(plan: &Plan, lang: Lang) -> String {
    let lines = plan.findings.iter();
    let lines = lines.map(|finding| t!(lang, "plan-finding", text = finding.text.clone()));
    lines.fold(String::new(), |page, line| page + "\n" + &line)
}

/// What the operator would refuse about the plan, a line each: what could not be read, and what
/// must be written otherwise. Empty where there is nothing.
pub fn obstacles(plan: &Plan, lang: Lang) -> String {
    let problems = plan.problems().into_iter().chain(plan.faults());
    let lines =
        problems.map(|(step, why)| t!(lang, "plan-problem", text = format!("{step}: {why}")));
    lines.fold(String::new(), |page, line| page + "\n  " + &line)
}

/// How much a plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Fields.
    changes: i64,
    /// Objects.
    targets: i64,
    /// Requests that write targets on the way there: one an object and stage.
    writes: i64,
}

fn counts(plan: &Plan) -> Counts {
    let mut counts = Counts::default();
    let mut targets = BTreeSet::new();
    for stage in plan.stages.iter().filter(|stage| stage.left_out.is_none()) {
        let mut writes = BTreeSet::new();
        for step in &stage.steps {
            counts.changes += i64::try_from(step.changes.len()).unwrap_or(i64::MAX);
            writes.extend(step.changes.iter().map(|change| change.target.uid.as_str()));
        }
        counts.writes += i64::try_from(writes.len()).unwrap_or(i64::MAX);
        targets.extend(writes);
    }
    counts.targets = i64::try_from(targets.len()).unwrap_or(i64::MAX);
    counts
}

fn stage_head(stage: &PlannedStage, lang: Lang) -> String {
    let name = stage.name.clone();
    match &stage.left_out {
        Some(why) => t!(lang, "plan-stage-left-out", name = name, why = why.clone()),
        None if stage.depends_on.is_empty() => t!(lang, "plan-stage", name = name),
        None => t!(
            lang,
            "plan-stage-after",
            name = name,
            after = stage.depends_on.join(", ")
        ),
    }
}

fn step_text(step: &PlannedStep, source: Option<&Step>, view: &View) -> String {
    let lang = view.lang;
    let mut page = if step.after.is_empty() {
        t!(
            lang,
            "plan-step",
            name = step.name.clone(),
            act = step.act.clone()
        )
    } else {
        let after = step.after.join(", ");
        t!(
            lang,
            "plan-step-after",
            name = step.name.clone(),
            act = step.act.clone(),
            after = after
        )
    };
    page.push('\n');
    if let Some(act) = source
        .and_then(|source| acts::text(source, lang).or_else(|| acts::freezes(source, step, lang)))
    {
        let _ = writeln!(page, "{act}");
    } else if step.changes.is_empty() {
        let _ = writeln!(page, "{}", t!(lang, "plan-step-empty"));
    } else {
        page += &changes(step, view);
    }
    for problem in step.problems.iter().chain(&step.faults) {
        let _ = writeln!(page, "{}", t!(lang, "plan-problem", text = problem.clone()));
    }
    for skip in &step.skipped {
        let (target, why) = (skip.target.clone(), skip.why.clone());
        let _ = writeln!(
            page,
            "{}",
            t!(lang, "plan-skipped", target = target, why = why)
        );
    }
    for finding in &step.findings {
        let text = finding.text.clone();
        let _ = writeln!(page, "{}", t!(lang, "plan-finding", text = text));
    }
    page.trim_end().to_owned()
}

fn changes(step: &PlannedStep, view: &View) -> String {
    let lang = view.lang;
    let mut table = view.table(&[
        t!(lang, "col-target"),
        t!(lang, "col-field"),
        t!(lang, "col-base"),
        t!(lang, "col-after"),
        t!(lang, "col-why"),
    ]);
    for change in &step.changes {
        let [field, base, after] = if creation::is(&change.target.uid) {
            [
                t!(lang, "plan-object"),
                t!(lang, "plan-not-there"),
                t!(lang, "plan-made"),
            ]
        } else {
            let (base, after) = (change.base.display(), change.after.display());
            [change.path.to_pointer(), base, after]
        };
        table.add_row(vec![
            view.cell(target(&change.target), Tone::Plain),
            view.cell(field, Tone::Plain),
            view.cell(base, Tone::Faint),
            view.cell(after, Tone::Busy),
            view.cell(&change.why, Tone::Plain),
        ]);
    }
    drawn(table)
}

/// A target as people write it: `Deployment portal/web`.
pub fn target(target: &Target) -> String {
    if target.namespace.is_empty() {
        format!("{} {}", target.kind, target.name)
    } else {
        format!("{} {}/{}", target.kind, target.namespace, target.name)
    }
}

/// One unified diff a target, in the order in which targets first appear.
pub fn diff(plan: &Plan) -> String {
    let mut order: Vec<&Target> = Vec::new();
    let mut by_uid: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for stage in plan.stages.iter().filter(|stage| stage.left_out.is_none()) {
        for change in stage.steps.iter().flat_map(|step| &step.changes) {
            let list = by_uid.entry(change.target.uid.as_str()).or_default();
            if list.is_empty() {
                order.push(&change.target);
            }
            list.push(change);
        }
    }
    let mut page = String::new();
    for of in order {
        let changes = by_uid.remove(of.uid.as_str()).unwrap_or_default();
        let side = |image: fn(&Change) -> &Image| -> String {
            changes
                .iter()
                .map(|change| lines(change, image(change)))
                .collect()
        };
        let (base, after) = (side(|change| &change.base), side(|change| &change.after));
        let name = target(of);
        let diff = TextDiff::from_lines(&base, &after);
        let _ = write!(
            page,
            "{}",
            diff.unified_diff()
                .context_radius(CONTEXT)
                .header(&format!("{name} (peacetime)"), &format!("{name} (wartime)"))
        );
    }
    page.trim_end().to_owned()
}

/// A field as lines: a text of several lines keeps them, so that a diff shows the ones that change.
fn lines(change: &Change, image: &Image) -> String {
    let pointer = change.path.to_pointer();
    match image.value() {
        None => String::new(),
        Some(object) if creation::is(&change.target.uid) => {
            serde_yaml::to_string(object).unwrap_or_default()
        }
        Some(Value::String(text)) if text.contains('\n') => {
            let mut page = format!("{pointer}: |\n");
            for line in text.lines() {
                let _ = writeln!(page, "  {line}");
            }
            page
        }
        Some(value) => format!("{pointer}: {value}\n"),
    }
}

/// The plan for programs. A field that is absent has no `base` or `after`.
pub fn json(plan: &Plan) -> Value {
    let counts = counts(plan);
    json!({
        "playbook": plan.playbook,
        "playbookUid": plan.playbook_uid,
        "account": plan.spec.service_account_name,
        "expiresAfter": plan.expires_after,
        "level": plan.level,
        "nature": plan.nature,
        "tabletop": plan.tabletop,
        "parameters": plan.parameters,
        "scope": plan.scope,
        "hash": plan.hash,
        "counts": {
            "changes": counts.changes,
            "targets": counts.targets,
            "writes": counts.writes,
            "requests": plan.requests(),
        },
        "findings": texts(&plan.findings),
        "stages": plan.stages.iter().map(stage_json).collect::<Vec<_>>(),
    })
}

fn texts(findings: &[Finding]) -> Vec<&str> {
    let texts = findings.iter().map(|finding| finding.text.as_str());
    texts.collect()
}

fn stage_json(stage: &PlannedStage) -> Value {
    json!({
        "name": stage.name,
        "dependsOn": stage.depends_on,
        "leftOut": stage.left_out,
        "onFailure": stage.on_failure,
        "minSuccess": stage.min_success,
        "steps": stage.steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn step_json(step: &PlannedStep) -> Value {
    let skipped: Vec<Value> = step
        .skipped
        .iter()
        .map(|skip| json!({ "target": skip.target, "why": skip.why }))
        .collect();
    json!({
        "name": step.name,
        "act": step.act,
        "after": step.after,
        "timeoutSeconds": step.timeout_seconds,
        "critical": step.critical,
        "changes": step.changes.iter().map(change_json).collect::<Vec<_>>(),
        "skipped": skipped,
        "findings": texts(&step.findings),
        "problems": step.problems,
        "faults": step.faults,
    })
}

fn change_json(change: &Change) -> Value {
    let target = &change.target;
    let mut object = Map::new();
    object.insert(
        "target".to_owned(),
        json!({
            "apiVersion": target.api_version,
            "kind": target.kind,
            "namespace": target.namespace,
            "name": target.name,
            "uid": target.uid,
        }),
    );
    object.insert("path".to_owned(), change.path.to_pointer().into());
    object.insert("why".to_owned(), change.why.clone().into());
    let sides = [("base", &change.base), ("after", &change.after)];
    for (key, image) in sides {
        if let Some(value) = image.value() {
            object.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::samples;

    fn view(lang: Lang) -> View {
        View {
            lang,
            width: Some(80),
            bars: true,
            colour: false,
            zone: TimeZone::UTC,
        }
    }

    /// What a declarer and an approver read before they say yes.
    #[test]
    fn a_plan_reads_well_at_80_columns() {
        insta::assert_snapshot!("table_en", table(&samples::plan(), &view(Lang::En)));
        insta::assert_snapshot!("table_zh_cn", table(&samples::plan(), &view(Lang::ZhCn)));
    }

    /// Who plans for the table must not read that services will change, nor the other way round.
    #[test]
    fn a_plan_for_the_table_says_that_nothing_is_carried_out() {
        let words = [
            (Lang::En, "nothing of it is carried out"),
            (Lang::ZhCn, "不实际执行"),
        ];
        for (lang, words) in words {
            let mut plan = samples::plan();
            assert!(!summary(&plan, lang).contains(words));
            plan.tabletop = true;
            assert!(summary(&plan, lang).contains(words));
        }
    }

    /// What an engineer reads: one diff a target, absent fields as lines that come and go.
    #[test]
    fn the_diff_shows_every_change_of_a_target_together() {
        let page = diff(&samples::plan());
        assert_eq!(page.matches("\n--- ").count() + 1, 3);
        insta::assert_snapshot!("diff", page);
    }

    /// An object that is made is no field of one that is there, and the diff has its whole text.
    #[test]
    fn an_object_that_is_made_is_shown_as_one() {
        let mut plan = samples::plan();
        let mut steps = plan.stages.iter_mut().flat_map(|stage| &mut stage.steps);
        let step = steps.find(|step| !step.changes.is_empty());
        let step = step.expect("a step that changes something");
        step.changes.truncate(1);
        let change = &mut step.changes[0];
        change.target = creation::target("v1", "ConfigMap", "configmaps", "portal", "notice");
        change.path = creation::path();
        change.base = Image::Absent;
        change.after = Image::Present(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "notice", "namespace": "portal" }, "data": { "text": "stay at home" },
        }));
        for (lang, words) in [
            (Lang::En, ["(the object)", "(not there)", "(made)"]),
            (Lang::ZhCn, ["（整个对象）", "（不存在）", "（新建）"]),
        ] {
            let view = View {
                width: Some(200),
                ..view(lang)
            };
            let page = table(&plan, &view);
            assert!(words.iter().all(|word| page.contains(word)), "{page}");
            assert!(page.contains("ConfigMap portal/notice"), "{page}");
        }
        let page = diff(&plan);
        assert!(page.contains("+  text: stay at home"), "{page}");
    }

    /// What programs read.
    #[test]
    fn the_json_holds_every_change() {
        let object = json(&samples::plan());
        assert_eq!(object["counts"]["changes"], 4);
        insta::assert_json_snapshot!("json", object);
    }

    /// The figures of the head are what people approve: an object that two steps of a stage change
    /// is one object and one write, what is left out does not count.
    #[test]
    fn figures_count_objects_once() {
        let counts = counts(&samples::plan());
        assert_eq!((counts.changes, counts.targets, counts.writes), (4, 3, 3));
    }
}
