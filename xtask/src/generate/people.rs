//! What people may do: the verbs on playbooks, roles for people as an example, and the reference page
//! of rights, from one table.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Generated, operator};

/// A verb on playbooks.
struct Verb {
    word: &'static str,
    /// What it is needed for.
    does: &'static str,
    /// What the playbook's lists ask beside it.
    lists: &'static str,
}

const VERBS: [Verb; 8] = [
    Verb {
        word: "declare",
        does: "create an `EmergencyMode`; change `level` or `expiresAfter`",
        lists: "`requestedAs` in `requesterGroups`; `expiresAfter` within `maxTerm`; before a mode is in force \
                its requester alone changes it",
    },
    Verb {
        word: "approve",
        does: "add to `approvals`",
        lists: "`as` in `approverGroups`",
    },
    Verb {
        word: "standdown",
        does: "set `posture: Peacetime`, `paused`, `abort`",
        lists: "a group of yours in any of the three lists",
    },
    Verb {
        word: "breakglass",
        does: "set `breakGlass`, also at the declaration",
        lists: "`as` in `breakGlassGroups`",
    },
    Verb {
        word: "decide",
        does: "add to `answers` and `skips`",
        lists: "an answer: `as` in the gate's `groups`; a skip: `as` in any of the three lists, of a gate in its \
                `groups` as well",
    },
    Verb {
        word: "adjudicate",
        does: "add to `verdicts` and `reviews`",
        lists: "a verdict: none, but a wildcard does not count for people whom no list names; a review: \
                `as` in `approverGroups` or `breakGlassGroups`, by somebody else than who broke the glass",
    },
    Verb {
        word: "abandon",
        does: "add to `abandon`; two different people give a mode up for lost",
        lists: "`as` in `approverGroups` or `breakGlassGroups`",
    },
    Verb {
        word: "recover",
        does: "write status, finalizers, records, the lease and freezes with no operator (`pingzhan \
               restore`); delete a mode that was set in force without quorum and that nobody has reviewed",
        lists: "none, but a wildcard does not count, unless you are in `system:masters`; for records, the \
                lease and freezes on all playbooks (no `resourceNames`)",
    },
];

/// A role for people.
struct Role {
    name: &'static str,
    who: &'static str,
    /// The group that the example binds it to.
    group: &'static str,
    /// Verbs on one playbook.
    verbs: &'static [&'static str],
    /// What they write of modes.
    modes: &'static [&'static str],
    /// More rules, as YAML.
    more: &'static str,
}

const ROLES: [Role; 6] = [
    Role {
        name: "pingzhan-requester",
        who: "People on duty: declare, renew, stand down.",
        group: "emergency-duty",
        verbs: &["declare", "standdown"],
        modes: &["create", "patch"],
        more: "",
    },
    Role {
        name: "pingzhan-approver",
        who: "Approve plans, judge what was done without quorum, give a mode up for lost.",
        group: "emergency-approvers",
        verbs: &["approve", "standdown", "adjudicate", "abandon"],
        modes: &["patch"],
        more: "",
    },
    Role {
        name: "pingzhan-command",
        who: "Emergency command: decides at gates, stops, acts without quorum where there is no time.",
        group: "emergency-command",
        verbs: &["standdown", "decide", "breakglass", "adjudicate", "abandon"],
        modes: &["patch"],
        more: "",
    },
    Role {
        name: "pingzhan-engineer",
        who: "Write playbooks, and decide what becomes of fields that somebody else has changed.",
        group: "platform",
        verbs: &["adjudicate"],
        modes: &["patch"],
        more: "# Who writes a playbook needs the verb `impersonate` on its account, too: see the Role below.\n\
               - apiGroups: [pingzhan.dev]\n  resources: [playbooks]\n  verbs: [create, update, patch, delete]\n",
    },
    Role {
        name: "pingzhan-recovery",
        who: "Bring everything back where no operator runs (`pingzhan restore`). Give it to few, and by name.",
        group: "platform-leads",
        verbs: &[],
        modes: &["patch"],
        more: "- apiGroups: [pingzhan.dev]\n  resources: [playbooks]\n  verbs: [recover]\n\
               - apiGroups: [pingzhan.dev]\n  resources: [emergencymodes/status]\n  verbs: [get, patch, update]\n\
               - apiGroups: [pingzhan.dev]\n  resources: [changerecords]\n  verbs: [create, patch, update, delete]\n\
               - apiGroups: [pingzhan.dev]\n  resources: [changefreezes]\n  verbs: [create, patch, delete]\n\
               - apiGroups: [apiextensions.k8s.io]\n  resources: [customresourcedefinitions]\n  verbs: [get, list, watch]\n\
               - apiGroups: [events.k8s.io]\n  resources: [events]\n  verbs: [create, patch]\n\
               - apiGroups: [authorization.k8s.io]\n  resources: [subjectaccessreviews]\n  verbs: [create]\n",
    },
    Role {
        name: "pingzhan-auditor",
        who: "Read what was declared, decided and done, and whether the policies are there.",
        group: "auditors",
        verbs: &[],
        modes: &[],
        more: "- apiGroups: [admissionregistration.k8s.io]\n  resources: [validatingadmissionpolicies, validatingadmissionpolicybindings]\n  verbs: [get, list, watch]\n",
    },
];

