//! Both git clients against a real server, mirrors, jobs at once, and whatever can break off in the middle.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use semaphore_test_machine::{
    git::{Published, Repository},
    git_http::{Access, Server, Transfer},
    ssh,
};
use serde_json::json;

use super::support::{Finished, World, finish, wait_for_line};
use crate::{
    config::GitClientKind,
    job::{JobSpec, Outcome, ProblemCode, SecretSet},
};

const PASSWORD: &str = "tr0ub4dor&3 'x'";

/// A repository with a submodule at a relative address, both behind one password.
struct Remote {
    server: Server,
    work: Repository,
    published: Published,
    url: String,
}

impl Remote {
    fn new(world: &World) -> Self {
        let server = Server::start();
        let access = || Access::user("bob", PASSWORD);
        let module = Repository::create(world.path("module"));
        let module_hash = module.commit("module", &[("m.txt", "from the module\n")]);
        server.serve("module", module.publish(world.path("module.git")).path(), access());
        let work = Repository::create(world.path("work"));
        fs::write(work.path().join(".gitmodules"), "[submodule \"sub\"]\n\tpath = sub\n\turl = ../module.git\n")
            .unwrap();
        work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{module_hash},sub")]);
        fs::create_dir(work.path().join("sub")).unwrap();
        work.commit(
            "first commit",
            &[("a.sh", "cat version sub/m.txt; git status --short --branch\n"), ("version", "one\n")],
        );
        work.tag("v1");
        let published = work.publish(world.path("repo.git"));
        let url = server.serve("repo", published.path(), access());
        Self { server, work, published, url }
    }

    /// A repository with one large file, for everybody.
    fn large(world: &World, bytes: usize) -> Self {
        let server = Server::start();
        let work = Repository::create(world.path("work"));
        work.write_incompressible("large", bytes);
        work.commit("large", &[("a.sh", "wc -c < large\n")]);
        let published = work.publish(world.path("repo.git"));
        let url = server.serve("repo", published.path(), Access::Anyone);
        Self { server, work, published, url }
    }

    fn commit(&self, files: &[(&str, &str)]) -> String {
        let hash = self.work.commit("another commit", files);
        self.work.push_to(&self.published);
        hash
    }

    fn spec(&self, world: &World, template: i32) -> JobSpec {
        let fields = json!({"template_id": template, "task_id": template});
        world.spec_with("bash", "a.sh", &self.url, fields)
    }
}

fn with_password(spec: &mut JobSpec, password: &str) -> SecretSet {
    let mut secrets = SecretSet::default();
    let password = secrets.insert("p", password.as_bytes().to_vec());
    let kind = json!({"type": "login_password", "login": "bob", "password": password});
    spec.repository.key = serde_json::from_value(json!({"id": 2, "kind": kind})).unwrap();
    secrets
}

fn first_git_line(finished: &Finished) -> String {
    let is_git = |line: &&String| line.starts_with("Cloning Repository") || line.starts_with("Updating Repository");
    finished.lines.iter().find(is_git).unwrap().split(' ').next().unwrap().to_owned()
}

fn locks(world: &World) -> usize {
    fs::read_dir(world.own("locks")).map_or(0, Iterator::count)
}

/// Whether a text is in the file or in a file below the directory.
fn holds(path: &Path, text: &str) -> bool {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), text));
    }
    let content = fs::read(path).unwrap_or_default();
    content.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn one_story_with_both_clients() {
    for client in [GitClientKind::CmdGit, GitClientKind::GoGit] {
        story(client).await;
    }
}

