//! What a child is given, and what happens when it cannot be started.

use super::*;

fn error(spec: ProcessSpec) -> String {
    spawn(spec).expect_err("must not start").to_string()
}

#[tokio::test]
async fn a_child_has_exactly_its_environment_and_the_later_value_wins() {
    let _shared = shared().await;
    let spec = ProcessSpec::new("env", "/")
        .env("PATH", "/nowhere")
        .env("A", "1")
        .env("EMPTY", "")
        .env("A", "two words=\u{e4}")
        .env("PATH", PATH);
    let (exit, records) = run(spec).await;
    assert_eq!(exit.code, Some(0));
    let mut lines = texts(&records, Stream::Stdout);
    lines.sort_unstable();
    assert_eq!(lines, ["A=two words=\u{e4}".to_owned(), "EMPTY=".into(), format!("PATH={PATH}")]);
}

#[tokio::test]
async fn a_child_leads_its_own_session_with_clean_signals() {
    let _shared = shared().await;
    // The mask of the spawning thread and ignored signals of the host must not reach the child.
    let (sender, receiver) = std::sync::mpsc::channel();
    thread("spawner", 0, move || {
        let child = spawn(program("cat").args(["/proc/self/status", "/proc/self/stat"]));
        sender.send(child).expect("receiver");
    })
    .unwrap()
    .join()
    .unwrap();
    let child = receiver.recv().unwrap().unwrap();
    let pid = child.pid();
    let (_, records, _) = Running::supervise(child, LogOptions::default()).end().await;
    let lines = texts(&records, Stream::Stdout);
    let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).expect("field").trim().to_owned();
    for name in ["SigBlk:", "SigIgn:", "SigCgt:"] {
        assert_eq!(u64::from_str_radix(&field(name), 16), Ok(0), "{name}");
    }
    // After the name in parentheses: state, parent, group, session, terminal.
    let stat: Vec<String> =
        lines.last().unwrap().rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect();
    let me = std::process::id().to_string();
    assert_eq!(stat[1..5], [me, pid.to_string(), pid.to_string(), "0".into()]);
}

#[tokio::test]
async fn a_child_has_three_descriptors_and_an_empty_input() {
    let _shared = shared().await;
    let (_, records) = run(sh("readlink /proc/$$/fd/0; echo /proc/$$/fd/*; cat | wc -c")).await;
    let lines = texts(&records, Stream::Stdout);
    assert_eq!(lines[0], "/dev/null");
    let numbers: Vec<&str> = lines[1].split(' ').map(|path| path.rsplit('/').next().unwrap()).collect();
    // The shell's own descriptor for the pattern, if it shows at all, is above ours.
    assert_eq!(numbers[..3], ["0", "1", "2"], "{lines:?}");
    assert!(numbers[3..].iter().all(|number| number.parse::<u32>().unwrap() >= 3) && numbers.len() <= 4, "{lines:?}");
    assert_eq!(lines[2].trim(), "0");
    let list = "import os\nfor fd in range(3, 1024):\n  try: os.fstat(fd); print('open', fd)\n  except OSError: pass";
    let (_, records) = run(python(list)).await;
    assert_eq!(texts(&records, Stream::Stdout), Vec::<String>::new());
}

#[tokio::test]
async fn a_child_gets_directory_limit_and_exact_arguments() {
    let _shared = shared().await;
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("pwd; read go; ulimit -Sn; printf '[%s]' \"$@\"").nofile(Some(321)).stdin(Stdin::bytes("go\n"));
    spec.dir = dir.path().to_owned();
    let (_, records) = run(spec.args(["name", "", "a b", "$(id)", "-x", "new\nline"])).await;
    let lines = texts(&records, Stream::Stdout);
    assert_eq!(lines[0], dir.path().canonicalize().unwrap().to_string_lossy());
    assert_eq!(lines[1], "321");
    assert_eq!(lines[2..].join("\n"), "[][a b][$(id)][-x][new\nline]");
}

