//! What `declare` is given, as a draft of the object: from a file, or from flags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{DecidedBy, LegalBasis, NameRef, Nature, Posture, Term, names};

use crate::i18n::Lang;
use crate::t;

use super::declare::Flags;
use super::error::Error;

/// The term where none is given: a day, after which somebody has to say that it goes on.
const TERM: &str = "24h";

/// The object of a file, whose kind is checked; what it lacks is filled in later.
pub(super) fn from_file(lang: Lang, text: &str, file: &str) -> Result<Value, Error> {
    let object: Value = serde_saphyr::from_str(text).map_err(|error| Error::Input {
        problem: t!(
            lang,
            "declare-bad-file",
            file = file.to_owned(),
            problem = error.to_string()
        ),
    })?;
    let kind = format!(
        "{}/{}",
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default()
    );
    let wanted = format!("{}/{}/EmergencyMode", names::GROUP, names::VERSION);
    if kind == wanted {
        return Ok(object);
    }
    Err(Error::Input {
        problem: t!(
            lang,
            "declare-wrong-kind",
            file = file.to_owned(),
            kind = kind,
            wanted = wanted
        ),
    })
}

/// The object of the flags; parameters are texts still.
pub(super) fn from_flags(flags: &Flags) -> Value {
    let parameters: BTreeMap<&String, &String> = flags
        .parameters
        .iter()
        .map(|(key, value)| (key, value))
        .collect();
    let legal_basis = flags.instrument.clone().map(|instrument| LegalBasis {
        instrument,
        article: flags.article.clone(),
        order_number: flags.order_number.clone(),
    });
    let decided_by = flags.decided_by.clone().map(|name| DecidedBy {
        name,
        role: flags.role.clone(),
    });
    let scope = super::plan::scope(&flags.only_namespace, &flags.only_label);
    let mut spec = json!({
        "playbookRef": NameRef { name: flags.playbook.clone().unwrap_or_default() },
        "level": flags.level,
        "nature": if flags.exercise || flags.tabletop { Nature::Exercise } else { Nature::Actual },
        "tabletop": flags.tabletop.then_some(true),
        "posture": Posture::Wartime,
        "reason": flags.reason,
        "expiresAfter": flags.term.clone().unwrap_or_else(|| Term(TERM.to_owned())),
        "legalBasis": legal_basis,
        "decidedBy": decided_by,
        "parameters": parameters,
        "scope": scope,
    });
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "EmergencyMode",
        "metadata": { "name": flags.name },
        "spec": spec,
    })
}

pub(super) fn playbook_name(lang: Lang, draft: &Value) -> Result<&str, Error> {
    draft["spec"]["playbookRef"]["name"]
        .as_str()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::Input {
            problem: t!(lang, "declare-no-playbook"),
        })
}
