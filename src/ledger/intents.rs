//! Changes as they stand in an intents record: words that repeat stand once and entries point to
//! them. Called by [`super::record::encode`] and [`super::record::decode`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Intent, IntentGroup, Intents, OwnerRef};
use crate::field::{FieldSet, FormerOwner, Identity, Image, Owner, Path, Target};

use super::entry::{EntryId, NewEntry};

/// Writes changes. Neighbours of one target and stage are one write.
pub(super) fn encode(entries: &[NewEntry], next_entry: i64) -> Intents {
    let mut groups = Words::default();
    let mut owners = Words::default();
    let mut encoded = Vec::with_capacity(entries.len());
    let mut write = next_entry;
    let mut last = None;
    for (entry, id) in entries.iter().zip(next_entry..) {
        let this = (&entry.target.uid, &entry.stage);
        if last != Some(this) {
            write = id;
            last = Some(this);
        }
        let mut intent = intent(entry, id, &mut groups, &mut owners);
        intent.write = (write != id).then_some(write);
        encoded.push(intent);
    }
    Intents {
        groups: groups.list,
        owners: owners.list,
        entries: encoded,
    }
}

/// Reads changes, each with its number and that of the first one of its write.
pub(super) fn decode(intents: &Intents) -> Result<Vec<(EntryId, EntryId, NewEntry)>, String> {
    let Intents {
        groups,
        owners,
        entries,
    } = intents;
    // Words and paths once a group; one set a path, shared by all owners that lose just that: sets
    // weigh more than entries.
    let common = groups
        .iter()
        .map(|group| {
            let path = Path::parse(&group.path).map_err(|error| error.to_string())?;
            let field = FieldSet::of(&path);
            Ok(Common {
                stage: group.stage.as_str().into(),
                step: group.step.as_str().into(),
                path,
                field,
            })
        })
        .collect::<Result<Vec<_>, String>>()?;
    let owners: Vec<Arc<Owner>> = owners.iter().map(|owner| Arc::new(named(owner))).collect();
    let mut decoded = Vec::with_capacity(entries.len());
    for intent in entries {
        let index = usize::try_from(intent.group).ok();
        let (group, common) = index
            .and_then(|index| groups.get(index).zip(common.get(index)))
            .ok_or_else(|| format!("entry {} names group {}", intent.id, intent.group))?;
        let entry = new_entry(intent, group, common, &owners)
            .map_err(|problem| format!("entry {}: {problem}", intent.id))?;
        let write = intent.write.unwrap_or(intent.id);
        decoded.push((EntryId(intent.id), EntryId(write), entry));
    }
    Ok(decoded)
}

/// What the entries of a group have in common, in memory once.
struct Common {
    stage: Arc<str>,
    step: Arc<str>,
    path: Path,
    field: FieldSet,
}

/// Words that stand once, in the order in which they came.
struct Words<T> {
    list: Vec<T>,
    index: BTreeMap<T, i32>,
}

impl<T> Default for Words<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            index: BTreeMap::new(),
        }
    }
}

impl<T: Clone + Ord> Words<T> {
    fn of(&mut self, word: T) -> i32 {
        if let Some(index) = self.index.get(&word) {
            return *index;
        }
        let index = i32::try_from(self.list.len()).unwrap_or(i32::MAX);
        self.list.push(word.clone());
        self.index.insert(word, index);
        index
    }
}

pub(super) fn group_of(entry: &NewEntry) -> IntentGroup {
    IntentGroup {
        stage: entry.stage.to_string(),
        step: entry.step.to_string(),
        api_version: entry.target.api_version.clone(),
        kind: entry.target.kind.clone(),
        plural: entry.target.plural.clone(),
        path: entry.path.to_string(),
        amendment: entry.amendment,
    }
}

pub(super) fn owner_of(owner: &Owner) -> OwnerRef {
    let Owner {
        manager,
        operation,
        api_version,
        subresource,
    } = owner;
    OwnerRef {
        manager: manager.clone(),
        operation: operation.clone(),
        api_version: api_version.clone(),
        subresource: subresource.clone(),
    }
}

/// Reads [`owner_of`] back.
fn named(owner: &OwnerRef) -> Owner {
    let OwnerRef {
        manager,
        operation,
        api_version,
        subresource,
    } = owner;
    Owner {
        manager: manager.clone(),
        operation: operation.clone(),
        api_version: api_version.clone(),
        subresource: subresource.clone(),
    }
}

