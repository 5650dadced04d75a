//! `completion`: what a shell needs to complete commands and flags.

use std::io;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{arguments::Arguments, installation_arguments::CompletionShell};

pub(super) fn run(shell: CompletionShell, without_descriptions: bool) -> anyhow::Result<()> {
    let mut command = Arguments::command();
    if without_descriptions {
        command = plain(command);
    }
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
        CompletionShell::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    generate(shell, &mut command, "semaphore", &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The same command without what is said about its parts.
fn plain(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let mut command = command.about(None).long_about(None).mut_args(|argument| argument.help(None).long_help(None));
    for name in names {
        command = command.mut_subcommand(name, plain);
    }
    command
}
