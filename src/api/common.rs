//! Words that several kinds share: response level, nature, posture, localised text, terms.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Response level (响应级别). I is the gravest, IV the lightest.
///
/// The derived order is by gravity: `Level::I < Level::IV`, so the gravest sorts first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Level {
    /// Ⅰ, red.
    I,
    /// Ⅱ, orange.
    II,
    /// Ⅲ, yellow.
    III,
    /// Ⅳ, blue.
    IV,
}

impl Level {
    /// All levels, the gravest first.
    pub const ALL: [Self; 4] = [Self::I, Self::II, Self::III, Self::IV];

    /// The level as it is written in objects: `I`, `II`, `III` or `IV`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::I => "I",
            Self::II => "II",
            Self::III => "III",
            Self::IV => "IV",
        }
    }

    /// Whether this level is graver than another.
    pub fn graver_than(self, other: Self) -> bool {
        self < other
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a response level: use I, II, III or IV"))
    }
}

/// Whether a mode is a declared emergency or an exercise (演练).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Nature {
    /// A real emergency.
    #[default]
    Actual,
    /// An exercise, marked everywhere as 演练/EXERCISE.
    Exercise,
}

/// The lever: what the person who declared wants the services to be set for.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Posture {
    /// 战时: the playbook's values.
    #[default]
    Wartime,
    /// 平时: stand down. One way: a mode that was stood down is never raised again.
    Peacetime,
}

/// A text in the languages that the project speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub en: Option<String>,
    /// Simplified Chinese (简体中文).
    #[serde(rename = "zh-CN", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub zh_cn: Option<String>,
}

/// The longest span that somebody can mean.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);
/// So many digits a number of a span has at most: no longest span in any unit has more.
const DIGITS: usize = 12;

/// A span of time as Kubernetes people write it: `90s`, `15m`, `24h`, `1h30m`.
///
/// The text is kept as written, so that an object that is read and written again is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub String);

impl Term {
    /// The span, of ten years at most.
    ///
    /// # Errors
    /// A sentence that says what is wrong when the text is not a positive Go duration, or longer.
    pub fn to_duration(&self) -> Result<Duration, String> {
        // The library multiplies what is written, and panics where that is no span of time any more.
        if self
            .0
            .split(|c: char| !c.is_ascii_digit())
            .any(|run| run.len() > DIGITS)
        {
            return Err(self.too_long());
        }
        let parsed: kube::core::Duration = self.0.parse().map_err(|error| {
            format!(
                "`{}` is not a duration such as 90s, 15m or 24h: {error}",
                self.0
            )
        })?;
        let std: Duration = parsed.into();
        if parsed.is_negative() || std.is_zero() {
            return Err(format!("`{}` must be longer than zero", self.0));
        }
        if std > LONGEST {
            return Err(self.too_long());
        }
        Ok(std)
    }

    fn too_long(&self) -> String {
        format!(
            "`{}` is longer than ten years, or written with more than {DIGITS} digits in a row: write a \
             span such as 90s, 15m or 24h",
            self.0
        )
    }
}

impl JsonSchema for Term {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Term".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of levels decides who wins a contested field: I must come before IV.
    #[test]
    fn level_one_is_the_gravest() {
        assert!(Level::I.graver_than(Level::II));
        assert!(!Level::IV.graver_than(Level::III));
        assert_eq!("II".parse::<Level>(), Ok(Level::II));
        assert!("V".parse::<Level>().is_err());
    }

    /// Terms are what ends an emergency: nonsense must not become zero.
    #[test]
    fn terms_are_positive_durations() {
        assert_eq!(
            Term("1h30m".into()).to_duration(),
            Ok(Duration::from_mins(90))
        );
        assert!(Term("315360000000ms".into()).to_duration().is_ok());
        assert_eq!(
            Term("0.333333333333h".into())
                .to_duration()
                .map(|term| term.as_secs()),
            Ok(1199)
        );
        for bad in [
            "",
            "90",
            "-5m",
            "0s",
            "2d",
            "soon",
            "99999999999999999999999h",
            "999999999999h999999999999h",
            "99999h",
        ] {
            assert!(
                Term(bad.into()).to_duration().is_err(),
                "{bad} was accepted"
            );
        }
    }
}
