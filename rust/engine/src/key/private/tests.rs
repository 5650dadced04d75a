//! Keys as the real ssh-keygen and openssl write them, and texts that nobody wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use proptest::prelude::*;
use rsa::{Pkcs1v15Sign, signature::Verifier};
use sha1::{Digest, Sha1};
use sha2::Sha512;
use ssh_encoding::Decode;
use tempfile::TempDir;

use super::*;
use crate::job::ProblemCode;

const PASSPHRASE: &str = "a pass phrase, mit Umlaut: ü";

struct Keys {
    directory: TempDir,
}

impl Keys {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A new key of ssh-keygen, in the form of OpenSSH.
    fn make(&self, name: &str, kind: &str, bits: &str) -> PathBuf {
        let path = self.path(name);
        tool("ssh-keygen", &["-q", "-t", kind, "-b", bits, "-N", "", "-C", "who@where", "-f", path.to_str().unwrap()]);
        path
    }

    fn copy(&self, of: &Path, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(of, &path).unwrap();
        path
    }

    /// A copy in another form and with a passphrase, made by ssh-keygen.
    fn converted(&self, of: &Path, form: &[&str], passphrase: &str) -> PathBuf {
        let path = self.copy(of, &format!("converted-{}", form.join("")));
        let mut arguments = vec!["-q", "-p", "-P", "", "-N", passphrase];
        arguments.extend(form);
        arguments.extend(["-f", path.to_str().unwrap()]);
        tool("ssh-keygen", &arguments);
        path
    }

    /// A copy made by openssl.
    fn openssl(&self, of: &Path, arguments: &[&str]) -> PathBuf {
        let path = self.path("openssl");
        let mut all = arguments.to_vec();
        all.extend(["-in", of.to_str().unwrap(), "-out", path.to_str().unwrap()]);
        tool("openssl", &all);
        path
    }
}

fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("ssh-keygen and openssl are needed");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Reads the file, checks it against the public half that ssh-keygen wrote, and signs.
#[track_caller]
fn check(file: &Path, public: &Path, passphrase: Option<&str>) -> PrivateKey {
    let text = fs::read(file).unwrap();
    let key = PrivateKey::parse(&text, passphrase.map(str::as_bytes))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
    let public = fs::read_to_string(public).unwrap();
    let public = ssh_key::PublicKey::from_openssh(&public).unwrap();
    assert_eq!(key.public(), public.key_data());
    let data = b"some data";
    let flags = if public.key_data().is_rsa() { vec![2, 4, 6] } else { vec![0] };
    for flags in flags {
        let signature = key.sign(data, flags).expect("a signature");
        let signature = ssh_key::Signature::decode(&mut signature.as_slice()).unwrap();
        let hash = signature.algorithm().as_str().to_owned();
        if public.key_data().is_rsa() {
            assert_eq!(hash, if flags & 4 != 0 { "rsa-sha2-512" } else { "rsa-sha2-256" });
        }
        Verifier::verify(public.key_data(), data, &signature).expect("a good signature");
        Verifier::verify(public.key_data(), b"other data", &signature).unwrap_err();
    }
    key
}

/// The same file with a right, a missing and a wrong passphrase.
#[track_caller]
fn check_encrypted(file: &Path, public: &Path) {
    check(file, public, Some(PASSPHRASE));
    let text = fs::read(file).unwrap();
    let missing = PrivateKey::parse(&text, None).unwrap_err();
    assert!(matches!(missing, KeyError::PassphraseMissing), "{missing}");
    let empty = PrivateKey::parse(&text, Some(b"")).unwrap_err();
    assert!(matches!(empty, KeyError::PassphraseMissing), "{empty}");
    let wrong = PrivateKey::parse(&text, Some(b"wrong")).unwrap_err();
    assert!(matches!(wrong, KeyError::PassphraseWrong), "{wrong}: {file:?}");
    assert_eq!(wrong.code(), ProblemCode::KeyPassphrase);
}

