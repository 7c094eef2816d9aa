//! What a step's act asks for.

use crate::api::{
    Act, Call, Config, Notify, Parameter, ParameterType, Patch, PlaybookSpec, Run, Scale, Step,
    Wait,
};
use crate::playbook::numbers::{Given, Number};
use crate::playbook::{fields, kinds};

use super::parameters::{reference, references};
use super::{Finding, authority, codes, given, names, targets};

/// Findings on the acts of a step.
pub fn findings(spec: &PlaybookSpec, step: &Step, at: &str) -> Vec<Finding> {
    let acts = step.acts();
    let [act] = acts.as_slice() else {
        let words: Vec<&str> = acts.iter().map(Act::word).collect();
        return vec![if words.is_empty() {
            codes::NO_ACT.at(at, format!("the step `{}` has no act", step.name))
        } else {
            codes::SEVERAL_ACTS.at(
                at,
                format!(
                    "the step `{}` has {} acts: {}",
                    step.name,
                    words.len(),
                    words.join(", ")
                ),
            )
        }];
    };
    let pointer = format!("{at}/{}", act.word());
    match act {
        Act::Scale(scale) => self::scale(spec, scale, &pointer),
        Act::Config(config) => self::config(spec, config, &pointer),
        Act::Patch(patch) => self::patch(spec, step, patch, &pointer),
        Act::Wait(wait) => self::wait(spec, wait, &pointer),
        Act::Gate(gate) => gate
            .timeout
            .iter()
            .filter_map(|term| authority::duration(term, &format!("{pointer}/timeout")))
            .collect(),
        Act::Notify(notify) => self::notify(notify, &pointer),
        Act::Route(route) => super::closed::route(route, &pointer),
        Act::Isolate(isolate) => super::closed::isolate(isolate, &pointer),
        Act::Access(access) => super::closed::access(spec, access, &pointer),
        Act::Suspend(_) => Vec::new(),
        Act::Freeze(freeze) => super::freeze::findings(spec, freeze, &pointer),
        Act::Apply(apply) => super::made::findings(spec, apply, &pointer),
        Act::Run(run) => self::run(spec, run, &pointer),
        Act::Call(call) => self::call(spec, call, &pointer),
    }
}

fn scale(spec: &PlaybookSpec, scale: &Scale, at: &str) -> Vec<Finding> {
    let numbers = [
        ("replicas", scale.replicas.as_ref().map(Number::count)),
        ("percent", scale.percent.as_ref().map(Number::percent)),
        ("minimum", scale.minimum.as_ref().map(Number::count)),
        ("maximum", scale.maximum.as_ref().map(Number::count)),
    ];
    let mut findings = Vec::new();
    let mut literals = [None; 4];
    for (index, (field, number)) in numbers.iter().enumerate() {
        let Some(number) = number else { continue };
        match self::number(spec, number, &format!("{at}/{field}")) {
            Ok(literal) => literals[index] = literal,
            Err(finding) => findings.push(finding),
        }
    }
    let given: Vec<bool> = numbers.iter().map(|(_, number)| number.is_some()).collect();
    let bounded = given[2] || given[3];
    if !given.contains(&true) {
        findings.push(codes::SCALE_EMPTY.at(at, "scale gives no number"));
    } else if given[0] && (given[1] || bounded) {
        findings.push(codes::SCALE_MIXED.at(at, "`replicas` is a fixed count and stands alone"));
    }
    let [replicas, percent, minimum, maximum] = literals;
    if let (Some(least), Some(most)) = (minimum, maximum)
        && least > most
    {
        findings.push(codes::BOUNDS.at(
            format!("{at}/minimum"),
            format!("the minimum of {least} is above the maximum of {most}"),
        ));
    }
    if percent == Some(100) && !bounded {
        findings.push(codes::NO_EFFECT.at(
            format!("{at}/percent"),
            "100 percent of the peacetime value is the peacetime value",
        ));
    }
    let none = replicas == Some(0) || (percent == Some(0) && !given[2]) || maximum == Some(0);
    if none {
        findings.push(codes::SCALE_TO_ZERO.at(at, "the step leaves no replica of its targets"));
    }
    findings
}

