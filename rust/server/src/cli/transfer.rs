//! What the commands that carry a whole installation over have in common: the bar, the report, the checks beforehand.
//!
//! Not for the work itself: that is [`semaphore_store::transfer`].

use std::time::{Duration, Instant};

use semaphore_store::transfer::{Phase, Progress, Report};

use super::output::{say, show_progress};

/// How often the bar is drawn.
const INTERVAL: Duration = Duration::from_millis(100);
/// Letters of the bar.
const WIDTH: u64 = 30;

/// A bar on the terminal; nothing where there is none.
pub(super) struct Bar {
    drawn: Option<Instant>,
}

impl Bar {
    pub(super) const fn new() -> Self {
        Self { drawn: None }
    }

    /// Draws how far it is, if some time has passed since.
    pub(super) fn draw(&mut self, progress: &Progress) {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL) {
            return;
        }
        self.drawn = Some(Instant::now());
        let verb = match progress.phase {
            Phase::Check => "checking",
            Phase::Copy => "copying",
            Phase::Compare => "comparing",
        };
        let Progress { table, done, total, .. } = progress;
        let bar = if *total == 0 {
            format!("{verb} {table}: {done} rows")
        } else {
            let done = (*done).min(*total);
            let full = usize::try_from(done * WIDTH / total).unwrap_or_default();
            let empty = usize::try_from(WIDTH).unwrap_or_default() - full;
            format!("[{}{}] {:3} % {verb} {table}", "#".repeat(full), ".".repeat(empty), done * 100 / total)
        };
        show_progress(&bar);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            show_progress("");
        }
    }
}

/// Tells what became of each table, on stdout.
pub(super) fn tell(report: &Report) -> anyhow::Result<()> {
    for table in &report.tables {
        say(&format!("{:<36} {:>9} rows  checksum {:032x}", table.table, table.sum.count, table.sum.checksum))?;
        for (note, count) in &table.notes {
            say(&format!("    {count} {}: {note}", if *count == 1 { "row" } else { "rows" }))?;
        }
    }
    for note in &report.notes {
        say(&format!("note: {note}"))?;
    }
    Ok(())
}
