//! Pure: what people read, from objects. The same input gives the same text.

pub mod acts;
mod counts;
mod denies;
pub mod fields;
pub mod findings;
pub mod mode;
pub mod plan;
pub mod restore;
mod review;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::{Nature, Phase, StageState};
use crate::i18n::{Lang, text};
use crate::ledger::State;

/// How results are drawn.
#[derive(Clone, Debug)]
pub struct View {
    /// The language.
    pub lang: Lang,
    /// Columns of the terminal; nothing where lines are never broken.
    pub width: Option<u16>,
    /// Whether progress is drawn as bars.
    pub bars: bool,
    /// Whether there are colours.
    pub colour: bool,
    /// The zone that times are shown in.
    pub zone: TimeZone,
}

impl View {
    /// A table without lines.
    pub fn table(&self, header: &[String]) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match self.width {
            Some(width) => {
                table
                    .set_width(width)
                    .set_content_arrangement(ContentArrangement::Dynamic);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        if !header.is_empty() {
            table.set_header(header);
        }
        table
    }

    /// A cell in a colour.
    #[allow(clippy::unused_self, reason = "reads as the other parts of a table do")]
    pub fn cell(&self, content: impl ToString, tone: Tone) -> Cell {
        let cell = Cell::new(content);
        match tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Busy => cell.fg(Color::Cyan),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Faint => cell.fg(Color::DarkGrey),
        }
    }

    /// A time in the view's zone, with the zone.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S %:z")
            .to_string()
    }
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// As it should be.
    Good,
    /// Under way.
    Busy,
    /// A person should look.
    Bad,
    /// Of little weight.
    Faint,
}

/// Keeps the words of some columns whole, as far as a narrow terminal allows: a path or a name that
/// is broken cannot be copied. What is longer than `most` is broken all the same.
pub fn keep_words(table: &mut Table, columns: &[usize], most: u16) {
    let widths = table.column_max_content_widths();
    for &index in columns {
        let (Some(column), Some(width)) = (table.column_mut(index), widths.get(index)) else {
            continue;
        };
        let whole = Width::Fixed(width.saturating_add(GAP).min(most));
        column.set_constraint(ColumnConstraint::LowerBoundary(whole));
    }
}

/// Columns between columns.
const GAP: u16 = 2;

/// A table's text: columns two spaces apart, no space at the ends of lines.
pub fn drawn(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// The first characters of a hash: enough for people to compare.
pub fn short_hash(hash: &str) -> String {
    hash.chars().take("sha256:".len() + 12).collect()
}

/// A phase in words.
pub fn phase_word(lang: Lang, phase: Option<Phase>) -> String {
    let key = match phase {
        None => "phase-none",
        Some(Phase::Pending) => "phase-pending",
        Some(Phase::Activating) => "phase-activating",
        Some(Phase::Active) => "phase-active",
        Some(Phase::Restoring) => "phase-restoring",
        Some(Phase::Closed) => "phase-closed",
    };
    text(lang, key, &[])
}

/// What a phase's colour says.
pub const fn phase_tone(phase: Option<Phase>) -> Tone {
    match phase {
        None | Some(Phase::Pending) => Tone::Plain,
        Some(Phase::Activating | Phase::Restoring) => Tone::Busy,
        Some(Phase::Active) => Tone::Good,
        Some(Phase::Closed) => Tone::Faint,
    }
}

/// A stage's state in words.
pub fn stage_word(lang: Lang, state: StageState) -> String {
    let key = match state {
        StageState::Waiting => "stage-waiting",
        StageState::Running => "stage-running",
        StageState::Done => "stage-done",
        StageState::Failed => "stage-failed",
        StageState::Skipped => "stage-skipped",
        StageState::Restored => "stage-restored",
    };
    text(lang, key, &[])
}

/// A state of a change in words.
pub fn state_word(lang: Lang, state: State) -> String {
    let key = match state {
        State::Intended => "state-intended",
        State::Applied => "state-applied",
        State::Reverting => "state-reverting",
        State::Reverted => "state-reverted",
        State::OwnersBack => "state-owners-back",
        State::Refused => "state-refused",
        State::Withdrawn => "state-withdrawn",
        State::Shadowed => "state-shadowed",
        State::Overtaken => "state-overtaken",
        State::Drifted => "state-drifted",
        State::Stuck => "state-stuck",
        State::Kept => "state-kept",
        State::Gone => "state-gone",
    };
    text(lang, key, &[])
}

/// A nature in words. An exercise is marked in both languages, always, and one at the table as such.
pub fn nature_word(lang: Lang, nature: Nature, tabletop: bool) -> String {
    match nature {
        Nature::Exercise if tabletop => text(lang, "nature-tabletop", &[]),
        Nature::Actual => text(lang, "nature-actual", &[]),
        Nature::Exercise => text(lang, "nature-exercise", &[]),
    }
}

/// A bar of ten parts.
pub fn bar(done: i64, of: i64) -> String {
    const PARTS: i64 = 10;
    let full = if of <= 0 {
        PARTS
    } else {
        (done.max(0) * PARTS / of).min(PARTS)
    };
    (0..PARTS)
        .map(|part| if part < full { '█' } else { '░' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bar that is full before the work is done says something false.
    #[test]
    fn bars_are_full_only_at_the_end() {
        assert_eq!(bar(0, 7), "░░░░░░░░░░");
        assert_eq!(bar(699, 700), "█████████░");
        assert_eq!(bar(7, 7), "██████████");
        assert_eq!(bar(9, 7), "██████████");
        assert_eq!(bar(0, 0), "██████████");
    }

    /// Words are looked up by key: none may be missing in either language.
    #[test]
    fn every_phase_stage_and_nature_has_a_word() {
        use Phase::{Activating, Active, Closed, Pending, Restoring};
        for lang in [Lang::En, Lang::ZhCn] {
            let phases = [
                None,
                Some(Pending),
                Some(Activating),
                Some(Active),
                Some(Restoring),
                Some(Closed),
            ];
            let words = phases.map(|phase| phase_word(lang, phase));
            assert!(
                words.iter().all(|word| !word.starts_with("phase-")),
                "{words:?}"
            );
        }
        assert_eq!(stage_word(Lang::ZhCn, StageState::Done), "完成");
        assert!(nature_word(Lang::En, Nature::Exercise, false).contains("演练"));
        assert!(nature_word(Lang::ZhCn, Nature::Exercise, false).contains("EXERCISE"));
    }
}
