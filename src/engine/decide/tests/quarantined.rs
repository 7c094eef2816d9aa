//! Targets at which the program failed itself.

use std::collections::BTreeSet;

use super::world::World;
use crate::api::condition::types;
use crate::api::{Phase, Posture};

/// The log says it to nobody who commands: whoever reads the mode has to see which services it left as they
/// are, and that it holds them no more.
#[test]
fn a_target_at_which_the_program_failed_is_named() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert_eq!(world.said(types::DEGRADED).status, "False");
    world.quarantined = BTreeSet::from(["web-0".into()]);
    assert!(world.turn().is_ok());
    let degraded = world.said(types::DEGRADED);
    assert_eq!(
        (degraded.status.as_str(), degraded.reason.as_str()),
        ("True", "InternalError")
    );
    let says = "failed at 1 target and does nothing there any more";
    assert!(degraded.message.contains(says), "{}", degraded.message);
    let named = &world.status.targets;
    assert!(!named.is_empty());
    for target in named {
        let said = (target.name.as_str(), target.state.as_str());
        assert_eq!(said, ("web-0", "Quarantined"));
        let why = target.message.as_deref().unwrap_or_default();
        assert!(why.contains("then restart the operator"), "{why}");
    }

    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.said(types::DEGRADED).status, "False");
}
