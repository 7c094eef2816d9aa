//! For each page with commands: where it plays. And which commands nobody runs in a test, with the reason.

/// On what a page plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// What it needs it starts itself.
    Nothing,
    /// An empty cluster, without Pingzhan.
    Bare,
    /// The city of the demo, with an operator at work and the playbook flood-response.
    City,
}

/// A page.
pub struct Row {
    pub path: &'static str,
    pub on: On,
    /// What was done before the page begins, as the administrator.
    pub before: &'static [&'static str],
}

/// The demo has closed a mode of the name that pages use; what pages make is not there yet; and files of
/// their own lie where people have them.
const CITY: &[&str] = &[
    "kubectl delete emergencymode flood-2026-07",
    "kubectl delete serviceaccount flood --namespace pingzhan-playbooks",
    "kubectl apply --server-side --force-conflicts -f manifests/namespaces.yaml -f manifests/rbac.yaml \
     -f manifests/impersonation.yaml -f manifests/crds -f manifests/policies",
    "cp playbooks/flood-response/playbook.yaml flood-response.yaml",
];

/// Every page with commands.
pub const PAGES: &[Row] = &[
    Row {
        path: "README.md",
        on: On::Bare,
        before: &[],
    },
    Row {
        path: "README.zh-CN.md",
        on: On::Bare,
        before: &[],
    },
    Row {
        path: "charts/pingzhan/README.md",
        on: On::Bare,
        before: &[],
    },
    Row {
        path: "docs/faq.md",
        on: On::City,
        before: FAQ,
    },
    Row {
        path: "docs/zh-CN/faq.md",
        on: On::City,
        before: FAQ,
    },
    Row {
        path: "docs/guides/emergency-page.md",
        on: On::City,
        before: &[],
    },
    Row {
        path: "docs/guides/operate.md",
        on: On::City,
        before: CITY,
    },
    Row {
        path: "docs/guides/quick-start.md",
        on: On::Nothing,
        before: &[],
    },
    Row {
        path: "docs/zh-CN/quick-start.md",
        on: On::Nothing,
        before: &[],
    },
    Row {
        path: "docs/guides/sandtable.md",
        on: On::Nothing,
        before: &["kubectl create namespace hotline --dry-run=client -o yaml > services.yaml"],
    },
    Row {
        path: "docs/guides/rehearse.md",
        on: On::City,
        before: &["cp playbooks/flood-response/playbook.yaml draft.yaml"],
    },
    Row {
        path: "docs/guides/signals.md",
        on: On::Bare,
        before: &[
            "helm install pingzhan charts/pingzhan -n pingzhan-system --create-namespace \
             --set image.repository=registry.example.com/pingzhan",
            "echo 'channels: []' > signals.yaml; echo whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw > calls",
        ],
    },
    Row {
        path: "docs/guides/least-rights.md",
        on: On::City,
        before: &["cp playbooks/flood-response/playbook.yaml flood-response.yaml"],
    },
    Row {
        path: "docs/guides/write-a-playbook.md",
        on: On::City,
        before: &[],
    },
    Row {
        path: "playbooks/skeleton-surge/README.md",
        on: On::Nothing,
        before: &[],
    },
    Row {
        path: "playbooks/skeleton-surge/README.zh-CN.md",
        on: On::Nothing,
        before: &[],
    },
];

/// Before the questions: a mode in force, which everybody asks about.
const FAQ: &[&str] = &[
    "kubectl delete emergencymode flood-2026-07",
    "pingzhan --context duty-officer-zhou declare flood-2026-07 --playbook flood-response --level II \
     --reason rain --yes",
    "kubectl wait em/flood-2026-07 --for jsonpath='{.status.plan.hash}' --timeout 60s",
    "pingzhan --context approver-lin approve flood-2026-07 --yes",
    "pingzhan --context approver-chen approve flood-2026-07 --yes --wait-for Active",
];

/// Who does what, where a command does not say: by the verb of `pingzhan`.
pub const WHO: &[(&str, &str)] = &[
    ("declare", "duty-officer-zhou"),
    ("plan", "duty-officer-zhou"),
    ("level", "duty-officer-zhou"),
    ("renew", "duty-officer-zhou"),
    ("pause", "duty-officer-zhou"),
    ("resume", "duty-officer-zhou"),
    ("stand-down", "duty-officer-zhou"),
    ("verdict", "engineer-he"),
    ("skip", "commander-wang"),
];

/// Commands that go on by themselves: a part of them, what they show when they are up, and whether they stay
/// until the end of the page.
pub const STAYS: &[(&str, &str, bool)] = &[
    ("sandtable serve", "Ctrl-C ends it", true),
    ("demo --keep", "takes the kubeconfig away", true),
    ("demo --lang zh-CN --keep", "kubeconfig 一并删除", true),
    ("pingzhan run", "/metrics", true),
    ("pingzhan page", "emergency page is at", true),
    ("status flood-2026-07 -w", "Active", false),
];

/// What begins where a command has made it: nobody runs the pods of a Deployment on the sand table.
pub const FOLLOWED: &[(&str, &str, &str)] = &[(
    "rollout status deployment/pingzhan",
    "pingzhan run --metrics-address 127.0.0.1:0",
    "/metrics",
)];

/// Modes and gates at which the commander says yes.
pub const ANSWERED: &[(&str, &str)] = &[("flood-2026-07", "counters/confirm")];

/// Commands that are not run: the page, how they begin, and why.
pub const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "cargo xtask test", "it is what runs this test"),
    (
        "README.zh-CN.md",
        "cargo xtask test",
        "it is what runs this test",
    ),
    (
        "charts/pingzhan/README.md",
        "rustup target add",
        "it changes the machine's toolchain",
    ),
    (
        "charts/pingzhan/README.md",
        "RUSTFLAGS=",
        "it builds everything anew, for minutes",
    ),
    (
        "charts/pingzhan/README.md",
        "cp target/",
        "it takes what the line before has built",
    ),
    (
        "charts/pingzhan/README.md",
        "printf 'FROM scratch",
        "it needs podman, which is not everywhere",
    ),
    (
        "docs/guides/operate.md",
        "pingzhan run ",
        "the city has an operator already; the guide of the sand table runs one",
    ),
];