#[tokio::test]
async fn programs_are_found_in_the_jobs_own_path() {
    use std::os::unix::fs::PermissionsExt;
    let _shared = shared().await;
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    for (place, mode) in [(&first, 0o644), (&second, 0o755)] {
        fs::create_dir(place).unwrap();
        fs::write(place.join("tool"), format!("#!/bin/sh\necho {mode:o} \"$0\"\n")).unwrap();
        fs::set_permissions(place.join("tool"), fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = format!("{}:{}:.", first.display(), second.display());
    let (_, records) = run(ProcessSpec::new("tool", &first).env("PATH", &path)).await;
    assert_eq!(texts(&records, Stream::Stdout), [format!("755 {}", second.join("tool").display())]);
    // A relative path is relative to the working directory, as a relative PATH entry is not.
    let (_, records) = run(ProcessSpec::new("./tool", &second)).await;
    assert_eq!(texts(&records, Stream::Stdout), ["755 ./tool"]);
    let text = error(ProcessSpec::new("tool", &second).env("PATH", "."));
    assert_eq!(text, "program `tool` not found in PATH (.): install it there or give its full path");
}

#[tokio::test]
async fn what_cannot_be_started_is_said_in_words() {
    use std::os::unix::fs::PermissionsExt;
    let _shared = shared().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    let shown = file.display();
    assert_eq!(
        error(program("no-such-program-here")),
        format!("program `no-such-program-here` not found in PATH ({PATH}): install it there or give its full path")
    );
    assert_eq!(error(ProcessSpec::new("sh", "/")), "program `sh` not found: the environment has no PATH");
    assert_eq!(error(program("")), "no program is given");
    assert_eq!(error(program("/no/such")), "program `/no/such` does not exist");
    assert_eq!(error(program(&shown.to_string())), format!("program `{shown}` is not an executable file"));
    assert_eq!(error(program("/tmp")), "program `/tmp` is not an executable file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        error(program(&shown.to_string())),
        format!("program `{shown}` names an interpreter after `#!` that does not exist")
    );
    fs::write(&file, [0x7f, b'E', b'L', b'F', 9, 9, 9]).unwrap();
    assert_eq!(
        error(program(&shown.to_string())),
        format!("program `{shown}` is neither a binary for this machine nor a script that begins with `#!`")
    );
    let mut spec = program("sh");
    spec.dir = dir.path().join("missing");
    assert!(error(spec).starts_with("cannot use the working directory `"));
    let mut spec = program("sh");
    spec.dir.clone_from(&file);
    assert!(error(spec).ends_with("is not a directory"));
    assert_eq!(
        error(program("sh").env("SECRET", "a\0b")),
        "cannot start `sh`: environment variable `SECRET` contains a NUL byte"
    );
    assert_eq!(error(program("sh").args(["a", "b\0"])), "cannot start `sh`: argument 2 contains a NUL byte");
    assert_eq!(
        error(program("sh").env("A=B", "x")),
        "`A=B` is not a name for an environment variable: it is empty or contains `=`"
    );
    let text = error(program("sh").args(vec!["x".repeat(100_000); 50]));
    assert_eq!(text, "cannot start `sh`: its arguments and environment are too long; pass large values in a file");
}

#[tokio::test]
async fn debug_texts_hold_no_values() {
    let spec = sh("echo hunter2")
        .env("TOKEN", "hunter2")
        .stdin(Stdin::Pty { prompts: vec![Prompt::new("SSH password:", "hunter2")] });
    let text = format!("{spec:?} {:?}", Stdin::bytes("hunter2"));
    assert!(text.contains("TOKEN") && text.contains("SSH password:") && !text.contains("hunter2"), "{text}");
}

#[test]
fn threads_of_the_engine_block_signals_but_not_faults() {
    let status =
        thread("masked", 0, || fs::read_to_string("/proc/thread-self/status").unwrap()).unwrap().join().unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
    let mask = u64::from_str_radix(mask, 16).unwrap();
    let blocked = |signal: i32| mask & (1 << (signal - 1)) != 0;
    for signal in [libc::SIGPIPE, libc::SIGTERM, libc::SIGINT, libc::SIGCHLD, libc::SIGURG, libc::SIGPROF, 40] {
        assert!(blocked(signal), "signal {signal}");
    }
    assert!(!blocked(libc::SIGSEGV) && !blocked(libc::SIGABRT));
    let own = fs::read_to_string("/proc/thread-self/status").unwrap();
    assert!(own.contains("SigBlk:\t0000000000000000"), "the creator's mask is restored");
    assert!(thread("a\0b", 0, || ()).is_err());
}
