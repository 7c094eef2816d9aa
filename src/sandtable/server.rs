//! The server: a request and who asks, to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ask::{Answer, Ask, Place, Reply};
use super::kinds::{Kind, Kinds};
use super::people::bootstrap::bootstrap;
use super::people::impersonate::Mode;
use super::people::reviews::Review;
use super::refusal::Refusal;
use super::schema::Documents;
use super::store::{Key, Store};
use super::tokens::Tokens;
use super::watch::Watch;
use super::{crds, discovery, gate, openapi, read, remove, scale, twins, wire, write};
use crate::cel::Expressions;

/// A Kubernetes API server in memory.
#[derive(Debug)]
pub struct Server {
    /// The objects.
    pub store: Store,
    /// The kinds that are served.
    pub kinds: Kinds,
    documents: &'static Documents,
    chance: Chance,
    services: u32,
    ports: u16,
    /// What policies say, read once.
    pub expressions: Expressions,
    /// Whose each token is.
    pub tokens: Tokens,
    /// The way in which each person acted as somebody else last.
    pub ways: BTreeMap<String, Mode>,
}

/// Uids and the ends of names, from a seed: the same in every run.
#[derive(Clone, Debug)]
struct Chance {
    seed: u64,
    drawn: u64,
}

/// The first of the ports that Services may have on every node, and how many there are: as the real
/// server gives them out by default.
const FIRST_NODE_PORT: u16 = 30_000;
const NODE_PORTS: u16 = 2768;
/// Letters of which the ends of generated names are made.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Chance {
    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut seed = self.seed.to_be_bytes().to_vec();
        seed.extend(self.drawn.to_be_bytes());
        Sha256::digest(seed).into()
    }
}

impl Server {
    /// A server without objects. Whatever is left to chance follows from the seed.
    ///
    /// It has what every cluster begins with: its namespaces, and the roles that people rely on.
    pub fn new(documents: &'static Documents, seed: u64, now: jiff::Timestamp) -> Self {
        let mut server = Self::bare(documents, seed);
        server.found(now);
        server
    }