fn all_forms(kind: &str, bits: &str) {
    let keys = Keys::new();
    let original = keys.make("key", kind, bits);
    let public = original.with_extension("pub");
    let key = check(&original, &public, None);
    assert_eq!(key.comment(), "who@where");
    assert!(!format!("{key:?}").contains("who"));
    check(&original, &public, Some("a passphrase that is not needed"));
    check_encrypted(&keys.converted(&original, &["-a", "4"], PASSPHRASE), &public);
    for cipher in ["aes256-cbc", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"] {
        check_encrypted(&keys.converted(&original, &["-a", "2", "-Z", cipher], PASSPHRASE), &public);
    }
    if kind == "ed25519" {
        // ssh-keygen writes such keys in its own form only.
        let key = keys.path("new-ed25519");
        tool("openssl", &["genpkey", "-algorithm", "ed25519", "-out", key.to_str().unwrap()]);
        let text = fs::read(&key).unwrap();
        let mine = PrivateKey::parse(&text, None).unwrap();
        let der = keys.path("public.der");
        tool(
            "openssl",
            &["pkey", "-in", key.to_str().unwrap(), "-pubout", "-outform", "DER", "-out", der.to_str().unwrap()],
        );
        let der = fs::read(der).unwrap();
        assert_eq!(mine.public().ed25519().unwrap().0.as_slice(), &der[der.len() - 32..]);
        let encrypted =
            keys.openssl(&key, &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", &format!("pass:{PASSPHRASE}")]);
        let encrypted = PrivateKey::parse(&fs::read(encrypted).unwrap(), Some(PASSPHRASE.as_bytes())).unwrap();
        assert_eq!(encrypted.public(), mine.public());
        return;
    }
    for form in ["PEM", "PKCS8"] {
        let plain = keys.converted(&original, &["-m", form], "");
        check(&plain, &public, None);
        check_encrypted(&keys.converted(&original, &["-m", form, "-a", "1"], PASSPHRASE), &public);
    }
    let pkcs8 = keys.converted(&original, &["-m", "PKCS8"], "");
    let pass = format!("pass:{PASSPHRASE}");
    for cipher in ["-aes128", "-aes192", "-aes256", "-des3"] {
        check_encrypted(&keys.openssl(&pkcs8, &["pkey", "-traditional", cipher, "-passout", &pass]), &public);
    }
    let modern: [&[&str]; 4] = [
        &["-v2", "aes-128-cbc"],
        &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"],
        &["-v2", "des3"],
        &["-scrypt", "-v2", "aes-256-cbc"],
    ];
    for encryption in modern {
        let mut arguments = vec!["pkcs8", "-topk8", "-passout", &pass];
        arguments.extend(encryption);
        check_encrypted(&keys.openssl(&pkcs8, &arguments), &public);
    }
}

#[test]
fn rsa_keys_of_all_forms_are_read() {
    all_forms("rsa", "2048");
}

#[test]
fn keys_on_p256_of_all_forms_are_read() {
    all_forms("ecdsa", "256");
}

#[test]
fn keys_on_p384_of_all_forms_are_read() {
    all_forms("ecdsa", "384");
}

#[test]
fn keys_on_p521_of_all_forms_are_read() {
    all_forms("ecdsa", "521");
}

#[test]
fn ed25519_keys_of_all_forms_are_read() {
    all_forms("ed25519", "256");
}

/// Every second number of that curve has a leading zero, which OpenSSH leaves out.
#[test]
fn short_numbers_are_read() {
    let keys = Keys::new();
    for number in 0..8 {
        let key = keys.make(&format!("key{number}"), "ecdsa", "521");
        check(&key, &key.with_extension("pub"), None);
    }
}

fn parts(mut signature: &[u8]) -> (String, Vec<u8>) {
    (String::decode(&mut signature).unwrap(), Vec::decode(&mut signature).unwrap())
}

#[test]
fn long_rsa_keys_are_read_and_short_ones_refused() {
    let keys = Keys::new();
    let long = keys.make("long", "rsa", "6144");
    let key = PrivateKey::parse(&fs::read(&long).unwrap(), None).unwrap();
    // ssh-key verifies up to 4096 bits only.
    let signature = key.sign(b"data", 4).unwrap();
    let (_, signature) = parts(&signature);
    let Secret::Rsa(rsa) = &key.secret else { panic!("an RSA key") };
    rsa.to_public_key().verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(b"data"), &signature).unwrap();
    let short = keys.path("short");
    tool("openssl", &["genrsa", "-out", short.to_str().unwrap(), "512"]);
    let error = PrivateKey::parse(&fs::read(short).unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("1024"), "{error}");
}

