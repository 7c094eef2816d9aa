//! Kubeconfig files: the admin's, the controllers', anybody's.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use snafu::ResultExt;

use super::{Cluster, Error, FilesSnafu};
use crate::certs::{Pki, write_private};

/// The admin's.
pub const ADMIN: &str = "admin.kubeconfig";
/// The group whose members may do everything.
const MASTERS: &str = "system:masters";
/// The groups of somebody who is in none.
pub const NOBODYS_GROUPS: &[String] = &[];

/// Writes the kubeconfigs that the cluster itself needs.
pub fn write_own(folder: &Path, pki: &Pki, url: &str) -> Result<(), Error> {
    let masters = [MASTERS.to_owned()];
    for (file, user, groups) in [
        (ADMIN, "admin", masters.as_slice()),
        // As kubelets are, whom no freeze of people stops.
        ("kwok.kubeconfig", "system:kwok", &masters),
        (
            "kube-controller-manager.kubeconfig",
            "system:kube-controller-manager",
            NOBODYS_GROUPS,
        ),
        (
            "kube-scheduler.kubeconfig",
            "system:kube-scheduler",
            NOBODYS_GROUPS,
        ),
    ] {
        write(&folder.join(file), pki, url, user, groups)?;
    }
    Ok(())
}

/// Writes the kubeconfig of a user who is in these groups.
pub fn identity(cluster: &Cluster, user: &str, groups: &[String]) -> Result<PathBuf, Error> {
    let people = cluster.folder.join("people");
    std::fs::create_dir_all(&people).context(FilesSnafu { path: &people })?;
    let path = people.join(format!("{}.kubeconfig", file_name(user, groups)));
    write(&path, &cluster.pki(), &cluster.url, user, groups)?;
    Ok(path)
}

/// A file's name for a user in groups: readable, and different for different people.
fn file_name(user: &str, groups: &[String]) -> String {
    let all = std::iter::once(user).chain(groups.iter().map(String::as_str));
    let mut name = String::new();
    for part in all {
        if !name.is_empty() {
            name.push('+');
        }
        for c in part.chars() {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
                name.push(c);
            } else {
                name.push_str(&c.escape_unicode().to_string().replace("\\u", "%"));
            }
        }
    }
    name
}

fn write(path: &Path, pki: &Pki, url: &str, user: &str, groups: &[String]) -> Result<(), Error> {
    let identity = pki.identity(user, groups)?;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "cluster",
        "clusters": [{"name": "cluster", "cluster": {
            "server": url,
            "certificate-authority-data": STANDARD.encode(pki.authority()?),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate-data": STANDARD.encode(identity.certificate),
            "client-key-data": STANDARD.encode(identity.key),
        }}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": user}}],
    });
    // JSON is YAML. Renamed into place: two tests may ask for the same person at once.
    let partial = path.with_extension(format!(
        "{}.{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    write_private(&partial, &format!("{config:#}\n"))
        .and_then(|()| std::fs::rename(&partial, path))
        .context(FilesSnafu { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two people must never share a file, or a test would act as somebody else.
    #[test]
    fn different_people_have_different_files() {
        let groups = |list: &[&str]| list.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>();
        let names = [
            file_name("zhou", &groups(&[])),
            file_name("zhou", &groups(&["duty"])),
            file_name("zhou", &groups(&["duty", "command"])),
            file_name("zhou+duty", &groups(&[])),
            file_name("system:serviceaccount:a/b", &groups(&[])),
        ];
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        assert!(
            names.iter().all(|name| !name.contains(['/', ':'])),
            "{names:?}"
        );
    }
}
