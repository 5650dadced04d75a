//! Sending records to syslog, on a thread of its own.
//!
//! Nobody waits for it: a bounded queue takes the records, and what does not fit is counted. A connection that breaks is made
//! again, with the record that was not sent. Not for the form of a message.

use std::{
    io::{self, ErrorKind, Write as _},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    os::unix::net::{UnixDatagram, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chrono::Utc;
use prometheus_client::metrics::counter::Counter;
use tracing::Level;

use super::{
    record::Record,
    syslog_line::{Speaker, SyslogFormat, tag},
};

/// Records that wait at most.
const QUEUE: usize = 2048;
/// Time for a connection and for one message.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the first failure; it doubles with each following one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Where the daemon of this machine listens. Reference: `localSyslogPaths`.
const LOCAL: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// Where syslog is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSettings {
    /// `udp`, `tcp`, `unix`, `unixgram`; empty for the daemon of this machine.
    pub network: String,
    /// `host:port`, or the path of a socket.
    pub address: String,
    /// What the server calls itself.
    pub tag: String,
    /// The form of messages.
    pub format: SyslogFormat,
}

/// Where records are put in.
#[derive(Debug)]
pub(super) struct Entrance {
    queue: SyncSender<Option<Record>>,
    unsent: Arc<Unsent>,
}

/// What was not sent.
#[derive(Debug)]
struct Unsent {
    /// Since the last record that was.
    recent: AtomicU64,
    all: Counter,
}

impl Unsent {
    fn add(&self, number: u64) {
        self.recent.fetch_add(number, Ordering::Relaxed);
        self.all.inc_by(number);
    }
}

impl Entrance {
    pub(super) fn send(&self, record: Record) {
        if self.queue.try_send(Some(record)).is_err() {
            self.unsent.add(1);
        }
    }
}

/// The running sender.
#[derive(Debug)]
pub struct Syslog {
    queue: SyncSender<Option<Record>>,
    is_closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Syslog {
    pub(super) fn start(settings: SyslogSettings, lost: Counter) -> io::Result<(Self, Entrance)> {
        let (queue, records) = sync_channel(QUEUE);
        let unsent = Arc::new(Unsent { recent: AtomicU64::new(0), all: lost });
        let is_closing = Arc::new(AtomicBool::new(false));
        let speaker = Speaker {
            format: settings.format,
            tag: tag(&settings.tag),
            host: host(),
            process: std::process::id(),
            is_local: settings.network.is_empty(),
        };
        let sender =
            Sender { settings, speaker, link: None, unsent: Arc::clone(&unsent), is_closing: Arc::clone(&is_closing) };
        let thread = std::thread::Builder::new().name("syslog".to_owned()).spawn(move || sender.run(&records))?;
        Ok((Self { queue: queue.clone(), is_closing, thread }, Entrance { queue, unsent }))
    }

    /// Sends what waits, for at most `limit`. Blocks; call it outside the runtime's threads.
    pub fn close(self, limit: Duration) {
        let end = Instant::now() + limit;
        self.is_closing.store(true, Ordering::Relaxed);
        let mut is_told = false;
        while !self.thread.is_finished() && Instant::now() < end {
            // The end has its turn behind what waits.
            is_told = is_told || self.queue.try_send(None).is_ok();
            self.thread.thread().unpark();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn host() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { "localhost".to_owned() } else { host.to_owned() }
}

/// A way to the daemon.
#[derive(Debug)]
enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

struct Sender {
    settings: SyslogSettings,
    speaker: Speaker,
    link: Option<Link>,
    unsent: Arc<Unsent>,
    is_closing: Arc<AtomicBool>,
}

impl Sender {
    fn run(mut self, records: &Receiver<Option<Record>>) {
        while let Ok(Some(record)) = records.recv() {
            if !self.deliver(&record) {
                self.unsent.add(1);
                continue;
            }
            let unsent = self.unsent.recent.swap(0, Ordering::Relaxed);
            if unsent > 0 {
                let message = format!("{unsent} records were lost while syslog took none");
                self.deliver(&Record { message, level: Level::WARN, time: Utc::now(), fields: Vec::new(), ..record });
            }
        }
        if let Some(Link::Tcp(stream)) = &self.link {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Sends a record, however long it takes; gives up only when the server ends.
    fn deliver(&mut self, record: &Record) -> bool {
        let message = self.speaker.message(record);
        let mut pause = FIRST_PAUSE;
        let mut is_first = true;
        loop {
            match self.send(message.as_bytes()) {
                Ok(()) => return true,
                // A datagram that is too long for the way stays so.
                Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => return false,
                Err(_) if self.is_closing.load(Ordering::Relaxed) => return false,
                Err(error) => {
                    // A connection that stood still and broke is no failure if the next one holds.
                    if self.link.take().is_some() {
                        continue;
                    }
                    if std::mem::take(&mut is_first) {
                        let address = &self.settings.address;
                        tracing::warn!(%error, address, "syslog cannot be reached; this is tried again");
                    }
                    std::thread::park_timeout(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if self.link.as_ref().is_some_and(Link::is_over) {
            self.link = None;
        }
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(connect(&self.settings)?),
        };
        match link {
            Link::Udp(socket) => socket.send(message).map(drop),
            Link::Datagram(socket) => socket.send(message).map(drop),
            Link::Tcp(stream) => stream.write_all(message),
            Link::Stream(stream) => stream.write_all(message),
        }
    }
}

impl Link {
    /// Whether the other side has hung up: what is written then is lost without an error.
    fn is_over(&self) -> bool {
        let Self::Tcp(stream) = self else { return false };
        let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let is_over = match looked {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).is_err() || is_over
    }
}

fn connect(settings: &SyslogSettings) -> io::Result<Link> {
    let address = settings.address.as_str();
    match settings.network.as_str() {
        "" => local(),
        "unix" => stream(address),
        "unixgram" => datagram(address),
        network => {
            let wants = |found: &SocketAddr| match network.as_bytes().last() {
                Some(b'4') => found.is_ipv4(),
                Some(b'6') => found.is_ipv6(),
                _ => true,
            };
            let mut last = io::Error::new(ErrorKind::NotFound, format!("{address} has no address"));
            for found in address.to_socket_addrs()?.filter(wants) {
                let made = if network.starts_with("udp") { udp(found) } else { tcp(found) };
                match made {
                    Ok(link) => return Ok(link),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

fn local() -> io::Result<Link> {
    let mut last = io::Error::from(ErrorKind::NotFound);
    for path in LOCAL {
        match datagram(path).or_else(|_| stream(path)) {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn datagram(path: &str) -> io::Result<Link> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    Ok(Link::Datagram(socket))
}

fn stream(path: &str) -> io::Result<Link> {
    let stream = UnixStream::connect(path)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(Link::Stream(stream))
}

fn udp(address: SocketAddr) -> io::Result<Link> {
    let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(Link::Udp(socket))
}

fn tcp(address: SocketAddr) -> io::Result<Link> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(Link::Tcp(stream))
}
