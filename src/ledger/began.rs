//! When stages began and last moved, ever and under the plan in force, and by whose clock. Part of the fold ([`super::fold`]).

use jiff::Timestamp;

use crate::api::TurnKind;

use super::fold::Ledger;
use super::record::Decoded;

impl Ledger {
    /// Something of a stage is recorded.
    pub(super) fn begins(&mut self, stage: &str, at: Timestamp) {
        for began in [&mut self.stage_started, &mut self.stage_began] {
            // Most records are of a stage that is under way: no text is made for those.
            if !began.contains_key(stage) {
                began.insert(stage.to_owned(), at);
            }
        }
    }

    /// Something that was recorded of a stage has come to something.
    pub(super) fn moves(&mut self, stage: &str, at: Timestamp) {
        for last in [&mut self.stage_moved, &mut self.stage_last] {
            match last.get_mut(stage) {
                Some(last) => *last = at,
                None => {
                    last.insert(stage.to_owned(), at);
                }
            }
        }
    }

    /// A plan is granted: what it still asks for begins with it, however long ago it was first asked
    /// for.
    pub(super) fn begins_anew(&mut self, at: Timestamp) {
        self.in_force_since = Some(at);
        self.stage_began.clear();
    }

    /// Another leader takes over. Its clock is not that of the one before, and what nobody carried out
    /// meanwhile took no time: of what began before it, what it had taken by the last record counts.
    pub(super) fn taken_over(&mut self, at: Timestamp) {
        if let Some(last) = self.last_at.filter(|_| self.follows_leaders) {
            self.move_stages(at.duration_since(last));
        }
    }
}

/// Whether a record says that a leader takes over.
pub(super) const fn is_leader(decoded: &Decoded) -> bool {
    matches!(decoded, Decoded::Turn(turn) if matches!(turn.kind, TurnKind::Leader))
}
