//! Quantities (`500m`, `1Gi`) and how the server writes them.

/// How a quantity is written, as its suffix had it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `k`, `M`, `m`.
    Decimal,
    /// `Ki`, `Mi`.
    Binary,
    /// `e3`.
    Exponent,
}

/// Suffixes of powers of ten, with their exponents.
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
/// Suffixes of powers of 1024.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Parts in which amounts are counted: billionths. Nothing smaller is kept.
const ONE: i128 = 1_000_000_000;

/// A quantity as the server writes it, in its own unit. `coarse`: rounded up to a thousandth, as
/// amounts of resources are. Nothing where the text is no quantity, or one that is too big for
/// anybody.
pub fn canonical(text: &str, coarse: bool) -> Option<String> {
    let (mut parts, format) = parse(text)?;
    if coarse {
        parts = rounded(parts, ONE / 1000) * (ONE / 1000);
    }
    if parts == 0 {
        return Some("0".to_owned());
    }
    let small = parts.abs() < 1024 * ONE;
    if format == Format::Binary && parts % ONE == 0 && !small {
        let mut number = parts / ONE;
        let mut power = 0;
        while number % 1024 == 0 && power + 1 < BINARY.len() {
            number /= 1024;
            power += 1;
        }
        return Some(format!("{number}{}", BINARY[power]));
    }
    let (mut number, mut exponent) = (parts, -9);
    while number % 10 == 0 {
        number /= 10;
        exponent += 1;
    }
    while exponent % 3 != 0 || exponent > 18 {
        number *= 10;
        exponent -= 1;
    }
    if format == Format::Exponent {
        let suffix = if exponent == 0 {
            String::new()
        } else {
            format!("e{exponent}")
        };
        return Some(format!("{number}{suffix}"));
    }
    let (suffix, _) = DECIMAL.iter().find(|(_, power)| *power == exponent)?;
    Some(format!("{number}{suffix}"))
}

/// Whether the server reads it as a quantity.
pub fn is_one(text: &str) -> bool {
    parse(text).is_some()
}

/// A quantity in billionths; nothing where the text is none.
pub fn parts(text: &str) -> Option<i128> {
    parse(text).map(|(parts, _)| parts)
}

/// In billionths, rounded away from zero.
fn parse(text: &str) -> Option<(i128, Format)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let minus = text.starts_with('-');
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = unsigned.find(|c| !is_number(c)).unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    if before.is_empty() && after.is_empty() || after.contains('.') {
        return None;
    }
    let digits: i128 = format!("{before}{after}").parse().ok()?;
    let places = i32::try_from(after.len()).ok()?;
    let (power, base, format) = unit(suffix)?;
    let times = base.checked_mul(ONE)?;
    let exact = digits.checked_mul(times)?;
    let size = scaled(exact, power - places)?;
    Some((if minus { -size } else { size }, format))
}

/// What a suffix stands for: a power of ten, times a number.
fn unit(suffix: &str) -> Option<(i32, i128, Format)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*power, 1, Format::Decimal));
    }
    if let Some(power) = BINARY.iter().position(|name| *name == suffix) {
        let power = u32::try_from(power).ok()?;
        return Some((0, 1024_i128.checked_pow(power)?, Format::Binary));
    }
    let power = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((power, 1, Format::Exponent))
}

/// Times a power of ten; what is less than one is rounded up.
fn scaled(number: i128, power: i32) -> Option<i128> {
    match 10_i128.checked_pow(power.unsigned_abs()) {
        Some(factor) if power >= 0 => number.checked_mul(factor),
        Some(factor) => Some(rounded(number, factor)),
        None if power >= 0 => None,
        None => Some(number.signum()),
    }
}

/// Divided, and rounded away from zero.
fn rounded(number: i128, factor: i128) -> i128 {
    let more = if number % factor == 0 {
        0
    } else {
        number.signum()
    };
    number / factor + more
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A switch compares what it wrote with what the server says is there.
    #[test]
    fn quantities_are_written_as_the_server_writes_them() {
        for (text, written) in [
            ("1000m", "1"),
            ("0.50", "500m"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("100Ki", "100Ki"),
            ("0.5Gi", "512Mi"),
            ("1000Ki", "1000Ki"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("0.1Ki", "102400m"),
            ("0", "0"),
            ("0Mi", "0"),
            ("0.0001", "1m"),
            ("1e3", "1e3"),
            ("12E3", "12e3"),
            ("-1000m", "-1"),
            ("+2", "2"),
            ("5.", "5"),
            (".5", "500m"),
            ("3E", "3E"),
        ] {
            assert_eq!(canonical(text, true).as_deref(), Some(written), "{text}");
        }
        assert_eq!(canonical("0.0001", false).as_deref(), Some("100u"));
        assert_eq!(canonical("0.1n", false).as_deref(), Some("1n"));
        for text in ["", "x", "1.2.3", "1 Gi", "1kb", "--1", "."] {
            assert_eq!(canonical(text, true), None, "{text}");
        }
    }

    /// A suffix that is read wrongly makes a capacity of a thousand times too much or too little.
    #[test]
    fn every_suffix_stands_for_its_power() {
        let decimal = [
            ("n", 1),
            ("u", 1_000),
            ("m", 1_000_000),
            ("", ONE),
            ("k", 1_000 * ONE),
            ("M", 1_000_000 * ONE),
            ("G", 1_000_000_000 * ONE),
            ("T", 1_000_000_000_000 * ONE),
            ("P", 1_000_000_000_000_000 * ONE),
            ("E", 1_000_000_000_000_000_000 * ONE),
            ("e3", 1_000 * ONE),
            ("E-3", ONE / 1_000),
        ];
        let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        assert_eq!(DECIMAL.len() + BINARY.len(), 17, "a suffix without a row");
        for (suffix, amount) in decimal {
            assert_eq!(parts(&format!("2{suffix}")), Some(2 * amount), "{suffix}");
        }
        let mut amount = ONE;
        for suffix in binary {
            amount *= 1024;
            assert_eq!(parts(&format!("2{suffix}")), Some(2 * amount), "{suffix}");
        }
    }
}
