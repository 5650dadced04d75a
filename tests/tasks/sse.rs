//! `GET /api/project/{id}/tasks/{id}/events`: what `curl -N` sees of a task.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::Duration,
};

use semaphore_tests::{Client, PASSWORD, Project, Server, git_repository};
use serde_json::{Value, json};

/// One event: its kind, its id, its data.
type Event = (String, String, Value);

fn events(text: &str) -> Vec<Event> {
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    let parse = |event: &str| {
        let data = serde_json::from_str(&field(event, "data")?).unwrap();
        Some((field(event, "event").unwrap(), field(event, "id").unwrap(), data))
    };
    text.split("\n\n").filter_map(parse).collect()
}

/// The lines, whose ids must be their numbers, counted on from `after`.
fn lines(events: &[Event], after: usize) -> Vec<String> {
    let lines = events.iter().filter(|(kind, _, _)| kind == "line");
    (after + 1..)
        .zip(lines)
        .map(|(number, (_, id, data))| {
            assert_eq!(*id, number.to_string());
            data["output"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn path(project: &Project, task: i64) -> String {
    format!("/api/project/{}/tasks/{task}/events", project.id)
}

/// Reads events of a running task until a line has this text; answers the id of that line. Then it hangs up.
fn read_until(server: &Server, client: &Client, path: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let cookie = client.cookie().unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n").unwrap();
    let mut id = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(number) = line.strip_prefix("id: ") {
            number.clone_into(&mut id);
        }
        if line.starts_with("data: ") && line.contains(text) {
            return id;
        }
    }
    panic!("the events ended before {text}");
}

#[test]
fn a_script_sees_every_line_and_goes_on_where_it_stopped() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    let script = "seq -f 'line %.0f' 1 5000\nprintf 'a\\rb\\n'\necho BEGUN\nuntil [ -e go ]; do sleep 0.05; done\nrm go\necho after\nexit 3\n";
    git_repository(&repository, &[("script.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "script.sh"));
    let path = path(&project, task);

    // The task waits: what is told is told while it runs.
    let last = read_until(&server, &admin, &path, "BEGUN");
    fs::write(repository.join("go"), "").unwrap();
    let rest = admin.send_with("GET", &path, None, &[("Last-Event-ID", &last)]).expect(200);
    assert_eq!(rest.content_type.as_deref(), Some("text/event-stream"));
    let rest = events(&rest.body);
    let whole = events(&admin.get(&path).expect(200).body);

    let stored = admin.output(project.id, task);
    let seen: usize = last.parse().unwrap();
    assert_eq!(lines(&whole, 0), stored);
    assert_eq!(lines(&rest, seen), stored[seen..]);
    assert!(stored.iter().any(|line| line == "a\rb") && stored[seen..].iter().any(|line| line == "after"));
    for events in [&rest, &whole] {
        let (kind, id, data) = events.last().unwrap();
        assert_eq!((kind.as_str(), id.as_str()), ("status", "end"));
        assert_eq!(data["status"], "error");
        assert_eq!(data["line"], stored.len());
        assert!(data["end"].is_string());
    }
    // A browser that comes back after the end is told to stop coming.
    let nothing = admin.send_with("GET", &path, None, &[("Last-Event-ID", "end")]).expect(204);
    assert_eq!(nothing.body, "");
    let since = format!("{path}?since={}", stored.len() - 1);
    assert_eq!(lines(&events(&admin.get(&since).expect(200).body), stored.len() - 1), stored[stored.len() - 1..]);
    admin.get(&format!("{path}?since=x")).expect(400);
}

#[test]
fn only_members_may_read_the_events() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script.sh", "echo secret\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "script.sh"));
    admin.wait_for_end(project.id, task);
    let user = json!({"name": "Outsider", "username": "outsider", "email": "outsider@example.com", "password": PASSWORD, "admin": false});
    admin.post("/api/users", &user).expect(201);
    let outsider = server.client("outsider", PASSWORD);
    outsider.get(&path(&project, task)).expect(404);
    server.anonymous().get(&path(&project, task)).expect(401);
    // A task of another project is none of this one.
    let other = Project::create(&admin, repository.to_str().unwrap());
    admin.get(&path(&other, task)).expect(400);
}
