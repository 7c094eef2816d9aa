//! Who asks: people with rights and without, programs, impostors. A right is an RBAC verb on the
//! playbook; the playbook's lists of groups are in `world`.

use serde_json::{Value, json};

use super::races::{CHIEFS, chief};

/// Every verb on playbooks that a person may hold.
pub const VERBS: [&str; 7] = [
    "declare",
    "approve",
    "standdown",
    "breakglass",
    "abandon",
    "decide",
    "adjudicate",
];
/// The operator.
pub const OPERATOR: &str = "system:serviceaccount:pingzhan-system:pingzhan";

/// How somebody came to their rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// May write our kinds as far as RBAC goes, and holds these verbs on the playbook, by name.
    Verbs(&'static [&'static str]),
    /// A role with wildcards.
    Wildcard,
    /// None at all.
    None,
}

/// Somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub name: &'static str,
    pub groups: &'static [&'static str],
    pub rights: Rights,
}

const fn who(name: &'static str, groups: &'static [&'static str], rights: Rights) -> Who {
    Who {
        name,
        groups,
        rights,
    }
}

/// The groups that the API server gives to a service account.
macro_rules! account {
    ($space:literal $(, $more:literal)*) => {
        &["system:serviceaccounts", concat!("system:serviceaccounts:", $space) $(, $more)*]
    };
}

pub const ZHOU: Who = who(
    "duty-officer-zhou",
    &["duty"],
    Rights::Verbs(&["declare", "standdown"]),
);
pub const WU: Who = who(
    "duty-officer-wu",
    &["duty"],
    Rights::Verbs(&["declare", "standdown"]),
);
/// In the groups of those who declare and of those who act without a quorum, with the right to the first.
pub const XIE: Who = who(
    "duty-officer-xie",
    &["duty", "command"],
    Rights::Verbs(&["declare"]),
);
pub const LIN: Who = who(
    "approver-lin",
    &["chiefs"],
    Rights::Verbs(&["approve", "abandon", "adjudicate"]),
);
pub const CHEN: Who = who(
    "approver-chen",
    &["chiefs"],
    Rights::Verbs(&["approve", "abandon", "adjudicate"]),
);
pub const WANG: Who = who(
    "commander-wang",
    &["command"],
    Rights::Verbs(&["standdown", "breakglass", "abandon", "decide", "adjudicate"]),
);
pub const MENG: Who = who("commander-meng", &["command"], WANG.rights);
pub const HE: Who = who("engineer-he", &["platform"], Rights::Verbs(&["adjudicate"]));
/// In every group and with every right: what is refused to them is refused for what it is.
pub const INSIDER: Who = who(
    "insider",
    &["duty", "chiefs", "command"],
    Rights::Verbs(&VERBS),
);

/// Writes our kinds, and that is all.
pub const MALLORY: Who = who("mallory", &["staff"], Rights::Verbs(&[]));
/// In a group of the playbook's, with no right but to lend an account that is not the playbook's.
pub const GAO: Who = who("approver-gao", &["retired"], Rights::Verbs(&[]));
/// With every right, in a group that the playbook does not name.
pub const TANG: Who = who("tang", &["outsiders"], Rights::Verbs(&VERBS));
/// A cluster's administrator.
pub const ROOT: Who = who("root", &["wheel"], Rights::Wildcard);
/// A program that somebody has put into the groups of people.
pub const DEPLOYER: Who = who(
    "system:serviceaccount:ci:deployer",
    account!("ci", "duty", "chiefs", "command"),
    Rights::Verbs(&VERBS),
);
pub const CONTROLLER: Who = who(
    "system:kube-controller-manager",
    &["duty", "chiefs", "command"],
    Rights::Verbs(&VERBS),
);
/// In no group at all.
pub const GHOST: Who = who("ghost", &[], Rights::Verbs(&VERBS));
/// The account of the playbook.
pub const ACCOUNT: Who = who(
    "system:serviceaccount:pingzhan-playbooks:flood",
    account!("pingzhan-playbooks"),
    Rights::Verbs(&[]),
);
/// Those whose names are nearly the operator's.
pub const IMPOSTORS: [Who; 4] = [
    who("pingzhan", &["staff"], Rights::Verbs(&[])),
    who(
        "system:serviceaccount:pingzhan-system:pingzhan2",
        account!("pingzhan-system"),
        Rights::Verbs(&[]),
    ),
    who(
        "system:serviceaccount:pingzhan:pingzhan",
        account!("pingzhan"),
        Rights::Verbs(&[]),
    ),
    who(
        "System:ServiceAccount:pingzhan-system:pingzhan",
        &["staff"],
        Rights::Verbs(&[]),
    ),
];
/// Nobody has given them anything.
pub const STRANGER: Who = who("stranger", &["street"], Rights::None);

pub const OPERATOR_ITSELF: Who = who(OPERATOR, account!("pingzhan-system"), Rights::Verbs(&[]));
/// Restores offline.
pub const RESCUER: Who = who("engineer-rao", &["platform"], Rights::Verbs(&["recover"]));
/// The same, and no freeze excepts them.
pub const FENG: Who = who("engineer-feng", &["nights"], Rights::Verbs(&["recover"]));

/// A kubelet, which gets its pods the tokens of their accounts.
pub const KUBELET: Who = who("system:node:n1", &["system:nodes"], Rights::Verbs(&[]));
/// Those who have the right to tokens, and are no kubelets: by their groups, and by their name.
pub const NO_KUBELETS: [Who; 2] = [
    who("system:node:n2", &["staff"], Rights::Verbs(&[])),
    who("node-n3", &["system:nodes"], Rights::Verbs(&[])),
];
/// A controller of the cluster, under an account of its own.
pub const CLEANER: Who = who(
    "system:serviceaccount:kube-system:legacy-service-account-token-cleaner",
    account!("kube-system"),
    Rights::Verbs(&[]),
);

/// Another one, which makes the pods of a Deployment.
pub const REPLICAS: Who = who(
    "system:serviceaccount:kube-system:replicaset-controller",
    account!("kube-system"),
    Rights::Verbs(&[]),
);

/// And the one that takes away what is in a namespace that ends.
pub const ENDER: Who = who(
    "system:serviceaccount:kube-system:namespace-controller",
    account!("kube-system"),
    Rights::Verbs(&[]),
);

/// Everybody who acts, entitled or not, but the operator and those without any right.
pub const EVERYBODY: [Who; 21] = [
    ZHOU,
    WU,
    XIE,
    LIN,
    CHEN,
    WANG,
    MENG,
    HE,
    INSIDER,
    MALLORY,
    GAO,
    TANG,
    ROOT,
    DEPLOYER,
    CONTROLLER,
    GHOST,
    ACCOUNT,
    IMPOSTORS[0],
    IMPOSTORS[1],
    IMPOSTORS[2],
    IMPOSTORS[3],
];

impl Who {
    /// Whether they hold a verb on the playbook.
    pub fn holds(&self, verb: &str) -> bool {
        match self.rights {
            Rights::Verbs(verbs) => verbs.contains(&verb),
            Rights::Wildcard => true,
            Rights::None => false,
        }
    }

    /// Whether they are in a group. Everybody who has logged in is in one of the cluster's own.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.contains(&group) || group == "system:authenticated"
    }

    /// The group in whose name they act.
    pub fn group(&self) -> &'static str {
        self.groups
            .last()
            .copied()
            .unwrap_or("system:authenticated")
    }

    /// Whether it is a program, or a user of the cluster's own.
    pub fn is_system(&self) -> bool {
        self.name.starts_with("system:")
    }

    pub fn subject(&self) -> Value {
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.name })
    }
}