/// The number, where it is written out; nothing where a parameter holds it.
fn number(spec: &PlaybookSpec, number: &Number<'_>, at: &str) -> Result<Option<i64>, Finding> {
    let (least, most) = (number.least, number.most);
    match number.given {
        Given::Int(value) if (least..=most).contains(&value) => Ok(Some(value)),
        Given::Int(value) => {
            Err(codes::OUT_OF_RANGE.at(at, format!("{value} is not from {least} to {most}")))
        }
        Given::Text(text) => match reference(spec, text, at)? {
            None => Err(codes::WRONG_TYPE.at(at, not_a_number(text))),
            Some(parameter) => in_range(parameter, least, most, at).map(|()| None),
        },
    }
}

fn not_a_number(text: &str) -> String {
    let bare = text.trim_end_matches('%');
    match bare.parse::<u32>() {
        Ok(_) if bare != text => format!("`{text}` is a text: write {bare} without the sign"),
        Ok(_) => format!("`{text}` is a text: write it without quotes"),
        Err(_) => format!("`{text}` is neither a whole number nor `${{parameters.NAME}}`"),
    }
}

/// Whether every value that a parameter allows is accepted.
fn in_range(parameter: &Parameter, least: i64, most: i64, at: &str) -> Result<(), Finding> {
    let name = &parameter.name;
    if parameter.type_ != ParameterType::Integer {
        return Err(codes::REFERENCE_TYPE.at(at, format!("`{name}` is not an Integer")));
    }
    let low = parameter.minimum.is_some_and(|bound| bound >= least);
    let high = parameter.maximum.is_some_and(|bound| bound <= most);
    if low && high {
        return Ok(());
    }
    Err(codes::REFERENCE_RANGE.at(
        at,
        format!("`{name}` may be less than {least} or more than {most}, which is refused here"),
    ))
}

fn config(spec: &PlaybookSpec, config: &Config, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.set.is_empty() {
        findings.push(codes::CONFIG_EMPTY.at(format!("{at}/set"), "no key is set"));
    }
    for (key, value) in &config.set {
        let at = format!("{at}/set/{}", crate::playbook::pointer::escape(key));
        if !names::is_config_key(key) {
            findings
                .push(codes::CONFIG_KEY.at(&at, format!("`{key}` is not a key of a ConfigMap")));
        }
        findings.extend(reference(spec, value, &at).err());
    }
    for (index, object) in config.restart.iter().enumerate() {
        let at = format!("{at}/restart/{index}");
        if !kinds::find(&object.kind).is_some_and(|kind| kind.restartable) {
            findings.push(codes::RESTART_KIND.at(
                format!("{at}/kind"),
                format!("a {} cannot be restarted", object.kind),
            ));
        }
        if !names::is_object_name(&object.name) {
            findings.push(codes::BAD_SELECTOR.at(
                format!("{at}/name"),
                format!("`{}` cannot be an object's name", object.name),
            ));
        }
        if config.restart[..index].contains(object) {
            findings.push(codes::DUPLICATE_KIND.at(
                &at,
                format!("{} `{}` is listed twice", object.kind, object.name),
            ));
        }
    }
    findings
}

fn patch(spec: &PlaybookSpec, step: &Step, patch: &Patch, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, set) in patch.set.iter().enumerate() {
        findings.extend(references(
            spec,
            &set.value,
            &format!("{at}/set/{index}/value"),
        ));
    }
    if let Some(merge) = &patch.merge {
        findings.extend(references(spec, merge, &format!("{at}/merge")));
    }
    match fields::fields(patch, &std::collections::BTreeMap::new(), at) {
        Ok(fields) if fields.is_empty() => {
            findings.push(codes::PATCH_EMPTY.at(at, "the patch changes no field"));
        }
        Ok(fields) => {
            let replicas = crate::field::Path::fields(["spec", "replicas"]);
            if fields.iter().any(|field| field.path == replicas) {
                findings.push(codes::PATCH_REPLICAS.at(at, "the patch changes /spec/replicas"));
            }
            findings.extend(given::patched(step.targets.as_ref(), &fields, at));
        }
        Err(wrong) => findings.extend(wrong),
    }
    findings
}

