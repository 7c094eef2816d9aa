//! Text that is kept for a while in little room: the managedFields of a whole fleet, from the
//! moment in which a value came back until its owners have.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// A packed text. It never leaves the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a text.
    pub fn of(text: &str) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.finish());
        // Writing to memory does not fail; were it to, an empty text is found out by whoever
        // unpacks it, and the object is read again.
        Self(packed.unwrap_or_default().into())
    }

    /// The text again.
    ///
    /// # Errors
    /// A sentence, where the bytes are not what was packed.
    pub fn text(&self) -> Result<String, String> {
        let mut text = String::new();
        DeflateDecoder::new(&*self.0)
            .read_to_string(&mut text)
            .map(|_| text)
            .map_err(|error| format!("it cannot be unpacked: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Owners are given back from this text: every character counts.
        #[test]
        fn text_comes_back(text in "\\PC{0,400}") {
            prop_assert_eq!(Packed::of(&text).text(), Ok(text));
        }
    }

    /// The point of it: what servers write takes a quarter of the room or less.
    #[test]
    fn managed_fields_shrink() {
        let entry = r#"{"apiVersion":"apps/v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{"f:meta.helm.sh/release-name":{}},"f:labels":{"f:app.kubernetes.io/managed-by":{},"f:app.kubernetes.io/name":{}}},"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}},"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}}}}}}}},"manager":"helm","operation":"Apply","time":"2026-01-01T00:00:00Z"}"#;
        let text = format!("[{entry},{entry},{entry}]");
        assert!(Packed::of(&text).0.len() * 4 <= text.len());
    }
}
