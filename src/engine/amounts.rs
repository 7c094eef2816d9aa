//! Amounts of what pods take of a cluster, and how people read them.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use serde_json::Value;

use crate::field::quantity;

/// Of a processor and of memory, each as far as it is said: thousandths of a CPU, and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Thousandths of a CPU.
    pub cpu: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
}

impl Asked {
    /// Reads a list of resources: `{"cpu": "500m", "memory": "1Gi"}`. What is no quantity is not
    /// said.
    pub fn of(list: Option<&Value>) -> Self {
        let amount = |name: &str| list?.get(name);
        Self {
            cpu: amount("cpu").and_then(thousandths),
            memory: amount("memory").and_then(whole),
        }
    }

    /// What the other says where this says nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
        }
    }

    /// As a sum, with nothing where nothing is said.
    pub fn sum(self) -> Sum {
        Sum {
            pods: 0,
            cpu: self.cpu.unwrap_or(0),
            memory: self.memory.unwrap_or(0),
        }
    }
}

/// A quantity in thousandths, rounded up.
pub fn thousandths(value: &Value) -> Option<i64> {
    scaled(value, 1_000_000)
}

/// A quantity in whole units, rounded up.
pub fn whole(value: &Value) -> Option<i64> {
    scaled(value, 1_000_000_000)
}

fn scaled(value: &Value, part: i128) -> Option<i64> {
    let parts = match value {
        Value::String(text) => quantity::parts(text)?,
        Value::Number(number) => quantity::parts(&number.to_string())?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let up = (parts + part - 1).div_euclid(part);
    Some(i64::try_from(up).unwrap_or(i64::MAX))
}

/// What some pods take, or what is free for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many pods.
    pub pods: i64,
    /// Thousandths of a CPU.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

impl Sum {
    /// Each part through a function of two.
    fn with(self, other: Self, join: fn(i64, i64) -> i64) -> Self {
        Self {
            pods: join(self.pods, other.pods),
            cpu: join(self.cpu, other.cpu),
            memory: join(self.memory, other.memory),
        }
    }

    /// The larger of each part.
    #[must_use]
    pub fn most(self, other: Self) -> Self {
        self.with(other, i64::max)
    }

    /// Whether every part is at most that of the other.
    pub fn fits(self, other: Self) -> bool {
        self.pods <= other.pods && self.cpu <= other.cpu && self.memory <= other.memory
    }

    /// Nothing in place of less than nothing.
    #[must_use]
    pub fn or_nothing(self) -> Self {
        self.most(Self::default())
    }

    /// `42 CPU, 12 GiB and 3 pods`: the parts that are not nothing, or nothing at all.
    pub fn said(self) -> Option<String> {
        let parts = [
            (self.cpu != 0).then(|| cpu(self.cpu)),
            (self.memory != 0).then(|| memory(self.memory)),
            (self.pods != 0).then(|| pods(self.pods)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let (last, before) = parts.split_last()?;
        Some(match before {
            [] => last.clone(),
            before => format!("{} and {last}", before.join(", ")),
        })
    }
}

impl Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, i64::saturating_add)
    }
}

impl Sub for Sum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, i64::saturating_sub)
    }
}

impl Neg for Sum {
    type Output = Self;

    fn neg(self) -> Self {
        Self::default() - self
    }
}

impl Mul<i64> for Sum {
    type Output = Self;

    fn mul(self, times: i64) -> Self {
        Self {
            pods: self.pods.saturating_mul(times),
            cpu: self.cpu.saturating_mul(times),
            memory: self.memory.saturating_mul(times),
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Sum {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// `3 pods`.
pub fn pods(count: i64) -> String {
    format!("{count} {}", if count == 1 { "pod" } else { "pods" })
}

/// `42 CPU`, with a decimal below ten and two below one; rounded up, so that what is short is never
/// nothing.
pub fn cpu(thousandths: i64) -> String {
    format!("{} CPU", rounded(thousandths, 1000))
}

/// `12 GiB`, or MiB below one of them; rounded up.
pub fn memory(bytes: i64) -> String {
    const MEBI: i64 = 1 << 20;
    if bytes.abs() < 1024 * MEBI {
        let up = (bytes.saturating_add(MEBI - 1)).div_euclid(MEBI);
        return format!("{up} MiB");
    }
    format!("{} GiB", rounded(bytes, 1024 * MEBI))
}

/// So many of a unit with at most two digits behind the point, fewer the larger it is.
fn rounded(amount: i64, unit: i64) -> String {
    let places = match amount.abs() / unit {
        0 => 100,
        1..10 => 10,
        _ => 1,
    };
    let up = (i128::from(amount) * places + i128::from(unit) - 1).div_euclid(i128::from(unit));
    let (number, rest) = (up / places, (up % places).abs());
    let text = match (places, rest) {
        (_, 0) => number.to_string(),
        (10, rest) => format!("{number}.{rest}"),
        (_, rest) => format!("{number}.{rest:02}")
            .trim_end_matches('0')
            .to_owned(),
    };
    match (amount < 0, number, rest) {
        (true, 0, 1..) => format!("-{text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is short is read at night: few digits, and never nothing for something.
    #[test]
    fn amounts_are_said_in_few_digits() {
        let gibi = 1_i64 << 30;
        let said = [
            cpu(42_000),
            cpu(42_001),
            cpu(1500),
            cpu(1),
            cpu(250),
            cpu(0),
            cpu(-500),
            memory(12 * gibi),
            memory(gibi + gibi / 2),
            memory(1),
            memory(512 << 20),
            pods(1),
        ];
        assert_eq!(
            said,
            [
                "42 CPU", "43 CPU", "1.5 CPU", "0.01 CPU", "0.25 CPU", "0 CPU", "-0.5 CPU",
                "12 GiB", "1.5 GiB", "1 MiB", "512 MiB", "1 pod"
            ]
        );
        let sum = Sum {
            pods: 3,
            cpu: 2000,
            memory: gibi,
        };
        assert_eq!(sum.said().as_deref(), Some("2 CPU, 1 GiB and 3 pods"));
        assert_eq!(Sum::default().said(), None);
    }

    /// A request of a fraction is still one.
    #[test]
    fn lists_of_resources_are_read_rounded_up() {
        let list = json!({ "cpu": "100u", "memory": "0.5", "nvidia.com/gpu": 1 });
        let asked = Asked::of(Some(&list));
        assert_eq!((asked.cpu, asked.memory), (Some(1), Some(1)));
        let list = json!({ "cpu": 2, "memory": "x" });
        let asked = Asked::of(Some(&list));
        assert_eq!((asked.cpu, asked.memory), (Some(2000), None));
        assert_eq!(Asked::of(None), Asked::default());
    }
}
