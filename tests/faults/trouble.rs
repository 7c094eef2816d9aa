//! The causes, made and removed: rights, policies, webhooks, quotas, and a namespace that ends.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use pingzhan::api::names;
use serde_json::{Value, json};

use super::kinds::KINDS;
use super::line::Trouble;
use super::play::Play;
use super::site::{Server, locked};
use super::table::Fault;
use crate::fleet::load::place;

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

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
        let role = |kind: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
        let wide = json!([
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
            { "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"] },
        ]);
        let mut objects = vec![
            json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "name": name, "namespace": accounts } }),
            json!({ "apiVersion": RBAC, "kind": "ClusterRole", "metadata": { "name": name }, "rules": wide }),
            json!({ "apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": { "name": name },
                "roleRef": role("ClusterRole"), "subjects": subjects }),
        ];
        for space in &self.spaces {
            let metadata = json!({ "name": name, "namespace": space });
            objects.push(
                json!({ "apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": role("Role"), "subjects": subjects }),
            );
        }
        for object in objects {
            self.put(&object).await;
        }
        self.rights(true).await;
    }

    /// Everything that the playbook needs, or not for the targets that go wrong.
    async fn rights(&self, whole: bool) {
        let looks = json!(["get", "list", "watch"]);
        let rule = |group: &str, resources: &[&str], verbs: &Value| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
        let groups: [(&str, &[&str]); 8] = [
            ("apps", &["deployments"]),
            ("", &["configmaps"]),
            ("autoscaling", &["horizontalpodautoscalers"]),
            ("batch", &["cronjobs", "cronjobs/status", "jobs"]),
            ("keda.sh", &["scaledobjects"]),
            ("kustomize.toolkit.fluxcd.io", &["kustomizations"]),
            ("helm.toolkit.fluxcd.io", &["helmreleases"]),
            ("argoproj.io", &["applications", "rollouts"]),
        ];
        let well: Vec<String> = KINDS.iter().map(super::kinds::Kind::well).collect();
        let mut rules = Vec::new();
        for (group, resources) in groups {
            rules.push(rule(group, resources, &looks));
            let mut writes = rule(group, resources, &json!(["patch"]));
            if !whole {
                writes["resourceNames"] = json!(well);
            }
            rules.push(writes);
        }
        if whole {
            rules.push(rule("batch", &["jobs"], &json!(["create"])));
            rules.push(rule("apps", &["statefulsets"], &looks));
        }
        for space in &self.spaces {
            let metadata = json!({ "name": self.space, "namespace": space });
            self.put(&json!({ "apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules }))
                .await;
        }
        self.wait_for("its rights are in force", async || {
            self.may_patch().await == whole
        })
        .await;
    }

    async fn may_patch(&self) -> bool {
        let user = format!(
            "system:serviceaccount:{}:{}",
            names::ACCOUNT_NAMESPACE,
            self.space
        );
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "metadata": { "name": "" }, "spec": { "user": user, "resourceAttributes": {
                "verb": "patch", "group": "apps", "resource": "deployments", "namespace": self.bad_space(),
                "name": KINDS[0].bad() } } });
        let (api, _) = place(&self.site.client, &review);
        let review: DynamicObject = serde_json::from_value(review).expect("an object");
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.expect("the review is answered");
        answer.data["status"]["allowed"] == true
    }

    /// A policy that denies changes of what goes wrong, and new Jobs.
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

    /// A webhook that is asked about changes of what goes wrong, and of new Jobs, and does not answer.
    async fn webhook(&self, there: bool) {
        if let Server::Sand(line) = &self.site.server {
            let mut line = locked(line);
            if there {
                line.insert(self.space.clone(), Trouble::Webhook);
            } else {
                line.remove(&self.space);
            }
            return;
        }
        let hook = json!({ "apiVersion": ADMISSION, "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": self.space },
            "webhooks": [{
                "name": "deny.example.com", "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 1, "rules": rules(),
                "namespaceSelector": self.here()["namespaceSelector"],
                "matchConditions": [{ "name": "bad",
                    "expression": "request.operation == 'CREATE' || object.metadata.name.endsWith('-bad')" }],
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

    /// A quota of Jobs that is used up.
    async fn quota(&self, there: bool) {
        if let Server::Sand(line) = &self.site.server {
            let mut line = locked(line);
            if there {
                line.insert(self.space.clone(), Trouble::Quota);
            } else {
                line.remove(&self.space);
            }
            return;
        }
        let hard = json!({ "count/jobs.batch": "0" });
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": { "name": "jobs", "namespace": self.space }, "spec": { "hard": hard } });
        if !there {
            return self.delete(&quota).await;
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

    /// Waits until admission lets changes of what goes wrong pass, or does not.
    async fn admits(&self, wanted: bool) {
        let api: Api<DynamicObject> = Api::namespaced_with(
            self.site.client.clone(),
            &self.space,
            &crate::scenarios::world::resource("Deployment"),
        );
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "probe": "1" } } }));
        let name = KINDS[0].bad();
        self.wait_for("admission follows", async || {
            api.patch(&name, &params, &patch).await.is_ok() == wanted
        })
        .await;
    }

    /// The namespace of what goes wrong ends: nothing new is taken, and whatever is in it goes.
    pub async fn end(&self) {
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.bad_space() } });
        self.delete(&space).await;
        // What the namespace's controller does.
        for (kind, space, name) in self.places() {
            if space == self.bad_space() {
                self.remove(&kind, &name).await;
            }
        }
    }

    pub async fn put(&self, object: &Value) {
        let (api, name) = place(&self.site.client, object);
        let params = PatchParams::apply("admin").force();
        let put = api.patch(&name, &params, &Patch::Apply(object)).await;
        put.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
    }

    async fn delete(&self, object: &Value) {
        let (api, name) = place(&self.site.client, object);
        let deleted = api.delete(&name, &DeleteParams::default()).await;
        deleted.expect("it may be removed");
    }

    fn here(&self) -> Value {
        json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": self.space } } })
    }
}

/// Changes of anything, and new Jobs.
fn rules() -> Value {
    json!([
        { "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["*"] },
        { "apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"] },
    ])
}
