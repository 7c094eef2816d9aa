//! How a record is taken into the ledger: checked against the journal's end, read, tried out, and
//! only then made true. Part of the fold ([`super::fold`]).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::{ChangeRecordSpec, PlanPart, Turn, TurnKind};

use super::began::is_leader;
use super::entry::{Entry, EntryId, NewEntry};
use super::fold::{Direction, Granted, Ledger};
use super::follow::follow;
use super::record::{Damage, Decoded, FORMAT, Head, NewOutcome, decode, hash};
use super::transition::{Event, State};

impl Ledger {
    /// Takes the next record in. On `Err` the ledger is unchanged.
    ///
    /// # Errors
    /// A [`Damage`] where the record is not the next one of this journal, or says something that
    /// cannot have happened.
    pub fn apply(&mut self, record: &ChangeRecordSpec) -> Result<(), Damage> {
        self.check(record)?;
        let body = |problem: String| Damage::Body {
            sequence: record.sequence,
            problem,
        };
        let at: Timestamp = record
            .at
            .parse()
            .map_err(|error| body(format!("`at` is not a time: {error}")))?;
        let decoded = decode(record)?;
        if self.direction == Direction::Closed && !is_leader(&decoded) {
            return Err(body("the mode was closed before it".to_owned()));
        }
        match decoded {
            Decoded::Plan(part) => self.take_plan(part).map_err(body)?,
            Decoded::Intents(entries) => self.take_intents(entries, at).map_err(body)?,
            Decoded::Outcomes(outcomes) => {
                let changed = self.try_outcomes(outcomes).map_err(body)?;
                self.take_outcomes(changed, at);
            }
            Decoded::Acts(acts) => self.take_acts(acts, at).map_err(body)?,
            Decoded::Turn(turn) => self.take_turn(turn, record, at).map_err(body)?,
        }
        self.epoch = record.epoch;
        self.last_at = Some(at);
        self.head = Head {
            sequence: record.sequence,
            hash: hash(record),
        };
        Ok(())
    }

    /// Whether these outcomes can be journalled now. To be asked before a record of them is
    /// created: what is stored cannot be taken back.
    ///
    /// # Errors
    /// A sentence that names the entry and the event that do not fit.
    pub fn admits(&self, outcomes: &[NewOutcome]) -> Result<(), String> {
        self.try_outcomes(outcomes.to_vec()).map(|_| ())
    }

    /// Whether a record is the next one of this journal.
    fn check(&self, record: &ChangeRecordSpec) -> Result<(), Damage> {
        let sequence = record.sequence;
        if record.format < 1 || record.format > FORMAT {
            return Err(Damage::Format {
                sequence,
                format: record.format,
            });
        }
        if record.mode != self.mode {
            return Err(Damage::OtherMode {
                sequence,
                uid: record.mode.uid.clone(),
            });
        }
        if sequence != self.head.sequence + 1 {
            return Err(Damage::Gap {
                expected: self.head.sequence + 1,
                found: sequence,
            });
        }
        if record.prev != self.head.hash {
            return Err(Damage::Chain { sequence });
        }
        if record.epoch < self.epoch {
            return Err(Damage::Epoch {
                sequence,
                epoch: record.epoch,
                newer: self.epoch,
            });
        }
        Ok(())
    }

    fn take_plan(&mut self, part: PlanPart) -> Result<(), String> {
        let PlanPart {
            hash,
            part,
            parts,
            text,
        } = part;
        if hash.is_empty() || part < 1 || part > parts {
            return Err(format!("part {part} of {parts} of a plan cannot be"));
        }
        if self.plans.contains_key(&hash) {
            return Err(format!("the plan {hash} is stored already"));
        }
        let known = self.plan_parts.get(&hash);
        if let Some(known) = known {
            // The last part closes the plan, so the count is that of the first one's record.
            if known.contains_key(&part) {
                return Err(format!("part {part} of the plan {hash} is stored already"));
            }
        }
        let stored = known.map_or(0, BTreeMap::len) + 1;
        if stored < usize::try_from(parts).unwrap_or(usize::MAX) {
            self.plan_parts.entry(hash).or_default().insert(part, text);
            return Ok(());
        }
        if known.is_some_and(|known| known.keys().any(|known| *known > parts)) {
            return Err(format!(
                "parts of the plan {hash} do not agree on their count"
            ));
        }
        let mut whole = self.plan_parts.remove(&hash).unwrap_or_default();
        whole.insert(part, text);
        self.plans.insert(hash, whole.into_values().collect());
        Ok(())
    }

