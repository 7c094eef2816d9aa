//! What is worth knowing of the plan, in words.

use crate::api::Concern;
use crate::i18n::Lang;
use crate::rehearsal::report::{About, Report};
use crate::t;

use super::Section;

fn concern(lang: Lang, concern: Concern) -> String {
    match concern {
        Concern::Harm => t!(lang, "rehearse-concern-harm"),
        Concern::Risk => t!(lang, "rehearse-concern-risk"),
        Concern::Note => t!(lang, "rehearse-concern-note"),
    }
}

pub(super) fn capacity(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-capacity"));
    let findings = report.plan.findings.iter();
    let of_room = findings.filter(|finding| finding.about == About::Capacity);
    section.rows = of_room
        .map(|finding| vec![concern(lang, finding.concern), finding.text.clone()])
        .collect();
    for one in &report.unready {
        let (object, ready, wanted) = (one.object.clone(), one.ready, one.wanted);
        section.lines.push(t!(
            lang,
            "rehearse-unready",
            object = object,
            ready = ready,
            wanted = wanted
        ));
    }
    section.or_none(lang)
}

pub(super) fn findings(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-findings"));
    let findings = report.plan.findings.iter();
    let of_steps = findings.filter(|finding| finding.about == About::Step);
    section.rows = of_steps
        .map(|finding| {
            let step = finding.step.clone().unwrap_or_default();
            vec![concern(lang, finding.concern), step, finding.text.clone()]
        })
        .collect();
    section.or_none(lang)
}

pub(super) fn skipped(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-skipped"));
    let skipped = report.plan.skipped.iter();
    section.rows = skipped
        .map(|one| vec![one.step.clone(), one.object.clone(), one.why.clone()])
        .collect();
    section.or_none(lang)
}
