//! The nouns: the custom resources that people and the operator write, and the names and labels
//! that every other part of the program uses.
//!
//! Nothing here does anything: the types are parsed at the door, and everything inside works on
//! them. The CRD files under `manifests/crds/` are generated from these types.

mod change;
mod change_freeze;
mod common;
pub mod condition;
mod kinds;
mod mode;
mod mode_status;
pub mod names;
mod playbook;
mod playbook_status;
mod record;
mod scalar;
mod schema;
mod selector;
mod signal;
mod step;

pub use change::{
    Access, AccessGrant, AccessLockDown, AccessRevoke, Apply, Config, Freeze, Isolate, IsolatePort,
    IsolatePreset, ObjectRef, OnResume, Patch, PortProtocol, Principal, RoleRef, Route, RouteTo,
    Scale, SetField, Suspend,
};
pub use change_freeze::{ChangeFreeze, ChangeFreezeSpec};
pub use common::{Level, Localized, Nature, Posture, Term};
pub use condition::Condition;
pub use kinds::{crds, kinds};
pub use mode::{
    Abandonment, Abort, AbortChoice, Answer, AnswerChoice, Approval, BreakGlass, DecidedBy,
    EmergencyMode, EmergencyModeSpec, LegalBasis, NameRef, Review, ReviewOutcome, Scope, Skip,
    Verdict, VerdictChoice, VerdictOf,
};
pub use mode_status::{
    Concern, Counts, DenyRule, EmergencyModeStatus, GrantedStatus, Interruption, Phase,
    PlanFinding, PlanFindings, PlanStatus, ProposedStatus, StageState, StageStatus, SwitchStatus,
    TargetStatus, TimelineEntry,
};
pub use playbook::{
    Authority, Drift, DriftActive, DriftRestore, NewTargets, Objective, OnFailure, Parameter,
    ParameterType, PerLevel, Playbook, PlaybookSpec, PriorityItem, Stage,
};
pub use playbook_status::{PlaybookFinding, PlaybookStatus, PlaybookUse};
pub use record::{
    ActEvent, ActNote, Acts, ChangeRecord, ChangeRecordSpec, Intent, IntentGroup, Intents,
    Observed, Outcome, Outcomes, OwnerRef, PlanPart, RecordMode, RecordType, Turn, TurnKind,
};
pub use scalar::{Count, Percent, Scalar};
pub use selector::{LabelSelector, NamespaceSelector, Requirement, RequirementOperator, Targets};
pub use signal::{
    Call, Gate, Notify, OnTimeout, Run, Severity, Wait, WaitCondition, WaitReady, WaitRollout,
};
pub use step::{Act, Step};
