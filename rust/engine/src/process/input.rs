//! Feeds the input of a child: bytes, a pipe that stays open, or a terminal with prompts.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use nix::{errno::Errno, unistd};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe,
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};
use zeroize::{Zeroize, Zeroizing};

use super::{Problem, Prompt, output::UNFINISHED, system};

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
        /// How long a question without an answer may stand.
        patience: Option<Duration>,
    },
}

/// What [`super::ChildControl`] asks for.
pub(super) enum InputCommand {
    Write(Zeroizing<Vec<u8>>),
    Close,
}

/// End of file on a terminal.
const END_OF_TRANSMISSION: u8 = 4;
/// What is kept of a line that is not a prompt: far more than is shown of it, so that a secret that is cut off at the front is not
/// in what is shown.
const LONGEST_PROMPT_BYTES: usize = 64 * 1024;
/// How long the terminal must be silent behind a prompt before it is answered: a read may end behind a colon in the middle of a
/// line, and a program that waits for its answer writes nothing more.
const PROMPT_SILENCE: Duration = Duration::from_millis(20);
/// How questions end.
const QUESTION_ENDS: &[u8] = b":?>)]";

/// Feeds until everything is done; the caller drops this when the leader has ended. `Err` = the child should be stopped.
pub(super) async fn feed(
    end: InputEnd,
    mut commands: UnboundedReceiver<InputCommand>,
    show: &(dyn Fn(&[u8]) + Send + Sync),
) -> Result<(), Problem> {
    match end {
        InputEnd::None => Ok(()),
        InputEnd::Pipe { writer, first, keep_open } => {
            // A child that does not read its input is its own business.
            let _ = fill(writer, &first, keep_open, &mut commands).await;
            Ok(())
        }
        InputEnd::Terminal { master, slave, prompts, patience } => {
            let watch = Watch { show, patience, shown: false, show_at: None, ends_at: None, answer_at: None };
            let talked = talk(&master_of(master)?, Conversation::new(prompts), watch, &mut commands).await;
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
    mut conversation: Conversation,
    mut watch: Watch<'_>,
    commands: &mut UnboundedReceiver<InputCommand>,
) -> Result<(), Problem> {
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
                        conversation.heard(&chunk[..count]);
                        watch.heard(&conversation);
                    }
                    Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(Err(error)) => return Err(broken(&error)),
                }
            }
            () = watch.next() => {
                if watch.is_time_to_answer() && let Some(answer) = conversation.answer()? {
                    write_terminal(master, &answer).await.map_err(|error| broken(&error))?;
                    watch.heard(&conversation);
                }
                watch.look(&conversation)?;
            }
        }
    }
}

/// Follows what stands unfinished on the terminal: shows it when it stays, and loses patience with a question.
struct Watch<'a> {
    show: &'a (dyn Fn(&[u8]) + Send + Sync),
    patience: Option<Duration>,
    shown: bool,
    show_at: Option<Instant>,
    ends_at: Option<Instant>,
    answer_at: Option<Instant>,
}

