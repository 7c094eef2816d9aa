//! The whole of an installation in one file: what the chart renders with its defaults, for clusters
//! where nobody uses Helm. A test compares the two.

use std::path::PathBuf;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use pingzhan::api::names::{ACCOUNT_NAMESPACE, DEFAULT_NAMESPACE};

use super::{Error, Generated, HEADER, crds, impersonation, policies, rbac};

const OPENING: &str = "# The image is one that you build and push (see charts/pingzhan/README.md): set its name before you
# apply this, and apply it with `kubectl apply --server-side`, since a CRD is too big for the
# annotation of a client-side apply.
";

const WORKLOAD: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: pingzhan
  namespace: {system}
  labels:
    app.kubernetes.io/name: pingzhan
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: pingzhan
      app.kubernetes.io/component: operator
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: pingzhan
        app.kubernetes.io/component: operator
    spec:
      serviceAccountName: pingzhan
      priorityClassName: system-cluster-critical
      # In-flight writes are waited for and the lease is given back: that takes at most 10 s.
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: operator
        image: pingzhan:{version}
        imagePullPolicy: IfNotPresent
        args:
        - run
        - --namespace={system}
        - --accounts-namespace={accounts}
        - --lease-duration=15s
        - --concurrency=32
        - --metrics-address=0.0.0.0:8080
        - --log-format=json
        - --log-filter=pingzhan=info,kube=warn,warn
        ports:
        - {name: metrics, containerPort: 8080}
        livenessProbe:
          httpGet: {path: /livez, port: metrics}
          periodSeconds: 10
          timeoutSeconds: 3
          failureThreshold: 3
        readinessProbe:
          httpGet: {path: /readyz, port: metrics}
          periodSeconds: 5
          timeoutSeconds: 3
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits: {memory: 512Mi}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {drop: [ALL]}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            podAffinityTerm:
              topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: pingzhan
                  app.kubernetes.io/component: operator
---
apiVersion: v1
kind: Service
metadata:
  name: pingzhan-metrics
  namespace: {system}
  labels:
    app.kubernetes.io/name: pingzhan
spec:
  selector:
    app.kubernetes.io/name: pingzhan
    app.kubernetes.io/component: operator
  ports:
  - {name: metrics, port: 8080, targetPort: metrics}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: pingzhan
  namespace: {system}
  labels:
    app.kubernetes.io/name: pingzhan
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: pingzhan
      app.kubernetes.io/component: operator
---
# Some clusters admit pods of a system priority only where a quota speaks of it.
apiVersion: v1
kind: ResourceQuota
metadata:
  name: pingzhan-priority
  namespace: {system}
  labels:
    app.kubernetes.io/name: pingzhan
spec:
  hard:
    pods: "20"
  scopeSelector:
    matchExpressions:
    - {scopeName: PriorityClass, operator: In, values: [system-cluster-critical]}
"#;

/// The file.
pub fn file(crds: &[CustomResourceDefinition]) -> Result<Generated, Error> {
    let mut parts = vec![rbac::namespaces()];
    for crd in crds {
        parts.push(crds::yaml(crd)?);
    }
    parts.push(rbac::rights());
    parts.push(impersonation::classic());
    parts.extend(policies::plain());
    parts.push(workload());
    Ok(Generated {
        path: PathBuf::from("manifests/install.yaml"),
        contents: format!("{HEADER}{OPENING}{}", parts.join("---\n")).into_bytes(),
    })
}

fn workload() -> String {
    WORKLOAD
        .replace("{system}", DEFAULT_NAMESPACE)
        .replace("{accounts}", ACCOUNT_NAMESPACE)
        .replace("{version}", env!("CARGO_PKG_VERSION"))
}
