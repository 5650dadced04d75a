//! What happens on the connection itself: clients keep theirs open and send a body in a packet of its own.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use semaphore_tests::{Project, Server, git_repository, wait_until};

/// Sends the request and reads the answer's head; panics when the connection was closed instead.
fn exchange(connection: &mut TcpStream, head: &str, body: &str) -> String {
    connection.write_all(head.as_bytes()).expect("the connection takes a request");
    // Long enough for the server to answer before it has seen the body, which is the case that is tested.
    thread::sleep(Duration::from_millis(50));
    connection.write_all(body.as_bytes()).expect("the connection takes a body");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let count = connection.read(&mut bytes).expect("an answer");
        assert!(count > 0, "the connection was closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_request_that_is_refused_does_not_cost_the_connection() {
    let server = Server::start();
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Refused for want of a session, before anybody looks at the body.
    let refused = exchange(
        &mut connection,
        "POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n",
        "{\"name\": \"none\"}",
    );
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    if !refused.to_lowercase().contains("connection: close") {
        let next = exchange(&mut connection, "GET /api/ping HTTP/1.1\r\nHost: x\r\n\r\n", "");
        assert!(next.starts_with("HTTP/1.1 200"), "{next}");
    }
}

#[test]
fn a_client_that_goes_away_leaves_no_task_outside_the_queue() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let body = format!("{{\"template_id\": {}}}", project.template(&admin, "bash", "hello.sh"));
    let request = format!(
        "POST /api/project/{}/tasks HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nContent-Length: {}\r\n\r\n{body}",
        project.id,
        admin.cookie().unwrap(),
        body.len()
    );
    // The moment between storing the row and queueing it is short: it is looked for from many sides.
    for step in 0..40 {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        thread::sleep(Duration::from_micros(400 * step));
    }
    let unfinished = "select id, status from task where status not in ('success', 'error')";
    wait_until("all tasks end", Duration::from_mins(1), || server.sql(unfinished).is_empty().then_some(()));
}

#[test]
fn a_large_body_without_a_session_is_refused() {
    let server = Server::start();
    let text = format!("{{\"auth\": \"{}\"}}", "x".repeat(100_000));
    server.anonymous().send("POST", "/api/auth/login", Some(&text)).expect(413);
}
