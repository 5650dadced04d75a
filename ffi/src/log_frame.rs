//! What a log holds, in the form of frames; and the last lines of standard error, for error messages.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use semaphore_engine::{
    job::Problem,
    log::{Lines, LogRecord, Stream},
};
use semaphore_model::TaskStatus;

use crate::{code, failure::Failure, frame, queue::Batch, task_status};

/// What is kept of standard error for error messages.
const STDERR_TAIL_BYTES: usize = 2 * 1024;
/// The same in lines.
const STDERR_TAIL_LINES: usize = 32;

/// What stands between the records of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The status changed.
    Status {
        /// New status.
        to: TaskStatus,
        /// Old status.
        from: TaskStatus,
        /// The host made the change, and knows it.
        by_host: bool,
    },
    /// A commit was checked out.
    Commit {
        /// Its hash.
        hash: Vec<u8>,
        /// Its subject.
        message: Vec<u8>,
    },
    /// What there is of a line that is not complete.
    Partial {
        /// Where it is printed.
        stream: Stream,
        /// Its text.
        text: String,
    },
    /// Why a job cannot do well.
    Problem(Problem),
    /// A stage of a job begins.
    Stage {
        /// Its name.
        stage: String,
        /// When it began.
        time: DateTime<Utc>,
    },
    /// Lines for the project's known hosts.
    KnownHosts(String),
    /// Everything up to a flush is before this.
    Flushed,
}

