//! YAML text as values and their places.
//!
//! Everything that could grow without bound is bounded: depth, values with aliases written out,
//! and the text itself, by the caller.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::place::{Place, Position};
use super::{Diagnostic, scalar};
use crate::playbook::lint::codes;
use crate::playbook::lint::codes::Code;
use crate::playbook::pointer;

/// How deep values may be nested: a playbook needs about 15, so a patch of 40 levels still fits.
const DEEPEST: usize = 64;

/// How much a text may weigh with its aliases written out: a value is 1, and each further 64
/// bytes of a text 1 more. The largest playbook that the API accepts weighs about 20,000.
const HEAVIEST: usize = 100_000;

/// A document: its value, and where everything in it stands.
pub struct Tree {
    pub value: Value,
    pub places: Place,
}

/// Reads every document, up to the first place at which the text is not YAML.
pub fn load(text: &str) -> (Vec<Tree>, Vec<Diagnostic>) {
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        weight: 0,
        found: Vec::new(),
    };
    let mut trees = Vec::new();
    loop {
        match loader.document() {
            Ok(Some(tree)) => trees.push(tree),
            Ok(None) => break,
            Err(end) => {
                loader.found.push(*end.0);
                break;
            }
        }
    }
    (trees, loader.found)
}

/// A value that an alias may stand for.
#[derive(Clone)]
struct Anchored {
    value: Value,
    weight: usize,
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Anchored>,
    weight: usize,
    found: Vec<Diagnostic>,
}

/// Why nothing after this place can be read.
struct End(Box<Diagnostic>);

