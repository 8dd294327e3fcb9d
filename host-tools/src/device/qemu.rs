//! One run of an emulator: a child process with two files to write, a deadline and a byte limit.
//!
//! ```text
//! firmware, model ──► qemu ──► records.bin (UART 0, polled)
//!        flash.bin ◄──►└─────► logs.bin    (semihosting, defmt)
//! ```
//!
//! # Invariants
//! - The child is dead when [`run`] returns, whatever happened.
//! - All files lie in a folder of their own; the emulator is given relative names only, so no path can break its options.
//!
//! # Why
//! Files instead of pipes: nothing blocks when the firmware speaks faster than anyone listens, and what was said up to a
//! crash is still there.

use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use super::Board;
use crate::output;

/// Bytes of a new flash: two pages.
const STORE: usize = 2 * 4096;

/// How long and how much a run may go on.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Wall-clock time.
    pub time: Duration,
    /// Bytes of records, and of logs.
    pub bytes: u64,
}

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Output {
    /// Bytes of the record channel.
    pub(super) records: Vec<u8>,
    /// Bytes of the log channel.
    pub(super) logs: Vec<u8>,
    /// What the emulator itself said.
    pub(super) complaints: String,
    /// Whether the firmware ended well.
    pub(super) ok: bool,
}

/// A run that did not come to an end of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The deadline passed.
    #[error("the firmware did not finish within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Too much was said.
    #[error("the firmware wrote more than {0} bytes")]
    TooMuch(u64),
}

fn io(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what, source }
}

/// The child; killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if the child has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is run, and with what.
pub(super) struct Load<'a> {
    /// The emulator.
    pub(super) emulator: &'a Path,
    /// The firmware, an ELF file.
    pub(super) firmware: &'a [u8],
    /// What is laid in memory where the prebuilt firmware looks for its model.
    pub(super) model: Option<&'a [u8]>,
    /// Words of the command line.
    pub(super) job: &'a str,
    /// The file that the firmware has as flash, made if there is none.
    pub(super) store: Option<&'a Path>,
}

/// Runs `load` on `board`; `news` gets each stretch of records as it appears.
///
/// # Errors
/// The system's refusals, and the bounds.
pub(super) fn run(
    board: &Board,
    load: &Load<'_>,
    bounds: Bounds,
    news: &mut dyn FnMut(&[u8]),
) -> Result<Output, Error> {
    let Load {
        emulator,
        firmware,
        model,
        job,
        store,
    } = *load;
    let folder = tempfile::tempdir().map_err(io("make a temporary folder"))?;
    let at = |name: &str| folder.path().join(name);
    fs::write(at("firmware.elf"), firmware).map_err(io("copy the firmware"))?;
    let mut command = Command::new(emulator);
    command
        .args(board.machine)
        .args(["-display", "none", "-monitor", "none", "-no-reboot"])
        .args(["-serial", "file:records.bin", "-kernel", "firmware.elf"])
        .args(["-semihosting-config", &semihosting(job)]);
    if let Some(bytes) = model {
        fs::write(at("model.lacuna"), bytes).map_err(io("copy the model"))?;
        let loader = format!(
            "loader,file=model.lacuna,force-raw=on,addr={:#x}",
            board.model_at
        );
        command.args(["-device", &loader]);
    }
    if let Some(path) = store {
        let old = fs::read(path).or_else(|e| match e.kind() {
            io::ErrorKind::NotFound => Ok(vec![0xff; STORE]),
            _ => Err(e),
        });
        let old = old.map_err(io("read the stored flash"))?;
        fs::write(at("flash.bin"), old).map_err(io("make a temporary file"))?;
    }
    let logs = File::create(at("logs.bin")).map_err(io("make a temporary file"))?;
    let complaints = File::create(at("complaints.txt")).map_err(io("make a temporary file"))?;
    fs::write(at("records.bin"), []).map_err(io("make a temporary file"))?;
    let child = command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(logs)
        .stderr(complaints)
        .spawn()
        .map_err(io("start the emulator"))?;
    let mut child = Running(child);

    let start = Instant::now();
    let mut records = Vec::new();
    let mut tail = File::open(at("records.bin")).map_err(io("read the records"))?;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        let status = child.0.try_wait().map_err(io("wait for the emulator"))?;
        let old = records.len();
        read_on(&mut tail, &mut records, bounds.bytes).map_err(io("read the records"))?;
        news(&records[old..]);
        let logged = fs::metadata(at("logs.bin")).map_err(io("read the logs"))?;
        if records.len() as u64 > bounds.bytes || logged.len() > bounds.bytes {
            return Err(Error::TooMuch(bounds.bytes));
        }
        if let Some(status) = status {
            break status;
        }
        if start.elapsed() > bounds.time {
            return Err(Error::Timeout(bounds.time));
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    if let Some(path) = store {
        let new = fs::read(at("flash.bin")).map_err(io("read the flash"))?;
        output::write(path, |to| to.write_all(&new))
            .map_err(|e| io("store the flash")(e.source))?;
    }
    Ok(Output {
        records,
        logs: fs::read(at("logs.bin")).map_err(io("read the logs"))?,
        complaints: fs::read_to_string(at("complaints.txt")).unwrap_or_default(),
        ok: status.success(),
    })
}

/// Reads what was appended since the last time, one byte past `limit` at most.
fn read_on(file: &mut File, to: &mut Vec<u8>, limit: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(to.len() as u64))?;
    let room = (limit + 1).saturating_sub(to.len() as u64);
    file.take(room).read_to_end(to)?;
    Ok(())
}

/// The option that hands the job's words to the firmware; QEMU wants commas doubled.
fn semihosting(job: &str) -> String {
    let mut option = "enable=on,target=native,arg=lacuna,arg=--".to_owned();
    for word in job.split_whitespace() {
        option.push_str(",arg=");
        option.push_str(&word.replace(',', ",,"));
    }
    option
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::board::BOARDS;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for the emulator.
    fn script(folder: &Path, text: &str) -> std::path::PathBuf {
        let path = folder.join("emulator");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn go(text: &str, time: u64, bytes: u64) -> Result<Output, Error> {
        let folder = tempfile::tempdir().unwrap();
        let emulator = script(folder.path(), text);
        let bounds = Bounds {
            time: Duration::from_millis(time),
            bytes,
        };
        let load = Load {
            emulator: &emulator,
            firmware: &[],
            model: None,
            job: "tokens=1",
            store: None,
        };
        run(&BOARDS[0], &load, bounds, &mut |_| ())
    }

    #[test]
    fn channels_are_kept_apart_and_the_exit_is_seen() {
        let out = go(
            "echo log; echo oops >&2; echo rec > records.bin; exit 1",
            5000,
            99,
        )
        .unwrap();
        assert_eq!(
            (out.records.as_slice(), out.logs.as_slice()),
            (&b"rec\n"[..], &b"log\n"[..])
        );
        assert_eq!((out.complaints.as_str(), out.ok), ("oops\n", false));
    }

    #[test]
    fn a_silent_and_a_chatty_firmware_are_ended() {
        assert!(matches!(
            go("exec sleep 60", 50, 99),
            Err(Error::Timeout(_))
        ));
        let chatty = "while :; do echo 0123456789 >> records.bin; done";
        assert!(matches!(
            go(chatty, 20_000, 1000),
            Err(Error::TooMuch(1000))
        ));
    }

    #[test]
    fn commas_are_doubled() {
        assert!(semihosting("prompt=1,2 sites").ends_with("arg=--,arg=prompt=1,,2,arg=sites"));
    }
}
