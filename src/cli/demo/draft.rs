//! What the duty officer of the story declares, and whether the playbook can be played at all. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{EmergencyModeSpec, Level, Playbook, Scalar, Term};
use crate::engine::authority;
use crate::i18n::Lang;
use crate::playbook::{Severity, lint};
use crate::t;

use super::super::error::Error;
use super::super::render::acts::said;
use super::cast::Person;

/// How long the emergency is declared for, where the playbook allows it.
const TERM: &str = "24h";

/// A declaration.
#[derive(Clone, Debug)]
pub struct Draft {
    /// At which level.
    pub level: Level,
    /// What the playbook is for, in the reader's language.
    pub title: String,
    /// The whole of it, but for who declares.
    pub spec: Value,
}

impl Draft {
    /// The declaration of a playbook at a level.
    ///
    /// # Errors
    /// What lint says of it, where it is no emergency that could be played.
    pub fn of(
        lang: Lang,
        playbook: &Playbook,
        level: Level,
        parameters: &BTreeMap<String, Scalar>,
        requester: Person,
    ) -> Result<Self, Error> {
        let name = playbook.metadata.name.clone().unwrap_or_default();
        let refused = |problem: String| Error::Input { problem };
        let mut spec = json!({
            "playbookRef": { "name": name }, "level": level, "nature": "Actual",
            "reason": t!(lang, "story-reason"), "expiresAfter": TERM,
            "legalBasis": { "instrument": "云溪市防汛应急预案", "article": "4.2",
                "orderNumber": "云防指〔2026〕7号" },
            "decidedBy": { "name": "市防汛抗旱指挥部", "role": "指挥长" },
            "requestedBy": requester.name, "requestedAs": requester.group,
            "parameters": parameters,
        });
        let read = |spec: &Value| serde_json::from_value::<EmergencyModeSpec>(spec.clone());
        let mut mode = read(&spec).map_err(|error| refused(error.to_string()))?;
        let longest = playbook.spec.authority.max_term.as_ref();
        let longest: Option<&Term> = longest.and_then(|terms| terms.get(level));
        if let Some(longest) = longest
            && authority::term(&mode, &playbook.spec.authority, level).is_err()
        {
            spec["expiresAfter"] = json!(longest);
            mode.expires_after = longest.clone();
        }
        let found = lint::mode(&mode, Some(&playbook.spec));
        let stops = found.iter().filter(|finding| {
            finding.severity == Severity::Error
                || finding.code == lint::codes::NOTHING_AT_LEVEL.code
        });
        let stops: Vec<String> = stops
            .map(|finding| {
                let (code, what, help) = (finding.code, &finding.message, &finding.help);
                t!(
                    lang,
                    "story-stop",
                    code = code,
                    what = what.clone(),
                    help = help.clone()
                )
            })
            .collect();
        if !stops.is_empty() {
            let (name, stops) = (name.clone(), stops.join("\n"));
            return Err(refused(t!(
                lang,
                "story-cannot-declare",
                name = name,
                level = level.as_str(),
                stops = stops
            )));
        }
        let title = said(&playbook.spec.title, lang);
        Ok(Self {
            level,
            title: if title.is_empty() { name } else { title },
            spec,
        })
    }
}
