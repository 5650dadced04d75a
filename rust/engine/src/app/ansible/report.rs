//! What an Ansible run did to each host, read from its output.
//!
//! Not for storing: the lines are in the store, and this reads them again. Invariant: any text is accepted; what is not
//! understood is passed over.

use chrono::{DateTime, Utc};
use semaphore_model::ansi;
use serde_json::Value;

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

/// A task that failed on a host and was not ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFailure {
    /// Name of the host.
    pub host: String,
    /// Name of the task.
    pub task: String,
    /// Message of the module, or all that it answered.
    pub error: String,
    /// When the line was read.
    pub time: DateTime<Utc>,
}

/// Reads the output line by line.
#[derive(Debug, Default)]
pub struct Report {
    hosts: Vec<HostSummary>,
    failures: Vec<HostFailure>,
    task: String,
    in_recap: bool,
    plain: String,
}

impl Report {
    /// Takes the next line, with its terminal colours.
    pub fn line(&mut self, line: &str, time: DateTime<Utc>) {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        ansi::strip_into(&mut plain, line);
        self.plain_line(plain.trim_end(), time);
        self.plain = plain;
    }

    /// Hosts in the order of the recap, and failures in the order in which they happened.
    pub fn finish(self) -> (Vec<HostSummary>, Vec<HostFailure>) {
        (self.hosts, self.failures)
    }

    fn plain_line(&mut self, line: &str, time: DateTime<Utc>) {
        if let Some(title) = line.strip_prefix("TASK [").or_else(|| line.strip_prefix("RUNNING HANDLER [")) {
            title.rsplit_once(']').map_or(title, |(name, _)| name).clone_into(&mut self.task);
            self.in_recap = false;
        } else if line.starts_with("PLAY RECAP *") {
            self.in_recap = true;
        } else if line.starts_with("PLAY [") {
            self.in_recap = false;
        } else if line == "...ignoring" {
            self.failures.pop();
        } else if self.in_recap {
            self.hosts.extend(summary(line, time));
        } else if let Some((host, error)) = failure(line) {
            self.failures.push(HostFailure { host, task: self.task.clone(), error, time });
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
fn failure(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("fatal: [").or_else(|| line.strip_prefix("failed: ["))?;
    let (host, rest) = rest.split_once(']')?;
    let answer = rest.split_once("=>").map_or(rest, |(_, answer)| answer).trim();
    let message = serde_json::from_str::<Value>(answer).ok().and_then(|answer| match &answer["msg"] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    });
    // Of a delegated task the name is `web1 -> db1`; it counts for the first.
    let host = host.split(" -> ").next().unwrap_or(host).to_owned();
    Some((host, message.unwrap_or_else(|| answer.to_owned())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<HostSummary>, Vec<HostFailure>) {
        let mut report = Report::default();
        for line in text.lines() {
            report.line(line, DateTime::UNIX_EPOCH);
        }
        report.finish()
    }

    #[test]
    fn hosts_and_failures_are_read_from_coloured_output() {
        let (hosts, failures) = read(
            "PLAY [all] ****\n\nTASK [Break [it]] ****\n\
             \u{1b}[0;31mfatal: [web1]: FAILED! => {\"changed\": false, \"msg\": \"no space\"}\u{1b}[0m\n\
             \u{1b}[1;31mfatal: [db1]: UNREACHABLE! => {\"msg\": \"timed out\", \"unreachable\": true}\u{1b}[0m\n\
             TASK [May fail] ****\nfatal: [web2]: FAILED! => {\"msg\": \"never mind\"}\n...ignoring\n\
             failed: [web2 -> web3] (item=a) => {\"rc\": 1}\n\n\
             PLAY RECAP *****\n\u{1b}[0;33mweb1\u{1b}[0m                       : \u{1b}[0;32mok=1   \u{1b}[0m changed=0    unreachable=0    failed=1    skipped=2    rescued=0    ignored=0   \n\
             fe80::1                    : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0\n",
        );
        let of = |failure: &HostFailure| format!("{}|{}|{}", failure.host, failure.task, failure.error);
        assert_eq!(
            failures.iter().map(of).collect::<Vec<_>>(),
            ["web1|Break [it]|no space", "db1|Break [it]|timed out", "web2|May fail|{\"rc\": 1}"]
        );
        let figures = |host: &HostSummary| (host.host.clone(), host.ok, host.failed, host.skipped, host.unreachable);
        assert_eq!(
            hosts.iter().map(figures).collect::<Vec<_>>(),
            [("web1".to_owned(), 1, 1, 2, 0), ("fe80::1".to_owned(), 0, 0, 0, 1)]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_accepted(text in "(PLAY RECAP \\*\n|fatal: \\[|TASK \\[|\\]|=>|[a-z =:0-9\u{1b}\\[\n])*") {
            read(&text);
        }
    }
}
