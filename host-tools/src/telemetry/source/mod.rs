//! Where bytes come from: a thread that reads, reconnects and hands over pieces.
//!
//! ```text
//! /dev/ttyUSB0 · tcp:host:port · listen:addr:port · FILE · -  ──thread──► Event … (at most 64 waiting)
//! ```
//!
//! # Invariants
//! - A reader never waits longer than [`PATIENCE`] without looking whether it should stop, stdin excepted.
//! - A connection that ends is opened again, with pauses that grow to [`PAUSE_MOST`]; each has a number of its own.
//!
//! # Why
//! One blocking thread a connection and a bounded channel: a slow disk holds the link back instead of filling memory.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, sleep};

/// Longest a reader waits for bytes.
const PATIENCE: Duration = Duration::from_millis(200);
/// Longest pause before a connection is tried again.
const PAUSE_MOST: Duration = Duration::from_secs(5);
/// Most connections that a listener serves at a time.
const CONNECTIONS: usize = 64;
const PIECE: usize = 4096;

/// A wish to stop that threads share.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks everyone to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that speaks frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A serial port.
    Serial {
        /// Its device file or name.
        port: String,
        /// Bits a second.
        baud: u32,
    },
    /// A server to connect to, `host:port`.
    Connect(String),
    /// An address to listen on, `addr:port`.
    Listen(String),
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Wait for more at its end.
        follow: bool,
    },
    /// Standard input.
    Stdin,
}

/// What a source says.
#[derive(Debug)]
pub enum Event {
    /// A listener is ready at this address.
    Ready(String),
    /// A connection was made.
    Opened(u64, String),
    /// Bytes of a connection.
    Bytes(u64, Vec<u8>),
    /// A connection ended.
    Closed(u64, String),
    /// There is no connection, and why; it is tried again.
    Waiting(String),
    /// There will be no more.
    Ended,
}

/// A source that cannot be what it is said to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address to listen on cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Source {
    /// The source of a word on the command line.
    pub fn named(word: &str, baud: u32, follow: bool) -> Source {
        if word == "-" {
            return Source::Stdin;
        }
        if let Some(address) = word.strip_prefix("tcp:") {
            return Source::Connect(address.to_owned());
        }
        if let Some(address) = word.strip_prefix("listen:") {
            return Source::Listen(address.to_owned());
        }
        if serial(word) {
            let port = word.to_owned();
            return Source::Serial { port, baud };
        }
        Source::File {
            path: PathBuf::from(word),
            follow,
        }
    }

    /// Starts to read.
    ///
    /// # Errors
    /// What can be known to fail for good: an address in use, a file that is not there.
    pub fn start(self, stop: Stop) -> Result<Receiver<Event>, Error> {
        let (to, events) = sync_channel(CONNECTIONS);
        match self {
            Source::Serial { port, baud } => {
                let open = move || {
                    let port = serialport::new(&port, baud).timeout(PATIENCE).open();
                    port.map_err(io::Error::from)
                };
                thread::spawn(move || again(&to, &stop, open));
            }
            Source::Connect(address) => {
                let open = move || {
                    let stream = TcpStream::connect(&address)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    Ok(stream)
                };
                thread::spawn(move || again(&to, &stop, open));
            }
            Source::Listen(address) => {
                let bound = TcpListener::bind(&address)
                    .and_then(|l| l.set_nonblocking(true).and(Ok(l)))
                    .map_err(|source| Error::Listen { address, source })?;
                thread::spawn(move || serve(&to, &stop, &bound));
            }
            Source::File { path, follow } => {
                let file = File::open(&path).map_err(|source| Error::File {
                    path: path.clone(),
                    source,
                })?;
                thread::spawn(move || tail(&to, &stop, &path, file, follow));
            }
            Source::Stdin => {
                thread::spawn(move || {
                    let why = pump(&to, &stop, 0, io::stdin().lock(), false);
                    let _ = to.send(Event::Closed(0, why));
                    let _ = to.send(Event::Ended);
                });
            }
        }
        Ok(events)
    }
}

/// Whether a word names a serial port: a character device, or `COM3`.
fn serial(word: &str) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if fs::metadata(word).is_ok_and(|m| m.file_type().is_char_device()) {
            return true;
        }
    }
    let number = word.strip_prefix("COM");
    // A port that is unplugged at the moment is waited for.
    number.is_some_and(|n| n.parse::<u8>().is_ok()) || word.starts_with("/dev/tty")
}

