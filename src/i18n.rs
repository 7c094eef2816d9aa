//! The message catalogue: every text that people read, in English and Simplified Chinese.
//!
//! Texts are Fluent messages under `locales/`. English is complete and the fallback; a test holds
//! that every key used in the code exists there, and that Chinese has no key that English lacks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

pub use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{Loader, static_loader};
use unic_langid::{LanguageIdentifier, langid};

static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks that Fluent puts around values break names that people copy.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static ENGLISH: LanguageIdentifier = langid!("en");
static CHINESE: LanguageIdentifier = langid!("zh-CN");

/// A language that the program speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese (简体中文).
    ZhCn,
}

impl Lang {
    /// The language of a locale's name as `LANG` holds it: Chinese for `zh…`, else English.
    pub fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("zh") {
            Self::ZhCn
        } else {
            Self::En
        }
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Self::En => &ENGLISH,
            Self::ZhCn => &CHINESE,
        }
    }
}

impl FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "en" => Ok(Self::En),
            "zh-CN" => Ok(Self::ZhCn),
            other => Err(format!("`{other}` is not a language: use en or zh-CN")),
        }
    }
}

/// The text of a key, where the catalogue has it in this language or in English.
pub fn find(
    lang: Lang,
    key: &str,
    values: &[(&'static str, FluentValue<'static>)],
) -> Option<String> {
    let arguments: HashMap<Cow<'static, str>, FluentValue<'static>> = values
        .iter()
        .map(|(name, value)| (Cow::Borrowed(*name), value.clone()))
        .collect();
    LOCALES.try_lookup_with_args(lang.id(), key, &arguments)
}

/// The text of a key with its values; the key itself where the catalogue lacks it, which a test
/// rules out.
pub fn text(lang: Lang, key: &str, values: &[(&'static str, FluentValue<'static>)]) -> String {
    find(lang, key, values).unwrap_or_else(|| key.to_owned())
}

/// A text of the catalogue: `t!(lang, "key")`, or `t!(lang, "key", name = value)`.
#[macro_export]
macro_rules! t {
    ($lang:expr, $key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::text(
            $lang,
            $key,
            &[$((stringify!($name), $crate::i18n::FluentValue::from($value))),*],
        )
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn keys_of(folder: &str) -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("locales")
            .join(folder);
        let mut keys = BTreeSet::new();
        for file in std::fs::read_dir(root).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines() {
                if let Some((key, _)) = line.split_once(" =")
                    && key.starts_with(|c: char| c.is_ascii_alphabetic())
                {
                    assert!(
                        keys.insert(key.to_owned()),
                        "{key} is there twice in {folder}"
                    );
                }
            }
        }
        keys
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// A missing text would show people a key in an emergency.
    #[test]
    fn every_key_used_in_the_code_exists_in_english() {
        let english = keys_of("en");
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut files,
        );
        let mut used = 0;
        for file in &files {
            for (at, _) in file.match_indices("t!(") {
                let own_macro = !file[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let Some(key) = file[at..].split('"').nth(1).filter(|_| own_macro) else {
                    continue;
                };
                if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && key.contains('-')
                {
                    used += 1;
                    assert!(english.contains(key), "locales/en lacks `{key}`");
                }
            }
        }
        assert!(
            used > 50,
            "only {used} uses were found: the search is broken"
        );
    }

    /// A key that only Chinese has is a key that was renamed. (Help of arguments, `arg-…`, has its
    /// English in the code; the command's own test holds that each names an argument.)
    #[test]
    fn chinese_has_no_key_that_english_lacks() {
        let english = keys_of("en");
        let chinese = keys_of("zh-CN");
        let only_chinese: Vec<&String> = chinese
            .difference(&english)
            .filter(|key| !key.starts_with("arg-"))
            .collect();
        assert_eq!(only_chinese, Vec::<&String>::new());
        assert!(chinese.len() > 50, "the Chinese catalogue is empty");
    }

    /// People copy names out of sentences: no invisible marks around them.
    #[test]
    fn values_stand_without_marks() {
        let text = text(
            Lang::ZhCn,
            "error-not-found",
            &[
                ("kind", FluentValue::from("EmergencyMode")),
                ("name", FluentValue::from("flood")),
            ],
        );
        assert!(text.contains("flood"), "{text}");
        assert!(!text.contains('\u{2068}'), "{text}");
        assert_eq!(Lang::of_locale("zh_CN.UTF-8"), Lang::ZhCn);
        assert_eq!(Lang::of_locale("C.UTF-8"), Lang::En);
        assert_eq!(
            "fr".parse::<Lang>().unwrap_err(),
            "`fr` is not a language: use en or zh-CN"
        );
    }
}
