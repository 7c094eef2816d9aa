//! The playbooks of a snapshot: those of the cluster, or those that are named, as names or as files.

use std::path::Path;

use serde_json::Value;

use crate::api::{Playbook, names};
use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::lint;
use crate::cluster::Resource;
use crate::cluster::list::Query;
use crate::i18n::Lang;
use crate::t;

use super::books::Asked;
use super::left::Left;
use super::piece::Piece;
use super::reader::{Answered, Reader, Refusal};
use super::redact::Counts;

/// Playbooks.
#[derive(Debug, Default)]
pub struct Shelf {
    /// What they ask for.
    pub asked: Asked,
    /// Those of the cluster, as objects.
    pub objects: Vec<(Piece, Counts)>,
    /// How many are of files: they are no objects of the cluster.
    pub files: u64,
    /// The first of them: its name, or its file.
    pub first: String,
}

impl Shelf {
    /// Reads them: all of the cluster's where none is given.
    ///
    /// # Errors
    /// A file or a playbook that is not there or makes no sense; a cluster without any; what the server
    /// does not answer.
    pub async fn read(context: &Context, reader: &Reader, given: &[String]) -> Result<Self, Error> {
        let mut shelf = Self::default();
        let resource = reader.resolve(&format!("{}/Playbook", names::GROUP)).await;
        for one in given {
            if is_file(one) {
                let book = lint::playbook_of(context, Path::new(one))?;
                shelf.asked.add(one, &book.spec);
                shelf.files += 1;
            } else {
                let resource = resource.as_ref().ok_or(Error::NoKinds)?;
                shelf.named(context.lang, reader, resource, one).await?;
            }
        }
        if given.is_empty() {
            let resource = resource.ok_or(Error::NoKinds)?;
            shelf.all(context.lang, reader, &resource).await?;
        }
        if shelf.objects.is_empty() && shelf.files == 0 {
            return Err(Error::Input {
                problem: t!(context.lang, "snapshot-no-playbooks"),
            });
        }
        let stored = shelf.objects.first().map(|(piece, _)| &piece.place.name);
        shelf.first = given.first().or(stored).cloned().unwrap_or_default();
        Ok(shelf)
    }

    async fn named(
        &mut self,
        lang: Lang,
        reader: &Reader,
        from: &Resource,
        name: &str,
    ) -> Result<(), Error> {
        match reader.get(&from.collection(""), name).await? {
            Answered::Yes(Some(object)) => self.add(object),
            Answered::Yes(None) => {
                return Err(Error::NotFound {
                    kind: "Playbook".to_owned(),
                    name: name.to_owned(),
                });
            }
            Answered::Refused(why) => return Err(refused(lang, from, why)),
        }
        Ok(())
    }

    async fn all(&mut self, lang: Lang, reader: &Reader, from: &Resource) -> Result<(), Error> {
        let query = Query {
            collection: from.collection(""),
            ..Query::default()
        };
        match reader.list(query, Some).await? {
            Answered::Yes(objects) => {
                for object in objects {
                    self.add(object);
                }
                Ok(())
            }
            Answered::Refused(why) => Err(refused(lang, from, why)),
        }
    }

    fn add(&mut self, object: Value) {
        match serde_json::from_value::<Playbook>(object.clone()) {
            Ok(book) => {
                let name = book.metadata.name.unwrap_or_default();
                self.asked.add(&name, &book.spec);
            }
            Err(error) => {
                let name = object.pointer("/metadata/name").and_then(Value::as_str);
                self.asked.left.push(Left::Book {
                    name: name.unwrap_or_default().to_owned(),
                    why: error.to_string(),
                });
            }
        }
        self.objects.extend(Piece::of(object, &[]));
    }
}

/// Without playbooks nobody knows what to take.
fn refused(lang: Lang, from: &Resource, why: Refusal) -> Error {
    let left = Left::refused(&from.collection(""), "", why).text(lang);
    Error::Refused {
        problem: format!("{}: {}", left.what, left.why),
    }
}

/// Whether it names a file: names of playbooks have neither a `/` nor such an end.
fn is_file(text: &str) -> bool {
    let ends = [".yaml", ".yml", ".json"];
    text == "-" || text.contains('/') || ends.iter().any(|end| text.ends_with(end))
}
