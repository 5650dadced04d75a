//! The log pipeline of a job: bytes of a pipe to records at its reader. Figures are lines a second.
//!
//! `cargo bench -p semaphore-benches`. What is not in here: the pipe itself, the database, the WebSocket.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start must stop")]

use divan::{Bencher, counter::ItemsCount};
use semaphore_benches::lines;
use semaphore_engine::log::{Batch, LineSplitter, LogOptions, Redactor, Stream, channel};

/// Lines of one measurement.
const LINES: usize = 100_000;
/// Bytes that one read of a pipe brings.
const READ: usize = 64 * 1024;

fn main() {
    divan::main();
}

/// Finding the lines only.
#[divan::bench]
fn split(bencher: Bencher<'_, '_>) {
    let text = lines(LINES);
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let mut splitter = LineSplitter::default();
        let mut found = 0_usize;
        for read in text.chunks(READ) {
            splitter.buffer().extend_from_slice(read);
            splitter.split(|line, _| {
                divan::black_box(line);
                found += 1;
            });
        }
        assert_eq!(found, LINES);
    });
}

/// From bytes to batches through the bounded queue, writer and reader on one thread, with this many secrets to hide.
#[divan::bench(args = [0, 3, 10, 50])]
fn pipeline(bencher: Bencher<'_, '_>, secrets: usize) {
    let text = lines(LINES);
    let secrets: Vec<_> = (0..secrets).map(|n| format!("a secret value {n}")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let redactor = Redactor::new(secrets.iter().map(String::as_bytes)).expect("few secrets");
        let (writer, mut reader) = channel::<()>(LogOptions { redactor, ..LogOptions::default() });
        runtime.block_on(async {
            let write = async {
                let mut pipe = writer.lines(Stream::Stdout);
                for read in text.chunks(READ) {
                    pipe.ready().await;
                    pipe.write(read);
                }
                drop(pipe);
                drop(writer);
            };
            let read = async {
                let mut found = 0;
                while let Some(batch) = reader.next_batch().await {
                    if let Batch::Records(records) = batch {
                        found += records.len();
                    }
                }
                found
            };
            let ((), found) = tokio::join!(write, read);
            assert_eq!(found, LINES);
        });
    });
}
