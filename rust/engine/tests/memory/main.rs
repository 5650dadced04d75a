//! Secrets do not stay in memory: the process looks for planted texts in all of its own memory while their owners live and
//! after they are gone. Copies of programs' output, and what other libraries leave of their own, are not looked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod own_memory;

use std::{fs, os::unix::fs::OpenOptionsExt as _, path::Path, process::Command, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use semaphore_engine::{
    EngineConfig,
    job::{JobEvent, Outcome, SecretSet, start},
    key::{Agent, AgentPlace, SocketOwner},
    log::{self, LogOptions, Redactor},
    process::{ProcessSpec, Prompt, Stdin, StopToken, spawn},
};
use semaphore_test_machine::tool;
use serde_json::{Value, json};
use zeroize::{Zeroize as _, Zeroizing};

use self::own_memory::Needle;

/// What stands before the part of a text that is looked for: an allocator writes over the beginning of what it gets back.
const BEFORE: &[u8; 24] = b"an-allocator-writes-here";
/// Length of a [`secret`].
const LENGTH: usize = BEFORE.len() + 48;

/// A text of its own, and how to find it. The text itself is nowhere but in what is given back.
fn secret() -> (Zeroizing<Vec<u8>>, Needle) {
    let needle = Needle::random(LENGTH - BEFORE.len());
    // Of the right size from the beginning: a text that grows leaves copies.
    let mut text = Zeroizing::new(Vec::with_capacity(LENGTH));
    text.extend_from_slice(BEFORE);
    text.extend_from_slice(&needle.text());
    (text, needle)
}

#[test]
fn what_is_not_wiped_is_found_after_its_end() {
    let needle = Needle::random(40);
    assert_eq!(needle.places(), Vec::<String>::new(), "the search finds itself");
    let mut plain = vec![0_u8; 8192];
    plain[4096..4136].copy_from_slice(&needle.text());
    assert_eq!(needle.places().len(), 1);
    let wiped = Zeroizing::new(plain.clone());
    assert_eq!(needle.places().len(), 2);
    drop(wiped);
    assert_eq!(needle.places().len(), 1);
    drop(plain);
    assert_eq!(needle.places().len(), 1, "an ordinary text stays until something else takes its place");
}

#[test]
fn the_secrets_of_a_job_go_with_their_set() {
    let (mut text, needle) = secret();
    let mut secrets = SecretSet::default();
    secrets.insert("a", std::mem::take(&mut *text));
    let copy = secrets.clone();
    assert_eq!(needle.places().len(), 2);
    drop(secrets);
    assert_eq!(needle.places().len(), 1);
    drop(copy);
    needle.assert_gone();
}

#[test]
fn a_redactor_forgets_what_it_hides() {
    let (text, plain) = secret();
    let mut encoded = STANDARD.encode(&*text).into_bytes();
    let in_base64 = Needle::of(&encoded[BEFORE.len() / 3 * 4..]);
    encoded.zeroize();
    // As it is, in a text of several lines, and with a character that looks different in JSON and in URLs.
    let several = Zeroizing::new([b"first line\n", text.as_slice(), b"\nlast line\n"].concat());
    let special = Zeroizing::new([b"\"&", text.as_slice()].concat());
    let redactor = Redactor::new([text.as_slice(), &several, &special]).unwrap();
    drop((text, several, special));
    plain.assert_held();
    in_base64.assert_held();
    drop(redactor);
    plain.assert_gone();
    in_base64.assert_gone();
}

/// Where an agent of a test listens.
fn place(directory: &Path) -> AgentPlace {
    let owner = SocketOwner::default();
    AgentPlace { parent: directory.to_owned(), name: "ssh_task_7".to_owned(), owner, short_path_allowed: true }
}

/// Runs an agent with a key, lets a real client sign with it, and closes it. All threads that worked for it have ended then.
fn sign(directory: &Path, key: Zeroizing<Vec<u8>>, passphrase: Option<Zeroizing<Vec<u8>>>, held: &Needle) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let agent = Agent::start(&place(directory), 3, key, passphrase).await.unwrap();
        held.assert_held();
        let mut client = Command::new("ssh-keygen");
        client.args(["-Y", "sign", "-n", "test", "-f"]).arg(directory.join("key.pub")).arg(directory.join("message"));
        client.env("SSH_AUTH_SOCK", agent.socket());
        let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        agent.closed().await;
    });
}

/// What a program prints, without a copy of it.
fn printed(program: &str, arguments: &[&str], directory: &Path) -> Zeroizing<Vec<u8>> {
    let path = directory.join("printed");
    let output = fs::File::create(&path).unwrap();
    let status = Command::new(program).args(arguments).current_dir(directory).stdout(output).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
    let text = Zeroizing::new(fs::read(&path).unwrap());
    fs::remove_file(path).unwrap();
    text
}

