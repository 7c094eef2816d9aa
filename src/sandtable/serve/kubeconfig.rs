//! The kubeconfig that people are given: one context a person.

use serde_json::{Value, json};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The name of the cluster in it. By it a file of ours is known.
pub const CLUSTER: &str = "pingzhan-sandtable";

/// A person with a token.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The context's name.
    pub context: String,
    /// The token.
    pub token: String,
}

/// The text of a kubeconfig; the first person's context is the current one.
pub fn text(url: &str, authority: &str, people: &[Entry]) -> String {
    let contexts: Vec<Value> = people
        .iter()
        .map(|entry| {
            json!({ "name": entry.context,
                "context": { "cluster": CLUSTER, "user": entry.context } })
        })
        .collect();
    let users: Vec<Value> = people
        .iter()
        .map(|entry| json!({ "name": entry.context, "user": { "token": entry.token } }))
        .collect();
    let current = people.first().map_or("", |entry| entry.context.as_str());
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{ "name": CLUSTER, "cluster": {
            "server": url, "certificate-authority-data": STANDARD.encode(authority) } }],
        "contexts": contexts,
        "users": users,
    });
    // JSON is YAML, and kubectl writes it anew in its own way.
    format!("{config:#}\n")
}

/// Whether a file holds a kubeconfig of ours and nothing else: only that is written over.
pub fn is_ours(text: &str) -> bool {
    let Ok(config) = serde_yaml::from_str::<Value>(text) else {
        return false;
    };
    let clusters = config["clusters"].as_array();
    clusters.is_some_and(|clusters| {
        !clusters.is_empty() && clusters.iter().all(|cluster| cluster["name"] == CLUSTER)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way to somebody's real clusters must never be lost to a rehearsal.
    #[test]
    fn only_a_kubeconfig_of_ours_is_ours() {
        let entry = Entry {
            context: "admin".to_owned(),
            token: "t".to_owned(),
        };
        let text = text("https://127.0.0.1:1", "PEM", &[entry]);
        assert!(is_ours(&text));
        assert!(is_ours(&format!("# a comment\n{text}")));
        let both = text.replace(
            "\"clusters\": [",
            "\"clusters\": [{ \"name\": \"production\" },",
        );
        for other in ["", "clusters: []", "{", "clusters: [{name: c}]", &both] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
