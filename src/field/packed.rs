//! Text that is kept for a while in little room: the managedFields of a whole fleet, from the
//! moment in which a value came back until its owners have.

use std::cell::RefCell;
use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

thread_local! {
    /// Its tables take 300 KB, and clearing new ones costs more than packing a text.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// A packed text. It never leaves the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a text.
    pub fn of(text: &str) -> Self {
        // Packing in memory does not fail; were it to, an empty text is found out by whoever
        // unpacks it, and the object is read again.
        Self(deflate(text.as_bytes()).unwrap_or_default().into())
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

fn deflate(text: &[u8]) -> Option<Vec<u8>> {
    let room = text.len() / 4 + 64;
    DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        let mut packed = Vec::with_capacity(room);
        loop {
            let done = usize::try_from(deflate.total_in()).ok()?;
            let status = deflate.compress_vec(&text[done..], &mut packed, FlushCompress::Finish);
            match status.ok()? {
                Status::StreamEnd => return Some(packed),
                Status::Ok | Status::BufError => packed.reserve(room),
            }
        }
    })
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
