//! Repositories: clones, pulls, force pushes, submodules, commits, bad addresses and branches.

use std::fs;

use serde_json::json;

use super::support::{Finished, World, commit_all, file_url, git};
use crate::job::{Outcome, SecretSet};

/// Writes down every call of git, then does it.
const GIT_RECORDER: &str = "#!/bin/bash\nhere=$(dirname \"$0\")\n\
    { printf '%s' \"$*\"; printf '|%s' \"$PWD\"; env | sort | grep -v '^_=\\|^PWD=\\|^SHLVL=\\|^OLDPWD=' | tr '\\n' '|'; echo; } >> \"$here/git-calls\"\n\
    exec /usr/bin/git \"$@\"\n";

fn engine_lines(finished: &Finished) -> Vec<&str> {
    let words =
        ["Cloning Repository", "Updating Repository", "Checkout repository", "Get current", "cloning inventory"];
    finished.lines.iter().map(String::as_str).filter(|line| words.iter().any(|word| line.starts_with(word))).collect()
}

#[tokio::test]
async fn the_calls_of_git_are_those_of_the_recorded_scenes() {
    let world = World::new();
    world.program("git", GIT_RECORDER);
    let repository = world.repository("repo", &[("a.sh", "echo ran\n")]);
    let (url, clone) = (file_url(&repository), world.project("repository_1_template_1").display().to_string());
    let hash = git(&repository, &["rev-parse", "HEAD"]);
    world.run(world.spec("bash", "a.sh", &url)).await.expect(&Outcome::Success);
    world.run(world.spec("bash", "a.sh", &url)).await.expect(&Outcome::Success);
    let commit = world.run(world.spec_with("bash", "a.sh", &url, json!({"commit_hash": hash}))).await;
    commit.expect(&Outcome::Success);
    assert_eq!(commit.commit, None, "the task keeps the hash it was given");
    assert_eq!(engine_lines(&commit), [format!("Updating Repository {url}"), format!("Checkout repository to {hash}")]);

    let calls = fs::read_to_string(world.path("bin/git-calls")).unwrap();
    // git starts itself for parts of its work; those calls have git's own variables.
    let calls: Vec<(String, String, String)> = calls
        .lines()
        .map(|line| {
            let (call, environment) = line
                .split_once('|')
                .map(|(call, rest)| {
                    let (directory, environment) = rest.split_once("CFG_VAR").unwrap();
                    (format!("{call}|{directory}"), format!("CFG_VAR{environment}"))
                })
                .unwrap();
            let (call, directory) = call.split_once('|').unwrap();
            (call.to_owned(), directory.to_owned(), environment)
        })
        .filter(|(.., environment)| !environment.contains("GIT_DIR") && !environment.contains("GIT_INTERNAL"))
        .collect();
    let found: Vec<String> = calls.iter().map(|(call, directory, _)| format!("{call} in {directory}")).collect();
    let project = world.config.project_dir(1).display().to_string();
    let update = [
        "fetch",
        "merge-base --is-ancestor HEAD origin/main",
        "pull origin main",
        "submodule update --init --recursive",
    ];
    let last = ["rev-parse HEAD", "show-branch --no-name HEAD"];
    let mut expected = vec![format!("clone --recursive --branch main -- {url} repository_1_template_1 in {project}")];
    let checkout = format!("checkout {hash} --");
    let checkout = [checkout.as_str()];
    let in_clone = last.iter().chain(&update).chain(&last).chain(&update).chain(&checkout);
    expected.extend(in_clone.map(|call| format!("{call} in {clone}")));
    assert_eq!(found, expected);
    let variables = format!(
        "CFG_VAR=from config|FWD_A=forwarded|GIT_ALLOW_PROTOCOL=file:git:http:https:ssh|GIT_CONFIG_COUNT=3|\
         GIT_CONFIG_KEY_0=gc.autoDetach|GIT_CONFIG_KEY_1=maintenance.autoDetach|GIT_CONFIG_KEY_2=core.fsmonitor|GIT_CONFIG_VALUE_0=false|\
         GIT_CONFIG_VALUE_1=false|GIT_CONFIG_VALUE_2=false|GIT_TERMINAL_PROMPT=0|PATH={}|",
        world.config.path
    );
    for (call, _, environment) in &calls {
        assert_eq!(environment, &variables, "{call}");
    }
}

