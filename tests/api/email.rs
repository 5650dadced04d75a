//! Signing in and inviting by e-mail, with a real mail server: who gets in, how often, and what is never written down.

use semaphore_test_machine::smtp::{Kind, MailServer};
use semaphore_tests::{Client, PASSWORD, Server, mail_options};
use serde_json::{Value, json};

use crate::sign_in::one_time_code;

/// A server that sends codes, with keys below `auth.email` laid over.
fn server(post: &MailServer, email: &Value) -> Server {
    let mut auth = json!({"totp": {"enabled": true}, "email": {"enabled": true}});
    auth["email"].as_object_mut().unwrap().extend(email.as_object().unwrap().clone());
    Server::with(mail_options(post, &json!({"auth": auth, "teams": {"invite_type": "both"}})))
}

fn ask(client: &Client, address: &str) -> u16 {
    client.post("/api/auth/login/email", &json!({"email": address})).status
}

fn give(client: &Client, code: &str) -> u16 {
    client.post("/api/auth/verify", &json!({"passcode": code})).status
}

/// A code that is not the one.
fn other(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

fn state(client: &Client) -> String {
    let answer = client.get("/api/user");
    if answer.status == 200 { "in".to_owned() } else { answer.json()["error"].as_str().unwrap_or_default().to_owned() }
}

/// The address of the administrator that every fixture has.
fn admins_address(server: &Server) -> String {
    server.sql("select email from user where username = 'admin'")[0][0].as_str().unwrap().to_owned()
}

#[test]
fn a_code_from_the_mailbox_lets_its_owner_in_once() {
    let Some(post) = MailServer::start(Kind::StartTls) else { return };
    let mut server = server(&post, &json!({}));
    let address = admins_address(&server);
    assert_eq!(
        server.anonymous().get("/api/auth/login").expect(200).json()["auth_methods"]["email"],
        json!({}),
        "it is offered"
    );

    // After a password it is the second step.
    let first = server.admin();
    assert_eq!(state(&first), "EMAIL_OTP_REQUIRED");
    let mail = post.message(0);
    let code = post.code(0);
    assert_eq!((&mail["to"], &mail["encrypted"], &mail["who"]), (&json!(address), &json!(true), &json!("mailer")));
    assert!(mail["html"].as_str().unwrap().contains(&code) && !mail["subject"].as_str().unwrap().contains(&code));
    assert_eq!(give(&first, other(&code)), 401);
    first.post("/api/auth/recovery", &json!({"recovery_code": code})).expect(403);
    assert_eq!((give(&first, &code), state(&first).as_str()), (200, "in"));
    assert_eq!(give(&first, &code), 204, "nothing is wanted any more");
    assert!(first.get("/api/user").expect(200).json().get("email_otp").is_none());

    // By the address alone, in any letters. A second request at once is answered by the code that is on its way.
    let (one, two) = (server.anonymous(), server.anonymous());
    assert_eq!(ask(&one, &address.to_uppercase()), 204);
    assert_eq!(ask(&two, &address), 204);
    assert_eq!(post.count(), 2, "one code in half a minute");
    one.post("/api/auth/login/email/resend", &json!({})).expect(429);
    let code = post.code(1);
    let stored = server.sql("select code from user__email_otp")[0][0].as_str().unwrap().to_owned();
    assert!(!stored.contains(&code), "the code is stored readable");
    assert_eq!(state(&one), "EMAIL_OTP_REQUIRED");
    let given: Vec<u16> = std::thread::scope(|scope| {
        [&one, &two].map(|client| scope.spawn(|| give(client, &code))).map(|done| done.join().unwrap()).to_vec()
    });
    assert!(given.contains(&200) && given.contains(&401), "{given:?}");

    // Ten minutes later it is worth nothing.
    let late = server.anonymous();
    assert_eq!(ask(&late, &address), 204);
    let code = post.code(2);
    server.change_database("update user__email_otp set created = '2020-01-01 00:00:00'");
    server.restart();
    assert_eq!((give(&late, &code), state(&late).as_str()), (401, "EMAIL_OTP_REQUIRED"));
    late.post("/api/auth/login/email/resend", &json!({})).expect(204);
    assert_eq!(give(&late, &post.code(3)), 200);

    assert_eq!([ask(&server.anonymous(), "no address"), ask(&server.anonymous(), "")], [400, 400]);
    server.anonymous().post("/api/auth/login/email/resend", &json!({})).expect(401);
    first.post("/api/auth/login/email/resend", &json!({})).expect(400);
    assert_eq!(post.count(), 4);
    let log = server.log();
    assert!((0..4).all(|number| !log.contains(&post.code(number))) && !log.contains("a password for mail"), "{log}");
}

#[test]
fn who_guesses_kills_the_code_and_waits() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let server = server(&post, &json!({}));
    let address = admins_address(&server);
    let client = server.anonymous();
    assert_eq!(ask(&client, &address), 204);
    let code = post.code(0);
    let guess = |code: &str, from: &str| {
        let body = json!({"passcode": code}).to_string();
        client.send_with("POST", "/api/auth/verify", Some(&body), &[("X-Forwarded-For", from)]).status
    };
    // From many addresses: the code bears ten tries.
    for number in 0..10 {
        assert_eq!(guess(other(&code), &format!("198.51.100.{number}")), 401);
    }
    assert_eq!(guess(&code, "198.51.100.20"), 401, "the code outlived ten wrong tries");
    // Its owner asks for another one, at once.
    client.post("/api/auth/login/email/resend", &json!({})).expect(204);
    let code = post.code(1);
    assert_eq!(guess(&code, "198.51.100.20"), 200);
    // From one address: whoever has mail sent without end waits, and nobody else.
    let client = server.anonymous();
    let status = (0..20).map(|_| ask(&client, &address)).find(|status| *status != 204);
    assert_eq!(status, Some(429));
    let body = json!({"email": address}).to_string();
    let elsewhere = [("X-Forwarded-For", "198.51.100.30")];
    client.send_with("POST", "/api/auth/login/email", Some(&body), &elsewhere).expect(204);
}

