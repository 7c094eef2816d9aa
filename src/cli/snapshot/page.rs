//! Pure: what whoever takes a snapshot reads of it.

use comfy_table::CellAlignment;

use crate::cli::render::{Tone, View, drawn, keep_words};
use crate::t;

use super::left::Left;
use super::piece::Sizes;

/// What is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The file; nothing where it went to standard output.
    pub file: Option<String>,
    /// What there is of each kind.
    pub sizes: Sizes,
    /// Bytes of the file.
    pub packed: u64,
    /// And unpacked.
    pub unpacked: u64,
    /// What was left out.
    pub left: Vec<Left>,
    /// How many workloads said how long their pods took.
    pub delays: usize,
    /// How long a read of one object took, and of how many that is the median.
    pub round_trip: (Option<f64>, u64),
    /// How long it took, in milliseconds.
    pub took: u64,
    /// A playbook to go on with: a name or a file.
    pub playbook: String,
    /// Whether something that steps act on is missing.
    pub lacks_targets: bool,
}

/// Columns where the terminal does not say.
const COLUMNS: usize = 80;

impl Page {
    /// In words.
    pub fn text(&self, view: &View) -> String {
        let lang = view.lang;
        let mut parts = vec![self.kinds(view)];
        let objects = self.sizes.values().map(|(objects, _)| objects).sum::<u64>();
        let took = format!("{}.{}", self.took / 1000, self.took % 1000 / 100);
        parts.push(t!(
            lang,
            "snapshot-total",
            objects = number(objects),
            packed = bytes(self.packed),
            unpacked = bytes(self.unpacked),
            took = took
        ));
        let (milliseconds, requests) = self.round_trip;
        let measured = t!(
            lang,
            "snapshot-measured",
            milliseconds = milliseconds.map_or_else(|| "?".to_owned(), |time| format!("{time:.1}")),
            requests = requests,
            workloads = self.delays
        );
        parts.extend(folded(&measured, columns(view)));
        parts.push(String::new());
        parts.push(t!(lang, "snapshot-left"));
        parts.push(self.left(view));
        if self.lacks_targets {
            let lacks = t!(lang, "snapshot-lacks-targets");
            parts.extend(folded(&lacks, columns(view)));
            parts.push(String::new());
        }
        parts.push(t!(lang, "snapshot-next"));
        let file = self.file.as_deref().unwrap_or("FILE");
        let (file, playbook) = (quoted(file), quoted(&self.playbook));
        parts.push(format!(
            "  pingzhan rehearse --snapshot {file} --playbook {playbook} --level II"
        ));
        parts.join("\n")
    }

    fn kinds(&self, view: &View) -> String {
        let lang = view.lang;
        let mut table = view.table(&[
            t!(lang, "snapshot-head-kind"),
            t!(lang, "snapshot-head-objects"),
            t!(lang, "snapshot-head-bytes"),
        ]);
        for (kind, (objects, size)) in &self.sizes {
            table.add_row(vec![
                view.cell(kind, Tone::Plain),
                view.cell(number(*objects), Tone::Plain),
                view.cell(bytes(*size), Tone::Plain),
            ]);
        }
        for column in [1, 2] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        keep_words(&mut table, &[0, 1, 2], 56);
        drawn(table)
    }

    /// Each with its count, and why, folded beneath it.
    fn left(&self, view: &View) -> String {
        let width = columns(view);
        let mut lines = String::new();
        let told: Vec<(String, String)> = self.left.iter().map(|left| told(left, view)).collect();
        for (at, (what, why)) in told.iter().enumerate() {
            lines.extend(["  ", what, "\n"]);
            // Several that have one reason have it once.
            if told.get(at + 1).is_some_and(|(_, next)| next == why) {
                continue;
            }
            for line in folded(why, width.saturating_sub(6)) {
                lines.extend(["      ", &line, "\n"]);
            }
        }
        lines
    }
}

