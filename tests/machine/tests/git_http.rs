//! The git server of the tests, seen by the real git.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path, process::Stdio, thread, time::Duration};

use semaphore_test_machine::{
    git::{self, Repository},
    git_http::{Access, Server, Transfer},
    wait_until,
};

fn run(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = git::command(directory, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn whoever_has_the_password_clones() {
    let directory = tempfile::tempdir().unwrap();
    let work = Repository::create(directory.path().join("work"));
    work.commit("first", &[("file", "one")]);
    let bare = work.publish(directory.path().join("bare.git"));
    let server = Server::start();
    let open = server.serve("open", bare.path(), Access::Anyone);
    let closed = server.serve(
        "closed",
        bare.path(),
        Access::Users(vec![("a".into(), "x:y z".into()), ("b".into(), "2".into())]),
    );
    let with = |who: &str| closed.replace("http://", &format!("http://{who}@"));

    run(directory.path(), &["clone", "--quiet", &open, "one"]).unwrap();
    run(directory.path(), &["clone", "--quiet", &with("a:x%3Ay%20z"), "two"]).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join("two/file")).unwrap(), "one");
    let wrong = run(directory.path(), &["clone", "--quiet", &with("b:wrong"), "three"]).unwrap_err();
    assert!(wrong.contains("Authentication failed"), "{wrong}");
    let nobody = run(directory.path(), &["clone", "--quiet", &closed, "three"]).unwrap_err();
    assert!(nobody.contains("could not read Username"), "{nobody}");
    let absent = run(directory.path(), &["clone", "--quiet", &open.replace("open", "absent"), "three"]).unwrap_err();
    assert!(absent.contains("not found"), "{absent}");

    let requests = server.requests();
    assert!(requests.iter().any(|r| r.user.as_deref() == Some("a") && r.status == 200), "{requests:?}");
    assert!(requests.iter().any(|r| r.user.as_deref() == Some("b") && r.status == 401), "{requests:?}");
    assert!(requests.iter().any(|r| r.method == "POST" && r.target.ends_with("/git-upload-pack")), "{requests:?}");
    assert!(server.bytes_sent() > 0);

    server.change_access("closed", Access::user("a", "new"));
    assert!(run(directory.path(), &["ls-remote", &with("a:x%3Ay%20z")]).is_err());
    let second = work.commit("second", &[("file", "two")]);
    work.push_to(&bare);
    assert!(run(directory.path(), &["ls-remote", &with("a:new"), "main"]).unwrap().starts_with(&second));
}

#[test]
fn branches_tags_submodules_and_rewritten_branches() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start();
    let inner = Repository::create(directory.path().join("inner"));
    inner.commit("inner", &[("inner.txt", "deep")]);
    let inner_url = server.serve("inner", inner.publish(directory.path().join("inner.git")).path(), Access::Anyone);
    let outer = Repository::create(directory.path().join("outer"));
    let first = outer.commit("first", &[("a", "1")]);
    outer.tag("v1");
    outer.new_branch("side");
    outer.commit("on the side", &[("a", "2")]);
    outer.submodule(&inner_url, "nested");
    let bare = outer.publish(directory.path().join("outer.git"));
    let url = server.serve("outer", bare.path(), Access::Anyone);

    run(directory.path(), &["clone", "--quiet", "--recurse-submodules", "--branch", "side", &url, "clone"]).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join("clone/nested/inner.txt")).unwrap(), "deep");
    assert_eq!(run(&directory.path().join("clone"), &["rev-parse", "v1^{commit}"]).unwrap().trim(), first);
    let old = outer.head();
    let new = outer.rewrite("rewritten", &[("a", "3")]);
    outer.push_to(&bare);
    assert_ne!(old, new);
    assert_eq!(bare.git(&["rev-parse", "side"]), new);
    // The same steps, the same hashes.
    let twin = Repository::create(directory.path().join("twin"));
    assert_eq!(twin.commit("first", &[("a", "1")]), first);
}

#[test]
fn a_transfer_stalls_goes_on_and_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let work = Repository::create(directory.path().join("work"));
    work.write_incompressible("big", 50_000_000);
    work.commit("big", &[]);
    let server = Server::start();
    let url = server.serve("big", work.publish(directory.path().join("big.git")).path(), Access::Anyone);

    let clone = |name: &str| {
        git::command(directory.path(), ["clone", "--quiet", &url, name]).stderr(Stdio::piped()).spawn().unwrap()
    };
    server.transfer(Transfer::StallAfter(1_000_000));
    let mut patient = clone("patient");
    let mut impatient = clone("impatient");
    server.wait_until_stalled(2);
    impatient.kill().unwrap();
    impatient.wait().unwrap();
    // The helper of git that holds the connection notices that git is gone when it writes: it does, once data comes.
    assert!(server.bytes_sent() < 5_000_000, "{}", server.bytes_sent());
    assert!(patient.try_wait().unwrap().is_none());
    server.transfer(Transfer::Normal);
    assert!(patient.wait().unwrap().success());
    assert_eq!(fs::metadata(directory.path().join("patient/big")).unwrap().len(), 50_000_000);
    assert!(server.bytes_sent() > 50_000_000);
    server.wait_until_idle();

    server.transfer(Transfer::CutAfter(1_000_000));
    let cut = clone("cut").wait_with_output().unwrap();
    assert!(!cut.status.success(), "{}", String::from_utf8_lossy(&cut.stderr));
}

#[test]
fn it_ends_though_a_transfer_is_stalled() {
    let directory = tempfile::tempdir().unwrap();
    let work = Repository::create(directory.path().join("work"));
    work.commit("first", &[("file", "one")]);
    let server = Server::start();
    let url = server.serve("one", work.publish(directory.path().join("one.git")).path(), Access::Anyone);
    server.transfer(Transfer::StallAfter(0));
    let client = thread::spawn({
        let path = directory.path().to_owned();
        move || run(&path, &["clone", "--quiet", &url, "clone"])
    });
    server.wait_until_stalled(1);
    let address = server.address();
    drop(server);
    assert!(client.join().unwrap().is_err());
    wait_until("its port is closed", Duration::from_secs(5), || {
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
}