#[test]
fn nobody_is_told_whether_an_address_has_an_account() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let server = server(&post, &json!({}));
    let walk = |address: &str| {
        let client = server.anonymous();
        let asked = client.post("/api/auth/login/email", &json!({"email": address}));
        let length = client.cookie().expect("a cookie").len();
        let wrong = client.post("/api/auth/verify", &json!({"passcode": "x"}));
        let again = client.post("/api/auth/login/email/resend", &json!({}));
        let recovery = client.post("/api/auth/recovery", &json!({"recovery_code": "x"}));
        let statuses = [asked.status, wrong.status, again.status, recovery.status];
        (statuses, length, asked.body, wrong.body, recovery.body, state(&client))
    };
    let known = walk(&admins_address(&server));
    assert_eq!(known.0, [204, 401, 429, 403]);
    assert_eq!(walk("nobody@example.com"), known);
    assert_eq!(post.count(), 1, "nobody was sent something");
}

#[test]
fn an_account_is_made_when_the_code_was_given_not_before() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let allowed = json!({"allow_create_external_user": true, "allow_login_as_external_user": true,
        "allowed_domains": ["example.org"]});
    let server = server(&post, &allowed);
    let count = || server.sql("select count(*) from user")[0][0].as_i64().unwrap();
    let before = count();
    assert_eq!((ask(&server.anonymous(), "eve@example.com"), post.count()), (204, 0), "another domain");
    let client = server.anonymous();
    assert_eq!(ask(&client, "Eve@Example.org"), 204);
    assert_eq!(state(&client), "EMAIL_OTP_REQUIRED");
    let code = post.code(0);
    assert_eq!(post.message(0)["to"], "eve@example.org");
    assert_eq!((give(&client, other(&code)), count()), (401, before));
    assert_eq!(give(&client, &code), 200);
    let eve = client.get("/api/user").expect(200).json();
    assert_eq!(
        (&eve["email"], &eve["external"], &eve["admin"]),
        (&json!("eve@example.org"), &json!(true), &json!(false))
    );
    assert_eq!(count(), before + 1);
    // The cookie of before is spent; the next time it is the same account.
    let again = server.anonymous();
    assert_eq!(ask(&again, "eve@example.org"), 204);
    assert_eq!(give(&again, &post.code(1)), 200);
    assert_eq!(again.get("/api/user").expect(200).json()["id"], eve["id"]);
}

