//! Calls of every function of the header with every kind of argument, as C: what `tests/ffi/misuse.c` is made of.
//!
//! Generated, so that a new function cannot be forgotten; a parameter of a new type is an error here, not a gap.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::declaration::{Function, Header, Parameter};

/// The text of `calls.h`.
pub(crate) fn calls() -> Result<String> {
    let header = Header::read()?;
    let mut text = "/* Generated from semaphore_ffi.h. */\n".to_owned();
    let mut table = String::new();
    for function in &header.functions {
        text += &call(function)?;
        let short = function.name.trim_start_matches("semaphore_");
        let _ = writeln!(table, "    {{\"{short}\", call_{short}, {}}},", i32::from(function.result != "void"));
    }
    let _ = write!(text, "\nstatic const struct function functions[] = {{\n{table}}};\n");
    Ok(text)
}

fn call(function: &Function) -> Result<String> {
    let mut before = String::new();
    let mut after = String::new();
    let mut names = Vec::new();
    let mut parameters = function.parameters.iter().peekable();
    while let Some(parameter) = parameters.next() {
        let name = &parameter.name;
        let followed_by = parameters.peek().map(|next| next.kind.as_str());
        let pair = |next: Option<&&Parameter>| next.map(|next| next.name.clone()).unwrap_or_default();
        match (parameter.kind.as_str(), followed_by) {
            ("const uint8_t *", Some("size_t")) => {
                let length = pair(parameters.peek());
                parameters.next();
                let _ = writeln!(
                    before,
                    "    size_t {length};\n    const uint8_t *{name} = any_bytes(d, \"{name}\", &{length});"
                );
                names.extend([name.clone(), length]);
            }
            ("uint8_t *", Some("size_t")) => {
                let length = pair(parameters.peek());
                parameters.next();
                let _ = writeln!(before, "    size_t {length};\n    uint8_t *{name} = any_room(d, &{length});");
                names.extend([name.clone(), length]);
            }
            ("semaphore_handle *", Some("size_t")) => {
                let length = pair(parameters.peek());
                parameters.next();
                let _ = writeln!(
                    before,
                    "    semaphore_handle many_{name}[8] = {{0}};\n    size_t {length};\n    semaphore_handle *{name} = any_places(d, many_{name}, &{length});"
                );
                let _ = writeln!(after, "    for (int i = 0; i < 8; i++) keep(d, many_{name}[i]);");
                names.extend([name.clone(), length]);
            }
            ("semaphore_handle *", _) => place(&mut before, &mut after, name, "semaphore_handle", "keep(d, one_NAME);"),
            ("semaphore_buf *", _) => place(&mut before, &mut after, name, "semaphore_buf", "give_back(&one_NAME);"),
            ("int32_t *" | "uint32_t *" | "size_t *" | "uint64_t *", _) => {
                place(&mut before, &mut after, name, parameter.kind.trim_end_matches(" *"), "(void)one_NAME;");
            }
            ("semaphore_err *", _) => {
                let _ = writeln!(
                    before,
                    "    semaphore_err one_{name};\n    semaphore_err *{name} = any_error(d, &one_{name});"
                );
                let _ = writeln!(after, "    if ({name}) give_back(&one_{name}.json);");
            }
            ("semaphore_handle", _) => {
                let _ = writeln!(before, "    semaphore_handle {name} = any_handle(d, \"{name}\");");
                // Closed ones are used again, but not for ever: something shall work.
                if function.parameters.iter().filter(|other| other.kind == "semaphore_handle").count() == 1 {
                    let _ = writeln!(
                        after,
                        "    if (answer == SEMAPHORE_E_HANDLE && roll(d, 4) == 0) forget({name}, \"{name}\");"
                    );
                }
            }
            ("int32_t" | "uint32_t" | "int64_t" | "uint64_t" | "size_t", _) => {
                let kind = &parameter.kind;
                let _ = writeln!(before, "    {kind} {name} = ({kind})any_number(d, \"{name}\");");
            }
            ("void (*)(void *user)", _) => {
                let _ = writeln!(before, "    void (*{name})(void *) = any_callback(d);");
            }
            ("void *", _) => {
                let _ = writeln!(before, "    void *{name} = NULL;");
            }
            (kind, _) => bail!(
                "{}: no values are known for a parameter of the type {kind}: add them to misuse.rs and misuse.c",
                function.name
            ),
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let short = function.name.trim_start_matches("semaphore_");
    let (keep, answer) = if function.result == "void" { ("", "0") } else { ("int64_t answer = (int64_t)", "answer") };
    // A descriptor belongs to the library if and only if the answer is SEMAPHORE_OK.
    if names.iter().any(|name| name == "fd") {
        after += "    if (answer != SEMAPHORE_OK) drop_descriptor(fd);\n";
    }
    Ok(format!(
        "\nstatic int64_t call_{short}(struct dice *d) {{\n    (void)d;\n{before}    {keep}{}({});\n{after}    return {answer};\n}}\n",
        function.name,
        names.join(", ")
    ))
}

/// A place for one value, or none.
fn place(before: &mut String, after: &mut String, name: &str, kind: &str, then: &str) {
    let _ = writeln!(
        before,
        "    {kind} one_{name};\n    memset(&one_{name}, 0, sizeof one_{name});\n    {kind} *{name} = roll(d, 5) ? &one_{name} : NULL;"
    );
    let _ = writeln!(after, "    {}", then.replace("NAME", name));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_function_has_a_call_and_unknown_types_are_refused() {
        let text = calls().unwrap();
        for function in Header::read().unwrap().functions {
            assert!(text.contains(&format!("{}(", function.name)), "{}", function.name);
        }
        let parameters = vec![Parameter { kind: "wchar_t *".into(), name: "w".into() }];
        assert!(call(&Function { name: "semaphore_x".into(), result: "void".into(), parameters }).is_err());
    }
}