#[test]
fn an_agent_forgets_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("message"), "text").unwrap();
    let make = "ssh-keygen -q -t ed25519 -N '' -f key && cat key && rm key";
    let key = printed("sh", &["-c", make], directory);
    // The text as people paste it: its middle is the secret half. And what it means: the seed, before the public half.
    let text = Needle::of(&key[key.len() - 200..key.len() - 140]);
    let lines: Zeroizing<Vec<u8>> = Zeroizing::new(
        key.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"-")).flatten().copied().collect(),
    );
    let content = Zeroizing::new(STANDARD.decode(&*lines).unwrap());
    let seed_at = seed_position(&content);
    let seed = Needle::of(&content[seed_at..seed_at + 32]);
    drop((lines, content));
    text.assert_held();
    sign(directory, key, None, &seed);
    text.assert_gone();
    seed.assert_gone();
}

/// Where the seed stands in the container of an ed25519 key: behind the second public half and the length 64.
fn seed_position(content: &[u8]) -> usize {
    let length = [0, 0, 0, 64];
    content.windows(4).rposition(|bytes| bytes == length).expect("the secret half") + 4
}

#[test]
fn an_agent_forgets_the_passphrase_of_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("message"), "text").unwrap();
    let make = "od -An -N30 -tx1 /dev/urandom | tr -d ' \\n' > passphrase && \
                ssh-keygen -q -t ed25519 -a 1 -N \"$(cat passphrase)\" -f key && cat key && rm key";
    let key = printed("sh", &["-c", make], directory);
    let passphrase = printed("cat", &["passphrase"], directory);
    assert_eq!(passphrase.len(), 60);
    let needle = Needle::of(&passphrase[BEFORE.len()..]);
    let text = Needle::of(&key[key.len() - 200..key.len() - 140]);
    needle.assert_held();
    // Only the text can be looked for while it is held: the passphrase is not needed any more once the key is read.
    let public = fs::read(directory.join("key.pub")).unwrap();
    let public = Needle::of(&STANDARD.decode(public.split(|byte| *byte == b' ').nth(1).unwrap()).unwrap()[19..]);
    sign(directory, key, Some(passphrase), &public);
    needle.assert_gone();
    text.assert_gone();
}

#[test]
fn passwords_that_were_typed_and_given_are_forgotten() {
    let (answer, typed) = secret();
    let (value, given) = secret();
    let (bytes, read) = secret();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use std::os::unix::ffi::OsStrExt as _;
        let (log, mut reader) = log::channel::<()>(LogOptions::default());
        let script =
            "import getpass, os\nprint(len(getpass.getpass('Password: ')), len(os.environ['VALUE']), flush=True)";
        let spec = ProcessSpec::new("python3", "/")
            .args(["-c", script])
            .env("PATH", "/usr/bin:/bin")
            .env("VALUE", std::ffi::OsStr::from_bytes(&value))
            .stdin(Stdin::Pty { prompts: vec![Prompt::new("Password:", answer.to_vec())] });
        drop((answer, value));
        typed.assert_held();
        given.assert_held();
        let exit = spawn(spec).unwrap().supervise(&log, StopToken::never()).await;
        assert!(exit.success(), "{exit:?}");
        let spec =
            ProcessSpec::new("wc", "/").args(["-c"]).env("PATH", "/usr/bin:/bin").stdin(Stdin::bytes(bytes.to_vec()));
        drop(bytes);
        read.assert_held();
        assert!(spawn(spec).unwrap().supervise(&log, StopToken::never()).await.success());
        log.close();
        let mut lines = Vec::new();
        while let Some(batch) = reader.next_batch().await {
            let log::Batch::Records(records) = batch else { continue };
            lines.extend(records.into_iter().map(|record| record.lossy().into_owned()));
        }
        assert_eq!(lines, [format!("{LENGTH} {LENGTH}"), LENGTH.to_string()]);
    });
    typed.assert_gone();
    given.assert_gone();
    read.assert_gone();
}