/// What is left out and how much of it, and why.
fn told(left: &Left, view: &View) -> (String, String) {
    let told = left.text(view.lang);
    let what = match left {
        Left::Group(_, count) if *count > 0 => t!(
            view.lang,
            "snapshot-left-count",
            what = told.what,
            count = number(*count)
        ),
        Left::Group(..) | Left::Book { .. } | Left::Refused { .. } | Left::Unserved(_) => told.what,
    };
    (what, told.why)
}

fn columns(view: &View) -> usize {
    view.width.map_or(COLUMNS, usize::from)
}

/// A word of a command line.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-:".contains(letter);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A size as people read it.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut whole, mut tenths, mut at) = (bytes / 1024, bytes % 1024 * 10 / 1024, 0);
    while whole >= 1024 && at + 1 < UNITS.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        at += 1;
    }
    format!("{whole}.{tenths} {}", UNITS[at])
}

/// A number in groups of three.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A text in lines of at most so many columns. Chinese has no blanks: it is folded anywhere, a word of
/// another script only where it is longer than a line.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for part in parts(text) {
        let columns = unicode_width::UnicodeWidthStr::width(part);
        if used > 0 && used + unicode_width::UnicodeWidthStr::width(part.trim_end()) > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(part);
        }
        used += columns;
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// What stays on one line: a word with the blanks behind it, a wide letter with the marks behind it.
fn parts(text: &str) -> Vec<&str> {
    let is_wide = |letter: char| unicode_width::UnicodeWidthChar::width(letter) == Some(2);
    let is_mark = |letter: char| "，。；：、）》”！？".contains(letter);
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let mut starts = vec![0];
    for pair in letters.windows(2) {
        let ((_, before), (at, letter)) = (pair[0], pair[1]);
        let breaks = (before == ' ' && letter != ' ')
            || (is_wide(letter) && !is_mark(letter))
            || (is_wide(before) && !is_mark(letter) && letter != ' ');
        if breaks {
            starts.push(at);
        }
    }
    starts.push(text.len());
    starts
        .windows(2)
        .map(|ends| &text[ends[0]..ends[1]])
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::snapshot::left::Group;
    use crate::cli::snapshot::reader::Refusal;
    use crate::i18n::Lang;

    fn page(lang: Lang) -> String {
        let left = [
            Left::Group(Group::Secrets, 0),
            Left::Group(Group::Environment, 1234),
            Left::Group(Group::Arguments, 7),
            Left::Group(Group::Pods, 812),
            Left::Refused {
                what: "deployments.apps".to_owned(),
                why: Refusal::Right,
                places: ["tax", "water"].map(str::to_owned).into(),
            },
        ];
        let sizes = [
            ("CustomResourceDefinition", (3, 91_020)),
            ("Deployment", (1204, 4_031_020)),
            ("kustomize.toolkit.fluxcd.io/Kustomization", (2, 812)),
        ];
        let page = Page {
            file: Some("city.json.gz".to_owned()),
            sizes: sizes.map(|(kind, size)| (kind.to_owned(), size)).into(),
            packed: 412_345,
            unpacked: 4_812_345,
            left: left.into(),
            delays: 37,
            round_trip: (Some(4.25), 31),
            took: 2345,
            playbook: "flood-response".to_owned(),
            lacks_targets: true,
        };
        let view = View {
            lang,
            width: Some(80),
            bars: false,
            colour: false,
            zone: TimeZone::UTC,
        };
        page.text(&view)
    }

    /// What was taken and what was not is what whoever hands the file on is asked about.
    #[test]
    fn the_page_reads_well_and_fits_a_terminal() {
        let mut pages = String::new();
        for lang in [Lang::En, Lang::ZhCn] {
            let page = page(lang);
            for line in page.lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= 80, "{columns}: {line}");
            }
            pages += &page;
            pages.push('\n');
        }
        insta::assert_snapshot!(pages);
    }

    /// A size that is wrong by a thousand is believed.
    #[test]
    fn sizes_are_read_as_they_are() {
        let rows = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
        ];
        for (size, expected) in rows {
            assert_eq!(bytes(size), expected);
        }
        assert_eq!(
            [number(7), number(1234), number(1_234_567)],
            ["7", "1,234", "1,234,567"]
        );
    }
}