/// Hands over what `from` gives until it ends; says why it did.
fn pump(
    to: &SyncSender<Event>,
    stop: &Stop,
    number: u64,
    mut from: impl Read,
    waits_at_end: bool,
) -> String {
    let mut piece = [0; PIECE];
    while !stop.asked() {
        match from.read(&mut piece) {
            Ok(0) if waits_at_end => sleep(PATIENCE),
            Ok(0) => return "the other side closed it".to_owned(),
            Ok(n) => {
                if to.send(Event::Bytes(number, piece[..n].to_vec())).is_err() {
                    stop.ask();
                }
            }
            Err(e) => match e.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {}
                io::ErrorKind::Interrupted => {}
                _ => return e.to_string(),
            },
        }
    }
    "stopped".to_owned()
}

/// Opens and reads, again and again.
fn again<R: Read>(to: &SyncSender<Event>, stop: &Stop, open: impl Fn() -> io::Result<R>) {
    let mut pause = PATIENCE;
    let mut number = 0;
    while !stop.asked() {
        let event = match open() {
            Ok(from) => {
                pause = PATIENCE;
                let opened = Event::Opened(number, String::new());
                if to.send(opened).is_err() {
                    return;
                }
                let why = pump(to, stop, number, from, false);
                number += 1;
                Event::Closed(number - 1, why)
            }
            Err(e) => Event::Waiting(e.to_string()),
        };
        if to.send(event).is_err() {
            return;
        }
        let mut left = pause;
        while !stop.asked() && !left.is_zero() {
            let step = left.min(PATIENCE);
            sleep(step);
            left -= step;
        }
        pause = (pause * 2).min(PAUSE_MOST);
    }
    let _ = to.send(Event::Ended);
}

/// Accepts connections, each read by a thread of its own.
fn serve(to: &SyncSender<Event>, stop: &Stop, on: &TcpListener) {
    let address = on
        .local_addr()
        .map_or_else(|e| e.to_string(), |a| a.to_string());
    if to.send(Event::Ready(address)).is_err() {
        return;
    }
    let busy = Arc::new(AtomicUsize::new(0));
    let mut number = 0;
    while !stop.asked() {
        match on.accept() {
            // One too many is refused by being closed.
            Ok((stream, who)) if busy.load(Ordering::Relaxed) < CONNECTIONS => {
                let ready = stream
                    .set_nonblocking(false)
                    .and_then(|()| stream.set_read_timeout(Some(PATIENCE)));
                if ready.is_err() {
                    continue;
                }
                busy.fetch_add(1, Ordering::Relaxed);
                let (to, stop, busy) = (to.clone(), stop.clone(), busy.clone());
                thread::spawn(move || {
                    if to.send(Event::Opened(number, who.to_string())).is_ok() {
                        let why = pump(&to, &stop, number, stream, false);
                        let _ = to.send(Event::Closed(number, why));
                    }
                    busy.fetch_sub(1, Ordering::Relaxed);
                });
                number += 1;
            }
            Ok(_) => {}
            Err(_) => sleep(PATIENCE / 4),
        }
    }
    let _ = to.send(Event::Ended);
}

/// Reads a file to its end, and on where it grows; from its start where it was cut.
fn tail(to: &SyncSender<Event>, stop: &Stop, path: &Path, file: File, follow: bool) {
    let mut reader = Tail { file, read: 0 };
    let mut number = 0;
    loop {
        let why = pump(to, stop, number, &mut reader, follow && path.is_file());
        if to.send(Event::Closed(number, why)).is_err() || stop.asked() || !follow {
            break;
        }
        // What follows is another recording under the same name.
        match File::open(path) {
            Ok(file) => reader = Tail { file, read: 0 },
            Err(_) => break,
        }
        number += 1;
    }
    let _ = to.send(Event::Ended);
}

/// A file, and how much of it was read.
struct Tail {
    file: File,
    read: u64,
}

impl Read for &mut Tail {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(to)?;
        self.read += n as u64;
        if n == 0 && self.file.metadata()?.len() < self.read {
            self.file.rewind()?;
            return Err(io::Error::other("it became shorter"));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