impl Watch<'_> {
    /// The terminal's text has changed.
    fn heard(&mut self, conversation: &Conversation) {
        let now = Instant::now();
        if conversation.unanswered().trim_ascii().is_empty() {
            self.show_at = None;
            if std::mem::take(&mut self.shown) {
                (self.show)(b"");
            }
        } else {
            self.show_at.get_or_insert(now + UNFINISHED);
        }
        self.ends_at = self.patience.filter(|_| conversation.asks()).map(|patience| now + patience);
        self.answer_at = conversation.is_at_prompt().then(|| now + PROMPT_SILENCE);
    }

    /// Whether nothing has followed a known prompt for long enough; `true` once for each.
    fn is_time_to_answer(&mut self) -> bool {
        self.answer_at.take_if(|moment| *moment <= Instant::now()).is_some()
    }

    /// Waits for the next moment at which something is to be done.
    async fn next(&self) {
        match self.show_at.into_iter().chain(self.ends_at).chain(self.answer_at).min() {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }

    fn look(&mut self, conversation: &Conversation) -> Result<(), Problem> {
        let now = Instant::now();
        if self.show_at.is_some_and(|moment| moment <= now) {
            self.show_at = None;
            self.shown = true;
            (self.show)(conversation.unanswered());
        }
        if self.ends_at.is_some_and(|moment| moment <= now) {
            // All of it: who knows the secrets hides them before it is cut.
            let asked = String::from_utf8_lossy(conversation.unanswered().trim_ascii());
            let seconds = self.patience.unwrap_or_default().as_secs();
            return Err(Problem::WaitsForInput { prompt: asked.into_owned(), seconds });
        }
        Ok(())
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
    /// The unterminated last line since the last answer, without the echo of that answer.
    line: Zeroizing<Vec<u8>>,
    /// What is left of the last answer that a terminal with echo would show.
    echo: Zeroizing<Vec<u8>>,
}

impl Conversation {
    pub(super) fn new(prompts: Vec<Prompt>) -> Self {
        let mut prompts: Vec<_> = prompts.into_iter().map(|prompt| (prompt, false)).collect();
        prompts.sort_by_key(|(prompt, _)| std::cmp::Reverse(prompt.starts_with.len()));
        Self { prompts, line: Zeroizing::default(), echo: Zeroizing::default() }
    }

    /// Takes text from the terminal.
    pub(super) fn heard(&mut self, text: &[u8]) {
        self.line.extend_from_slice(text);
        self.forget_echo();
        if let Some(end) = self.line.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            self.forget(end + 1);
        }
        if self.line.len() > LONGEST_PROMPT_BYTES {
            self.forget(self.line.len() - LONGEST_PROMPT_BYTES);
        }
    }

    /// Position of the prompt that stands at the end of what was heard.
    fn prompt(&self) -> Option<usize> {
        let asked = self.line.trim_ascii();
        if !asked.ends_with(b":") {
            return None;
        }
        self.prompts.iter().position(|(prompt, _)| asked.starts_with(prompt.starts_with.as_bytes()))
    }

    /// Whether a known prompt stands at the end of what was heard, answered before or not.
    pub(super) fn is_at_prompt(&self) -> bool {
        self.prompt().is_some()
    }

    /// What to type, if a prompt stands at the end of what was heard. Nothing may have been heard for a moment.
    ///
    /// # Errors
    /// If a prompt that was answered is asked again.
    pub(super) fn answer(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let Some((prompt, answered)) = self.prompt().and_then(|position| self.prompts.get_mut(position)) else {
            return Ok(None);
        };
        if *answered {
            return Err(Problem::PromptRepeated { prompt: prompt.starts_with.clone() });
        }
        *answered = true;
        let mut answer = Zeroizing::new(Vec::with_capacity(prompt.answer.len() + 1));
        answer.extend_from_slice(&prompt.answer);
        answer.push(b'\n');
        self.echo = prompt.answer.clone();
        self.line.zeroize();
        Ok(Some(answer))
    }

    /// The unterminated last line; no typed answer is in it.
    pub(super) fn unanswered(&self) -> &[u8] {
        // What can still become the echo of an answer is not shown.
        if self.echo.starts_with(&self.line) { &[] } else { &self.line }
    }

    /// Whether it looks like a question.
    pub(super) fn asks(&self) -> bool {
        self.unanswered().trim_ascii_end().last().is_some_and(|last| QUESTION_ENDS.contains(last))
    }

    /// The first text behind an answer may be the answer itself.
    fn forget_echo(&mut self) {
        if self.line.starts_with(&self.echo) {
            let count = self.echo.len();
            self.forget(count);
            self.echo.zeroize();
        } else if !self.echo.starts_with(&self.line) {
            self.echo.zeroize();
        }
    }

    fn forget(&mut self, count: usize) {
        self.line[..count].zeroize();
        self.line.drain(..count);
    }
}
