//! What the page says, as people write it: a few lines of YAML, in both languages.

use std::num::NonZeroU32;

use serde::Deserialize;

/// Seconds after which browsers and search engines ask again, where the content does not say: soon enough
/// that nobody is sent away for long when the service is back.
const RETRY: u32 = 300;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Both {
    /// In English.
    pub en: String,
    /// In Simplified Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: String,
}

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// The heading.
    pub title: Both,
    /// Why, in a sentence or two.
    #[serde(default)]
    pub reason: Option<Both>,
    /// The services that are closed.
    #[serde(default)]
    pub closed: Vec<Both>,
    /// Since when, as it is to be read, with its zone.
    #[serde(default)]
    pub since: Option<Both>,
    /// When there will be news, as it is to be read.
    #[serde(default)]
    pub until: Option<Both>,
    /// Where to turn meanwhile.
    pub instead: Vec<Turn>,
    /// Who says so.
    pub publisher: Both,
    /// Seconds after which browsers and search engines ask again.
    #[serde(default = "retry")]
    pub retry_after_seconds: NonZeroU32,
}

/// Somewhere to turn.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Turn {
    /// What it is and for whom.
    pub text: Both,
    /// A number to call.
    #[serde(default)]
    pub phone: Option<String>,
    /// A page that is open.
    #[serde(default)]
    pub link: Option<String>,
}

fn retry() -> NonZeroU32 {
    NonZeroU32::new(RETRY).unwrap_or(NonZeroU32::MIN)
}

impl Content {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let content: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        content.check()?;
        Ok(content)
    }

    /// Whether it says what whoever stands before a closed door has to know.
    fn check(&self) -> Result<(), String> {
        let empty = |both: &Both| both.en.trim().is_empty() || both.zh.trim().is_empty();
        if empty(&self.title) || empty(&self.publisher) {
            return Err("`title` and `publisher` need a text in each language".to_owned());
        }
        if self.instead.is_empty() {
            return Err("`instead` says nowhere to turn: name at least one".to_owned());
        }
        for turn in &self.instead {
            if empty(&turn.text) {
                return Err("each of `instead` needs a text in each language".to_owned());
            }
            if let Some(phone) = &turn.phone
                && !is_phone(phone)
            {
                return Err(format!("`{phone}` is not a number to call"));
            }
            if let Some(link) = &turn.link
                && !is_link(link)
            {
                return Err(format!("`{link}` is not an http or https address"));
            }
        }
        Ok(())
    }
}

fn is_phone(text: &str) -> bool {
    let mut characters = text.chars();
    text.len() <= 32
        && text.contains(|c: char| c.is_ascii_digit())
        && characters.all(|c| c.is_ascii_digit() || "+-() *#".contains(c))
}

/// Only these lead to a page: any other scheme may run something.
fn is_link(text: &str) -> bool {
    text.parse::<http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
title: { en: Closed, zh-CN: 暂停服务 }
instead:
- { text: { en: Call, zh-CN: 请拨打 }, phone: '12345' }
publisher: { en: Office, zh-CN: 办公室 }
";

    /// What is left out has a meaning that people can live with.
    #[test]
    fn what_is_not_said_has_its_default() {
        let content = Content::read(TEXT).expect("it reads");
        assert_eq!(content.retry_after_seconds.get(), RETRY);
        assert_eq!((content.closed.len(), content.since), (0, None));
    }

    /// A page that leads nowhere, or somewhere else than it says, is worse than an error.
    #[test]
    fn a_content_that_helps_nobody_is_refused() {
        for (from, to, says) in [
            ("'12345'", "'javascript'", "number to call"),
            (
                "phone: '12345'",
                "link: 'javascript:alert(1)'",
                "http or https",
            ),
            ("phone: '12345'", "link: '//example.com'", "http or https"),
            ("en: Closed", "en: ' '", "each language"),
            (
                "- { text: { en: Call, zh-CN: 请拨打 }, phone: '12345' }",
                " []",
                "",
            ),
            ("publisher", "publishers", "publishers"),
        ] {
            let text = TEXT.replace(from, to);
            let why = Content::read(&text).expect_err(to);
            assert!(why.contains(says), "{to}: {why}");
        }
        let nowhere = TEXT.replace(
            "instead:\n- { text: { en: Call, zh-CN: 请拨打 }, phone: '12345' }",
            "instead: []",
        );
        assert!(
            Content::read(&nowhere)
                .expect_err("nowhere")
                .contains("nowhere to turn")
        );
    }
}