fn notify(notify: &Notify, at: &str) -> Vec<Finding> {
    let at = format!("{at}/acknowledgeWithin");
    let Some(term) = &notify.acknowledge_within else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = authority::duration(term, &at).into_iter().collect();
    findings.push(codes::UNSUPPORTED_ACKNOWLEDGE.at(
        at,
        "`acknowledgeWithin` is sent along, and not followed up by this version: whether somebody has acknowledged is not known",
    ));
    findings
}

fn run(spec: &PlaybookSpec, run: &Run, at: &str) -> Vec<Finding> {
    let mut findings = way_back(run.undo.is_some(), run.irreversible, "run", at);
    let jobs = [("job", Some(&run.job)), ("undo", run.undo.as_ref())];
    for (field, job) in jobs {
        let Some(job) = job else { continue };
        let at = format!("{at}/{field}");
        if !job
            .get("template")
            .is_some_and(serde_json::Value::is_object)
        {
            findings.push(codes::BAD_JOB.at(&at, "it has no `template` of pods"));
        }
        findings.extend(references(spec, job, &at));
    }
    if !names::is_label(&run.namespace) {
        findings.push(codes::BAD_SELECTOR.at(
            format!("{at}/namespace"),
            format!("`{}` cannot be a namespace's name", run.namespace),
        ));
    }
    if targets::NEVER.contains(&run.namespace.as_str()) {
        findings.push(codes::REFUSED_NAMESPACE.at(
            format!("{at}/namespace"),
            format!("nothing is run in {}", run.namespace),
        ));
    }
    findings
}

fn call(spec: &PlaybookSpec, call: &Call, at: &str) -> Vec<Finding> {
    let mut findings = way_back(call.undo.is_some(), call.irreversible, "call", at);
    for (field, url) in [("url", Some(&call.url)), ("undo", call.undo.as_ref())] {
        let Some(url) = url else { continue };
        let at = format!("{at}/{field}");
        match reference(spec, url, &at) {
            Err(finding) => findings.push(finding),
            Ok(Some(_)) => {}
            Ok(None) if url.starts_with("https://") || url.starts_with("http://") => {}
            Ok(None) => findings
                .push(codes::BAD_URL.at(at, format!("`{url}` is not an http or https address"))),
        }
    }
    let methods = ["POST", "PUT", "PATCH", "DELETE"];
    if let Some(method) = &call.method
        && !methods.contains(&method.as_str())
    {
        findings.push(codes::BAD_URL.at(
            format!("{at}/method"),
            format!("`{method}` is none of {}", methods.join(", ")),
        ));
    }
    if let Some(body) = &call.body {
        findings.extend(references(spec, body, &format!("{at}/body")));
    }
    findings
}

/// Whether an act that leaves no field behind says how it is undone, or that it is not.
fn way_back(undo: bool, irreversible: bool, word: &str, at: &str) -> Vec<Finding> {
    let why = match (undo, irreversible) {
        (true, false) | (false, true) => return Vec::new(),
        (false, false) => format!("nothing undoes this `{word}`"),
        (true, true) => format!("this `{word}` has an `undo` and says that it is irreversible"),
    };
    vec![codes::NO_WAY_BACK.at(at, why)]
}

fn wait(spec: &PlaybookSpec, wait: &Wait, at: &str) -> Vec<Finding> {
    let named = [
        ("ready", wait.ready.as_ref().map(|ready| &ready.step)),
        (
            "rollout",
            wait.rollout.as_ref().map(|rollout| &rollout.step),
        ),
    ];
    let mut findings = Vec::new();
    for (field, step) in named {
        let Some(step) = step else { continue };
        let known = spec.stages.iter().flat_map(|stage| &stage.steps);
        if known.into_iter().all(|other| &other.name != step) {
            findings.push(codes::UNKNOWN_STEP.at(
                format!("{at}/{field}/step"),
                format!("no stage has a step `{step}`"),
            ));
        }
    }
    let given = [
        wait.ready.is_some(),
        wait.condition.is_some(),
        wait.rollout.is_some(),
        wait.expression.is_some(),
        wait.prom_ql.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        findings.push(codes::WRONG_TYPE.at(
            at,
            "wait has exactly one of: ready condition rollout expression promQL",
        ));
    }
    findings
}
