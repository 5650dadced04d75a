//! The part of Go's text templates that claim expressions can use.
//!
//! Fields, `index`, `print`, `printf` with `%s`, `%d` and `%v`, `len`, `and`, `or`, `not`, `eq`, `ne`, brackets, `if`, `with`,
//! `else`, comments and trimmed space. No pipes: `|` separates the alternatives before a template is read. Pure; a template
//! that is not understood, or that names an absent claim, has no value. Depth and length are bounded by the configuration,
//! which an administrator writes.

use serde_json::Value;

use super::claim::Claims;

/// The text of a template over the claims.
pub(super) fn render(template: &str, claims: &Claims) -> Option<String> {
    let pieces = split(template)?;
    let root = Value::Object(claims.clone());
    let mut output = String::new();
    let mut rest = pieces.as_slice();
    block(&mut rest, &root, true, &mut output)?;
    // An `end` or `else` that nothing opened.
    rest.is_empty().then_some(output)
}

enum Piece {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    /// The names after a dot; empty for `.` itself.
    Field(Vec<String>),
    Word(String),
    Literal(Value),
}

/// Texts and actions in turn. `{{-` and `-}}` take the space beside them away.
fn split(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut trims = false;
    loop {
        let (text, action) = match rest.split_once("{{") {
            Some((text, action)) => (text, Some(action)),
            None => (rest, None),
        };
        let mut text = if trims { text.trim_start() } else { text };
        let Some(action) = action else {
            pieces.push(Piece::Text(text.to_owned()));
            return Some(pieces);
        };
        let (mut inner, after) = action.split_once("}}")?;
        if let Some(trimmed) = inner.strip_prefix('-').filter(|inner| inner.starts_with(char::is_whitespace)) {
            inner = trimmed;
            text = text.trim_end();
        }
        let trimmed = inner.strip_suffix('-').filter(|inner| inner.ends_with(char::is_whitespace));
        trims = trimmed.is_some();
        inner = trimmed.unwrap_or(inner).trim();
        pieces.push(Piece::Text(text.to_owned()));
        if !(inner.starts_with("/*") && inner.ends_with("*/")) {
            pieces.push(Piece::Action(tokens(inner)?));
        }
        rest = after;
    }
}

fn tokens(action: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                found.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' => {
                let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                found.push(Token::Literal(stream.next()?.ok()?.into()));
                stream.byte_offset()
            }
            '`' => {
                let text = rest.get(1..)?.split_once('`')?.0;
                found.push(Token::Literal(text.into()));
                text.len() + 2
            }
            _ => {
                let end = rest.find(|letter: char| letter.is_whitespace() || "()\"`".contains(letter));
                let word = rest.get(..end.unwrap_or(rest.len()))?;
                found.push(word_token(word)?);
                word.len()
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(found)
}

fn word_token(word: &str) -> Option<Token> {
    if let Some(path) = word.strip_prefix('.') {
        let names: Vec<_> = path.split('.').filter(|_| !path.is_empty()).map(str::to_owned).collect();
        return names.iter().all(|name| !name.is_empty()).then_some(Token::Field(names));
    }
    if let Ok(number) = word.parse::<i64>() {
        return Some(Token::Literal(number.into()));
    }
    match word {
        "true" | "false" => Some(Token::Literal((word == "true").into())),
        _ => word.chars().all(char::is_alphanumeric).then(|| Token::Word(word.to_owned())),
    }
}

/// How a block ended: with the action that closes it.
enum End {
    Template,
    Else(Vec<Token>),
    Closed,
}

/// Reads pieces up to the end of a block; writes only if `shown`. What is not shown is not evaluated either.
fn block(pieces: &mut &[Piece], dot: &Value, shown: bool, output: &mut String) -> Option<End> {
    while let Some((piece, after)) = pieces.split_first() {
        let tokens = match piece {
            Piece::Text(text) => {
                if shown {
                    output.push_str(text);
                }
                *pieces = after;
                continue;
            }
            Piece::Action(tokens) => tokens,
        };
        match tokens.first() {
            Some(Token::Word(word)) if word == "end" => {
                *pieces = after;
                return Some(End::Closed);
            }
            Some(Token::Word(word)) if word == "else" => {
                *pieces = after;
                return Some(End::Else(tokens.get(1..)?.to_vec()));
            }
            Some(Token::Word(word)) if word == "if" || word == "with" => {
                *pieces = after;
                branch(tokens, pieces, dot, shown, output)?;
            }
            _ => {
                *pieces = after;
                if shown {
                    output.push_str(&shown_text(&evaluate(tokens, dot)?)?);
                }
            }
        }
    }
    Some(End::Template)
}

