//! managedFields that are kept for a while in little room: those of a whole fleet, from the moment in
//! which a value came back until its owners have.
//!
//! Objects that the same tools wrote differ in nothing but the times. So these are kept by
//! themselves, and the rest once for all objects that have it in common.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The member of an entry that is not kept with the rest: when it was last changed.
const TIME: &str = "time";

thread_local! {
    /// Its tables take 300 KB, and clearing new ones costs more than packing a text.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// What is in memory already, by the digest of its text.
static KNOWN: Mutex<Known> = Mutex::new(Known::new());

/// The managedFields of an object. They never leave the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The entries without their times, as deflated JSON.
    entries: Arc<[u8]>,
    /// The times: a JSON list with a list of one, or of none, for each entry.
    times: Box<str>,
}

impl Packed {
    /// Packs entries.
    pub fn of(entries: &[Value]) -> Self {
        // Writing and packing in memory do not fail; were they to, an empty text is found out by
        // whoever unpacks it, and the object is read again.
        let timeless: Vec<Timeless<'_>> = entries.iter().map(Timeless).collect();
        let times: Vec<Vec<&Value>> = entries
            .iter()
            .map(|entry| entry.get(TIME).into_iter().collect())
            .collect();
        Self::kept(
            &serde_json::to_vec(&timeless).unwrap_or_default(),
            serde_json::to_string(&times).unwrap_or_default(),
        )
    }

    /// Packs the entries of an object from its JSON text, without reading them. None where it has
    /// none that are understood.
    pub fn in_text(object: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow)]
            metadata: Metadata<'a>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata<'a> {
            #[serde(borrow)]
            managed_fields: Vec<BTreeMap<String, &'a RawValue>>,
        }
        let object: Object<'_> = serde_json::from_slice(object).ok()?;
        let mut entries = object.metadata.managed_fields;
        let times: Vec<Vec<&RawValue>> = entries
            .iter_mut()
            .map(|entry| entry.remove(TIME).into_iter().collect())
            .collect();
        Some(Self::kept(
            &serde_json::to_vec(&entries).ok()?,
            serde_json::to_string(&times).ok()?,
        ))
    }

    fn kept(entries: &[u8], times: String) -> Self {
        let digest: Digested = Sha256::digest(entries).into();
        Self {
            entries: lock().share(digest, entries),
            times: times.into(),
        }
    }

    /// The entries again.
    ///
    /// # Errors
    /// A sentence, where the bytes are not what was packed.
    pub fn entries(&self) -> Result<Vec<Value>, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("it cannot be unpacked: {error}");
        let mut text = String::new();
        DeflateDecoder::new(&*self.entries)
            .read_to_string(&mut text)
            .map_err(|error| unusable(&error))?;
        let mut entries: Vec<Value> =
            serde_json::from_str(&text).map_err(|error| unusable(&error))?;
        let times: Vec<Vec<Value>> =
            serde_json::from_str(&self.times).map_err(|error| unusable(&error))?;
        if entries.len() != times.len() {
            return Err(unusable(&"entries and times do not belong together"));
        }
        for (entry, time) in entries.iter_mut().zip(times) {
            if let (Some(entry), Some(time)) = (entry.as_object_mut(), time.into_iter().next()) {
                entry.insert(TIME.to_owned(), time);
            }
        }
        Ok(entries)
    }
}

/// An entry without its time.
struct Timeless<'a>(&'a Value);

impl Serialize for Timeless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(entry) => {
                serializer.collect_map(entry.iter().filter(|(name, _)| *name != TIME))
            }
            other => other.serialize(serializer),
        }
    }
}

/// The digest of a text.
type Digested = [u8; 32];

/// Texts that are in memory, deflated.
#[derive(Debug)]
struct Known {
    texts: BTreeMap<Digested, Weak<[u8]>>,
    /// At how many texts those are forgotten that nobody keeps any more.
    full: usize,
}

/// The least number of texts at which some are forgotten.
const FULL: usize = 1024;

impl Known {
    const fn new() -> Self {
        Self {
            texts: BTreeMap::new(),
            full: FULL,
        }
    }

    /// A text, deflated, where it is in memory already.
    fn share(&mut self, digest: Digested, text: &[u8]) -> Arc<[u8]> {
        if let Some(known) = self.texts.get(&digest).and_then(Weak::upgrade) {
            return known;
        }
        if self.texts.len() >= self.full {
            self.texts.retain(|_, known| known.strong_count() > 0);
            self.full = FULL.max(self.texts.len() * 2);
        }
        let packed: Arc<[u8]> = deflate(text).unwrap_or_default().into();
        self.texts.insert(digest, Arc::downgrade(&packed));
        packed
    }
}

