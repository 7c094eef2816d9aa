//! The columns of the tables of built-in kinds, as the server heads them.

use http::Method;
use pingzhan::sandtable::kinds::Kinds;
use pingzhan::sandtable::schema::Documents;
use serde_json::{Map, Value};
use snafu::OptionExt;

use super::answers::Server;
use super::{AnswerSnafu, Error};

/// How tables are asked for.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The heads of each kind, by its group, version and plural.
///
/// # Errors
/// The server has no table of a kind.
pub async fn columns(server: &Server, documents: &Documents) -> Result<Map<String, Value>, Error> {
    let mut all = Map::new();
    for kind in Kinds::builtin(documents).all() {
        let root = if kind.group.is_empty() { "api" } else { "apis" };
        let place = format!("{}/{}", kind.api_version(), kind.plural);
        let path = format!("/{root}/{place}?limit=1");
        let (_, mut table) = server
            .ask_for(Method::GET, &path, &Value::Null, TABLE)
            .await?;
        let problem = "it has no columns";
        let heads = table["columnDefinitions"].take();
        let heads = Some(heads).filter(Value::is_array);
        all.insert(
            place,
            heads.context(AnswerSnafu {
                doing: &path,
                problem,
            })?,
        );
    }
    Ok(all)
}
