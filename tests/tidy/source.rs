//! Rust source without its comments, texts and tests, so that rules see code only.

/// A source file, as the rules see it.
pub struct Source {
    /// As it is.
    pub text: String,
    /// Comments and literals replaced by blanks, line by line.
    pub code: String,
    /// How many lines come before the tests.
    pub before_tests: usize,
}

impl Source {
    /// Reads a file's text.
    pub fn new(text: &str) -> Self {
        let code = blank(text);
        let tests = code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
        Self {
            text: text.to_owned(),
            before_tests: code[..tests].lines().count(),
            code,
        }
    }

    /// The code before the tests.
    pub fn own_code(&self) -> String {
        let lines: Vec<&str> = self.code.lines().take(self.before_tests).collect();
        lines.join("\n")
    }
}

/// A function: its name and how many lines of its body are neither blank nor comment.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The lines.
    pub lines: usize,
}

/// Replaces comments and literals by blanks; lines stay where they are.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal(rest, out.chars().next_back()).unwrap_or(0);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(
                rest[..length]
                    .chars()
                    .map(|c| if c == '\n' { c } else { ' ' }),
            );
            rest = &rest[length..];
        }
    }
    out
}

/// The length of the comment or literal that begins here, if one does.
fn literal(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(length) = raw_text(rest) {
        return Some(length);
    }
    if let Some(inner) = rest.strip_prefix('"') {
        return Some(1 + quoted(inner, '"'));
    }
    // A quote is a character only if another closes it; else it begins a lifetime.
    let inner = rest.strip_prefix('\'')?;
    let mut chars = inner.chars();
    let is_character = match chars.next()? {
        '\\' => true,
        _ => chars.next() == Some('\''),
    };
    is_character.then(|| 1 + quoted(inner, '\''))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a raw text that begins here.
fn raw_text(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let body = inner[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let opened = rest.len() - body.len();
    Some(
        opened
            + body
                .find(&close)
                .map_or(body.len(), |end| end + close.len()),
    )
}

/// The length up to and with the closing quote.
fn quoted(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    inner.len()
}

/// The words of code, each with where it begins.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words = code
        .split(move |c| !is_word(c))
        .filter(|word| !word.is_empty());
    words.map(move |word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// Every function with a body, nested ones too; not those whose length is argued in an attribute.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut after_fn = false;
    for (at, word) in words(code) {
        if after_fn {
            let signature = &code[at + word.len()..];
            let argued = is_argued(&code[..at]);
            if let Some(body) = body(signature).filter(|_| !argued) {
                let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
                found.push(Function {
                    name: word.to_owned(),
                    lines,
                });
            }
        }
        after_fn = word == "fn";
    }
    found
}

/// Whether an attribute right before a function allows its length.
fn is_argued(before: &str) -> bool {
    let item = before.rfind([';', '}', '{']).map_or(0, |end| end + 1);
    before[item..].contains("clippy::too_many_lines")
}

/// What is between a function's braces; nothing when it has none.
fn body(signature: &str) -> Option<&str> {
    let mut nested = 0_i32;
    let mut opened = None;
    let mut depth = 0_usize;
    for (at, c) in signature.char_indices() {
        match (opened, c) {
            (None, '(' | '[') => nested += 1,
            (None, ')' | ']') => nested -= 1,
            // The word was a type, `fn(u8)`, or a declaration without a body.
            (None, ';') if nested == 0 => return None,
            (None, _) if nested < 0 => return None,
            (None, '{') if nested == 0 => (opened, depth) = (Some(at + 1), 1),
            (Some(_), '{') => depth += 1,
            (Some(start), '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(&signature[start..at]);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that reads comments and texts as code finds what is not there; one that loses its
    /// place in them misses what is.
    #[test]
    fn comments_and_literals_are_blanked_and_code_is_kept() {
        let text = "a(\"x \\\" {\", 'y', '\\'', r#\"z \" {\"#) // {\n/* { /* { */ */ b::<'q>('{')";
        let code = blank(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains(['{', '"', 'x', 'y', 'z']), "{code}");
        assert!(code.contains("b::<'q>("), "{code}");
        assert_eq!(code.lines().count(), 2);
    }

    /// Long functions hide inside other items, and a declaration must not swallow what follows.
    #[test]
    fn functions_are_measured_by_their_own_braces() {
        let code = "trait T { fn a(&self) -> [u8; 2]; }\nfn b(f: fn(u8)) {\n\n  if x { 1 }\n  2\n}\nfn c() {}";
        let function = |name: &str, lines| Function {
            name: name.into(),
            lines,
        };
        assert_eq!(functions(code), [function("b", 2), function("c", 0)]);
    }

    /// The budget of a file is for what it does, not for how well it is tested.
    #[test]
    fn tests_at_the_end_are_not_counted() {
        let source = Source::new("//! a\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(source.before_tests, 3);
    }
}
