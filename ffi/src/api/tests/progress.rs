//! How far git is.

use super::{jobs::Directory, *};

#[test]
fn progress_is_told_to_who_asks_and_the_log_stays_the_same() {
    let mut host = Host::open();
    let directory = Directory::new("progress");
    let url = directory.git();
    let mut said = Vec::new();
    for (name, wanted) in [("plain", false), ("watched", true)] {
        let log = host.log(&json!({}));
        std::fs::create_dir_all(directory.path(name)).unwrap();
        let document = json!({
            "config": directory.config(), "url": url, "branch": "main", "parent": directory.path(name), "directory": "clone",
            "progress": wanted,
        });
        for kind in [SEMAPHORE_GIT_CLONE, SEMAPHORE_GIT_PULL] {
            let operation = host.git(kind, log, &document).unwrap();
            assert_eq!(host.done(operation).0, SEMAPHORE_OK, "{:?}", host.lines(log));
            let told = host.progress(operation);
            assert_eq!(kind == SEMAPHORE_GIT_CLONE && wanted, !told.is_empty(), "{told:?}");
            for (phase, done, total) in told {
                assert!(phase.ends_with(" objects") || phase == "Resolving deltas", "{phase}");
                assert!(total == 0 || (done <= total && done > 0), "{done} of {total}");
            }
        }
        said.push(host.lines(log));
    }
    assert!(said[0].iter().any(|line| line.starts_with("Cloning into ")), "{said:?}");
    assert_eq!(said[0], said[1]);
    assert!(!host.kinds().contains(&SEMAPHORE_FRAME_PARTIAL));

    // Without a log, and with the other client.
    let mut config = directory.config();
    config["git_client"] = "go_git".into();
    let document = json!({
        "config": config, "url": url, "branch": "main", "parent": directory.path("plain"), "directory": "second", "progress": true,
    });
    let operation = host.git(SEMAPHORE_GIT_CLONE, 0, &document).unwrap();
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    assert!(!host.progress(operation).is_empty());
    host.close();
}

impl Host {
    fn progress(&self, operation: SemaphoreHandle) -> Vec<(String, u64, u64)> {
        let number = |payload: &[u8], at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().unwrap());
        self.frames
            .iter()
            .filter(|(head, _)| head.source == operation && head.kind == SEMAPHORE_FRAME_PROGRESS)
            .map(|(_, payload)| {
                (String::from_utf8(payload[16..].to_vec()).unwrap(), number(payload, 0), number(payload, 8))
            })
            .collect()
    }
}
