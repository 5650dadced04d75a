//! Flags in the form that Go's programs understand besides: `--yes=true`, `--yes=false`.
//!
//! Not for flags with a value of another kind. Reference: pflag, whose truth values are those of `strconv.ParseBool`.

use std::{collections::HashSet, ffi::OsString};

use clap::{ArgAction, Command};

/// The same arguments with each flag that is said to be true alone, and without those that are said to be false. What is neither
/// stays as it is and is refused.
pub(super) fn plain(arguments: impl IntoIterator<Item = OsString>, program: &Command) -> Vec<OsString> {
    let (mut flags, mut others) = (HashSet::new(), HashSet::new());
    collect(program, &mut flags, &mut others);
    let mut only_values = false;
    let keeps = |argument: OsString| {
        only_values |= argument == "--";
        let Some((name, value)) = argument.to_str().and_then(|text| text.strip_prefix("--")?.split_once('=')) else {
            return Some(argument);
        };
        if only_values || !flags.contains(name) || others.contains(name) {
            return Some(argument);
        }
        match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(format!("--{name}").into()),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => None,
            _ => Some(argument),
        }
    };
    arguments.into_iter().filter_map(keeps).collect()
}

/// Names of flags, and of options that take a value in one command or another.
fn collect(command: &Command, flags: &mut HashSet<String>, others: &mut HashSet<String>) {
    for argument in command.get_arguments() {
        let names = if matches!(argument.get_action(), ArgAction::SetTrue) { &mut *flags } else { &mut *others };
        names.extend(argument.get_long().map(str::to_owned));
    }
    for below in command.get_subcommands() {
        collect(below, flags, others);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use clap::{Arg, CommandFactory as _};

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn truth_is_said_in_the_words_of_go() {
        let check = |given: &str, expected: &str| {
            let words = given.split(' ').map(OsString::from);
            let plain: Vec<_> = plain(words, &Arguments::command());
            assert_eq!(plain.join(OsStr::new(" ")), expected, "{given}");
        };
        check("semaphore migrate --yes=true --return-check=T", "semaphore migrate --yes --return-check");
        check("semaphore --no-config=0 server --rehearse=False", "semaphore server");
        check("semaphore migrate --yes=maybe --apply-to=true", "semaphore migrate --yes=maybe --apply-to=true");
        check("semaphore users add --admin=false -- --yes=true", "semaphore users add --admin=false -- --yes=true");
    }

    #[test]
    fn what_takes_a_value_somewhere_is_left_alone() {
        let program = Command::new("x")
            .subcommand(Command::new("a").arg(Arg::new("all").long("all").action(ArgAction::SetTrue)))
            .subcommand(Command::new("b").arg(Arg::new("all").long("all")));
        let plain = plain(["x", "b", "--all=true"].map(OsString::from), &program);
        assert_eq!(plain, ["x", "b", "--all=true"]);
    }
}