fn intent(
    entry: &NewEntry,
    id: i64,
    groups: &mut Words<IntentGroup>,
    owners: &mut Words<OwnerRef>,
) -> Intent {
    // In full, so that a new field cannot be forgotten in the record.
    let NewEntry {
        stage: _,
        step: _,
        target,
        path,
        base,
        seen,
        after,
        owners: former,
        parents,
        covers,
        supersedes,
        amendment: _,
    } = entry;
    Intent {
        id,
        write: None,
        group: groups.of(group_of(entry)),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        uid: target.uid.to_string(),
        base: base.to_text(),
        seen: seen.to_text(),
        after: after.to_text(),
        owners: former
            .iter()
            .map(|former| {
                let index = owners.of(owner_of(&former.owner));
                owner_text(index, former, path)
            })
            .collect(),
        parents: parents.iter().map(ToString::to_string).collect(),
        covers: covers.clone(),
        supersedes: supersedes.map(|id| id.0),
    }
}

/// A former owner as one text: lists and texts cost the server less than objects.
fn owner_text(index: i32, former: &FormerOwner, path: &Path) -> String {
    let at = former.at.as_deref().unwrap_or(NO_TIME);
    lost(&former.lost, path).map_or_else(
        || format!("{index} {at}"),
        |fields| format!("{index} {at} {fields}"),
    )
}

/// Stands for the time of an owner's entry that has none.
const NO_TIME: &str = "-";

/// What an owner loses; nothing where it is just the field, which is nearly always. Compared as it
/// would be written, since a server may spell a key otherwise than we do.
pub(super) fn lost(lost: &FieldSet, path: &Path) -> Option<String> {
    let value = lost.to_value();
    (value != FieldSet::of(path).to_value()).then(|| value.to_string())
}

fn new_entry(
    intent: &Intent,
    group: &IntentGroup,
    common: &Common,
    owners: &[Arc<Owner>],
) -> Result<NewEntry, String> {
    let Intent {
        id: _,
        write: _,
        group: _,
        namespace,
        name,
        uid,
        base,
        seen,
        after,
        owners: former,
        parents,
        covers,
        supersedes,
    } = intent;
    let image = |text: &Option<String>, which: &str| {
        Image::from_text(text.as_deref())
            .map_err(|error| format!("its {which} is not JSON: {error}"))
    };
    if uid.is_empty() || name.is_empty() {
        return Err("its target has no uid or no name".to_owned());
    }
    Ok(NewEntry {
        stage: common.stage.clone(),
        step: common.step.clone(),
        target: Target::from(Identity {
            api_version: group.api_version.clone(),
            kind: group.kind.clone(),
            plural: group.plural.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.as_str().into(),
        }),
        path: common.path.clone(),
        base: image(base, "base")?,
        seen: image(seen, "seen")?,
        after: image(after, "after")?,
        owners: former
            .iter()
            .map(|text| former_owner(text, &common.field, owners))
            .collect::<Result<_, _>>()?,
        parents: parents
            .iter()
            .map(|parent| Path::parse(parent).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?,
        covers: covers.clone(),
        supersedes: supersedes.map(EntryId),
        amendment: group.amendment,
    })
}

/// Reads [`owner_text`] back.
fn former_owner(
    text: &str,
    field: &FieldSet,
    owners: &[Arc<Owner>],
) -> Result<FormerOwner, String> {
    let mut words = text.splitn(3, ' ');
    let index = words.next().unwrap_or_default();
    let owner = index
        .parse()
        .ok()
        .and_then(|index: usize| owners.get(index));
    let owner = owner.ok_or_else(|| format!("it names owner {index:?}, which is not there"))?;
    let at = words.next().ok_or("an owner has no time")?;
    let lost = match words.next() {
        None => field.clone(),
        Some(text) => {
            let value = serde_json::from_str(text)
                .map_err(|error| format!("an owner's fields are not JSON: {error}"))?;
            FieldSet::parse(&value).map_err(|error| error.to_string())?
        }
    };
    Ok(FormerOwner {
        owner: Arc::clone(owner),
        at: (at != NO_TIME).then(|| at.to_owned()),
        lost,
    })
}