impl<'a> Loader<'a> {
    /// The next document that holds anything; nothing at the end of the text.
    fn document(&mut self) -> Result<Option<Tree>, End> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), _)) => self.anchors.clear(),
                Some((event, span)) if event.is_node() => {
                    let before = self.found.len();
                    let (value, mut places) = self.node(event, span, "", 0)?;
                    // What cannot be read in part is not judged in part.
                    let readable = self.found.len() == before;
                    if value.is_null() || !readable {
                        continue;
                    }
                    places.position = position(span, 1);
                    return Ok(Some(Tree { value, places }));
                }
                Some(_) => {}
            }
        }
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, End> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(End(Box::new(not_yaml(&error)))),
        }
    }

    /// The next event inside a document.
    fn within(&mut self) -> Result<(Event<'a>, Span), End> {
        loop {
            match self.next()? {
                None => {
                    return Err(end(
                        &codes::NOT_YAML,
                        "",
                        Position::START,
                        "the text ends early",
                    ));
                }
                Some((event, span)) => {
                    let closes = matches!(event, Event::SequenceEnd | Event::MappingEnd);
                    if event.is_node() || closes {
                        return Ok((event, span));
                    }
                }
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        at: &str,
        depth: usize,
    ) -> Result<(Value, Place), End> {
        let here = position(span, span.len());
        if depth > DEEPEST {
            let message = format!("values are nested more than {DEEPEST} deep");
            return Err(end(&codes::TOO_BIG, at, here, message));
        }
        let before = self.weight;
        self.weigh(1, at, here)?;
        let (value, place, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(text.len() / 64, at, here)?;
                (
                    self.scalar(&text, style, tag.as_deref(), at, here),
                    Place::leaf(here),
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), at, here);
                let (value, place) = self.sequence(at, here, depth)?;
                (value, place, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), at, here);
                let (value, place) = self.mapping(at, here, depth)?;
                (value, place, anchor)
            }
            Event::Alias(id) => {
                let Some(anchored) = self.anchors.get(&id).cloned() else {
                    let message = "an alias to a value that contains it";
                    return Err(end(&codes::NOT_YAML, at, here, message));
                };
                self.weigh(anchored.weight, at, here)?;
                return Ok((anchored.value, Place::leaf(here)));
            }
            _ => return Err(end(&codes::NOT_YAML, at, here, "a value is expected here")),
        };
        if anchor != 0 {
            let weight = self.weight - before;
            let anchored = Anchored {
                value: value.clone(),
                weight,
            };
            // The copy is kept, so it weighs as well.
            self.weigh(weight, at, here)?;
            self.anchors.insert(anchor, anchored);
        }
        Ok((value, place))
    }

    fn sequence(&mut self, at: &str, here: Position, depth: usize) -> Result<(Value, Place), End> {
        let mut items = Vec::new();
        let mut place = Place::leaf(Position { length: 1, ..here });
        loop {
            let (event, span) = self.within()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((Value::Array(items), place));
            }
            let index = items.len().to_string();
            let at = format!("{at}/{index}");
            let (value, child) = self.node(event, span, &at, depth + 1)?;
            items.push(value);
            place.children.insert(index, child);
        }
    }

    fn mapping(&mut self, at: &str, here: Position, depth: usize) -> Result<(Value, Place), End> {
        let mut fields = Map::new();
        let mut place = Place::leaf(Position { length: 1, ..here });
        loop {
            let (event, span) = self.within()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((Value::Object(fields), place));
            }
            let key_position = position(span, span.len());
            let key = self.key(event, span, at, depth)?;
            let (event, span) = self.within()?;
            let at = format!("{at}/{}", pointer::escape(&key));
            let (value, mut child) = self.node(event, span, &at, depth + 1)?;
            if let Some(first) = place.children.get(&key) {
                let message = format!(
                    "`{}` stands here a second time, after line {}",
                    short(&key),
                    first.position.line
                );
                self.report(&codes::DUPLICATE_KEY, &at, key_position, message);
                continue;
            }
            child.position = key_position;
            fields.insert(key.clone(), value);
            place.children.insert(key, child);
        }
    }

    /// A key, as a text. Other keys are reported, and stand under a text of their own.
    fn key(&mut self, event: Event<'a>, span: Span, at: &str, depth: usize) -> Result<String, End> {
        let here = position(span, span.len());
        let quoted = matches!(event, Event::Scalar(_, style, ..) if style != ScalarStyle::Plain);
        let raw = match &event {
            Event::Scalar(text, ..) => Some(text.clone().into_owned()),
            _ => None,
        };
        let reported = self.found.len();
        let (value, _) = self.node(event, span, at, depth + 1)?;
        match (value, raw) {
            (Value::String(text), _) => {
                if text.len() > LONGEST_KEY {
                    let message = format!("a key has {} bytes", text.len());
                    return Err(end(&codes::TOO_BIG, at, here, message));
                }
                Ok(text)
            }
            (value, raw) => {
                if self.found.len() == reported && !quoted {
                    let text = raw.clone().unwrap_or_else(|| value.to_string());
                    let message = format!("the key `{}` is not a text", short(&text));
                    self.report(&codes::TAG, at, here, message);
                }
                let text = raw.unwrap_or_default();
                Ok(short(&text))
            }
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: &str,
        here: Position,
    ) -> Value {
        if tag.is_some_and(|tag| tag.core_suffix() == Some("str")) {
            return Value::from(text);
        }
        self.untagged(tag, at, here);
        if style != ScalarStyle::Plain {
            return Value::from(text);
        }
        scalar::plain(text).unwrap_or_else(|message| {
            self.report(&codes::AMBIGUOUS_WORD, at, here, message);
            Value::Null
        })
    }

    fn untagged(&mut self, tag: Option<&Tag>, at: &str, here: Position) {
        if let Some(tag) = tag {
            let message = format!("the tag `{}` is not read", short(&tag.original()));
            self.report(&codes::TAG, at, here, message);
        }
    }

    fn weigh(&mut self, weight: usize, at: &str, here: Position) -> Result<(), End> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > HEAVIEST {
            let message = "the text holds too many values, with its aliases written out";
            return Err(end(&codes::TOO_BIG, at, here, message));
        }
        Ok(())
    }

    fn report(&mut self, code: &Code, at: &str, position: Position, message: impl Into<String>) {
        if self.found.len() < MOST_FOUND {
            self.found.push(Diagnostic {
                finding: code.at(at, message),
                position,
            });
        }
    }
}

/// The longest key: the longest that any field of the API has is 317.
const LONGEST_KEY: usize = 512;

/// The most findings on the text itself: whoever reads them has begun to repair long before.
const MOST_FOUND: usize = 100;

/// A text for a message, cut.
fn short(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn end(code: &Code, at: &str, position: Position, message: impl Into<String>) -> End {
    End(Box::new(Diagnostic {
        finding: code.at(at, message),
        position,
    }))
}

fn not_yaml(error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    Diagnostic {
        finding: codes::NOT_YAML.at("", error.info()),
        position: Position {
            line: marker.line().max(1),
            column: marker.col() + 1,
            length: 1,
        },
    }
}

fn position(span: Span, length: usize) -> Position {
    Position {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
        length: length.max(1),
    }
}
