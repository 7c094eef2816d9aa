//! A mode in full, and modes in a list.

use std::fmt::Write as _;

use crate::api::{
    Condition, EmergencyMode, EmergencyModeStatus, StageState, StageStatus, TargetStatus, condition,
};
use crate::engine::decide;
use crate::i18n::Lang;
use crate::t;

use super::counts::counts;
use super::denies::denies;
use super::findings;
use super::review;
use super::{Tone, View, bar, drawn, nature_word, phase_tone, phase_word, short_hash, stage_word};

/// Columns that a list needs to show what modes wait for beside the rest.
const WIDE: u16 = 120;

/// One line a mode; on narrow terminals what modes wait for stands below.
pub fn list(view: &View, modes: &[EmergencyMode]) -> String {
    let lang = view.lang;
    if modes.is_empty() {
        return t!(lang, "status-none");
    }
    let wide = view.width.is_none_or(|width| width >= WIDE);
    let mut header = vec![
        t!(lang, "col-name"),
        t!(lang, "col-playbook"),
        t!(lang, "col-level"),
        t!(lang, "col-nature"),
        t!(lang, "col-phase"),
        t!(lang, "col-expires"),
    ];
    header.extend(wide.then(|| t!(lang, "col-waiting")));
    let mut table = view.table(&header);
    let mut below = String::new();
    for mode in modes {
        let status = mode.status.clone().unwrap_or_default();
        let expires = status
            .granted
            .as_ref()
            .map(|granted| view.time(granted.expires_at));
        let mut row = vec![
            view.cell(name(mode), Tone::Plain),
            view.cell(&mode.spec.playbook_ref.name, Tone::Plain),
            view.cell(mode.spec.level, Tone::Plain),
            view.cell(
                nature_word(lang, mode.spec.nature, mode.spec.tabletop),
                Tone::Plain,
            ),
            view.cell(phase_word(lang, status.phase), phase_tone(status.phase)),
            view.cell(expires.unwrap_or_default(), Tone::Plain),
        ];
        let waits = review::waits(lang, &name(mode), &status);
        if wide {
            row.push(view.cell(waits.unwrap_or_default(), Tone::Plain));
        } else if let Some(sentence) = waits {
            let _ = write!(below, "\n{}: {sentence}", name(mode));
        }
        table.add_row(row);
    }
    let gap = if below.is_empty() { "" } else { "\n" };
    format!("{}{gap}{below}", drawn(table).trim_end())
}

/// Everything that the status of one mode says.
pub fn full(view: &View, mode: &EmergencyMode) -> String {
    let status = mode.status.clone().unwrap_or_default();
    let parts = [
        head(view, mode, &status),
        findings::waiting(view, mode),
        stages(view, &status.stages),
        counts(view.lang, &status),
        targets(view, &status),
        conditions(view, &status.conditions),
        timeline(view, &status),
    ];
    let filled: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    filled.join("\n\n")
}

fn name(mode: &EmergencyMode) -> String {
    mode.metadata.name.clone().unwrap_or_default()
}

/// Who, what, why, by what authority, and what is waited for.
fn head(view: &View, mode: &EmergencyMode, status: &EmergencyModeStatus) -> String {
    let (lang, spec) = (view.lang, &mode.spec);
    let mut table = view.table(&[]);
    let mut row = |label: String, text: String, tone: Tone| {
        table.add_row(vec![view.cell(label, Tone::Faint), view.cell(text, tone)]);
    };
    let phase = phase_word(lang, status.phase);
    row(t!(lang, "label-mode"), name(mode), Tone::Plain);
    row(t!(lang, "label-phase"), phase, phase_tone(status.phase));
    let nature = nature_word(lang, spec.nature, spec.tabletop);
    row(
        t!(lang, "label-level"),
        t!(
            lang,
            "value-level",
            level = spec.level.as_str(),
            nature = nature
        ),
        Tone::Plain,
    );
    row(
        t!(lang, "label-playbook"),
        spec.playbook_ref.name.clone(),
        Tone::Plain,
    );
    row(t!(lang, "label-reason"), spec.reason.clone(), Tone::Plain);
    if let Some(basis) = &spec.legal_basis {
        let parts = [
            Some(&basis.instrument),
            basis.article.as_ref(),
            basis.order_number.as_ref(),
        ];
        let text: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        row(t!(lang, "label-legal-basis"), text.join(" · "), Tone::Plain);
    }
    if let Some(decided) = &spec.decided_by {
        let role = decided
            .role
            .as_ref()
            .map(|role| format!(" · {role}"))
            .unwrap_or_default();
        row(
            t!(lang, "label-decided-by"),
            format!("{}{role}", decided.name),
            Tone::Plain,
        );
    }
    let declared = t!(
        lang,
        "value-declared",
        user = spec.requested_by.clone(),
        group = spec.requested_as.clone()
    );
    row(t!(lang, "label-declared-by"), declared, Tone::Plain);
    for (label, text) in authority(view, status) {
        row(label, text, Tone::Plain);
    }
    for (label, text, tone) in review::awaited(lang, &name(mode), status) {
        row(label, text, tone);
    }
    drawn(table)
}

