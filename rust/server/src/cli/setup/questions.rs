//! Questions on stdout, answers from stdin, one line each.
//!
//! Invariants: the end of the input is an error, never an answer; an answer that is not good is asked for again.
//! Reference: the end of the input counted as the default, a word too many as the answer to the next question.

use std::io::{self, BufRead};

use semaphore_model::Secret;

use crate::cli::{
    output::{ask, say},
    password::read_hidden,
};

/// That an answer is missing.
#[derive(Debug, thiserror::Error)]
#[error("the input ended before the answer to {question:?}")]
pub(super) struct Ended {
    question: String,
}

/// Asks in the form of the reference: the default is in the question, and an empty line follows.
pub(in crate::cli) fn value(
    question: &str,
    default: &str,
    complaint: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    loop {
        let given = line(question, &prompt(question, default))?;
        say("")?;
        let answer = match given.trim() {
            "" => default,
            given => given,
        };
        match complaint(answer) {
            None => return Ok(answer.to_owned()),
            Some(complaint) => say(&format!("{answer:?} {complaint}. Please answer again."))?,
        }
    }
}

/// Asks for a secret, which a terminal does not show.
pub(in crate::cli) fn secret(question: &str, default: &str) -> anyhow::Result<Secret> {
    let given =
        read_hidden(|| ask(&prompt(question, default)))?.ok_or_else(|| Ended { question: question.to_owned() })?;
    say("")?;
    Ok(if given.is_empty() { default.into() } else { given })
}

/// Asks for yes or no; an empty answer is no.
pub(in crate::cli) fn is_wanted(question: &str) -> anyhow::Result<bool> {
    loop {
        let given = line(question, &format!("{question} (yes/no) (default no): "))?;
        say("")?;
        match given.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" | "" => return Ok(false),
            other => say(&format!("{other:?} is neither yes nor no. Please answer again."))?,
        }
    }
}

/// Asks for something about a person, which must not be empty.
pub(super) fn about_person(question: &str, prompt: &str) -> anyhow::Result<String> {
    let mut prompt = prompt.to_owned();
    loop {
        let given = line(question, &prompt)?;
        if !given.trim().is_empty() {
            return Ok(given);
        }
        prompt = format!("\n {question} must not be empty. Please answer again.\n > {question}: ");
    }
}

/// Asks for the password of a person until `complaint` has none.
pub(super) fn password(complaint: impl Fn(&str) -> Option<String>) -> anyhow::Result<Secret> {
    let mut prompt = " > Password: ".to_owned();
    loop {
        let given = read_hidden(|| ask(&prompt))?.ok_or_else(|| Ended { question: "Password".to_owned() })?;
        let Some(complaint) = complaint(given.expose()) else { return Ok(given) };
        prompt = format!("\n {complaint}. Please answer again.\n > Password: ");
    }
}

fn prompt(question: &str, default: &str) -> String {
    if default.is_empty() { format!("{question}: ") } else { format!("{question} (default {default}): ") }
}

fn line(question: &str, prompt: &str) -> anyhow::Result<String> {
    ask(prompt)?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(Ended { question: question.trim_end().to_owned() }.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
