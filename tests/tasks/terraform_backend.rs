//! The override of a configuration's backend, with the real OpenTofu and a small state server.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use semaphore_tests::{Server, tofu, wait_until};
use serde_json::json;

use crate::terraform::{World, as_it_is, check};

/// What the state server has been told.
#[derive(Default)]
struct Stored {
    state: Option<Vec<u8>>,
    paths: BTreeSet<String>,
}

/// Answers GET with the state and keeps what is posted; one state for all paths.
fn state_server() -> (u16, Arc<Mutex<Stored>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stored = Arc::new(Mutex::new(Stored::default()));
    let shared = Arc::clone(&stored);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            // Who hangs up in the middle gets no answer.
            let _ = answer(stream, &shared);
        }
    });
    (port, stored)
}

fn answer(mut stream: TcpStream, stored: &Mutex<Stored>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut stored = stored.lock().unwrap();
    stored.paths.insert(path.to_owned());
    let (status, answer) = match (method, &stored.state) {
        ("GET", Some(state)) => ("200 OK", state.clone()),
        ("GET", None) => ("404 Not Found", vec![]),
        _ => {
            stored.state = Some(body);
            ("200 OK", vec![])
        }
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len())?;
    stream.write_all(&answer)
}

#[test]
fn the_state_goes_to_the_address_of_the_task_and_a_person_decides_about_the_old_one() {
    const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {}\n";
    const BACKEND: &str = "terraform {\n  backend \"local\" {\n  }\n}\n";
    if tofu().is_none() {
        return;
    }
    let (port, stored) = state_server();
    let server = Server::with_config(json!({"web_host": format!("http://127.0.0.1:{port}")}));
    let files = [("infra/main.tf", CONFIGURATION), ("infra/backend.tf", BACKEND)];
    let mut world = World::on(server, &files, as_it_is);
    world.change(|template| template["task_params"] = json!({"auto_approve": true}));
    check(world.run(&json!({})), "success", "Apply complete! Resources: 1 added");
    assert!(world.directory().join("terraform.tfstate").exists() && stored.lock().unwrap().paths.is_empty());

    world.change(|template| template["task_params"] = json!({"auto_approve": true, "override_backend": true}));
    let task = world.waiting(&json!({}));
    let question = "Do you want to copy existing state to the new backend?";
    assert!(world.log(task).contains(question), "{}", world.log(task));
    let file = world.directory().join("backend.tf");
    assert!(fs::read_to_string(&file).unwrap().contains("backend \"http\""));
    world.tell(task, "confirm");
    let (status, log) = world.end(task);
    assert_eq!(status, "success", "{log}");
    assert!(log.contains("No changes."), "the state was not copied:\n{log}");
    assert_eq!(fs::read_to_string(&file).unwrap(), BACKEND, "the repository's own file must come back");
    let state = String::from_utf8(stored.lock().unwrap().state.clone().unwrap()).unwrap();
    assert!(state.contains("terraform_data"), "{state}");
    let paths = stored.lock().unwrap().paths.clone();
    let path = paths.first().unwrap();
    let alias = path.strip_prefix("/api/terraform/").unwrap();
    assert!(paths.len() == 1 && alias.len() == 32 && alias.bytes().all(|b| b.is_ascii_hexdigit()), "{paths:?}");

    // Refused: the new state begins empty.
    world.change(|template| template["task_params"] = json!({"auto_approve": true}));
    check(world.run(&json!({"reconfigure": true})), "success", "No changes.");
    stored.lock().unwrap().state = None;
    world.change(|template| template["task_params"] = json!({"auto_approve": true, "override_backend": true}));
    let task = world.waiting(&json!({}));
    world.tell(task, "reject");
    check(world.end(task), "success", "Resources: 1 added");
    assert!(stored.lock().unwrap().state.is_some());
    assert_eq!(fs::read_to_string(&file).unwrap(), BACKEND);
}

#[test]
fn a_question_of_init_can_be_stopped() {
    if tofu().is_none() {
        return;
    }
    let (port, _stored) = state_server();
    let server = Server::with_config(json!({"web_host": format!("http://127.0.0.1:{port}")}));
    let mut world = World::on(server, &[("infra/main.tf", "resource \"terraform_data\" \"a\" {}\n")], as_it_is);
    world.change(|template| template["task_params"] = json!({"auto_approve": true}));
    check(world.run(&json!({})), "success", "Apply complete!");
    world.change(|template| template["task_params"] = json!({"override_backend": true}));
    let task = world.waiting(&json!({}));
    world.tell(task, "stop");
    let (status, log) = world.end(task);
    assert_eq!(status, "stopped", "{log}");
    assert!(!world.directory().join("backend.tf").exists());
    wait_until("the clone is free", Duration::from_secs(10), || {
        semaphore_tests::processes_with(world.directory().to_str().unwrap()).is_empty().then_some(())
    });
}
