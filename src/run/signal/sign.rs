//! How signals are signed: as Standard Webhooks says, so that whoever receives them can use any of
//! its libraries. `webhook-id` is the idempotency key: a signal that is sent again has the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

/// The prefix of a key that is written in base64.
const PREFIX: &str = "whsec_";

/// A key that signals are signed with.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Reads a key as it is written in its file: `whsec_` and base64, or the bytes themselves.
    ///
    /// # Errors
    /// It is shorter than 24 bytes, or no base64: a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        /// As Standard Webhooks demands.
        const SHORTEST: usize = 24;
        let text = text.trim();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|error| format!("the key is not base64 after {PREFIX}: {error}"))?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST {
            return Err(format!("the key has fewer than {SHORTEST} bytes"));
        }
        Ok(Self(bytes))
    }

    /// The headers of a signed signal.
    pub fn headers(&self, id: &str, at: i64, body: &[u8]) -> HeaderMap {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let fields = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", format!("v1,{signature}")),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = HeaderValue::from_str(&value).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        fields.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification: whoever receives a signal checks it with its own library.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let key = Key::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let headers = key.headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            headers["webhook-signature"],
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(headers["webhook-timestamp"], "1614265330");
    }

    /// A key that anybody could guess signs nothing.
    #[test]
    fn a_short_or_broken_key_is_refused() {
        for text in ["", "secret", "whsec_c2hvcnQ=", "whsec_!"] {
            assert!(Key::read(text).is_err(), "{text}");
        }
        assert!(Key::read("0123456789abcdef01234567\n").is_ok());
    }
}
