//! The files of a folder, each looked at before the first query.
//!
//! ```text
//! DIR/model=<hex>/device=<hex>/<boot>-<first seq>.parquet ─► footer ─► columns as expected? ─► list, in path order
//! ```
//!
//! # Invariants
//! - Files are sorted by path, so that a query on one thread adds the same numbers in the same order every time.
//! - Links to folders are not followed: the walk ends.
//!
//! # Why
//! A file cut short by a full disk fails here by name; inside a running query the engine would only say that some
//! metadata is odd.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::columns::{ALWAYS, same, schema};
use crate::failure::Failure;

/// Telemetry files below a folder.
#[derive(Debug)]
pub struct Files {
    /// Files that can be read, in path order.
    pub readable: Vec<PathBuf>,
    /// Files that were left out, and why.
    pub left_out: Vec<(PathBuf, Failure)>,
}

/// Finds and checks every `.parquet` file below `folder`.
///
/// # Errors
/// A folder that cannot be read or holds no file; with `skip` unset, the first file that is damaged or has other columns.
pub fn find(folder: &Path, skip: bool) -> Result<Files, Failure> {
    let mut all = Vec::new();
    walk(folder, &mut all)?;
    all.sort();
    if all.is_empty() {
        return Err(Failure::Empty {
            path: folder.to_owned(),
        });
    }
    let mut files = Files {
        readable: Vec::with_capacity(all.len()),
        left_out: Vec::new(),
    };
    for path in all {
        match check(&path) {
            Ok(()) => files.readable.push(path),
            Err(why) if skip => files.left_out.push((path, why)),
            Err(why) => return Err(why),
        }
    }
    match files.left_out.pop() {
        Some((_, why)) if files.readable.is_empty() => Err(why),
        Some(last) => {
            files.left_out.push(last);
            Ok(files)
        }
        None => Ok(files),
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::Folder { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable(&path))?.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads the footer and compares the columns.
fn check(path: &Path) -> Result<(), Failure> {
    let file = File::open(path).map_err(|source| Failure::Folder {
        path: path.to_owned(),
        source,
    })?;
    let footer =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(damaged(path))?;
    let found = footer.schema();
    if let Some(column) = ALWAYS
        .into_iter()
        .find(|c| found.field_with_name(c).is_err())
    {
        return Err(Failure::NotTelemetry {
            path: path.to_owned(),
            column,
        });
    }
    for expected in schema().fields() {
        let Ok(field) = found.field_with_name(expected.name()) else {
            continue;
        };
        if !same(field.data_type(), expected.data_type()) {
            return Err(Failure::MixedSchema {
                path: path.to_owned(),
                column: expected.name().clone(),
                found: field.data_type().to_string(),
                expected: expected.data_type().to_string(),
            });
        }
    }
    Ok(())
}

/// Reads every page of `path`.
///
/// # Errors
/// The first page that cannot be decoded.
pub fn read_through(path: &Path) -> Result<(), Failure> {
    let file = File::open(path).map_err(|source| Failure::Folder {
        path: path.to_owned(),
        source,
    })?;
    let pages = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .map_err(damaged(path))?;
    for batch in pages {
        batch.map_err(damaged(path))?;
    }
    Ok(())
}

fn damaged<E: core::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Failure + use<'_, E> {
    move |e| Failure::Damaged {
        path: path.to_owned(),
        why: e.to_string(),
    }
}
