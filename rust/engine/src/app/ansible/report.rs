//! What an Ansible run did to each host, read from its output line by line.
//!
//! Not for storing: the lines are in the store, and this reads them. Invariants: any text is accepted, what is not understood
//! is passed over, and memory is bounded whatever the output is. Known are the forms of the default callback (JSON on one line,
//! indented JSON at higher verbosity, `result_format = yaml`), of `yaml`, `minimal` and `oneline`; of other callbacks nothing is
//! reported.

mod answer;

use chrono::{DateTime, Utc};
use semaphore_model::ansi;

use self::answer::{Answer, Form};

/// More failures than this are not kept: nobody reads them, and each one costs memory.
const MOST_FAILURES: usize = 10_000;
/// More hosts than this are not kept.
const MOST_HOSTS: usize = 100_000;
/// Length to which the message of one failure is cut.
const LONGEST_ERROR_BYTES: usize = 16 * 1024;
/// Length of all messages together; later ones are cut to what is left.
const ALL_ERRORS_BYTES: usize = 2 * 1024 * 1024;

/// Figures of one host, from the line of the play recap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSummary {
    /// Name of the host.
    pub host: String,
    /// Tasks that changed something.
    pub changed: u32,
    /// Tasks that failed.
    pub failed: u32,
    /// Failures that were ignored.
    pub ignored: u32,
    /// Tasks that went well.
    pub ok: u32,
    /// Failures that were rescued.
    pub rescued: u32,
    /// Tasks that were skipped.
    pub skipped: u32,
    /// Times the host was not reached.
    pub unreachable: u32,
    /// When the line was read.
    pub time: DateTime<Utc>,
}

/// A task that failed on a host and was neither ignored nor rescued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFailure {
    /// Name of the host.
    pub host: String,
    /// Name of the task; empty if the callback does not print names.
    pub task: String,
    /// Message of the module, or all that it answered; cut to 16 KiB.
    pub error: String,
    /// When the line was read.
    pub time: DateTime<Utc>,
}

/// Reads the output line by line; can be asked at any moment and go on afterwards.
#[derive(Clone, Debug, Default)]
pub struct Report {
    hosts: Vec<HostSummary>,
    failures: Vec<Found>,
    /// Bytes of all messages in `failures`.
    error_bytes: usize,
    task: String,
    /// Counts the titles of tasks: two tasks may have one name.
    task_number: u64,
    in_recap: bool,
    /// A failure whose message goes on in the next lines.
    open: Option<Open>,
    plain: String,
}

#[derive(Clone, Debug)]
struct Found {
    task_number: u64,
    failure: HostFailure,
}

#[derive(Clone, Debug)]
struct Open {
    host: String,
    time: DateTime<Utc>,
    answer: Answer,
}

impl Report {
    /// Takes the next line, with its terminal colours.
    pub fn line(&mut self, line: &str, time: DateTime<Utc>) {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        ansi::strip_into(&mut plain, line);
        // A host chooses what it prints: nothing of it may act on the terminal of who reads the report.
        plain.retain(|c| c == '\n' || c == '\t' || !c.is_control());
        // A record may hold several lines: those of the engine end with a line feed.
        for part in plain.split('\n') {
            self.plain_line(part.trim_end(), time);
        }
        self.plain = plain;
    }

    /// Hosts in the order of the recap, and failures in the order in which they happened.
    pub fn finish(mut self) -> (Vec<HostSummary>, Vec<HostFailure>) {
        self.close();
        (self.hosts, self.failures.into_iter().map(|found| found.failure).collect())
    }

    fn plain_line(&mut self, line: &str, time: DateTime<Utc>) {
        let header = Header::of(line);
        if let Some(open) = &mut self.open {
            if header.is_none() && open.answer.takes(line) {
                if open.answer.is_complete() {
                    self.close();
                }
                return;
            }
            self.close();
        }
        match header {
            Some(Header::Task(name)) => {
                name.clone_into(&mut self.task);
                self.task_number += 1;
                self.in_recap = false;
            }
            Some(Header::Play) => self.in_recap = false,
            Some(Header::Recap) => self.in_recap = true,
            Some(Header::Ignoring) => self.ignore_last(),
            Some(Header::Failure { host, form, answer }) => {
                self.open = Some(Open { host: host.to_owned(), time, answer: Answer::new(form, answer) });
                if self.open.as_ref().is_some_and(|open| open.answer.is_complete()) {
                    self.close();
                }
            }
            None if self.in_recap => {
                if let Some(summary) = summary(line, time) {
                    self.count(summary);
                }
            }
            None => {}
        }
    }

    /// The message of the open failure is whole.
    fn close(&mut self) {
        let Some(Open { host, time, answer }) = self.open.take() else { return };
        let mut error = answer.message();
        let number = self.task_number;
        let same_task = |found: &Found| found.task_number == number && found.failure.host == host;
        // After the items of a loop their host is told once more, with nothing new.
        if error == "All items completed" && self.failures.iter().rev().any(same_task) {
            return;
        }
        if self.failures.len() >= MOST_FAILURES {
            return;
        }
        let room = LONGEST_ERROR_BYTES.min(ALL_ERRORS_BYTES.saturating_sub(self.error_bytes));
        error.truncate(error.floor_char_boundary(room));
        self.error_bytes += error.len();
        let failure = HostFailure { host, task: self.task.clone(), error, time };
        self.failures.push(Found { task_number: number, failure });
    }

