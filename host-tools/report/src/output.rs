//! Files that appear complete under their name, or not at all.
//!
//! ```text
//! bytes ─► .lacuna-random (same directory) ─► sync ─► rename to name
//! ```
//!
//! # Invariants
//! - An error at any point leaves what stood under the name before, and no temporary file.
//! - A path that is not a regular file (a pipe, a device) is written in place: there is nothing to rename over.
//!
//! # Why
//! A device that is flashed with half a model fails far from the cause; a full disk should fail here.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct Error {
    /// The name that was asked for.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// Writes `path` through `fill`, complete or not at all.
///
/// # Errors
/// What `fill` or the operating system reports, with the path.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    attempt(path, fill).map_err(|source| Error {
        path: path.to_owned(),
        source,
    })
}

fn attempt(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory",
            ));
        }
        Ok(there) if !there.is_file() => {
            let mut sink = BufWriter::new(File::options().write(true).open(path)?);
            fill(&mut sink)?;
            return sink.flush();
        }
        _ => {}
    }
    let mut temporary = temporary(path)?;
    {
        let mut sink = BufWriter::new(temporary.as_file_mut());
        fill(&mut sink)?;
        sink.flush()?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// An empty file in the folder of `path`.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".lacuna-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

/// A file that grows beside its name until it is published; gone if it never is.
#[derive(Debug)]
pub struct Unfinished(NamedTempFile);

impl Unfinished {
    /// An empty file in the folder of `path`, which must exist.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn create(path: &Path) -> Result<Unfinished, Error> {
        temporary(path).map(Unfinished).map_err(|source| Error {
            path: path.to_owned(),
            source,
        })
    }

    /// Where it grows.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives it the name `path`, in the folder it was created for.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn publish(self, path: &Path) -> Result<(), Error> {
        let done = self.0.as_file().sync_all();
        done.and_then(|()| self.0.persist(path).map(drop).map_err(|e| e.error))
            .map_err(|source| Error {
                path: path.to_owned(),
                source,
            })
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_keeps_the_old_file_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        write(&path, |w| w.write_all(b"old")).unwrap();
        let error = write(&path, |w| {
            w.write_all(b"ne")?;
            Err(io::Error::other("stop"))
        });
        assert!(error.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        write(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn directories_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(write(directory.path(), |w| w.write_all(b"x")).is_err());
    }
}
