//! Brings a city to an API server, each object as its owner writes it. The server may be a real one or the
//! sand table.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::runtime::wait::{await_condition, conditions};
use serde_json::{Value, json};
use snafu::{ResultExt, Snafu};

use super::owners::{Deed, How};
use super::table::City;

/// How long a kind may take to be served: a second or two, on a busy machine many more.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is asked whether a kind is served.
const AGAIN: Duration = Duration::from_millis(50);
/// Who installs kinds.
const INSTALLER: &str = "platform-team";
/// Where `kubectl apply` keeps its manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What went wrong.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The server does not accept an object.
    #[snafu(display("the API server did not accept {what}"))]
    Refused {
        /// What was written, by whom.
        what: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// A kind does not come to be served.
    #[snafu(display("the kind {name} is not served"))]
    Unserved {
        /// Which.
        name: String,
    },
}

/// Installs the kinds that the city has objects of, and waits until they are served.
pub async fn kinds(client: &Client) -> Result<(), Error> {
    let kinds = super::kinds();
    for kind in &kinds {
        let params = PatchParams::apply(INSTALLER).force();
        let (api, name) = place(client, kind);
        let put = api.patch(&name, &params, &Patch::Apply(kind)).await;
        put.map_err(Box::new)
            .context(RefusedSnafu { what: &name })?;
    }
    for kind in &kinds {
        let name = place(client, kind).1;
        let in_time = tokio::time::timeout(PATIENCE, served(client, kind, &name)).await;
        if !matches!(in_time, Ok(Ok(()))) {
            return UnservedSnafu { name }.fail();
        }
    }
    Ok(())
}

/// Waits until objects of a kind can be listed: for a moment after it is established they cannot.
async fn served(
    client: &Client,
    kind: &Value,
    name: &str,
) -> Result<(), kube::runtime::wait::Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    await_condition(api, name, conditions::is_crd_established()).await?;
    let text = |at: &str| kind.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let versions = kind["spec"]["versions"].as_array().into_iter().flatten();
    // The one that every server serves: the sand table has no other.
    let mut stored = versions.filter(|version| version["storage"] == true);
    let stored = stored.find_map(|version| version["name"].as_str());
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
        text("/spec/group"),
        stored.unwrap_or_default(),
        text("/spec/names/kind"),
    ));
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    while api.list(&ListParams::default().limit(1)).await.is_err() {
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}

/// Writes the whole city, whose kinds are served, so many chains at a time. `brought` hears what is there.
pub async fn city(
    client: &Client,
    city: &City,
    in_flight: usize,
    mut brought: impl FnMut(&str),
) -> Result<(), Error> {
    for deed in city.namespaces() {
        carry_out(client, &deed).await?;
    }
    let mut chains = stream::iter(city.chains())
        .map(|chain| async move {
            for deed in &chain.deeds {
                carry_out(client, deed).await?;
            }
            Ok(chain.of)
        })
        .buffer_unordered(in_flight);
    while let Some(of) = chains.try_next().await? {
        brought(&of);
    }
    Ok(())
}

/// Does one write.
pub async fn carry_out(client: &Client, deed: &Deed) -> Result<(), Error> {
    let (api, name) = place(client, &deed.object);
    let what = format!(
        "{} {name}, which {} writes",
        deed.object["kind"], deed.manager
    );
    let written = async {
        let object = whole(client, deed).await?;
        match deed.how {
            How::Apply => {
                let params = PatchParams::apply(deed.manager);
                api.patch(&name, &params, &Patch::Apply(object)).await
            }
            How::ClientSide | How::Create => {
                let params = PostParams {
                    field_manager: Some(deed.manager.to_owned()),
                    ..PostParams::default()
                };
                let object = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
                api.create(&params, &object).await
            }
        }
    };
    let written = written.await.map_err(Box::new);
    written.map(drop).context(RefusedSnafu { what })
}

/// The object as it is sent: with its manifest, and with what it is made of.
async fn whole(client: &Client, deed: &Deed) -> Result<Value, kube::Error> {
    let mut object = deed.object.clone();
    if deed.how == How::ClientSide {
        object["metadata"]["annotations"][LAST_APPLIED] = json!(deed.object.to_string());
    }
    if let Some(by) = &deed.made_by {
        let (api, name) = place(client, by);
        let maker = api.get_metadata(&name).await?;
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": by["apiVersion"], "kind": by["kind"], "name": name,
            "uid": maker.metadata.uid, "controller": true, "blockOwnerDeletion": true,
        }]);
    }
    Ok(object)
}

/// Where an object is, and its name.
pub fn place(client: &Client, object: &Value) -> (Api<DynamicObject>, String) {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let types = TypeMeta {
        api_version: text("/apiVersion").into(),
        kind: text("/kind").into(),
    };
    let gvk =
        GroupVersionKind::try_from(types).unwrap_or_else(|_| GroupVersionKind::gvk("", "", ""));
    let resource = ApiResource::from_gvk(&gvk);
    let api = match text("/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    (api, text("/metadata/name").to_owned())
}
