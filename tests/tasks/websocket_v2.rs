//! `/api/ws?v=2`: every line of a task once and in order, whatever happens to the connection in between.

use std::{fs, time::Duration};

use futures_util::StreamExt as _;
use semaphore_tests::{Client, PASSWORD, Project, Server, git_repository};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

/// Longest pause between two frames of a running task.
const PAUSE: Duration = Duration::from_mins(1);

/// A client that counts: each batch must go on where the one before ended, over all its connections.
struct Reader {
    address: String,
    cookie: String,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    /// All lines of the task so far.
    lines: Vec<String>,
    statuses: Vec<String>,
    end: Option<Value>,
}

impl Reader {
    fn new(server: &Server, client: &Client) -> Self {
        Self {
            address: format!("ws://127.0.0.1:{}/api/ws?v=2", server.port()),
            cookie: client.cookie().unwrap(),
            socket: None,
            lines: Vec::new(),
            statuses: Vec::new(),
            end: None,
        }
    }

    async fn try_connect(&mut self, more: &str) -> Result<(), tungstenite::Error> {
        let mut request = format!("{}{more}", self.address).into_client_request()?;
        request.headers_mut().insert("Cookie", self.cookie.parse().unwrap());
        self.socket = Some(connect_async(request).await?.0);
        Ok(())
    }

    async fn connect(&mut self) -> &mut Self {
        self.try_connect("").await.unwrap();
        self
    }

    /// Comes back and says what it saw.
    async fn resume(&mut self, task: i64) -> &mut Self {
        self.try_connect(&format!("&since={task}:{}", self.lines.len())).await.unwrap();
        self
    }

    /// The next frame; `None` if the connection ended.
    async fn frame(&mut self) -> Option<Value> {
        loop {
            match self.socket.as_mut()?.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => {
                    self.socket = None;
                    return None;
                }
            }
        }
    }

    fn take(&mut self, frame: Value, task: i64) {
        if frame["task_id"] != task {
            return;
        }
        match frame["type"].as_str().unwrap() {
            "lines" => {
                let keys: Vec<_> = frame.as_object().unwrap().keys().collect();
                assert_eq!(keys, ["first", "last", "lines", "project_id", "task_id", "type"]);
                assert_eq!(frame["first"], self.lines.len() + 1, "a gap, or something twice");
                let lines = frame["lines"].as_array().unwrap();
                self.lines.extend(lines.iter().map(|line| line["output"].as_str().unwrap().to_owned()));
                assert_eq!(frame["last"], self.lines.len());
            }
            "update" => {
                let keys: Vec<_> = frame.as_object().unwrap().keys().collect();
                let expected =
                    ["end", "line", "project_id", "start", "status", "task_id", "template_id", "type", "version"];
                assert_eq!(keys, expected);
                self.statuses.push(frame["status"].as_str().unwrap().to_owned());
                if !frame["end"].is_null() {
                    assert_eq!(frame["line"], self.lines.len(), "the end was told before its lines");
                    self.end = Some(frame);
                }
            }
            other => panic!("unexpected {other}: {frame}"),
        }
    }

    /// Reads until `enough` or the end of the task; false if the connection ended first.
    async fn read(&mut self, task: i64, enough: impl Fn(&Self) -> bool) -> bool {
        while self.end.is_none() && !enough(self) {
            let Some(frame) = timeout(PAUSE, self.frame()).await.expect("a frame") else { return false };
            self.take(frame, task);
        }
        true
    }

    /// Reads to the end of the task, coming back as often as it takes.
    async fn read_to_end(&mut self, task: i64) {
        while !self.read(task, |_| false).await {
            self.resume(task).await;
        }
    }
}

fn with_script(script: &str) -> (Server, Client, Project, i64) {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "script.sh");
    (server, admin, project, template)
}

#[tokio::test]
async fn every_line_comes_once_and_in_order_however_the_client_reads() {
    const LINES: usize = 100_000;
    let (server, admin, project, template) = with_script(&format!("seq -f 'line %.0f' 1 {LINES}\n"));
    let [mut returning, mut slow, mut late] = [(), (), ()].map(|()| Reader::new(&server, &admin));
    returning.connect().await;
    slow.connect().await;
    let task = project.start(&admin, template);

    // It is away in the middle, twice.
    for part in [LINES / 5, LINES / 2] {
        assert!(returning.read(task, |reader| reader.lines.len() >= part).await);
        returning.socket = None;
        returning.resume(task).await;
    }
    returning.read_to_end(task).await;
    // This one did not read at all so far: its queue cannot hold so much, and it may have been closed.
    slow.read_to_end(task).await;
    // And this one comes when everything is over.
    late.resume(task).await.read_to_end(task).await;

    let stored = admin.output(project.id, task);
    let printed: Vec<_> = stored.iter().filter_map(|line| line.strip_prefix("line ")).collect();
    let expected: Vec<_> = (1..=LINES).map(|number| number.to_string()).collect();
    assert!(printed == expected, "the store does not have what was printed");
    for (name, reader) in [("returning", &returning), ("slow", &slow), ("late", &late)] {
        assert!(reader.lines == stored, "{name}: {} of {} lines", reader.lines.len(), stored.len());
        assert_eq!(reader.end.as_ref().unwrap()["status"], "success", "{name}");
    }
    assert_eq!(late.statuses.last().unwrap(), "success");
}

