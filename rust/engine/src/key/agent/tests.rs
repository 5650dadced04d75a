//! The agent as its real clients see it, and as somebody sees it who wants to break it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream as BlockingStream,
    },
    path::PathBuf,
    process::Command,
};

use proptest::prelude::*;
use ssh_agent_lib::{
    blocking::Client,
    proto::{Extension, RemoveIdentity, Unparsed},
};
use ssh_key::{
    Algorithm, Signature,
    private::{Ed25519Keypair, KeypairData},
};
use tempfile::TempDir;

use super::*;

struct Fixture {
    directory: TempDir,
    place: AgentPlace,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = AgentPlace {
            parent: directory.path().to_owned(),
            name: "ssh_task_7".to_owned(),
            owner: SocketOwner::default(),
            short_path_allowed: true,
        };
        Self { directory, place }
    }

    /// A key of ssh-keygen and its file.
    fn key(&self, kind: &str) -> (PathBuf, Zeroizing<Vec<u8>>) {
        let path = self.directory.path().join(kind);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", "a comment", "-f"]).arg(&path).status();
        assert!(made.expect("ssh-keygen").success());
        let text = Zeroizing::new(fs::read(&path).unwrap());
        (path, text)
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.directory.path()).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("_task_"))
            .collect()
    }
}

/// A key without a program: quick.
fn quick_key() -> PrivateKey {
    match PrivateKey::parse(ED25519.as_bytes(), None) {
        Ok(key) => key,
        Err(error) => panic!("{error}"),
    }
}

/// A key of the tests, good for nothing else.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Runs a program with this agent; gives exit code and all output.
async fn client(agent: &Agent, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.args(arguments).env("SSH_AUTH_SOCK", agent.socket()).env_remove("SSH_ASKPASS");
    let output = blocking(move || command.output().unwrap()).await;
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn the_real_clients_list_and_sign() {
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let fixture = Fixture::new();
        let (path, text) = fixture.key(kind);
        let agent = Agent::start(&fixture.place, 3, text, None).await.unwrap();
        // Only the public half is there for the client.
        fs::remove_file(&path).unwrap();
        let (_, fingerprint) =
            client(&agent, "ssh-keygen", &["-l", "-f", path.with_extension("pub").to_str().unwrap()]).await;
        let (code, listed) = client(&agent, "ssh-add", &["-l"]).await;
        assert_eq!((code, listed), (Some(0), fingerprint));

        let message = fixture.directory.path().join("message");
        fs::write(&message, "text to sign").unwrap();
        let public = path.with_extension("pub");
        let (public, message) = (public.to_str().unwrap(), message.to_str().unwrap());
        let (code, said) = client(&agent, "ssh-keygen", &["-Y", "sign", "-f", public, "-n", "test", message]).await;
        assert_eq!(code, Some(0), "{said}");
        let script = format!("ssh-keygen -Y check-novalidate -n test -s {message}.sig < {message}");
        let (code, said) = client(&agent, "sh", &["-c", &script]).await;
        assert_eq!(code, Some(0), "{said}");

        // Nothing can be changed.
        let (code, _) = client(&agent, "ssh-add", &["-D"]).await;
        assert_ne!(code, Some(0));
        let other = fixture.directory.path().join("other");
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().unwrap();
        let (code, _) = client(&agent, "ssh-add", &[other.to_str().unwrap()]).await;
        assert_ne!(code, Some(0));
        let (_, listed) = client(&agent, "ssh-add", &["-l"]).await;
        assert_eq!(listed.lines().count(), 1, "{listed}");
        agent.closed().await;
        assert_eq!(fixture.left(), [""; 0]);
    }
}

#[tokio::test]
async fn everything_else_is_refused_and_nothing_breaks() {
    let fixture = Fixture::new();
    let key = quick_key();
    let public = key.public().clone();
    let agent = Agent::serve(&fixture.place, 1, key).unwrap();
    let path = agent.socket().to_owned();
    blocking(move || {
        let connect = || Client::new(BlockingStream::connect(&path).unwrap());
        let mut client = connect();
        let identities = client.request_identities().unwrap();
        assert_eq!(identities.len(), 1);
        client.remove_all_identities().unwrap_err();
        client.remove_identity(RemoveIdentity { credential: public.clone().into() }).unwrap_err();
        client.lock("x".to_owned()).unwrap_err();
        client.unlock("x".to_owned()).unwrap_err();
        for name in ["session-bind@openssh.com", "query", "no@such"] {
            let extension = Extension { name: name.to_owned(), details: Unparsed::from(vec![1, 2, 3]) };
            assert!(client.extension(extension).is_err());
        }
        let other = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[9; 32]));
        let other = ssh_key::public::KeyData::try_from(&other).unwrap();
        let request = |key: &ssh_key::public::KeyData| ssh_agent_lib::proto::SignRequest {
            credential: key.clone().into(),
            data: b"data".to_vec(),
            flags: 0,
        };
        client.sign(request(&other)).unwrap_err();
        // The same connection still works.
        let signature: Signature = client.sign(request(&public)).unwrap();
        assert_eq!(signature.algorithm(), Algorithm::Ed25519);
        rsa::signature::Verifier::verify(&public, b"data", &signature).unwrap();
    })
    .await;
    agent.closed().await;
}

