//! Output: every line, once, in order, whatever the task does; and memory that does not grow with it.

use std::{fs, path::PathBuf, thread, time::Duration};

use semaphore_tests::{Project, Server, git_repository, wait_until, zombies_below};

/// Lines that the server itself writes into a task's log before the program's first.
fn of_program(lines: Vec<String>, first: &str) -> Vec<String> {
    let start = lines.iter().position(|l| l == first).unwrap_or_else(|| panic!("{first:?} is not in {lines:?}"));
    lines.into_iter().skip(start).collect()
}

#[test]
fn a_hundred_thousand_lines_are_stored_in_order_and_memory_stays_flat() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(
        &repository,
        &[
            ("few.sh", "seq -f 'line %.0f, with some more text to make it realistic' 1 20000\n"),
            ("many.sh", "seq -f 'line %.0f, with some more text to make it realistic' 1 100000\n"),
        ],
    );
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let run = |script: &str| {
        let task = project.start(&admin, project.template(&admin, "bash", script));
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "success", "{script}");
        task
    };

    run("few.sh");
    let (_, highest_before) = server.memory_kib();
    let task = run("many.sh");
    let (_, highest_after) = server.memory_kib();

    // Read from the file: 100 000 rows over HTTP would be a measurement of something else.
    let rows = server
        .sql(&format!("select output from task__output where task_id = {task} and output like 'line %' order by id"));
    assert_eq!(rows.len(), 100_000);
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(row[0], format!("line {number}, with some more text to make it realistic"));
    }
    let grown = highest_after.saturating_sub(highest_before);
    assert!(grown < 16 * 1024, "five times the output took {grown} KiB more memory (from {highest_before} KiB)");

    let raw = admin.get(&format!("/api/project/{}/tasks/{task}/raw_output", project.id)).expect(200);
    assert_eq!(raw.content_type.as_deref(), Some("text/plain; charset=utf-8"));
    assert_eq!(raw.body.lines().filter(|l| l.starts_with("line ")).count(), 100_000);

    let answer = admin.get(&format!("/api/project/{}/tasks/{task}/output", project.id)).expect(200);
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    let lines = answer.json();
    let texts = lines.as_array().unwrap().iter().filter_map(|line| line["output"].as_str());
    assert!(texts.filter(|text| text.starts_with("line ")).eq(rows.iter().map(|row| row[0].as_str().unwrap())));
    let (_, highest_read) = server.memory_kib();
    let grown = highest_read.saturating_sub(highest_after);
    assert!(grown < 16 * 1024, "reading the output took {grown} KiB more memory (from {highest_after} KiB)");
}

