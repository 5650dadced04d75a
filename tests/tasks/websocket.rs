//! The frames of /api/ws: their shape, their order, and who gets them.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use semaphore_tests::{Client, PASSWORD, Project, Server, git_repository};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Longest pause between two frames of a running task.
const PAUSE: Duration = Duration::from_secs(30);

async fn connect(server: &Server, client: Option<&Client>) -> Result<Socket, tungstenite::Error> {
    connect_to(server, client, "/api/ws").await
}

async fn connect_to(server: &Server, client: Option<&Client>, path: &str) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://127.0.0.1:{}{path}", server.port()).into_client_request()?;
    if let Some(cookie) = client.and_then(Client::cookie) {
        request.headers_mut().insert("Cookie", cookie.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next text frame, as it is.
async fn frame(socket: &mut Socket) -> String {
    loop {
        match timeout(PAUSE, socket.next()).await.expect("a frame").expect("an open connection").expect("a frame") {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// All frames up to the one that tells the end of the task.
async fn frames_of(socket: &mut Socket, task: i64) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        let text = frame(socket).await;
        let value: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(keys, sorted, "keys are in alphabetical order: {text}");
        if value["task_id"] != task {
            continue;
        }
        let ended = value["type"] == "update" && !value["end"].is_null();
        frames.push(value);
        if ended {
            return frames;
        }
    }
}

/// "log TEXT" and "update STATUS", for reading.
fn brief(frames: &[Value]) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or_default().trim_end().to_owned();
    frames
        .iter()
        .map(|f| {
            if f["type"] == "log" {
                format!("log {}", text(&f["output"]))
            } else {
                format!("update {}", text(&f["status"]))
            }
        })
        .collect()
}

fn with_script(script: &str) -> (Server, Client, Project) {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    (server, admin, project)
}

#[tokio::test]
async fn a_task_is_told_from_the_queue_to_its_end() {
    let (server, admin, project) = with_script("echo one\necho two\n");
    let template = project.template(&admin, "bash", "script.sh");
    let mut socket = connect(&server, Some(&admin)).await.unwrap();
    let task = project.start(&admin, template);
    let frames = frames_of(&mut socket, task).await;

    let told = brief(&frames);
    let wanted = [
        format!("log Task bash script.sh {task} added to queue"),
        "update waiting".to_owned(),
        "update starting".to_owned(),
        format!("log Started: {task}"),
        "log Run TaskRunner with template: bash script.sh".to_owned(),
        "update running".to_owned(),
        format!("log Preparing: {task}"),
        "log one".to_owned(),
        "log two".to_owned(),
        "update success".to_owned(),
        "update success".to_owned(),
    ];
    let mut rest = told.iter();
    for line in &wanted {
        assert!(rest.any(|t| t == line), "{line:?} is missing or out of order in {told:#?}");
    }

    let log = frames.iter().find(|f| f["output"] == "one").unwrap();
    let keys: Vec<_> = log.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["output", "project_id", "task_id", "time", "type"]);
    assert_eq!(log["project_id"], project.id);
    assert!(log["time"].as_str().unwrap().ends_with('Z'), "{log}");
    let update = frames.last().unwrap();
    let keys: Vec<_> = update.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["end", "project_id", "start", "status", "task_id", "template_id", "type", "version"]);
    assert_eq!(update["template_id"], template);
    let waiting = frames.iter().find(|f| f["status"] == "waiting").unwrap();
    assert!(waiting["start"].is_null() && waiting["end"].is_null() && waiting["version"].is_null());
    assert!(frames[frames.len() - 2]["end"].is_null(), "the final status is told once without and once with its end");
}

#[tokio::test]
async fn a_reader_who_keeps_up_gets_every_line() {
    let (server, admin, project) = with_script("seq -f 'line %.0f' 1 20000\n");
    let template = project.template(&admin, "bash", "script.sh");
    let mut socket = connect(&server, Some(&admin)).await.unwrap();
    let task = project.start(&admin, template);
    let frames = frames_of(&mut socket, task).await;
    let lines: Vec<_> = frames.iter().filter_map(|f| f["output"].as_str()).filter(|l| l.starts_with("line ")).collect();
    // Order always; completeness is the store's duty, and the socket may leave lines out only while its queue is full.
    let numbers: Vec<u32> = lines.iter().map(|l| l[5..].parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "lines came out of order");
    assert!(numbers.len() > 1000, "only {} of 20000 lines came", numbers.len());
    assert_eq!(frames.last().unwrap()["status"], "success");
}

/// The script goes on when the beginning of its line was seen.
#[tokio::test]
async fn who_asks_for_it_sees_a_line_before_its_end() {
    let (server, admin, project) =
        with_script("printf BEGUN\nuntil [ -e go ]; do sleep 0.02; done\nrm go\necho , and ended\n");
    let template = project.template(&admin, "bash", "script.sh");
    let mut plain = connect(&server, Some(&admin)).await.unwrap();
    let mut asking = connect_to(&server, Some(&admin), "/api/ws?partial=true").await.unwrap();
    let task = project.start(&admin, template);
    let partial = loop {
        let text = frame(&mut asking).await;
        if text.contains(r#""type":"partial""#) {
            break text;
        }
    };
    let expected =
        json!({"output": "BEGUN", "project_id": project.id, "stream": "stdout", "task_id": task, "type": "partial"});
    assert_eq!(partial, expected.to_string());
    std::fs::write(server.directory().join("repository/go"), "").unwrap();
    let rest = frames_of(&mut asking, task).await;
    let of_line: Vec<_> = rest.iter().filter(|f| f["type"] == "partial" || f["output"] == "BEGUN, and ended").collect();
    // The line, and then that nothing is unfinished any more.
    assert_eq!(of_line.len(), 2, "{of_line:?}");
    assert_eq!((&of_line[0]["type"], &of_line[1]["output"]), (&json!("log"), &json!("")));
    let seen = frames_of(&mut plain, task).await;
    assert!(seen.iter().all(|f| f["type"] != "partial"), "a plain client gets the frames of the reference only");
    assert_eq!(seen.iter().filter(|f| f["output"] == "BEGUN, and ended").count(), 1);
    let stored = format!("select output from task__output where task_id = {task} and output like 'BEGUN%'");
    assert_eq!(server.sql(&stored), [["BEGUN, and ended"]]);
}

