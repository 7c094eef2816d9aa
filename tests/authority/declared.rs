//! Attacks on declarations, on what guards, and by late copies of what a mode made.

use serde_json::{Value, json};

use super::acts::{Act, GUARD, LISTED, LISTS, RIGHTS, acting, change_at};
use super::ask::{APPLY, Ask, Form, MERGE, Refusal};
use super::attacks::Cases;
use super::people::{
    ACCOUNT, EVERYBODY, HE, INSIDER, MALLORY, OPERATOR_ITSELF, RESCUER, ROOT, Rights, STRANGER,
    TANG, Who, ZHOU,
};
use super::world::{
    ACCOUNTS, CLOSED, CRDS, ENDED, FULL, LEASES, MODES, OPEN, SYSTEM, declaration, hash,
};

/// Why a declaration must be refused, where it says the truth.
fn unentitled(who: &Who, group: &str) -> Vec<Refusal> {
    let mut all = Vec::new();
    if !who.holds("declare") {
        all.push(Refusal::Policy(RIGHTS, "needs the RBAC verb `declare`"));
    }
    if !["duty", "retired"].contains(&group) {
        all.push(Refusal::Policy(LISTS, "requesterGroups"));
    }
    all
}

/// The ways in which a new mode is sent.
fn ways(mode: &Value) -> [Ask; 3] {
    let name = mode["metadata"]["name"].as_str().expect("a name");
    let mut generated = mode.clone();
    let metadata = generated["metadata"].as_object_mut().expect("metadata");
    metadata.remove("name");
    metadata.insert("generateName".to_owned(), format!("{name}-").into());
    let applied = Ask::with("PATCH", format!("{MODES}/{name}"), mode.clone()).media(APPLY);
    [
        Ask::with("POST", MODES, mode.clone()),
        Ask::with("POST", MODES, generated),
        applied.query("fieldManager=kubectl"),
    ]
}