#[test]
fn long_lines_are_read_in_pieces_that_fit_into_memory() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    let script = "line=$(head -c 1000000 /dev/zero | tr '\\0' x)\nfor n in $(seq 60); do echo \"$n $line\"; done\n";
    git_repository(&repository, &[("long.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "long.sh"));
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    let (_, before) = server.memory_kib();
    let raw = admin.get(&format!("/api/project/{}/tasks/{task}/raw_output", project.id)).expect(200);
    let lengths = raw.body.lines().filter(|line| line.ends_with("xxx")).map(str::len);
    assert!(lengths.eq((1..=60).map(|n: i32| n.to_string().len() + 1 + 1_000_000)));
    let (_, after) = server.memory_kib();
    assert!(after - before < 64 * 1024, "reading 60 MB took {} KiB more memory (from {before} KiB)", after - before);
}

#[test]
fn an_app_runs_as_an_administrator_has_set_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let wrapper = server.directory().join("wrapper");
    std::fs::write(&wrapper, "#!/bin/sh\necho wrapped\nexec bash \"$@\"\n").unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    admin.put("/api/apps/bash", &serde_json::json!({"active": true, "path": wrapper})).expect(204);
    let (row, lines) = project.run(&admin, "bash", "hello.sh");
    assert_eq!(row["status"], "success");
    assert_eq!(of_program(lines, "wrapped"), ["wrapped", "hello"]);
}

/// The server's sockets that are none of a network: agents of keys, the runtime's own.
fn unix_sockets(server: &Server) -> Vec<String> {
    let process = PathBuf::from(format!("/proc/{}", server.process_id()));
    let unix = fs::read_to_string(process.join("net/unix")).unwrap();
    let numbers: Vec<_> = unix.lines().filter_map(|line| line.split_whitespace().nth(6)).collect();
    let targets = fs::read_dir(process.join("fd")).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let is_unix = |target: &PathBuf| {
        let text = target.to_string_lossy();
        let number = text.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        number.is_some_and(|number| numbers.contains(&number))
    };
    targets.filter(is_unix).map(|_| "unix socket".to_owned()).collect()
}

/// What a server holds that a task could have left: kinds of its descriptors, and what lies in its directories.
fn held(server: &Server) -> (Vec<String>, Vec<PathBuf>) {
    let directory = format!("/proc/{}/fd", server.process_id());
    let targets = fs::read_dir(directory).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let mut kinds: Vec<_> = targets
        .map(|target| target.to_string_lossy().split(':').next().unwrap_or_default().to_owned())
        // Connections of the database come and go by themselves, as those of HTTP clients do: sockets are compared by their kind.
        .filter(|kind| kind != "socket" && !kind.contains("database.sqlite"))
        .chain(unix_sockets(server))
        .collect();
    kinds.sort();
    let mut files = Vec::new();
    let mut open = vec![server.directory().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
            if !entry.file_name().to_string_lossy().starts_with("database.sqlite") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    (kinds, files)
}

#[test]
fn two_hundred_short_tasks_lose_nothing_and_leave_nothing() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("three.sh", "echo one\necho two\necho three\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let mut body = project.template_body("bash", "three.sh");
    body["allow_parallel_tasks"] = true.into();
    let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
    let first = project.start(&admin, template);
    assert_eq!(admin.wait_for_end(project.id, first)["status"], "success");
    // Its last descriptors are closed a moment after its status is stored.
    let before = wait_until("the first one has given back everything", Duration::from_secs(10), || {
        let before = held(&server);
        thread::sleep(Duration::from_millis(500));
        (held(&server) == before).then_some(before)
    });

    let tasks: Vec<_> = (0..200).map(|_| project.start(&admin, template)).collect();
    let mut broken = Vec::new();
    for task in tasks {
        let row = admin.wait_for_end(project.id, task);
        let lines = admin.output(project.id, task);
        let printed: Vec<_> = lines.iter().filter(|l| ["one", "two", "three"].contains(&l.as_str())).collect();
        if row["status"] != "success" || printed != ["one", "two", "three"] || lines.last().is_none_or(|l| l != "three")
        {
            broken.push((task, row["status"].clone(), lines));
        }
    }
    assert!(broken.is_empty(), "{} of 200: {:?}", broken.len(), broken[0]);
    wait_until("everything is given back", Duration::from_secs(10), || (held(&server) == before).then_some(()));
    wait_until("no zombie is left", Duration::from_secs(5), || {
        zombies_below(server.process_id()).is_empty().then_some(())
    });
}

#[test]
fn everything_is_stored_when_the_final_status_is_visible() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("burst.sh", "seq 1 3000\necho last\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "burst.sh");
    for _ in 0..5 {
        let task = project.start(&admin, template);
        admin.wait_for_status(project.id, task, &["success", "error", "stopped"]);
        let lines = of_program(admin.output(project.id, task), "1");
        assert_eq!(lines.len(), 3001);
        assert_eq!(lines.last().map(String::as_str), Some("last"));
    }
}

#[test]
fn bytes_become_lines_as_people_expect() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(
        &repository,
        &[(
            "odd.sh",
            "echo first\nprintf 'nul \\0 byte\\n'\nprintf 'pro\\rgress\\r\\n'\nprintf 'caf\\xc3\\xa9\\n'\nprintf 'bad \\xff byte\\n'\nprintf '\\033[31mred\\033[0m\\n'\nprintf '\\n'\nprintf 'tab\\tquote\"\\n'\n\
             echo to stderr >&2\nprintf 'no line feed at the end'\n",
        )],
    );
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, mut lines) = project.run(&admin, "bash", "odd.sh");
    assert_eq!(row["status"], "success");
    // stdout and stderr are two pipes: their lines have no order among each other.
    let before = lines.len();
    lines.retain(|l| l != "to stderr");
    assert_eq!(lines.len(), before - 1);
    assert_eq!(
        of_program(lines, "first"),
        [
            "first",
            "nul \u{0} byte",
            "pro\rgress",
            "caf\u{e9}",
            "bad \u{fffd} byte",
            "\u{1b}[31mred\u{1b}[0m",
            "",
            "tab\tquote\"",
            "no line feed at the end"
        ]
    );
}

#[test]
fn a_line_of_a_megabyte_does_not_end_the_task() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "head -c 1500000 /dev/zero | tr '\\0' x\necho\necho after\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, lines) = project.run(&admin, "bash", "long.sh");
    assert_eq!(row["status"], "success");
    let length: usize = lines.iter().filter(|l| l.starts_with("xxx")).map(String::len).sum();
    assert_eq!(length, 1_500_000);
    assert_eq!(lines.last().map(String::as_str), Some("after"));
}

#[test]
fn arguments_and_variables_reach_a_script() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(
        &repository,
        &[
            ("show.sh", "echo \"argument=$1\"\necho \"GREETING=$GREETING\"\n"),
            ("show.py", "import sys\nprint('python', sys.argv[1])\n"),
        ],
    );
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let variables = serde_json::json!({"name": "variables", "project_id": project.id, "json": "{}", "env": "{\"GREETING\": \"good morning\"}"});
    let environment = admin.post(&format!("/api/project/{}/environment", project.id), &variables).expect(201).id();
    for (app, script, wanted) in [
        ("bash", "show.sh", vec!["argument=two words", "GREETING=good morning"]),
        ("python", "show.py", vec!["python two words"]),
    ] {
        let mut body = project.template_body(app, script);
        body["arguments"] = "[\"two words\"]".into();
        body["environment_id"] = environment.into();
        let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
        let task = project.start(&admin, template);
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "success", "{app}");
        let lines = admin.output(project.id, task);
        for line in wanted {
            assert!(lines.iter().any(|l| l == line), "{app}: no {line:?} in {lines:?}");
        }
    }
}
