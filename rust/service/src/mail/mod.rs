//! E-mail: one message to one address through the configured SMTP server.
//!
//! Whoever has something to tell by e-mail (codes, invitations, alerts) builds a [`Mail`] and hands it to a [`Mailer`]. Not for
//! what is told, nor for trying again later. Invariants: a password goes over an encrypted connection or to this machine only;
//! certificates are checked; every step has a time limit; neither content nor password is logged.

mod page;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lettre::{
    Message,
    address::AddressError,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters, TlsVersion},
        extension::ClientId,
        response::{Category, Code, Severity},
    },
};
use rand::RngCore;
use semaphore_model::Secret;

pub use self::page::Paragraph;
use crate::{services::Services, tls};

/// Time until there is a connection.
const STEP: Duration = Duration::from_secs(10);

/// Time until the server is ready for a message: connection, encryption, log-in.
const READY: Duration = Duration::from_secs(20);

/// Time that the server may take over a message.
const TAKING: Duration = Duration::from_secs(30);

/// Time for a farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// How the connection is kept from being read. Reference: `email_secure` and `email_tls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Not at all, and without logging in.
    #[default]
    None,
    /// The connection turns to TLS after the greeting; only a server on this machine may do without.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// What the configuration says about sending e-mail. Reference: the keys `email_*`.
#[derive(Clone, Debug, Default)]
pub struct MailSettings {
    /// Name or address of the SMTP server.
    pub host: String,
    /// Its port; the usual one of the kind of connection if it is not set.
    pub port: Option<u16>,
    /// Who logs in there; empty for nobody.
    pub username: String,
    /// Their password.
    pub password: Secret,
    /// Address that messages come from, with or without a name.
    pub sender: String,
    /// How the connection is protected.
    pub security: Security,
    /// Whether TLS older than 1.3 is refused; older than 1.2 always is.
    pub only_tls13: bool,
}

