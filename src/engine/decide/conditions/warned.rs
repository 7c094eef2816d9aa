//! Conditions that warn of what will happen by itself: the term ends, a program undoes what people write.

use crate::api::Phase;
use crate::api::condition::{self, types};

use super::super::Input;
use super::super::term::{self, Left};
use super::{Said, say};

/// How much of the term is left.
pub(super) fn expiring(input: &Input<'_>, phase: Phase) -> Said<'static> {
    let in_force = matches!(phase, Phase::Activating | Phase::Active);
    let left = Some(term::left(input)).filter(|_| in_force);
    let left = left.unwrap_or(Left::Enough);
    let message = if left == Left::Enough {
        String::new()
    } else {
        term::sentence(input)
    };
    let reason = left.reason();
    say(
        types::EXPIRING,
        left != Left::Enough,
        reason,
        reason,
        message,
    )
}

/// That a program would undo what people write: said once it is so, and once it is not any more.
pub(super) fn kept_in_git(input: &Input<'_>) -> Option<Said<'static>> {
    let known = input.mode.status.map(|status| status.conditions.as_slice());
    let was = known.is_some_and(|known| condition::get(known, types::KEPT_IN_GIT).is_some());
    let Some(origin) = input.mode.kept.first() else {
        let gone = || say(types::KEPT_IN_GIT, false, "", "Declared", String::new());
        return was.then(gone);
    };
    let message = format!(
        "{} {} puts this object there: whenever it heals, it wipes approvals and other acts of people, \
         and when it prunes, it deletes the emergency; take it out of the repository (or the release) \
         without pruning it, and declare with `pingzhan declare`",
        origin.program.named(),
        origin.place()
    );
    Some(say(
        types::KEPT_IN_GIT,
        true,
        origin.program.named_reason(),
        "",
        message,
    ))
}
