//! Names, labels and field managers. They are contracts: other programs select by them.

/// The API group.
pub const GROUP: &str = "pingzhan.dev";
/// The API version.
pub const VERSION: &str = "v1alpha1";
/// Says which mode holds an object, and that it is not fully given back yet: the mode's name,
/// cut to 63 characters.
pub const HELD_BY_LABEL: &str = "pingzhan.dev/held-by";
/// On an object that exists for a mode's lifetime only: the uid of that mode, which made it.
pub const MADE_FOR_LABEL: &str = "pingzhan.dev/made-for";
/// An object or namespace with this label set to `true` is never touched.
pub const EXCLUDE_LABEL: &str = "pingzhan.dev/exclude";
/// On an account of a playbook, its roles and bindings, as they are generated: the playbook's name, cut
/// to 63 characters.
pub const ACCOUNT_OF_LABEL: &str = "pingzhan.dev/account-of";
/// On a record: the uid of its mode.
pub const MODE_UID_LABEL: &str = "pingzhan.dev/mode-uid";
/// On a record: the name of its mode, cut to 63 characters.
pub const MODE_NAME_LABEL: &str = "pingzhan.dev/mode";
/// How the names of the operator's `ChangeFreeze`s begin.
pub const FREEZE_PREFIX: &str = "pingzhan-freeze-";
/// The admission policy that keeps people from changes where a mode freezes, and its binding.
pub const FREEZE_POLICY: &str = "pingzhan-freeze";
/// The admission policy that refuses a creation which arrives when its mode is not in wartime any more,
/// and its binding.
pub const MADE_POLICY: &str = "pingzhan-made";
/// The admission policy that warns whoever does what is allowed and unwise, and its binding.
pub const ADVICE_POLICY: &str = "pingzhan-emergencymode-advice";
/// On a mode: it refuses new objects, so that the admission policy looks at it.
pub const DENIES_LABEL: &str = "pingzhan.dev/denies";
/// On a record that is tried and never stored: the policy that has to refuse it.
pub const PROBE_LABEL: &str = "pingzhan.dev/probe";
/// The admission policy that refuses new objects by what modes' statuses say, and its binding.
pub const DENY_POLICY: &str = "pingzhan-new-targets";
/// Says what an object is for: `dns`, `cni`, `csi`, `ingress`, `identity` and `panel` are never
/// touched.
pub const ROLE_LABEL: &str = "pingzhan.dev/role";
/// On a pod or namespace, with the value [`THIRD`]: it belongs to somebody who is no part of the
/// organisation.
pub const PARTY_LABEL: &str = "pingzhan.dev/party";
/// The value of [`PARTY_LABEL`] for third parties.
pub const THIRD: &str = "third";
/// On a binding that a mode made: what the right is given for.
pub const PURPOSE_ANNOTATION: &str = "pingzhan.dev/purpose";
/// On a binding that a mode made: the law that allows it.
pub const LEGAL_BASIS_ANNOTATION: &str = "pingzhan.dev/legal-basis";
/// On a mode: it is being carried out, so it may not vanish.
pub const MODE_FINALIZER: &str = "pingzhan.dev/mode";
/// On a record: its mode is not closed yet, so it may not vanish.
pub const RECORD_FINALIZER: &str = "pingzhan.dev/journal";
/// Annotation of a pod template that `config` changes to restart a workload.
pub const RESTART_ANNOTATION: &str = "pingzhan.dev/restarted-for";
/// Field manager of the operator on its own objects.
pub const OPERATOR_MANAGER: &str = "pingzhan-operator";
/// Annotation of a Job of a playbook: which act of which mode it is.
pub const ACT: &str = "pingzhan.dev/act";
/// Field manager of what is told a `CronJob`'s controller before its missed runs are passed over.
pub const SKIP_MANAGER: &str = "pingzhan-skip-missed";
/// Field manager under which it is tried whether an object could be made. Nothing is made by it.
pub const TRY_MANAGER: &str = "pingzhan-try";
/// Field manager of the CLI on our own objects.
pub const CLI_MANAGER: &str = "pingzhan-cli";
/// Namespace of the operator where nothing else is said.
pub const DEFAULT_NAMESPACE: &str = "pingzhan-system";
/// Namespace of the service accounts that playbooks run under.
pub const ACCOUNT_NAMESPACE: &str = "pingzhan-playbooks";
/// Name of the operator's Lease.
pub const LEASE: &str = "pingzhan-operator";

/// Longest value of a label.
const LABEL_VALUE: usize = 63;
/// Longest field manager that the API server accepts.
const MANAGER: usize = 128;
/// Characters of a uid that stand for it in names: enough to tell the modes of one cluster apart.
const SHORT_UID: usize = 8;

/// Groups that everybody is in, or everybody who is signed in.
pub const EVERYBODY: [&str; 3] = [
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
];

/// The first characters of a uid, as used in names.
pub fn short_uid(uid: &str) -> &str {
    uid.get(..SHORT_UID).unwrap_or(uid)
}

/// A mode's name as a label's value: at most 63 characters, ending in a letter or digit.
pub fn label_value(name: &str) -> String {
    let cut = &name[..name.len().min(LABEL_VALUE)];
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

/// The field manager under which a mode's values stand: `pingzhan/{mode}/{uid8}`.
///
/// Guarantees: at most 128 characters, different for modes of different uid.
pub fn field_manager(mode: &str, uid: &str) -> String {
    let tail = short_uid(uid);
    let room = MANAGER - "pingzhan//".len() - tail.len();
    format!("pingzhan/{}/{tail}", &mode[..mode.len().min(room)])
}

/// The name of a mode's record: `{mode uid, 8}-{sequence, 6 digits}`.
pub fn record_name(mode_uid: &str, sequence: i64) -> String {
    format!("{}-{sequence:06}", short_uid(mode_uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kubernetes refuses longer ones, and a refusal here would come in an emergency.
    #[test]
    fn long_names_are_cut_to_what_the_api_server_accepts() {
        let long = "a".repeat(200);
        assert_eq!(label_value(&long).len(), 63);
        assert_eq!(
            label_value(&format!("{}-b", "a".repeat(62))),
            "a".repeat(62)
        );
        assert!(field_manager(&long, "0123456789abcdef").len() <= 128);
        assert!(field_manager(&long, "0123456789abcdef").ends_with("/01234567"));
        assert_eq!(record_name("0123456789abcdef", 7), "01234567-000007");
    }
}
