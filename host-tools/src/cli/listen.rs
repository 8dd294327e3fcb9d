//! `lacuna listen`: devices as they speak.

use core::time::Duration;
use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use console::{Term, truncate_str};
use lacuna::probe::record::Frame;

use super::decode::{advise, line};
use crate::report::{NextStep, Out};
use crate::telemetry::{
    Event, Existing, Format, Ledger, Live, Reading, Source, SourceError, Stop, Store, rows,
};

/// Listen to devices: a live table, and files for `lacuna fleet`
///
/// SOURCE is a serial port (/dev/ttyACM0, COM3), `tcp:HOST:PORT` to connect to, `listen:ADDR:PORT` to be connected to by
/// any number of devices, a file that grows, or `-` for standard input. A connection that breaks is opened again. Stop
/// with Ctrl-C: files are finished, and the losses are shown.
///
/// Nothing is written to the source, so that a port can be shared with a flasher.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where devices speak
    source: String,
    /// Bits a second of a serial port
    #[arg(long, value_name = "BAUD", default_value_t = 115_200)]
    baud: u32,
    /// Keep the records in this folder, as `lacuna decode` does
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// In what form they are kept
    #[arg(long, value_enum, default_value = "parquet", requires = "out")]
    to: Format,
    /// Finish a file after this many seconds, so that queries see it
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "out")]
    rotate: u64,
    /// Read a file to its end and stop, instead of waiting for more
    #[arg(long)]
    no_follow: bool,
    /// Stop after this many records
    #[arg(long, value_name = "N")]
    records: Option<u64>,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Print every record as a line of JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// How often the table is drawn.
const DRAW: Duration = Duration::from_millis(250);

/// Runs the command.
///
/// # Errors
/// A source that cannot be opened at all, a folder that cannot be written.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let stop = Stop::default();
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.ask()).context("cannot catch Ctrl-C")?;
    let source = Source::named(&args.source, args.baud, !args.no_follow);
    let events = source.start(stop.clone()).map_err(refused)?;
    let rotate = Duration::from_secs(args.rotate.max(1));
    let mut listener = Listener {
        out,
        ledger: Ledger::default(),
        readings: HashMap::new(),
        live: Live::default(),
        store: args
            .out
            .clone()
            .map(|dir| Store::new(dir, args.to, Existing::Beside, Some(rotate))),
        lines: args.json.then(|| BufWriter::new(io::stdout())),
        screen: Screen::new(!args.json && !quiet),
    };
    let heard = listener.listen(&events, &stop, args.records, args.seconds);
    stop.ask();
    // Files are finished also where the last record could not be kept.
    let finished = listener.finish();
    heard.and(finished)
}

fn refused(error: SourceError) -> anyhow::Error {
    let step = match &error {
        SourceError::Listen { .. } => "choose a free port of an address of this machine",
        _ => "name a serial port, tcp:HOST:PORT, listen:ADDR:PORT, a file, or -",
    };
    let advised: anyhow::Result<()> = Err(error).next_step(|| step.to_owned());
    advised.err().unwrap_or_else(|| anyhow::anyhow!(step))
}

struct Listener {
    out: Out,
    ledger: Ledger,
    readings: HashMap<u64, Reading>,
    live: Live,
    store: Option<Store>,
    lines: Option<BufWriter<io::Stdout>>,
    screen: Screen,
}