#[tokio::test]
async fn nobody_can_keep_others_out() {
    let fixture = Fixture::new();
    let agent = Agent::serve(&fixture.place, 1, quick_key()).unwrap();
    let path = agent.socket().to_owned();
    blocking(move || {
        // Half a message each, and no more.
        let stalled: Vec<_> = (0..MOST_CONNECTIONS * 2)
            .map(|_| {
                let mut stream = BlockingStream::connect(&path).unwrap();
                stream.write_all(&[0, 0, 1, 0, 13]).unwrap();
                stream
            })
            .collect();
        // More is announced than is allowed, or nothing at all: the connection ends.
        for length in [0_u32, LONGEST_MESSAGE_BYTES as u32 + 1, u32::MAX] {
            let mut stream = BlockingStream::connect(&path).unwrap();
            stream.write_all(&length.to_be_bytes()).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
        }
        let mut client = Client::new(BlockingStream::connect(&path).unwrap());
        assert_eq!(client.request_identities().unwrap().len(), 1);
        // The first ones had to go.
        let mut first = stalled.into_iter().next().unwrap();
        assert_eq!(first.read(&mut [0; 8]).unwrap_or(0), 0);
    })
    .await;
    agent.closed().await;
}

#[tokio::test]
async fn the_socket_is_private_and_goes_with_the_agent() {
    let fixture = Fixture::new();
    let mut agent = Agent::serve(&fixture.place, 42, quick_key()).unwrap();
    let socket = agent.socket().to_owned();
    let name = socket.file_name().unwrap().to_str().unwrap().to_owned();
    let random = name.strip_prefix("ssh-agent-42-").and_then(|name| name.strip_suffix(".sock")).unwrap();
    assert!(random.len() == 10 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    let mut open = blocking({
        let socket = socket.clone();
        move || BlockingStream::connect(socket).unwrap()
    })
    .await;
    agent.close();
    agent.close();
    assert!(!socket.exists() && fixture.left().is_empty());
    agent.closed().await;
    // In order, or by force if it was not accepted yet.
    assert_eq!(blocking(move || open.read(&mut [0; 1]).unwrap_or(0)).await, 0);
    // Dropping does the same.
    let agent = Agent::serve(&fixture.place, 1, quick_key()).unwrap();
    assert_eq!(fixture.left().len(), 1);
    drop(agent);
    assert!(fixture.left().is_empty());
}

#[tokio::test]
async fn a_path_that_is_too_long_is_replaced_by_a_short_one() {
    let mut fixture = Fixture::new();
    fixture.place.parent = fixture.directory.path().join("d".repeat(100));
    let agent = Agent::serve(&fixture.place, 1, quick_key()).unwrap();
    let directory = agent.socket().parent().unwrap().to_owned();
    assert_eq!(directory.parent(), Some(Path::new("/tmp")));
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let (code, listed) = client(&agent, "ssh-add", &["-l"]).await;
    assert_eq!(code, Some(0), "{listed}");
    drop(agent);
    assert!(!directory.exists());
    // What a killed server leaves is found by its name.
    let agent = Agent::serve(&fixture.place, 1, quick_key()).unwrap();
    let directory = agent.socket().parent().unwrap().to_owned();
    remove_leftovers(&fixture.place.parent, |name| name.starts_with("ssh_task_8")).unwrap();
    remove_leftovers(fixture.directory.path(), |_| true).unwrap();
    assert!(directory.exists());
    remove_leftovers(&fixture.place.parent, |name| name.starts_with("ssh_task_7_")).unwrap();
    assert!(!directory.exists());
    fixture.place.short_path_allowed = false;
    let error = Agent::serve(&fixture.place, 1, quick_key()).unwrap_err();
    assert!(semaphore_model::error_chain(&error).contains("shorter `tmp_path`"), "{error:?}");
}

/// Who may connect is decided by the kernel's word, not only by the modes of the files.
#[tokio::test]
async fn only_the_own_user_and_the_jobs_user_are_answered() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut fixture = Fixture::new();
    fixture.place.owner = SocketOwner { uid: Some(12345), gid: Some(12345) };
    let agent = Agent::serve(&fixture.place, 1, quick_key()).unwrap();
    let directory = agent.socket().parent().unwrap();
    assert_eq!(fs::metadata(directory).unwrap().uid(), 12345);
    assert_eq!(fs::metadata(agent.socket()).unwrap().uid(), 12345);
    for path in [fixture.directory.path(), directory] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(agent.socket(), fs::Permissions::from_mode(0o777)).unwrap();
    let ask = "import os, socket, sys\nos.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n\
               s = socket.socket(socket.AF_UNIX); s.connect(os.environ['SSH_AUTH_SOCK'])\n\
               try:\n s.sendall(b'\\0\\0\\0\\1\\x0b'); print(len(s.recv(100)) > 5)\n\
               except (BrokenPipeError, ConnectionResetError): print(False)";
    for (user, answered) in [("0", "True\n"), ("12345", "True\n"), ("12346", "False\n")] {
        let (code, said) = client(&agent, "python3", &["-c", ask, user]).await;
        assert_eq!((code, said.as_str()), (Some(0), answered), "{user}");
    }
}

