//! Who the API server takes a client's requests for.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Client;
use kube::api::{Api, PostParams};

/// An authenticated user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// Asks the API server, which knows it from authentication. Every authenticated user may ask.
///
/// # Errors
/// What the request says.
pub async fn ask(client: &Client) -> Result<User, kube::Error> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let answer = api.create(&PostParams::default(), &review).await?;
    let info = answer.status.and_then(|status| status.user_info);
    let info = info.unwrap_or_default();
    Ok(User {
        name: info.username.unwrap_or_default(),
        groups: info.groups.unwrap_or_default(),
    })
}
