//! `lacuna decode`: recorded frames as JSON lines or Parquet.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::report::{NextStep, Out};
use crate::telemetry::{Existing, Format, Ledger, Reading, Row, Store, StoreError, rows};

/// Turn recorded frames into JSON lines or Parquet, and say what is missing
///
/// FILES hold the bytes of a link as they came, with whatever it lost, flipped or repeated; `-` is standard input.
/// Several files are read as one link, so copies of the same frames count once. Without --out, JSON lines go to stdout
/// and the losses to stderr. With it, files appear as DIR/model=<id>/device=<id>/boot=<n>-<first frame>.parquet, which
/// DataFusion, DuckDB and Spark read as one table; `lacuna fleet` asks the questions.
///
/// Exit code 0: read, whatever was lost on the way; 1: a file cannot be read or written, there is no frame in the input,
/// or with --strict something was lost; 2: the command line was not understood.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// In what form [default: parquet with --out, else json]
    #[arg(long, value_enum)]
    to: Option<Format>,
    /// Folder to fill
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files in DIR that hold other records
    #[arg(long, requires = "out")]
    replace: bool,
    /// Fail if a frame was lost or broken
    #[arg(long)]
    strict: bool,
    /// With --out, print the losses as one JSON object
    #[arg(long, requires = "out")]
    json: bool,
}

/// Where rows go.
enum Sink {
    Store(Box<Store>),
    Lines(BufWriter<io::Stdout>),
}

/// Runs the command.
///
/// # Errors
/// As the help says under exit code 1.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let existing = if args.replace {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    let mut sink = match (&args.out, args.to) {
        (Some(dir), to) => {
            let format = to.unwrap_or(Format::Parquet);
            let store = Store::new(dir.clone(), format, existing, None);
            Sink::Store(Box::new(store))
        }
        (None, None | Some(Format::Json)) => Sink::Lines(BufWriter::new(io::stdout())),
        (None, Some(Format::Parquet)) => {
            return Err(anyhow!("Parquet is a folder of files"))
                .next_step(|| "name it with --out DIR".to_owned());
        }
    };
    let mut ledger = Ledger::default();
    for path in &args.files {
        decode(path, &mut ledger, &mut sink, &out)?;
    }
    let total = ledger.total();
    if total.accepted == 0 && ledger.bytes > 0 {
        return Err(anyhow!("there is no frame in {} bytes", ledger.bytes)).next_step(|| {
            if ledger.newer > 0 {
                "the frames are of a later version: update lacuna".to_owned()
            } else {
                "name recordings of a device's record channel, not of its log".to_owned()
            }
        });
    }
    match sink {
        Sink::Lines(mut to) => {
            to.flush()?;
            out.note(ledger.table());
        }
        Sink::Store(mut store) => {
            store.finish().map_err(advise)?;
            out.note(format_args!("{} files", store.files.len()));
            out.result(&ledger, || ledger.table())?;
        }
    }
    if args.strict && (total.lost > 0 || ledger.broken > 0) {
        return Err(anyhow!(
            "{} frames were lost, {} came broken",
            total.lost,
            ledger.broken
        ))
        .next_step(|| "leave --strict out to use what has arrived".to_owned());
    }
    Ok(())
}

/// Reads one recording.
fn decode(path: &Path, ledger: &mut Ledger, sink: &mut Sink, out: &Out) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    let (mut from, len): (Box<dyn Read>, u64) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let open = File::open(path).and_then(|f| {
            let len = f.metadata()?.len();
            Ok((f, len))
        });
        let (file, len) = open
            .with_context(cannot)
            .next_step(|| "name a file that exists and may be read".to_owned())?;
        (Box::new(file), len)
    };
    let bar = out.progress(len, "bytes");
    let mut reading = Reading::default();
    let mut piece = vec![0; 1 << 16];
    let mut done: anyhow::Result<()> = Ok(());
    while done.is_ok() {
        let n = match from.read(&mut piece) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read
                .with_context(cannot)
                .next_step(|| "name a file and not a folder".to_owned())?,
        };
        if n == 0 {
            break;
        }
        bar.inc(n as u64);
        reading.push(&piece[..n], ledger, |frame, _, starts| {
            if done.is_err() {
                return;
            }
            done = match sink {
                Sink::Store(store) => store.push(frame, starts, None).map_err(advise),
                Sink::Lines(to) => {
                    let mut written = Ok(());
                    rows(frame, None, &mut |row| {
                        if written.is_ok() {
                            written = line(to, &row);
                        }
                    });
                    written.map_err(anyhow::Error::from)
                }
            };
        });
    }
    reading.end(ledger);
    bar.finish_and_clear();
    done
}

/// Writes a row as a line of JSON.
pub(super) fn line(to: &mut impl Write, row: &Row) -> io::Result<()> {
    serde_json::to_writer(&mut *to, row)?;
    to.write_all(b"\n")
}

/// An error of the store with what to do about it.
pub(super) fn advise(error: StoreError) -> anyhow::Error {
    let step = match &error {
        StoreError::Exists(_) => "use another --out, or --replace",
        _ => "choose a folder that is writable and has room",
    };
    let advised: anyhow::Result<()> = Err(error).next_step(|| step.to_owned());
    advised.err().unwrap_or_else(|| anyhow!(step))
}
