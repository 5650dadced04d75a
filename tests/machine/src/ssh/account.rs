//! The users of the SSH server: copies of the machine's account files with two users more, and what sudo asks them.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Logs in.
pub(crate) const USER: &str = "deploy";
/// Is become.
pub(crate) const OTHER_USER: &str = "operator";
const USER_ID: u32 = 47_110;
const OTHER_ID: u32 = 47_111;

/// A password that nobody else has, with characters that a careless program would trip over.
pub(crate) fn password(purpose: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    format!("{purpose} $HOME 'single' \"double\" %d {}-{number}-{now:08x}", std::process::id())
}

/// Writes account files, homes, PAM and sudo rules below the directory.
pub(crate) fn write(directory: &Path, password: &str, sudo_password: &str) {
    let etc = directory.join("etc");
    fs::create_dir_all(etc.join("pam.d")).unwrap();
    let accounts = |name: &str| fs::read_to_string(Path::new("/etc").join(name)).unwrap_or_default();
    let others = |text: &str| -> String {
        let foreign = |l: &&str| ![USER, OTHER_USER].iter().any(|u| l.split(':').next() == Some(u));
        text.lines().filter(foreign).fold(String::new(), |all, l| all + l + "\n")
    };
    let entry = |name: &str, id: u32| format!("{name}:x:{id}:{id}:user of a test:/home/{name}:/bin/bash\n");
    let passwd = others(&accounts("passwd")) + &entry(USER, USER_ID) + &entry(OTHER_USER, OTHER_ID);
    let group = others(&accounts("group")) + &format!("{USER}:x:{USER_ID}:\n{OTHER_USER}:x:{OTHER_ID}:\n");
    let hidden = |name: &str, hash: &str| format!("{name}:{hash}:20000:0:99999:7:::\n");
    let shadow = accounts("shadow").lines().filter(|l| !l.starts_with("root:")).collect::<Vec<_>>().join("\n");
    let shadow = others(&shadow)
        + &hidden("root", &crypt(sudo_password))
        + &hidden(USER, &crypt(password))
        + &hidden(OTHER_USER, "!");
    // `rootpw`: what sudo asks for differs from the login's password, so that a test sees which one was typed where.
    let sudoers = format!(
        "Defaults env_reset, rootpw, timestamp_timeout=0, lecture=never, !syslog, !fqdn\n\
         Defaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n\
         root ALL=(ALL:ALL) ALL\n{USER} ALL=(ALL:ALL) ALL\n"
    );
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(etc.join(name), text).unwrap();
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("passwd", &passwd, 0o644);
    write("group", &group, 0o644);
    write("shadow", &shadow, 0o600);
    write("gshadow", &others(&accounts("gshadow")), 0o600);
    write("sudoers", &sudoers, 0o440);
    let pam = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n";
    for name in ["sudo", "su", "other"] {
        write(&format!("pam.d/{name}"), pam, 0o644);
    }
    for (name, id) in [(USER, USER_ID), (OTHER_USER, OTHER_ID)] {
        let home = directory.join("home").join(name);
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::write(home.join(".ssh/authorized_keys"), "").unwrap();
        // The repositories belong to whoever made them.
        fs::write(home.join(".gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
        for (path, mode) in [("", 0o755), (".ssh", 0o700), (".ssh/authorized_keys", 0o600), (".gitconfig", 0o644)] {
            chown(home.join(path), Some(id), Some(id)).unwrap();
            fs::set_permissions(home.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// The password as it stands in `/etc/shadow` (SHA-512); it travels on standard input.
fn crypt(password: &str) -> String {
    let mut perl = Command::new("perl")
        .args(["-e", "local $/; print crypt(<STDIN>, '$6$semaphoretests$')"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl");
    perl.stdin.take().expect("a pipe").write_all(password.as_bytes()).unwrap();
    let result = perl.wait_with_output().unwrap();
    let hash = String::from_utf8(result.stdout).unwrap();
    assert!(hash.starts_with("$6$"), "perl gave no SHA-512 hash: {hash:?}");
    hash
}