/// The plan, what is granted, what is proposed, and how long the ways took.
fn authority(view: &View, status: &EmergencyModeStatus) -> Vec<(String, String)> {
    let lang = view.lang;
    let mut rows = Vec::new();
    if let Some(plan) = &status.plan {
        let text = t!(
            lang,
            "value-plan",
            hash = short_hash(&plan.hash),
            changes = plan.changes,
            targets = plan.targets,
            amendments = plan.amendments
        );
        rows.push((t!(lang, "label-plan"), text));
    }
    if let Some(granted) = &status.granted {
        let text = t!(
            lang,
            "value-granted",
            level = granted.level.as_str(),
            until = view.time(granted.expires_at),
            approvals = granted.approvals,
            at = view.time(granted.at)
        );
        rows.push((t!(lang, "label-granted"), text));
    }
    if let Some(proposed) = &status.proposed {
        let text = t!(
            lang,
            "value-proposed",
            level = proposed.level.as_str(),
            term = proposed.expires_after.0.clone(),
            changes = proposed.changes,
            hash = short_hash(&proposed.plan_hash)
        );
        rows.push((t!(lang, "label-proposed"), text));
    }
    rows.extend(denies(lang, status).map(|text| (t!(lang, "label-denies"), text)));
    rows.extend(ways(lang, status));
    rows
}

/// How long the switch and the return took.
fn ways(lang: Lang, status: &EmergencyModeStatus) -> Vec<(String, String)> {
    let ways = [
        (t!(lang, "label-switch"), &status.switch),
        (t!(lang, "label-restore"), &status.restore),
    ];
    let mut rows = Vec::new();
    for (label, way) in ways {
        let Some(way) = way else { continue };
        let text = match (&way.objective, way.met) {
            (Some(objective), Some(true)) => {
                t!(
                    lang,
                    "value-took-met",
                    took = way.took.clone(),
                    objective = objective.clone()
                )
            }
            (Some(objective), Some(false)) => {
                t!(
                    lang,
                    "value-took-missed",
                    took = way.took.clone(),
                    objective = objective.clone()
                )
            }
            (_, _) => way.took.clone(),
        };
        rows.push((label, text));
    }
    rows
}

fn stages(view: &View, stages: &[StageStatus]) -> String {
    if stages.is_empty() {
        return String::new();
    }
    let lang = view.lang;
    let mut header = vec![t!(lang, "col-stage"), t!(lang, "col-state")];
    header.extend(view.bars.then(|| t!(lang, "col-progress")));
    header.extend([t!(lang, "col-applied"), t!(lang, "col-failed")]);
    let asked = stages.iter().any(|stage| stage.ready.is_some());
    header.extend(asked.then(|| t!(lang, "col-ready")));
    header.push(t!(lang, "col-message"));
    let mut table = view.table(&header);
    for stage in stages {
        let mut row = vec![
            view.cell(&stage.name, Tone::Plain),
            view.cell(stage_word(lang, stage.state), stage_tone(stage.state)),
        ];
        if view.bars {
            let drawn = match stage.state {
                StageState::Skipped => String::new(),
                // A stage that has not begun may have no changes yet: that is not a full bar.
                StageState::Waiting => bar(stage.applied, stage.changes.max(1)),
                StageState::Running
                | StageState::Done
                | StageState::Failed
                | StageState::Restored => bar(stage.applied, stage.changes),
            };
            row.push(view.cell(drawn, stage_tone(stage.state)));
        }
        let failed = if stage.failed > 0 {
            Tone::Bad
        } else {
            Tone::Plain
        };
        row.extend([
            view.cell(format!("{}/{}", stage.applied, stage.changes), Tone::Plain),
            view.cell(stage.failed, failed),
        ]);
        if asked {
            let ready = stage.ready.map(|ready| ready.to_string());
            row.push(view.cell(ready.unwrap_or_default(), Tone::Plain));
        }
        row.push(view.cell(stage.message.clone().unwrap_or_default(), Tone::Plain));
        table.add_row(row);
    }
    drawn(table)
}

