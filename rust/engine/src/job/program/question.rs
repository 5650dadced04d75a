//! Programs that ask a person something, and programs that may take long to end when they are stopped.

use std::convert::Infallible;

use semaphore_model::TaskStatus;
use tokio::sync::mpsc;

use super::{ProgramEnd, ProgramError, Programs};
use crate::{
    job::JobEvent,
    log::LogRecord,
    process::{ProcessSpec, Stdin, StopMode},
};

impl Programs {
    /// As [`Programs::run_seen`], with an open input: whenever the program prints a line that is a question, a person is asked
    /// (see [`Programs::confirmation`]), and `yes` or `no` is typed.
    ///
    /// All question lines that were printed before the answer count as one question. The program's end ends the waiting too.
    pub(crate) async fn run_with_questions(
        &self,
        program: ProcessSpec,
        is_question: fn(&LogRecord) -> bool,
    ) -> Result<ProgramEnd, ProgramError> {
        self.check_stop()?;
        let child = self.spawn(program.stdin(Stdin::Pipe))?;
        let control = child.control();
        let (asked, mut questions) = mpsc::unbounded_channel();
        let answering = async {
            while questions.recv().await.is_some() {
                // A stop ends the program as well, so there is nobody to answer.
                let Ok(accepted) = self.confirmation().await else { break };
                while questions.try_recv().is_ok() {}
                if !accepted {
                    self.event(JobEvent::Status(TaskStatus::Running));
                }
                // A program that has ended meanwhile needs no answer.
                let _ = control.write_stdin(if accepted { b"yes\n".to_vec() } else { b"no\n".to_vec() });
            }
            std::future::pending::<Infallible>().await
        };
        let supervision = self.supervise_seen(child, |record| {
            if is_question(record) {
                let _ = asked.send(());
            }
        });
        let exit = tokio::select! {
            exit = supervision => exit,
            never = answering => match never {},
        };
        self.end(&exit)
    }

    /// Does `work`, and writes `notice` into the log if a stop is asked for meanwhile that is not a forced one.
    pub(crate) async fn with_stop_notice<T>(
        &self,
        notice: impl FnOnce() -> String,
        work: impl Future<Output = T>,
    ) -> T {
        let token = self.stop.handle.token();
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
