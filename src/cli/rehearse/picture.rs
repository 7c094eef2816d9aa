//! The timeline of a rehearsal as a drawing: stages as bars, what people and faults did as marks.
//! Plain SVG, for a page that loads nothing.

use std::fmt::Write as _;

use crate::api::StageState;
use crate::i18n::Lang;
use crate::rehearsal::report::{Happened, Report};
use crate::t;

use super::html::escape;
use super::words::clock;

/// Width of the drawing.
const WIDTH: f64 = 920.0;
/// Where names end and time begins.
const LEFT: f64 = 170.0;
/// How much is left at the end, for the last label.
const RIGHT: f64 = 24.0;
/// Height of a row.
const ROW: f64 = 26.0;
/// Where the first row begins.
const TOP: f64 = 18.0;

/// Where a moment is. The time in which nothing happens (the mode is held) is drawn as long as a tenth
/// of everything: a switch of two minutes would otherwise be a line.
struct Scale {
    held: Option<(f64, f64)>,
    whole: f64,
}

impl Scale {
    fn of(report: &Report) -> Self {
        let at = |wanted: fn(&Happened) -> bool| {
            let found = report.moments.iter().find(|one| wanted(&one.what));
            found.map(|one| one.at)
        };
        let last = report.moments.iter().map(|one| one.at).fold(1.0, f64::max);
        let from = at(|what| matches!(what, Happened::Active | Happened::GaveUp { .. }));
        let to = at(|what| matches!(what, Happened::StoodDown { .. }));
        Self {
            held: from.zip(to).filter(|(from, to)| to > from),
            whole: last,
        }
    }

    fn x(&self, at: f64) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        let Some((from, to)) = self.held else {
            return LEFT + room * (at / self.whole).clamp(0.0, 1.0);
        };
        let rest = (self.whole - (to - from)).max(1.0);
        let share = if at <= from {
            0.9 * at / rest
        } else if at <= to {
            0.9 * from / rest + 0.1 * (at - from) / (to - from)
        } else {
            0.9 * (at - (to - from)) / rest + 0.1
        };
        LEFT + room * share.clamp(0.0, 1.0)
    }
}

/// The drawing.
pub fn svg(lang: Lang, report: &Report) -> String {
    let scale = Scale::of(report);
    let stages: Vec<_> = report
        .stages
        .iter()
        .filter(|stage| stage.began.is_some())
        .collect();
    let rows = stages.len() + 3;
    #[allow(clippy::cast_precision_loss, reason = "a few rows")]
    let height = TOP + ROW * rows as f64 + 26.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">"#,
        escape(&t!(lang, "rehearse-timeline"))
    );
    let bottom = height - 26.0;
    axis(&mut svg, &scale, bottom, &t!(lang, "rehearse-picture-time"));
    let mut y = TOP;
    people(&mut svg, &scale, y, lang, report);
    y += ROW;
    for stage in stages {
        let (began, ended) = (
            stage.began.unwrap_or(0.0),
            stage.ended.unwrap_or(scale.whole),
        );
        let class = match stage.state {
            StageState::Failed => "bad",
            StageState::Done => "done",
            _ => "open",
        };
        bar(&mut svg, &scale, y, &stage.name, (began, ended), class);
        y += ROW;
    }
    spans(&mut svg, &scale, y, lang);
    y += ROW;
    critical(&mut svg, &scale, y, lang, report);
    marks(&mut svg, &scale, bottom, report);
    svg.push_str("</svg>");
    svg
}

fn label(svg: &mut String, y: f64, name: &str) {
    let (x, y) = (LEFT - 10.0, y + ROW / 2.0 + 4.0);
    let _ = write!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="end">{}</text>"#,
        escape(name)
    );
}

fn bar(svg: &mut String, scale: &Scale, y: f64, name: &str, (from, to): (f64, f64), class: &str) {
    label(svg, y, name);
    let x = scale.x(from);
    let width = (scale.x(to) - x).max(2.0);
    let (top, high) = (y + 5.0, ROW - 10.0);
    let _ = write!(
        svg,
        r#"<rect class="{class}" x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{high:.1}"><title>{}: {} – {}</title></rect>"#,
        escape(name),
        clock(from),
        clock(to)
    );
}

