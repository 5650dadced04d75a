//! An LDAP directory of the test's own: OpenLDAP's slapd on loopback, plain and with TLS, with a few people and groups.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{certificate, free_port, tool, wait_until};

/// Top of the tree.
pub const BASE: &str = "dc=example,dc=test";

/// Who may read everything, and change everything too.
pub const READER: &str = "cn=reader,dc=example,dc=test";

/// Their password.
pub const READER_PASSWORD: &str = "reader secret";

/// Somebody in the directory: `uid`, `cn`, `mail` and password. Entries are `uid=<uid>,ou=people` below [`BASE`].
pub const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("ann", "Ann Example", "ann@example.test", "password of ann"),
    ("bob", "Bob (sales) *", "bob@example.test", "password of bob"),
    ("admin", "Another Admin", "other.admin@example.test", "password of another admin"),
];

/// A running directory; it ends with the value.
#[derive(Debug)]
pub struct Directory {
    child: Child,
    plain: u16,
    tls: u16,
    directory: TempDir,
}

impl Directory {
    /// A directory with [`PEOPLE`] and the groups `developers` (ann) and `operators` (ann, bob) in `ou=groups`; `None` with a
    /// note if slapd is not installed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start() -> Option<Self> {
        let [server, add] = [tool("slapd")?, tool("ldapadd")?];
        let directory = TempDir::new().expect("a directory");
        let place = |name: &str| directory.path().join(name);
        fs::create_dir(place("data")).expect("a directory");
        certificate::make(directory.path())?;
        fs::write(place("slapd.conf"), configuration(directory.path())).expect("a file");
        let (plain, tls) = (free_port(), free_port());
        let log = fs::File::create(place("log")).expect("a file");
        let child = Command::new(server)
            .arg("-f")
            .arg(place("slapd.conf"))
            .arg("-h")
            .arg(format!("ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}"))
            // Stays in the foreground.
            .args(["-d", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("slapd");
        let server = Self { child, plain, tls, directory };
        wait_until("slapd answers", Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", plain)).ok());
        server.feed(&add, &content());
        Some(server)
    }

    /// `host:port` without TLS.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.plain)
    }

    /// `host:port` with TLS.
    pub fn tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.tls)
    }

    /// Its certificate, which vouches for itself.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Changes entries; LDIF with `changetype`.
    ///
    /// # Panics
    /// If the directory refuses.
    pub fn change(&self, ldif: &str) {
        self.feed(&tool("ldapmodify").expect("ldapmodify"), ldif);
    }

    fn feed(&self, program: &Path, ldif: &str) {
        let mut child = Command::new(program)
            .args(["-x", "-H", &format!("ldap://{}", self.address()), "-D", READER, "-w", READER_PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client of slapd");
        child.stdin.take().expect("a pipe").write_all(ldif.as_bytes()).expect("the client reads");
        let output = child.wait_with_output().expect("the client of slapd");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(directory: &Path) -> String {
    let place = directory.display();
    let schemas = ["core", "cosine", "inetorgperson"].map(|name| format!("include /etc/ldap/schema/{name}.schema\n"));
    let schemas = schemas.concat();
    format!(
        "{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\n\
         TLSCertificateFile {place}/certificate.pem\nTLSCertificateKeyFile {place}/key.pem\n\
         database mdb\nsuffix \"{BASE}\"\nrootdn \"{READER}\"\nrootpw \"{READER_PASSWORD}\"\ndirectory {place}/data\n\
         overlay memberof\naccess to attrs=userPassword by anonymous auth by * none\naccess to * by users read by * none\n"
    )
}

fn content() -> String {
    let mut entries =
        vec![format!("dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n")];
    for unit in ["people", "groups"] {
        entries.push(format!("dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n"));
    }
    for (uid, cn, mail, password) in PEOPLE {
        entries.push(format!(
            "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {cn}\nsn: {uid}\nmail: {mail}\nuserPassword: {password}\n"
        ));
    }
    for (group, members) in [("developers", &["ann"][..]), ("operators", &["ann", "bob"])] {
        let members: Vec<_> = members.iter().map(|member| format!("member: uid={member},ou=people,{BASE}\n")).collect();
        entries.push(format!(
            "dn: cn={group},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {group}\n{}",
            members.concat()
        ));
    }
    entries.join("\n") + "\n"
}
