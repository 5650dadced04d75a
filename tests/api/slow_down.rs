//! Who guesses is slowed down by all servers of a database together, and longer than one of them lives; programs are, too.

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, Project, REGISTRATION_TOKEN, Server, git_repository};
use serde_json::{Value, json};

/// Status and `Retry-After` of a request from an address.
fn ask(server: &Server, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Option<u64>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let mut request = agent.post(format!("http://127.0.0.1:{}{path}", server.port()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send(body.to_string()).unwrap();
    let wait = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), wait)
}

#[test]
fn two_servers_count_together_and_a_restart_forgets_nothing() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    let postgres = json!({"host": database.address(), "user": database.user(), "name": "shared"});
    let start = || {
        let config = json!({"dialect": "postgres", "postgres": postgres});
        let mut server = Server::prepared(Options { config, ..Options::default() });
        server.start_again();
        server
    };
    let (mut one, other) = (start(), start());
    let guess = |server: &Server, name: &str, address: &str| {
        ask(server, "/api/auth/login", &json!({"auth": name, "password": "wrong"}), &[("X-Forwarded-For", address)])
    };
    for number in 0..10 {
        let server = if number % 2 == 0 { &one } else { &other };
        assert_eq!(guess(server, "carol", "198.51.100.7"), (401, None), "{number}");
    }
    for server in [&one, &other] {
        let (status, wait) = guess(server, "Carol", "198.51.100.7");
        assert!(status == 429 && wait.is_some_and(|wait| (1..=6).contains(&wait)), "{status} {wait:?}");
        assert_eq!(guess(server, "carol", "198.51.100.8").0, 401, "another address");
        assert_eq!(guess(server, "bob", "198.51.100.7").0, 401, "another account");
    }
    // The row as it is after many more failures: what is left of the wait outlives the server.
    database.execute("shared", "update rs_login_throttle set failures = 20, blocked_until = last_failure + interval '5 minutes' where failures = 10");
    one.restart();
    let (status, wait) = guess(&one, "carol", "198.51.100.7");
    assert!(status == 429 && wait.is_some_and(|wait| wait > 60), "{status} {wait:?}");
    let kept = database.execute("shared", "select account from rs_login_throttle");
    assert!(!kept.is_empty() && !kept.iter().any(|account| account.contains("carol")), "{kept:?}");
}

#[test]
fn programs_that_guess_are_slowed_down() {
    let server = Server::start();
    let from = |address: &'static str| [("X-Forwarded-For", address)];
    for number in 0..30 {
        let path = format!("/api/integrations/guess{number}");
        assert_eq!(ask(&server, &path, &json!({}), &from("198.51.100.7")).0, 404);
        let body = json!({"registration_token": format!("guess{number}")});
        assert_eq!(ask(&server, "/api/internal/runners", &body, &from("198.51.100.7")).0, 400);
    }
    let right = json!({"registration_token": REGISTRATION_TOKEN});
    assert_eq!(ask(&server, "/api/integrations/guess", &json!({}), &from("198.51.100.7")).0, 429);
    assert_eq!(ask(&server, "/api/internal/runners", &right, &from("198.51.100.7")).0, 429);
    assert_eq!(ask(&server, "/api/integrations/guess", &json!({}), &from("198.51.100.8")).0, 404);
    assert_eq!(ask(&server, "/api/internal/runners", &right, &from("198.51.100.8")).0, 200);

    // The proof that an integration asks for.
    let admin = server.admin();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    let secret = project.key(&admin, "login_password", &json!({"login": "", "password": "the proof"}));
    let base = format!("/api/project/{}/integrations", project.id);
    let body = json!({"name": "Asks", "project_id": project.id, "template_id": template, "auth_method": "token",
        "auth_header": "X-Proof", "auth_secret_id": secret});
    let id = admin.post(&base, &body).expect(201).id();
    let alias = admin.post(&format!("{base}/{id}/aliases"), &json!({})).expect(200).json();
    let path = alias["url"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
    let send = |proof: &str, address: &str| {
        ask(&server, &format!("/api/{path}"), &json!({}), &[("X-Proof", proof), ("X-Forwarded-For", address)]).0
    };
    for _ in 0..30 {
        assert_eq!(send("a guess", "198.51.100.9"), 204);
    }
    // Whose other addresses are out of date is no guesser of this one, and a burst is none either.
    for _ in 0..3 {
        assert_eq!(send("the proof", "198.51.100.7"), 204);
    }
    let answers: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..64).map(|_| scope.spawn(|| send("the proof", "198.51.100.11"))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|status| *status == 204), "{answers:?}");
    assert_eq!(send("the proof", "198.51.100.9"), 429);
    assert_eq!(send("the proof", "198.51.100.10"), 204);
    assert_eq!(server.sql("select count(*) from task")[0][0], 3 + 64 + 1, "a guess started a task");
}