#[test]
fn an_address_alone_does_not_get_around_time_based_codes() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let server = server(&post, &json!({}));
    let admin = server.admin();
    assert_eq!(give(&admin, &post.code(0)), 200);
    let id = admin.get("/api/user").expect(200).id();
    let made = admin.post(&format!("/api/users/{id}/2fas/totp"), &json!({})).expect(200).json();
    let client = server.anonymous();
    assert_eq!(ask(&client, &admins_address(&server)), 204);
    let code = post.code(1);
    assert_eq!(give(&client, &one_time_code(made["url"].as_str().unwrap())), 401, "the first step was left out");
    assert_eq!((give(&client, &code), state(&client).as_str()), (200, "TOTP_REQUIRED"));
    assert_eq!(give(&client, &one_time_code(made["url"].as_str().unwrap())), 200);
    assert_eq!(state(&client), "in");
    // After a password the time-based code suffices.
    assert_eq!(state(&server.admin()), "TOTP_REQUIRED");
    assert_eq!(post.count(), 2);
}

#[test]
fn a_code_that_cannot_be_sent_starts_no_session() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let server = server(&post, &json!({}));
    server.change_database("update user set email = 'admin@refused.test' where username = 'admin'");
    let body = json!({"auth": "admin", "password": PASSWORD});
    let sessions = server.sql("select count(*) from session");
    server.anonymous().post("/api/auth/login", &body).expect(503);
    assert_eq!(ask(&server.anonymous(), "admin@refused.test"), 503);
    assert_eq!(server.sql("select count(*) from session"), sessions);
    assert_eq!(server.sql("select count(*) from user__email_otp"), [[json!(0)]]);
    assert!(server.log().contains("nobody of that name"), "{}", server.log());
}

#[test]
fn an_invitation_to_an_address_arrives_there_and_nowhere_else() {
    let Some(post) = MailServer::start(Kind::Tls) else { return };
    let keys = json!({"teams": {"invite_type": "both"}, "web_host": "https://semaphore.example.com/"});
    let server = Server::with(mail_options(&post, &keys));
    let admin = server.admin();
    let project = admin.post("/api/projects", &json!({"name": "<b>Secret & co</b>"})).expect(201).id();
    let body = json!({"name": "Ann", "username": "ann", "email": "ann@example.com", "password": PASSWORD});
    let ann = admin.post("/api/users", &body).expect(201).id();
    let path = format!("/api/project/{project}/invites");

    let sent = admin.post(&path, &json!({"email": "Ann@example.com", "role": "manager"})).expect(201);
    assert!(sent.json().get("token").is_none() && sent.json().get("url").is_none(), "{}", sent.body);
    let mail = post.message(0);
    assert_eq!((&mail["to"], &mail["encrypted"]), (&json!("ann@example.com"), &json!(true)));
    assert!(!mail["html"].as_str().unwrap().contains("<b>Secret"), "{mail}");
    let place = "https://semaphore.example.com/accept-invite/";
    let link = mail["text"].as_str().unwrap().lines().find(|line| line.starts_with(place)).expect("a link");
    let token = link.trim_start_matches(place);
    assert!(!server.log().contains(token), "the token is in the log");
    assert_ne!(server.sql("select token from project__invite"), [[json!(token)]], "the token is stored readable");
    let guest = server.client("ann", PASSWORD);
    guest.post("/api/invites/accept", &json!({"token": token})).expect(200);
    guest.post("/api/invites/accept", &json!({"token": token})).expect(400);
    assert_eq!(guest.get(&format!("/api/project/{project}/role")).expect(200).json()["role"], "manager");

    // Whoever has an account is told by the inviter; what cannot be sent is not there.
    admin.delete(&format!("/api/project/{project}/users/{ann}")).expect(204);
    admin.delete(&format!("{path}/{}", sent.id())).expect(204);
    let told = admin.post(&path, &json!({"username": "ann", "role": "guest"})).expect(201).json();
    assert!(told["token"].is_string() && told["url"].is_string(), "{told}");
    admin.post(&path, &json!({"email": "x@refused.test", "role": "guest"})).expect(503);
    assert_eq!(server.sql("select count(*) from project__invite"), [[json!(1)]]);
    assert_eq!(post.count(), 1);
}