const fn stage_tone(state: StageState) -> Tone {
    match state {
        StageState::Waiting => Tone::Plain,
        StageState::Running => Tone::Busy,
        StageState::Done | StageState::Restored => Tone::Good,
        StageState::Failed => Tone::Bad,
        StageState::Skipped => Tone::Faint,
    }
}

/// The targets that are not as they should be, with what a verdict needs.
fn targets(view: &View, status: &EmergencyModeStatus) -> String {
    let (mut covered, mut astray) = (String::new(), String::new());
    for target in &status.targets {
        let place = match &target.namespace {
            Some(namespace) => format!("{} {namespace}/{}", target.kind, target.name),
            None => format!("{} {}", target.kind, target.name),
        };
        let message = target.message.as_deref().unwrap_or_default();
        if target.state == TargetStatus::COVERED {
            let _ = writeln!(covered, "{place} {}\n    {message}", target.path);
            continue;
        }
        let (state, path) = (&target.state, &target.path);
        let _ = writeln!(astray, "{state} {place} {path}\n    {message}");
        let _ = writeln!(astray, "    --uid {} --path {path}", target.uid);
    }
    let parts = [
        (astray, t!(view.lang, "targets-head")),
        (covered, t!(view.lang, "targets-covered")),
    ];
    let parts = parts.into_iter().filter(|(page, _)| !page.is_empty());
    let parts: Vec<String> = parts
        .map(|(page, head)| format!("{head}\n{page}"))
        .collect();
    parts.join("\n")
}

/// The conditions that need somebody, and how many there are beside them.
fn conditions(view: &View, conditions: &[Condition]) -> String {
    let lang = view.lang;
    if conditions.is_empty() {
        return String::new();
    }
    let mut table = view.table(&[
        t!(lang, "col-condition"),
        t!(lang, "col-status"),
        t!(lang, "col-reason"),
        t!(lang, "col-message"),
    ]);
    let mut quiet: i64 = 0;
    for condition in conditions {
        if !needs_somebody(condition) {
            quiet += 1;
            continue;
        }
        table.add_row(vec![
            view.cell(&condition.type_, Tone::Plain),
            view.cell(&condition.status, condition_tone(condition)),
            view.cell(&condition.reason, Tone::Plain),
            view.cell(&condition.message, Tone::Plain),
        ]);
    }
    let quietly = t!(lang, "conditions-quiet", n = quiet);
    match (table.is_empty(), quiet) {
        (true, _) => quietly,
        (false, 0) => drawn(table),
        (false, _) => format!("{}\n{quietly}", drawn(table).trim_end()),
    }
}

/// Whether a condition is one that a person should look at: trouble that is there, what is not
/// known, a review that is awaited, a switch that left something alone, which its sentence goes on
/// to say, and what was given up for lost.
fn needs_somebody(condition: &Condition) -> bool {
    let goes_on = condition.type_ == condition::types::ACTIVE && condition.message.contains(';');
    match condition.status.as_str() {
        "True" => is_trouble(condition) || decide::asks_for_review(condition) || goes_on,
        "False" => decide::says_given_up(condition),
        _ => true,
    }
}

fn is_trouble(condition: &Condition) -> bool {
    use condition::types::{
        BLOCKED, CONTESTED, DEGRADED, DRIFTED, EXPIRING, KEPT_IN_GIT, PAUSED, STALLED,
    };
    let is_one = matches!(
        condition.type_.as_str(),
        BLOCKED | CONTESTED | DEGRADED | DRIFTED | EXPIRING | KEPT_IN_GIT | PAUSED | STALLED
    );
    is_one || decide::says_overdue(condition)
}

fn condition_tone(condition: &Condition) -> Tone {
    match (condition.status.as_str(), is_trouble(condition)) {
        ("True", true) => Tone::Bad,
        ("True", false) => Tone::Good,
        _ => Tone::Faint,
    }
}

