//! Text files and directories given by the user.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Document, Error};

/// A lone file is cut into pieces of about this size, so that some can be held out.
const PIECE: usize = 16 * 1024;

/// Every file of `paths`, directories with everything below them except hidden entries and binary files.
pub(super) fn documents(paths: &[PathBuf]) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, path, &mut documents, |_| true)?;
        } else {
            let bytes = read(path)?;
            if let Some(at) = bytes.iter().position(|&b| b == 0) {
                let path = path.clone();
                return Err(Error::Binary { path, at });
            }
            let name = path.file_name().unwrap_or_default();
            documents.push(Document {
                name: name.to_string_lossy().into_owned(),
                bytes,
                part: None,
            });
        }
    }
    documents.retain(|d| !d.bytes.is_empty());
    if let [_] = documents.as_slice() {
        documents = documents.iter().flat_map(pieces).collect();
    }
    if documents.len() < 2 {
        let names: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
        return Err(Error::Empty(names.join(", ")));
    }
    Ok(documents)
}

/// Adds the files below `dir` that `wanted` admits, named relative to `root`.
pub(super) fn walk(
    root: &Path,
    dir: &Path,
    to: &mut Vec<Document>,
    wanted: fn(&Path) -> bool,
) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: dir.to_owned(),
        source,
    };
    let entries = fs::read_dir(dir).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, to, wanted)?;
        } else if wanted(&path) {
            let bytes = read(&path)?;
            if !bytes.contains(&0) {
                let name = relative(root, &path);
                let part = None;
                to.push(Document { name, bytes, part });
            }
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().map(|c| c.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// Cuts a document at ends of lines.
fn pieces(document: &Document) -> Vec<Document> {
    let mut pieces = Vec::new();
    let mut rest = document.bytes.as_slice();
    while !rest.is_empty() {
        let wanted = PIECE.min(rest.len().div_ceil(2)).max(1);
        let line = rest[wanted..].iter().position(|&b| b == b'\n');
        let (piece, after) = rest.split_at(line.map_or(wanted, |at| wanted + at + 1));
        pieces.push(Document {
            name: format!("{}#{:06}", document.name, pieces.len()),
            bytes: piece.to_vec(),
            part: None,
        });
        rest = after;
    }
    pieces
}
