//! A server's side of the conversation with a remote runner, as it was recorded of the reference, and the runner as a process.
//!
//! Not for what a server does with tasks: a test says what is given and told, and reads what came.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    program,
    server::{merge, search_path},
    wait_until,
};

/// The token that the desk gives to who registers.
pub const RUNNER_TOKEN: &str = "token-of-a-runner-of-the-tests+/=";

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

/// What is wrong with the desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Requests are answered with 500 and have no effect.
    Broken,
    /// Reports are taken, but the answer gets lost.
    Mute,
    /// As a proxy in front of it that takes no lines of the task 3.
    Narrow,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its method.
    pub method: String,
    /// `X-Runner-Token`.
    pub token: String,
    /// Its body; null without one.
    pub body: Value,
}

/// What came about one task.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    /// Lines with their numbers, as they came; a report that came twice is here twice.
    pub lines: Vec<(u64, String)>,
    /// Statuses, without repetitions.
    pub statuses: Vec<String>,
    /// The commit.
    pub commit: Value,
    /// Our own events.
    pub events: Vec<Value>,
}

#[derive(Debug, Default)]
struct Room {
    heard: Vec<Heard>,
    current: BTreeMap<i64, String>,
    new: Vec<Value>,
    keys: serde_json::Map<String, Value>,
    extra: serde_json::Map<String, Value>,
    reported: BTreeMap<i64, Reported>,
    refused: Vec<i64>,
    fault: Fault,
    register_status: u16,
    leave_status: u16,
}

/// A desk that runners come to.
#[derive(Clone, Debug)]
pub struct RunnerDesk {
    port: u16,
    room: Arc<Mutex<Room>>,
}

