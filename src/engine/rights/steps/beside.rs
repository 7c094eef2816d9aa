//! What a plan looks at beside what steps select, to say what it would come to: the room for pods, quotas of
//! what is made, and who wrote in what is frozen.

use super::super::{Right, Use, guess};
use super::Asking;
use crate::engine::plan::writers;
use crate::engine::room;
use crate::step::{self, Query};

impl Asking<'_, '_> {
    /// Several objects in one place are held against its quotas together.
    pub(super) fn counted(&mut self, several: bool, place: Option<&str>) {
        if several {
            let on = Right::on("", "resourcequotas", place);
            self.add(Use::Know, &["list"], &on);
        }
    }

    /// Who wrote lately in what is frozen is told before anybody approves.
    pub(super) fn writers(&mut self, query: &Query) {
        for (_, kind, _) in writers::KINDS {
            let served = guess(kind);
            for place in self.ground.places(query, &served) {
                let on = Right::on(&served.group, &served.plural, place.as_deref());
                self.add(Use::Know, &["list"], &on);
            }
        }
    }

    /// What says whether there is room for pods.
    pub(super) fn room(&mut self, selects: bool) {
        for right in [room::Right::Nodes, room::Right::Pods, room::Right::Classes] {
            let on = Right::on(right.group(), right.resource(), None);
            self.add(Use::Know, &["list"], &on);
        }
        let mut places = self.touched(&step::needs(self.step));
        places.retain(|place| selects || place.is_some());
        let verticals = room::Right::Verticals;
        let written = format!("{}/{}", verticals.group(), verticals.kind());
        // No cluster that was not asked is taken to have them.
        let has_verticals = self.ground.kinds.is_some() && self.ground.kind(&written).is_some();
        for place in &places {
            for right in [
                room::Right::Quotas,
                room::Right::Limits,
                room::Right::Budgets,
                room::Right::Verticals,
            ] {
                if right == verticals && !has_verticals {
                    continue;
                }
                let on = Right::on(right.group(), right.resource(), place.as_deref());
                self.add(Use::Know, &["list"], &on);
            }
        }
    }
}