/// A reader who stops reading keeps neither the task nor other readers back, and a line of 50 MB fills neither them nor the server.
#[tokio::test]
async fn a_line_of_fifty_megabytes_passes_clients_fast_slow_and_idle() {
    let script = "printf BEGUN; head -c 50000000 /dev/zero | tr '\\0' x\nprintf 'END\\n'\necho after\n";
    let (server, admin, project) = with_script(script);
    let template = project.template(&admin, "bash", "script.sh");
    let idle = connect_to(&server, Some(&admin), "/api/ws?partial=true").await.unwrap();
    let mut plain = connect(&server, Some(&admin)).await.unwrap();
    let mut reader = connect_to(&server, Some(&admin), "/api/ws?partial=true").await.unwrap();
    let (_, before) = server.memory_kib();
    let task = project.start(&admin, template);
    let (frames, plain_frames) = tokio::join!(frames_of(&mut reader, task), frames_of(&mut plain, task));
    for frames in [&frames, &plain_frames] {
        assert_eq!(frames.last().unwrap()["status"], "success");
        // Each part once at most and in order: what came is the line with gaps, if any.
        let parts: Vec<_> =
            frames.iter().filter_map(|f| f["output"].as_str()).filter(|text| text.contains('x')).collect();
        let of_line: Vec<_> = parts.iter().filter(|text| !text.trim_matches('x').is_empty()).collect();
        assert!(parts.iter().all(|text| text.len() <= 1024 * 1024), "a part is too long");
        assert!(
            of_line.iter().all(|text| text.starts_with("BEGUN") || text.ends_with("END") || text.starts_with("bash"))
        );
        assert!(parts.iter().map(|text| text.len()).sum::<usize>() <= 50_000_008 + 4096 * frames.len());
    }
    let partials = frames.iter().filter(|f| f["type"] == "partial");
    let longest = partials.filter_map(|f| f["output"].as_str()).map(str::len).max();
    assert!(longest.is_none_or(|length| length <= 4096), "{longest:?}");
    assert!(plain_frames.iter().all(|f| f["type"] != "partial"));
    let (_, after) = server.memory_kib();
    assert!(after - before < 64 * 1024, "the line took {} KiB more memory (from {before} KiB)", after - before);
    let stored = format!("select sum(length(output)) from task__output where task_id = {task} and output like '%xxx%'");
    assert_eq!(server.sql(&stored), [[50_000_008]]);
    drop(idle);
}

#[tokio::test]
async fn strangers_get_nothing() {
    let (server, admin, project) = with_script("echo secret\n");
    let user = json!({"name": "Outsider", "username": "outsider", "email": "outsider@example.com", "password": PASSWORD, "admin": false});
    admin.post("/api/users", &user).expect(201);
    let outsider = server.client("outsider", PASSWORD);

    let refused = connect(&server, None).await.expect_err("without a session there is no connection");
    assert!(matches!(&refused, tungstenite::Error::Http(answer) if answer.status() == 401), "{refused}");

    let mut member = connect(&server, Some(&admin)).await.unwrap();
    let mut stranger = connect(&server, Some(&outsider)).await.unwrap();
    let task = project.start(&admin, project.template(&admin, "bash", "script.sh"));
    frames_of(&mut member, task).await;
    // A ping goes through the same queue: its answer comes after every frame that was sent before.
    stranger.send(Message::Ping(b"are you there".as_slice().into())).await.unwrap();
    match timeout(PAUSE, stranger.next()).await.expect("an answer").expect("an open connection").unwrap() {
        Message::Pong(text) => assert_eq!(text.as_ref(), b"are you there"),
        other => panic!("somebody who is not a member got {other:?}"),
    }
}

#[tokio::test]
async fn a_close_is_answered() {
    let server = Server::start();
    let admin = server.admin();
    let mut socket = connect(&server, Some(&admin)).await.unwrap();
    socket.send(Message::Close(None)).await.unwrap();
    let answer = timeout(PAUSE, socket.next()).await.expect("an answer");
    assert!(matches!(answer, Some(Ok(Message::Close(_)))), "{answer:?}");
}

#[tokio::test]
async fn a_session_that_ends_takes_its_connections_along() {
    let server = Server::start();
    let admin = server.admin();
    let mut socket = connect(&server, Some(&admin)).await.unwrap();
    server
        .client("admin", PASSWORD)
        .post("/api/users/1/password", &json!({"password": "another password"}))
        .expect(204);
    loop {
        match timeout(PAUSE, socket.next()).await.expect("an end") {
            Some(Ok(Message::Ping(_))) => {}
            None | Some(Ok(Message::Close(_)) | Err(_)) => return,
            Some(Ok(other)) => panic!("unexpected {other:?}"),
        }
    }
}
