//! The keys of e-mail and of codes by e-mail: each seen by what a real mail server is sent, or by why it is sent nothing.

use semaphore_test_machine::{
    oidc::Provider,
    smtp::{Kind, MailServer},
};
use semaphore_tests::{Options, Server, mail_options, visit};
use serde_json::{Value, json};

use super::{info, refused};

/// Invites somebody at a server with these keys over those that lead to the mail server: status, and the server.
fn invite(post: &MailServer, over: &Value) -> (u16, Server) {
    let mut keys = json!({"teams": {"invite_type": "email"}});
    keys.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    let server = Server::with(mail_options(post, &keys));
    let admin = server.admin();
    let project = admin.post("/api/projects", &json!({"name": "p"})).expect(201).id();
    let body = json!({"email": "ann@example.com", "role": "guest"});
    (admin.post(&format!("/api/project/{project}/invites"), &body).status, server)
}

/// A message comes with the usual keys of this kind, and none with these over them; the log of the second server.
fn good_and_bad(kind: Kind, over: &Value) -> Option<String> {
    let post = MailServer::start(kind)?;
    let (status, server) = invite(&post, &json!({}));
    assert_eq!((status, post.count()), (201, 1), "{}", server.log());
    let (status, server) = invite(&post, over);
    assert_eq!((status, post.count()), (503, 1), "{}", server.log());
    let log = server.log();
    assert!(log.contains("an invitation could not be sent"), "{log}");
    Some(log)
}

pub(crate) fn host() {
    if let Some(log) = good_and_bad(Kind::Plain, &json!({"email_host": "127.0.0.3"})) {
        assert!(log.contains("127.0.0.3:") && log.contains("email_host"), "{log}");
    }
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let (status, _server) = invite(&post, &json!({"email_host": null}));
    assert_eq!((status, post.count()), (201, 0), "the address is in the answer instead");
}

pub(crate) fn port() {
    good_and_bad(Kind::Plain, &json!({"email_port": "1"}));
    for bad in [":25", "smtp", "70000"] {
        assert!(refused(json!({"email_port": bad})).contains("email_port"), "{bad}");
    }
}

pub(crate) fn sender() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    assert_eq!(invite(&post, &json!({"email_sender": "jobs@example.test"})).0, 201);
    let mail = post.message(0);
    assert_eq!((&mail["from"], &mail["envelope"][0]), (&json!("jobs@example.test"), &json!("jobs@example.test")));
    let (status, server) = invite(&post, &json!({"email_sender": "nobody"}));
    assert_eq!((status, post.count()), (503, 1));
    assert!(server.log().contains("email_sender must be an address"), "{}", server.log());
}

pub(crate) fn username() {
    good_and_bad(Kind::StartTls, &json!({"email_username": "stranger"}));
}

pub(crate) fn password() {
    if let Some(log) = good_and_bad(Kind::StartTls, &json!({"email_password": "a wrong password for mail"})) {
        assert!(!log.contains("a wrong password for mail"), "{log}");
    }
}

pub(crate) fn secure() {
    good_and_bad(Kind::StartTls, &json!({"email_secure": false}));
    // A server that is not this machine and offers no TLS: the password stays here.
    let Some(post) = MailServer::start_at("127.0.0.2", Kind::Plain) else { return };
    assert_eq!(invite(&post, &json!({"email_secure": true})).0, 503);
    // A certificate that nobody vouches for.
    let Some(post) = MailServer::start(Kind::StartTls) else { return };
    let keys = json!({"teams": {"invite_type": "email"}});
    let server = Server::with(Options { environment: Vec::new(), ..mail_options(&post, &keys) });
    let admin = server.admin();
    let project = admin.post("/api/projects", &json!({"name": "p"})).expect(201).id();
    let body = json!({"email": "ann@example.com", "role": "guest"});
    admin.post(&format!("/api/project/{project}/invites"), &body).expect(503);
    assert!(server.log().contains("the certificate of the mail server"), "{}", server.log());
    assert_eq!(post.count(), 0);
}

pub(crate) fn tls() {
    let Some(post) = MailServer::start(Kind::Tls) else { return };
    assert_eq!(invite(&post, &json!({})).0, 201);
    good_and_bad(Kind::StartTls, &json!({"email_tls": true}));
}

pub(crate) fn tls_min_version() {
    good_and_bad(Kind::OldTls, &json!({"email_tls_min_version": "1.3"}));
    let Some(post) = MailServer::start(Kind::Tls) else { return };
    assert_eq!(invite(&post, &json!({"email_tls_min_version": "1.3"})).0, 201);
    assert!(refused(json!({"email_tls_min_version": "0.9"})).contains("email_tls_min_version"));
}

// ---------------------------------------------------------------- auth.email

/// Whether somebody is sent a code. They are told the same in both cases.
fn is_sent(post: &MailServer, server: &Server, address: &str) -> bool {
    let before = post.count();
    assert_eq!(by_email(server, address), 204);
    post.count() > before
}