/// Run by the test below, alone in its process.
#[tokio::test]
#[ignore = "needs a process of its own"]
async fn two_hundred_agents_alone() {
    let fixture = Fixture::new();
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let one = async || {
        let agent = Agent::start(&fixture.place, 1, Zeroizing::new(ED25519.as_bytes().to_vec()), None).await.unwrap();
        let path = agent.socket().to_owned();
        blocking(move || {
            assert_eq!(Client::new(BlockingStream::connect(path).unwrap()).request_identities().unwrap().len(), 1);
        })
        .await;
        agent.closed().await;
    };
    // Makes the runtime's own parts.
    one().await;
    let (descriptors, threads) = (count("fd"), count("task"));
    for _ in 0..200 {
        one().await;
    }
    assert_eq!(count("fd"), descriptors);
    // The runtime itself keeps a few for work that blocks.
    assert!(count("task") <= threads + 4, "{threads} threads became {}", count("task"));
    assert!(fixture.left().is_empty());
}

#[test]
fn two_hundred_agents_leave_nothing() {
    let name = "key::agent::tests::two_hundred_agents_alone";
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", name, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

proptest! {
    #[test]
    fn any_message_gets_an_answer(start in prop::sample::select(vec![11_u8, 13, 17, 25, 27, 0, 255]), rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = quick_key();
        let message = [vec![start], rest].concat();
        let answer = protocol::answer(&key, &message);
        prop_assert!(if start == 11 { answer[0] == 12 } else { answer == [5] }, "{answer:?}");
    }

    #[test]
    fn a_request_that_is_cut_off_is_refused(data in prop::collection::vec(any::<u8>(), 0..100)) {
        use ssh_encoding::Encode;
        let key = quick_key();
        let request = ssh_agent_lib::proto::SignRequest { credential: key.public().clone().into(), data, flags: 0 };
        let mut message = Vec::new();
        ssh_agent_lib::proto::Request::SignRequest(request).encode(&mut message).unwrap();
        prop_assert_eq!(protocol::answer(&key, &message)[0], 14);
        for length in 0..message.len() {
            prop_assert_eq!(protocol::answer(&key, &message[..length]), vec![5]);
        }
    }
}

/// A computation goes on when who asked for it has left: a flood of requests must not take the threads of the whole server.
#[tokio::test]
async fn a_flood_of_signatures_leaves_threads_to_others() {
    let fixture = Fixture::new();
    let (_, text) = fixture.key("rsa");
    let key = PrivateKey::parse(&text, None).unwrap();
    let mut request = vec![13];
    let mut blob = Vec::new();
    ssh_encoding::Encode::encode(key.public(), &mut blob).unwrap();
    for part in [blob.as_slice(), b"data"] {
        request.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        request.extend(part);
    }
    request.extend(4_u32.to_be_bytes());
    let request = [&u32::try_from(request.len()).unwrap().to_be_bytes(), request.as_slice()].concat();
    let agent = Agent::serve(&fixture.place, 1, key).unwrap();
    let mut answered = false;
    for _ in 0..1500 {
        let mut stream = UnixStream::connect(agent.socket()).await.unwrap();
        stream.write_all(&request).await.unwrap();
        if !answered {
            // It is a request that is answered with a signature.
            stream.read_u32().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), 14);
            answered = true;
        }
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(2), blocking(|| ())).await.expect("no thread is left");
    tokio::time::timeout(Duration::from_secs(10), agent.closed()).await.expect("the agent hangs");
}
