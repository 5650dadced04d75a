//! Effects of the routes that send codes by e-mail. They need a server that can send: one of their own beside that of the case.

use std::cell::RefCell;

use semaphore_test_machine::smtp::{Kind, MailServer};
use semaphore_tests::{Client, Server, mail_options};
use serde_json::json;

use crate::world::{Check, World};

/// A mail server, a server that sends codes through it, and somebody who asked for one; none if the mail server is missing.
fn asked() -> Option<(MailServer, Server, Client)> {
    let post = MailServer::start(Kind::Plain)?;
    let server = Server::with(mail_options(&post, &json!({"auth": {"email": {"enabled": true}}})));
    let client = server.anonymous();
    client.post("/api/auth/login/email", &json!({"email": "no address"})).expect(400);
    let address = server.sql("select email from user where username = 'admin'")[0][0].clone();
    client.post("/api/auth/login/email", &json!({"email": address})).expect(204);
    Some((post, server, client))
}

/// The last code that was sent lets its receiver in, also after a restart, and stays in.
fn lets_in(post: MailServer, server: Server, client: Client, number: usize) -> Check {
    let server = RefCell::new(server);
    Box::new(move |_| {
        server.borrow_mut().restart();
        let is_in = server.borrow().sql("select count(*) from session where verified and verification_method = 2");
        if is_in == [[json!(0)]] {
            client.get("/api/user").expect(401);
            client.post("/api/auth/verify", &json!({"passcode": post.code(number)})).expect(200);
        }
        assert_eq!(client.get("/api/user").expect(200).json()["username"], "admin");
        assert_eq!(server.borrow().sql("select count(*) from user__email_otp"), [[json!(0)]]);
    })
}

pub(crate) fn login_by_email(world: &World) -> Check {
    // Without a mail server there is no such log-in.
    world.server.anonymous().post("/api/auth/login/email", &json!({"email": "admin@example.com"})).expect(404);
    let Some((post, server, client)) = asked() else { return Box::new(|_| ()) };
    assert_eq!(server.sql("select count(*) from user__email_otp"), [[json!(1)]]);
    lets_in(post, server, client, 0)
}

pub(crate) fn resend_email_code(world: &World) -> Check {
    world.admin.post("/api/auth/login/email/resend", &json!({})).expect(403);
    let Some((post, server, client)) = asked() else { return Box::new(|_| ()) };
    client.post("/api/auth/login/email/resend", &json!({})).expect(429);
    // Half a minute later.
    server.change_database("update user__email_otp set created = datetime('now', '-1 minutes')");
    semaphore_tests::wait_until("the server sees the change", std::time::Duration::from_secs(10), || {
        (client.post("/api/auth/login/email/resend", &json!({})).status == 204).then_some(())
    });
    assert_eq!(server.sql("select count(*) from user__email_otp"), [[json!(1)]]);
    assert_eq!(post.count(), 2);
    lets_in(post, server, client, 1)
}