#[tokio::test]
async fn a_clone_is_pulled_and_made_anew_after_a_force_push() {
    let world = World::new();
    let repository = world.repository("repo", &[("a.sh", "cat version; ls\n"), ("version", "one\n")]);
    let url = file_url(&repository);
    let run = async || world.run(world.spec("bash", "a.sh", &url)).await;
    let first = run().await;
    assert_eq!(engine_lines(&first)[0], format!("Cloning Repository {url}"));
    let marker = world.project("repository_1_template_1").join("kept-between-tasks");
    fs::write(&marker, "").unwrap();

    fs::write(repository.join("version"), "two\n").unwrap();
    let hash = commit_all(
        &repository,
        "second commit with a subject that is longer than one hundred bytes: žluťoučký kůň pěl ďábelské ódy",
    );
    let second = run().await;
    assert!(second.lines.contains(&"two".to_owned()) && second.lines.contains(&"kept-between-tasks".to_owned()));
    assert_eq!(engine_lines(&second)[0], format!("Updating Repository {url}"));
    let (found, message) = second.commit.clone().unwrap();
    assert_eq!(found, hash);
    assert!(message.len() <= 100 && message.len() > 96 && message.starts_with("second commit"), "{message:?}");

    fs::write(repository.join("version"), "three\n").unwrap();
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-q", "--amend", "-m", "rewritten"]);
    let third = run().await;
    third.expect(&Outcome::Success);
    assert!(third.lines.contains(&"three".to_owned()));
    assert_eq!(engine_lines(&third)[0], format!("Cloning Repository {url}"));
    assert!(!marker.exists());

    // A clone that git does not recognise is replaced as well.
    fs::remove_dir_all(world.project("repository_1_template_1").join(".git")).unwrap();
    run().await.expect(&Outcome::Success);
}

#[tokio::test]
async fn submodules_come_along_and_are_updated() {
    let world = World::new();
    let module = world.repository("module", &[("m.txt", "module one\n")]);
    let repository = world.repository("repo", &[("a.sh", "cat sub/m.txt\n")]);
    git(&repository, &["submodule", "--quiet", "add", &file_url(&module), "sub"]);
    commit_all(&repository, "with submodule");
    let run = async || world.run(world.spec("bash", "a.sh", &file_url(&repository))).await;
    let first = run().await;
    assert!(first.lines.contains(&"module one".to_owned()), "{}", first.text());
    fs::write(module.join("m.txt"), "module two\n").unwrap();
    commit_all(&module, "two");
    git(&repository.join("sub"), &["pull", "-q", "origin", "main"]);
    commit_all(&repository, "submodule moved");
    let second = run().await;
    assert!(second.lines.contains(&"module two".to_owned()), "{}", second.text());
    assert_eq!(engine_lines(&second)[0], format!("Updating Repository {}", file_url(&repository)));
}

#[tokio::test]
async fn branches_and_commits_that_are_not_there_break_the_checkout() {
    let world = World::new();
    let repository = world.repository("repo", &[("a.sh", "cat a.txt\n"), ("a.txt", "main\n")]);
    let url = file_url(&repository);
    git(&repository, &["checkout", "-q", "-b", "feature/x"]);
    fs::write(repository.join("a.txt"), "feature\n").unwrap();
    commit_all(&repository, "on a branch");
    git(&repository, &["checkout", "-q", "main"]);
    let with_branch = |branch: &str| {
        let mut spec = world.spec("bash", "a.sh", &url);
        spec.repository.branch = branch.to_owned();
        spec
    };
    let feature = world.run(with_branch("feature/x")).await;
    assert!(feature.lines.contains(&"feature".to_owned()), "{}", feature.text());
    let nope = world.run(with_branch("nope")).await;
    nope.broken("checkout", "fatal: Remote branch nope not found in upstream origin (exit status 128)");
    assert_eq!(nope.outcome.reference_text(), Some("exit status 128"));
    assert!(nope.lines.contains(&"Failed updating repository: exit status 128".to_owned()));
    assert!(nope.lines.contains(&"fatal: Remote branch nope not found in upstream origin".to_owned()));
    assert!(!world.project("repository_1_template_1").exists(), "a clone that fits nothing is left");
    world.run(with_branch("")).await.broken("checkout", "the branch is empty");
    world.run(with_branch("--upload-pack=x")).await.broken("checkout", "begins with `-`");
    world.run(with_branch("main:evil")).await.broken("checkout", "not a name that git allows");

    let with_commit = |commit: &str| world.spec_with("bash", "a.sh", &url, json!({"commit_hash": commit}));
    let unknown = world.run(with_commit("0123456789abcdef0123456789abcdef01234567")).await;
    unknown.broken("checkout", "exit status 128");
    assert!(unknown.lines.contains(&"Failed to checkout repository to required commit: exit status 128".to_owned()));
    let unknown = world.run(with_commit("badhash")).await;
    assert!(unknown.lines.contains(&"Failed to checkout repository to required commit: exit status 1".to_owned()));
    world.run(with_commit("--orphan")).await.broken("checkout", "begins with `-`");
    // The name of a file is not taken for a commit.
    world.run(with_commit("a.txt")).await.broken("checkout", "exit status");
}