/// The last lines of standard error, with the numbers of their records.
#[derive(Default)]
pub struct StderrTail {
    lines: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl StderrTail {
    /// Notes what of these records belongs to the last lines.
    pub fn keep(&mut self, records: &[LogRecord]) {
        let from_stderr = |record: &&LogRecord| record.stream == Stream::Stderr;
        // Only the last ones can matter, and this runs for every batch.
        let last: Vec<_> = records.iter().rev().filter(from_stderr).take(STDERR_TAIL_LINES).collect();
        last.into_iter().rev().for_each(|record| self.add(record));
    }

    /// The same for lines that lie together.
    pub fn keep_lines(&mut self, lines: &Lines) {
        if lines.stream() == Stream::Stderr {
            self.keep(&lines.last_records(STDERR_TAIL_LINES));
        }
    }

    /// The lines from a record on, cut at the front to 2 KiB.
    pub fn text(&self, first_seq: u64) -> String {
        let later = self.lines.iter().filter(|(seq, _)| *seq >= first_seq);
        let lines: Vec<_> = later.map(|(_, line)| String::from_utf8_lossy(line)).collect();
        let text = lines.join("\n");
        let start = (text.len().saturating_sub(STDERR_TAIL_BYTES)..text.len()).find(|at| text.is_char_boundary(*at));
        start.map_or_else(String::new, |start| text[start..].to_owned())
    }

    fn add(&mut self, record: &LogRecord) {
        self.bytes += record.text.len();
        // A copy: the record's bytes are a part of a much larger block.
        self.lines.push_back((record.seq, Bytes::copy_from_slice(&record.text)));
        while (self.bytes > STDERR_TAIL_BYTES && self.lines.len() > 1) || self.lines.len() > STDERR_TAIL_LINES {
            if let Some((_, line)) = self.lines.pop_front() {
                self.bytes -= line.len();
            }
        }
    }
}

/// One batch of lines that lie together, unless some of them hold carriage returns and others do not.
pub fn batches_of_lines(lines: Lines) -> Vec<Batch> {
    if lines.may_hold(b'\r') {
        return batches(&lines.into_records());
    }
    let mut payload = Vec::with_capacity(lines.bytes() + 3 * lines.len());
    lines.texts().for_each(|text| frame::append_bytes(&mut payload, text));
    vec![Batch {
        flags: stream_number(lines.stream()) as u16,
        unix_ns: lines.time().timestamp_nanos_opt().unwrap_or(i64::MAX),
        payload,
        records: lines.len() as u64,
        first_seq: lines.first_seq(),
    }]
}

/// Groups neighbours that can share a frame.
pub fn batches(records: &[LogRecord]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for record in records {
        let flags = flags(record);
        let unix_ns = record.time.timestamp_nanos_opt().unwrap_or(i64::MAX);
        match batches.last_mut() {
            Some(last) if last.flags == flags && last.unix_ns == unix_ns => {
                frame::append_bytes(&mut last.payload, &record.text);
                last.records += 1;
            }
            _ => {
                let mut batch = Batch { flags, unix_ns, first_seq: record.seq, records: 1, ..Batch::default() };
                frame::append_bytes(&mut batch.payload, &record.text);
                batches.push(batch);
            }
        }
    }
    batches
}

fn flags(record: &LogRecord) -> u16 {
    let stream = stream_number(record.stream) as u16;
    let carriage_return = if record.text.contains(&b'\r') { code::SEMAPHORE_FLAG_CARRIAGE_RETURN } else { 0 };
    let continued = if record.continued { code::SEMAPHORE_FLAG_CONTINUED } else { 0 };
    stream | carriage_return | continued
}

/// Kind, flags and payload of a mark.
pub fn mark_frame(mark: &Mark) -> (u16, u16, Vec<u8>) {
    let mut payload = Vec::new();
    match mark {
        Mark::Status { to, from, by_host } => {
            payload.extend_from_slice(&task_status::number(*to).to_le_bytes());
            payload.extend_from_slice(&task_status::number(*from).to_le_bytes());
            (code::SEMAPHORE_FRAME_STATUS, if *by_host { code::SEMAPHORE_FLAG_HOST } else { 0 }, payload)
        }
        Mark::Commit { hash, message } => {
            frame::append_bytes(&mut payload, hash);
            frame::append_bytes(&mut payload, message);
            (code::SEMAPHORE_FRAME_COMMIT, 0, payload)
        }
        Mark::Partial { stream, text } => {
            (code::SEMAPHORE_FRAME_PARTIAL, stream_number(*stream) as u16, text.as_bytes().to_vec())
        }
        Mark::Problem(problem) => {
            frame::append_bytes(&mut payload, problem.code.as_str().as_bytes());
            frame::append_bytes(&mut payload, problem.message.as_bytes());
            (code::SEMAPHORE_FRAME_PROBLEM, 0, payload)
        }
        Mark::Stage { stage, time } => {
            payload.extend_from_slice(&time.timestamp_nanos_opt().unwrap_or(i64::MAX).to_le_bytes());
            payload.extend_from_slice(stage.as_bytes());
            (code::SEMAPHORE_FRAME_STAGE, 0, payload)
        }
        Mark::KnownHosts(lines) => (code::SEMAPHORE_FRAME_KNOWN_HOSTS, 0, lines.as_bytes().to_vec()),
        Mark::Flushed => (code::SEMAPHORE_FRAME_FLUSHED, 0, payload),
    }
}

fn stream_number(stream: Stream) -> i32 {
    match stream {
        Stream::Stdout => code::SEMAPHORE_STREAM_STDOUT,
        Stream::Stderr => code::SEMAPHORE_STREAM_STDERR,
        Stream::System => code::SEMAPHORE_STREAM_SYSTEM,
        Stream::Terminal => code::SEMAPHORE_STREAM_TERMINAL,
    }
}

/// The stream with this number.
pub fn stream_from_number(number: i32) -> Result<Stream, Failure> {
    match number {
        code::SEMAPHORE_STREAM_STDOUT => Ok(Stream::Stdout),
        code::SEMAPHORE_STREAM_STDERR => Ok(Stream::Stderr),
        code::SEMAPHORE_STREAM_SYSTEM => Ok(Stream::System),
        _ => Err(Failure::argument(format!("{number} is not the number of a stream"))),
    }
}