#[test]
fn without_a_flag_rsa_signs_with_sha1() {
    let keys = Keys::new();
    let path = keys.make("key", "rsa", "2048");
    let key = PrivateKey::parse(&fs::read(path).unwrap(), None).unwrap();
    let signature = key.sign(b"data", 0).unwrap();
    let (name, signature) = parts(&signature);
    assert_eq!(name, "ssh-rsa");
    let Secret::Rsa(rsa) = &key.secret else { panic!("an RSA key") };
    rsa.to_public_key().verify(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(b"data"), &signature).unwrap();
}

#[test]
fn what_pasting_does_to_a_text_does_no_harm() {
    let keys = Keys::new();
    for (kind, form) in [("ed25519", "RFC4716"), ("ecdsa", "PEM")] {
        let path = keys.make(kind, kind, "256");
        let public = path.with_extension("pub");
        let text = fs::read_to_string(keys.converted(&path, &["-m", form], "")).unwrap();
        let old = fs::read_to_string(keys.converted(&path, &["-m", form], PASSPHRASE)).unwrap();
        let changed = keys.path("changed");
        for (text, passphrase) in [(text, None), (old, Some(PASSPHRASE))] {
            let variants = [
                text.replace('\n', "\r\n"),
                text.trim_end().to_owned(),
                format!("\u{feff}\n\n  {}\n\n", text.trim()),
                text.lines().fold(String::new(), |text, line| text + "\t " + line + "  \n"),
                format!("The key of the server:\n{text}and some text after it"),
            ];
            for variant in variants {
                fs::write(&changed, variant).unwrap();
                check(&changed, &public, passphrase);
            }
        }
    }
    // OpenSSL writes the curve's parameters before the key.
    let path = keys.path("with-parameters");
    tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-out", path.to_str().unwrap()]);
    let text = fs::read(&path).unwrap();
    assert!(text.starts_with(b"-----BEGIN EC PARAMETERS-----"));
    PrivateKey::parse(&text, None).unwrap();
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let error = PrivateKey::parse(text.as_bytes(), Some(b"x")).unwrap_err();
    assert!(error.to_string().contains(part), "{error} for {text}");
    assert_eq!(error.code(), ProblemCode::KeyUnreadable);
}

#[test]
fn what_is_no_usable_key_is_refused_with_advice() {
    let keys = Keys::new();
    let path = keys.make("key", "ed25519", "256");
    let (text, public) = (fs::read_to_string(&path).unwrap(), fs::read_to_string(path.with_extension("pub")).unwrap());
    refused("", "not a private key");
    refused("secret", "not a private key");
    refused(&public, "a public key");
    refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "a public key");
    refused("---- BEGIN SSH2 PUBLIC KEY ----\n", "a public key");
    refused("ssh-ed25519-cert-v01@openssh.com AAAA c", "a certificate");
    refused("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen");
    refused("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a PGP key");
    refused("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "SSH.com");
    let dsa = keys.path("dsa");
    tool(
        "openssl",
        &[
            "genpkey",
            "-genparam",
            "-algorithm",
            "DSA",
            "-pkeyopt",
            "dsa_paramgen_bits:1024",
            "-out",
            dsa.to_str().unwrap(),
        ],
    );
    let dsa_key = keys.path("dsa-key");
    tool("openssl", &["genpkey", "-paramfile", dsa.to_str().unwrap(), "-out", dsa_key.to_str().unwrap()]);
    refused(&fs::read_to_string(&dsa_key).unwrap(), "a DSA key");
    refused(&fs::read_to_string(keys.openssl(&dsa_key, &["pkey", "-traditional"])).unwrap(), "a DSA key");
    let other = keys.path("other");
    tool("openssl", &["genpkey", "-algorithm", "x25519", "-out", other.to_str().unwrap()]);
    refused(&fs::read_to_string(&other).unwrap(), "does not know");
    tool("openssl", &["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", other.to_str().unwrap()]);
    refused(&fs::read_to_string(&other).unwrap(), "curve");
    // Half of it, an end that is missing, a letter that is wrong.
    refused(&text[..text.len() / 2], "is damaged");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.pop();
    refused(&lines.join("\n"), "is damaged");
    refused(&text.replacen("b3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXX", 1), "is damaged");
    refused(&format!("{text}{}", " ".repeat(300_000)), "not a private key");
}

