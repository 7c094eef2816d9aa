//! Reports as one page: it loads nothing, and prints.

use std::fmt::Write as _;

use crate::i18n::Lang;
use crate::rehearsal::report::Report;

use super::words::{self, Section};
use super::{matrix, picture};

/// How it looks: on a screen, light or dark, and on paper.
const STYLE: &str = include_str!("page.css");

/// A text inside of a page.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The page of one rehearsal, or of several.
pub fn page(lang: Lang, reports: &[Report]) -> String {
    let title = match reports {
        [report] => words::title(lang, report),
        _ => matrix::title(lang, reports),
    };
    let code = match lang {
        Lang::En => "en",
        Lang::ZhCn => "zh-CN",
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    if reports.len() == 1 {
        for report in reports {
            one(&mut page, lang, report);
        }
    } else {
        sweep(&mut page, lang, reports, &title);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn sweep(page: &mut String, lang: Lang, reports: &[Report], title: &str) {
    let _ = writeln!(page, "<h1>{}</h1>", escape(title));
    let (head, rows) = matrix::rows(lang, reports);
    let section = Section {
        head,
        rows,
        lines: matrix::reasons(lang, reports),
        ..Section::default()
    };
    body(page, &section);
    for report in reports {
        page.push_str("<article>\n");
        one(page, lang, report);
        page.push_str("</article>\n");
    }
}

fn one(page: &mut String, lang: Lang, report: &Report) {
    let class = if report.verdict.good { "good" } else { "mend" };
    let _ = writeln!(
        page,
        "<h1>{}</h1>\n<p class=\"verdict {class}\">{}</p>\n<figure>{}</figure>",
        escape(&words::title(lang, report)),
        escape(&words::verdict(lang, report)),
        picture::svg(lang, report)
    );
    for section in words::sections(lang, report) {
        let _ = writeln!(page, "<section>\n<h2>{}</h2>", escape(&section.title));
        body(page, &section);
        page.push_str("</section>\n");
    }
}

fn body(page: &mut String, section: &Section) {
    if !section.rows.is_empty() {
        page.push_str("<table>\n");
        if !section.head.is_empty() {
            row(page, "th", &section.head);
        }
        for cells in &section.rows {
            row(page, "td", cells);
        }
        page.push_str("</table>\n");
    }
    match section.lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(page, "<p>{}</p>", escape(line));
        }
        lines => {
            page.push_str("<ul>\n");
            for line in lines {
                let _ = writeln!(page, "<li>{}</li>", escape(line));
            }
            page.push_str("</ul>\n");
        }
    }
}

fn row(page: &mut String, tag: &str, cells: &[String]) {
    page.push_str("<tr>");
    for cell in cells {
        let _ = write!(page, "<{tag}>{}</{tag}>", escape(cell));
    }
    page.push_str("</tr>\n");
}
