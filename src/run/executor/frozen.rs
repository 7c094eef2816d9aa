//! A freeze before it is sent: it is written with the operator's own rights, so the account's are asked for
//! once more, since they may have been taken after the plan was made; and what no plan can know is filled
//! in.

use serde_json::Value;

use crate::run::freeze::rights;
use crate::step::freeze;

use super::write::Job;

impl Job<'_> {
    /// Why an object is not written, where it is a freeze that the account may not make. Else the body is
    /// completed.
    pub(super) async fn not_frozen(&self, manifest: &Value, body: &mut Value) -> Option<String> {
        if !freeze::is_own(&self.target, &self.deps.namespace) {
            return None;
        }
        let Some(account) = self.cell.account() else {
            return Some("it is not known as whom: no plan names an account".to_owned());
        };
        let asked = rights(&account, &freeze::namespaces(manifest)).await;
        if asked.problem.is_none() {
            let state = self.cell.state.lock().await;
            let granted = state.ledger.granted.as_ref();
            let until = granted.map(|granted| format!("{:.0}", granted.expires_at));
            freeze::complete(body, &self.cell.id.name, &until.unwrap_or_default());
        }
        asked.problem
    }
}