#[tokio::test]
async fn a_restart_of_the_server_loses_nothing() {
    let (mut server, admin, project, template) =
        with_script("seq -f 'line %.0f' 1 3000\nuntil [ -e go ]; do sleep 0.05; done\n");
    let mut reader = Reader::new(&server, &admin);
    reader.connect().await;
    let task = project.start(&admin, template);
    assert!(reader.read(task, |reader| reader.lines.iter().any(|line| line == "line 2000")).await);
    let (server, mut reader) = tokio::task::spawn_blocking(move || {
        server.restart();
        (server, reader)
    })
    .await
    .unwrap();
    // What was on its way before the end may still be read.
    while let Some(frame) = reader.frame().await {
        reader.take(frame, task);
    }
    reader.address = Reader::new(&server, &admin).address;
    if reader.end.is_none() {
        reader.resume(task).await.read_to_end(task).await;
    }
    assert_eq!(reader.lines, admin.output(project.id, task));
    assert!(reader.lines.iter().any(|line| line == "line 3000"));
    assert_eq!(reader.end.unwrap()["status"], "stopped");
}

#[tokio::test]
async fn who_loses_membership_gets_nothing_until_it_is_back() {
    let (server, admin, project, template) =
        with_script("n=0\nuntil [ -e go ]; do n=$((n+1)); echo tick $n; sleep 0.05; done\n");
    let user = json!({"name": "Member", "username": "member", "email": "member@example.com", "password": PASSWORD, "admin": false});
    let user = admin.post("/api/users", &user).expect(201).id();
    let member = server.client("member", PASSWORD);
    let members = format!("/api/project/{}/users", project.id);
    admin.post(&members, &json!({"user_id": user, "role": "guest"})).expect(204);
    let (mut seen, mut watching) = (Reader::new(&server, &member), Reader::new(&server, &admin));
    seen.connect().await;
    watching.connect().await;
    let task = project.start(&admin, template);
    assert!(seen.read(task, |reader| reader.lines.iter().any(|line| line == "tick 5")).await);

    admin.delete(&format!("{members}/{user}")).expect(204);
    // It is silent as long as the other one sees forty lines, two seconds' worth.
    loop {
        let (before, told) = (seen.lines.len(), watching.lines.len());
        assert!(watching.read(task, |reader| reader.lines.len() >= told + 40).await);
        while let Ok(frame) = timeout(Duration::from_millis(10), seen.frame()).await {
            seen.take(frame.expect("an open connection"), task);
        }
        if seen.lines.len() == before {
            break;
        }
    }
    let mut stranger = Reader::new(&server, &member);
    stranger.try_connect(&format!("&since={task}:0")).await.unwrap();
    let gone = timeout(PAUSE, stranger.frame()).await.unwrap().unwrap();
    assert_eq!(gone, json!({"task_id": task, "type": "gone"}));

    admin.post(&members, &json!({"user_id": user, "role": "guest"})).expect(204);
    // The first frame goes on behind the last one: `take` would notice a gap.
    let told = seen.lines.len();
    assert!(seen.read(task, |reader| reader.lines.len() > told).await);
    fs::write(server.directory().join("repository/go"), "").unwrap();
    admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), &json!({})).expect(204);
    seen.read_to_end(task).await;
    assert_eq!(seen.lines, admin.output(project.id, task));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_other_tasks_can_be_left_out() {
    let (server, admin, project, template) = with_script("echo one\n");
    let mut reader = Reader::new(&server, &admin);
    for query in ["&since=x", "&since=1:x", "&since=5", "&task=x"] {
        let refused = reader.try_connect(query).await.expect_err(query);
        assert!(matches!(&refused, tungstenite::Error::Http(answer) if answer.status() == 400), "{query}: {refused}");
    }
    let first = project.start(&admin, template);
    admin.wait_for_end(project.id, first);
    // Named, and over: told from its first line on. Another one is not told.
    reader.try_connect(&format!("&task={first}")).await.unwrap();
    let second = project.start(&admin, template);
    admin.wait_for_end(project.id, second);
    reader.read_to_end(first).await;
    assert_eq!(reader.lines, admin.output(project.id, first));
    let other = timeout(Duration::from_millis(300), reader.frame()).await;
    assert!(other.is_err(), "a task that was not asked for: {other:?}");
}
