//! Services: what follows from their type, and their addresses.

use serde_json::{Map, Value, json};

use super::rules::missing;

/// The port that is meant is the one that is offered, where no other is named.
pub fn port(port: &mut Map<String, Value>) {
    let target = port.get("targetPort");
    let named = target.is_some_and(|target| *target != 0 && *target != "");
    let offered = port.get("port").cloned();
    if let Some(offered) = offered.filter(|_| !named) {
        port.insert("targetPort".to_owned(), offered);
    }
}

/// What follows from the type.
pub fn spec(spec: &mut Map<String, Value>) {
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("type").to_owned();
    let sticky = text("sessionAffinity") == "ClientIP";
    let external = spec.contains_key("externalIPs") && kind == "ClusterIP";
    if sticky {
        let config = spec.get("sessionAffinityConfig");
        if config.is_none_or(|config| config["clientIP"]["timeoutSeconds"].is_null()) {
            let config = json!({ "clientIP": { "timeoutSeconds": 10800 } });
            spec.insert("sessionAffinityConfig".to_owned(), config);
        }
    } else {
        spec.remove("sessionAffinityConfig");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        missing(spec, "internalTrafficPolicy", "Cluster".into());
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || external {
        missing(spec, "externalTrafficPolicy", "Cluster".into());
    }
    if kind == "LoadBalancer" {
        missing(spec, "allocateLoadBalancerNodePorts", true.into());
    }
}

/// Whether a new Service has to be given an address.
pub fn needs_address(service: &Value) -> bool {
    let spec = &service["spec"];
    let given = spec["clusterIP"]
        .as_str()
        .is_some_and(|text| !text.is_empty());
    spec["type"] != "ExternalName" && !given
}

/// Completes the addresses of a Service. `free` is an IPv4 address that no other has; it is taken
/// where the Service [needs one](needs_address).
pub fn addressed(service: &mut Value, free: &str) {
    if service["spec"]["type"] == "ExternalName" {
        return;
    }
    if needs_address(service) {
        service["spec"]["clusterIP"] = free.into();
    }
    let Value::Object(spec) = &mut service["spec"] else {
        return;
    };
    let address = spec["clusterIP"].clone();
    let anywhere = address == "None" && !spec.contains_key("selector");
    missing(spec, "clusterIPs", json!([address]));
    let (families, policy) = if anywhere {
        // Nobody knows where the endpoints of such a Service are.
        (json!(["IPv4", "IPv6"]), "RequireDualStack")
    } else {
        (json!(["IPv4"]), "SingleStack")
    };
    missing(spec, "ipFamilies", families);
    missing(spec, "ipFamilyPolicy", policy.into());
}

/// Gives the ports of a Service that is reached on every node a port there, where they have none.
/// `free` gives ports that no other has.
pub fn ported(service: &mut Value, mut free: impl FnMut() -> u16) {
    let spec = &mut service["spec"];
    let is_reached = spec["type"] == "NodePort"
        || (spec["type"] == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false);
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.filter(|_| is_reached).into_iter().flatten() {
        if port["nodePort"].as_u64().unwrap_or_default() == 0 {
            port["nodePort"] = free().into();
        }
    }
}