/// What some may do besides.
fn give_some(all: &mut Vec<Value>) {
    // May lend one account, and deletes any.
    let lends = json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["flood"],
        "verbs": ["impersonate"] });
    let deletes = json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["delete", "deletecollection"] });
    give(all, "attack-lends", &[lends], vec![HE.subject()]);
    let other = json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["other"],
        "verbs": ["impersonate"] });
    give(all, "attack-lends-another", &[other], vec![GAO.subject()]);
    let runs = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["create"] });
    give(
        all,
        "attack-runs",
        &[runs],
        vec![CONTROLLER.subject(), REPLICAS.subject()],
    );
    give(
        all,
        "attack-cleans",
        &[deletes],
        vec![HE.subject(), TANG.subject()],
    );
    let makes = json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch", "get"] });
    give(all, "attack-makes", &[makes], vec![ACCOUNT.subject()]);
    let ends = json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["delete"] });
    give(all, "attack-ends", &[ends], vec![ENDER.subject()]);
}

/// Roles and bindings of everybody.
pub fn rights() -> Vec<Value> {
    let mut all = Vec::new();
    let more = [&OPERATOR_ITSELF, &RESCUER, &FENG, &ENDER];
    let everybody = || EVERYBODY.iter().chain(more);
    let chiefs: Vec<Who> = CHIEFS.into_iter().map(chief).collect();
    let everybody = || everybody().chain(&chiefs);
    let named = everybody().filter(|who| matches!(who.rights, Rights::Verbs(_)));
    let ours = json!({ "apiGroups": ["pingzhan.dev"], "resources": ["*", "*/status", "*/scale"],
        "verbs": ["get", "list", "create", "update", "patch", "delete", "deletecollection"] });
    give(
        &mut all,
        "attack-writers",
        &[ours],
        named.map(Who::subject).collect(),
    );
    for verb in VERBS {
        let holders = everybody().filter(|who| matches!(who.rights, Rights::Verbs(_)));
        let holders = holders.filter(|who| who.holds(verb)).map(Who::subject);
        let rule = json!({ "apiGroups": ["pingzhan.dev"], "resources": ["playbooks"],
            "resourceNames": ["flood", "endless", "partly"], "verbs": [verb] });
        give(
            &mut all,
            &format!("attack-{verb}"),
            &[rule],
            holders.collect(),
        );
    }
    let recover =
        json!({ "apiGroups": ["pingzhan.dev"], "resources": ["playbooks"], "verbs": ["recover"] });
    let space = json!({ "apiGroups": ["", "coordination.k8s.io"], "resources": ["configmaps", "leases"],
        "verbs": ["*"] });
    give(
        &mut all,
        "attack-recover",
        &[recover, space],
        vec![RESCUER.subject(), FENG.subject()],
    );
    let wildcard = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] });
    give(&mut all, "attack-root", &[wildcard], vec![ROOT.subject()]);
    give_some(&mut all);
    all.extend(tokens());
    all.extend(super::frozen::rights());
    all
}

/// Rights to tokens, and to Secrets that hold some.
fn tokens() -> Vec<Value> {
    let mut all = Vec::new();
    let gets =
        json!({ "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] });
    let kubelets = [KUBELET].iter().chain(&NO_KUBELETS).map(Who::subject);
    give(&mut all, "attack-tokens", &[gets], kubelets.collect());
    let keeps =
        json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "update", "patch"] });
    let controllers = [CONTROLLER, CLEANER].iter().map(Who::subject);
    give(&mut all, "attack-keeps", &[keeps], controllers.collect());
    all
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "they are gathered where they are passed"
)]
fn give(all: &mut Vec<Value>, name: &str, rules: &[Value], subjects: Vec<Value>) {
    let group = "rbac.authorization.k8s.io";
    let (of, metadata) = (format!("{group}/v1"), json!({ "name": name }));
    all.push(
        json!({ "apiVersion": of, "kind": "ClusterRole", "metadata": metadata, "rules": rules }),
    );
    all.push(json!({ "apiVersion": of, "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": name }, "subjects": subjects }));
}
