//! What a field holds: a value, or nothing. Base, seen, after and observed are images.

use std::borrow::Cow;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::locate::locate;
use super::path::{Path, canonical};

/// How much of a value people are shown: a line of a table.
const SHOWN: usize = 80;

/// The content of a field. A null is a value; a field that is not there is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Image {
    /// The field is not there.
    #[default]
    Absent,
    /// The field holds this.
    Present(Value),
}

impl Image {
    /// What a field of an object holds.
    pub fn at(object: &Value, path: &Path) -> Self {
        let (_, value) = locate(object, path);
        value.map_or(Self::Absent, |value| Self::Present(value.clone()))
    }

    /// Canonical JSON text, as stored in the journal; nothing where the field is absent.
    pub fn to_text(&self) -> Option<String> {
        self.value().map(canonical)
    }

    /// Characters of [`Image::to_text`]; 0 where the field is absent.
    pub fn characters(&self) -> usize {
        self.to_text().map_or(0, |text| text.chars().count())
    }

    /// Whether the text has at most so many characters. Costs little for what is short anyway.
    pub fn fits(&self, characters: usize) -> bool {
        /// The longest form of one byte of a text: `\u001f`.
        const LONGEST: usize = 6;
        match self.value() {
            None | Some(Value::Null | Value::Bool(_) | Value::Number(_)) => true,
            Some(Value::String(text)) if text.len() * LONGEST + 2 <= characters => true,
            Some(Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                self.characters() <= characters
            }
        }
    }

    /// What stands for the image where at most so many characters are kept: itself, or its hash and
    /// length. That is enough to know it again, never to bring it back.
    pub fn within(&self, characters: usize) -> Cow<'_, Self> {
        if self.fits(characters) {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self::Present(json!({
            "characters": self.characters(),
            "hash": self.hash(),
        })))
    }

    /// Reads [`Image::to_text`] back.
    ///
    /// # Errors
    /// The JSON parser's error where the text is not JSON: the journal is damaged.
    pub fn from_text(text: Option<&str>) -> Result<Self, serde_json::Error> {
        text.map_or(Ok(Self::Absent), |text| {
            serde_json::from_str(text).map(Self::Present)
        })
    }

    /// `sha256:…` of the text, as a verdict names the value that a person saw. Absent has a hash
    /// of its own.
    pub fn hash(&self) -> String {
        // No JSON text is empty, so the hash of nothing is free to stand for absence.
        let digest = Sha256::digest(self.to_text().unwrap_or_default().as_bytes());
        digest.iter().fold(String::from("sha256:"), |hash, byte| {
            format!("{hash}{byte:02x}")
        })
    }

    /// The value, where there is one.
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Absent => None,
            Self::Present(value) => Some(value),
        }
    }

    /// How people read it: the JSON text, cut to a bounded length, or `(absent)`.
    pub fn display(&self) -> String {
        let Some(text) = self.to_text() else {
            return "(absent)".to_owned();
        };
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Null, absent and a big number are what stores lose; the journal must not.
    #[test]
    fn text_is_read_back_with_null_absent_and_big_numbers() {
        for image in [
            Image::Absent,
            Image::Present(Value::Null),
            Image::Present(json!({"b": [1e300, 0.1, 9_007_199_254_740_993_i64], "a": "<&>平战"})),
        ] {
            assert_eq!(Image::from_text(image.to_text().as_deref()).unwrap(), image);
        }
        assert_eq!(Image::Absent.to_text(), None);
        assert_eq!(Image::Present(Value::Null).to_text().unwrap(), "null");
        assert!(Image::from_text(Some("")).is_err());
    }

    /// A verdict names a value by its hash: another value must have another.
    #[test]
    fn hashes_tell_absent_null_and_text_apart() {
        let hashes = [
            Image::Absent,
            Image::Present(Value::Null),
            Image::Present(json!("null")),
            Image::Present(json!("")),
        ]
        .map(|image| image.hash());
        for (place, hash) in hashes.iter().enumerate() {
            assert!(hash.starts_with("sha256:") && hash.len() == 71, "{hash}");
            assert!(!hashes[place + 1..].contains(hash));
        }
    }

    /// A record with a value beyond its bounds is refused by the API server, whole.
    #[test]
    fn what_fits_is_told_by_characters_of_the_text_as_it_is_stored() {
        let text = |of: &str| Image::Present(json!(of));
        assert!(Image::Absent.fits(1) && Image::Present(json!(30)).fits(1));
        assert!(text("平战").fits(4) && !text("平战").fits(3));
        let escaped = text(&"\u{1f}".repeat(10));
        assert_eq!(escaped.characters(), 62);
        assert!(escaped.fits(62) && !escaped.fits(61));
        let list = Image::Present(json!([1, 2]));
        assert!(list.fits(5) && !list.fits(4));
        assert_eq!(*list.within(5), list);
        let known = Image::Present(json!({"characters": 5, "hash": list.hash()}));
        assert_eq!(*list.within(4), known);
    }

    /// Tables must stay tables, whatever a field holds.
    #[test]
    fn display_is_bounded_and_cuts_between_characters() {
        assert_eq!(Image::Absent.display(), "(absent)");
        assert_eq!(Image::Present(json!(3)).display(), "3");
        let long = Image::Present(json!("平".repeat(200))).display();
        assert_eq!(long.chars().count(), SHOWN + 1);
        assert!(long.ends_with('…'));
    }

    /// Items of lists are found by key, place and value.
    #[test]
    fn images_are_read_through_lists() {
        let object = json!({
            "metadata": {"finalizers": ["a", "b"]},
            "spec": {"ports": [
                {"containerPort": 80, "protocol": "TCP", "name": "web"},
                {"containerPort": 80, "protocol": "UDP", "name": "dns"},
            ], "none": null},
        });
        let at = |pointer| Image::at(&object, &Path::parse_pointer(pointer).unwrap());
        assert_eq!(
            at("/spec/ports[containerPort=80,protocol=UDP]/name"),
            Image::Present(json!("dns"))
        );
        assert_eq!(at("/spec/ports[containerPort=\"80\"]"), Image::Absent);
        assert_eq!(at("/spec/ports[1]/name"), Image::Present(json!("dns")));
        assert_eq!(at("/metadata/finalizers[=b]"), Image::Present(json!("b")));
        assert_eq!(at("/metadata/finalizers[=c]"), Image::Absent);
        assert_eq!(at("/spec/none"), Image::Present(Value::Null));
        assert_eq!(at("/spec/none/x"), Image::Absent);
        assert_eq!(at("/spec/ports/0"), Image::Absent);
    }
}
