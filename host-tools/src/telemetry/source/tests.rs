use core::net::SocketAddr;
use std::io::Write;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Instant;

use super::*;

/// Events until `enough` bytes came, or the time is up.
fn read(events: &Receiver<Event>, enough: usize) -> (Vec<u8>, Vec<String>) {
    let (mut bytes, mut said) = (Vec::new(), Vec::new());
    let end = Instant::now() + Duration::from_secs(30);
    while bytes.len() < enough && Instant::now() < end {
        match events.recv_timeout(PATIENCE) {
            Ok(Event::Bytes(_, piece)) => bytes.extend(piece),
            Ok(Event::Ready(address)) => said.push(address),
            Ok(Event::Opened(n, _)) => said.push(format!("opened {n}")),
            Ok(Event::Closed(n, _)) => said.push(format!("closed {n}")),
            Ok(Event::Waiting(_)) => said.push("waiting".to_owned()),
            Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    (bytes, said)
}

/// Waits for the end, which has to come soon.
fn ends(events: &Receiver<Event>) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match events.recv_timeout(PATIENCE) {
            Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => return,
            _ => assert!(Instant::now() < end, "the source does not stop"),
        }
    }
}

#[test]
fn words_name_sources() {
    let named = |word: &str| Source::named(word, 9600, true);
    assert_eq!(named("-"), Source::Stdin);
    assert_eq!(named("tcp:h:1"), Source::Connect("h:1".to_owned()));
    assert_eq!(named("listen:[::]:1"), Source::Listen("[::]:1".to_owned()));
    let is_serial = |word| matches!(named(word), Source::Serial { baud: 9600, .. });
    assert!(is_serial("/dev/ttyUSB7") && is_serial("COM3"));
    assert!(matches!(
        named("run.bin"),
        Source::File { follow: true, .. }
    ));
    assert!(matches!(named("COMMENTS"), Source::File { .. }));
}

#[test]
fn a_listener_serves_several_and_stops() {
    let stop = Stop::default();
    let events = Source::Listen("127.0.0.1:0".to_owned())
        .start(stop.clone())
        .unwrap();
    let Ok(Event::Ready(address)) = events.recv_timeout(PATIENCE * 50) else {
        panic!("no address");
    };
    let address: SocketAddr = address.parse().unwrap();
    let mut one = TcpStream::connect(address).unwrap();
    let mut two = TcpStream::connect(address).unwrap();
    one.write_all(b"abc").unwrap();
    two.write_all(b"defg").unwrap();
    assert_eq!(read(&events, 7).0.len(), 7);
    let taken = Source::Listen(address.to_string()).start(stop.clone());
    assert!(matches!(taken, Err(Error::Listen { .. })));
    stop.ask();
    ends(&events);
}

#[test]
fn a_client_connects_again() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let stop = Stop::default();
    let events = Source::Connect(address).start(stop.clone()).unwrap();
    for piece in [&b"first"[..], b"second"] {
        let (mut stream, _) = server.accept().unwrap();
        stream.write_all(piece).unwrap();
        drop(stream);
        assert_eq!(read(&events, piece.len()).0, piece);
    }
    stop.ask();
    drop(server);
    ends(&events);
}

#[test]
fn a_file_is_followed_and_read_anew_when_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.bin");
    fs::write(&path, b"one").unwrap();
    let stop = Stop::default();
    let source = |follow| Source::File {
        path: path.clone(),
        follow,
    };
    let events = source(true).start(stop.clone()).unwrap();
    assert_eq!(read(&events, 3).0, b"one");
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(b" two").unwrap();
    assert_eq!(read(&events, 4).0, b" two");
    fs::write(&path, b"new").unwrap();
    let (bytes, said) = read(&events, 3);
    assert_eq!(
        (bytes.as_slice(), said.as_slice()),
        (&b"new"[..], &["closed 0".to_owned()][..])
    );
    stop.ask();
    ends(&events);
    let events = source(false).start(Stop::default()).unwrap();
    assert_eq!(read(&events, usize::MAX).0, b"new");
    let gone = Source::named("/nonexistent/x", 1, true).start(Stop::default());
    assert!(matches!(gone, Err(Error::File { .. })));
}

#[cfg(unix)]
#[test]
fn a_serial_port_is_read_and_opened_again() {
    use serialport::{SerialPort, TTYPort};
    let (mut board, port) = TTYPort::pair().expect("a pseudo-terminal");
    let name = port.name().expect("a name");
    drop(port);
    let source = Source::named(&name, 115_200, true);
    assert!(matches!(source, Source::Serial { .. }), "{source:?}");
    let stop = Stop::default();
    let events = source.start(stop.clone()).unwrap();
    let opened = events.recv_timeout(PATIENCE * 50);
    assert!(matches!(opened, Ok(Event::Opened(0, _))), "{opened:?}");
    let said: Vec<u8> = (0..=255).collect();
    board.write_all(&said).unwrap();
    // No byte means anything to the line: frames are binary.
    assert_eq!(read(&events, 256).0, said);
    // Unplugged: the port is gone, and is waited for.
    drop(board);
    let end = Instant::now() + Duration::from_secs(30);
    let mut said = Vec::new();
    while !said.contains(&"waiting".to_owned()) && Instant::now() < end {
        said.extend(read(&events, 1).1);
    }
    assert_eq!(said[0], "closed 0");
    stop.ask();
    ends(&events);
}
