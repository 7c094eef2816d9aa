//! When stages began, ever and under the plan in force. Part of the fold ([`super::fold`]).

use jiff::Timestamp;

use super::fold::Ledger;

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

    /// A plan is granted: what it still asks for begins with it, however long ago it was first asked
    /// for.
    pub(super) fn begins_anew(&mut self, at: Timestamp) {
        self.in_force_since = Some(at);
        self.stage_began.clear();
    }
}