    fn take_intents(
        &mut self,
        entries: Vec<(EntryId, EntryId, NewEntry)>,
        at: Timestamp,
    ) -> Result<(), String> {
        let mut write_before = None;
        for ((id, write, entry), expected) in entries.iter().zip(self.next_entry..) {
            if id.0 != expected {
                return Err(format!("entry {} should have the number {expected}", id.0));
            }
            if write != id && write_before != Some(*write) {
                return Err(format!("entry {expected} is of the write of {}", write.0));
            }
            write_before = Some(*write);
            if let Some(older) = entry.supersedes {
                let fits = self.entries.get(older).is_some_and(|older| {
                    older.target.uid == entry.target.uid && older.path == entry.path
                });
                if !fits {
                    return Err(format!(
                        "entry {expected} takes the place of {}, which is not of that field",
                        older.0
                    ));
                }
            }
        }
        for (id, write, entry) in entries {
            self.insert(id, write, entry, at);
        }
        self.next_entry = self
            .entries
            .values()
            .next_back()
            .map_or(self.next_entry, |last| last.id.0 + 1);
        Ok(())
    }

    fn insert(&mut self, id: EntryId, write: EntryId, entry: NewEntry, at: Timestamp) {
        let NewEntry {
            stage,
            step,
            target,
            path,
            base,
            seen,
            after,
            owners,
            parents,
            covers,
            supersedes,
            amendment,
        } = entry;
        self.begins(&stage, at);
        let field = (target.uid.clone(), path.clone());
        self.tries.remove(&field);
        let before = self.heads.insert(field, id);
        // An intent that was stored just before the turn, and read after it, was perhaps written:
        // the turn covers it too.
        let turned = self.direction == Direction::Restoring;
        let state = if turned {
            State::Reverting
        } else {
            State::Intended
        };
        let entry = Entry {
            id,
            stage,
            step,
            write,
            target,
            path,
            base,
            seen,
            after,
            observed: None,
            owners,
            parents,
            covers,
            supersedes,
            amendment,
            state,
            reason: None,
            confirmed: false,
            turned,
            drift: None,
            before,
        };
        self.entries.push(entry);
    }

    /// The entries as outcomes would leave them; nothing is changed yet.
    fn try_outcomes(&self, outcomes: Vec<NewOutcome>) -> Result<BTreeMap<EntryId, Entry>, String> {
        let mut changed: BTreeMap<EntryId, Entry> = BTreeMap::new();
        for outcome in outcomes {
            for id in &outcome.entries {
                let mut entry = self.working_copy(&changed, *id)?;
                follow(&mut entry, &outcome)?;
                self.shadow(&entry, outcome.event, &mut changed)?;
                changed.insert(*id, entry);
            }
        }
        Ok(changed)
    }

    fn working_copy(
        &self,
        changed: &BTreeMap<EntryId, Entry>,
        id: EntryId,
    ) -> Result<Entry, String> {
        changed
            .get(&id)
            .or_else(|| self.entries.get(id))
            .cloned()
            .ok_or_else(|| format!("it speaks of entry {}, which is not journalled", id.0))
    }

