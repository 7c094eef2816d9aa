//! Attacks on declarations, on what guards, and by late copies of what a mode made.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::acts::{Act, GUARD, LISTED, LISTS, RIGHTS, acting, change_at};
use super::ask::{APPLY, Ask, Form, JSON_PATCH, MERGE, Refusal};
use super::attacks::Cases;
use super::people::{
    ACCOUNT, CLEANER, CONTROLLER, EVERYBODY, HE, INSIDER, KUBELET, MALLORY, NO_KUBELETS,
    OPERATOR_ITSELF, REPLICAS, ROOT, STRANGER, TANG, Who, XIE, ZHOU,
};
use super::world::{
    ACCOUNTS, CLOSED, CRDS, ENDED, FULL, LEASES, MODES, OPEN, POD, SYSTEM, TOKEN, declaration,
    hash, pod,
};

/// Declarations that must be refused.
const DECLARED: &str = include_str!("declared.yaml");
/// What guards.
const GUARDED: &str = include_str!("guarded.yaml");

/// A declaration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    what: String,
    spec: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    policy: Option<String>,
    words: Option<String>,
}

/// An attack on what guards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Guarded {
    method: Method,
    path: String,
    #[serde(default)]
    query: String,
    body: Option<Value>,
    words: String,
    #[serde(default)]
    real: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Post,
    Patch,
    Delete,
}