const EXAMPLE: &str =
    "# Generated by `cargo xtask generate` from the table in xtask/src/generate/people.rs. Do not edit.
# Roles for people, to be copied and changed: your groups, your playbooks. docs/reference/rbac.md says what
# each verb is for. The groups have to be in the playbook's lists as well.
";

/// Namespaced rights of those who write playbooks and of those who restore.
const SPACES: &str = "---
# Whoever may impersonate an account may do whatever its playbooks may do. Name the accounts.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pingzhan-engineer
  namespace: pingzhan-playbooks
rules:
- apiGroups: [\"\"]
  resources: [serviceaccounts]
  resourceNames: [flood]
  verbs: [get, impersonate]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pingzhan-engineer
  namespace: pingzhan-playbooks
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pingzhan-engineer}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pingzhan-recovery-accounts
  namespace: pingzhan-playbooks
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pingzhan-playbook-accounts}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform-leads}
---
# Where impersonation is constrained, what may be done as an account is a right of its own. Elsewhere there
# is no such role, and this gives nothing.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: pingzhan-recovery-acts
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pingzhan-acts}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform-leads}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pingzhan-recovery
  namespace: pingzhan-system
rules:
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pingzhan-recovery
  namespace: pingzhan-system
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pingzhan-recovery}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform-leads}
";

/// The example and the page.
pub fn files() -> [Generated; 2] {
    [
        ("manifests/people.example.yaml", example()),
        ("docs/reference/rbac.md", page()),
    ]
    .map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: text.into_bytes(),
    })
}

fn example() -> String {
    let mut text = EXAMPLE.to_owned();
    for (at, role) in ROLES.iter().enumerate() {
        let Role {
            name,
            who,
            group,
            verbs,
            modes,
            more,
        } = role;
        if at > 0 {
            text.push_str("---\n");
        }
        let head = "apiVersion: rbac.authorization.k8s.io/v1\n";
        text.extend([
            "# ",
            who,
            "\n",
            head,
            "kind: ClusterRole\nmetadata:\n  name: ",
            name,
        ]);
        text.push_str(
            "\nrules:\n- apiGroups: [pingzhan.dev]\n  resources: [emergencymodes, playbooks, changerecords, changefreezes]\n  verbs: [get, list, watch]\n",
        );
        if !modes.is_empty() {
            let modes = modes.join(", ");
            text.extend([
                "- apiGroups: [pingzhan.dev]\n  resources: [emergencymodes]\n  verbs: [",
                &modes,
                "]\n",
            ]);
        }
        if !verbs.is_empty() {
            let verbs = verbs.join(", ");
            text.extend(["- apiGroups: [pingzhan.dev]\n  resources: [playbooks]\n  resourceNames: [flood-response]\n  verbs: [", &verbs, "]\n"]);
        }
        text.push_str(more);
        text.extend([
            "---\n",
            head,
            "kind: ClusterRoleBinding\nmetadata:\n  name: ",
            name,
        ]);
        text.extend([
            "\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ",
            name,
            "}\nsubjects:\n",
        ]);
        text.extend([
            "- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: ",
            group,
            "}\n",
        ]);
    }
    text + SPACES
}

