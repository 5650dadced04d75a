//! `man`: a manual page for each command.

use std::{fs, io::Write};

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man as Page;

use super::{arguments::Arguments, installation_arguments::Man, output::note};

pub(super) fn run(arguments: &Man) -> anyhow::Result<()> {
    // Pages about `help COMMAND` would say the same again.
    let command = Arguments::command().disable_help_subcommand(true);
    let Some(directory) = &arguments.dir else {
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        return Ok(std::io::stdout().write_all(&page)?);
    };
    let cannot = || format!("cannot write manual pages into {}", directory.display());
    fs::create_dir_all(directory).with_context(cannot)?;
    clap_mangen::generate_to(command, directory).with_context(cannot)?;
    Ok(note(&format!("The manual pages are in {}", directory.display()))?)
}
