//! As much of DER as a certificate's subject needs: find an element, write one.

/// Tag of a sequence.
const SEQUENCE: u8 = 0x30;
/// Tag of a set.
const SET: u8 = 0x31;
/// Tag of an object identifier.
const OBJECT_ID: u8 = 0x06;
/// Tag of a text.
const UTF8: u8 = 0x0c;
/// Tag of a bit string.
const BITS: u8 = 0x03;
/// 2.5.4.3, the common name: the user.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// 2.5.4.10, the organisation: a group.
const ORGANISATION: [u8; 3] = [0x55, 0x04, 0x0a];
/// Where the subject is in the part of a certificate that is signed: after version, serial
/// number, algorithm, issuer and validity.
const SUBJECT: usize = 5;

/// The part of a certificate that is signed, with another subject.
pub fn with_subject(certificate: &[u8], user: &str, groups: &[String]) -> Option<Vec<u8>> {
    let outer = elements(content(certificate)?)?;
    let mut fields = elements(content(outer.first()?)?)?;
    let mut subject = vec![attribute(&COMMON_NAME, user)];
    subject.extend(groups.iter().map(|group| attribute(&ORGANISATION, group)));
    let subject = wrap(SEQUENCE, &subject.concat());
    *fields.get_mut(SUBJECT)? = &subject;
    Some(wrap(SEQUENCE, &fields.concat()))
}

/// A whole certificate: what was signed, the algorithm of the one it came from, the signature.
pub fn signed(certificate: &[u8], to_sign: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let outer = elements(content(certificate)?)?;
    let algorithm = *outer.get(1)?;
    let bits = wrap(BITS, &[&[0], signature].concat());
    Some(wrap(SEQUENCE, &[to_sign, algorithm, &bits].concat()))
}

fn attribute(kind: &[u8], text: &str) -> Vec<u8> {
    let pair = [wrap(OBJECT_ID, kind), wrap(UTF8, text.as_bytes())].concat();
    wrap(SET, &wrap(SEQUENCE, &pair))
}

/// An element: tag, length, content.
fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    let length = content.len();
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        element.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let from = bytes
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(bytes.len() - 1);
        let digits = &bytes[from..];
        element.push(0x80 | u8::try_from(digits.len()).unwrap_or(u8::MAX));
        element.extend_from_slice(digits);
    }
    element.extend_from_slice(content);
    element
}

/// The length of the header of the first element, and of its content.
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let digits = bytes.get(2..2 + (first & 0x7f))?;
    let length = digits
        .iter()
        .fold(0, |length, digit| length << 8 | usize::from(*digit));
    Some((2 + digits.len(), length))
}

fn content(bytes: &[u8]) -> Option<&[u8]> {
    let (header, length) = measure(bytes)?;
    bytes.get(header..header + length)
}

fn elements(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = measure(bytes)?;
        let (element, rest) = bytes.split_at_checked(header + length)?;
        found.push(element);
        bytes = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths are where hand-written DER goes wrong: each form must read back.
    #[test]
    fn elements_of_every_length_read_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let inner = vec![7; length];
            let element = wrap(SEQUENCE, &inner);
            assert_eq!(content(&element), Some(inner.as_slice()), "{length}");
            assert_eq!(elements(&element).map(|all| all.len()), Some(1), "{length}");
        }
        assert_eq!(elements(&[SEQUENCE, 5, 0]), None);
    }
}
