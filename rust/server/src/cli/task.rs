//! `task`: what can be done to stored tasks without a server. Ours.

use anyhow::Context;
use semaphore_model::TaskId;

use super::{
    arguments::{TaskCommand, Unarchive},
    output::say,
    start::{self, ConfigSource},
    task_export,
};

pub(super) fn run(source: &ConfigSource, command: &TaskCommand) -> anyhow::Result<()> {
    match command {
        TaskCommand::Unarchive(wanted) => unarchive(source, wanted),
        TaskCommand::Export(wanted) => task_export::run(source, wanted),
    }
}

/// Brings archived output back, one line on stdout per task. Safe to run again after an interruption.
fn unarchive(source: &ConfigSource, wanted: &Unarchive) -> anyhow::Result<()> {
    start::with_services(source, |config, services| async move {
        if config.task_output_archive_days > 0 {
            let days = config.task_output_archive_days;
            tracing::warn!(days, "task_output_archive_days is set: the server will archive this output again");
        }
        let only = wanted.id.map(TaskId);
        let mut lines_of_all = 0;
        let mut shown = Ok(());
        let tell = |task: TaskId, lines: i64| {
            lines_of_all += lines;
            if shown.is_ok() {
                shown = say(&format!("Task {task}: {lines} lines restored"));
            }
        };
        let tasks = match only {
            Some(task) => services
                .unarchive_output(only, tell)
                .await
                .with_context(|| format!("no output of task {task} was restored"))?,
            None => services
                .unarchive_output(None, tell)
                .await
                .context("not all output was restored; run the command again")?,
        };
        shown?;
        say(&format!("Output of {tasks} tasks restored, {lines_of_all} lines"))?;
        Ok(())
    })
}
