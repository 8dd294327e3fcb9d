//! Rows into files that a query engine finds by model and device.
//!
//! ```text
//! DIR/model=0123456789abcdef/device=00000000000000ff/boot=3-0.parquet        boot 3 from its frame 0 on
//!                                                    boot=3-65536.parquet    and further
//! ```
//!
//! # Invariants
//! - A file appears under its name complete, or not at all.
//! - At most [`OPEN`] files are being written, each with at most [`BATCH`] rows in memory and [`ROWS`] in all.
//! - A file of the same content is written twice to no harm; one of other content is kept, refused or replaced as asked.
//!
//! # Why
//! `model=` and `device=` are folder names that DataFusion, DuckDB and Spark read as columns, so that a query about one
//! device opens its files only.

use core::time::Duration;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lacuna::probe::record::Frame;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::columns::{Columns, schema};
use super::row::{hex, rows};
use crate::output::{self, Unfinished};

/// Most files that are being written.
const OPEN: usize = 32;
/// Most rows of a file in memory.
const BATCH: usize = 4096;
/// Most rows of a file.
const ROWS: u64 = 1 << 20;

/// In what records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line of JSON for each record, null columns left out
    Json,
    /// Parquet, compressed with Snappy
    Parquet,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Json => "jsonl",
            Format::Parquet => "parquet",
        }
    }
}

/// What happens to a file of the same name and other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    Refuse,
    /// It goes.
    Replace,
    /// It stays, and the new file gets a number.
    Beside,
}

/// Why rows could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be made.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// A folder cannot be made, or a file not be read or written.
    #[error("cannot write {}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The Parquet writer refused.
    #[error("cannot write {}", path.display())]
    Parquet {
        /// Where.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// Another recording has given other records to this file.
    #[error("{} holds other records", .0.display())]
    Exists(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    model: [u8; 8],
    device: u64,
    boot: u32,
    starts: u32,
}

#[derive(Debug)]
enum Sink {
    Json(io::BufWriter<Unfinished>),
    Parquet(Box<ArrowWriter<Unfinished>>, Box<Columns>),
}

/// A file that is being written.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    sink: Sink,
    rows: u64,
    since: Instant,
    turn: u64,
}

/// A folder of telemetry.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    format: Format,
    existing: Existing,
    /// A file is finished after this time, that a query may see it.
    rotate: Option<Duration>,
    open: HashMap<Key, Part>,
    turn: u64,
    /// Files finished.
    pub files: Vec<PathBuf>,
}

impl Store {
    /// A store in `root`, which is made when the first row comes.
    pub fn new(
        root: PathBuf,
        format: Format,
        existing: Existing,
        rotate: Option<Duration>,
    ) -> Store {
        Store {
            root,
            format,
            existing,
            rotate,
            open: HashMap::new(),
            turn: 0,
            files: Vec::new(),
        }
    }

    /// Keeps a frame; `starts` tells boots of the same number apart.
    ///
    /// # Errors
    /// The file cannot be written; it does not appear then.
    pub fn push(
        &mut self,
        frame: &Frame<'_>,
        starts: u32,
        received_ms: Option<i64>,
    ) -> Result<(), Error> {
        let key = Key {
            model: frame.model_id,
            device: frame.device,
            boot: frame.boot,
            starts,
        };
        self.turn += 1;
        if !self.open.contains_key(&key) {
            while self.open.len() >= OPEN {
                let oldest = self.open.iter().min_by_key(|(_, part)| part.turn);
                match oldest.map(|(key, _)| *key) {
                    Some(key) => self.close(key)?,
                    None => break,
                }
            }
            let part = self.create(frame, starts)?;
            self.open.insert(key, part);
        }
        let Some(part) = self.open.get_mut(&key) else {
            return Ok(());
        };
        part.turn = self.turn;
        let mut failed = Ok(());
        rows(frame, received_ms, &mut |row| {
            if failed.is_ok() {
                failed = part.put(&row);
            }
        });
        failed?;
        if part.rows >= ROWS {
            self.close(key)?;
        }
        Ok(())
    }

    /// Finishes the files that have been open for too long.
    ///
    /// # Errors
    /// As [`Store::push`].
    pub fn tick(&mut self) -> Result<(), Error> {
        let Some(rotate) = self.rotate else {
            return Ok(());
        };
        let due: Vec<Key> = self
            .open
            .iter()
            .filter(|(_, part)| part.since.elapsed() >= rotate)
            .map(|(key, _)| *key)
            .collect();
        due.into_iter().try_for_each(|key| self.close(key))
    }