/// Runs a job with secrets in all places, and looks for them while it runs and when it is over. The repository's program
/// reads the pipe `ready`, so that it waits until they were looked for.
fn check_job(app: &str, playbook: &str, text: &str, more: &Value) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let repository = root.join("repository");
    fs::create_dir(&repository).unwrap();
    let file = if app == "tofu" { "main.tf" } else { playbook };
    fs::write(repository.join(file), text).unwrap();
    let make = "git init -q -b main && git add . && git -c user.name=a -c user.email=a@b.c commit -q -m first";
    assert!(Command::new("sh").args(["-c", make]).current_dir(&repository).status().unwrap().success());
    let ready = repository.join("ready");
    nix::unistd::mkfifo(&ready, nix::sys::stat::Mode::S_IRWXU).unwrap();

    let mut secrets = SecretSet::default();
    let mut needles = Vec::new();
    let mut add = |name: &str| {
        let (mut text, needle) = secret();
        needles.push(needle);
        secrets.insert(name, std::mem::take(&mut *text))
    };
    let [variable, value, password, login_password, vault] = ["v", "e", "p", "l", "w"].map(&mut add);
    let login =
        |id: i32, secret| json!({"id": id, "kind": {"type": "login_password", "login": "bob", "password": secret}});
    let mut spec = json!({
        "task_id": 1, "project_id": 1, "template_id": 1, "app": app, "playbook": playbook,
        "repository": {"id": 1, "name": "r", "url": repository, "branch": "", "key": login(1, password)},
        "details": {"username": "admin", "url": ""},
        "inventory": {"id": 1, "name": "i", "kind": "static", "content": "localhost ansible_connection=local",
            "key": login(2, login_password.clone()), "become_key": login(3, login_password)},
        "environment": {"extra_vars": {"a": "b"}, "secrets": [
            {"name": "SECRET", "kind": "env", "value": value}, {"name": "variable", "kind": "var", "value": variable},
        ]},
        "vaults": [{"name": "one", "kind": {"password": vault}}],
    });
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let tools = ["ansible-playbook", "tofu"].into_iter().filter_map(tool);
    let tools: Vec<_> = tools.map(|tool| tool.parent().unwrap().display().to_string()).collect();
    let config = EngineConfig {
        tmp_path: root.join("tmp"),
        path: format!("{}:/usr/local/bin:/usr/bin:/bin", tools.join(":")),
        home: root.to_owned(),
        ..EngineConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let job = start(Arc::new(config), serde_json::from_value(spec).unwrap(), secrets, runtime.handle());
    let gate = ready.clone();
    let (outcome, needles, log) = runtime.block_on(async {
        let gate = tokio::task::spawn_blocking(move || {
            // Opening it waits for the program.
            let mut gate = fs::OpenOptions::new().write(true).open(gate).unwrap();
            needles.iter().for_each(Needle::assert_held);
            std::io::Write::write_all(&mut gate, b"done\n").unwrap();
            needles
        });
        let (mut events, mut log) = (job.events, Vec::new());
        loop {
            match events.next().await.unwrap() {
                JobEvent::Log(records) => log.extend(records.iter().map(|record| record.lossy().into_owned())),
                JobEvent::Done(outcome) if outcome == Outcome::Success => break (outcome, gate.await.unwrap(), log),
                JobEvent::Done(outcome) => {
                    // Nobody waits at the pipe any more.
                    fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&ready).unwrap();
                    panic!("{outcome:?}:\n{}", log.join("\n"));
                }
                _ => {}
            }
        }
    });
    assert_eq!(outcome, Outcome::Success);
    drop((job.control, runtime));
    for (number, needle) in needles.iter().enumerate() {
        assert_eq!(needle.places(), Vec::<String>::new(), "secret {number} of {app} is still in memory; log: {log:?}");
    }
}

#[test]
fn a_script_s_job_forgets_its_secrets() {
    let script = format!("#!/bin/sh\ntest ${{#SECRET}} = {LENGTH} && test ${{#1}} -gt {LENGTH} && cat ready\n");
    check_job("bash", "run.sh", &script, &json!({}));
}

#[test]
fn a_job_of_ansible_forgets_its_secrets() {
    if tool("ansible-playbook").is_none() {
        return;
    }
    let playbook = format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - assert:\n        that: variable | length == {LENGTH}\n    \
         - command: cat {{{{ playbook_dir }}}}/ready\n"
    );
    check_job("ansible", "play.yml", &playbook, &json!({}));
}

#[test]
fn a_job_of_tofu_forgets_its_secrets() {
    if tool("tofu").is_none() {
        return;
    }
    let configuration = format!(
        "variable \"variable\" {{}}\nvariable \"a\" {{}}\nresource \"terraform_data\" \"a\" {{\n  \
         input = length(var.variable) == {LENGTH} ? \"right\" : file(\"wrong\")\n  \
         provisioner \"local-exec\" {{\n    command = \"cat ready\"\n  }}\n}}\n"
    );
    check_job("tofu", "", &configuration, &json!({"inventory": null, "terraform": {"auto_approve": true}}));
}
