//! Sending e-mail: the keys `email_*`.

use semaphore_service::mail::{MailSettings, Security};

use super::{load::Values, table};

/// The SMTP server; `None` if none is named.
pub(super) fn mail(values: &Values) -> Option<MailSettings> {
    let host = values.set_text("email_host")?.to_owned();
    // Reference: `email_tls` counts together with `email_secure` only.
    let security = match (values.bool("email_secure"), values.bool("email_tls")) {
        (false, _) => Security::None,
        (true, false) => Security::StartTls,
        (true, true) => Security::Tls,
    };
    Some(MailSettings {
        host,
        port: table::port(values.text("email_port")),
        username: values.text("email_username").to_owned(),
        password: values.text("email_password").into(),
        sender: values.text("email_sender").to_owned(),
        security,
        only_tls13: values.text("email_tls_min_version") == "1.3",
    })
}