    /// Finishes all files.
    ///
    /// # Errors
    /// As [`Store::push`].
    pub fn finish(&mut self) -> Result<(), Error> {
        let mut keys: Vec<Key> = self.open.keys().copied().collect();
        keys.sort_by_key(|k| (k.device, k.boot, k.starts));
        keys.into_iter().try_for_each(|key| self.close(key))
    }

    fn create(&self, frame: &Frame<'_>, starts: u32) -> Result<Part, Error> {
        let model = hex(u64::from_be_bytes(frame.model_id));
        let folder = self
            .root
            .join(format!("model={model}"))
            .join(format!("device={}", hex(frame.device)));
        let start = match starts {
            0 => String::new(),
            n => format!(".{n}"),
        };
        let name = format!(
            "boot={}{start}-{}.{}",
            frame.boot,
            frame.seq,
            self.format.extension()
        );
        let path = folder.join(name);
        fs::create_dir_all(&folder).map_err(|source| Error::Io {
            path: folder,
            source,
        })?;
        let file = Unfinished::create(&path)?;
        let sink = match self.format {
            Format::Json => Sink::Json(io::BufWriter::new(file)),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(BATCH * 16))
                    .build();
                let writer = ArrowWriter::try_new(file, schema(), Some(properties));
                let writer = writer.map_err(|source| Error::Parquet {
                    path: path.clone(),
                    source,
                })?;
                Sink::Parquet(Box::new(writer), Box::default())
            }
        };
        Ok(Part {
            path,
            sink,
            rows: 0,
            since: Instant::now(),
            turn: 0,
        })
    }

    fn close(&mut self, key: Key) -> Result<(), Error> {
        let Some(part) = self.open.remove(&key) else {
            return Ok(());
        };
        let (mut path, file) = part.finish()?;
        if path.exists() {
            let io = |path: &Path| {
                let path = path.to_owned();
                move |source| Error::Io { path, source }
            };
            if same(file.path(), &path).map_err(io(&path))? {
                self.files.push(path);
                return Ok(());
            }
            match self.existing {
                Existing::Refuse => return Err(Error::Exists(path)),
                Existing::Replace => {}
                Existing::Beside => path = free(&path, self.format),
            }
        }
        file.publish(&path)?;
        self.files.push(path);
        Ok(())
    }
}

/// Whether two files hold the same bytes.
fn same(a: &Path, b: &Path) -> io::Result<bool> {
    if fs::metadata(a)?.len() != fs::metadata(b)?.len() {
        return Ok(false);
    }
    Ok(fs::read(a)? == fs::read(b)?)
}

/// A name beside `path` that is free.
fn free(path: &Path, format: Format) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = |n: u32| path.with_file_name(format!("{stem}+{n}.{}", format.extension()));
    (2..)
        .map(name)
        .find(|p| !p.exists())
        .unwrap_or_else(|| path.to_owned())
}

impl Part {
    fn put(&mut self, row: &super::row::Row) -> Result<(), Error> {
        self.rows += 1;
        match &mut self.sink {
            Sink::Json(to) => {
                let line = serde_json::to_writer(&mut *to, row).map_err(io::Error::from);
                line.and_then(|()| to.write_all(b"\n"))
                    .map_err(|source| Error::Io {
                        path: self.path.clone(),
                        source,
                    })
            }
            Sink::Parquet(to, columns) => {
                columns.push(row);
                if columns.len() < BATCH {
                    return Ok(());
                }
                write(to, columns).map_err(|source| Error::Parquet {
                    path: self.path.clone(),
                    source,
                })
            }
        }
    }

    /// The name and the whole file, not published yet.
    fn finish(self) -> Result<(PathBuf, Unfinished), Error> {
        let path = self.path;
        let file = match self.sink {
            Sink::Json(to) => to.into_inner().map_err(|e| Error::Io {
                path: path.clone(),
                source: e.into_error(),
            })?,
            Sink::Parquet(mut to, mut columns) => {
                let done = write(&mut to, &mut columns).and_then(|()| to.into_inner());
                done.map_err(|source| Error::Parquet {
                    path: path.clone(),
                    source,
                })?
            }
        };
        Ok((path, file))
    }
}

fn write(to: &mut ArrowWriter<Unfinished>, columns: &mut Columns) -> Result<(), ParquetError> {
    if columns.is_empty() {
        return Ok(());
    }
    to.write(&columns.take()?)
}

#[cfg(test)]
mod tests;
