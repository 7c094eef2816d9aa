//! A freeze before it is sent: it is written with the operator's own rights, so the account's are asked for
//! once more, since they may have been taken after the plan was made; and what no plan can know is filled
//! in.

use serde_json::Value;

use crate::engine::scheduler::Wrote;
use crate::run::freeze::rights;
use crate::step::freeze;

use super::Settlement;
use super::write::Job;

/// Milliseconds until a server that did not answer is asked again: as long as a busy one asks for.
const UNANSWERED: u64 = 1000;

impl Job<'_> {
    /// Why an object is not written, where it is a freeze that the account may not make. Else the body is
    /// completed.
    ///
    /// # Errors
    /// Nobody knows whether the account may: it is asked again later, and nothing is refused for that.
    pub(super) async fn not_frozen(
        &self,
        manifest: &Value,
        body: &mut Value,
    ) -> Result<Option<String>, Wrote<Settlement>> {
        if !freeze::is_own(&self.target) {
            return Ok(None);
        }
        let Some(account) = self.cell.account() else {
            let why = "it is not known as whom: no plan names an account";
            return Ok(Some(why.to_owned()));
        };
        let asked = rights(&account, freeze::namespace(manifest).as_slice()).await;
        if asked.is_unanswered {
            let after_ms = UNANSWERED;
            return Err(Wrote::Again { after_ms });
        }
        if asked.problem.is_none() {
            let state = self.cell.state.lock().await;
            let granted = state.ledger.granted.as_ref();
            let until = granted.map(|granted| format!("{:.0}", granted.expires_at));
            freeze::complete(body, &self.cell.id.name, &until.unwrap_or_default());
        }
        Ok(asked.problem)
    }
}
