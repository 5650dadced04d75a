//! How requests come in: HTTPS with a certificate that can be changed, limits of time, the log of requests, tokens of tasks.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{Options, PASSWORD, Project, Server, free_port, git_repository, wait_until};
use serde_json::{Value, json};

use super::refused;

/// Makes a certificate for 127.0.0.1 that vouches for itself; answers the files of certificate and key.
fn certificate(directory: &Path, name: &str) -> [PathBuf; 2] {
    let files = ["pem", "key"].map(|kind| directory.join(format!("{name}.{kind}")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&files[1])
        .arg("-out")
        .arg(&files[0])
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success(), "no certificate can be made");
    files
}

/// A server that speaks HTTPS.
struct Secure {
    server: Server,
    process: Child,
}

impl Secure {
    fn start(server: Server) -> Self {
        let log = fs::File::create(server.directory().join("secure.log")).unwrap();
        let process = server
            .command(&["server", "--config"])
            .arg(server.config_path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the program could not be started");
        let port = server.port();
        wait_until("the server listens", Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { server, process }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.server.directory().join("secure.log")).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// Logs in over HTTPS, trusting only this certificate: the status and the cookie. An error is the other program's text.
    fn log_in(&self, trusted: &Path) -> Result<(u64, String), String> {
        const LOG_IN: &str = "import http.client, json, ssl, sys\n\
            context = ssl.create_default_context(cafile=sys.argv[2])\n\
            connection = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context, timeout=30)\n\
            connection.request('POST', '/api/auth/login', sys.argv[3])\n\
            answer = connection.getresponse()\n\
            print(json.dumps([answer.status, answer.getheader('Set-Cookie') or '']))";
        let body = json!({"auth": "admin", "password": PASSWORD}).to_string();
        let port = self.server.port().to_string();
        let done = Command::new("python3").args(["-c", LOG_IN, &port]).arg(trusted).arg(body).output().unwrap();
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let told: Value = serde_json::from_slice(&done.stdout).unwrap();
        Ok((told[0].as_u64().unwrap(), told[1].as_str().unwrap().to_owned()))
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn secure(more: &Value) -> (Secure, [PathBuf; 2]) {
    let mut server = Server::prepared(Options::default());
    let files = certificate(server.directory(), "first");
    server.change_config(&json!({"tls": {"enabled": true, "cert_file": files[0], "key_file": files[1]}}));
    server.change_config(more);
    (Secure::start(server), files)
}

pub(crate) fn tls_enabled() {
    let (secure, [certificate, _]) = secure(&json!({}));
    let (status, cookie) = secure.log_in(&certificate).unwrap();
    assert_eq!(status, 204);
    assert!(cookie.contains("; Secure"), "the cookie would travel in clear: {cookie}");
    let mut plain = TcpStream::connect(("127.0.0.1", secure.server.port())).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    plain.write_all(b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "HTTP is spoken on the port of HTTPS");
}

/// Another certificate is used from the signal on; one that cannot be used is not.
pub(crate) fn tls_cert_file() {
    let (secure, files) = secure(&json!({}));
    assert_eq!(secure.log_in(&files[0]).unwrap().0, 204);
    let second = certificate(secure.server.directory(), "second");
    let trusted = secure.server.directory().join("trusted.pem");
    fs::copy(&second[0], &trusted).unwrap();
    assert!(secure.log_in(&trusted).unwrap_err().contains("CERTIFICATE_VERIFY_FAILED"));
    for (new, old) in second.iter().zip(&files) {
        fs::copy(new, old).unwrap();
    }
    secure.signal(Signal::SIGHUP);
    wait_until("the new certificate is used", Duration::from_secs(30), || secure.log_in(&trusted).ok());
    fs::write(&files[0], "no certificate").unwrap();
    secure.signal(Signal::SIGHUP);
    wait_until("the bad certificate is told", Duration::from_secs(30), || {
        secure.log().contains("cannot be read again").then_some(())
    });
    assert_eq!(secure.log_in(&trusted).unwrap().0, 204, "{}", secure.log());
    let said = refused(json!({"tls": {"enabled": true, "cert_file": "/nowhere.pem", "key_file": "/nowhere.key"}}));
    assert!(said.contains("tls.cert_file") && said.contains("/nowhere.pem"), "{said}");
}

pub(crate) fn tls_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let ([first, _], [_, other]) = (certificate(directory.path(), "a"), certificate(directory.path(), "b"));
    let said = refused(json!({"tls": {"enabled": true, "cert_file": first, "key_file": other}}));
    assert!(said.contains("tls.key_file"), "a key of another certificate: {said}");
    let said = refused(json!({"tls": {"enabled": true, "cert_file": first}}));
    assert!(said.contains("tls.key_file"), "{said}");
}

pub(crate) fn tls_http_redirect_port() {
    let port = free_port();
    let (secure, _) = secure(&json!({"tls": {"http_redirect_port": port}}));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let address = format!("http://127.0.0.1:{port}/project/1?t=2");
    let answer = agent.get(&address).call().unwrap();
    assert_eq!(answer.status(), 307);
    let target = format!("https://127.0.0.1:{}/project/1?t=2", secure.server.port());
    assert_eq!(answer.headers()["location"], target.as_str());
    assert_eq!(agent.post(&address).send("secret=1").unwrap().status(), 403);
    assert!(refused(json!({"tls": {"http_redirect_port": 70_000}})).contains("tls.http_redirect_port"));
}

pub(crate) fn request_log() {
    let lines = |keys: Value| {
        let server = Server::with_config(keys);
        server.anonymous().get("/api/auth/login").expect(200);
        server.anonymous().get("/api/user").expect(401);
        let log = server.log();
        ["path=/api/auth/login", "path=/api/user"].map(|path| log.contains(path))
    };
    assert_eq!(lines(json!({})), [true, true]);
    assert_eq!(lines(json!({"http": {"log": "errors"}})), [false, true]);
    assert_eq!(lines(json!({"http": {"log": "off"}})), [false, false]);
    assert!(refused(json!({"http": {"log": "some"}})).contains("http.log"));
}

pub(crate) fn body_timeout_sec() {
    let server = Server::with_config(json!({"http": {"body_timeout_sec": 1}}));
    let mut client = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(25))).unwrap();
    client.write_all(b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{").unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).expect("an answer, although the body is not complete");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
    assert!(refused(json!({"http": {"body_timeout_sec": -1}})).contains("http.body_timeout_sec"));
}

/// Somebody who never answers the server keeps a request of ours waiting.
pub(crate) fn request_timeout_sec() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::with_config(json!({"http": {"request_timeout_sec": 1}}));
    let admin = server.admin();
    let project = Project::create(&admin, &format!("http://{}/x.git", silent.local_addr().unwrap()));
    let answer = admin.get(&format!("/api/project/{}/repositories/{}/branches", project.id, project.repository));
    let text = answer.expect(503).json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains("longer than 1 seconds"), "{text}");
    assert!(refused(json!({"http": {"request_timeout_sec": -1}})).contains("http.request_timeout_sec"));
}

pub(crate) fn task_jwt_audience() {
    let given = |keys: Value| {
        let server = Server::with_config(keys);
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("given.sh", "echo given ${SEMAPHORE_TASK_JWT:+a token}\n")]);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", repository.display()));
        project.run(&admin, "bash", "given.sh").1.contains(&"given a token".to_owned())
    };
    assert!(given(json!({"auth": {"task_jwt": {"audience": "https://vault.example.com"}}})));
    assert!(!given(json!({})));
    assert!(refused(json!({"auth": {"task_jwt": {"audience": "api"}}})).contains("auth.task_jwt.audience"));
}

