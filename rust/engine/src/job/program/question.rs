//! Programs that ask a person something, and programs that may take long to end when they are stopped.

use std::{
    convert::Infallible,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use semaphore_model::{TaskStatus, ansi};
use tokio::sync::mpsc;

use super::{ProgramEnd, ProgramError, Programs};
use crate::{
    job::{JobEvent, Problem, ProblemCode},
    log::LogRecord,
    process::{ProcessSpec, Stdin, StopMode},
};

impl Programs {
    /// As [`Programs::run_seen`], with an open input: whenever the program prints a line that is a question, a person is asked
    /// (see [`Programs::confirmation`]), and `yes` or `no` is typed.
    ///
    /// All question lines that were printed before the answer count as one question. The program's end ends the waiting too.
    ///
    /// An unfinished line with `prompt` that no question came before wants a text that nobody can give: this is told, and the
    /// input is closed, so that the program ends with its own words instead of waiting for ever.
    pub(crate) async fn run_with_questions(
        &self,
        program: ProcessSpec,
        is_question: fn(&str) -> bool,
        prompt: &'static str,
    ) -> Result<ProgramEnd, ProgramError> {
        self.check_stop()?;
        let child = self.spawn(program.stdin(Stdin::Pipe))?;
        let control = child.control();
        let (asked, mut questions) = mpsc::unbounded_channel();
        let waiting = AtomicBool::new(false);
        let answering = async {
            while questions.recv().await.is_some() {
                // A stop ends the program as well, so there is nobody to answer.
                waiting.store(true, Ordering::Relaxed);
                let Ok(accepted) = self.confirmation().await else { break };
                waiting.store(false, Ordering::Relaxed);
                while questions.try_recv().is_ok() {}
                if !accepted {
                    self.event(JobEvent::Status(TaskStatus::Running));
                }
                // A program that has ended meanwhile needs no answer.
                let _ = control.write_stdin(if accepted { b"yes\n".to_vec() } else { b"no\n".to_vec() });
            }
            std::future::pending::<Infallible>().await
        };
        // What was asked last, and whether its prompt is still to come.
        let (last, expected) = (Mutex::new(String::new()), AtomicBool::new(false));
        let seen = |record: &LogRecord| {
            let line = record.lossy();
            if is_question(&line) {
                expected.store(true, Ordering::Relaxed);
                let _ = asked.send(());
            } else if line.contains(prompt) {
                expected.store(false, Ordering::Relaxed);
            }
            if !line.trim().is_empty() {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = plain(line.trim());
            }
        };
        let mut closed = false;
        let unfinished = |text: &str| {
            if closed || expected.load(Ordering::Relaxed) || !text.contains(prompt) {
                return;
            }
            closed = true;
            let asked = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let message = format!(
                "the program waits for input that nobody can give ({asked:?}); set it in the configuration or with an argument"
            );
            self.log_line(format!("error: {message}"));
            self.event(JobEvent::Problem(Problem::new(ProblemCode::WaitsForInput, message)));
            let _ = control.close_stdin();
        };
        let supervision = self.supervise_seen(child, seen, unfinished);
        let exit = tokio::select! {
            exit = supervision => exit,
            never = answering => match never {},
        };
        // A question that nobody answered before the end is none any more.
        if waiting.load(Ordering::Relaxed) && exit.stopped.is_none() {
            self.event(JobEvent::Status(TaskStatus::Running));
        }
        self.end(&exit)
    }

    /// Does `work`, and writes `notice` into the log if a stop is asked for meanwhile that is not a forced one.
    pub(crate) async fn with_stop_notice<T>(
        &self,
        notice: impl FnOnce() -> String,
        work: impl Future<Output = T>,
    ) -> T {
        let token = self.stop.token();
        let noticed = async {
            if token.wait_for(StopMode::Graceful).await == StopMode::Graceful {
                self.log_line(notice());
            }
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            done = work => done,
            never = noticed => match never {},
        }
    }
}

fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    ansi::strip_into(&mut plain, line);
    plain
}