const OPENING: &str = "<!-- Generated by `cargo xtask generate` from the tables in xtask/src/generate/people.rs and rbac.rs. Do not edit. -->
# Rights

Who may do what is said in two places, and both have to say yes:

- **RBAC**: a verb on the playbook, e.g. `approve` on `playbooks/flood-response`. Whoever administers the cluster gives it.
- **The playbook's lists** (`authority`): in whose name people may act. Whoever writes the playbook names the groups.

A role with a wildcard (`verbs: [\"*\"]`, as `cluster-admin` has) holds every verb, and is in no list. The API server enforces both before anything is stored (`pingzhan-emergencymode`, `pingzhan-emergencymode-playbook`), and the operator counts approvals again. What that stops and what it does not: [threat model](../security/threat-model.md).

Beside the verb, RBAC has to let people write the object at all: `create` and `patch` on `emergencymodes`.

## Verbs on playbooks

| Verb | Needed to | Lists of the playbook |
|---|---|---|
";

const ROLES_TEXT: &str = "
## Roles for people

[manifests/people.example.yaml](../../manifests/people.example.yaml) has a ClusterRole and a binding for each. Copy it, and put your groups and playbooks in.

| ClusterRole | For | Verbs |
|---|---|---|
";

const NOTES: &str = "
None of them is aggregated into `edit` or `admin`: who may change workloads may not for that declare an emergency. `pingzhan-view`, which the installation brings, is aggregated into `view`.

But the built-in `edit` and `admin` hold `impersonate` on service accounts. Whoever is bound to one of them in the whole cluster (by a ClusterRoleBinding), or in `pingzhan-system`, may act as the operator, and in `pingzhan-playbooks` as the account of every playbook. Bind them in the namespaces of services, by RoleBindings.

A preview (`pingzhan plan`, `pingzhan declare`) reads targets as the playbook's account where you may impersonate it, else as yourself. `impersonate` lends everything that the account may do: people on duty need not have it. The operator makes the plan that counts, and approvers see it.

Beside verbs on playbooks, `impersonate` on an account in `pingzhan-playbooks` is asked of whoever writes or deletes a playbook that names it, or gives that playbook another one, and of whoever deletes the account; and `freeze` on a namespace of the account of a playbook that freezes it.
";

fn page() -> String {
    let mut text = OPENING.to_owned();
    for Verb { word, does, lists } in VERBS {
        let _ = writeln!(text, "| `{word}` | {does} | {lists} |");
    }
    text.push_str(ROLES_TEXT);
    for role in ROLES {
        let verbs: Vec<String> = role.verbs.iter().map(|verb| format!("`{verb}`")).collect();
        let verbs = match (verbs.is_empty(), role.name) {
            (false, _) => verbs.join(", "),
            (true, "pingzhan-recovery") => "`recover`, on all playbooks".to_owned(),
            (true, _) => "–".to_owned(),
        };
        let _ = writeln!(text, "| `{}` | {} | {verbs} |", role.name, role.who);
    }
    text.push_str(NOTES);
    text + &operator::part()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verb that no role has would be one that nobody can be given by copying the example, and a verb
    /// of a role that is none would be a right that is never asked for.
    #[test]
    fn every_verb_is_somebodys_and_every_role_has_verbs_that_there_are() {
        let known: Vec<&str> = VERBS.iter().map(|verb| verb.word).collect();
        let given: Vec<&str> = ROLES.iter().flat_map(|role| role.verbs).copied().collect();
        for verb in &known {
            assert!(given.contains(verb) || *verb == "recover", "{verb}");
        }
        assert!(given.iter().all(|verb| known.contains(verb)));
    }
}