fn by_email(server: &Server, address: &str) -> u16 {
    server.anonymous().post("/api/auth/login/email", &json!({"email": address})).status
}

/// A server with keys of `auth.email` and an account from elsewhere with the address ann@example.com.
fn with_ann(post: &MailServer, keys: &Value) -> Server {
    let mut email = json!({"enabled": true});
    email.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let mut server = Server::prepared(mail_options(post, &json!({"auth": {"email": email}})));
    let arguments = ["user", "add", "--external", "--login", "ann", "--name", "Ann", "--email", "ann@example.com"];
    let mut command = server.command(&arguments);
    let added = command.arg("--config").arg(server.config_path()).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stdout));
    server.start_again();
    server
}

pub(crate) fn email_enabled() {
    let methods =
        |server: &Server| server.anonymous().get("/api/auth/login").expect(200).json()["auth_methods"].clone();
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let server = Server::with(mail_options(&post, &json!({"auth": {"email": {"enabled": true}}})));
    assert_eq!(methods(&server)["email"], json!({}));
    server.admin().get("/api/user").expect(401);
    let server = Server::with(mail_options(&post, &json!({})));
    assert_eq!((&methods(&server)["email"], by_email(&server, "ann@example.com")), (&Value::Null, 404));
    server.admin().get("/api/user").expect(200);
    // Nothing to send with: nobody is locked out, and the log says so.
    let server = Server::with_config(json!({"auth": {"email": {"enabled": true}}}));
    assert_eq!((&methods(&server)["email"], by_email(&server, "ann@example.com")), (&Value::Null, 503));
    assert_eq!(info(&server)["auth_methods"]["email"], json!({}));
    assert!(server.log().contains("auth.email.enabled has no effect"), "{}", server.log());
}

pub(crate) fn allow_login_as_external_user() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    for allowed in [false, true] {
        let server = with_ann(&post, &json!({"allow_login_as_external_user": allowed}));
        assert_eq!(is_sent(&post, &server, "ann@example.com"), allowed);
    }
}

pub(crate) fn allow_create_external_user() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    for allowed in [false, true] {
        let server = with_ann(&post, &json!({"allow_create_external_user": allowed}));
        assert_eq!(is_sent(&post, &server, "new@example.com"), allowed);
    }
}

pub(crate) fn allowed_domains() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    for (domains, allowed) in [(json!(["example.org"]), false), (json!(["example.org", "Example.com"]), true)] {
        let keys = json!({"allow_login_as_external_user": true, "allowed_domains": domains});
        assert_eq!(is_sent(&post, &with_ann(&post, &keys), "ann@example.com"), allowed, "{domains}");
    }
}

pub(crate) fn disable_for_oidc() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let person = json!({"sub": "1", "email": "eve@example.test", "preferred_username": "eve"});
    let Some(provider) = Provider::start(&[person.to_string()]) else { return };
    for (disabled, status) in [(false, 401), (true, 200)] {
        let mut server = Server::prepared(mail_options(&post, &json!({})));
        let own = format!("http://127.0.0.1:{}", server.port());
        let entry = json!({"provider_url": provider.address(), "client_id": "me", "client_secret": "secret"});
        server.change_config(&json!({"web_host": own, "oidc_providers": {"main": entry},
            "auth": {"email": {"enabled": true, "disable_for_oidc": disabled}}}));
        server.start_again();
        let there = visit(&format!("{own}/api/auth/oidc/main/login"), "", None);
        let cookie = there.cookies[0].split(';').next().unwrap().to_owned();
        let back = visit(&there.location, "", Some("sub=1"));
        let page = visit(&back.location, &cookie, None);
        let session = page.cookies.iter().find(|cookie| cookie.starts_with("semaphore=")).expect("a session");
        let session = session.split(';').next().unwrap();
        server.anonymous().send_with("GET", "/api/user", None, &[("Cookie", session)]).expect(status);
    }
    assert_eq!(post.count(), 1);
}

// ---------------------------------------------------------------- the rest of auth

pub(crate) fn totp_app_name() {
    for (keys, issuer) in
        [(json!({}), "issuer=Semaphore&"), (json!({"app_name": "Jobs & co"}), "issuer=Jobs%20%26%20co&")]
    {
        let server = Server::with_config(json!({"auth": {"totp": keys}}));
        let mut command = server.command(&["users", "totp", "enable", "--login", "admin", "--config"]);
        let output = command.arg(server.config_path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(issuer), "{said}");
    }
}

pub(crate) fn api_tokens() {
    for (kind, plain, hashed) in [("compatible", 1, 0), ("hashed", 0, 1)] {
        let server = Server::with_config(json!({"auth": {"api_tokens": kind}}));
        server.admin().post("/api/user/tokens", &json!({})).expect(201);
        let count = |table: &str| server.sql(&format!("select count(*) from {table}"))[0][0].as_i64();
        assert_eq!((count("user__token"), count("rs_api_token")), (Some(plain), Some(hashed)), "{kind}");
    }
    assert!(refused(json!({"auth": {"api_tokens": "plain"}})).contains("auth.api_tokens"));
}