impl Guarded {
    fn ask(&self) -> Ask {
        let path = [
            ("{crds}", CRDS),
            ("{system}", SYSTEM),
            ("{accounts}", ACCOUNTS),
            ("{leases}", LEASES),
        ];
        let path = path
            .iter()
            .fold(self.path.clone(), |path, (word, at)| path.replace(word, at));
        let ask = match self.method {
            Method::Post => Ask::new("POST", path),
            Method::Patch if self.body.as_ref().is_some_and(Value::is_array) => {
                Ask::new("PATCH", path).media(JSON_PATCH)
            }
            Method::Patch => Ask::new("PATCH", path).media(MERGE),
            Method::Delete => Ask::new("DELETE", path),
        };
        Ask {
            query: self.query.clone(),
            body: self.body.clone(),
            ..ask
        }
    }
}

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
            let mut own = ["duty", "retired"]
                .into_iter()
                .filter(|group| who.is_in(group));
            let group = own.next().unwrap_or_else(|| who.group());
            let mode = declaration("attacked-new", &who, json!({ "requestedAs": group }));
            self.declare("honestly", &who, &mode, &unentitled(&who, group));
            if who == ZHOU {
                continue;
            }
            let mode = declaration("attacked-new", &ZHOU, json!({}));
            let mut refused = vec![Refusal::Policy(RIGHTS, "spec.requestedBy must be")];
            refused.extend(unentitled(&who, "duty"));
            if !who.is_in("duty") {
                let words = "spec.requestedAs must be one of the groups";
                refused.push(Refusal::Policy(RIGHTS, words));
            }
            self.declare("in another's name", &who, &mode, &refused);
        }
        let rows: Vec<Row> = serde_yaml::from_str(DECLARED).expect("the table");
        for row in rows {
            let mut mode = declaration("attacked-new", &INSIDER, json!({ "requestedAs": "duty" }));
            for (part, more) in [("spec", row.spec), ("metadata", row.metadata)] {
                let all = mode[part].as_object_mut().expect("fields");
                all.extend(more.into_iter().flatten());
            }
            let refused = match (row.policy, row.words) {
                (Some(policy), Some(words)) => Refusal::Policy(policy.leak(), words.leak()),
                _ => Refusal::Schema,
            };
            self.declare(&row.what, &INSIDER, &mode, &[refused]);
        }
        let mode = declaration("attacked-new", &ZHOU, json!({}));
        let ask = Ask::with("POST", MODES, mode).query("fieldManager=pingzhan-operator");
        let refused = Refusal::Policy(RIGHTS, "field managers");
        self.attack("declared as the operator's program", &ZHOU, ask, refused);
        self.with_acts();
        self.programs();
        self.without_terms();
    }

    /// A term that a playbook leaves out is 72h, also where it says so by a null.
    fn without_terms(&mut self) {
        for name in ["endless", "partly"] {
            let long = Refusal::Policy(LISTS, "is longer than the 72h");
            for (term, refused) in [("72h", Vec::new()), ("73h", vec![long])] {
                let more = json!({ "playbookRef": { "name": name }, "requestedAs": "duty",
                    "expiresAfter": term });
                let asked = declaration("attacked-new", &INSIDER, more);
                self.declare("where the longest term is null", &INSIDER, &asked, &refused);
            }
        }
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
            "with glass by no right, in the name of a group that may",
            &XIE,
            &glass(&XIE, XIE.name, "command"),
            &[right],
        );
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

    /// What guards: kinds, namespaces, accounts, tokens, pods, the lease.
    pub fn guarded(&mut self) {
        let rows: Vec<Guarded> = serde_yaml::from_str(GUARDED).expect("the table");
        for row in rows
            .into_iter()
            .filter(|row| self.world.connects || !row.real)
        {
            let ask = row.ask();
            let guard = Refusal::Policy(GUARD, row.words.leak());
            let what = format!("{} {}", ask.method, ask.path);
            self.attack(what.clone(), &ROOT, ask.clone(), guard);
            for who in [MALLORY, STRANGER] {
                self.attack(what.clone(), &who, ask.clone(), Refusal::Roles);
            }
        }
        self.accounts();
        self.tokens();
        self.pods();
        self.kept();
    }

    /// Who may take an account away is who may lend it out.
    fn accounts(&mut self) {
        let guard = Refusal::Policy(GUARD, "this account brings back");
        let account = |name: &str| Ask::new("DELETE", format!("{ACCOUNTS}/serviceaccounts/{name}"));
        self.attack("an account deleted", &TANG, account("flood"), guard);
        self.attack("another account deleted", &HE, account("other"), guard);
        let all = Ask::new("DELETE", format!("{ACCOUNTS}/serviceaccounts"));
        self.attack("all accounts deleted", &TANG, all, guard);
        for who in [HE, ROOT] {
            self.case(
                "an account deleted by whom it is lent to",
                &who,
                account("flood"),
                Vec::new(),
            );
        }
    }

    /// The cluster itself goes on: a kubelet gets the operator's pod the token of its account, without
    /// which it does not start, and controllers keep what is left of tokens in Secrets. Nobody else, and
    /// no kubelet for an account of a playbook.
    fn tokens(&mut self) {
        let kept = json!({ "metadata": { "labels": { "kubernetes.io/legacy-token-last-used": "2026-07-01" } } });
        for who in [CONTROLLER, CLEANER] {
            let ask = Ask::with("PATCH", format!("{SYSTEM}/secrets/{TOKEN}"), kept.clone());
            let what = "a Secret with a token, kept by a controller";
            self.case(what, &who, ask.media(MERGE), Vec::new());
        }
        if !self.world.connects {
            return;
        }
        let of_pod = json!({ "spec": { "expirationSeconds": 3607,
            "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": POD } } });
        let token = |account: &str, body: &Value| {
            Ask::with("POST", format!("{account}/token"), body.clone())
        };
        let own = format!("{SYSTEM}/serviceaccounts/pingzhan");
        let what = "the token of the operator's pod";
        self.case(what, &KUBELET, token(&own, &of_pod), Vec::new());
        let guard = Refusal::Policy(GUARD, "nobody gets a token");
        for who in NO_KUBELETS {
            self.attack(what, &who, token(&own, &of_pod), guard);
        }
        let lent = format!("{ACCOUNTS}/serviceaccounts/flood");
        let any = json!({ "spec": {} });
        self.attack("a playbook's token", &KUBELET, token(&lent, &any), guard);
    }

    /// The operator's pods come from its Deployment, and people may mark them.
    fn pods(&mut self) {
        let pods = format!("{SYSTEM}/pods");
        for who in [CONTROLLER, REPLICAS] {
            let ask = Ask::with("POST", &pods, pod("attacked"));
            let what = "a pod of the operator, made by a controller";
            self.case(what, &who, ask, Vec::new());
        }
        let mark = json!({ "metadata": { "labels": { "seen-by": "operations" } } });
        let ask = Ask::with("PATCH", format!("{pods}/{POD}"), mark).media(MERGE);
        self.case("a label of the operator's pod", &ROOT, ask, Vec::new());
    }

    /// What whoever upgrades does, and what guards nothing.
    fn kept(&mut self) {
        let upgrade = json!({ "metadata": { "annotations": { "upgraded": "yes" } } });
        let ask =
            Ask::with("PATCH", format!("{CRDS}/playbooks.pingzhan.dev"), upgrade).media(MERGE);
        self.case("a CRD upgraded", &ROOT, ask, Vec::new());
        let plain = json!({ "metadata": { "name": "attacked" } });
        for plural in ["configmaps", "secrets", "serviceaccounts"] {
            let ask = Ask::with("POST", format!("{SYSTEM}/{plural}"), plain.clone());
            self.case("what an upgrade brings", &ROOT, ask, Vec::new());
        }
        // Whatever it is called, a ConfigMap freezes nothing.
        let named = json!({ "metadata": { "name": "pingzhan-freeze-0123456789abcdef",
            "labels": { "pingzhan.dev/freeze": "true" } } });
        let maps = format!("{SYSTEM}/configmaps");
        let ask = Ask::with("POST", &maps, named);
        self.case("a ConfigMap with a freeze's name", &ROOT, ask, Vec::new());
        let all = Ask::new("DELETE", maps);
        self.case("all ConfigMaps deleted", &ROOT, all, Vec::new());
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