/// A message to one address, as text and as HTML.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Address of the receiver.
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// Content for those who read text; if it is empty the message is HTML alone.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl Mail {
    /// A message made of paragraphs, as text and as HTML.
    pub fn new(to: &str, subject: &str, content: &[Paragraph<'_>]) -> Self {
        let (text, html) = page::render(content);
        Self { to: to.to_owned(), subject: subject.to_owned(), text, html }
    }
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The configured sender is no address.
    #[error("email_sender must be an address such as semaphore@example.com")]
    Sender(#[source] AddressError),
    /// The receiver is no address.
    #[error("the receiver has no address that mail can be sent to")]
    Receiver(#[source] AddressError),
    /// The message cannot be put together.
    #[error("the message cannot be put together")]
    Message(#[from] lettre::error::Error),
    /// The certificate of the server is not trusted.
    #[error("the certificate of the mail server {server} is not accepted: its authority must be known to the system")]
    Certificate {
        /// `host:port`.
        server: String,
        /// What is wrong with it.
        source: Box<SmtpError>,
    },
    /// The server cannot be reached or refuses.
    #[error("the mail server {server} did not take the message (email_host, email_port, email_username, email_secure)")]
    Server {
        /// `host:port`.
        server: String,
        /// Why.
        source: Box<SmtpError>,
    },
    /// The server says that it never takes this message, for example because nobody has the receiver's address.
    #[error("the mail server {server} refuses the message for good")]
    Refused {
        /// `host:port`.
        server: String,
        /// What it says.
        source: Box<SmtpError>,
    },
    /// The server said nothing, or not enough, before it was sent anything.
    #[error("the mail server {server} does not answer as expected (email_host, email_port, email_secure, email_tls)")]
    Silent {
        /// `host:port`.
        server: String,
    },
    /// The connection broke while the server took the message: it may have it.
    #[error("the connection to the mail server {server} broke while it took the message")]
    Broken {
        /// `host:port`.
        server: String,
        /// How.
        source: Box<SmtpError>,
    },
    /// The server took too long: it may have the message.
    #[error("the mail server {server} did not take the message in time")]
    Late {
        /// `host:port`.
        server: String,
    },
}

/// The way to the configured SMTP server; each message has a connection of its own.
#[derive(Clone, Copy, Debug)]
pub struct Mailer<'a>(&'a MailSettings);

impl Mailer<'_> {
    /// Sends a message; done when the server has taken it.
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let server = format!("{}:{}", self.0.host, self.port());
        let message = self.message(mail)?;
        // The conversation is a large future; whoever waits for it shall not carry it.
        let connecting = tokio::time::timeout(READY, Box::pin(self.connect()));
        let mut connection = match connecting.await {
            Ok(connected) => connected.map_err(|error| failed(error, &server))?,
            Err(_) => return Err(MailError::Silent { server }),
        };
        let content = message.formatted();
        let sending = tokio::time::timeout(TAKING, Box::pin(connection.send(message.envelope(), &content)));
        match sending.await {
            Ok(Ok(_)) => {
                // It has the message, whatever it says now.
                let _ = tokio::time::timeout(FAREWELL, Box::pin(connection.quit())).await;
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() || error.is_client() => Err(failed(error, &server)),
            Ok(Err(error)) => Err(MailError::Broken { server, source: Box::new(error) }),
            Err(_) => Err(MailError::Late { server }),
        }
    }

    fn message(self, mail: Mail) -> Result<Message, MailError> {
        let from: Mailbox = self.0.sender.parse().map_err(MailError::Sender)?;
        let to: Mailbox = mail.to.parse().map_err(MailError::Receiver)?;
        let mut id = [0_u8; 16];
        rand::rng().fill_bytes(&mut id);
        let id = format!("<{}@{}>", URL_SAFE_NO_PAD.encode(id), from.email.domain());
        let message = Message::builder().message_id(Some(id)).from(from).to(to).subject(mail.subject);
        if mail.text.is_empty() {
            return Ok(message.singlepart(SinglePart::html(mail.html))?);
        }
        Ok(message.multipart(MultiPart::alternative_plain_html(mail.text, mail.html))?)
    }

    /// A connection over which somebody has logged in, if somebody is to.
    async fn connect(self) -> Result<AsyncSmtpConnection, SmtpError> {
        let settings = self.0;
        let parameters = || {
            let oldest = if settings.only_tls13 { TlsVersion::Tlsv13 } else { TlsVersion::Tlsv12 };
            TlsParameters::builder(settings.host.clone()).set_min_tls_version(oldest).build_rustls()
        };
        let name = ClientId::default();
        let from_the_start = if settings.security == Security::Tls { Some(parameters()?) } else { None };
        let address = (settings.host.as_str(), self.port());
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(STEP), &name, from_the_start, None).await?;
        // Reference: a password goes in clear to this machine only.
        let turns = || connection.can_starttls() || !is_this_machine(&settings.host);
        if settings.security == Security::StartTls && turns() {
            connection.starttls(parameters()?, &name).await?;
        }
        if settings.security != Security::None && !settings.username.is_empty() {
            let credentials = Credentials::new(settings.username.clone(), settings.password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn port(self) -> u16 {
        self.0.port.unwrap_or(match self.0.security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        })
    }
}

fn failed(error: SmtpError, server: &str) -> MailError {
    let (server, source) = (server.to_owned(), Box::new(error));
    if tls::is_certificate_failure(source.as_ref()) {
        MailError::Certificate { server, source }
    } else if source.status().is_some_and(is_final) {
        MailError::Refused { server, source }
    } else {
        MailError::Server { server, source }
    }
}

/// Whether an answer is about the message or its receiver, and will be the same next time: 55x. What is said about the log-in
/// and the encryption (53x) changes with the configuration.
fn is_final(code: Code) -> bool {
    code.severity == Severity::PermanentNegativeCompletion && code.category == Category::MailSystem
}

fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "::1"].contains(&host)
}

/// Whether a text can be the address of somebody, as far as can be seen without asking anybody.
pub(crate) fn is_address(text: &str) -> bool {
    let (name, host) = text.rsplit_once('@').unwrap_or_default();
    !name.is_empty() && !host.is_empty() && text.len() <= 255 && !text.contains(char::is_whitespace)
}

impl Services {
    /// The way to the mail server; `None` if none is configured, and in a rehearsal, where nothing reaches the outside.
    pub fn mailer(&self) -> Option<Mailer<'_>> {
        let settings = self.settings.mail.as_ref().filter(|_| self.settings.rehearsal.is_none())?;
        Some(Mailer(settings))
    }
}