#[tokio::test]
async fn addresses_that_cannot_be_reached_or_must_not_be_used() {
    let world = World::new();
    let run = async |url: &str| world.run(world.spec("bash", "a.sh", url)).await;
    let gone = run("file:///nosuch/repository").await;
    gone.broken("checkout", "git clone of file:///nosuch/repository failed: fatal:");
    let evil = world.path("evil");
    run(&format!("--upload-pack=touch {}", evil.display())).await.broken("workspace", "begins with `-`");
    run(&format!("ext::sh -c touch% {}", evil.display())).await.broken("workspace", "remote helper `ext::`");
    assert!(!evil.exists());
    // Nothing listens on port 1.
    let refused = run("http://bob:hunter22@127.0.0.1:1/a.git").await;
    refused.broken("checkout", "http://***@127.0.0.1:1/a.git failed");
    assert!(!format!("{:?} {}", refused.outcome, refused.text()).contains("hunter22"));
    assert!(refused.text().contains("Cloning Repository http://***@127.0.0.1:1/a.git"));
    assert_eq!(world.left_behind(), ["repository_1_template_1_home"]);
}

/// Another address, or credentials that the Go server wrote into the configuration: the clone is replaced.
#[tokio::test]
async fn a_clone_of_another_address_is_made_anew() {
    let world = World::new();
    let (one, two) =
        (world.repository("one", &[("a.sh", "echo one\n")]), world.repository("two", &[("a.sh", "echo two\n")]));
    for (repository, line) in [(&one, "one"), (&two, "two"), (&one, "one")] {
        let finished = world.run(world.spec("bash", "a.sh", &file_url(repository))).await;
        assert_eq!(finished.lines.last().unwrap(), line);
        assert_eq!(engine_lines(&finished)[0], format!("Cloning Repository {}", file_url(repository)));
    }
    let clone = world.project("repository_1_template_1");
    git(&clone, &["remote", "set-url", "origin", "https://bob:secret@git.example/one.git"]);
    let finished = world.run(world.spec("bash", "a.sh", &file_url(&one))).await;
    assert_eq!(engine_lines(&finished)[0], format!("Cloning Repository {}", file_url(&one)));
    assert!(!fs::read_to_string(clone.join(".git/config")).unwrap().contains("secret"));
}

/// A repository may name submodules that run programs; the transport list stops them.
#[tokio::test]
async fn submodules_cannot_use_other_transports() {
    let world = World::new();
    let repository = world.repository("repo", &[("a.sh", "echo ran\n")]);
    let evil = world.path("evil");
    fs::write(
        repository.join(".gitmodules"),
        format!("[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c \"touch% {}\"\n", evil.display()),
    )
    .unwrap();
    git(&repository, &["update-index", "--add", "--cacheinfo", "160000,0123456789abcdef0123456789abcdef01234567,x"]);
    git(&repository, &["add", ".gitmodules"]);
    git(&repository, &["commit", "-q", "-m", "evil"]);
    let finished = world.run(world.spec("bash", "a.sh", &file_url(&repository))).await;
    finished.broken("checkout", "exit status");
    assert!(finished.text().contains("transport 'ext' not allowed"), "{}", finished.text());
    assert!(!evil.exists());
}

