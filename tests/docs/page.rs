//! What a page has: its fenced blocks, and their commands. Pure.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence.
    pub kind: String,
    /// The line of its first line.
    pub line: usize,
    /// Its lines, without the fence's indent.
    pub lines: Vec<String>,
}

/// A command, as it is given to a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its line in the page.
    pub line: usize,
    /// Its text, of more than one line where it goes on.
    pub text: String,
    /// The code that it ends with: 0, or what `# ends with N` behind it says.
    pub code: i32,
}

/// Blocks with commands.
const SHELL: [&str; 3] = ["console", "sh", "bash"];
/// How a command says that it ends otherwise.
const ENDS: &str = "# ends with ";

/// The fenced blocks of a page.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(kind)) => {
                let block = Block {
                    kind: kind.trim().to_owned(),
                    line: number + 2,
                    lines: Vec::new(),
                };
                open = Some((block, line.len() - bare.len()));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(block, _)| block)),
            (Some((block, indent)), None) => {
                block
                    .lines
                    .push(line.get(*indent..).unwrap_or("").to_owned());
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a page. In a `console` block a command stands behind `$ `, and other lines are what it
/// prints; in the others each line is one.
pub fn commands(text: &str) -> Vec<Command> {
    let shell = blocks(text);
    let shell = shell
        .iter()
        .filter(|block| SHELL.contains(&block.kind.as_str()));
    shell.flat_map(of_block).collect()
}

fn of_block(block: &Block) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut ends_at: Option<String> = None;
    let mut goes_on = false;
    for (at, line) in block.lines.iter().enumerate() {
        let prompted = line.strip_prefix("$ ");
        let begins = prompted.or_else(|| (block.kind != "console").then_some(line));
        if let (true, Some(last)) = (goes_on || ends_at.is_some(), commands.last_mut()) {
            last.text.push('\n');
            last.text.push_str(line);
            goes_on = ends_at.is_none() && line.ends_with('\\');
            ends_at = ends_at.filter(|end| end != line);
        } else if let Some(text) = begins.filter(|text| !text.trim().is_empty()) {
            commands.push(Command {
                line: block.line + at,
                text: text.to_owned(),
                code: 0,
            });
            goes_on = text.ends_with('\\');
            let end = text
                .split("<<")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            ends_at = end.map(|word| word.trim_matches('\'').to_owned());
        }
    }
    for command in &mut commands {
        let said = command.text.split(ENDS).nth(1);
        let said = said.and_then(|rest| rest.split_whitespace().next());
        command.code = said.map_or(0, |code| code.parse().expect("a code"));
    }
    commands
}

/// A command that is not seen is not run, and nobody notices.
#[test]
fn commands_are_found_with_what_belongs_to_them() {
    let page = "text\n\n```console\n$ one \\\n    --more\nprinted\n$ two # ends with 3\n```\n\n1. a list\n\n   \
                ```sh\n   cat > f <<'EOF'\n   kind: X\n   EOF\n   three\n   ```\n\n```yaml\n$ none\n```\n";
    let found = commands(page);
    let found: Vec<(usize, &str, i32)> = found
        .iter()
        .map(|one| (one.line, one.text.as_str(), one.code))
        .collect();
    assert_eq!(
        found,
        [
            (4, "one \\\n    --more", 0),
            (7, "two # ends with 3", 3),
            (13, "cat > f <<'EOF'\nkind: X\nEOF", 0),
            (16, "three", 0),
        ]
    );
}
