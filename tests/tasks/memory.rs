//! What a task was given is not in the server's memory any more when the task has ended.
//!
//! Looked for are the values as they are. What a person sends over HTTP is another matter: the server is started anew between
//! the request that brought the secrets and the task, so that it has them from its database alone.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::FileExt as _,
    time::Duration,
};

use semaphore_test_machine::{
    git::Repository,
    git_http::{Access, Server as GitServer},
};
use semaphore_tests::{Project, Server, task_hosts, wait_until};
use serde_json::json;

/// Bytes of memory that are read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// A text that nobody else has. Its beginning is not looked for: an allocator writes over that of what it gets back.
fn secret() -> String {
    let mut bytes = [0_u8; 48];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    let random: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    format!("an-allocator-writes-here{random}")
}

/// Addresses at which the text's end stands in the writable memory of the process.
fn places(process: u32, text: &str) -> Vec<String> {
    let text = &text.as_bytes()[24..];
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw"))) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut address, end) = (number(from), number(to));
        while address < end {
            let length = (end - address).min(CHUNK_BYTES as u64) as usize;
            // Areas go away in between.
            if memory.read_exact_at(&mut chunk[..length], address).is_ok() {
                let chunk = &chunk[..length];
                let first = chunk.iter().enumerate().filter(|(_, byte)| **byte == text[0]);
                let hits = first.filter(|&(position, _)| chunk[position..].starts_with(text));
                found.extend(hits.map(|(position, _)| format!("{:#x} in {line}", address + position as u64)));
            }
            if address + length as u64 == end {
                break;
            }
            address += (length - text.len()) as u64;
        }
    }
    found
}

/// In the process of the task they are while it runs; it is gone with the task.
#[test]
fn a_task_leaves_no_secret_in_memory() {
    check("on");
}

#[test]
fn a_task_in_the_process_of_the_server_leaves_no_secret_there() {
    check("off");
}

fn check(task_host: &str) {
    let mut server = Server::with_config(json!({"process": {"task_host": task_host}}));
    let work = Repository::create(server.directory().join("work"));
    let gate = server.directory().join("gate");
    // In a pipe of its own the script says nothing that could be a copy.
    let script = format!("test ${{#SECRET}} = 72 || exit 9\necho ready\ncat {}\n", gate.display());
    work.commit("first", &[("wait.sh", &script)]);
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let bare = work.publish(server.directory().join("bare.git"));
    let git = GitServer::start();
    let [password, value] = [(); 2].map(|()| secret());
    let url = git.serve("project", bare.path(), Access::user("deployer", &password));

    let admin = server.admin();
    let mut project = Project::create(&admin, "/");
    let key = project.key(&admin, "login_password", &json!({"login": "deployer", "password": password}));
    project.repository = project.add_repository(&admin, &url, "main", key);
    let environment = json!({"name": "with a secret", "project_id": project.id, "json": "{}", "env": "{}",
        "secrets": [{"name": "SECRET", "type": "env", "secret": value, "operation": "create"}]});
    project.environment =
        admin.post(&format!("/api/project/{}/environment", project.id), &environment).expect(201).id();
    let template = project.template(&admin, "bash", "wait.sh");
    server.restart();
    for text in [&password, &value] {
        assert_eq!(places(server.process_id(), text), Vec::<String>::new());
    }

    let task = project.start(&admin, template);
    wait_until("the script is ready", Duration::from_mins(1), || {
        admin.output(project.id, task).iter().any(|line| line == "ready").then_some(())
    });
    let process = task_hosts(server.directory()).first().copied().unwrap_or(server.process_id());
    assert_eq!(process != server.process_id(), task_host == "on");
    for text in [&password, &value] {
        assert!(!places(process, text).is_empty(), "the running task has no secret");
    }
    fs::write(&gate, "").unwrap();
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    for (what, text) in [("password", &password), ("value", &value)] {
        let mut left = Vec::new();
        let gone = (0..50).any(|_| {
            left = places(server.process_id(), text);
            left.is_empty()
        });
        assert!(gone, "the {what} is still in memory: {left:#?}");
    }
}
