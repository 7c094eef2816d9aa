//! Numbers of a playbook: written out, or held by a parameter.

use std::collections::BTreeMap;

use crate::api::{Count, Percent, Scalar};

use super::parameters::{self, Text};

/// A number of a `scale`, before parameters are replaced, and what is accepted there.
pub struct Number<'a> {
    /// What is written.
    pub given: Given<'a>,
    /// The least that is accepted.
    pub least: i64,
    /// The most that is accepted.
    pub most: i64,
}

/// What is written for a number.
pub enum Given<'a> {
    /// The number.
    Int(i64),
    /// A text, which must be a reference.
    Text(&'a str),
}

impl<'a> Number<'a> {
    /// A number of replicas.
    pub fn count(count: &'a Count) -> Self {
        Self {
            given: match count {
                Count::Int(number) => Given::Int(*number),
                Count::Reference(text) => Given::Text(text),
            },
            least: Count::MINIMUM,
            most: Count::MAXIMUM,
        }
    }

    /// A percentage.
    pub fn percent(percent: &'a Percent) -> Self {
        Self {
            given: match percent {
                Percent::Int(number) => Given::Int(*number),
                Percent::Reference(text) => Given::Text(text),
            },
            least: Percent::MINIMUM,
            most: Percent::MAXIMUM,
        }
    }

    /// The number, with its parameter replaced; nothing where it is not one that is accepted.
    pub fn resolve(&self, values: &BTreeMap<String, Scalar>) -> Option<i64> {
        let number = match self.given {
            Given::Int(number) => number,
            Given::Text(text) => match parameters::read(text) {
                Text::Reference(name) => match values.get(name)? {
                    Scalar::Int(number) => *number,
                    Scalar::Bool(_) | Scalar::Text(_) => return None,
                },
                Text::Plain | Text::Partial => return None,
            },
        };
        (self.least..=self.most).contains(&number).then_some(number)
    }
}

/// `90%` as 90.
pub fn percentage(text: &str) -> Option<u8> {
    let digits = text.strip_suffix('%')?;
    let plain =
        !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u8 = plain.then(|| digits.parse().ok()).flatten()?;
    (number <= 100).then_some(number)
}