    /// `...ignoring` stands behind the failure it means; of a loop behind all items of the host.
    fn ignore_last(&mut self) {
        let number = self.task_number;
        let Some(last) = self.failures.last().filter(|last| last.task_number == number) else { return };
        let host = last.failure.host.clone();
        self.forget(|found| found.task_number == number && found.failure.host == host);
    }

    /// Takes the figures of a host, and forgets its failures that were rescued.
    ///
    /// Which ones those were is not printed. A failure that counts ends the host's part in the run, so it is among the last.
    fn count(&mut self, summary: HostSummary) {
        if summary.rescued > 0 {
            let counted =
                usize::try_from(u64::from(summary.failed) + u64::from(summary.unreachable)).unwrap_or(usize::MAX);
            let mut tasks: Vec<u64> = Vec::new();
            for found in self.failures.iter().rev().filter(|found| found.failure.host == summary.host) {
                if !tasks.contains(&found.task_number) {
                    if tasks.len() >= counted {
                        break;
                    }
                    tasks.push(found.task_number);
                }
            }
            self.forget(|found| found.failure.host == summary.host && !tasks.contains(&found.task_number));
        }
        if self.hosts.len() < MOST_HOSTS {
            self.hosts.push(summary);
        }
    }

    fn forget(&mut self, which: impl Fn(&Found) -> bool) {
        self.failures.retain(|found| !which(found));
        self.error_bytes = self.failures.iter().map(|found| found.failure.error.len()).sum();
    }
}

/// A line that means something by itself.
enum Header<'a> {
    Task(&'a str),
    Play,
    Recap,
    Ignoring,
    Failure { host: &'a str, form: Form, answer: &'a str },
}

impl<'a> Header<'a> {
    fn of(line: &'a str) -> Option<Self> {
        if let Some(title) = line.strip_prefix("TASK [").or_else(|| line.strip_prefix("RUNNING HANDLER [")) {
            Some(Self::Task(title.rsplit_once(']').map_or(title, |(name, _)| name)))
        } else if line.starts_with("PLAY RECAP *") {
            Some(Self::Recap)
        } else if line.starts_with("PLAY [") {
            Some(Self::Play)
        } else if line == "...ignoring" {
            Some(Self::Ignoring)
        } else {
            failure(line).or_else(|| minimal_failure(line))
        }
    }
}

/// `web1    : ok=2    changed=1    unreachable=0    failed=0 ...`
fn summary(line: &str, time: DateTime<Utc>) -> Option<HostSummary> {
    let (host, figures) = line.rsplit_once(" : ").or_else(|| line.rsplit_once(": "))?;
    let mut summary = HostSummary { host: host.trim().to_owned(), time, ..HostSummary::default() };
    let mut known = 0;
    for figure in figures.split_whitespace() {
        let (name, number) = figure.split_once('=')?;
        let number = number.parse().ok()?;
        let place = match name {
            "ok" => &mut summary.ok,
            "changed" => &mut summary.changed,
            "unreachable" => &mut summary.unreachable,
            "failed" => &mut summary.failed,
            "skipped" => &mut summary.skipped,
            "rescued" => &mut summary.rescued,
            "ignored" => &mut summary.ignored,
            _ => continue,
        };
        *place = number;
        known += 1;
    }
    (known > 0 && !summary.host.is_empty()).then_some(summary)
}

/// `fatal: [web1]: FAILED! => {"msg": "no"}`, `failed: [web1] (item=a) => {...}`, `fatal: [web1]: UNREACHABLE! => {...}`
fn failure(line: &str) -> Option<Header<'_>> {
    let rest = line.strip_prefix("fatal: [").or_else(|| line.strip_prefix("failed: ["))?;
    let (host, rest) = rest.split_once(']')?;
    // The text of an item may hold an arrow; the answer begins behind the last one before its brace.
    let answer = rest.split_once("=> {").map(|(before, _)| &rest[before.len() + 3..]);
    let answer = answer.or_else(|| rest.split_once("=>").map(|(_, answer)| answer)).unwrap_or(rest).trim();
    // Of a delegated task the name is `web1 -> db1`; it counts for the first.
    let host = host.split(" -> ").next().unwrap_or(host);
    let form = if answer.starts_with('{') { Form::Json } else { Form::Indented };
    Some(Header::Failure { host, form, answer })
}

/// `web1 | FAILED! => {`, `web1 | UNREACHABLE! => {...}`, `web1 | FAILED | rc=1 >>`
fn minimal_failure(line: &str) -> Option<Header<'_>> {
    let (host, rest) = line.split_once(" | ")?;
    if host.is_empty() || host.contains(char::is_whitespace) {
        return None;
    }
    let json = rest.strip_prefix("FAILED!").or_else(|| rest.strip_prefix("UNREACHABLE!"));
    if let Some(answer) = json.and_then(|rest| rest.split_once("=>").map(|(_, answer)| answer.trim())) {
        let form = if answer.starts_with('{') { Form::Json } else { Form::Indented };
        return Some(Header::Failure { host, form, answer });
    }
    let answer = rest.strip_prefix("FAILED | ")?;
    Some(Header::Failure { host, form: Form::Block, answer: answer.trim_end_matches(" >>") })
}

#[cfg(test)]
mod tests;
