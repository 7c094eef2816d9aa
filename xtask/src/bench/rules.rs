//! The rules of authority on a control plane of a benchmark: without them the operator begins nothing.

use http::Method;
use kube::Client;
use pingzhan::cluster::whoami;
use pingzhan::policies::{self, Names};

use super::fleet::send;
use super::{ApiSnafu, Error};
use snafu::ResultExt;

/// Where policies and bindings are.
const PATH: &str = "/apis/admissionregistration.k8s.io/v1";

/// Puts them in place for an operator that runs as the user of this client.
pub async fn install(admin: &Client) -> Result<(), Error> {
    let doing = "ask who the operator is";
    let user = whoami::ask(admin).await.map_err(Box::new);
    let user = user.context(ApiSnafu { doing })?;
    let wrong = |error: policies::Error| Error::Wrong {
        problem: error.to_string(),
    };
    let standard = Names::default();
    let names = Names::new(&user.name, standard.namespace(), standard.accounts()).map_err(wrong)?;
    for policy in policies::all(&names) {
        for object in policy.objects().map_err(wrong)? {
            let plural = match object["kind"].as_str() {
                Some("ValidatingAdmissionPolicy") => "validatingadmissionpolicies",
                _ => "validatingadmissionpolicybindings",
            };
            let path = format!("{PATH}/{plural}");
            send(admin, Method::POST, &path, "application/json", &object).await?;
        }
    }
    Ok(())
}
