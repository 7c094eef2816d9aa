//! Writing: an object is made, replaced, patched or applied; each in the order in which the real
//! server does it, since the order decides which refusal people see.
//!
//! Here is what is asked; [`make`] has what becomes of new objects, [`settle`] of those that change.

mod make;
mod settle;

use std::sync::Arc;

use serde_json::Value;

use super::ask::{Ask, Foreseen, Place, Reply};
use super::form::Form;
use super::kinds::Kind;
use super::normal::{Text, ensure_decodes, normal, normal_since};
use super::options::Options;
use super::patch::{self, Patch};
use super::people::policy::Operation;
use super::read::{found, key};
use super::refusal::{Cause, Refusal};
use super::server::Server;
use super::{body, gate, managed};

pub use settle::{Draft, change, is_free, modified, put};

use make::{begin, finish, make};
use settle::{carry_out, draft, set_managed, settle};

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but the status, where that is written by itself.
    Main,
    /// The status.
    Status,
    /// The count, through an object of its own.
    Scale,
}

impl Part {
    /// The part that a subresource is.
    pub fn of(subresource: &str) -> Self {
        match subresource {
            "status" => Self::Status,
            "scale" => Self::Scale,
            _ => Self::Main,
        }
    }

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Scale => "scale",
        }
    }
}

/// A write, as far as it is known before its object.
pub struct Job<'a> {
    /// The kind.
    pub kind: &'a Kind,
    /// Where.
    pub place: &'a Place,
    /// The request.
    pub ask: &'a Ask,
    /// Its parameters.
    pub options: Options,
    /// What of the object it is about.
    pub part: Part,
}

impl Job<'_> {
    /// Who writes, as managedFields have it.
    pub fn writer(&self) -> managed::Writer {
        managed::Writer {
            manager: managed::manager(&self.options.manager, &self.ask.user_agent),
            operation: "Update".to_owned(),
            api_version: self.kind.api_version(),
            subresource: self.part.word().to_owned(),
        }
    }
}

/// Makes an object.
pub fn create(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let job = Job {
        kind,
        place,
        ask,
        options: Options::read(ask, "CreateOptions", false)?,
        part: Part::Main,
    };
    let mut object = body::object(kind, ask)?;
    body::place(kind, &mut object, place)?;
    let text = Text::Object(&ask.body);
    let mut warnings = normal(kind, &mut object, job.options.unknown, text)?;
    let owned_before = object["metadata"]["managedFields"].take();
    let (made, said) = make(server, &job, object, owned_before)?;
    warnings.extend(said);
    reply(form, kind, 201, &made, warnings, ask)
}

/// An object as it is kept now, and what policies warn of.
pub type Kept = (Arc<Value>, Vec<String>);

fn admit(
    server: &Server,
    job: &Job<'_>,
    operation: Operation,
    object: &Value,
    old: &Value,
) -> Result<Vec<String>, Refusal> {
    let written = gate::Written {
        kind: job.kind,
        place: job.place,
        ask: job.ask,
        operation,
        is_dry: job.options.is_dry,
        object,
        old,
    };
    gate::admit(server, &written)
}

/// Replaces an object.
pub fn replace(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let job = Job {
        kind,
        place,
        ask,
        options: Options::read(ask, "UpdateOptions", false)?,
        part: Part::of(&place.subresource),
    };
    let mut object = body::object(kind, ask)?;
    body::name(&mut object, place)?;
    body::place(kind, &mut object, place)?;
    let said = object["metadata"]["managedFields"].take();
    let text = Text::Object(&ask.body);
    let mut warnings = normal(kind, &mut object, job.options.unknown, text)?;
    object["metadata"]["managedFields"] = said;
    let old = found(&server.store, kind, place)?;
    if kind.is_custom
        && object["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
    {
        let why = "must be specified for an update";
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), why);
        return Err(Refusal::invalid(kind.resource(), &place.name, vec![cause]));
    }
    let uid = &object["metadata"]["uid"];
    if let (Some(asked), Some(own)) = (uid.as_str(), old["metadata"]["uid"].as_str())
        && asked != own
    {
        let group = if kind.is_custom {
            format!("{}/", kind.group)
        } else {
            String::new()
        };
        let path = format!(
            "/registry/{group}{}/{}/{}",
            kind.plural, place.namespace, place.name
        );
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object meta: {own}"
        );
        return Err(Refusal::conflict(kind.resource(), &place.name, &why));
    }
    let (kept, said) = change(server, &job, &old, object)?;
    warnings.extend(said);
    reply(form, kind, 200, &kept, warnings, ask)
}

