//! One control plane in the hands of one test.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMeta;
use kube::{Client, Config, Resource, ResourceExt as _};
use pingzhan::api::{ChangeFreeze, ChangeRecord, EmergencyMode, Playbook, names};
use pingzhan::cluster::Clients;
use pingzhan::run::clock::Clock;
use pingzhan::run::freeze::{Probed, Proof, prove};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::people;
use super::pool::Slot;
use super::{kubectl_program, repository, run, xtask};

/// A control plane that is this test's alone until it is dropped.
pub struct ControlPlane {
    /// The admin's client, of the test's own runtime.
    pub client: Client,
    /// The admin's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Where the API server is.
    pub url: String,
    /// The certificate of its authority, as PEM.
    pub authority: PathBuf,
    /// Begins the names of this test's namespaces; never used before on this control plane.
    pub prefix: String,
    name: String,
    slot: Option<Slot>,
}

/// How long a new kind may take to be served: a second or two, on a busy machine more.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is asked.
const AGAIN: Duration = Duration::from_millis(100);
/// Numbers the prefixes.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl ControlPlane {
    /// One of the pool.
    pub(super) async fn new(mut slot: Slot) -> Self {
        let kubeconfig = slot.kubeconfig();
        if slot.is_new() {
            prepare(&kubeconfig).await;
            slot.prepared();
        }
        let plane = Self::at(&kubeconfig, Some(slot)).await;
        plane.clean().await;
        plane
    }

    /// One of its own, with stock controllers, a scheduler, and nodes whose kubelets are played. It
    /// ends with this process.
    pub(super) async fn with_controllers(name: &str) -> Self {
        let stock = ["--controllers", "stock", "--nodes", "2"];
        Self::of_its_own(name, &stock).await
    }

    /// One of its own, without any of these. It ends with this process as well.
    pub(super) async fn alone(name: &str) -> Self {
        Self::of_its_own(name, &[]).await
    }

    async fn of_its_own(name: &str, more: &[&str]) -> Self {
        let own = std::process::id().to_string();
        let name = format!("tests-{own}-{name}");
        let up = [
            "cluster",
            "up",
            "--name",
            &name,
            "--owner",
            &own,
            "--no-fsync",
        ];
        let kubeconfig: PathBuf = xtask(&[&up[..], more].concat()).trim().into();
        prepare(&kubeconfig).await;
        Self::at(&kubeconfig, None).await
    }

    async fn at(kubeconfig: &Path, slot: Option<Slot>) -> Self {
        let folder = kubeconfig
            .parent()
            .expect("a kubeconfig is in its cluster's folder");
        let name = folder.file_name().expect("a folder has a name");
        let client = client(kubeconfig).await;
        let number = TAKEN.fetch_add(1, Ordering::Relaxed);
        Self {
            url: config(kubeconfig).await.cluster_url.to_string(),
            authority: folder.join("pki/ca.crt"),
            prefix: format!("t{number}-{}", std::process::id()),
            name: name.to_string_lossy().into_owned(),
            client,
            kubeconfig: kubeconfig.to_path_buf(),
            slot,
        }
    }

    /// The name of a namespace of this test: unique, and told apart from other tests' at a glance.
    /// It is not created.
    pub fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The kubeconfig of a user who is in these groups.
    pub fn identity(&self, user: &str, groups: &[&str]) -> PathBuf {
        let mut args = vec!["cluster", "kubeconfig", "--name", &self.name, "--as", user];
        args.extend(groups.iter().flat_map(|group| ["--group", group]));
        xtask(&args).trim().into()
    }

    /// A client of a user who is in these groups.
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Client {
        client(&self.identity(user, groups)).await
    }

    /// The kubeconfig of the operator's own account, with its own rights and no more.
    pub fn operator(&self) -> PathBuf {
        let namespace = names::DEFAULT_NAMESPACE;
        let user = format!("system:serviceaccount:{namespace}:pingzhan");
        let group = format!("system:serviceaccounts:{namespace}");
        self.identity(&user, &["system:serviceaccounts", &group])
    }

    /// Runs kubectl as admin and returns what it printed; fails the test when it fails.
    pub fn kubectl(&self, args: &[&str]) -> String {
        kubectl_as(&self.kubeconfig, args)
    }

    /// Takes the binding of a policy away, and waits until the policy is not in force any more. The next
    /// test gets it back.
    pub async fn disarm(&self, policy: &str) {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &admission("Binding"));
        let deleted = api.delete(policy, &DeleteParams::default()).await;
        deleted.expect("nothing guards what admission never sees");
        let operator = people::operator(&self.client);
        let gone = async {
            while people::refusal_by(&operator, policy).await {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, gone).await;
        in_time.expect("admission follows its bindings");
    }

    /// Puts the rules of authority in place, as they are shipped, where they are not.
    pub fn arm(&self) {
        let mut delete = kubectl_with(&self.kubeconfig);
        delete.args(["delete", "--ignore-not-found"]);
        delete.args(["-f", "manifests/policies"]);
        run(delete.current_dir(repository()));
        let mut apply = kubectl_with(&self.kubeconfig);
        apply.args(["apply", "--server-side", "--force-conflicts"]);
        apply.args(["-f", "manifests/policies"]);
        run(apply.current_dir(repository()));
    }

    /// Puts policies, bindings and kinds back as they are shipped.
    pub fn mend(&self) {
        let mut apply = kubectl_with(&self.kubeconfig);
        apply.args(["apply", "--server-side", "--force-conflicts"]);
        apply.args(["-f", "manifests/policies", "-f", "manifests/crds"]);
        run(apply.current_dir(repository()));
    }

    /// Puts one file of them back as it is shipped, and takes away what was added to it.
    pub fn replace(&self, file: &str) {
        let mut replace = kubectl_with(&self.kubeconfig);
        replace.args(["replace", "-f", file]);
        run(replace.current_dir(repository()));
    }

    /// Whether the rules of authority are in place and nobody has written them since.
    async fn is_armed(&self) -> bool {
        let folder = std::fs::read_dir(repository().join("manifests/policies"));
        let shipped = folder.expect("it is a folder").count();
        let ours = ListParams::default().labels("app.kubernetes.io/name=pingzhan");
        for suffix in ["", "Binding"] {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &admission(suffix));
            let all = api.list_metadata(&ours).await.expect("policies are listed");
            let is_first =
                |one: &PartialObjectMeta<DynamicObject>| one.metadata.generation == Some(1);
            if all.iter().filter(|one| is_first(one)).count() != shipped {
                return false;
            }
        }
        true
    }

    /// Removes what earlier tests declared. Namespaces stay: without controllers they never end.
    async fn clean(&self) {
        if !self.is_armed().await {
            self.arm();
        }
        // The rules of authority hold for the administrator, too.
        let operator = people::operator(&self.client);
        let modes: Api<EmergencyMode> = Api::all(operator.clone());
        let everything = ListParams::default();
        let all = served(|| modes.list_metadata(&everything)).await;
        for mode in all.expect("modes are listed") {
            let over = Patch::Merge(json!({ "status": { "phase": "Closed" } }));
            let (name, params) = (mode.name_any(), PatchParams::default());
            // One that cannot be read as a mode is none for the rules, either.
            let _ = modes.patch_status(&name, &params, &over).await;
        }
        free_all::<EmergencyMode>(&operator).await;
        free_all::<ChangeRecord>(&operator).await;
        remove_all::<EmergencyMode>(&operator).await;
        remove_all::<ChangeRecord>(&operator).await;
        remove_all::<Playbook>(&self.client).await;
        remove_all::<Node>(&self.client).await;
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), names::DEFAULT_NAMESPACE);
        let everything = ListParams::default();
        let removed = leases
            .delete_collection(&DeleteParams::default(), &everything)
            .await;
        removed.expect("leases of earlier tests are removed");
        thaw(&operator).await;
        self.clean_pods().await;
    }

    /// Removes pods: those that no node takes would be counted by tests of what there is room for.
    async fn clean_pods(&self) {
        let at_once = DeleteParams::default().grace_period(0);
        let all: Api<Pod> = Api::all(self.client.clone());
        let none_left = async {
            loop {
                let pods = all.list_metadata(&ListParams::default()).await;
                let pods = pods.expect("pods are listed").items;
                if pods.is_empty() {
                    return;
                }
                for pod in pods {
                    let space = pod.namespace().unwrap_or_default();
                    let pods: Api<Pod> = Api::namespaced(self.client.clone(), &space);
                    // A freeze that was lifted just now may still refuse it.
                    let _ = pods.delete(&pod.name_any(), &at_once).await;
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, none_left).await;
        in_time.expect("pods of earlier tests are removed");
    }
}

impl Drop for ControlPlane {
    /// One that is nobody else's ends now: its controllers take processor time. After a failure it
    /// ends with the process.
    fn drop(&mut self) {
        if self.slot.is_none() && !std::thread::panicking() {
            xtask(&["cluster", "down", "--name", &self.name]);
        }
    }
}

/// Admission policies, or their bindings.
fn admission(suffix: &str) -> ApiResource {
    let (group, version) = ("admissionregistration.k8s.io", "v1");
    let plural = match suffix {
        "" => "validatingadmissionpolicies",
        _ => "validatingadmissionpolicybindings",
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: format!("ValidatingAdmissionPolicy{suffix}"),
        plural: plural.to_owned(),
    }
}

/// Applies what every test needs, and waits until the API server goes by all of it.
async fn prepare(kubeconfig: &Path) {
    let files = [
        "manifests/namespaces.yaml",
        "manifests/rbac.yaml",
        "manifests/impersonation-constrained.yaml",
        "manifests/crds",
        "manifests/policies",
    ];
    let mut apply = kubectl_with(kubeconfig);
    apply.args(["apply", "--server-side", "--validate=strict"]);
    apply.args(files.iter().flat_map(|file| ["-f", file]));
    run(apply.current_dir(repository()));
    let mut wait = kubectl_with(kubeconfig);
    wait.args([
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "-f",
        "manifests/crds",
    ]);
    run(wait.current_dir(repository()));
    knows_kinds(&client(kubeconfig).await).await;
}

/// Waits until the API server knows the kinds that policies take as their parameters: it looks for new kinds
/// every half a minute.
async fn knows_kinds(admin: &Client) {
    knows_playbooks(admin).await;
    knows_freezes(admin).await;
}

/// Until then it refuses whatever the policy is about.
async fn knows_playbooks(admin: &Client) {
    let mode = json!({
        "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
        "metadata": { "name": "is-anything-known" },
        "spec": { "playbookRef": { "name": "none" }, "level": "IV", "reason": "a dry run",
            "requestedBy": "nobody", "requestedAs": "nobody", "expiresAfter": "1h" },
    });
    let mode = serde_json::from_value(mode).expect("a mode");
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    // Somebody else is refused as soon as there are policies; who it names, while the kind is not known.
    let nobody: Api<EmergencyMode> = Api::all(people::person(admin, "nobody", "nobody"));
    let other: Api<EmergencyMode> = Api::all(admin.clone());
    let known = async {
        loop {
            let answers = (
                other.create(&dry, &mode).await,
                nobody.create(&dry, &mode).await,
            );
            if let (Err(kube::Error::Api(_)), Ok(_)) = answers {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, known).await;
    in_time.expect("an API server learns of new kinds");
}

/// Until then it lets through what it cannot judge: a freeze in a namespace that nobody works in is proven as
/// the operator proves one, and lifted again.
async fn knows_freezes(admin: &Client) {
    let (name, space) = ("is-anything-known", "default");
    let freeze = json!({
        "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze",
        "metadata": { "name": name, "namespace": space }, "spec": { "mode": "nobody" },
    });
    let freeze = serde_json::from_value(freeze).expect("a freeze");
    let operator = people::operator(admin);
    let freezes: Api<ChangeFreeze> = Api::namespaced(operator.clone(), space);
    let params = PostParams::default();
    let made = served(|| freezes.create(&params, &freeze)).await;
    made.expect("the operator may freeze");
    let own = clients(&operator);
    let probed = [Probed {
        name: name.to_owned(),
        namespaces: vec![space.to_owned()],
    }];
    becomes(&own, &probed, Proof::holds).await;
    let lifted = freezes.delete(name, &DeleteParams::default()).await;
    lifted.expect("the operator may lift it");
    becomes(&own, &probed, Proof::is_lifted).await;
}

/// The clients of the operator, all of them one.
pub fn clients(client: &Client) -> Clients {
    Clients {
        who: "pingzhan".to_owned(),
        reads: client.clone(),
        writes: client.clone(),
        watches: client.clone(),
    }
}

/// Waits until the proof of a freeze says this.
async fn becomes(own: &Clients, probed: &[Probed], says: fn(&Proof) -> bool) {
    let follows = async {
        while !says(&prove(own, probed, Clock::machine().now()).await) {
            tokio::time::sleep(AGAIN).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, follows).await;
    in_time.expect("an API server follows its freezes");
}

/// Runs kubectl as somebody and returns what it printed; fails the test when it fails.
pub fn kubectl_as(kubeconfig: &Path, args: &[&str]) -> String {
    run(kubectl_with(kubeconfig).args(args))
}

/// kubectl as somebody, to be completed and run: for input, and for what should fail.
pub fn kubectl_with(kubeconfig: &Path) -> Command {
    let mut command = Command::new(kubectl_program());
    command.arg("--kubeconfig").arg(kubeconfig);
    command
}

async fn config(kubeconfig: &Path) -> Config {
    let read = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is readable");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(read, &options).await;
    let mut config = config.expect("the kubeconfig names a server");
    // A test must see what the server answered, not what a retry made of it.
    config.default_retry = false;
    config
}

/// A client from a kubeconfig, of the caller's runtime.
pub async fn client(kubeconfig: &Path) -> Client {
    Client::try_from(config(kubeconfig).await).expect("the kubeconfig makes a client")
}

/// Asks until the kind is served: for a moment after its CRD is established, or is applied anew, the
/// server answers "storage is (re)initializing", 429, to some requests and not to others.
async fn served<T, F: Future<Output = kube::Result<T>>>(ask: impl Fn() -> F) -> kube::Result<T> {
    let answered = async {
        loop {
            match ask().await {
                Err(kube::Error::Api(status)) if status.code == 429 => {
                    tokio::time::sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, answered).await;
    in_time.expect("a CRD that is established is served")
}

/// Lifts what earlier tests froze, in whatever namespace. They are not deleted all at once: no such request
/// goes beyond one namespace.
async fn thaw(operator: &Client) {
    let all: Api<ChangeFreeze> = Api::all(operator.clone());
    let everything = ListParams::default();
    let left = served(|| all.list_metadata(&everything)).await;
    for freeze in left.expect("freezes are listed") {
        let space = freeze.namespace().unwrap_or_default();
        let there: Api<ChangeFreeze> = Api::namespaced(operator.clone(), &space);
        let (name, params) = (freeze.name_any(), DeleteParams::default());
        match there.delete(&name, &params).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            lifted => drop(lifted.expect("freezes of earlier tests are lifted")),
        }
    }
}

/// Removes every object of a kind, finalizers and all.
async fn remove_all<K>(client: &Client)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    // A test may have left one that cannot be read as what it should be.
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let (all, delete) = (ListParams::default(), DeleteParams::default());
    let removed = served(|| api.delete_collection(&delete, &all)).await;
    removed.expect("objects of earlier tests are removed");
    free_all::<K>(client).await;
}

/// Takes the finalizers off every object of a kind.
async fn free_all<K>(client: &Client)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let all = ListParams::default();
    let left = served(|| api.list_metadata(&all)).await;
    for object in left.expect("objects are listed") {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let (name, params) = (object.name_any(), PatchParams::default());
        match served(|| api.patch_metadata(&name, &params, &patch)).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            freed => drop(freed.expect("the finalizers of earlier tests are removed")),
        }
    }
}
