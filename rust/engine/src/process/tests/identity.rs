//! Children of another user and below another root.
//!
//! Changing identity needs root; for others the same tests check that it is refused and said.

use super::*;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The specification runs as root; otherwise the refusal names `what`.
async fn as_root(spec: ProcessSpec, what: &str) -> Option<(Exit, Vec<LogRecord>)> {
    if is_root() {
        return Some(run(spec).await);
    }
    let error = spawn(spec).expect_err("not allowed");
    assert_eq!(error.to_string(), format!("cannot start `sh`: cannot set {what} of the program"));
    None
}

fn somebody() -> Identity {
    Identity { uid: Some(12345), gid: Some(23456), groups: Some(vec![23456, 34567]), chroot: None }
}

#[tokio::test]
async fn a_child_becomes_somebody_else_for_good() {
    let _shared = shared().await;
    let script = "cat /proc/self/status; read a b c d e session rest < /proc/$$/stat; echo session $session; echo by-name > /dev/stderr";
    let child = sh(script).identity(Some(somebody()));
    let Some((exit, records)) = as_root(child, "the supplementary groups").await else { return };
    assert_eq!((exit.code, exit.problem), (Some(0), None));
    let lines = texts(&records, Stream::Stdout);
    let field = |name: &str| {
        let value = lines.iter().find_map(|line| line.strip_prefix(name)).expect("field");
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Uid:"), "12345 12345 12345 12345");
    assert_eq!(field("Gid:"), "23456 23456 23456 23456");
    assert_eq!(field("Groups:"), "23456 34567");
    for name in ["SigBlk:", "SigIgn:", "SigCgt:", "CapEff:"] {
        assert_eq!(u64::from_str_radix(&field(name), 16), Ok(0), "{name}");
    }
    assert_ne!(field("session ").parse(), Ok(nix::unistd::getsid(None).unwrap().as_raw()));
    assert_eq!(texts(&records, Stream::Stderr), ["by-name"]);
}

/// What is given to the new user must be the child's own: `/dev/null` is the whole machine's.
#[tokio::test]
async fn the_machines_null_device_is_not_given_to_the_new_user() {
    use std::os::unix::fs::MetadataExt;
    let _shared = shared().await;
    let owner = || fs::metadata("/dev/null").unwrap().uid();
    let before = owner();
    let identity = Identity { uid: Some(12346), ..somebody() };
    let Some((exit, _)) = as_root(sh("exit 0").identity(Some(identity)), "the supplementary groups").await else {
        return;
    };
    assert!(exit.success());
    assert_eq!(owner(), before);
}

#[tokio::test]
async fn a_terminal_belongs_to_the_new_user() {
    let _shared = shared().await;
    let script = "import getpass, os\nprint(os.isatty(0), getpass.getpass('SSH password: '), flush=True)\nopen(os.ttyname(0)).close()";
    let prompts = vec![Prompt::new("SSH password:", "open")];
    let mut spec = python(script).stdin(Stdin::Pty { prompts }).identity(Some(somebody()));
    spec.program = "python3".into();
    if !is_root() {
        assert!(matches!(spawn(spec), Err(SpawnError::Identity { .. })));
        return;
    }
    let (exit, records) = run(spec).await;
    assert_eq!(texts(&records, Stream::Stdout), ["True open"]);
    assert!(exit.success(), "{records:?}");
}

#[tokio::test]
async fn a_new_root_is_where_program_and_directory_are() {
    let _shared = shared().await;
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    let identity = Identity { chroot: Some(root.path().to_owned()), ..Identity::default() };
    // Not there yet: found missing below the root, although it exists outside.
    let error = spawn(program("cat").identity(Some(identity.clone()))).expect_err("missing");
    assert!(error.to_string().starts_with("program `cat` not found in PATH"), "{error}");
    fs::copy("/bin/cat", root.path().join("usr/bin/cat")).unwrap();
    let result = spawn(program("cat").arg("/usr/bin/cat").identity(Some(identity)));
    if is_root() {
        // The file is there, its loader is not: it was looked for below the root.
        assert!(matches!(result, Err(SpawnError::Interpreter { .. })), "{result:?}");
    } else {
        assert!(matches!(result, Err(SpawnError::Identity { what: "the root directory", .. })), "{result:?}");
    }
}

#[tokio::test]
async fn a_forked_child_that_cannot_start_is_reaped_and_said() {
    let _shared = shared().await;
    let same = Identity::default();
    let mut spec = sh("true").identity(Some(same.clone()));
    spec.dir = "/proc/1/map_files/none".into();
    assert!(matches!(spawn(spec), Err(SpawnError::Directory { .. })));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tool");
    fs::copy("/bin/cat", &file).unwrap();
    fs::write(&file, "#!/no/such\n").unwrap();
    assert!(matches!(
        spawn(program(&file.display().to_string()).identity(Some(same.clone()))),
        Err(SpawnError::Interpreter { .. })
    ));
    // The same identity works for everybody.
    let (exit, records) = run(sh("echo fine; exit 6").identity(Some(same))).await;
    assert_eq!((exit.code, texts(&records, Stream::Stdout)), (Some(6), vec!["fine".to_owned()]));
}

#[test]
fn users_are_looked_up_and_never_guessed() {
    let root = Identity::resolve(Some("root"), None, None, None).unwrap();
    assert_eq!((root.uid, root.gid), (Some(0), Some(0)));
    assert!(root.groups.as_ref().unwrap().contains(&0));
    let by_number = Identity::resolve(None, Some(0), None, None).unwrap();
    assert_eq!(by_number, root);
    let other_group = Identity::resolve(Some("root"), None, Some(4711), None).unwrap();
    assert_eq!(other_group.gid, Some(4711));
    assert!(other_group.groups.unwrap().contains(&4711));
    let nobody_knows = Identity::resolve(None, Some(3_999_999), Some(5), None).unwrap();
    assert_eq!((nobody_knows.uid, nobody_knows.gid, nobody_knows.groups), (Some(3_999_999), Some(5), Some(vec![5])));
    let error = Identity::resolve(None, Some(3_999_999), None, None).unwrap_err();
    assert!(error.to_string().contains("3999999") && error.to_string().contains("process.gid"), "{error}");
    let error = Identity::resolve(Some("root"), Some(7), None, None).unwrap_err();
    assert_eq!(error.to_string(), "user `root` has the number 0, but `process.uid` is 7: remove one of the two");
    let error = Identity::resolve(Some("no-such-user-here"), None, None, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "user `no-such-user-here` does not exist on this machine: create it or change `process.user`"
    );
    assert_eq!(Identity::resolve(None, None, None, None).unwrap(), Identity::default());
}

/// Who owns a directory can put a link into it: what is below is given before the directory, and nothing through a link.
#[test]
fn giving_a_tree_away_does_not_reach_out_of_it() {
    use std::os::unix::fs::{MetadataExt, symlink};
    if !is_root() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (tree, victim) = (root.path().join("tree"), root.path().join("victim"));
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "").unwrap();
    for number in 0..400 {
        fs::create_dir_all(tree.join(format!("{number}/deep"))).unwrap();
        fs::write(tree.join(format!("{number}/file")), "").unwrap();
    }
    symlink(&victim, tree.join("link")).unwrap();
    let owner = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().uid();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // As the new owner would do it, as soon as he may.
        scope.spawn(|| {
            while owner(&tree) == 0 && !done.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            for number in 0..400 {
                fs::rename(tree.join(number.to_string()), root.path().join(format!("away{number}"))).unwrap();
                symlink(&victim, tree.join(number.to_string())).unwrap();
            }
        });
        somebody().give_tree(&tree).unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!((owner(&victim), owner(&victim.join("file"))), (0, 0));
    assert_eq!((owner(&tree), owner(&tree.join("link"))), (12345, 12345));
    for number in 0..400 {
        let moved = root.path().join(format!("away{number}"));
        assert!([moved.clone(), moved.join("file"), moved.join("deep")].iter().all(|path| owner(path) == 12345));
    }
}

/// With another identity and without one: the descriptor is there, and no other.
#[tokio::test]
async fn one_descriptor_can_be_kept_open() {
    let _shared = shared().await;
    let directory = tempfile::tempdir().unwrap();
    let file = fs::File::create(directory.path().join("held")).unwrap();
    let kept: std::sync::Arc<std::os::fd::OwnedFd> = std::sync::Arc::new(file.into());
    let script = "for fd in /proc/$$/fd/*; do case $fd in */[012]|*/255) ;; *) readlink $fd;; esac; done; true";
    let identities =
        if is_root() { vec![None, Some(Identity { uid: Some(0), ..Identity::default() })] } else { vec![None] };
    for identity in identities {
        let (exit, records) = run(sh(script).identity(identity.clone()).kept(Some(kept.clone()))).await;
        let lines = texts(&records, Stream::Stdout);
        let held: Vec<_> = lines.iter().filter(|line| line.ends_with("/held")).collect();
        assert!(exit.success() && held.len() == 1 && lines.len() == 1, "{identity:?}: {lines:?}");
    }
}
