//! What a module answered: one or more lines, and the message in them.

use serde_json::Value;

/// What is kept of an answer; a longer one is cut, its end is still found.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// On one line, or indented and ended by a brace in the first column.
    Json,
    /// Lines with white space before them: YAML.
    Indented,
    /// Any lines up to an empty one.
    Block,
}

/// An answer while it is read.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    form: Form,
    text: String,
    complete: bool,
}

impl Answer {
    /// With what stands on the failure's own line.
    pub(super) fn new(form: Form, first: &str) -> Self {
        let mut answer = Self { form, text: String::new(), complete: form == Form::Json && first != "{" };
        answer.push(first);
        answer
    }

    /// Whether nothing more can come.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes the next line if it belongs to the answer.
    pub(super) fn takes(&mut self, line: &str) -> bool {
        let belongs = match self.form {
            Form::Json => line.starts_with([' ', '}', ']']),
            Form::Indented => line.starts_with(' '),
            Form::Block => !line.is_empty(),
        };
        if belongs {
            self.push(line);
            self.complete = self.form == Form::Json && line.starts_with('}');
        }
        belongs
    }

    fn push(&mut self, line: &str) {
        let room = LONGEST_ANSWER_BYTES.saturating_sub(self.text.len() + 1);
        if !self.text.is_empty() && room > 0 {
            self.text.push('\n');
        }
        self.text.push_str(&line[..line.floor_char_boundary(room)]);
    }

    /// The module's `msg`, or all that there is.
    pub(super) fn message(self) -> String {
        let found = match self.form {
            Form::Json => json_message(&self.text),
            Form::Indented => yaml_message(&self.text),
            Form::Block => None,
        };
        found.unwrap_or_else(|| self.text.trim().to_owned())
    }
}

fn json_message(text: &str) -> Option<String> {
    let Ok(answer) = serde_json::from_str::<Value>(text) else {
        // It was cut: the message may stand before the cut, on a line of its own.
        let line = text.lines().find_map(|line| line.strip_prefix("    \"msg\": "))?;
        return serde_json::from_str(line.trim_end_matches(',')).ok();
    };
    match &answer["msg"] {
        Value::String(text) if !text.is_empty() => return Some(text.clone()),
        Value::Array(_) | Value::Object(_) => return Some(answer["msg"].to_string()),
        _ => {}
    }
    // Of a task with `no_log` only this is shown.
    answer["censored"].as_str().map(str::to_owned)
}

/// The value of `msg` at the lowest level: on its line, or in the deeper lines below it.
fn yaml_message(text: &str) -> Option<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines();
    let first = lines.by_ref().find(|line| line.trim_start().starts_with("msg:"))?;
    let level = indent(first);
    let value = first.trim_start()["msg:".len()..].trim();
    if !value.is_empty() && !value.starts_with(['|', '>']) {
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        if let Some(inner) = quoted('\'') {
            return Some(inner.replace("''", "'"));
        }
        return Some(serde_json::from_str(value).unwrap_or_else(|_| value.to_owned()));
    }
    let below: Vec<&str> = lines.take_while(|line| line.is_empty() || indent(line) > level).map(str::trim).collect();
    (!below.is_empty()).then(|| below.join("\n"))
}