fn dot(svg: &mut String, scale: &Scale, y: f64, at: f64, class: &str, title: &str) {
    let (x, y) = (scale.x(at), y + ROW / 2.0);
    let _ = write!(
        svg,
        r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="5"><title>{} {}</title></circle>"#,
        clock(at),
        escape(title)
    );
}

fn people(svg: &mut String, scale: &Scale, y: f64, lang: Lang, report: &Report) {
    label(svg, y, &t!(lang, "rehearse-picture-people"));
    for moment in &report.moments {
        let is_of_people = matches!(
            moment.what,
            Happened::Declared { .. }
                | Happened::Approved { .. }
                | Happened::Answered { .. }
                | Happened::Decided { .. }
                | Happened::StoodDown { .. }
        );
        if is_of_people {
            dot(
                svg,
                scale,
                y,
                moment.at,
                "person",
                &super::words::moment(lang, &moment.what),
            );
        }
    }
}

/// The time in which the mode is held, and the return.
fn spans(svg: &mut String, scale: &Scale, y: f64, lang: Lang) {
    let Some((from, to)) = scale.held else {
        label(svg, y, &t!(lang, "rehearse-picture-return"));
        return;
    };
    bar(
        svg,
        scale,
        y,
        &t!(lang, "rehearse-picture-return"),
        (to, scale.whole),
        "back",
    );
    let held = t!(lang, "rehearse-picture-held");
    let (x, width) = (scale.x(from), scale.x(to) - scale.x(from));
    let (top, high) = (y + 5.0, ROW - 10.0);
    let _ = write!(
        svg,
        r#"<rect class="held" x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{high:.1}"><title>{}: {} – {}</title></rect><text class="small" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
        escape(&held),
        clock(from),
        clock(to),
        x + width / 2.0,
        y + ROW / 2.0 + 4.0,
        escape(&held)
    );
}

fn critical(svg: &mut String, scale: &Scale, y: f64, lang: Lang, report: &Report) {
    let name = t!(lang, "rehearse-picture-critical");
    let begins = report
        .moments
        .iter()
        .find(|one| one.what == Happened::Activated);
    let begins = begins.map_or(0.0, |one| one.at);
    let critical = &report.critical;
    match (critical.first, critical.all.or(critical.half)) {
        (Some(first), Some(all)) => {
            bar(
                svg,
                scale,
                y,
                &name,
                (begins + first, begins + all),
                "ready",
            );
        }
        _ => label(svg, y, &name),
    }
}

fn marks(svg: &mut String, scale: &Scale, bottom: f64, report: &Report) {
    for moment in &report.moments {
        let Happened::Struck { fault, .. } = &moment.what else {
            continue;
        };
        let x = scale.x(moment.at);
        let _ = write!(
            svg,
            r#"<line class="fault" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom:.1}"/><text class="fault-name" x="{:.1}" y="{:.1}">{}</text>"#,
            x + 3.0,
            TOP - 6.0,
            fault.word()
        );
    }
}

fn axis(svg: &mut String, scale: &Scale, bottom: f64, name: &str) {
    let mut ticks = vec![0.0, scale.whole];
    if let Some((from, to)) = scale.held {
        ticks.extend([from, to]);
    }
    for share in [0.25, 0.5, 0.75] {
        let end = scale.held.map_or(scale.whole, |(from, _)| from);
        ticks.push(end * share);
    }
    ticks.sort_by(f64::total_cmp);
    let _ = write!(
        svg,
        r#"<line class="axis" x1="{LEFT}" y1="{bottom:.1}" x2="{:.1}" y2="{bottom:.1}"/>"#,
        WIDTH - RIGHT
    );
    label(svg, bottom, name);
    let mut free = 0.0;
    for tick in ticks {
        let x = scale.x(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom:.1}"/>"#
        );
        if x < free {
            continue;
        }
        free = x + 44.0;
        let anchor = if x > LEFT + 1.0 { "middle" } else { "start" };
        let _ = write!(
            svg,
            r#"<text class="small" x="{x:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            bottom + 16.0,
            clock(tick)
        );
    }
}
