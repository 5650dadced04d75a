//! The options of a server that sends its e-mail to a mail server of the test's own.

use semaphore_test_machine::smtp::MailServer;
use serde_json::Value;

use crate::{Options, server::merge};

/// The options, with keys laid over those that lead to the mail server; its certificate is one of the system's.
pub fn mail_options(post: &MailServer, over: &Value) -> Options {
    let mut config = post.config();
    merge(&mut config, over);
    let trusted = post.certificate().display().to_string();
    Options { config, environment: vec![("SSL_CERT_FILE".to_owned(), trusted)], ..Options::default() }
}
