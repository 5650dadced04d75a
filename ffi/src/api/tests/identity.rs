//! Programs of other users.

use super::*;

#[test]
fn a_program_runs_as_whom_it_is_told_or_not_at_all() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let script = "id -u; id -g; id -G";
    let wanted = |process: Value| json!({"argv": ["/bin/sh", "-c", script], "dir": "/", "env": [["PATH", "/usr/bin:/bin"]], "process": process});
    let operation = host.exec(log, &wanted(json!({"uid": 12345, "gid": 23456})), b"").unwrap();
    let (status, document, error) = host.done(operation);
    if nix::unistd::geteuid().is_root() {
        assert_eq!(
            (status, host.lines(log)),
            (SEMAPHORE_OK, vec!["12345".into(), "23456".into(), "23456".into()]),
            "{error}"
        );
    } else {
        assert_eq!((status, &document["pid"]), (SEMAPHORE_E_SPAWN, &Value::Null), "refused: {error}");
    }
    for (process, number, said) in [
        (json!({"user": "nobody-of-that-name"}), SEMAPHORE_E_PERM, "does not exist"),
        (json!({"uid": 12345}), SEMAPHORE_E_PERM, "process.gid"),
        (json!({"uid": -1}), SEMAPHORE_E_PARSE, "not understood"),
    ] {
        let (found, error) = host.exec(log, &wanted(process), b"").unwrap_err();
        assert!(found == number && error["msg"].as_str().unwrap().contains(said), "{found} {error}");
    }
    host.close();
}
