//! Lines that fit a terminal, in both languages.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a line takes at most: what a terminal has where nobody chose otherwise.
pub const COLUMNS: usize = 80;
/// How the lines of an act are set in.
pub const INDENT: &str = "  ";

/// A text of at most so many columns.
pub fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// A paragraph in lines of at most [`COLUMNS`], all set in, the later ones a little further.
/// Chinese breaks between any two of its characters, but never before a mark that ends a clause.
pub fn wrapped(paragraph: &str, indent: &str) -> String {
    let own = paragraph.len() - paragraph.trim_start().len();
    let mut text = String::from(indent);
    text.push_str(&paragraph[..own]);
    let hang = format!("{text}  ");
    let mut line = text.width();
    let mut fresh = true;
    for piece in pieces(&paragraph[own..]) {
        let width = piece.trim_end().width();
        if !fresh && line + width > COLUMNS {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&hang);
            line = hang.width();
        }
        text.push_str(piece);
        line += piece.width();
        fresh = false;
    }
    text.truncate(text.trim_end().len());
    text
}

/// The pieces between which a line may break: words with the space after them, single wide
/// characters with the marks after them.
fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| c.width() == Some(2);
    let clings = |c: char| "，。：；、！？）」』》”…".contains(c);
    let opens = |c: char| "（「『《“".contains(c);
    let mut found = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = match before {
            None => false,
            Some(b) if clings(c) || opens(b) => false,
            Some(b) => c != ' ' && (b == ' ' || wide(b) || wide(c)),
        };
        if breaks {
            found.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People run it in 80 columns, in both languages.
    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let english = "a rival puts the peacetime value back, again and again, ".repeat(5);
        let chinese = "对手把平时的值改了回去（旧脚本），操作器在一秒之内重新写入；".repeat(5);
        for text in [english, chinese] {
            let lines = wrapped(&text, INDENT);
            assert!(lines.lines().count() > 2, "{lines}");
            for line in lines.lines() {
                assert!(line.width() <= COLUMNS, "{} columns: {line}", line.width());
                assert!(line.starts_with(INDENT), "{line}");
                assert!(!line.trim_start().starts_with(['，', '；', '。']), "{line}");
            }
            let joined: String = lines.lines().map(str::trim_start).collect();
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&joined), squeezed(&text));
        }
    }

    /// The label before a value keeps its place: columns line up.
    #[test]
    fn a_short_line_stays_as_it_is() {
        assert_eq!(
            wrapped("fleet       40 workloads", INDENT),
            "  fleet       40 workloads"
        );
    }
}
