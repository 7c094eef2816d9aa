//! The codes of findings. They are a contract: people search for them and switch on them, so a
//! code is a literal that is never given another meaning, and never used again when it is gone.

use super::{Finding, Severity};

/// A code, and what is always true of its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code, e.g. `PZ0105`.
    pub code: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What to do next.
    pub help: &'static str,
}

impl Code {
    /// A finding of this code, at a JSON Pointer.
    pub fn at(&self, at: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding {
            code: self.code,
            severity: self.severity,
            at: at.into(),
            message: message.into(),
            help: self.help.to_owned(),
        }
    }

    /// The code by its literal.
    pub fn find(code: &str) -> Option<&'static Self> {
        CODES.iter().find(|known| known.code == code)
    }
}

macro_rules! codes {
    ($($name:ident $code:literal $severity:ident $title:literal, $help:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: Code = Code {
                code: $code,
                severity: Severity::$severity,
                title: $title,
                help: $help,
            };
        )*

        /// Every code, in order.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    // The text.
    NOT_YAML "PZ0101" Error "the text is not YAML", "correct the text at this place; `kubectl create --dry-run=client -f FILE` reads the same language";
    DUPLICATE_KEY "PZ0102" Error "a key stands twice in one object", "keep one of both: readers disagree on which of them counts";
    TOO_BIG "PZ0103" Error "the text is too big, too deep or too repetitive", "split it: a document is at most 1 MiB, 64 levels deep and 100000 values with its aliases written out";
    WRONG_KIND "PZ0104" Error "the document is of another kind or version", "write `apiVersion: pingzhan.dev/v1alpha1` and `kind: Playbook` or `kind: EmergencyMode`";
    UNKNOWN_FIELD "PZ0105" Error "there is no such field", "correct its spelling or take it out; `kubectl explain` lists the fields";
    WRONG_TYPE "PZ0106" Error "a field is missing or holds the wrong type", "write what the message asks for; `kubectl explain` shows the types";
    AMBIGUOUS_WORD "PZ0107" Error "an unquoted word means different things to different readers", "put it in quotes where you mean the text, or write a plain `true`, `false` or decimal number";
    NO_NAME "PZ0108" Error "the object has no usable name", "give `metadata.name`: letters a-z, digits, `-` and `.`, beginning and ending with a letter or digit, at most 253";
    NO_DOCUMENT "PZ0109" Error "the text holds no document", "write a Playbook or an EmergencyMode";
    TAG "PZ0110" Error "YAML tags and keys that are not texts are not read", "write the value without a tag and the key as a text";

    // Parameters.
    DUPLICATE_PARAMETER "PZ0201" Error "a parameter is declared twice", "give each parameter a name of its own";
    CONTRADICTORY_PARAMETER "PZ0202" Error "a parameter's declaration contradicts itself", "bring type, bounds, allowed texts and default into agreement";
    REFERENCE_TO_NOTHING "PZ0203" Error "a reference to a parameter that is not declared", "declare it under `parameters`, or correct the name";
    PARTIAL_REFERENCE "PZ0204" Error "a reference stands for a whole value only", "let `${parameters.NAME}` be the whole value: declare a parameter that holds all of it";
    REFERENCE_TYPE "PZ0205" Error "a parameter of another type is wanted here", "refer to an Integer parameter where a number is wanted";
    REFERENCE_RANGE "PZ0206" Error "a parameter allows values that are refused here", "bound the parameter by `minimum` and `maximum` to what is accepted here";
    UNUSED_PARAMETER "PZ0207" Warning "a parameter is declared and never used", "use it as `${parameters.NAME}`, or take it out";
    UNKNOWN_PARAMETER "PZ0208" Error "the playbook has no such parameter", "correct the name, or leave it out";
    MISSING_PARAMETER "PZ0209" Error "a parameter without a default must be given", "give it under `parameters`";
    VALUE_NOT_ALLOWED "PZ0210" Error "a parameter's value is not allowed", "choose a value that the playbook allows";
    PARAMETER_NAME "PZ0211" Error "a parameter's name is not usable", "use letters, digits and `_`, beginning with a letter, at most 63";

    // Stages and steps.
    BAD_NAME "PZ0301" Error "a name is not usable", "use letters a-z, digits and `-`, beginning and ending with a letter or digit, at most 63";
    DUPLICATE_STAGE "PZ0302" Error "two stages have one name", "give each stage a name of its own";
    DUPLICATE_STEP "PZ0303" Error "two steps of a stage have one name", "give each step of a stage a name of its own";
    UNKNOWN_STAGE "PZ0304" Error "dependsOn names no stage", "name a stage of this playbook";
    UNKNOWN_STEP "PZ0305" Error "a step is named that is not there", "name a step that the message allows";
    CYCLE "PZ0306" Error "a cycle: nothing in it can ever begin", "take one of the dependencies out";
    LEVELS "PZ0307" Error "a level is listed twice", "list each level once; leave `levels` out for all of them";
    MIN_SUCCESS "PZ0308" Error "minSuccess is not a percentage", "write a whole percentage from 0% to 100%, such as `90%`";
    EMPTY "PZ0309" Error "there is nothing to do", "give at least one stage, and at least one step in each";
    DURATION "PZ0310" Error "not a duration", "write a positive duration such as 90s, 15m or 24h";
    TOO_MANY "PZ0311" Error "a list is too long", "the limits are those of the API: split the playbook";
    NO_STAGE_AT_LEVEL "PZ0312" Warning "no stage runs at a level", "list the level in a stage, or leave `levels` out";
    SLACK_SUCCESS "PZ0313" Warning "a stage that succeeds whatever happens", "raise `minSuccess`, or mark the steps that matter `critical`";
    CONDITION "PZ0314" Error "a condition that cannot be judged", "write a CEL expression that comes to true or false: `when` may name parameters, level, nature and facts, `where` may name object and parameters; ask `has(object.a.b)` before a field that may be missing";

    // Acts and what they act on.
    NO_ACT "PZ0401" Error "a step does nothing", "give it exactly one act: scale suspend isolate access config route freeze patch apply run call wait gate notify";
    SEVERAL_ACTS "PZ0402" Error "a step has several acts", "make one step of each act; order them by `after`";
    NO_TARGETS "PZ0403" Error "the act needs targets", "say what it acts on: `targets: { kinds: [...], namespaces: ... }`";
    NEEDLESS_TARGETS "PZ0404" Warning "the act has no use for targets", "take `targets` out: this act says for itself where it works";
    UNKNOWN_KIND "PZ0405" Error "not a kind that is known by its name alone", "write kinds outside the built-in table as `group/Kind`, e.g. `argoproj.io/Rollout`";
    REFUSED_KIND "PZ0406" Error "a kind that is never touched", "name the objects that you mean: Secrets, Namespaces, CustomResourceDefinitions, what rules over every request, and Pingzhan's own objects are never touched";
    UNFIT_KIND "PZ0407" Error "the act cannot be done to this kind", "name kinds that the act can be done to, or use another act";
    DUPLICATE_KIND "PZ0408" Error "a kind is listed twice", "list each kind once";
    BAD_SELECTOR "PZ0409" Error "a selector that cannot be meant", "give values to In and NotIn, none to Exists and DoesNotExist, and valid label keys and values";
    SELECTS_ALL "PZ0410" Warning "the step selects every object of its kinds", "narrow it by namespaces, labels or names";
    LOCKOUT "PZ0411" Warning "the step aims at what is never touched", "take it out: objects there are left alone, whatever a playbook says";
    LABEL_OF_OURS "PZ0412" Error "Pingzhan's own labels are not for playbooks", "leave labels and annotations under `pingzhan.dev/` alone";
    DENY_UNJUDGED "PZ0413" Error "new objects are to be refused that the API server cannot judge", "select by kinds, namespaces, labels and names alone, or give the step `newTargets: Report`";

    // What an act asks for.
    SCALE_EMPTY "PZ0501" Error "scale asks for nothing", "give `replicas`, or `percent`, `minimum` and `maximum` in any combination";
    SCALE_MIXED "PZ0502" Error "a fixed count is combined with bounds", "give either `replicas`, or `percent`, `minimum` and `maximum`";
    BOUNDS "PZ0503" Error "the minimum is above the maximum", "exchange or correct both";
    OUT_OF_RANGE "PZ0504" Error "a number is out of range", "replicas go from 0 to 100000, percentages from 0 to 10000";
    NO_EFFECT "PZ0505" Warning "the step changes nothing", "give a percentage other than 100, or bounds";
    SCALE_TO_ZERO "PZ0506" Warning "the step stops its targets altogether", "give a `minimum` if some of each must go on";
    CONFIG_EMPTY "PZ0510" Error "config sets nothing", "give at least one key under `set`";
    CONFIG_KEY "PZ0511" Error "not a key of a ConfigMap", "use letters, digits, `-`, `_` and `.`, at most 253";
    RESTART_KIND "PZ0512" Error "not a workload that can be restarted", "name a Deployment, StatefulSet or DaemonSet";
    PATCH_EMPTY "PZ0520" Error "patch changes nothing", "give at least one of `set`, `remove` and `merge`";
    BAD_PATH "PZ0521" Error "not a path of a field", "write a JSON Pointer such as `/spec/template/spec/containers[name=web]/image`";
    REFUSED_PATH "PZ0522" Error "a field that a playbook may not change", "change fields under spec or data, or single labels and annotations";
    OVERLAP "PZ0523" Error "two changes of one patch overlap", "let each field be changed once, and no field beneath another";
    MERGE_SHAPE "PZ0524" Error "merge is not an object", "write the part of the object that is to change";
    PATCH_REPLICAS "PZ0525" Warning "replicas are changed by a patch", "use `scale`: it keeps what it must know of the kind";
    NO_WAY_BACK "PZ0530" Error "an act says neither how it is undone nor that it cannot be", "give `undo`, or `irreversible: true`, which the plan shows to those who approve";
    BAD_URL "PZ0531" Error "not a call that can be made", "write an http or https address, and POST, PUT, PATCH or DELETE";
    BAD_JOB "PZ0532" Error "not the spec of a Job", "write the Job's `spec` with its `template`";

    MADE_OF_NOTHING "PZ0540" Error "apply makes nothing", "give at least one object under `objects`";
    BAD_MANIFEST "PZ0541" Error "not an object that can be made", "write it whole: `apiVersion`, `kind`, `metadata.name`, and `metadata.namespace` where the kind is in namespaces";
    PART_OF_OTHERS "PZ0542" Error "a part of an object that others write", "take it out: the API server and the cluster's controllers write it";
    MADE_TWICE "PZ0543" Error "an object is made twice", "give each object once";
    REFUSED_NAMESPACE "PZ0544" Error "a namespace in which nothing is made or run, and to which no traffic is sent", "choose a namespace of your own: those of the cluster and of Pingzhan are never touched";

    // Traffic, networks and rights.
    BAD_SERVICE "PZ0550" Error "not a service that traffic can go to", "name a Service as Kubernetes accepts it, and a port from 1 to 65535";
    UNFIT_CUT "PZ0551" Error "a cut that says too little, or what its preset has no use for", "give `from` for AllowOnly and Open, with `ports` if only some are meant; `third` and `outside` are for CutThirdParties";
    THIRD_PARTIES "PZ0552" Error "third parties are not told by one label", "give one label under `third`: a network policy cannot say \"not both of these\"";
    BAD_RANGE "PZ0553" Error "not a range of addresses", "write it as `10.0.0.0/24`";
    ACCESS_EMPTY "PZ0554" Error "access changes nothing", "give at least one of `grant`, `revoke` and `lockDown`";
    BAD_PRINCIPAL "PZ0555" Error "not somebody whom a right can be given or taken", "write `kind: User`, `Group` or `ServiceAccount` and a `name`, and the `namespace` of a ServiceAccount";
    BAD_ROLE "PZ0556" Error "not a role that can be given", "write `kind: Role` or `ClusterRole`, and its `name`";
    GRANT_WHERE "PZ0557" Error "it is not clear where a right is given or taken", "name `namespaces`; where the whole cluster is meant, a grant says `clusterWide: true`, and a revocation leaves `namespaces` out";
    LOCK_DOWN_ALL "PZ0558" Error "the lock-down means every binding", "give the label that bindings of those who are locked out have";
    NO_PURPOSE "PZ0559" Error "a right is given for no purpose, or on no legal basis", "say what it is for, and which law allows it: both are recorded";
    GIVEN_TO_ALL "PZ0560" Error "a right is given to whom no playbook gives one", "name the people who are meant: whoever is not signed in gets none, administrators have all of them, and everybody gets none to change the whole cluster";
    FREEZE_PRINCIPAL "PZ0580" Error "nobody can have this name", "give a User or Group by `name`, a ServiceAccount by `namespace` and `name`";
    FREEZE_AUTOMATION "PZ0581" Error "not automation that can be stopped", "name ServiceAccounts of CI and GitOps, outside of the cluster's and Pingzhan's own namespaces, and none that is under `except`";
    FREEZE_NOBODY "PZ0582" Warning "nobody who decides may act where the playbook freezes", "name one of the playbook's groups under `except`: who repairs in the emergency needs to get in";

    // Who may do it.
    NO_REQUESTERS "PZ0601" Error "nobody may declare", "name at least one group under `requesterGroups`";
    NO_APPROVERS "PZ0602" Error "approvals are needed and nobody may give them", "name groups under `approverGroups`, or set the quorum of the level to 0";
    QUORUM "PZ0603" Error "not a quorum", "give a number from 0 to 8";
    EVERYBODY "PZ0604" Warning "a group that everybody is in", "name a group of the people who are meant";
    ACCOUNT "PZ0605" Error "not the name of a service account", "name an account in the namespace of playbook accounts: letters a-z, digits, `-` and `.`";
    IDENTITY "PZ0606" Error "a user or group without a name", "give the name";
    TITLE "PZ0607" Warning "the playbook has no title in some language", "give `title` in `en` and `zh-CN`: people choose by it in an emergency";

    // What this version does not follow up.
    UNSUPPORTED_ACKNOWLEDGE "PZ0706" Note "this version does not follow up acknowledgements", "let the receiver of the channel follow them up";

    // Modes.
    TERM_TOO_LONG "PZ0801" Error "the term is longer than the playbook allows", "shorten `expiresAfter`; a mode can be renewed";
    NOT_A_REQUESTER "PZ0802" Error "the group may not declare", "declare in the name of one of the playbook's `requesterGroups`";
    OWN_APPROVAL "PZ0803" Error "the requester approves", "let somebody else approve";
    NOT_AN_APPROVER "PZ0804" Error "the group may not approve", "approve in the name of one of the playbook's `approverGroups`";
    APPROVED_TWICE "PZ0805" Warning "one person approves one plan twice", "it counts once";
    PLAN_HASH "PZ0806" Error "not a plan hash", "copy it from the preview: `sha256:` and 64 hexadecimal digits";
    ACT_ON_NOTHING "PZ0807" Error "the playbook has no such step", "name a stage and a step of the playbook";
    VERDICT "PZ0808" Error "a verdict on nothing", "give `uid`, `path` and `seen`, or `step`, or `all: true`";
    NOT_BREAK_GLASS "PZ0809" Error "the group may not act without quorum", "use one of the playbook's `breakGlassGroups`";
    NOTHING_AT_LEVEL "PZ0810" Warning "the playbook does nothing at this level", "choose another level";
    OWN_REVIEW "PZ0812" Error "people review their own act", "let somebody else review it";
    REASON "PZ0813" Error "the mode gives no reason", "say what has happened: it is part of the record";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code that meant two things would mislead whoever looks it up.
    #[test]
    fn codes_are_unique_sorted_and_explained() {
        for pair in CODES.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} after {}",
                pair[1].code,
                pair[0].code
            );
        }
        for code in CODES {
            assert_eq!(code.code.len(), 6, "{}", code.code);
            assert!(!code.title.ends_with('.'), "{}", code.code);
            assert!(!code.help.is_empty(), "{}", code.code);
            assert_eq!(Code::find(code.code), Some(code));
        }
        assert_eq!(Code::find("PZ9999"), None);
    }
}