#[test]
fn unreasonable_work_is_refused() {
    let keys = Keys::new();
    let path = keys.make("key", "ed25519", "256");
    // 16 rounds become 4 billion: the number stands after the salt.
    let text = fs::read_to_string(keys.converted(&path, &["-a", "3"], PASSPHRASE)).unwrap();
    let block = block::Block::of_private_key(text.as_bytes()).unwrap();
    let mut content = block.content.to_vec();
    let at = content.windows(4).position(|bytes| bytes == [0, 0, 0, 3]).unwrap();
    content[at..at + 4].copy_from_slice(&[0xff; 4]);
    let base64 = <ssh_encoding::base64::Base64 as ssh_encoding::base64::Encoding>::encode_string(&content);
    refused(&format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{base64}\n-----END OPENSSH PRIVATE KEY-----"), "expensive");
    // The same for PKCS#8: ten million rounds and one.
    let key = keys.path("pkcs8");
    tool("openssl", &["genpkey", "-algorithm", "ed25519", "-out", key.to_str().unwrap()]);
    let many = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "10000001", "-passout", "pass:x"];
    refused(&fs::read_to_string(keys.openssl(&key, &many)).unwrap(), "expensive");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_refused_in_order(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(PrivateKey::parse(&bytes, Some(b"x")).is_err());
    }

    #[test]
    fn any_content_of_any_form_is_refused_in_order(
        title in prop::sample::select(vec!["OPENSSH", "RSA", "EC", "DSA", "ENCRYPTED", "ANY", ""]),
        header in prop::sample::select(vec!["", "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n", "a: b\n", "DEK-Info: X,Y\n"]),
        magic in any::<bool>(),
        content in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = if magic { b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01".to_vec() } else { vec![] };
        bytes.extend(content);
        let base64 = <ssh_encoding::base64::Base64 as ssh_encoding::base64::Encoding>::encode_string(&bytes);
        let title = format!("{title} PRIVATE KEY").trim().to_owned();
        let text = format!("-----BEGIN {title}-----\n{header}{base64}\n-----END {title}-----\n");
        prop_assert!(PrivateKey::parse(text.as_bytes(), Some(b"x")).is_err());
    }
}

/// One byte of a real key changed or its end cut off: an error or a key, never a panic.
#[test]
fn a_changed_key_never_panics() {
    let keys = Keys::new();
    for (kind, form) in [("ed25519", "RFC4716"), ("ecdsa", "PEM"), ("ecdsa", "PKCS8")] {
        let path = keys.make(&format!("{kind}{form}"), kind, "256");
        let text = fs::read(keys.converted(&path, &["-m", form], "")).unwrap();
        let block = block::Block::of_private_key(&text).unwrap();
        let write = |content: &[u8]| {
            let base64 = <ssh_encoding::base64::Base64 as ssh_encoding::base64::Encoding>::encode_string(content);
            format!("-----BEGIN {0}-----\n{base64}\n-----END {0}-----", block.title)
        };
        for position in 0..block.content.len() {
            let mut content = block.content.to_vec();
            content[position] ^= 0x81;
            let _ = PrivateKey::parse(write(&content).as_bytes(), None);
            PrivateKey::parse(write(&content[..position]).as_bytes(), None).unwrap_err();
        }
    }
}

/// Nobody has such a key, but checking its numbers would keep a thread busy for minutes.
#[test]
fn a_key_of_absurd_numbers_is_refused_before_they_are_checked() {
    let number = |bytes: usize| {
        let mut der = vec![0x02, 0x83];
        der.extend(u32::try_from(bytes + 1).unwrap().to_be_bytes().get(1..).unwrap());
        der.push(0);
        der.extend(vec![0x5b; bytes]);
        der
    };
    let large = 24_000;
    let parts = [vec![2, 1, 0], number(large), vec![2, 3, 1, 0, 1], number(large)];
    let halves = (0..5).map(|_| number(large / 2));
    let inner: Vec<u8> = parts.into_iter().chain(halves).flatten().collect();
    let mut der = vec![0x30, 0x83];
    der.extend(u32::try_from(inner.len()).unwrap().to_be_bytes().get(1..).unwrap());
    der.extend(inner);
    let base64 = <ssh_encoding::base64::Base64 as ssh_encoding::base64::Encoding>::encode_string(&der);
    let text = format!("-----BEGIN RSA PRIVATE KEY-----\n{base64}\n-----END RSA PRIVATE KEY-----\n");
    let begin = std::time::Instant::now();
    let error = PrivateKey::parse(text.as_bytes(), None).unwrap_err();
    assert!(error.to_string().contains("an RSA key of an unusual length"), "{error}");
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}