    /// Once an entry is applied, or ends in any other way than unwritten, the one that it takes the
    /// place of is Shadowed, unless that one is settled already: the newer one has its base and its
    /// owners, and answers for the field alone.
    fn shadow(
        &self,
        newer: &Entry,
        event: Event,
        changed: &mut BTreeMap<EntryId, Entry>,
    ) -> Result<(), String> {
        let answers = match event {
            Event::Applied | Event::Reverted | Event::Kept | Event::Gone => true,
            Event::Refused
            | Event::Withdrawn
            | Event::Overtaken
            | Event::Superseded
            | Event::Drifted
            | Event::Reasserted
            | Event::Ours
            | Event::Turned
            | Event::Stuck
            | Event::OwnersBack => false,
        };
        let Some(id) = newer.supersedes.filter(|_| answers) else {
            return Ok(());
        };
        let mut older = self.working_copy(changed, id)?;
        if !older.state.is_settled_back() {
            follow(&mut older, &NewOutcome::new(Event::Superseded, vec![id]))?;
            changed.insert(id, older);
        }
        Ok(())
    }

    fn take_outcomes(&mut self, changed: BTreeMap<EntryId, Entry>, at: Timestamp) {
        self.last_outcome_at = Some(at);
        for (id, entry) in changed {
            self.moves(&entry.stage, at);
            let unwritten = entry.state.is_unwritten();
            self.entries.replace(entry);
            if unwritten {
                self.fall_back(id);
            }
        }
    }

    /// An entry that ended unwritten is no longer its field's head: the older one is, if any.
    fn fall_back(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let field = (entry.target.uid.clone(), entry.path.clone());
        if self.heads.get(&field) != Some(&id) {
            return;
        }
        let mut older = entry.before;
        while let Some(entry) = older.and_then(|id| self.entries.get(id)) {
            if !entry.state.is_unwritten() {
                break;
            }
            older = entry.before;
        }
        match older {
            Some(older) => self.heads.insert(field.clone(), older),
            None => self.heads.remove(&field),
        };
        // A try that is newer than this one stays the latest.
        self.tries
            .entry(field)
            .and_modify(|latest| *latest = id.max(*latest))
            .or_insert(id);
    }

    fn take_turn(
        &mut self,
        turn: Turn,
        record: &ChangeRecordSpec,
        at: Timestamp,
    ) -> Result<(), String> {
        match turn.kind {
            TurnKind::Leader => {
                self.taken_over(at);
                return Ok(());
            }
            TurnKind::Granted => {
                if self.direction == Direction::Restoring {
                    return Err("it grants a plan after the return began".to_owned());
                }
                self.granted = Some(granted(&turn, record.sequence, at)?);
                self.round = self.round.saturating_add(1);
                self.begins_anew(at);
                self.activated_at.get_or_insert(at);
                // A person stopped the switch for good; what is granted later is a longer term,
                // and must not set it in motion again.
                if self.direction != Direction::Held {
                    self.direction = Direction::Wartime;
                }
            }
            TurnKind::Withdrawn => self.round = self.round.saturating_add(1),
            TurnKind::Held => {
                if self.direction == Direction::Restoring {
                    return Err("it holds the values after the return began".to_owned());
                }
                self.direction = Direction::Held;
            }
            TurnKind::Restoring => {
                self.direction = Direction::Restoring;
                self.restoring_at.get_or_insert(at);
                self.turn_entries()?;
            }
            TurnKind::Closed => self.direction = Direction::Closed,
        }
        self.turns.push((at, turn));
        Ok(())
    }

    /// `Turned`, for every entry.
    fn turn_entries(&mut self) -> Result<(), String> {
        for entry in self.entries.values_mut() {
            if !entry.state.is_settled_back() {
                let event = NewOutcome::new(Event::Turned, vec![entry.id]);
                // Legal in every state, as the transition table's test holds.
                follow(entry, &event)?;
            }
        }
        Ok(())
    }
}

fn granted(turn: &Turn, sequence: i64, at: Timestamp) -> Result<Granted, String> {
    let missing = |what: &str| format!("it grants a plan without its {what}");
    let expires_at = turn
        .expires_at
        .as_ref()
        .ok_or_else(|| missing("expiresAt"))?
        .parse()
        .map_err(|error| format!("`expiresAt` is not a time: {error}"))?;
    Ok(Granted {
        plan_hash: turn.plan_hash.clone().ok_or_else(|| missing("planHash"))?,
        level: turn.level.ok_or_else(|| missing("level"))?,
        expires_at,
        approvals: turn.approvals.clone(),
        at,
        sequence,
    })
}
