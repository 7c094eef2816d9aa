//! Texts of a certain format.

/// Whether a text has a format. A format that is not known fits everything.
pub fn fits(format: &str, text: &str) -> bool {
    match format {
        "date" => is_date(text),
        "date-time" | "datetime" => {
            let lower = text.to_lowercase();
            lower
                .split_once('t')
                .is_some_and(|(date, time)| is_date(date) && is_time(time))
        }
        _ => true,
    }
}

/// `2026-07-01`.
fn is_date(text: &str) -> bool {
    let shape = text.len() == 10 && text.is_ascii();
    shape && text.parse::<jiff::civil::Date>().is_ok()
}

/// `08:00:00.5z`, `08:00:00+02:00`: to the second, with a zone.
fn is_time(text: &str) -> bool {
    if !text.is_ascii() || text.len() < 9 {
        return false;
    }
    let (clock, rest) = text.split_at(8);
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = &rest[..rest.len() - zone.len()];
    let digits = fraction.strip_prefix('.').map(str::as_bytes);
    let fraction_fits = fraction.is_empty()
        || digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let zone_fits = zone == "z"
        || zone
            .strip_prefix(['+', '-'])
            .is_some_and(|zone| is_clock(zone, 2));
    is_clock(clock, 3) && fraction_fits && zone_fits
}

/// So many pairs of digits with colons between them, each a time of day.
fn is_clock(text: &str, pairs: usize) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let limits = ["23", "59", "59"];
    let is_pair = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == pairs
        && parts.iter().all(is_pair)
        && parts.iter().zip(limits).all(|(part, limit)| *part <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time that the server refuses must not pass a rehearsal.
    #[test]
    fn times_have_a_date_a_second_and_a_zone() {
        for text in [
            "2026-07-01T08:00:00Z",
            "2026-07-01t08:00:00.123456+02:00",
            "2026-07-01T23:59:59-11:30",
        ] {
            assert!(fits("date-time", text), "{text}");
        }
        for text in [
            "yesterday",
            "2026-07-01",
            "2026-07-01T08:00Z",
            "2026-07-01T08:00:00",
            "2026-13-01T08:00:00Z",
            "2026-07-01T24:00:00Z",
            "2026-07-01T08:00:00.Z",
            "2026-07-01 08:00:00Z",
        ] {
            assert!(!fits("date-time", text), "{text}");
        }
        assert!(fits("date", "2026-07-01") && !fits("date", "2026-7-1"));
        assert!(fits("color", "anything"));
    }
}
