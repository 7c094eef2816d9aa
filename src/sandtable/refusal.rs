//! Why a request is refused, in the words of the real server: a `Status` object.

use serde_json::{Map, Value, json};

/// A refusal: the body is a `Status` object, the code its `code`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP code.
    pub code: u16,
    /// For machines: `NotFound`, `Conflict` and so on; empty for none.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// What it is about; nothing where the real server leaves `details` out.
    pub details: Option<Box<Details>>,
    /// The `Retry-After` header, in seconds; `details.retryAfterSeconds` too.
    pub retry_after: Option<u64>,
    /// Where a list that is too old can be gone on with.
    pub continues: String,
    /// What the client is told beside: sentences of `Warning` headers.
    pub warnings: Vec<String>,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The name of the object.
    pub name: String,
    /// The group of the kind.
    pub group: String,
    /// The kind (of invalid objects) or the plural (of everything else).
    pub kind: String,
    /// The uid of the object.
    pub uid: String,
    /// What is wrong in particular.
    pub causes: Vec<Cause>,
}

/// One thing that is wrong with an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// For machines: `FieldValueInvalid` and so on; empty for none.
    pub reason: &'static str,
    /// For people, without the field.
    pub message: String,
    /// Where: `spec.replicas`, `spec.parts[1]`; empty for nowhere.
    pub field: String,
}

/// A group and a plural (or, of invalid objects, a kind), as messages name them.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The group; empty for the core one.
    pub group: &'a str,
    /// The plural or the kind.
    pub word: &'a str,
}

impl Named<'_> {
    /// `deployments.apps`, `configmaps`.
    fn text(self) -> String {
        if self.group.is_empty() {
            self.word.to_owned()
        } else {
            format!("{}.{}", self.word, self.group)
        }
    }

    fn details(self, name: &str) -> Details {
        Details {
            name: name.to_owned(),
            group: self.group.to_owned(),
            kind: self.word.to_owned(),
            ..Details::default()
        }
    }
}

impl Refusal {
    /// A refusal without details.
    pub fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            retry_after: None,
            continues: String::new(),
            warnings: Vec::new(),
        }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// 404: there is no such object.
    pub fn not_found(resource: Named<'_>, name: &str) -> Self {
        Self {
            details: Some(Box::new(resource.details(name))),
            ..Self::plain(
                404,
                "NotFound",
                format!("{} {name:?} not found", resource.text()),
            )
        }
    }

    /// 409: the name is taken.
    pub fn already_exists(resource: Named<'_>, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.text());
        Self {
            details: Some(Box::new(resource.details(name))),
            ..Self::plain(409, "AlreadyExists", message)
        }
    }

    /// 409: the object is not what the request takes it for.
    pub fn conflict(resource: Named<'_>, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.text()
        );
        Self {
            details: Some(Box::new(resource.details(name))),
            ..Self::plain(409, "Conflict", message)
        }
    }

    /// 403: somebody may not, or a policy denies it. Without a name the request is about all objects.
    pub fn forbidden(resource: Named<'_>, name: &str, why: &str) -> Self {
        let whole = resource.text();
        let message = if name.is_empty() {
            format!("{whole} is forbidden: {why}")
        } else {
            format!("{whole} {name:?} is forbidden: {why}")
        };
        Self {
            details: Some(Box::new(resource.details(name))),
            ..Self::plain(403, "Forbidden", message)
        }
    }

    /// 422: the object is not valid. `kind` is the kind, not the plural.
    pub fn invalid(kind: Named<'_>, name: &str, causes: Vec<Cause>) -> Self {
        // What is found twice on the way is a cause twice, but is said once.
        let mut said: Vec<String> = Vec::new();
        for text in causes.iter().map(Cause::text) {
            if !said.contains(&text) {
                said.push(text);
            }
        }
        let said = match said.as_slice() {
            [one] => one.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        Self {
            details: Some(Box::new(Details {
                causes,
                ..kind.details(name)
            })),
            ..Self::plain(
                422,
                "Invalid",
                format!("{} {name:?} is invalid: {said}", kind.text()),
            )
        }
    }

    /// The body.
    pub fn body(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": self.message, "code": self.code,
        });
        if !self.continues.is_empty() {
            status["metadata"]["continue"] = self.continues.as_str().into();
        }
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if self.details.is_some() || self.retry_after.is_some() {
            let details = self.details.clone().unwrap_or_default();
            status["details"] = details.value(self.retry_after);
        }
        status
    }
}

impl Details {
    fn value(&self, retry_after: Option<u64>) -> Value {
        let mut value = Map::new();
        for (name, text) in [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ] {
            if !text.is_empty() {
                value.insert(name.to_owned(), text.as_str().into());
            }
        }
        if !self.causes.is_empty() {
            value.insert(
                "causes".to_owned(),
                self.causes.iter().map(Cause::value).collect(),
            );
        }
        if let Some(seconds) = retry_after {
            value.insert("retryAfterSeconds".to_owned(), seconds.into());
        }
        Value::Object(value)
    }
}

impl Cause {
    /// A value that is not allowed there: `value` as JSON text, and what is wrong with it.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
            field: field.to_owned(),
        }
    }

    /// A value that has to be there.
    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.to_owned(),
        }
    }

    /// Something that is not to be there.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.to_owned(),
        }
    }

    /// A value that is none of those that are known.
    pub fn not_supported(field: &str, value: &Value, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                known.join(", ")
            ),
            field: field.to_owned(),
        }
    }

    fn text(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }

    fn value(&self) -> Value {
        let mut value = Map::new();
        for (name, text) in [
            ("reason", self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ] {
            if !text.is_empty() {
                value.insert(name.to_owned(), text.into());
            }
        }
        Value::Object(value)
    }
}