/// git is a recorder here: what matters is what it is given.
#[tokio::test]
async fn passwords_go_into_the_environment_of_git_alone() {
    let mut world = World::new();
    world.record(&["git"]);
    world.config.env.push(("GIT_CONFIG_COUNT".into(), "1".into()));
    world.config.env.push(("GIT_CONFIG_KEY_0".into(), "http.proxy".into()));
    world.config.env.push(("GIT_CONFIG_VALUE_0".into(), String::new()));
    let mut secrets = SecretSet::default();
    let password = secrets.insert("p", b"tr0ub4dor".to_vec());
    let mut spec = world.spec("bash", "a.sh", "https://old:gone@git.example:8443/a.git");
    spec.repository.key = serde_json::from_value(
        json!({"id": 2, "kind": {"type": "login_password", "login": "bob", "password": password}}),
    )
    .unwrap();
    world.run_with(spec, secrets).await;
    let records = world.records();
    let record = &records[0];
    assert_eq!(
        record["argv"],
        json!([
            "clone",
            "--recursive",
            "--branch",
            "main",
            "--",
            "https://git.example:8443/a.git",
            "repository_1_template_1"
        ])
    );
    let environment = &record["env"];
    assert_eq!(environment["GIT_ALLOW_PROTOCOL"], "git:http:https:ssh");
    assert_eq!(environment["GIT_CONFIG_COUNT"], "6");
    assert_eq!(environment["GIT_CONFIG_KEY_0"], "http.proxy");
    assert_eq!(environment["GIT_CONFIG_KEY_1"], "credential.https://git.example:8443.helper");
    assert_eq!(environment["GIT_CONFIG_VALUE_1"], "");
    assert_eq!(environment["GIT_CONFIG_KEY_2"], "credential.https://git.example:8443.helper");
    assert!(!environment["GIT_CONFIG_VALUE_2"].as_str().unwrap().contains("tr0ub4dor"));
    assert_eq!(environment["SEMAPHORE_GIT_USERNAME"], "bob");
    assert_eq!(environment["SEMAPHORE_GIT_PASSWORD"], "tr0ub4dor");
    assert!(environment.get("HOME").is_none());

    // git itself asks the helper, for this host only.
    let ask = |url: &str| {
        let mut child = std::process::Command::new("/usr/bin/git")
            .args(["credential", "fill"])
            .env_clear()
            .envs(environment.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap())))
            .env("PATH", "/usr/bin:/bin")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), format!("url={url}\n\n").as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert!(ask("https://git.example:8443/a.git").contains("username=bob\npassword=tr0ub4dor\n"));
    assert!(!ask("https://git.example/a.git").contains("tr0ub4dor"));
    assert!(!ask("https://evil.example:8443/a.git").contains("tr0ub4dor"));
}

#[tokio::test]
async fn the_remote_is_asked_without_a_clone() {
    use crate::{
        config::SandboxMode,
        git::{Access, CommandLineClient, GitClient, Working},
        job::Programs,
        key::SshOptions,
    };
    let world = World::new();
    let repository = world.repository("repo", &[("a", "")]);
    git(&repository, &["branch", "feature/x"]);
    git(&repository, &["tag", "main"]);
    let working = Working {
        url: file_url(&repository).parse().unwrap(),
        branch: "main".parse().unwrap(),
        access: Access::None,
        ssh: SshOptions::default(),
        parent: world.path("tmp"),
        directory: "unused".to_owned(),
    };
    let nope = Working { branch: "nope".parse().unwrap(), ..working.clone() };
    fs::create_dir_all(&working.parent).unwrap();
    for sandbox in [SandboxMode::Off, SandboxMode::Default] {
        let mut config = world.config.clone();
        config.process.sandbox = sandbox;
        let client = CommandLineClient::new(Programs::detached(std::sync::Arc::new(config)));
        assert_eq!(client.remote_commit_hash(&working).await.unwrap(), git(&repository, &["rev-parse", "HEAD"]));
        assert_eq!(client.remote_branches(&working).await.unwrap(), ["feature/x", "main"]);
        assert!(client.remote_commit_hash(&nope).await.unwrap_err().to_string().contains("does the branch exist?"));
        // The second round: what a program of a task has put there is not asked where tasks have bounds.
        git(&working.parent, &["init", "--quiet"]);
        git(&working.parent, &["config", "url.file:///nowhere/.insteadOf", "file://"]);
    }
}
