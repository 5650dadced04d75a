//! What a host does: runs its job to the end, and tells a server about it as long as there is one.

use std::{
    fs::{self, OpenOptions},
    future::pending,
    io::{self, Write as _},
    os::unix::{fs::OpenOptionsExt as _, net::UnixStream as StdUnixStream},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use semaphore_model::TaskStatus;
use tokio::{net::UnixListener, runtime::Handle};

use super::{
    OUTCOME, SOCKET,
    frame::{self, Frame, ORDER, PASSING, STORED, StateAddress, VERSION, WELCOME, WISH, Welcome, Wish},
    left::RECORD,
    link::{Link, Turn, check_peer, stream},
    order::{self, Order},
    spool::Spool,
};
use crate::{
    job::{self, JobControl, JobEvent, JobSpec, Outcome, SecretSet},
    process::keep_record,
};

/// How long the end of a job waits for a server that comes for it.
const COLLECTION: Duration = Duration::from_hours(24);

/// How long the rest of an order may take.
const ORDER_PATIENCE: Duration = Duration::from_mins(1);

struct Host {
    task_id: i32,
    state_address: Option<StateAddress>,
    control: JobControl,
    spool: Spool,
    link: Option<Link>,
    /// Stages and plans with their numbers.
    history: Vec<(u64, JobEvent)>,
    /// Number of the question that nobody has answered.
    question: Option<u64>,
    /// Number of the last event.
    last: u64,
    /// Up to where everything is stored.
    stored: u64,
    is_over: bool,
}

/// Runs the job that `server` orders; the working directory is the host's own. Returns when everything is stored, or was left
/// in the directory because nobody came for it. `told_to_end` is the name of the signal that asks this process to end.
///
/// # Errors
/// If the order is not understood or no socket can be made: nothing runs then.
pub async fn serve(server: StdUnixStream, told_to_end: impl Future<Output = &'static str>) -> io::Result<()> {
    let mut link = Link::new(stream(server)?);
    let order = tokio::time::timeout(ORDER_PATIENCE, link.incoming.next()).await??;
    let Some(Frame { kind: ORDER, content }) = order else {
        return Err(io::Error::other("no order came: a task host is started by its server"));
    };
    let Order { config, spec, secrets } = order::read(&content)?;
    drop(content);
    if let Err(error) = keep_record(Path::new(RECORD)) {
        tracing::warn!(task.id = spec.task_id, %error, "the programs of a task are not ended if its process is killed");
    }
    let listener = UnixListener::bind(SOCKET)?;
    let state_address = state_address(&spec, &secrets);
    let task_id = spec.task_id;
    let job = job::start(Arc::new(config), spec, secrets, &Handle::current());
    let mut host = Host {
        task_id,
        state_address,
        control: job.control,
        spool: Spool::new(Path::new("")),
        link: None,
        history: Vec::new(),
        question: None,
        last: 0,
        stored: 0,
        is_over: false,
    };
    host.meet(link)?;
    host.run(job.events, &listener, told_to_end).await
}

fn state_address(spec: &JobSpec, secrets: &SecretSet) -> Option<StateAddress> {
    let address = secrets.get(spec.terraform.http_address.as_ref()?)?;
    let inventory_id = spec.inventory.as_ref()?.id;
    Some(StateAddress { inventory_id, address: String::from_utf8_lossy(address).into_owned() })
}

impl Host {
    async fn run(
        &mut self,
        mut events: job::JobEvents,
        listener: &UnixListener,
        told_to_end: impl Future<Output = &'static str>,
    ) -> io::Result<()> {
        let mut told_to_end = pin!(told_to_end);
        let mut was_told = false;
        loop {
            self.tell()?;
            if self.is_over && self.spool.is_empty() {
                self.spool.remove();
                // The socket goes before the process does: whoever comes now finds the outcome.
                return fs::remove_file(SOCKET);
            }
            let wait_for_server = self.is_over && self.link.is_none();
            tokio::select! {
                event = events.next(), if !self.is_over && self.spool.has_room(self.link.is_some()) => {
                    // After the outcome comes nothing, and it is always told.
                    if let Some(event) = event {
                        self.happened(&event)?;
                    }
                }
                turn = turn(&mut self.link) => match turn {
                    Ok(Turn::Heard(frame)) => self.hear(&frame),
                    Ok(Turn::Sent) => {}
                    Ok(Turn::Gone) | Err(_) => {
                        self.link = None;
                        self.spool.settle();
                    }
                },
                came = listener.accept() => match came.and_then(|(stream, _)| check_peer(&stream).map(|()| stream)) {
                    Ok(stream) => self.meet(Link::new(stream))?,
                    Err(error) => tracing::warn!(task.id = self.task_id, %error, "a task host has sent somebody away"),
                },
                signal = &mut told_to_end, if !was_told => {
                    was_told = true;
                    self.control.say(format!("The process that runs the task was told to end ({signal}): the task is stopped"));
                    self.control.stop(false);
                }
                () = tokio::time::sleep(COLLECTION), if wait_for_server => {
                    tracing::warn!(task.id = self.task_id, "no server has come for the end of a task: it is left in a file");
                    self.spool.leave()?;
                    self.spool.remove();
                    return fs::remove_file(SOCKET);
                }
            }
        }
    }

    /// Something about the job is to be told.
    fn happened(&mut self, event: &JobEvent) -> io::Result<()> {
        if let JobEvent::Partial { text, .. } = event
            && !text.is_empty()
        {
            // Of no use to anybody but who looks on at this moment. That the line is gone again must not get lost.
            if let Some(link) = self.link.as_mut().filter(|link| link.is_idle())
                && !self.spool.has_more()
            {
                link.send(frame::json(PASSING, event)?);
            }
            return Ok(());
        }
        self.last += 1;
        match event {
            JobEvent::Stage { .. } | JobEvent::Plan(_) => self.history.push((self.last, event.clone())),
            JobEvent::Status(status) => {
                self.question = (*status == TaskStatus::WaitingConfirmation).then_some(self.last);
            }
            JobEvent::Done(outcome) => {
                self.is_over = true;
                // It is told all the same.
                if let Err(error) = leave_outcome(outcome) {
                    tracing::warn!(task.id = self.task_id, %error, "the outcome of a task cannot be kept on disk");
                }
            }
            _ => {}
        }
        self.spool.push(frame::event(self.last, event)?, self.link.is_some());
        Ok(())
    }

    /// A server is there: it hears what none has stored.
    fn meet(&mut self, mut link: Link) -> io::Result<()> {
        let stored = self.history.iter().filter(|(number, _)| *number <= self.stored);
        link.send(frame::json(
            WELCOME,
            &Welcome {
                version: VERSION,
                task_id: self.task_id,
                history: stored.map(|(_, event)| event.clone()).collect(),
                is_asking: self.question.is_some_and(|question| question <= self.stored),
                state_address: self.state_address.clone(),
            },
        )?);
        for frame in self.spool.told() {
            link.send(frame.clone());
        }
        // The one before is closed by that.
        self.link = Some(link);
        Ok(())
    }

    fn tell(&mut self) -> io::Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        while let Some(frame) = self.spool.tell()? {
            link.send(frame);
        }
        Ok(())
    }

    fn hear(&mut self, frame: &Frame) {
        match frame.kind {
            STORED => {
                if let Ok(number) = frame.number() {
                    self.stored = self.stored.max(number);
                    self.spool.stored(number);
                }
            }
            WISH => match frame.json() {
                Ok(Wish::Stop(reason)) => self.control.stop_because(reason),
                Ok(Wish::Confirm(accepted)) => {
                    self.control.confirm(accepted);
                }
                Ok(Wish::Say(line)) => self.control.say(line),
                Ok(Wish::Hello(version)) => tracing::debug!(task.id = self.task_id, version, "a server came back"),
                Err(error) => {
                    tracing::warn!(task.id = self.task_id, %error, "a task host does not understand its server");
                }
            },
            kind => tracing::warn!(task.id = self.task_id, kind, "a task host does not understand its server"),
        }
    }
}

async fn turn(link: &mut Option<Link>) -> io::Result<Turn> {
    match link {
        Some(link) => link.next().await,
        None => pending().await,
    }
}

/// Written under another name first: half an outcome is none.
fn leave_outcome(outcome: &Outcome) -> io::Result<()> {
    const NEW: &str = "outcome.new";
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(NEW)?;
    file.write_all(&serde_json::to_vec(outcome)?)?;
    fs::rename(NEW, OUTCOME)
}
