//! E-mail: one message to one address through the configured SMTP server.
//!
//! Whoever has something to tell by e-mail (codes, invitations, alerts) builds a [`Mail`] and hands it to a [`Mailer`]. Not for
//! what is told, nor for trying again later. Invariants: a password goes over an encrypted connection or to this machine only;
//! certificates are checked; every step has a time limit; neither content nor password is logged.

mod page;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    address::AddressError,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{Tls, TlsParameters, TlsVersion},
        response::{Category, Code, Severity},
    },
};
use rand::RngCore;
use semaphore_model::Secret;

pub use self::page::Paragraph;
use crate::{services::Services, tls};

/// Time that one step of the conversation with the server may take.
const STEP: Duration = Duration::from_secs(10);

/// Time that the whole conversation may take.
const WHOLE: Duration = Duration::from_secs(30);

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
        source: Box<lettre::transport::smtp::Error>,
    },
    /// The server cannot be reached or refuses.
    #[error("the mail server {server} did not take the message (email_host, email_port, email_username, email_secure)")]
    Server {
        /// `host:port`.
        server: String,
        /// Why.
        source: Box<lettre::transport::smtp::Error>,
    },
    /// The server says that it never takes this message, for example because nobody has the receiver's address.
    #[error("the mail server {server} refuses the message for good")]
    Refused {
        /// `host:port`.
        server: String,
        /// What it says.
        source: Box<lettre::transport::smtp::Error>,
    },
    /// The server took too long.
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
        // The conversation is a large future; whoever waits for it shall not carry it.
        let sending = Box::pin(self.converse(mail, &server));
        match tokio::time::timeout(WHOLE, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(MailError::Late { server }),
        }
    }

    async fn converse(&self, mail: Mail, server: &str) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let transport = self.transport().map_err(|error| failed(error, server))?;
        transport.send(message).await.map(drop).map_err(|error| failed(error, server))
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

    fn transport(self) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
        let settings = self.0;
        let parameters = || {
            let oldest = if settings.only_tls13 { TlsVersion::Tlsv13 } else { TlsVersion::Tlsv12 };
            TlsParameters::builder(settings.host.clone()).set_min_tls_version(oldest).build_rustls()
        };
        let security = match settings.security {
            Security::None => Tls::None,
            // Reference: a password goes in clear to this machine only.
            Security::StartTls if is_this_machine(&settings.host) => Tls::Opportunistic(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::Tls => Tls::Wrapper(parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(self.port())
            .timeout(Some(STEP))
            .tls(security);
        if settings.security != Security::None && !settings.username.is_empty() {
            builder = builder
                .credentials(Credentials::new(settings.username.clone(), settings.password.expose().to_owned()))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(builder.build())
    }

    fn port(self) -> u16 {
        self.0.port.unwrap_or(match self.0.security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        })
    }
}

fn failed(error: lettre::transport::smtp::Error, server: &str) -> MailError {
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
