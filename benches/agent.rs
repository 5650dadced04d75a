//! SSH agents of jobs: how long one takes to start, and to sign as its client sees it.

use std::os::unix::net::UnixStream;

use divan::Bencher;
use rsa::pkcs1::EncodeRsaPrivateKey;
use semaphore_engine::key::{Agent, AgentPlace, PrivateKey, SocketOwner};
use ssh_agent_lib::{blocking::Client, proto::SignRequest};
use tokio::runtime::Runtime;

/// A key of the benchmarks, good for nothing else.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

const ED25519_NAME: &str = "Ed25519";
const RSA_NAME: &str = "RSA-2048";

fn main() {
    divan::main();
}

fn text(name: &str) -> Vec<u8> {
    if name == ED25519_NAME {
        return ED25519.into();
    }
    #[expect(clippy::expect_used, reason = "a benchmark without its key is over")]
    let pem = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
        .expect("a key")
        .to_pkcs1_pem(rsa::pkcs1::LineEnding::LF)
        .expect("a text");
    pem.as_bytes().to_vec()
}

#[expect(clippy::expect_used, reason = "a benchmark without its parts is over")]
fn world() -> (Runtime, tempfile::TempDir, AgentPlace) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let place = AgentPlace {
        parent: directory.path().to_owned(),
        name: "ssh_task_1".to_owned(),
        owner: SocketOwner::default(),
        short_path_allowed: true,
    };
    (runtime, directory, place)
}

/// From the key's text to a socket that answers, and its end.
#[divan::bench(args = [ED25519_NAME, RSA_NAME])]
#[expect(clippy::expect_used, reason = "a benchmark without its parts is over")]
fn start_and_close(bencher: Bencher<'_, '_>, name: &str) {
    let (runtime, _directory, place) = world();
    let text = text(name);
    bencher.bench_local(|| {
        runtime.block_on(async {
            let agent = Agent::start(&place, 1, text.clone().into(), None).await.expect("an agent");
            agent.closed().await;
        });
    });
}

/// One signature through the socket, over a connection that is open already.
#[divan::bench(args = [ED25519_NAME, RSA_NAME])]
#[expect(clippy::expect_used, reason = "a benchmark without its parts is over")]
fn sign(bencher: Bencher<'_, '_>, name: &str) {
    let (runtime, _directory, place) = world();
    let key = PrivateKey::parse(&text(name), None).expect("a key");
    let request = SignRequest { credential: key.public().clone().into(), data: vec![7; 200], flags: 4 };
    let entered = runtime.enter();
    let agent = Agent::serve(&place, 1, key).expect("an agent");
    drop(entered);
    let socket = agent.socket().to_owned();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        runtime.block_on(async {
            let _ = stopped.await;
            agent.closed().await;
        });
    });
    let mut client = Client::new(UnixStream::connect(socket).expect("a connection"));
    bencher.bench_local(|| client.sign(request.clone()).expect("a signature"));
    let _ = stop.send(());
    let _ = server.join();
}
