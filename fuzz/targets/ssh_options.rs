//! What ssh is told: as the text of a shell it gives exactly the arguments again, whatever the paths are.

#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use semaphore_engine::{job::HostKeyMode, key::SshOptions};

#[derive(Arbitrary, Debug)]
struct Input {
    mode: u8,
    known_hosts: Option<String>,
    config: Option<String>,
}

/// The words of a text as a POSIX shell reads it; `None` if it would do more than read words.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            ' ' => words.extend(word.take()),
            '$' | '`' | '"' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '\n' | '\t' | '*' | '?' | '[' | '#' | '~' => {
                return None;
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

fuzz_target!(|input: Input| {
    let mode = [HostKeyMode::Off, HostKeyMode::AcceptNew, HostKeyMode::Strict][usize::from(input.mode % 3)];
    let options = SshOptions {
        mode,
        known_hosts: input.known_hosts.map(Into::into),
        config: input.config.map(Into::into),
        ..SshOptions::default()
    };
    let arguments = options.arguments();
    assert_eq!(words(&options.shell_text()), Some(arguments.clone()), "{:?}", options.shell_text());
    let mut options = arguments.iter();
    while let Some(option) = options.next() {
        assert!(option == "-o" || option == "-F", "{arguments:?}");
        assert!(options.next().is_some(), "{arguments:?}");
    }
});