impl Listener {
    fn listen(
        &mut self,
        events: &Receiver<Event>,
        stop: &Stop,
        records: Option<u64>,
        seconds: Option<u64>,
    ) -> anyhow::Result<()> {
        let end = seconds.map(|s| Instant::now() + Duration::from_secs(s));
        let over = |ledger: &Ledger| {
            stop.asked()
                || end.is_some_and(|e| Instant::now() >= e)
                || records.is_some_and(|n| ledger.total().accepted >= n)
        };
        let mut drawn = Instant::now();
        while !over(&self.ledger) {
            match events.recv_timeout(DRAW) {
                Ok(Event::Bytes(number, bytes)) => self.bytes(number, &bytes)?,
                Ok(Event::Closed(number, why)) => {
                    if let Some(mut reading) = self.readings.remove(&number) {
                        reading.end(&mut self.ledger);
                    }
                    self.screen
                        .say(&self.out, &format!("connection {number} ended: {why}"));
                }
                Ok(Event::Opened(number, who)) => {
                    let text = format!("connection {number} {who}");
                    self.screen.say(&self.out, text.trim_end());
                }
                Ok(Event::Waiting(why)) => self.screen.say(&self.out, &format!("waiting: {why}")),
                Ok(Event::Ready(address)) => {
                    self.screen
                        .say(&self.out, &format!("listening on {address}"));
                }
                Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if drawn.elapsed() >= DRAW {
                drawn = Instant::now();
                if let Some(store) = &mut self.store {
                    store.tick().map_err(advise)?;
                }
                if let Some(lines) = &mut self.lines {
                    lines.flush()?;
                }
                self.screen.draw(&self.live, &self.ledger)?;
            }
        }
        Ok(())
    }

    fn bytes(&mut self, number: u64, bytes: &[u8]) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.ok().and_then(|t| i64::try_from(t.as_millis()).ok());
        let mut done = Ok(());
        let reading = self.readings.entry(number).or_default();
        let (live, store, lines) = (&mut self.live, &mut self.store, &mut self.lines);
        reading.push(bytes, &mut self.ledger, |frame, _, starts| {
            live.note(frame);
            if done.is_ok() {
                done = keep(frame, starts, now, store.as_mut(), lines.as_mut());
            }
        });
        done
    }

    fn finish(mut self) -> anyhow::Result<()> {
        for (_, mut reading) in self.readings.drain() {
            reading.end(&mut self.ledger);
        }
        self.screen.clear()?;
        if let Some(lines) = &mut self.lines {
            lines.flush()?;
        }
        let mut files = Vec::new();
        if let Some(store) = &mut self.store {
            store.finish().map_err(advise)?;
            files.append(&mut store.files);
        }
        if self.out.json {
            self.out.note(self.ledger.table());
        } else {
            self.out.result(&self.ledger, || self.ledger.table())?;
        }
        if !files.is_empty() {
            self.out.note(format_args!("{} files written", files.len()));
        }
        Ok(())
    }
}

/// A frame to disk and to stdout.
fn keep(
    frame: &Frame<'_>,
    starts: u32,
    now: Option<i64>,
    store: Option<&mut Store>,
    lines: Option<&mut BufWriter<io::Stdout>>,
) -> anyhow::Result<()> {
    if let Some(store) = store {
        store.push(frame, starts, now).map_err(advise)?;
    }
    let Some(to) = lines else { return Ok(()) };
    let mut written = Ok(());
    rows(frame, now, &mut |row| {
        if written.is_ok() {
            written = line(to, &row);
        }
    });
    Ok(written?)
}

/// The terminal's last lines.
struct Screen {
    term: Option<Term>,
    lines: usize,
}

impl Screen {
    fn new(wanted: bool) -> Screen {
        let here = wanted && io::stdout().is_terminal();
        Screen {
            term: here.then(Term::stdout),
            lines: 0,
        }
    }

    fn draw(&mut self, live: &Live, ledger: &Ledger) -> io::Result<()> {
        self.clear()?;
        let Some(term) = &self.term else {
            return Ok(());
        };
        let (height, width) = term.size();
        let text = live.draw(ledger, usize::from(height).saturating_sub(2));
        for line in text.lines() {
            // A line that wraps could not be taken back.
            term.write_line(&truncate_str(line, usize::from(width), "…"))?;
            self.lines += 1;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        if let Some(term) = &self.term {
            term.clear_last_lines(self.lines)?;
            self.lines = 0;
        }
        Ok(())
    }

    /// A note above the table.
    fn say(&mut self, out: &Out, text: &str) {
        // A terminal that is gone ends the command at the next draw.
        let _ = self.clear();
        out.note(text);
    }
}
