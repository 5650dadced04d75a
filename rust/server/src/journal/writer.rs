//! The thread that writes the files, and the queue in front of it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use prometheus_client::metrics::counter::Counter;

use super::{
    JournalSettings,
    file::RotatingFile,
    record::{Fields, RecordFormat},
};

/// Lines that wait at most.
const QUEUE: usize = 16_384;

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    Events,
    Tasks,
    Results,
}

impl Log {
    const ALL: [Self; 3] = [Self::Events, Self::Tasks, Self::Results];

    const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Tasks => "tasks",
            Self::Results => "results",
        }
    }
}

enum Message {
    Line(Log, String),
    Reopen,
    End,
}

/// Counts what could not be written, a number for each file.
#[derive(Clone, Debug)]
pub struct LostRecords([Counter; 3]);

impl LostRecords {
    /// Takes the counter of each file by its name.
    pub fn new(counter: impl Fn(&'static str) -> Counter) -> Self {
        Self(Log::ALL.map(|log| counter(log.name())))
    }

    fn add(&self, log: Log) {
        self.0[log as usize].inc();
    }
}

/// The files, as those see them who have something to write.
#[derive(Debug)]
pub struct Journal {
    queue: SyncSender<Message>,
    /// The form of each file that is written.
    formats: [Option<RecordFormat>; 3],
    lost: LostRecords,
    is_full: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Starts the thread; nothing if no file is wanted.
    pub fn start(settings: JournalSettings, lost: LostRecords) -> std::io::Result<Option<Self>> {
        let JournalSettings { events, event_format, tasks, results, task_format } = settings;
        let formats = [
            events.as_ref().map(|_| event_format),
            tasks.as_ref().map(|_| task_format),
            results.as_ref().map(|_| task_format),
        ];
        if formats.iter().all(Option::is_none) {
            return Ok(None);
        }
        let (queue, messages) = sync_channel(QUEUE);
        let files =
            [events, tasks, results].map(|file| file.map(|file| Written { file: RotatingFile::new(file), failed: 0 }));
        let counted = lost.clone();
        let thread =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || run(files, &messages, &counted))?;
        let thread = Mutex::new(Some(thread));
        Ok(Some(Self { queue, formats, lost, is_full: AtomicBool::new(false), thread }))
    }

    pub(super) fn write(&self, log: Log, fields: &Fields) {
        let Some(format) = self.formats[log as usize] else { return };
        match self.queue.try_send(Message::Line(log, fields.line(format))) {
            Ok(()) => self.is_full.store(false, Ordering::Relaxed),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.add(log);
                if !self.is_full.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        log = log.name(),
                        waiting = QUEUE,
                        "the log files are written too slowly: records are lost"
                    );
                }
            }
        }
    }

    /// Opens the files anew with their next record: somebody has moved them away.
    pub fn reopen(&self) {
        let _ = self.queue.try_send(Message::Reopen);
    }

    /// Writes what waits, for at most `limit`. Blocks; call it outside the runtime's threads. Nothing is written after it.
    pub fn close(&self, limit: Duration) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let end = Instant::now() + limit;
        let mut is_told = false;
        while !thread.is_finished() && Instant::now() < end {
            is_told = is_told || self.queue.try_send(Message::End).is_ok();
            std::thread::sleep(Duration::from_millis(5));
        }
        if !thread.is_finished() {
            tracing::error!("the log files are written too slowly: what was still waiting is lost");
        }
    }
}

/// A file and how many records it did not take since the last one that it took.
struct Written {
    file: RotatingFile,
    failed: u64,
}

fn run(mut files: [Option<Written>; 3], messages: &Receiver<Message>, lost: &LostRecords) {
    while let Ok(message) = messages.recv() {
        match message {
            Message::End => return,
            Message::Reopen => files.iter_mut().flatten().for_each(|written| written.file.close()),
            Message::Line(log, line) => {
                if let Some(written) = &mut files[log as usize] {
                    written.put(log, &line, lost);
                }
            }
        }
    }
}

impl Written {
    fn put(&mut self, log: Log, line: &str, lost: &LostRecords) {
        let name = log.name();
        match self.file.write(line.as_bytes()) {
            Ok(()) => {
                if self.failed > 0 {
                    tracing::warn!(log = name, lost = self.failed, "the log file is written again");
                }
                self.failed = 0;
            }
            Err(error) => {
                lost.add(log);
                if self.failed == 0 {
                    let path = self.file.path().display().to_string();
                    tracing::error!(log = name, path, %error, "the log file cannot be written: its records are lost until it can");
                }
                self.failed += 1;
            }
        }
    }
}