async fn story(client: GitClientKind) {
    let mut world = World::new();
    world.config.git_client = client;
    let remote = Remote::new(&world);
    let first_hash = remote.work.head();
    let run = async |branch: &str, commit: Option<&str>| {
        let mut spec = remote.spec(&world, 1);
        spec.repository.branch = branch.to_owned();
        spec.commit_hash = commit.map(str::to_owned);
        let secrets = with_password(&mut spec, PASSWORD);
        world.run_with(spec, secrets).await
    };
    let says = |finished: &Finished, first: &str, version: &str| {
        finished.expect(&Outcome::Success);
        assert_eq!(first_git_line(finished), first, "{client:?}\n{}", finished.text());
        let has = |line: &str| finished.lines.iter().any(|found| found == line);
        assert!(has(version) && has("from the module"), "{client:?}\n{}", finished.text());
    };
    let cloned = run("main", None).await;
    says(&cloned, "Cloning", "one");
    assert_eq!(cloned.commit.as_ref().unwrap().0, first_hash);
    assert_eq!(cloned.commit.as_ref().unwrap().1.trim(), "first commit");
    let is_library = client == GitClientKind::GoGit;
    assert_eq!(cloned.text().contains("Message: first commit"), is_library, "{}", cloned.text());
    assert_eq!(cloned.lines.iter().any(|line| line.starts_with("Total ")), is_library, "{}", cloned.text());
    assert_eq!(cloned.text().contains("Cloning into"), !is_library, "{}", cloned.text());
    says(&run("main", None).await, "Updating", "one");

    // Another branch on the same clone: forward of it is pulled, everything else is cloned anew.
    remote.work.new_branch("feature/x");
    let on_branch = remote.commit(&[("version", "branch\n")]);
    says(&run("feature/x", None).await, "Updating", "branch");
    let back = run("main", None).await;
    says(&back, "Cloning", "one");
    assert_eq!(back.commit.unwrap().0, first_hash);

    // Commits: abbreviated, of another branch, by tag, by the name of a branch.
    remote.work.checkout("main");
    remote.commit(&[("version", "two\n")]);
    says(&run("main", None).await, "Updating", "two");
    says(&run("main", Some(&first_hash[..9])).await, "Updating", "one");
    says(&run("main", Some(&on_branch)).await, "Updating", "branch");
    says(&run("main", Some("v1")).await, "Cloning", "one");
    says(&run("main", Some("feature/x")).await, "Updating", "branch");
    says(&run("main", None).await, "Cloning", "two");

    remote.work.rewrite("rewritten", &[("version", "three\n")]);
    remote.work.push_to(&remote.published);
    says(&run("main", None).await, "Cloning", "three");

    let unknown = run("nope", None).await;
    unknown.broken("checkout", "Remote branch nope not found");
    assert_eq!(unknown.problems[0].code, ProblemCode::Repository, "{:?}", unknown.problems);
    let unknown = run("main", Some("0123456789")).await;
    assert!(unknown.problems[0].message.contains("does not have this commit"), "{}", unknown.text());
    says(&run("main", None).await, "Updating", "three");

    let mut spec = remote.spec(&world, 2);
    let secrets = with_password(&mut spec, "wrong-password");
    let refused = world.run_with(spec, secrets).await;
    refused.broken("checkout", "git clone");
    assert!(refused.problems[0].message.contains("does not accept login and password"), "{}", refused.text());
    let refused = world.run(remote.spec(&world, 2)).await;
    assert_eq!(refused.problems[0].code, ProblemCode::KeyType, "{}", refused.text());

    assert!(!holds(&world.project(""), PASSWORD) && !holds(&world.project(""), "bob"), "credentials are on the disk");
    assert_eq!(locks(&world), 0);
}

#[tokio::test]
async fn a_second_template_fetches_nothing_again() {
    // `GIT_MIRROR_MIB=50` makes the figures of the documentation.
    let size = std::env::var("GIT_MIRROR_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(4_usize) << 20;
    let world = World::new();
    let remote = Remote::large(&world, size);
    let mut sent = 0;
    let mut run = async |template| {
        let started = Instant::now();
        world.run(remote.spec(&world, template)).await.expect(&Outcome::Success);
        let bytes = remote.server.bytes_sent() - sent;
        sent += bytes;
        #[expect(clippy::print_stdout, reason = "the figure, with --nocapture")]
        {
            println!("{} MiB, template {template}: {bytes} bytes in {:?}", size >> 20, started.elapsed());
        }
        bytes
    };
    assert!(run(1).await > size as u64);
    assert!(run(2).await < 64 * 1024, "the mirror was not used");
    let mirror = world.own("mirror_1");
    assert!(!holds(&mirror.join("config"), "http"), "the mirror knows an address");
    let clone = world.project("repository_1_template_2");
    assert!(!clone.join(".git/objects/info/alternates").exists(), "the clone depends on the mirror");

    // Damage of any kind only costs the saving.
    for entry in fs::read_dir(mirror.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "damaged").unwrap();
    }
    assert!(run(3).await > size as u64);
    assert!(run(4).await < 64 * 1024, "the mirror was not made anew");
    // What is pulled is in the mirror too.
    remote.work.write_incompressible("more", 1 << 20);
    remote.commit(&[]);
    assert!(run(1).await > 1 << 20);
    assert!(run(5).await < 64 * 1024);
    fs::remove_dir_all(world.own("")).unwrap();
    fs::write(world.own(""), "in the way").unwrap();
    assert!(run(6).await > size as u64, "no place for mirrors and locks");
}

