//! Runs a short program and keeps its output in memory.

use bytes::BytesMut;

use super::{Exit, ProcessSpec, SpawnError, StopToken, output::Sink, spawn};

/// What a short program has said.
#[derive(Clone, Debug, Default)]
pub struct CapturedOutput {
    /// How it ended.
    pub exit: Exit,
    /// Beginning of its output.
    pub stdout: Vec<u8>,
    /// Beginning of its error output.
    pub stderr: Vec<u8>,
    /// One of them was longer than the limit; the rest was read and thrown away.
    pub truncated: bool,
}

/// Starts a program, waits for its end and returns up to `limit` bytes of each of its outputs.
///
/// # Errors
/// If it could not be started; a failing program is no error here, see [`CapturedOutput::exit`].
pub async fn output(spec: ProcessSpec, limit: usize, stop: StopToken) -> Result<CapturedOutput, SpawnError> {
    let child = spawn(spec)?;
    let (mut stdout, mut stderr) = (Capture::new(limit), Capture::new(limit));
    let exit = child.run(&mut stdout, &mut stderr, &|_| (), &stop).await;
    let truncated = stdout.truncated || stderr.truncated;
    Ok(CapturedOutput { exit, stdout: stdout.buffer.into(), stderr: stderr.buffer.into(), truncated })
}

/// Room for one read; the limit is kept after it.
const READ_BYTES: usize = 8 * 1024;

struct Capture {
    buffer: BytesMut,
    limit: usize,
    truncated: bool,
}

impl Capture {
    fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit, truncated: false }
    }
}

impl Sink for Capture {
    async fn ready(&self) {}

    fn buffer(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ_BYTES);
        &mut self.buffer
    }

    fn received(&mut self) {
        if self.buffer.len() > self.limit {
            self.buffer.truncate(self.limit);
            self.truncated = true;
        }
    }

    fn finish(&mut self) {}
}
