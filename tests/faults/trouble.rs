//! The causes, made and removed: rights, policies, webhooks, quotas, and a namespace that ends.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use pingzhan::api::names;
use serde_json::{Value, json};

use super::kinds::{KINDS, RBAC, ROLE};
use super::line::Trouble;
use super::play::Play;
use super::site::{Server, locked};
use super::table::Fault;
use crate::fleet::load::place;
use crate::support::people::person;

const ROLES: &str = "rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const LOOKS: [&str; 3] = ["get", "list", "watch"];
/// Who ends namespaces, and in which group: a freeze keeps people from it, and not programs that it does not
/// name.
const JANITOR: (&str, &str) = (
    "system:serviceaccount:platform:janitor",
    "system:serviceaccounts",
);

impl Play<'_> {
    /// Makes the cause, or removes it, and waits until that is in force.
    pub async fn trouble(&self, there: bool) {
        match self.fault {
            Fault::ForbiddenThere | Fault::ForbiddenBack => self.rights(!there).await,
            Fault::DeniedThere | Fault::DeniedBack => {
                self.site.outside.refuses(self.word(), there);
                self.policy(there).await;
            }
            Fault::WebhookThere | Fault::WebhookBack => self.webhook(there).await,
            Fault::QuotaThere | Fault::QuotaBack => self.quota(there).await,
            Fault::Nothing
            | Fault::PutBack
            | Fault::Third
            | Fault::LateOurs
            | Fault::LateKeep
            | Fault::EndsThere
            | Fault::EndsBack => {}
        }
    }

    /// The account of the playbook, with its rights.
    pub async fn account(&self) {
        let name = &self.space;
        let accounts = names::ACCOUNT_NAMESPACE;
        let subjects = json!([{ "kind": "ServiceAccount", "name": name, "namespace": accounts }]);
        let role = |kind: &str| json!({ "apiGroup": RBAC, "kind": kind, "name": name });
        let mut objects = vec![
            json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "name": name, "namespace": accounts } }),
            json!({ "apiVersion": ROLES, "kind": "ClusterRoleBinding", "metadata": { "name": name },
                "roleRef": role("ClusterRole"), "subjects": subjects }),
        ];
        for space in &self.spaces {
            let metadata = json!({ "name": name, "namespace": space });
            objects.push(
                json!({ "apiVersion": ROLES, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": role("Role"), "subjects": subjects }),
            );
        }
        for object in objects {
            self.put(&object).await;
        }
        self.rights(true).await;
    }

    /// What it needs of the whole cluster: also to find bindings that are locked down, and to freeze.
    async fn wide(&self, whole: bool) {
        let [well, bad] = self.frozen();
        let mut freezes = rule("", &["namespaces"], &["freeze"]);
        freezes["resourceNames"] = json!(if whole { vec![well, bad] } else { vec![well] });
        let rules = [
            rule("", &["namespaces"], &LOOKS),
            freezes,
            rule(
                "apiextensions.k8s.io",
                &["customresourcedefinitions"],
                &["get"],
            ),
            rule(RBAC, &["rolebindings", "clusterrolebindings"], &LOOKS),
        ];
        self.put(&json!({ "apiVersion": ROLES, "kind": "ClusterRole", "metadata": { "name": self.space }, "rules": rules }))
            .await;
    }

    /// Everything that the playbook needs, or not for the targets that go wrong.
    async fn rights(&self, whole: bool) {
        self.wide(whole).await;
        for space in &self.spaces {
            let mut rules = rights(whole);
            if whole || space != self.bad_space() {
                rules.extend(
                    MADE_OF
                        .map(|(group, resource)| rule(group, &[resource], &["create", "delete"])),
                );
            }
            let metadata = json!({ "name": self.space, "namespace": space });
            self.put(&json!({ "apiVersion": ROLES, "kind": "Role", "metadata": metadata, "rules": rules }))
                .await;
        }
        let patch = json!({ "verb": "patch", "group": "apps", "resource": "deployments",
            "namespace": self.bad_space(), "name": KINDS[0].bad() });
        let [_, frozen] = self.frozen();
        let freeze = json!({ "verb": "freeze", "group": "", "resource": "namespaces",
            "namespace": frozen, "name": frozen });
        self.wait_for("its rights are in force", async || {
            self.may(&patch).await == whole && self.may(&freeze).await == whole
        })
        .await;
    }

    async fn may(&self, attributes: &Value) -> bool {
        let user = format!(
            "system:serviceaccount:{}:{}",
            names::ACCOUNT_NAMESPACE,
            self.space
        );
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "metadata": { "name": "" }, "spec": { "user": user, "resourceAttributes": attributes } });
        let (api, _) = place(&self.site.client, &review);
        let review: DynamicObject = serde_json::from_value(review).expect("an object");
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.expect("the review is answered");
        answer.data["status"]["allowed"] == true
    }

    /// A policy that denies changes of what goes wrong, new Jobs, and what is made and deleted.
    async fn policy(&self, there: bool) {
        let name = &self.space;
        let binding = json!({ "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name },
            "spec": { "policyName": name, "validationActions": ["Deny"], "matchResources": self.here() } });
        if !there {
            self.delete(&binding).await;
            return self.admits(true).await;
        }
        let policy = json!({ "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name },
            "spec": { "failurePolicy": "Fail", "matchConstraints": { "resourceRules": rules() },
                "validations": [{
                    "expression": "request.operation == 'UPDATE' && !object.metadata.name.endsWith('-bad')",
                    "message": "this one is not to be changed" }] } });
        self.put(&policy).await;
        self.put(&binding).await;
        self.admits(false).await;
    }

    /// A webhook that is asked about the same, and does not answer.
    async fn webhook(&self, there: bool) {
        if self.on_the_line(Trouble::Webhook, there) {
            return;
        }
        let hook = json!({ "apiVersion": ADMISSION, "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": self.space },
            "webhooks": [{
                "name": "deny.example.com", "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 1, "rules": rules(),
                "namespaceSelector": self.here()["namespaceSelector"],
                "matchConditions": [{ "name": "bad",
                    "expression": "request.operation != 'UPDATE' || object.metadata.name.endsWith('-bad')" }],
                // Nobody listens there.
                "clientConfig": { "url": "https://127.0.0.1:9/" },
            }] });
        if there {
            self.put(&hook).await;
        } else {
            self.delete(&hook).await;
        }
        self.admits(!there).await;
    }

    /// What the sand table does not have is on the operator's connection to it; whether it is the sand table.
    fn on_the_line(&self, trouble: Trouble, there: bool) -> bool {
        let Server::Sand(line) = &self.site.server else {
            return false;
        };
        let mut line = locked(line);
        for space in self.spoiled() {
            if there {
                line.insert(space, trouble);
            } else {
                line.remove(&space);
            }
        }
        true
    }

    /// A quota of Jobs, and of what is made, that is used up.
    async fn quota(&self, there: bool) {
        if self.on_the_line(Trouble::Quota, there) {
            return;
        }
        let counted = refused_of().chain([("batch", "jobs")]);
        let counted = counted.map(|(group, resource)| {
            let of = if group.is_empty() { "" } else { "." };
            (format!("count/{resource}{of}{group}"), json!("0"))
        });
        let hard = Value::Object(counted.collect());
        for space in self.spoiled() {
            let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
                "metadata": { "name": "full", "namespace": space }, "spec": { "hard": hard } });
            if !there {
                self.delete(&quota).await;
                continue;
            }
            self.put(&quota).await;
            // What its controller says once it has counted.
            let status = Patch::Merge(json!({ "status": { "hard": hard, "used": hard } }));
            let (api, name) = place(&self.site.client, &quota);
            let told = api
                .patch_status(&name, &PatchParams::default(), &status)
                .await;
            told.expect("the status is accepted");
        }
        self.admits(!there).await;
    }

    /// The namespaces of what goes wrong: where it is, and what it freezes.
    fn spoiled(&self) -> Vec<String> {
        let [_, frozen] = self.frozen();
        let own = [self.bad_space().to_owned()].into_iter();
        own.chain(self.makes.then_some(frozen)).collect()
    }

    /// Waits until admission lets something new pass where things go wrong, or does not. A freeze lets dry runs
    /// pass.
    async fn admits(&self, wanted: bool) {
        for space in self.spoiled() {
            let probe = json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "probe", "namespace": space } });
            let (api, _) = place(&self.site.client, &probe);
            let probe: DynamicObject = serde_json::from_value(probe).expect("an object");
            let params = PostParams {
                dry_run: true,
                field_manager: None,
            };
            self.wait_for("admission follows", async || {
                api.create(&params, &probe).await.is_ok() == wanted
            })
            .await;
        }
    }

    /// The namespaces of what goes wrong end: nothing new is taken, and whatever is in them goes.
    pub async fn end(&self) {
        let (name, group) = JANITOR;
        let janitor = person(&self.site.client, name, group);
        let spoiled = self.spoiled();
        for space in &spoiled {
            let space =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": space } });
            let (api, name) = place(&janitor, &space);
            let ended = api.delete(&name, &DeleteParams::default()).await;
            ended.expect("no freeze keeps a program from it");
        }
        // What the namespace's controller does.
        for object in self.now().await.values() {
            let space = object["metadata"]["namespace"].as_str();
            if space.is_some_and(|space| spoiled.iter().any(|own| own == space)) {
                self.remove(object).await;
            }
        }
    }

    pub async fn put(&self, object: &Value) {
        self.site.apply("admin", object).await;
    }

    async fn delete(&self, object: &Value) {
        let (api, name) = place(&self.site.client, object);
        let deleted = api.delete(&name, &DeleteParams::default()).await;
        deleted.expect("it may be removed");
    }

    fn here(&self) -> Value {
        json!({ "namespaceSelector": { "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "In", "values": self.spoiled() },
        ] } })
    }
}