#[tokio::test]
async fn eight_jobs_at_once_fetch_once_and_share_nothing() {
    let world = World::new();
    let remote = Remote::large(&world, 2 << 20);
    let jobs = (0..8).map(|number| {
        // Five of one template, three of others.
        let mut spec = remote.spec(&world, if number < 5 { 1 } else { number });
        spec.task_id = 100 + number;
        let job = world.start(spec, SecretSet::default());
        tokio::spawn(finish(job, 0))
    });
    let jobs: Vec<_> = jobs.collect();
    for job in jobs {
        let finished = job.await.unwrap();
        finished.expect(&Outcome::Success);
        assert!(finished.lines.contains(&(2 << 20).to_string()), "{}", finished.text());
    }
    let sent = remote.server.bytes_sent();
    assert!(sent < 3 << 20, "{sent} bytes were sent: more than one of them fetched everything");
    let left: Vec<_> = world.left_behind().into_iter().filter(|name| !name.ends_with("_home")).collect();
    let kept =
        ["repository_1_template_1", "repository_1_template_5", "repository_1_template_6", "repository_1_template_7"];
    assert_eq!(left, kept);
    assert_eq!(locks(&world), 0);
}

#[tokio::test]
async fn a_clone_that_is_stopped_leaves_nothing_and_others_go_on() {
    let world = World::new();
    let remote = Arc::new(Remote::large(&world, 4 << 20));
    remote.server.transfer(Transfer::StallAfter(1 << 20));
    remote.server.change_access("repo", Access::user("bob", PASSWORD));
    let start = |template| {
        let mut spec = remote.spec(&world, template);
        let secrets = with_password(&mut spec, PASSWORD);
        world.start(spec, secrets)
    };
    let first = start(1);
    let waiting = Arc::clone(&remote);
    tokio::task::spawn_blocking(move || waiting.server.wait_until_stalled(1)).await.unwrap();
    // While git runs: nobody sees the password.
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains(PASSWORD), "{line}");
    }
    assert!(!holds(&world.project(""), PASSWORD));
    let mut second = start(2);
    wait_for_line(&mut second, "Waiting for another task").await;
    let mut third = start(3);
    wait_for_line(&mut third, "Waiting for another task").await;
    third.control.stop(false);
    assert!(matches!(finish_rest(third).await, Outcome::Stopped(_)));
    first.control.stop(false);
    let stopped = finish(first, 0).await;
    assert!(matches!(stopped.outcome, Outcome::Stopped(_)), "{:?}", stopped.outcome);
    assert!(!stopped.text().contains(PASSWORD));
    for template in [1, 3] {
        assert!(!world.project(&format!("repository_1_template_{template}")).exists());
    }
    remote.server.transfer(Transfer::Normal);
    assert_eq!(finish_rest(second).await, Outcome::Success);
    finish(start(1), 0).await.expect(&Outcome::Success);
    assert_eq!(locks(&world), 0);
}

/// The outcome of a job of which some events were read already.
async fn finish_rest(mut job: crate::job::Job) -> Outcome {
    loop {
        let event = tokio::time::timeout(Duration::from_mins(1), job.events.next()).await.expect("the job hangs");
        if let crate::job::JobEvent::Done(outcome) = event.expect("the events ended without Done") {
            return outcome;
        }
    }
}

