//! The table of steps: what each does, what its account needs, and what the return does about it. The
//! reference page is made of it.

/// Whether a step leaves a field behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Fields, each journalled before it is written and brought back from the journal.
    Fields,
    /// No field: the act itself is journalled, before and after.
    Nothing,
}

/// One kind of step.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its word in a playbook.
    pub word: &'static str,
    /// What it leaves.
    pub leaves: Leaves,
    /// What it does.
    pub does: &'static str,
    /// What the playbook's account needs beside `get` and `list` of namespaces.
    pub needs: &'static str,
    /// What the return does.
    pub back: &'static str,
    /// An example: a step, as YAML without its name.
    pub example: &'static str,
}

/// Every kind of step, in the order of the contract.
pub const ROWS: &[Row] = &[
    Row {
        word: "scale",
        leaves: Leaves::Fields,
        does: "Sets the count of replicas: a number, a percentage of the peacetime count (rounded up), or bounds. Where an autoscaler owns the count (by scaleTargetRef; KEDA's ScaledObject above it by ownerReference), its bounds are changed instead. A percentage never moves a count the other way: what is to shrink does not grow",
        needs: "`get`, `list`, `watch`, `patch` of the kinds; the same of `horizontalpodautoscalers` and `scaledobjects` where there are any",
        back: "the peacetime count, or the autoscaler's bounds; what the autoscaler makes of them is its own",
        example: "targets: { kinds: [Deployment], namespaces: { matchLabels: { tier: critical } } }\nscale: { percent: 300, maximum: 40 }",
    },
    Row {
        word: "suspend",
        leaves: Leaves::Fields,
        does: "Stops what runs by itself: CronJob, Job, Flux Kustomization and HelmRelease, Argo CD Application (its automated sync), KEDA ScaledObject, Argo Rollout. What is suspended already is left alone",
        needs: "`get`, `list`, `watch`, `patch` of the kinds; `patch` of `cronjobs/status` for `onResume: SkipMissed`",
        back: "it goes on as it was; a CronJob makes one late run, or none with `onResume: SkipMissed`; a Job's pods begin anew",
        example: "targets: { kinds: [CronJob], namespaces: { matchLabels: { tier: back-office } } }\nsuspend: { onResume: SkipMissed }",
    },
    Row {
        word: "isolate",
        leaves: Leaves::Fields,
        does: "Cuts the network, by NetworkPolicies that exist for the mode's lifetime in each namespace that is meant. `DenyAll`: nothing in and nothing out but questions for names. `AllowOnly`: nothing in but from the same namespace and from those under `from`, by the `ports` that are named. `CutThirdParties`: pods that are third parties, or whose namespace is (the one label under `third`, `pingzhan.dev/party: third` where it says none), get nothing in, and those inside get nothing in and nothing out; the public internet and the ranges under `outside` stay let in. `Open`: the namespaces under `from` get in, where something closes the pods. Enforced against whoever changes them, unless `drift` says otherwise",
        needs: "`get`, `list`, `watch`, `create`, `delete`, `patch` of `networkpolicies`; so that the plan can say what is cut, `list` of `pods`, `services`, `ingresses`, `httproutes`, of `daemonsets` in `kube-system` and, for `CutThirdParties`, of `resourcequotas`",
        back: "the policies are deleted; what others allowed all along was never changed",
        example: "isolate: { preset: CutThirdParties, namespaces: { matchLabels: { tier: critical } } }",
    },
    Row {
        word: "access",
        leaves: Leaves::Fields,
        does: "`grant` makes a RoleBinding in each of the namespaces (a ClusterRoleBinding with `clusterWide: true`), with its purpose and its legal basis written on it. `revoke` takes exactly these subjects out of every RoleBinding of the namespaces; where none are named, out of every RoleBinding and ClusterRoleBinding. `lockDown` takes everybody out of the bindings with a label. Which role a binding gives is never changed; the cluster's own bindings and those of Pingzhan's accounts are left alone. Nothing is given to accounts of Pingzhan or of the cluster, however they are written, to whoever is not signed in, or to `system:masters`. Enforced against whoever changes them, unless `drift` says otherwise",
        needs: "`get`, `list`, `watch`, `create`, `delete`, `patch` of `rolebindings` and `clusterrolebindings`, and `bind` on each role of a binding that is made or changed, or all of its rights: nobody gives what they may not give",
        back: "bindings that were made are deleted; exactly the subjects that were taken out are put back",
        example: "access: { lockDown: { bindings: { matchLabels: { party: third } } } }",
    },
    Row {
        word: "config",
        leaves: Leaves::Fields,
        does: "Sets keys of ConfigMaps, then restarts workloads that read them. An immutable ConfigMap is left alone",
        needs: "`get`, `list`, `watch`, `patch` of `configmaps` and of the workloads that are restarted",
        back: "the keys are as they were, then the restart's mark goes, which is the rollout that brings the old values back",
        example: "targets: { kinds: [ConfigMap], namespaces: { names: [portal] }, names: [portal-flags] }\nconfig: { set: { homepage.carousel: \"off\" }, restart: [ { kind: Deployment, name: portal-web } ] }",
    },
    Row {
        word: "route",
        leaves: Leaves::Fields,
        does: "Sends the traffic of HTTPRoutes and Ingresses to one service: every rule and every path of them, and the backend for all else of an Ingress. A rule that redirects has no service behind it and stays. An Ingress reaches services of its own namespace only; an HTTPRoute others too, where a ReferenceGrant lets it, but none of the cluster or of Pingzhan",
        needs: "`get`, `list`, `watch`, `patch` of the kinds; so that the plan can say whether anybody answers, `list` of `services`, `endpointslices` and, for `to.namespace`, `referencegrants`",
        back: "the rules are as they were, as one value: what somebody changed of them meanwhile waits for a verdict",
        example: "targets: { kinds: [gateway.networking.k8s.io/HTTPRoute], names: [counters] }\nroute: { to: { name: emergency-page, port: 80 } }",
    },
    Row {
        word: "freeze",
        leaves: Leaves::Fields,
        does: "A change freeze (封网): people (users that are not `system:`), and the service accounts under `automation`, create, change, delete and connect to nothing in the namespaces, nor change the namespaces themselves; who is under `except` may. Never stopped: kubelets, controllers, network, storage, autoscalers, GitOps that is not named, playbooks. It is done when it is proven in every namespace by a dry run. Never frozen: namespaces of the cluster, of Pingzhan, and excluded ones",
        needs: "the verb `freeze` on each of the `namespaces`; `watch` of `namespaces`, where new ones are to be noticed; so that the plan can say who wrote there lately, `list` of `deployments`, `statefulsets`, `configmaps` and `services`",
        back: "changes are possible again: after everything else of the mode is back, and proven as well",
        example: "freeze: { namespaces: { matchLabels: { tier: critical } }, automation: [ { kind: ServiceAccount, namespace: ci, name: deployer } ], except: [ { kind: Group, name: emergency-command } ] }",
    },
    Row {
        word: "patch",
        leaves: Leaves::Fields,
        does: "Sets and removes any field of any kind, by JSON Pointer (`[name=web]` for items of lists with keys) or by a merge patch; parents that are missing are created. A list without keys is one value. Never touched: what rules over every request (rules of admission, APIs, priorities of requests), roles and bindings that the API server itself keeps, which role a binding gives, and rules that a ClusterRole gathers from others; bindings are given to nobody to whom `access` may give nothing",
        needs: "`get`, `list`, `watch`, `patch` of the kinds",
        back: "each field as it was, absent or null included; parents that were created go again",
        example: "targets: { kinds: [Deployment], names: [portal-web], namespaces: { names: [portal] } }\npatch: { set: [ { path: \"/spec/template/spec/containers[name=web]/resources/limits/cpu\", value: \"2\" } ] }",
    },
    Row {
        word: "apply",
        leaves: Leaves::Fields,
        does: "Makes objects that exist for the mode's lifetime. One that is there already is refused, or, with `adopt: true`, its fields that differ are changed; a binding that gives another role, and a ClusterRole that gathers its rules from others, are refused then, too. Never made: Secrets, Namespaces, CRDs, volumes, bare Pods, what rules over every request, requests for certificates, objects with finalizers, roles and bindings that the API server itself keeps, bindings for those to whom `access` may give nothing, and anything where nothing is ever touched",
        needs: "`get`, `list`, `watch`, `create`, `delete`, `patch` of the kinds, and what it takes to make the objects (RBAC objects: `bind` or the rights themselves)",
        back: "an object that was made is deleted, unless somebody else changed it meanwhile: then it waits for a verdict; the fields of an adopted one are as they were, and it is never deleted",
        example: "apply: { objects: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: notice, namespace: portal }, data: { text: Stay at home } } ] }",
    },
    Row {
        word: "run",
        leaves: Leaves::Nothing,
        does: "Creates a Job and waits until it is complete. It has one name for each mode and step, so that it is never created twice. It is kept a week after it has ended, unless its spec says otherwise. None runs in namespaces of the cluster, of Pingzhan, or in excluded ones, and none undoes anything there",
        needs: "`get` and `create` of `jobs` in the namespace",
        back: "the Job under `undo` runs, after everything that came after the step is back; with `irreversible: true` nothing",
        example: "run: { namespace: portal, job: { template: { spec: { restartPolicy: Never, containers: [ { name: main, image: registry.example.com/export:1 } ] } } }, irreversible: true }",
    },
    Row {
        word: "call",
        leaves: Leaves::Nothing,
        does: "Sends a signed HTTP request (Standard Webhooks, with one idempotency key for each mode and step), again and again until it is answered with success, refused for good, or the step's timeout is over. Only public addresses and the networks of the operator's signals file are reached; redirects are not followed",
        needs: "nothing of the cluster; a `callKeyFile` in the operator's signals file",
        back: "the address under `undo` is called; with `irreversible: true` nothing",
        example: "call: { url: \"https://calls.example.com/divert\", body: { lines: 12 }, undo: \"https://calls.example.com/normal\" }",
    },
    Row {
        word: "wait",
        leaves: Leaves::Nothing,
        does: "Waits until workloads of a step are ready or rolled out, a condition or a CEL expression holds of every target, or a Prometheus query has a sample. When its timeout is over it fails, and what comes after it is left undone",
        needs: "`get` and `list` of what is looked at; for `promQL` Prometheus in the operator's signals file",
        back: "nothing",
        example: "timeout: 8m\nwait: { ready: { step: scale-critical, percent: 95 } }",
    },
    Row {
        word: "gate",
        leaves: Leaves::Nothing,
        does: "Asks a group. Proceed goes on, Skip leaves out what comes after it in the stage, Stop fails the stage; the first answer counts. `onTimeout` says what silence means",
        needs: "nothing; people answer with `pingzhan answer`",
        back: "nothing",
        example: "gate: { groups: [emergency-command], prompt: { en: \"Close the walk-in counters?\", zh-CN: \"关闭线下窗口？\" }, timeout: 15m, onTimeout: Skip }",
    },
    Row {
        word: "notify",
        leaves: Leaves::Nothing,
        does: "Tells people over channels, signed as a call is. Nothing waits for it unless the step is critical; what could not be told is said in the condition Degraded. An exercise is marked in the message",
        needs: "nothing of the cluster; the channels in the operator's signals file",
        back: "nothing",
        example: "notify: { channels: [districts], severity: High, message: { en: Counters are closed, zh-CN: 线下窗口已关闭 } }",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Act, Step};

    /// An act that the table does not know is one that nobody can look up.
    #[test]
    fn every_row_has_an_example_of_its_own_act() {
        for row in ROWS {
            let text = format!("name: example\n{}", row.example);
            let step: Step = serde_yaml::from_str(&text).expect(row.word);
            let acts: Vec<&str> = step.acts().iter().map(Act::word).collect();
            assert_eq!(acts, [row.word]);
            assert!(!row.needs.is_empty(), "{}", row.word);
        }
        let words: Vec<&str> = ROWS.iter().map(|row| row.word).collect();
        let contract = "scale suspend isolate access config route freeze patch apply run call wait gate notify";
        assert_eq!(words.join(" "), contract);
    }
}
