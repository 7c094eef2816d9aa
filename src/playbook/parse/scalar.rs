//! What an unquoted word of YAML means.
//!
//! Readers disagree: kubectl takes `off` for false and `010` for eight, other readers for a text
//! and ten. Such words are refused, so that a playbook means the same wherever it is read.

use serde_json::{Number, Value};

/// Words that kubectl reads as booleans and YAML 1.2 as texts, in lower case.
const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// The value of an unquoted word.
///
/// # Errors
/// What the word may be taken for, where readers disagree.
pub fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return Err(format!(
            "`{text}` without quotes is a boolean to kubectl and a text to other readers"
        ));
    }
    let unsigned = lower.trim_start_matches(['+', '-']);
    if matches!(unsigned, ".inf" | ".nan") {
        return Err(format!(
            "`{text}` without quotes is no number that JSON can hold"
        ));
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Ok(Value::from(text));
    }
    if is_decimal(unsigned) {
        return whole(text, unsigned);
    }
    if is_other_base(unsigned) {
        return Err(format!(
            "`{text}` without quotes is a number in another base, or with separators, to some readers"
        ));
    }
    if is_float(unsigned) {
        let number = text.parse().ok().and_then(Number::from_f64);
        return number
            .map(Value::Number)
            .ok_or_else(|| format!("`{text}` is no number that JSON can hold"));
    }
    Ok(Value::from(text))
}

fn whole(text: &str, unsigned: &str) -> Result<Value, String> {
    if unsigned.len() > 1 && unsigned.starts_with('0') {
        return Err(format!(
            "`{text}` without quotes is octal to kubectl and decimal to other readers"
        ));
    }
    let signed = text.parse::<i64>().map(Value::from);
    signed
        .or_else(|_| text.parse::<u64>().map(Value::from))
        .map_err(|_| format!("`{text}` is a whole number that is too large"))
}

fn is_decimal(unsigned: &str) -> bool {
    unsigned.bytes().all(|b| b.is_ascii_digit())
}

/// `0x1f`, `0o17`, `0b1`, `1_000`.
fn is_other_base(unsigned: &str) -> bool {
    let digits = |rest: &str, base: u32| {
        !rest.is_empty() && rest.chars().all(|c| c.is_digit(base) || c == '_')
    };
    [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .any(|(prefix, base)| {
            unsigned
                .strip_prefix(prefix)
                .is_some_and(|rest| digits(rest, base))
        })
        || (unsigned.contains('_') && digits(unsigned, 10))
}

fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mut parts = mantissa.splitn(2, '.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is read here must be what kubectl sends.
    #[test]
    fn unquoted_words_mean_what_every_reader_takes_them_for() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("42", json!(42)),
            ("-7", json!(-7)),
            (
                "18446744073709551615",
                json!(18_446_744_073_709_551_615_u64),
            ),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("90%", json!("90%")),
            ("10m", json!("10m")),
            ("1.2.3", json!("1.2.3")),
            ("2026-07-01", json!("2026-07-01")),
            ("8:30", json!("8:30")),
            ("-", json!("-")),
            (".", json!(".")),
            ("nobody", json!("nobody")),
        ] {
            assert_eq!(plain(text), Ok(value), "{text}");
        }
    }

    /// A flag that one reader takes for a text and another for false is set wrong by one of them.
    #[test]
    fn words_on_which_readers_disagree_are_refused() {
        let words = [
            "off",
            "On",
            "YES",
            "n",
            "010",
            "-010",
            "0x1F",
            "0o17",
            "0b1",
            "1_000",
            ".inf",
            "-.Inf",
            ".nan",
            "99999999999999999999",
            "1e999",
        ];
        for text in words {
            assert!(plain(text).is_err(), "{text}");
        }
    }
}