/// The last events: enough to see what is going on, the rest is in the object.
fn timeline(view: &View, status: &EmergencyModeStatus) -> String {
    /// A screen holds these with everything above.
    const LINES: usize = 8;
    if status.timeline.is_empty() {
        return String::new();
    }
    let mut table = view.table(&[]);
    for entry in status.timeline.iter().take(LINES) {
        table.add_row(vec![
            view.cell(view.time(entry.at), Tone::Faint),
            view.cell(&entry.event, Tone::Plain),
            view.cell(&entry.message, Tone::Plain),
        ]);
    }
    format!("{}\n{}", t!(view.lang, "timeline-head"), drawn(table))
}

#[cfg(test)]
mod tests {
    use jiff::tz::{TimeZone, offset};

    use super::*;
    use crate::cli::samples;

    fn view(lang: Lang) -> View {
        let zone = TimeZone::fixed(offset(8));
        View {
            lang,
            width: Some(80),
            bars: true,
            colour: false,
            zone,
        }
    }

    /// What command looks at during an emergency, on the narrowest usual terminal.
    #[test]
    fn status_of_an_active_mode_reads_well_at_80_columns() {
        for (lang, name) in [(Lang::En, "active_en"), (Lang::ZhCn, "active_zh_cn")] {
            let page = full(&view(lang), &samples::active());
            insta::assert_snapshot!(name, page);
        }
    }

    /// What lies beneath another mode is as it should be: whoever reads at night that it is not, and
    /// which flags a verdict takes, gives one.
    #[test]
    fn what_another_mode_covers_asks_for_nothing() {
        let mut mode = samples::active();
        let targets = &mut mode.status.as_mut().expect("a status").targets;
        let covered = TargetStatus {
            name: "portal-api".into(),
            state: TargetStatus::COVERED.into(),
            message: Some("heat lies over it".into()),
            ..targets[0].clone()
        };
        targets.insert(0, covered.clone());
        let page = full(&view(Lang::En), &mode);
        let (astray, after) = page
            .split_once("Beneath another mode (nothing has to be done):\n")
            .expect("a part of its own");
        assert!(
            astray.contains("Drifted Deployment portal/portal-web"),
            "{page}"
        );
        assert!(!astray.contains("portal-api"), "{page}");
        let mine = "Deployment portal/portal-api /spec/replicas\n    heat lies over it\n";
        assert!(
            after.starts_with(mine) && !after.contains("--uid"),
            "{page}"
        );
        let targets = &mut mode.status.as_mut().expect("a status").targets;
        *targets = vec![covered];
        let page = full(&view(Lang::En), &mode);
        assert!(!page.contains("Not as they should be"), "{page}");
    }

    /// What approvers look at.
    #[test]
    fn status_of_a_pending_mode_reads_well_at_80_columns() {
        for (lang, name) in [(Lang::En, "pending_en"), (Lang::ZhCn, "pending_zh_cn")] {
            insta::assert_snapshot!(name, full(&view(lang), &samples::pending()));
        }
    }

    /// A mode that the operator has not seen yet has no status; it must be shown all the same.
    #[test]
    fn a_mode_without_status_is_shown() {
        let mut mode = samples::pending();
        mode.status = None;
        insta::assert_snapshot!("no_status_en", full(&view(Lang::En), &mode));
    }

    /// Scripts cut columns: no line is broken where there is no terminal.
    #[test]
    fn the_list_of_modes_has_one_line_each_without_a_terminal() {
        let modes = [samples::active(), samples::pending(), samples::proposed()];
        let plain = View {
            width: None,
            bars: false,
            ..view(Lang::En)
        };
        let page = list(&plain, &modes);
        assert_eq!(page.lines().count(), 4);
        insta::assert_snapshot!("list_en", page);
        insta::assert_snapshot!("list_zh_cn_80", list(&view(Lang::ZhCn), &modes));
    }

    /// Whatever else is waited for, an overdue review is said: in the list, at the head of the page and
    /// among what needs somebody.
    #[test]
    fn an_overdue_review_is_shown_beside_everything_else() {
        let mode = samples::without_quorum(decide::OVERDUE);
        for (lang, name, says) in [
            (Lang::En, "overdue_en", "review is overdue"),
            (Lang::ZhCn, "overdue_zh_cn", "复核已逾期"),
        ] {
            let page = full(&view(lang), &mode);
            assert!(
                page.contains(says) && page.contains(decide::OVERDUE),
                "{page}"
            );
            insta::assert_snapshot!(name, page);
            let wide = View {
                width: None,
                ..view(lang)
            };
            for view in [wide, view(lang)] {
                let page = list(&view, std::slice::from_ref(&mode));
                assert!(page.contains(says), "{page}");
            }
        }
    }
}
