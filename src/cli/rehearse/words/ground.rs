//! What a report stands on, in words: the model of time, what cannot be known, what is missing.

use crate::i18n::Lang;
use crate::rehearsal::model::{self, Source, What};
use crate::rehearsal::report::{Report, Unknown};
use crate::t;

use super::{Section, span};

pub(super) fn time_model(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-model"));
    let model = &report.model;
    section.rows = model
        .figures
        .iter()
        .map(|figure| {
            let time = span(figure.milliseconds / 1000.0);
            let text = match figure.what {
                What::RoundTrip => t!(lang, "rehearse-model-round-trip", time = time),
                What::Write => t!(lang, "rehearse-model-write", time = time),
                What::Read => t!(lang, "rehearse-model-read", time = time),
                What::Controller => t!(lang, "rehearse-model-controller", time = time),
                What::Ready => t!(lang, "rehearse-model-ready", time = time),
                What::Autoscaler => t!(lang, "rehearse-model-autoscaler", time = time),
                What::People => {
                    let answer = span(model::PEOPLE.as_secs_f64());
                    t!(lang, "rehearse-model-people", time = time, answer = answer)
                }
                What::Job => t!(lang, "rehearse-model-job", time = time),
                What::Lease => t!(lang, "rehearse-model-lease", time = time),
            };
            let source = match figure.source {
                Source::Snapshot => t!(lang, "rehearse-source-snapshot"),
                Source::Assumed => t!(lang, "rehearse-source-assumed"),
                Source::Fault => t!(lang, "rehearse-source-fault"),
            };
            vec![text, source]
        })
        .collect();
    if model.measured_workloads > 0 {
        section.lines.push(t!(
            lang,
            "rehearse-model-measured",
            count = model.measured_workloads
        ));
    }
    section.lines.push(t!(
        lang,
        "rehearse-model-concurrency",
        count = model.concurrency
    ));
    section
}

pub(super) fn unknown(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-unknown"));
    let text = |unknown: &Unknown| match unknown {
        Unknown::Startup => t!(lang, "rehearse-unknown-startup"),
        Unknown::Scheduling => t!(lang, "rehearse-unknown-scheduling"),
        Unknown::Load => t!(lang, "rehearse-unknown-load"),
        Unknown::Webhooks => t!(lang, "rehearse-unknown-webhooks"),
        Unknown::People => t!(lang, "rehearse-unknown-people"),
        Unknown::Since => t!(lang, "rehearse-unknown-since"),
        Unknown::LeftOut => t!(lang, "rehearse-unknown-left-out"),
        Unknown::Messages => t!(lang, "rehearse-unknown-messages"),
        Unknown::Calls => t!(lang, "rehearse-unknown-calls"),
        Unknown::Jobs => t!(lang, "rehearse-unknown-jobs"),
        Unknown::Metrics => t!(lang, "rehearse-unknown-metrics"),
    };
    section.lines = report.unknown.iter().map(text).collect();
    section
}

pub(super) fn lacks(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-lacks"));
    for (kind, count) in &report.snapshot.not_loaded {
        let (kind, count) = (kind.clone(), *count);
        section
            .lines
            .push(t!(lang, "rehearse-lacks-kind", kind = kind, count = count));
    }
    for one in &report.snapshot.left_out {
        let (what, why, count) = (one.what.clone(), one.why.clone(), one.count.to_string());
        section.lines.push(t!(
            lang,
            "rehearse-lacks-item",
            what = what,
            count = count,
            why = why
        ));
    }
    section.or_none(lang)
}