/// `if` or `with`, up to its `end`.
fn branch(tokens: &[Token], pieces: &mut &[Piece], dot: &Value, shown: bool, output: &mut String) -> Option<()> {
    let is_with = tokens.first() == Some(&Token::Word("with".to_owned()));
    let value = if shown { condition(tokens.get(1..)?, dot)? } else { Value::Null };
    let holds = shown && is_true(&value);
    let inner = if is_with { &value } else { dot };
    match block(pieces, inner, holds, output)? {
        End::Closed => Some(()),
        End::Template => None,
        End::Else(tokens) if tokens.is_empty() => match block(pieces, dot, shown && !holds, output)? {
            End::Closed => Some(()),
            End::Template | End::Else(_) => None,
        },
        // `else if`: the `end` of the inner one is that of the outer one.
        End::Else(tokens) => branch(&tokens, pieces, dot, shown && !holds, output),
    }
}

/// A condition may name what is absent.
fn condition(tokens: &[Token], dot: &Value) -> Option<Value> {
    match tokens {
        [Token::Field(names)] => Some(field(names, dot).unwrap_or(Value::Null)),
        _ => evaluate(tokens, dot),
    }
}

fn evaluate(tokens: &[Token], dot: &Value) -> Option<Value> {
    let mut rest = tokens;
    if let Some(Token::Word(function)) = tokens.first() {
        rest = rest.get(1..)?;
        let mut arguments = Vec::new();
        while !rest.is_empty() {
            arguments.push(operand(&mut rest, dot)?);
        }
        return call(function, &arguments);
    }
    let value = operand(&mut rest, dot)?;
    rest.is_empty().then_some(value)?
}

/// One operand; the inner `None` is an absent value, which functions such as `or` can take.
#[expect(clippy::option_option, reason = "not understood, absent, there")]
fn operand(rest: &mut &[Token], dot: &Value) -> Option<Option<Value>> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    match first {
        Token::Literal(value) => Some(Some(value.clone())),
        Token::Field(names) => Some(field(names, dot)),
        Token::Word(_) | Token::Close => None,
        Token::Open => {
            let mut depth = 1;
            let close = after.iter().position(|token| {
                depth += match token {
                    Token::Open => 1,
                    Token::Close => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            *rest = after.get(close + 1..)?;
            Some(Some(evaluate(after.get(..close)?, dot)?))
        }
    }
}

fn field(names: &[String], dot: &Value) -> Option<Value> {
    names
        .iter()
        .try_fold(dot, |value, name| value.as_object().and_then(|object| super::claim::look_up(name, object)))
        .cloned()
}

fn call(function: &str, arguments: &[Option<Value>]) -> Option<Value> {
    let truth = |value: &Option<Value>| value.as_ref().is_some_and(is_true);
    match (function, arguments) {
        ("or", [_, ..]) => arguments.iter().find(|value| truth(value)).or(arguments.last())?.clone(),
        ("and", [_, ..]) => arguments.iter().find(|value| !truth(value)).or(arguments.last())?.clone(),
        ("not", [value]) => Some(Value::Bool(!truth(value))),
        ("eq", [first, others @ ..]) if !others.is_empty() => Some(others.contains(first).into()),
        ("ne", [first, second]) => Some((first != second).into()),
        ("len", [Some(value)]) => match value {
            Value::String(text) => Some(text.len().into()),
            Value::Array(items) => Some(items.len().into()),
            Value::Object(items) => Some(items.len().into()),
            _ => None,
        },
        ("index", [Some(value), keys @ ..]) => keys
            .iter()
            .try_fold(value, |value, key| match key.as_ref()? {
                Value::String(name) => value.get(name),
                key => value.get(usize::try_from(key.as_i64()?).ok()?),
            })
            .cloned(),
        ("print", values) => {
            values.iter().map(|value| shown_text(value.as_ref()?)).collect::<Option<String>>().map(Value::from)
        }
        ("printf", [Some(Value::String(format)), values @ ..]) => formatted(format, values).map(Value::from),
        _ => None,
    }
}

fn formatted(format: &str, values: &[Option<Value>]) -> Option<String> {
    let mut values = values.iter();
    let mut parts = format.split('%');
    let mut text = parts.next()?.to_owned();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            // `%%`: what follows it is plain text.
            text.push('%');
            text.push_str(parts.next()?);
            continue;
        }
        let rest = part.strip_prefix(['s', 'd', 'v'])?;
        text.push_str(&shown_text(values.next()?.as_ref()?)?);
        text.push_str(rest);
    }
    values.next().is_none().then_some(text)
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
    }
}

/// As Go prints it; objects and null have no sensible text.
fn shown_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => match number.as_f64() {
            // JSON numbers are floats to Go; whole ones are shown as such.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => Some(format!("{float:.0}")),
            _ => Some(number.to_string()),
        },
        Value::Array(items) => {
            let texts = items.iter().map(shown_text).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", texts.join(" ")))
        }
        Value::Null | Value::Object(_) => None,
    }
}
