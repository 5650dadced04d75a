//! `docs/reference/abi.md` from the text of the header.
//!
//! Not for the header itself. It reads what cbindgen writes with our configuration: comments of `//` before each declaration.

use std::fmt::Write as _;

const INTRODUCTION: &str = "# The C interface, function by function

Generated from `include/semaphore_ffi.h` by `cargo run -p xtask -- header`; do not edit. How to use it: [embed.md](../embed.md); why it
is so: [design/abi.md](../design/abi.md).
";

/// One declaration with its comment.
struct Item {
    comment: Vec<String>,
    code: Vec<String>,
}

/// The page.
pub(crate) fn page(header: &str) -> String {
    let mut page = INTRODUCTION.to_owned();
    page += &front(header);
    let items = items(header);
    let is_constant = |item: &&Item| item.code[0].starts_with("#define");
    let (constants, others): (Vec<_>, Vec<_>) = items.iter().partition(is_constant);
    let (types, functions): (Vec<_>, Vec<_>) = others.into_iter().partition(|item| item.code[0].starts_with("typedef"));
    page += "\n## Functions\n";
    for function in functions {
        let _ = write!(page, "\n### `{}`\n", function_name(&function.code));
        section(&mut page, function);
    }
    page += "\n## Types\n";
    for item in types {
        section(&mut page, item);
    }
    page += "\n## Constants\n\n| Name | Value | Meaning |\n|---|---|---|\n";
    for constant in constants {
        let mut words = constant.code[0].split_whitespace().skip(1);
        let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let _ = writeln!(page, "| `{name}` | {value} | {} |", constant.comment.join(" ").replace('|', "\\|"));
    }
    page
}

fn section(page: &mut String, item: &Item) {
    let _ = write!(page, "\n```c\n{}\n```\n", item.code.join("\n"));
    let _ = write!(page, "\n{}\n", item.comment.join("\n"));
}

/// What the comment at the head says for all functions.
fn front(header: &str) -> String {
    let comment = header.split("*/").next().unwrap_or("");
    let lines = comment.lines().skip(1).map(|line| line.trim_start_matches(" *").trim_start());
    lines.fold(String::new(), |text, line| text + line + "\n").trim_end().to_owned() + "\n"
}

fn items(header: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut comment = Vec::new();
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("//") {
            comment.push(text.trim().to_owned());
        } else if comment.is_empty() || line.trim().is_empty() {
            comment.clear();
        } else {
            let mut code = vec![line.to_owned()];
            // A structure ends with its name, a function with its bracket, a number with its line.
            let ends = |line: &str| line.starts_with("#define") || line.starts_with('}') || (line.ends_with(");"));
            let is_structure = line.ends_with('{');
            while !ends(&code[code.len() - 1]) && (is_structure || !code[code.len() - 1].ends_with(';')) {
                let Some(line) = lines.next() else { break };
                code.push(line.to_owned());
            }
            items.push(Item { comment: std::mem::take(&mut comment), code });
        }
    }
    items
}

fn function_name(code: &[String]) -> &str {
    let before = code[0].split('(').next().unwrap_or("");
    before.split([' ', '*']).next_back().unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_on_the_page() {
        let header = "/* Head.\n *\n * Rules.\n */\n#define GUARD\n\n// A number.\n#define SEMAPHORE_X -3\n\n// A thing.\ntypedef struct {\n    \
                      // One.\n    int a;\n} semaphore_thing;\n\n// Does it.\n//\n// Fast.\nuint8_t *semaphore_do_it(int a,\n    void (*f)(void *x),\n    int b);\n";
        let page = page(header);
        assert!(page.contains("\nRules.\n"), "{page}");
        assert!(page.contains("| `SEMAPHORE_X` | -3 | A number. |"), "{page}");
        assert!(page.contains("    int a;\n} semaphore_thing;\n```\n\nA thing.\n"), "{page}");
        assert!(page.contains("### `semaphore_do_it`\n\n```c\nuint8_t *semaphore_do_it(int a,\n    void (*f)(void *x),\n    int b);\n```\n\nDoes it.\n\nFast.\n"), "{page}");
        assert!(!page.contains("GUARD"), "{page}");
    }
}
