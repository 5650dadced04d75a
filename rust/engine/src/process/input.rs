//! Feeds the input of a child: bytes, a pipe that stays open, or a terminal with prompts.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use nix::{errno::Errno, unistd};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe,
    sync::mpsc::UnboundedReceiver,
};
use zeroize::{Zeroize, Zeroizing};

use super::{Problem, Prompt, system};

/// Our side of a child's input.
pub(super) enum InputEnd {
    None,
    Pipe {
        writer: OwnedFd,
        first: Zeroizing<Vec<u8>>,
        keep_open: bool,
    },
    Terminal {
        master: OwnedFd,
        /// Held, never used: see `spawn::terminal`.
        slave: OwnedFd,
        prompts: Vec<Prompt>,
    },
}

/// What [`super::ChildControl`] asks for.
pub(super) enum InputCommand {
    Write(Zeroizing<Vec<u8>>),
    Close,
}

/// End of file on a terminal.
const END_OF_TRANSMISSION: u8 = 4;
/// What is kept of a line that is not a prompt.
const LONGEST_PROMPT_BYTES: usize = 4 * 1024;

/// Feeds until everything is done; the caller drops this when the leader has ended. `Err` = the child should be stopped.
pub(super) async fn feed(end: InputEnd, mut commands: UnboundedReceiver<InputCommand>) -> Result<(), Problem> {
    match end {
        InputEnd::None => Ok(()),
        InputEnd::Pipe { writer, first, keep_open } => {
            // A child that does not read its input is its own business.
            let _ = fill(writer, &first, keep_open, &mut commands).await;
            Ok(())
        }
        InputEnd::Terminal { master, slave, prompts } => {
            let talked = talk(&master_of(master)?, prompts, &mut commands).await;
            drop(slave);
            talked
        }
    }
}

async fn fill(
    writer: OwnedFd,
    first: &[u8],
    keep_open: bool,
    commands: &mut UnboundedReceiver<InputCommand>,
) -> io::Result<()> {
    let sender = pipe::Sender::from_owned_fd(writer)?;
    write_pipe(&sender, first).await?;
    if keep_open {
        while let Some(InputCommand::Write(bytes)) = commands.recv().await {
            write_pipe(&sender, &bytes).await?;
        }
    }
    Ok(())
}

async fn write_pipe(sender: &pipe::Sender, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        sender.writable().await?;
        match sender.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn master_of(master: OwnedFd) -> Result<AsyncFd<OwnedFd>, Problem> {
    system::watch(master, Interest::READABLE | Interest::WRITABLE).map_err(|error| broken(&error))
}

fn broken(error: &io::Error) -> Problem {
    Problem::Stream { stream: "terminal", error: error.to_string() }
}

/// Reads the terminal for as long as the child lives: an unread terminal would block whoever writes to it.
async fn talk(
    master: &AsyncFd<OwnedFd>,
    prompts: Vec<Prompt>,
    commands: &mut UnboundedReceiver<InputCommand>,
) -> Result<(), Problem> {
    let mut conversation = Conversation::new(prompts);
    let mut chunk = Zeroizing::new([0_u8; 1024]);
    let mut has_control = true;
    loop {
        tokio::select! {
            command = commands.recv(), if has_control => match command {
                Some(InputCommand::Write(bytes)) => write_terminal(master, &bytes).await.map_err(|error| broken(&error))?,
                Some(InputCommand::Close) => {
                    write_terminal(master, &[END_OF_TRANSMISSION]).await.map_err(|error| broken(&error))?;
                }
                None => has_control = false,
            },
            ready = master.readable() => {
                let mut ready = ready.map_err(|error| broken(&error))?;
                let read = ready.try_io(|fd| Ok(unistd::read(fd.get_ref().as_fd(), chunk.as_mut_slice())?));
                match read {
                    Err(_would_block) => {}
                    Ok(Ok(count)) => {
                        if let Some(answer) = conversation.heard(&chunk[..count])? {
                            write_terminal(master, &answer).await.map_err(|error| broken(&error))?;
                        }
                    }
                    Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(Err(error)) => return Err(broken(&error)),
                }
            }
        }
    }
}

async fn write_terminal(master: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut ready = master.writable().await?;
        match ready.try_io(|fd| unistd::write(fd.get_ref().as_fd(), bytes).map_err(Errno::into)) {
            Ok(Ok(count)) => bytes = &bytes[count..],
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => {}
        }
    }
    Ok(())
}

/// Which prompts were seen and answered; pure, so that every way of cutting the text can be tested.
pub(super) struct Conversation {
    prompts: Vec<(Prompt, bool)>,
    /// The unterminated last line since the last answer. It may hold an echoed answer.
    line: Zeroizing<Vec<u8>>,
}

impl Conversation {
    pub(super) fn new(prompts: Vec<Prompt>) -> Self {
        let mut prompts: Vec<_> = prompts.into_iter().map(|prompt| (prompt, false)).collect();
        prompts.sort_by_key(|(prompt, _)| std::cmp::Reverse(prompt.starts_with.len()));
        Self { prompts, line: Zeroizing::new(Vec::new()) }
    }

    /// Takes text from the terminal; what to type, if that completes a prompt.
    ///
    /// # Errors
    /// If a prompt that was answered is asked again.
    pub(super) fn heard(&mut self, text: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        self.line.extend_from_slice(text);
        if let Some(end) = self.line.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            self.forget(end + 1);
        }
        if self.line.len() > LONGEST_PROMPT_BYTES {
            self.forget(self.line.len() - LONGEST_PROMPT_BYTES);
        }
        let asked = self.line.trim_ascii();
        if !asked.ends_with(b":") {
            return Ok(None);
        }
        let found = self.prompts.iter_mut().find(|(prompt, _)| asked.starts_with(prompt.starts_with.as_bytes()));
        let Some((prompt, answered)) = found else { return Ok(None) };
        if *answered {
            return Err(Problem::PromptRepeated { prompt: prompt.starts_with.clone() });
        }
        *answered = true;
        let mut answer = Zeroizing::new(Vec::with_capacity(prompt.answer.len() + 1));
        answer.extend_from_slice(&prompt.answer);
        answer.push(b'\n');
        self.line.zeroize();
        Ok(Some(answer))
    }

    fn forget(&mut self, count: usize) {
        self.line[..count].zeroize();
        self.line.drain(..count);
    }
}
