//! Numbers as Go prints them.

use serde_json::Number;

/// A number as `%v` has it: whole ones without a point, big and small ones with an exponent.
pub fn printed(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float_printed(float),
        Some(_) | None => number.to_string(),
    }
}

/// A fraction as `%v` has it.
fn float_printed(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // Six digits before the point: what `%v` takes for the shortest form.
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bound is quoted to people, and compared by the conformance table.
    #[test]
    fn numbers_are_printed_as_go_does() {
        for (text, printed_as) in [
            ("0", "0"),
            ("0.5", "0.5"),
            ("1.0", "1"),
            ("-3", "-3"),
            ("1e30", "1e+30"),
            ("1234567.5", "1.2345675e+06"),
            ("0.00001", "1e-05"),
            ("9007199254740993", "9007199254740993"),
        ] {
            let number: Number = serde_json::from_str(text).expect("a number");
            assert_eq!(printed(&number), printed_as, "{text}");
        }
    }
}
