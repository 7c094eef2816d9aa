//! Pure: the page as HTML, whole and on its own: no script, no picture, nothing from elsewhere.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::content::{Both, Content, Turn};

/// How it looks.
const STYLE: &str = include_str!("page.css");

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}

impl Lang {
    /// As it is written in headers and attributes.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The first of both that a browser asks for; Chinese where it asks for neither.
    pub fn wanted(accepted: &str) -> Self {
        let mut best = (0.0, Self::Chinese);
        for part in accepted.split(',') {
            let mut words = part.split(';').map(str::trim);
            let lang = match words.next().unwrap_or_default().split('-').next() {
                Some(word) if word.eq_ignore_ascii_case("zh") => Self::Chinese,
                Some(word) if word.eq_ignore_ascii_case("en") => Self::English,
                Some(_) | None => continue,
            };
            let weight = words.find_map(|word| word.strip_prefix("q="));
            let weight = weight.map_or(Some(1.0), |text| text.parse::<f32>().ok());
            if let Some(weight) = weight
                && weight > best.0
            {
                best = (weight, lang);
            }
        }
        best.1
    }

    fn of(self, both: &Both) -> &str {
        match self {
            Self::Chinese => &both.zh,
            Self::English => &both.en,
        }
    }

    const fn words(self) -> Words {
        match self {
            Self::Chinese => Words {
                closed: "暂停的服务",
                since: "暂停时间：",
                until: "下次通报：",
                instead: "现在请这样办理",
            },
            Self::English => Words {
                closed: "What is closed",
                since: "Since: ",
                until: "Next news: ",
                instead: "Where to turn now",
            },
        }
    }
}

/// The page's own words.
struct Words {
    closed: &'static str,
    since: &'static str,
    until: &'static str,
    instead: &'static str,
}

/// What a browser may do with the page: show it, in its own style.
pub fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// The page, with this language first.
pub fn page(content: &Content, first: Lang) -> String {
    let second = match first {
        Lang::Chinese => Lang::English,
        Lang::English => Lang::Chinese,
    };
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<main>\n{}{}</main>\n</body>\n</html>\n",
        first.tag(),
        escape(first.of(&content.title)),
        section(content, first),
        section(content, second),
    )
}

fn section(content: &Content, lang: Lang) -> String {
    let Content {
        title,
        reason,
        closed,
        since,
        until,
        instead,
        publisher,
        retry_after_seconds: _,
    } = content;
    let words = lang.words();
    let text = |both: &Both| escape(lang.of(both));
    let mut html = format!(
        "<section lang=\"{}\">\n<h1>{}</h1>\n",
        lang.tag(),
        text(title)
    );
    if let Some(reason) = reason {
        let _ = writeln!(html, "<p>{}</p>", text(reason));
    }
    if !closed.is_empty() {
        let _ = writeln!(html, "<h2>{}</h2>\n<ul>", words.closed);
        for one in closed {
            let _ = writeln!(html, "<li>{}</li>", text(one));
        }
        html.push_str("</ul>\n");
    }
    for (name, when) in [(words.since, since), (words.until, until)] {
        if let Some(when) = when {
            let _ = writeln!(html, "<p>{name}{}</p>", text(when));
        }
    }
    let _ = writeln!(html, "<h2>{}</h2>\n<ul class=\"turn\">", words.instead);
    for turn in instead {
        html.push_str(&place(turn, lang));
    }
    let _ = writeln!(
        html,
        "</ul>\n<footer>{}</footer>\n</section>",
        text(publisher)
    );
    html
}

fn place(turn: &Turn, lang: Lang) -> String {
    let mut html = format!("<li>{}", escape(lang.of(&turn.text)));
    if let Some(phone) = &turn.phone {
        let number: String = phone
            .chars()
            .filter(|c| c.is_ascii_digit() || "+*#".contains(*c))
            .collect();
        let number = number.replace('#', "%23");
        let _ = write!(html, " <a href=\"tel:{number}\">{}</a>", escape(phone));
    }
    if let Some(link) = &turn.link {
        let link = escape(link);
        let _ = write!(html, " <a href=\"{link}\" rel=\"noreferrer\">{link}</a>");
    }
    html.push_str("</li>\n");
    html
}

fn escape(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content::read(include_str!("example.yaml")).expect("the example reads")
    }

    /// Who understands one language only must find it, whatever their browser says.
    #[test]
    fn both_languages_are_there_and_the_wanted_one_comes_first() {
        for (first, before) in [(Lang::Chinese, "zh-CN"), (Lang::English, "en")] {
            let page = page(&content(), first);
            let sections: Vec<_> = page.match_indices("<section lang=\"").collect();
            assert_eq!(sections.len(), 2);
            let at = sections[0].0 + "<section lang=\"".len();
            assert!(page[at..].starts_with(before));
            assert!(page.contains("线下办事窗口") && page.contains("Walk-in counters"));
            assert!(page.contains("<a href=\"tel:12345\">12345</a>"));
        }
    }

    /// A browser sends a list with weights.
    #[test]
    fn the_language_is_the_heaviest_that_is_known() {
        for (accepted, wanted) in [
            ("", Lang::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", Lang::English),
            ("de,zh-CN;q=0.9,en;q=0.8", Lang::Chinese),
            ("fr, en;q=0.3, zh;q=0.7", Lang::Chinese),
            ("en;q=zz, *", Lang::Chinese),
            ("en;q=0", Lang::Chinese),
        ] {
            assert_eq!(Lang::wanted(accepted), wanted, "{accepted}");
        }
    }

    /// Whoever may write the content may not run a program in everybody's browser by it.
    #[test]
    fn nothing_of_the_content_becomes_markup() {
        let mut hostile = content();
        for both in [&mut hostile.title, &mut hostile.publisher] {
            both.zh = "<script>alert('1')</script>\" onload=\"x".to_owned();
        }
        let page = page(&hostile, Lang::Chinese);
        assert!(
            !page.contains("<script") && !page.contains("\" onload"),
            "{page}"
        );
    }

    /// A page that asks for anything, or whose style is refused by its own policy, is no page.
    #[test]
    fn the_page_stands_on_its_own_under_its_policy() {
        let page = page(&content(), Lang::English);
        for word in ["<script", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
        let style = page
            .split("<style>")
            .nth(1)
            .and_then(|rest| rest.split("</style>").next());
        let digest = STANDARD.encode(Sha256::digest(style.expect("a style").as_bytes()));
        assert!(policy().contains(&digest));
    }
}