impl RunnerDesk {
    /// Opens a desk.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let room = Room { register_status: 200, leave_status: 204, ..Room::default() };
        let desk = Self { port, room: Arc::new(Mutex::new(room)) };
        let serving = desk.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let desk = serving.clone();
                // A connection that ends in the middle is none of the test's.
                thread::spawn(move || drop(desk.serve(connection)));
            }
        });
        desk
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap()
    }

    /// Gives a task; `keys` are added to those of the next answers.
    pub fn give(&self, job: Value, keys: &Value) {
        let mut room = self.room();
        for (id, key) in keys.as_object().unwrap() {
            room.keys.insert(id.clone(), key.clone());
        }
        room.new.push(job);
    }

    /// Says where a task stands.
    pub fn say(&self, task: i64, status: &str) {
        self.room().current.insert(task, status.to_owned());
    }

    /// Does not name a task any more.
    pub fn forget(&self, task: i64) {
        let mut room = self.room();
        room.current.remove(&task);
        room.new.retain(|job| job["task"]["id"] != task);
    }

    /// Adds a member to the next answer only, such as `clear_cache`.
    pub fn tell_once(&self, members: &Value) {
        self.room().extra.clone_from(members.as_object().unwrap());
    }

    /// Refuses what is told about a task from now on.
    pub fn refuse(&self, task: i64) {
        self.room().refused.push(task);
    }

    /// Breaks the desk, or mends it.
    pub fn break_down(&self, fault: Fault) {
        self.room().fault = fault;
    }

    /// What those are answered who register, and those who leave.
    pub fn answer(&self, register: u16, leave: u16) {
        let mut room = self.room();
        (room.register_status, room.leave_status) = (register, leave);
    }

    /// All requests with this method so far.
    pub fn heard(&self, method: &str) -> Vec<Heard> {
        self.room().heard.iter().filter(|heard| heard.method == method).cloned().collect()
    }

    /// What came about a task so far.
    pub fn reported(&self, task: i64) -> Reported {
        self.room().reported.get(&task).cloned().unwrap_or_default()
    }

    /// Waits until a task has this status.
    #[track_caller]
    pub fn wait_for(&self, task: i64, status: &str) -> Reported {
        wait_until(&format!("task {task} is {status}"), LIMIT, || {
            let reported = self.reported(task);
            reported.statuses.iter().any(|found| found == status).then_some(reported)
        })
    }

    /// Waits until a task has printed this line.
    #[track_caller]
    pub fn wait_for_line(&self, task: i64, line: &str) {
        wait_until(&format!("task {task} prints {line}"), LIMIT, || {
            self.reported(task).lines.iter().any(|(_, found)| found == line).then_some(())
        });
    }

    /// Waits for so many polls from now on.
    #[track_caller]
    pub fn wait_for_polls(&self, count: usize) {
        let wanted = self.heard("GET").len() + count;
        wait_until("the runner polls", LIMIT, || (self.heard("GET").len() >= wanted).then_some(()));
    }

    fn serve(&self, connection: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut connection = connection;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let method = line.split(' ').next().unwrap_or_default().to_owned();
            let (mut length, mut token) = (0, String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap_or_default(),
                    "x-runner-token" => value.clone_into(&mut token),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let heard = Heard { method, token, body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
            let Some((status, answer)) = self.room().answer(&heard) else { return Ok(()) };
            write!(
                connection,
                "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            )?;
        }
    }
}

impl Room {
    /// Status and body of the answer; `None` closes the connection.
    fn answer(&mut self, heard: &Heard) -> Option<(u16, String)> {
        self.heard.push(heard.clone());
        if self.fault == Fault::Broken {
            return Some((500, String::new()));
        }
        let has_lines =
            |job: &Value| job["ID"] == 3 && job["LogRecords"].as_array().is_some_and(|lines| !lines.is_empty());
        if self.fault == Fault::Narrow && heard.body["Jobs"].as_array().is_some_and(|jobs| jobs.iter().any(has_lines)) {
            return Some((413, "<html>too large</html>".to_owned()));
        }
        let knows = heard.token == RUNNER_TOKEN;
        let refusal = |status: u16, text: &str| Some((status, json!({"error": text}).to_string()));
        match heard.method.as_str() {
            "POST" if self.register_status == 200 => Some((200, json!({"token": RUNNER_TOKEN}).to_string())),
            "POST" => refusal(self.register_status, "Invalid registration token"),
            _ if heard.token.is_empty() => refusal(401, "Invalid token"),
            _ if !knows => refusal(404, "Runner not found"),
            "GET" => Some((200, self.state().to_string())),
            "PUT" => {
                let answer = self.take(&heard.body);
                if self.fault == Fault::Mute { None } else { Some(answer) }
            }
            _ => Some((self.leave_status, String::new())),
        }
    }

    fn state(&mut self) -> Value {
        let list = |jobs: Vec<Value>| if jobs.is_empty() { Value::Null } else { Value::Array(jobs) };
        let current = self.current.iter().map(|(id, status)| json!({"id": id, "status": status})).collect();
        let mut state =
            json!({"CurrentJobs": list(current), "new_jobs": list(self.new.clone()), "access_keys": self.keys});
        merge(&mut state, &Value::Object(std::mem::take(&mut self.extra)));
        state
    }

    fn take(&mut self, progress: &Value) -> (u16, String) {
        for job in progress["Jobs"].as_array().into_iter().flatten() {
            let id = job["ID"].as_i64().unwrap();
            if self.refused.contains(&id) {
                return (400, json!({"error": "Task not assigned to this runner"}).to_string());
            }
            let status = job["Status"].as_str().unwrap().to_owned();
            let reported = self.reported.entry(id).or_default();
            let first = job["rs"]["first_record"].as_u64().unwrap_or_default();
            for (number, record) in job["LogRecords"].as_array().into_iter().flatten().enumerate() {
                reported.lines.push((first + number as u64, record["message"].as_str().unwrap().to_owned()));
            }
            if reported.statuses.last() != Some(&status) {
                reported.statuses.push(status.clone());
            }
            if !job["Commit"].is_null() {
                reported.commit = job["Commit"].clone();
            }
            reported.events.extend(job["rs"]["events"].as_array().into_iter().flatten().cloned());
            if status != "starting" && self.new.iter().any(|job| job["task"]["id"] == id) {
                self.new.retain(|job| job["task"]["id"] != id);
                self.current.insert(id, status.clone());
            }
            if ["success", "error", "stopped"].contains(&status.as_str()) {
                self.current.remove(&id);
            } else if let Some(known) = self.current.get_mut(&id).filter(|known| *known != "stopping") {
                known.clone_from(&status);
            }
        }
        (204, String::new())
    }
}

/// A remote runner as a process in a directory of its own; killed when dropped, with its tasks.
#[derive(Debug)]
pub struct RunnerProcess {
    directory: TempDir,
    program: PathBuf,
    process: Option<Child>,
}

impl RunnerProcess {
    /// A runner that is not running yet, with a token for the server at this address; `over` is laid over its configuration.
    pub fn prepared(server: &str, over: &Value) -> Self {
        let directory = tempfile::Builder::new().prefix("semaphore-runner-").tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        let runner = Self { directory, program: program().to_owned(), process: None };
        let mut config = json!({
            "web_host": server, "tmp_path": runner.path("tmp"), "runner": {"token_file": runner.path("token")},
        });
        merge(&mut config, over);
        fs::write(runner.path("config.json"), config.to_string()).unwrap();
        runner
    }

    /// A runner with the desk's token, at work.
    #[track_caller]
    pub fn at(desk: &RunnerDesk, over: &Value) -> Self {
        let mut runner = Self::prepared(&desk.address(), over);
        fs::write(runner.path("token"), RUNNER_TOKEN).unwrap();
        runner.start();
        runner
    }

    /// A path in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Another program from the next start on.
    pub fn use_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// A command `runner ...` of it.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("runner").args(words).arg("--config").arg(self.path("config.json"));
        command.env_clear().env("PATH", search_path()).env("HOME", self.path("home")).env("LANG", "C.UTF-8");
        command.current_dir(self.directory()).stdin(Stdio::null());
        command
    }

    /// Starts it.
    #[track_caller]
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command(&["start"]);
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        self.process = Some(command.spawn().unwrap());
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until it has printed this.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        wait_until(&format!("the runner says {text:?}"), LIMIT, || self.log().contains(text).then_some(()));
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process_id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        wait_until("the runner ends", LIMIT, || process.try_wait().unwrap())
    }

    /// Kills it; its tasks live on.
    #[track_caller]
    pub fn crash(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// Processes that belong to it, such as those of its tasks.
    pub fn processes(&self) -> Vec<u32> {
        crate::processes_in(self.directory())
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        for process in self.processes() {
            let _ = kill(Pid::from_raw(process as i32), Signal::SIGKILL);
        }
    }
}
