//! JSON Pointers of findings: where in the document something is.

/// A key as one part of a JSON Pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finding on a label's key would point elsewhere if its slash were taken for a step down.
    #[test]
    fn keys_with_slashes_stay_one_part() {
        assert_eq!(escape("pingzhan.dev/a~b"), "pingzhan.dev~1a~0b");
    }
}