/// Patches or applies an object.
pub fn patch(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let patch = Patch::read(kind, ask)?;
    let job = Job {
        kind,
        place,
        ask,
        options: Options::read(ask, "PatchOptions", patch.is_apply())?,
        part: Part::of(&place.subresource),
    };
    if let Patch::Apply(config) = patch {
        return apply(server, &job, form, config);
    }
    let old = found(&server.store, kind, place)?;
    let foreseen = ask
        .foreseen
        .take()
        .filter(|foreseen| Arc::ptr_eq(&foreseen.of, &old) && Arc::ptr_eq(&foreseen.kind, kind));
    let draft = match foreseen {
        Some(foreseen) => foreseen.draft?,
        None => drafted(&job, &patch, &old)?,
    };
    let (kept, warnings) = carry_out(server, &job, &old, draft)?;
    reply(form, kind, 200, &kept, warnings, ask)
}

/// What a patch would make of an object as it is now, for as long as both are as they are. Nothing where
/// it would be refused for more than what it makes, or is no patch of this kind.
pub fn foresee(kind: &Arc<Kind>, place: &Place, ask: &Ask, of: Arc<Value>) -> Option<Foreseen> {
    let patch = Patch::read(kind, ask).ok()?;
    let job = Job {
        kind,
        place,
        ask,
        options: Options::read(ask, "PatchOptions", false).ok()?,
        part: Part::of(&place.subresource),
    };
    let is_one = !patch.is_apply() && job.part != Part::Scale;
    is_one.then(|| Foreseen {
        draft: drafted(&job, &patch, &of),
        kind: kind.clone(),
        of,
    })
}

fn drafted(job: &Job<'_>, patch: &Patch, old: &Value) -> Result<Draft, Refusal> {
    let (kind, place) = (job.kind, job.place);
    let mut new = patch.of(kind, old)?;
    body::name(&mut new, place)?;
    body::place(kind, &mut new, place)?;
    // An empty list says something here, but would be nothing as part of an object.
    let said = new["metadata"]["managedFields"].take();
    let text = patch.text(&job.ask.body);
    let normal = normal_since(kind, old, &mut new, job.options.unknown, text);
    let mut warnings = match normal {
        Ok(warnings) => warnings,
        Err(refusal) => return Err(unfit(job, patch, old, refusal)),
    };
    new["metadata"]["managedFields"] = said;
    let mut draft = draft(job, old, new, None)?;
    warnings.append(&mut draft.warnings);
    draft.warnings = warnings;
    Ok(draft)
}

/// What is said where a patch makes nothing of its kind: it quotes what it made.
fn unfit(job: &Job<'_>, patch: &Patch, old: &Value, refusal: Refusal) -> Refusal {
    let made = patch.of(job.kind, old).and_then(|mut made| {
        body::name(&mut made, job.place)?;
        body::place(job.kind, &mut made, job.place)?;
        managed::unpack(&mut made);
        Ok(made)
    });
    match made {
        Ok(made) => patch.unfit(&made, refusal),
        Err(refusal) => refusal,
    }
}

/// Server-side apply: makes the object where there is none.
fn apply(
    server: &mut Server,
    job: &Job<'_>,
    form: Form,
    mut config: Value,
) -> Result<Reply, Refusal> {
    let (kind, place, ask) = (job.kind, job.place, job.ask);
    patch::ensure_own_kind(kind, &config)?;
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let said = config.clone();
    body::name(&mut config, place)?;
    managed::ensure_declared(kind, &config)?;
    body::place(kind, &mut config, place)?;
    ensure_decodes(kind, &config)?;
    let mut warnings = Vec::new();
    let writer = managed::Writer {
        operation: "Apply".to_owned(),
        ..job.writer()
    };
    let old = server.store.get(&key(kind, place)).cloned();
    let live = old.as_deref().unwrap_or(&Value::Null);
    let terms = managed::Terms {
        reset: managed::Reset::of(kind, job.part),
        force: job.options.force,
        nothing: &managed::nothing(kind),
        said: &said,
    };
    let root = kind.schema.root();
    let mut new = managed::applied(root, live, &config, &writer, terms, &ask.time())?;
    let fields = new["metadata"]["managedFields"].take();
    normal(kind, &mut new, super::options::Unknown::Ignore, Text::None)?;
    let Some(old) = old else {
        if job.part != Part::Main {
            return Err(Refusal::not_found(kind.resource(), &place.name));
        }
        begin(server, job, &mut new)?;
        set_managed(&mut new, fields);
        let (made, said) = finish(server, job, new)?;
        warnings.extend(said);
        return reply(form, kind, 201, &made, warnings, ask);
    };
    let (kept, said) = settle(server, job, &old, new, Some(fields))?;
    warnings.extend(said);
    reply(form, kind, 200, &kept, warnings, ask)
}

/// The answer to a write.
pub fn reply(
    form: Form,
    kind: &Kind,
    code: u16,
    object: &Arc<Value>,
    warnings: Vec<String>,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    Ok(Reply {
        warnings,
        ..Reply::json(code, form.object(kind, object, &ask.time()))
    })
}
