//! What `include/semaphore_ffi.h` declares: functions with their parameters, structures with their fields, constants.
//!
//! Not a reader of C: it knows what cbindgen writes with our configuration, and refuses what it does not know, so that a check
//! which is generated from it cannot silently leave something out.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};

use crate::root;

/// A declared function.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) result: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// One of its parameters; for a pointer to a function the type is the whole text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A declared structure: its name, and type and name of each field.
pub(crate) struct Structure {
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
}

/// Everything that the header declares.
pub(crate) struct Header {
    pub(crate) functions: Vec<Function>,
    pub(crate) structures: Vec<Structure>,
    /// Name and value.
    pub(crate) constants: Vec<(String, String)>,
}

impl Header {
    /// Reads the committed header.
    pub(crate) fn read() -> Result<Self> {
        let path = root()?.join("include/semaphore_ffi.h");
        Self::parse(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut header = Self { functions: Vec::new(), structures: Vec::new(), constants: Vec::new() };
        let text = text.split_once("*/").map_or(text, |(_, rest)| rest);
        let mut statement = String::new();
        for line in text.lines().map(|line| line.split("//").next().unwrap_or(line).trim()) {
            if let Some(rest) = line.strip_prefix('#') {
                if let Some((name, value)) = rest.strip_prefix("define ").and_then(|rest| rest.split_once(' ')) {
                    header.constants.push((name.to_owned(), value.trim().to_owned()));
                }
                continue;
            }
            if line.is_empty() || line == "extern \"C\" {" || (line == "}" && statement.is_empty()) {
                continue;
            }
            statement += line;
            statement.push(' ');
            if !line.ends_with(';') || statement.matches('{').count() != statement.matches('}').count() {
                continue;
            }
            header.take(statement.trim())?;
            statement.clear();
        }
        ensure!(statement.is_empty(), "the header ends within: {statement}");
        ensure!(header.functions.len() > 30 && header.structures.len() > 1, "the header was not understood");
        Ok(header)
    }

    fn take(&mut self, statement: &str) -> Result<()> {
        if let Some(body) = statement.strip_prefix("typedef struct {") {
            let (fields, name) = body.rsplit_once('}').context("a structure without an end")?;
            let field = |text: &str| text.rsplit([' ', '*']).next().unwrap_or(text).to_owned();
            let fields = fields.split(';').map(str::trim).filter(|text| !text.is_empty()).map(field).collect();
            self.structures.push(Structure { name: name.trim_matches([' ', ';']).to_owned(), fields });
        } else if !statement.starts_with("typedef ") {
            self.functions.push(function(statement)?);
        }
        Ok(())
    }
}

fn function(statement: &str) -> Result<Function> {
    let (front, rest) = statement.split_once('(').with_context(|| format!("not a function: {statement}"))?;
    let inside = rest.strip_suffix(");").with_context(|| format!("a function without an end: {statement}"))?;
    let result = parameter(front)?;
    let mut parameters = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in inside.char_indices().chain([(inside.len(), ',')]) {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                let text = inside[start..at].trim();
                if text != "void" {
                    parameters.push(parameter(text)?);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    Ok(Function { name: result.name, result: result.kind, parameters })
}

/// `const uint8_t *p` -> `const uint8_t *`, `p`.
fn parameter(text: &str) -> Result<Parameter> {
    if let Some((_, rest)) = text.split_once("(*") {
        let name = rest.split(')').next().unwrap_or(rest);
        return Ok(Parameter { kind: text.replacen(name, "", 1), name: name.to_owned() });
    }
    let at = text.rfind([' ', '*']).with_context(|| format!("no name in: {text}"))?;
    let (kind, name) = (text[..=at].trim(), &text[at + 1..]);
    if name.is_empty() || kind.is_empty() {
        bail!("no name in: {text}");
    }
    Ok(Parameter { kind: kind.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parameters_are_taken_apart() {
        let declared =
            function("semaphore_status semaphore_x(const uint8_t *p, size_t n, void (*wake)(void *user), void *user);");
        let declared = declared.unwrap();
        let kinds: Vec<_> = declared.parameters.iter().map(|p| (p.kind.as_str(), p.name.as_str())).collect();
        let wanted = [("const uint8_t *", "p"), ("size_t", "n"), ("void (*)(void *user)", "wake"), ("void *", "user")];
        assert_eq!(
            (declared.name.as_str(), declared.result.as_str(), kinds),
            ("semaphore_x", "semaphore_status", wanted.into())
        );
        assert!(function("uint32_t semaphore_y(void);").unwrap().parameters.is_empty());
    }

    #[test]
    fn the_committed_header_is_understood() {
        let header = Header::read().unwrap();
        assert!(header.functions.iter().any(|f| f.name == "semaphore_rt_set_wakeup" && f.parameters.len() == 4));
        let error = header.structures.iter().find(|s| s.name == "semaphore_err").unwrap();
        assert_eq!(error.fields, ["size", "code", "os_errno", "flags", "json"]);
        assert!(header.constants.contains(&("SEMAPHORE_E_PANIC".into(), "-99".into())));
    }
}
