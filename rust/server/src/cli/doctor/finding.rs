//! What was found: its weight, its words, what to do about it.

use serde::Serialize;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Level {
    /// It is as it should be.
    Ok,
    /// Good to know.
    Note,
    /// It works, but not as well as it could.
    Warning,
    /// Something does not work, or data is not as it should be.
    Problem,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct Finding {
    /// What was looked at, one word.
    area: &'static str,
    level: Level,
    /// What is, in one sentence.
    message: String,
    /// What to do about it; empty if there is nothing to do.
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
    /// Whether it was mended.
    fixed: bool,
}

/// Everything that was found, in order.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Report {
    findings: Vec<Finding>,
    /// Whether another version wrote the database.
    pub(in crate::cli) foreign_database: bool,
}

/// The report as JSON.
#[derive(Serialize)]
pub(in crate::cli) struct Document<'a> {
    version: &'a str,
    problems: usize,
    warnings: usize,
    fixed: usize,
    findings: &'a [Finding],
}

impl Report {
    pub(in crate::cli) fn ok(&mut self, area: &'static str, message: impl Into<String>) {
        self.add(area, Level::Ok, message, "");
    }

    pub(in crate::cli) fn note(&mut self, area: &'static str, message: impl Into<String>, advice: &'static str) {
        self.add(area, Level::Note, message, advice);
    }

    pub(in crate::cli) fn warning(&mut self, area: &'static str, message: impl Into<String>, advice: &'static str) {
        self.add(area, Level::Warning, message, advice);
    }

    pub(in crate::cli) fn problem(&mut self, area: &'static str, message: impl Into<String>, advice: &'static str) {
        self.add(area, Level::Problem, message, advice);
    }

    fn add(&mut self, area: &'static str, level: Level, message: impl Into<String>, advice: &'static str) {
        self.findings.push(Finding { area, level, message: message.into(), advice, fixed: false });
    }

    /// Notes that the last finding was mended, or why that failed.
    pub(in crate::cli) fn repaired<E: std::error::Error>(&mut self, done: Result<(), E>) {
        let Some(last) = self.findings.last_mut() else { return };
        match done {
            Ok(()) => last.fixed = true,
            Err(error) => {
                last.message = format!("{}; the repair failed: {}", last.message, semaphore_model::error_chain(&error));
            }
        }
    }

    /// Problems that are left.
    pub(in crate::cli) fn problems(&self) -> usize {
        self.count(Level::Problem)
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level && !finding.fixed).count()
    }

    fn fixed(&self) -> usize {
        self.findings.iter().filter(|finding| finding.fixed).count()
    }

    pub(in crate::cli) fn document<'a>(&'a self, version: &'a str) -> Document<'a> {
        Document {
            version,
            problems: self.problems(),
            warnings: self.count(Level::Warning),
            fixed: self.fixed(),
            findings: &self.findings,
        }
    }

    /// The findings from a weight on, as lines for a terminal.
    pub(in crate::cli) fn lines(&self, from: Level) -> Vec<String> {
        let mut lines = Vec::new();
        for finding in self.findings.iter().filter(|finding| finding.level >= from) {
            let word = if finding.fixed { "fixed" } else { finding.level.word() };
            lines.push(format!("{:<13} {word:<8} {}", finding.area, finding.message));
            if !finding.advice.is_empty() && !finding.fixed {
                lines.push(format!("{:<22} {}", "", finding.advice));
            }
        }
        lines
    }

    pub(in crate::cli) fn summary(&self) -> String {
        let (problems, warnings, fixed) = (self.problems(), self.count(Level::Warning), self.fixed());
        format!("{problems} problems, {warnings} warnings, {fixed} fixed")
    }
}