    /// Makes what every cluster begins with.
    fn found(&mut self, now: jiff::Timestamp) {
        let spaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
        let spaces = spaces.map(|name| {
            json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
                "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" } })
        });
        for mut object in spaces.into_iter().chain(bootstrap()) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let version = text(&object["apiVersion"]);
            let (group, _) = version.split_once('/').unwrap_or(("", &version));
            let kind = self
                .kinds
                .all()
                .find(|kind| kind.group == group && object["kind"] == kind.kind);
            let Some(kind) = kind.cloned() else { continue };
            object["metadata"]["uid"] = self.uid().into();
            object["metadata"]["creationTimestamp"] = super::ask::time(now).into();
            let key = Key {
                group: kind.group.clone(),
                plural: kind.plural.clone(),
                namespace: text(&object["metadata"]["namespace"]),
                name: text(&object["metadata"]["name"]),
            };
            self.keep(&kind, key, object);
        }
    }

    fn bare(documents: &'static Documents, seed: u64) -> Self {
        Self {
            store: Store::default(),
            kinds: Kinds::builtin(documents),
            documents,
            chance: Chance { seed, drawn: 0 },
            services: 0,
            ports: 0,
            expressions: Expressions::default(),
            tokens: Tokens::default(),
            ways: BTreeMap::new(),
        }
    }

    /// A uid that no object had before.
    pub fn uid(&mut self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(36);
        for (at, byte) in self.chance.draw().into_iter().take(16).enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                text.push('-');
            }
            let byte = match at {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => byte,
            };
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// An address for a Service that has none yet.
    pub fn address(&mut self) -> String {
        self.services += 1;
        let number = self.services;
        format!("10.96.{}.{}", number / 250 % 250, number % 250 + 2)
    }

    /// A port on every node that no Service has yet; when all are taken, one that another has too.
    pub fn port(&mut self) -> u16 {
        let listed = self.store.list("", "services", "", None);
        let ports = listed.filter_map(|(_, service)| service["spec"]["ports"].as_array());
        let taken: Vec<u64> = ports
            .flatten()
            .filter_map(|port| port["nodePort"].as_u64())
            .collect();
        for _ in 0..NODE_PORTS {
            self.ports = (self.ports + 1) % NODE_PORTS;
            if !taken.contains(&u64::from(FIRST_NODE_PORT + self.ports)) {
                break;
            }
        }
        FIRST_NODE_PORT + self.ports
    }

    /// The end of a generated name.
    pub fn letters(&mut self) -> String {
        let drawn = self.chance.draw();
        let letters = drawn.iter().take(5);
        letters
            .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
            .collect()
    }

    /// Answers a request.
    pub fn handle(&mut self, ask: Ask) -> Answer {
        match self.answer(ask) {
            Ok(answer) => answer,
            Err(refusal) => Answer::Reply(Reply::refused(&refusal)),
        }
    }

    fn answer(&mut self, mut ask: Ask) -> Result<Answer, Refusal> {
        let place = Place::read(&ask.path);
        gate::pass(self, &mut ask, place.as_ref())?;
        if ask.content_type == wire::MEDIA {
            match wire::read(&ask.body, self.documents) {
                Ok(object) => {
                    ask.body = object.to_string().into_bytes();
                    "application/json".clone_into(&mut ask.content_type);
                }
                // What the address is about says more: mostly that it is not served.
                Err(wire::Error::Unknown { .. }) => {}
                Err(error) => return Err(Refusal::bad_request(error.to_string())),
            }
        }
        let ask = &ask;
        let Some(place) = place else {
            let document = openapi::answer(&self.kinds, &self.store, &ask.path, &ask.accept);
            let found = document.map_or_else(|| discovery::answer(&self.kinds, ask), Ok);
            return found.map(Answer::Reply);
        };
        if let Some(review) = Review::of(&place.group, &place.plural)
            && place.version == "v1"
        {
            return gate::review(self, review, &place, ask).map(Answer::Reply);
        }
        let kind = self.kinds.find(&place.group, &place.plural).cloned();
        let Some(kind) = kind.filter(|kind| kind.version == place.version) else {
            return Err(self.not_served(&place)).or_else(text_404);
        };
        self.about(&kind, &place, ask)
    }

    /// 404: as text where nothing of the group and version is served.
    fn not_served(&self, place: &Place) -> Refusal {
        let knows = self.kinds.of(&place.group, &place.version).next().is_some();
        if knows {
            nothing_here()
        } else {
            Refusal::plain(404, "", "")
        }
    }

    fn about(&mut self, kind: &Arc<Kind>, place: &Place, ask: &Ask) -> Result<Answer, Refusal> {
        let fits = kind.namespaced != place.namespace.is_empty() || place.name.is_empty();
        let known = match place.subresource.as_str() {
            "" => true,
            "status" => kind.has_status,
            "scale" => kind.scale.is_some(),
            _ => false,
        };
        if !known || place.beyond || !fits {
            return Err(nothing_here());
        }
        let has_name = !place.name.is_empty();
        let reply = match (ask.method.as_str(), has_name, place.subresource.as_str()) {
            ("GET", ..) if ask.says("watch") && place.subresource.is_empty() => {
                return Watch::begin(&self.store, kind, place, ask).map(Answer::Watch);
            }
            ("GET", true, "scale") => scale::get(self, kind, place, ask),
            ("GET", true, _) => read::get(&self.store, kind, place, ask),
            ("GET", false, _) => read::list(&self.store, kind, place, ask),
            ("POST", false, _) => write::create(self, kind, place, ask),
            ("PUT" | "PATCH", true, "scale") => scale::write(self, kind, place, ask),
            ("PUT", true, _) => write::replace(self, kind, place, ask),
            ("PATCH", true, _) => write::patch(self, kind, place, ask),
            ("DELETE", true, "") => remove::one(self, kind, place, ask),
            ("DELETE", false, _) if kind.plural != "namespaces" => {
                remove::all(self, kind, place, ask)
            }
            _ => Err(Refusal {
                details: Some(Box::default()),
                ..Refusal::plain(
                    405,
                    "MethodNotAllowed",
                    "the server does not allow this method on the requested resource",
                )
            }),
        };
        reply.map(Answer::Reply)
    }

    /// The object that an address writes to, with its kind, whoever asks: nothing where there is none.
    pub fn peek(&self, place: &Place) -> Option<(Arc<Kind>, Arc<Value>)> {
        let kind = self.kinds.find(&place.group, &place.plural)?;
        let object = self.store.get(&read::key(kind, place))?;
        Some((kind.clone(), object.clone()))
    }

    /// Keeps an object, and does what follows from it: a CRD is served.
    pub fn keep(&mut self, kind: &Kind, key: Key, object: Value) -> Arc<Value> {
        let twin = twins::other(&key);
        let kept = self.store.put(key.clone(), object);
        if let Some(key) = twin
            && let Some(other) = self.kinds.find(&key.group, &key.plural)
        {
            let object = twins::converted(&kept, other);
            self.store.put_beside(key, object);
        }
        if crds::is_crd(kind) {
            self.kinds.serve(&kept, self.documents);
            if let Some(accepted) = crds::accepted(kind, &kept) {
                self.store.put(key, accepted);
            }
        }
        kept
    }

    /// Removes an object, and does what follows from it.
    pub fn drop(&mut self, kind: &Kind, key: &Key) {
        self.store.remove(key);
        if let Some(key) = twins::other(key) {
            self.store.remove_beside(&key);
        }
        if kind.is_custom {
            crds::ended(self, kind);
        }
    }

    /// The documents of built-in kinds.
    pub const fn documents(&self) -> &'static Documents {
        self.documents
    }
}

/// 404 of an address below a group that is served.
fn nothing_here() -> Refusal {
    Refusal {
        details: Some(Box::default()),
        ..Refusal::plain(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }
}

/// 404 of an address that is none is plain text.
fn text_404(refusal: Refusal) -> Result<Answer, Refusal> {
    if refusal.reason.is_empty() {
        return Ok(Answer::Reply(Reply::text(404, "404 page not found\n")));
    }
    Err(refusal)
}