/// What is read and changed in a namespace of a playbook: everything, or not what goes wrong.
fn rights(whole: bool) -> Vec<Value> {
    let groups: [(&str, &[&str]); 10] = [
        ("apps", &["deployments"]),
        ("", &["configmaps"]),
        ("autoscaling", &["horizontalpodautoscalers"]),
        ("batch", &["cronjobs", "cronjobs/status", "jobs"]),
        ("keda.sh", &["scaledobjects"]),
        ("kustomize.toolkit.fluxcd.io", &["kustomizations"]),
        ("helm.toolkit.fluxcd.io", &["helmreleases"]),
        ("argoproj.io", &["applications", "rollouts"]),
        ("networking.k8s.io", &["ingresses", "networkpolicies"]),
        (RBAC, &["rolebindings"]),
    ];
    let well: Vec<String> = KINDS.iter().map(super::kinds::Kind::well).collect();
    let mut rules = Vec::new();
    for (group, resources) in groups {
        rules.push(rule(group, resources, &LOOKS));
        let mut writes = rule(group, resources, &["patch"]);
        if !whole {
            writes["resourceNames"] = json!(well);
        }
        rules.push(writes);
    }
    let mut binds = rule(RBAC, &["clusterroles"], &["bind"]);
    binds["resourceNames"] = json!([ROLE]);
    rules.push(binds);
    if whole {
        rules.push(rule("batch", &["jobs"], &["create"]));
        rules.push(rule("apps", &["statefulsets"], &LOOKS));
    }
    rules
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

/// Of what is made what the account makes: groups and resources.
const MADE_OF: [(&str, &str); 3] = [
    ("", "configmaps"),
    ("networking.k8s.io", "networkpolicies"),
    (RBAC, "rolebindings"),
];

/// All that is made: that, and what the operator itself makes.
fn refused_of() -> impl Iterator<Item = (&'static str, &'static str)> {
    MADE_OF.into_iter().chain([(names::GROUP, "changefreezes")])
}

/// Changes of anything, new Jobs, and what is made and deleted.
fn rules() -> Value {
    let made = refused_of().map(|(group, resource)| {
        json!({ "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "DELETE"], "resources": [resource] })
    });
    let mut rules = vec![
        json!({ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["*"] }),
        json!({ "apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"] }),
    ];
    rules.extend(made);
    rules.into()
}