fn lock() -> std::sync::MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
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
    use serde_json::json;

    use super::*;

    /// Entries with and without a time, of any kind, and what is no entry at all.
    fn entries() -> impl Strategy<Value = Vec<Value>> {
        let time = prop_oneof![
            Just(Value::Null),
            Just(json!(7)),
            "\\PC{0,20}".prop_map(Value::from),
        ];
        let text = "\\PC{0,40}";
        let entry = (proptest::option::of(time), text).prop_map(|(time, manager)| {
            let mut entry = json!({ "manager": manager, "fieldsV1": { "f:time": {} } });
            if let Some(time) = time {
                entry[TIME] = time;
            }
            entry
        });
        let entry = prop_oneof![9 => entry, 1 => Just(json!("no entry"))];
        proptest::collection::vec(entry, 0..6)
    }

    proptest! {
        /// Owners are given back from these: every character counts.
        #[test]
        fn entries_come_back(entries in entries()) {
            prop_assert_eq!(Packed::of(&entries).entries(), Ok(entries.clone()));
            let object = json!({ "spec": {}, "metadata": { "managedFields": entries } });
            let packed = Packed::in_text(object.to_string().as_bytes());
            match packed {
                Some(packed) => prop_assert_eq!(packed.entries(), Ok(entries)),
                None => prop_assert!(entries.iter().any(|entry| !entry.is_object())),
            }
        }
    }

    fn fleet(member: usize) -> Vec<Value> {
        vec![
            json!({ "manager": "helm", "operation": "Apply", "time": format!("2026-01-01T00:{member:02}:00Z"),
                "fieldsV1": { "f:spec": { "f:template": { "f:spec": { "f:containers": {
                    "k:{\"name\":\"web\"}": { ".": {}, "f:env": {
                        "k:{\"name\":\"A\"}": { ".": {}, "f:name": {}, "f:value": {} },
                        "k:{\"name\":\"B\"}": { ".": {}, "f:name": {}, "f:value": {} } },
                    "f:image": {}, "f:name": {}, "f:resources": {} } } } } } } }),
            json!({ "manager": "platform", "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } }),
        ]
    }

    /// The point of it: of objects that the same tools wrote one text is kept, and their times.
    #[test]
    fn what_objects_have_in_common_is_kept_once_and_packed() {
        let (one, other) = (Packed::of(&fleet(1)), Packed::of(&fleet(2)));
        assert!(Arc::ptr_eq(&one.entries, &other.entries));
        assert_ne!(one, other, "their times differ");
        assert_eq!(other.entries(), Ok(fleet(2)));
        let object = json!({ "metadata": { "managedFields": fleet(2) } }).to_string();
        assert_eq!(Packed::in_text(object.as_bytes()).as_ref(), Some(&other));
        let text = serde_json::to_string(&fleet(1)).expect("JSON");
        assert!(
            one.entries.len() * 2 <= text.len(),
            "and what is kept is small"
        );
        let longest = one.times.len();
        assert!(longest <= 30, "{longest} bytes for one time");
    }

    /// A text that nobody keeps does not stay for ever.
    #[test]
    fn what_nobody_keeps_is_forgotten() {
        let mut known = Known::new();
        let mut share = |text: &str| known.share(Sha256::digest(text).into(), text.as_bytes());
        let kept = share("kept");
        for number in 0..3 * FULL {
            share(&number.to_string());
        }
        assert!(Arc::ptr_eq(&kept, &share("kept")));
        assert!(known.texts.len() <= FULL, "{} are known", known.texts.len());
        let mut share = |text: &str| known.share(Sha256::digest(text).into(), text.as_bytes());
        let numbers = 0..3 * FULL;
        let all: Vec<Arc<[u8]>> = numbers.map(|number| share(&number.to_string())).collect();
        assert!(known.texts.len() > all.len(), "whatever is kept is known");
    }

    /// What has none is read again as a whole by whoever needs them.
    #[test]
    fn an_object_without_entries_gives_none() {
        for text in [
            "",
            "{}",
            "{\"metadata\":{}}",
            "{\"metadata\":{\"managedFields\":null}}",
        ] {
            assert_eq!(Packed::in_text(text.as_bytes()), None, "{text}");
        }
    }

    /// An empty text, as it would stand for one that could not be packed, is no entries.
    #[test]
    fn what_was_not_packed_is_not_taken_for_no_entries() {
        let broken = Packed {
            entries: deflate(b"").expect("nothing").into(),
            times: "[]".into(),
        };
        assert!(broken.entries().is_err());
    }
}
