//! Where things stand in a text.

use std::collections::BTreeMap;

/// A place in a text, as editors count: lines and columns begin with 1, columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters it covers; at least 1.
    pub length: usize,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self {
        line: 1,
        column: 1,
        length: 1,
    };
}

/// Where a value stands, and what is in it: keys of objects, indices of lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key in front of the value where it has one, else the value.
    pub position: Position,
    /// What is in it.
    pub children: BTreeMap<String, Place>,
}

impl Place {
    /// A value with nothing in it.
    pub const fn leaf(position: Position) -> Self {
        Self {
            position,
            children: BTreeMap::new(),
        }
    }

    /// The position of a JSON Pointer: of the deepest part of it that is there, so that what is
    /// missing is shown where it is missing.
    pub fn find(&self, pointer: &str) -> Position {
        let mut place = self;
        for part in pointer.split('/').skip(1) {
            let key = part.replace("~1", "/").replace("~0", "~");
            match place.children.get(&key) {
                Some(child) => place = child,
                None => break,
            }
        }
        place.position
    }
}