/// What a git that was killed leaves, and what a server that was killed leaves.
#[tokio::test]
async fn what_a_kill_leaves_does_not_stand_in_the_way() {
    let world = World::new();
    let remote = Remote::large(&world, 1 << 10);
    let hash = remote.work.head();
    let clone = world.project("repository_1_template_1");
    let run = async |commit: Option<&str>| {
        let mut spec = remote.spec(&world, 1);
        spec.commit_hash = commit.map(str::to_owned);
        let finished = world.run(spec).await;
        finished.expect(&Outcome::Success);
        first_git_line(&finished)
    };
    assert_eq!(run(None).await, "Cloning");
    assert_eq!(run(None).await, "Updating");
    fs::write(clone.join(".git/index.lock"), "").unwrap();
    assert_eq!(run(Some(&hash)).await, "Cloning");
    fs::write(clone.join(".git/refs/remotes/origin/main.lock"), "").unwrap();
    remote.commit(&[("b", "b")]);
    assert_eq!(run(None).await, "Cloning");
    assert_eq!(run(None).await, "Updating");
    // The mark of a server that was killed while git wrote.
    let lock = world.own("locks/repository_1_template_1.lock");
    fs::write(&lock, "in the making\n").unwrap();
    assert_eq!(run(None).await, "Cloning");
    assert!(!lock.exists());
    // Another process has the clone. A real one: what this process opens, children of other tests hold for a moment.
    let hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(); sys.stdout.flush(); sys.stdin.read()";
    let mut holder = std::process::Command::new("python3")
        .args(["-c", hold])
        .arg(&lock)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    assert_eq!(run(None).await, "Cloning");
    assert!(lock.exists() && !world.project("repository_1_template_1_task_1").exists());
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(run(None).await, "Updating");
}

#[tokio::test]
async fn over_ssh_with_an_agent_and_reasons_when_it_does_not_open() {
    let Some(server) = ssh::Server::start() else { return };
    let world = World::new();
    let work = Repository::create(world.path("work"));
    work.commit("first commit", &[("a.sh", "echo over ssh\n")]);
    let url = server.serve_repository(work.publish(world.path("repo.git")).path());
    let key = world.path("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let run = async |with_key: bool, mode: &str| {
        let mut secrets = SecretSet::default();
        let private = secrets.insert("k", fs::read(&key).unwrap());
        let mut spec = world.spec_with("bash", "a.sh", &url, json!({"host_keys": {"mode": mode}}));
        if with_key {
            let kind = json!({"type": "ssh", "login": "", "private_key": private, "passphrase": null});
            spec.repository.key = serde_json::from_value(json!({"id": 3, "kind": kind})).unwrap();
        }
        world.run_with(spec, secrets).await
    };
    let refused = run(true, "off").await;
    assert_eq!(refused.problems[0].code, ProblemCode::Repository, "{}", refused.text());
    assert!(refused.problems[0].message.contains("does not accept the SSH key"));
    server.authorize(&fs::read_to_string(key.with_extension("pub")).unwrap());
    let opened = run(true, "off").await;
    opened.expect(&Outcome::Success);
    assert!(opened.lines.contains(&"over ssh".to_owned()));
    let unknown = run(true, "strict").await;
    assert_eq!(unknown.problems[0].code, ProblemCode::HostKey, "{}", unknown.text());
    let private = fs::read_to_string(&key).unwrap();
    assert!(!holds(&world.project(""), private.lines().nth(2).unwrap()));
}

/// The message is cut at a hundred bytes; a secret that lies there must not be cut first, or its beginning would be told.
#[tokio::test]
async fn a_secret_at_the_cut_of_a_commit_message_is_hidden() {
    for client in [GitClientKind::CmdGit, GitClientKind::GoGit] {
        let mut world = World::new();
        world.config.git_client = client;
        let repository = world.repository("repo", &[("a.sh", "echo ran\n")]);
        let subject = format!("{} open-sesame-for-ever", "m".repeat(90));
        super::support::commit_all(&repository, &subject);
        let mut secrets = SecretSet::default();
        let value = secrets.insert("a", b"open-sesame-for-ever".to_vec());
        let fields = json!({"environment": {"secrets": [{"name": "SEC", "kind": "env", "value": value}]}});
        let spec = world.spec_with("bash", "a.sh", &super::support::file_url(&repository), fields);
        let finished = world.run_with(spec, secrets).await;
        finished.expect(&Outcome::Success);
        let (_, message) = finished.commit.clone().unwrap();
        assert_eq!(message.trim_end(), format!("{} ***", "m".repeat(90)));
        assert!(!finished.text().contains("open-ses"), "{}", finished.text());
    }
}