impl Cases<'_> {
    fn declare(&mut self, what: &str, who: &Who, mode: &Value, refused: &[Refusal]) {
        for ask in ways(mode) {
            let what = format!("declared {what}: {} {}", ask.method, ask.path);
            self.case(what, who, ask, refused.to_vec());
        }
    }

    pub fn declared(&mut self) {
        for who in EVERYBODY {
            let group = ["duty", "retired"]
                .into_iter()
                .find(|group| who.is_in(group));
            let group = group.unwrap_or_else(|| who.group());
            let mode = declaration("attacked-new", &who, json!({ "requestedAs": group }));
            self.declare("honestly", &who, &mode, &unentitled(&who, group));
            let mode = declaration("attacked-new", &ZHOU, json!({}));
            if who != ZHOU {
                let mut refused = vec![Refusal::Policy(RIGHTS, "spec.requestedBy must be")];
                refused.extend(unentitled(&who, "duty"));
                if !who.is_in("duty") {
                    refused.push(Refusal::Policy(
                        RIGHTS,
                        "spec.requestedAs must be one of the groups",
                    ));
                }
                self.declare("in another's name", &who, &mode, &refused);
            }
        }
        self.with_acts();
        for (what, more, refused) in [
            (
                "as another group",
                json!({ "requestedAs": "retired" }),
                Refusal::Policy(RIGHTS, "spec.requestedAs must be one of the groups"),
            ),
            ("as nobody", json!({ "requestedAs": "" }), Refusal::Schema),
            ("by nobody", json!({ "requestedBy": "" }), Refusal::Schema),
            (
                "by a blank",
                json!({ "requestedBy": " " }),
                Refusal::Policy(RIGHTS, "spec.requestedBy must be"),
            ),
            (
                "in peacetime",
                json!({ "posture": "Peacetime" }),
                Refusal::Policy(RIGHTS, "a new EmergencyMode begins"),
            ),
            (
                "for too long",
                json!({ "expiresAfter": "49h" }),
                Refusal::Policy(LISTS, "is longer than the 48h"),
            ),
            (
                "for too long by default",
                json!({ "level": "I", "expiresAfter": "73h" }),
                Refusal::Policy(LISTS, "is longer than the 72h"),
            ),
            (
                "with a robot's hash",
                json!({ "planHash": "sha256:x" }),
                Refusal::Schema,
            ),
            (
                "of a playbook without rights",
                json!({ "playbookRef": { "name": "other" } }),
                Refusal::Policy(RIGHTS, "needs the RBAC verb `declare` on playbooks/other"),
            ),
        ] {
            let mut more = more;
            if more.get("requestedAs").is_none() {
                more["requestedAs"] = "duty".into();
            }
            let mode = declaration("attacked-new", &INSIDER, more);
            self.declare(what, &INSIDER, &mode, &[refused]);
        }
        let finalizers = "finalizers are the operator's";
        for (metadata, words) in [
            (json!({ "finalizers": ["pingzhan.dev/mode"] }), finalizers),
            (json!({ "finalizers": ["example.com/mine"] }), finalizers),
            (
                json!({ "labels": { "pingzhan.dev/denies": "true" } }),
                "labels and annotations under",
            ),
            (
                json!({ "annotations": { "x.pingzhan.dev/y": "true" } }),
                "labels and annotations under",
            ),
            (
                json!({ "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u" }] }),
                "has no owner",
            ),
        ] {
            let mut mode = declaration("attacked-new", &ZHOU, json!({}));
            let metadata = metadata.as_object().expect("metadata").clone();
            mode["metadata"]
                .as_object_mut()
                .expect("metadata")
                .extend(metadata);
            self.declare(
                "with marks",
                &ZHOU,
                &mode,
                &[Refusal::Policy(RIGHTS, words)],
            );
        }
        let mode = declaration("attacked-new", &ZHOU, json!({}));
        let ask = Ask::with("POST", MODES, mode).query("fieldManager=pingzhan-operator");
        self.attack(
            "declared as the operator's program",
            &ZHOU,
            ask,
            Refusal::Policy(RIGHTS, "field managers"),
        );
        self.programs();
    }

    /// A new object has no acts in it; but breakGlass, by somebody who may.
    fn with_acts(&mut self) {
        for act in LISTED.into_iter().chain([Act::Abort]) {
            let said = act.said(INSIDER.name, acting(act, &INSIDER), &hash('a'));
            let value = if act.is_listed() { json!([said]) } else { said };
            let mode = declaration(
                "attacked-new",
                &INSIDER,
                json!({ act.field(): value, "requestedAs": "duty" }),
            );
            self.declare(
                "with an act",
                &INSIDER,
                &mode,
                &[Refusal::Policy(RIGHTS, "a new EmergencyMode begins")],
            );
        }
        let glass = |who: &Who, by: &str, group: &str| {
            let said = Act::BreakGlass.said(by, group, "");
            declaration(
                "attacked-new",
                who,
                json!({ "breakGlass": said, "requestedAs": "duty" }),
            )
        };
        self.declare(
            "with broken glass",
            &INSIDER,
            &glass(&INSIDER, INSIDER.name, "command"),
            &[],
        );
        let forged = Refusal::Policy(RIGHTS, "`by` must be");
        self.declare(
            "with another's glass",
            &INSIDER,
            &glass(&INSIDER, "commander-wang", "command"),
            &[forged],
        );
        let list = Refusal::Policy(LISTS, "breakGlassGroups");
        self.declare(
            "with glass as another",
            &INSIDER,
            &glass(&INSIDER, INSIDER.name, "chiefs"),
            &[list],
        );
        let right = Refusal::Policy(RIGHTS, "`breakglass`");
        self.declare(
            "with glass by no right",
            &ZHOU,
            &glass(&ZHOU, ZHOU.name, "duty"),
            &[right, list],
        );
    }

    /// Programs: the operator declares exercises only, and what Git brings is refused.
    fn programs(&mut self) {
        let operator = OPERATOR_ITSELF;
        let actual = declaration("attacked-new", &operator, json!({ "requestedAs": "duty" }));
        self.declare(
            "by the operator",
            &operator,
            &actual,
            &[Refusal::Policy(RIGHTS, "declares exercises only")],
        );
        let exercise = json!({ "requestedAs": "duty", "nature": "Exercise" });
        let exercise = declaration("attacked-new", &operator, exercise);
        self.declare("as an exercise by the operator", &operator, &exercise, &[]);
        let deployer = super::people::DEPLOYER;
        for mark in [
            "kustomize.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/name",
            "argocd.argoproj.io/instance",
        ] {
            for kind in ["labels", "annotations"] {
                let mut mode =
                    declaration("attacked-new", &deployer, json!({ "requestedAs": "duty" }));
                mode["metadata"][kind] = json!({ mark: "emergencies" });
                let refused = Refusal::Policy(RIGHTS, "does not belong in Git");
                self.declare("from Git", &deployer, &mode, &[refused]);
            }
        }
    }

    /// What guards: kinds, namespaces, accounts, tokens, pods, freezes, the lease.
    pub fn guarded(&mut self) {
        let guard = |words| Refusal::Policy(GUARD, words);
        let token =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let secret = json!({ "metadata": { "name": "attacked", "annotations": { "kubernetes.io/service-account.name": "flood" } },
            "type": "kubernetes.io/service-account-token" });
        // One that the pod security standard of the namespace would take.
        let confined = json!({ "allowPrivilegeEscalation": false, "runAsNonRoot": true,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } });
        let pod = json!({ "metadata": { "name": "attacked" }, "spec": { "serviceAccountName": "flood",
            "containers": [{ "name": "a", "image": "a", "securityContext": confined }] } });
        let freeze = json!({ "metadata": { "name": "attacked", "labels": { "pingzhan.dev/freeze": "true" } } });
        let lease = json!({ "metadata": { "name": "pingzhan-operator" }, "spec": { "holderIdentity": "mine" } });
        let kind = |plural: &str| format!("{CRDS}/{plural}.pingzhan.dev");
        let held = json!({ "spec": { "holderIdentity": "mine" } });
        let mut all = Vec::new();
        for plural in ["emergencymodes", "playbooks", "changerecords"] {
            all.push((
                Ask::new("DELETE", kind(plural)),
                "this CRD holds every emergency",
            ));
            let status = json!({ "status": { "storedVersions": ["v1alpha1"], "conditions": [] } });
            all.push((
                Ask::with("PATCH", format!("{}/status", kind(plural)), status).media(MERGE),
                "the status of a CRD",
            ));
        }
        for space in [SYSTEM, ACCOUNTS] {
            all.push((Ask::new("DELETE", space), "in this namespace"));
            all.push((
                Ask::with("POST", format!("{space}/secrets"), secret.clone()),
                "no Secret holds a token",
            ));
            for account in ["pingzhan", "flood"] {
                let here = (account == "pingzhan") == (space == SYSTEM);
                let path = format!("{space}/serviceaccounts/{account}/token");
                if here && self.world.connects {
                    all.push((
                        Ask::with("POST", path, token.clone()),
                        "nobody gets a token",
                    ));
                }
            }
        }
        all.push((
            Ask::with("POST", format!("{ACCOUNTS}/pods"), pod),
            "nothing runs in the namespace",
        ));
        all.push((
            Ask::with("POST", format!("{SYSTEM}/configmaps"), freeze.clone()),
            "is a change freeze",
        ));
        let frozen = format!("{SYSTEM}/configmaps/freeze-attacked");
        all.push((Ask::new("DELETE", &frozen), "is a change freeze"));
        for change in [
            json!({ "metadata": { "labels": null } }),
            json!({ "data": { "namespaces": "[]" } }),
        ] {
            all.push((
                Ask::with("PATCH", &frozen, change).media(MERGE),
                "is a change freeze",
            ));
        }
        let marked = json!({ "metadata": { "labels": { "pingzhan.dev/freeze": "true" } } });
        all.push((
            Ask::with("PATCH", format!("{SYSTEM}/configmaps/plain"), marked).media(MERGE),
            "is a change freeze",
        ));
        all.push((
            Ask::with("PATCH", format!("{LEASES}/pingzhan-operator"), held).media(MERGE),
            "this lease says",
        ));
        all.push((
            Ask::new("DELETE", format!("{LEASES}/pingzhan-operator")),
            "this lease says",
        ));
        all.push((Ask::with("POST", LEASES, lease), "this lease says"));
        if self.world.connects {
            for sub in ["exec", "attach"] {
                let ask = Ask::new("POST", format!("{SYSTEM}/pods/pingzhan-0/{sub}"));
                self.attack(
                    format!("{sub} into a pod"),
                    &ROOT,
                    ask.query("command=sh"),
                    guard("nobody goes into pods"),
                );
            }
        }
        for (ask, words) in all {
            for dry in [false, true] {
                let ask = if dry { ask.clone().dry() } else { ask.clone() };
                let what = format!("{} {}", ask.method, ask.path);
                self.attack(what.clone(), &ROOT, ask.clone(), guard(words));
                for who in [MALLORY, STRANGER] {
                    self.attack(what.clone(), &who, ask.clone(), Refusal::Roles);
                }
            }
        }
        let account = Ask::new("DELETE", format!("{ACCOUNTS}/serviceaccounts/flood"));
        self.attack(
            "an account deleted",
            &TANG,
            account.clone(),
            guard("this account brings back"),
        );
        for who in [HE, ROOT] {
            self.case(
                "an account deleted by whom it is lent to",
                &who,
                account.clone(),
                Vec::new(),
            );
        }
        let other = Ask::new("DELETE", format!("{ACCOUNTS}/serviceaccounts/other"));
        self.attack(
            "another account deleted",
            &HE,
            other,
            guard("this account brings back"),
        );
        for who in [OPERATOR_ITSELF, RESCUER] {
            let path = format!("{SYSTEM}/configmaps");
            self.case(
                "a freeze",
                &who,
                Ask::with("POST", path, freeze.clone()),
                Vec::new(),
            );
            self.case(
                "a freeze lifted",
                &who,
                Ask::new("DELETE", &frozen),
                Vec::new(),
            );
        }
        let upgrade = json!({ "metadata": { "annotations": { "upgraded": "yes" } } });
        let ask = Ask::with("PATCH", kind("playbooks"), upgrade).media(MERGE);
        self.case("a CRD upgraded", &ROOT, ask, Vec::new());
        let plain = json!({ "metadata": { "name": "attacked" } });
        for plural in ["configmaps", "secrets", "serviceaccounts"] {
            let ask = Ask::with("POST", format!("{SYSTEM}/{plural}"), plain.clone());
            self.case("what an upgrade brings", &ROOT, ask, Vec::new());
        }
        assert!(matches!(ROOT.rights, Rights::Wildcard));
    }

    /// A late copy of a request that makes an object for a mode.
    pub fn made(&mut self) {
        let path = "/api/v1/namespaces/default/configmaps";
        for (name, refused) in [(ENDED, true), (CLOSED, true), (FULL, true), (OPEN, false)] {
            let uid = self.world.modes[name]["metadata"]["uid"].clone();
            let body = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "attacked-made",
                "labels": { "pingzhan.dev/made-for": uid } } });
            let reason = Refusal::Policy("pingzhan-made", "is not in wartime any more");
            let reasons = if refused { vec![reason] } else { Vec::new() };
            let stored = Ask::with("POST", path, body.clone());
            self.case(
                format!("a late copy for {name}"),
                &ACCOUNT,
                stored,
                reasons.clone(),
            );
            let applied = change_at(
                &format!("{path}/attacked-made"),
                &body,
                &json!({ "metadata": body["metadata"] }),
                Form::Apply,
            );
            self.case(
                format!("a late apply for {name}"),
                &ACCOUNT,
                applied,
                reasons,
            );
        }
    }
}