/// A key whose text is in a file, given to a task as a variable: what the task sees, or why it does not run.
pub(crate) fn secrets_path() {
    let given = |is_inside: bool| {
        let mut server = Server::prepared(Options::default());
        let place = server.directory().join("secrets");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("word"), "out of a file").unwrap();
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("count.sh", "echo \"letters ${#WORD}\"\n")]);
        server.change_config(
            &json!({"dirs": {"secrets_path": if is_inside { place.clone() } else { "/nowhere".into() }}}),
        );
        server.start_again();
        let admin = server.admin();
        let project = Project::create(&admin, repository.to_str().unwrap());
        let template = project.template(&admin, "bash", "count.sh");
        // The page has no way to give a variable group such a secret, but the reference reads it all the same.
        server.change_database(&format!(
            "insert into access_key (name, type, project_id, owner, environment_id, source_storage_type, source_storage_key) \
             values ('WORD', 'string', {}, 'environment', {}, 'file', '{}')",
            project.id,
            project.environment,
            place.join("word").display()
        ));
        project.run_again(&admin, template, &json!({})).1
    };
    assert!(given(true).contains("letters 13"), "{}", given(true));
    let refusal = given(false);
    assert!(refusal.contains("dirs.secrets_path") && !refusal.contains("letters"), "{refusal}");
    assert!(refused(json!({"dirs": {"secrets_path": "relative"}})).contains("dirs.secrets_path"));
}
