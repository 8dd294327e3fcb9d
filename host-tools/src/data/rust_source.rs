//! The default data set: the source of pinned crates that building this program has put on this machine.
//!
//! # Invariants
//! - Versions are those of `Cargo.lock` (a test compares); content is checked by hash, so everyone trains on the same bytes.
//!
//! # Why
//! Several megabytes of real text under permissive licences, on every machine that can build lacuna, without a download.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::{Document, Error, content_hash, files};

/// One crate of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Its name.
    pub name: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// 16 hex digits over the paths and bytes of its files that are wanted, `*.rs` in [`CRATES`], in order of path.
    pub hash: &'static str,
}

pub(crate) const fn pinned(
    name: &'static str,
    version: &'static str,
    hash: &'static str,
) -> Pinned {
    Pinned {
        name,
        version,
        hash,
    }
}

/// The crates of `rust-source`, 6 MB of Rust.
pub const CRATES: [Pinned; 10] = [
    pinned("burn-autodiff", "0.22.1", "d5afa67b676d81f8"),
    pinned("burn-backend", "0.22.1", "e30b5bac2cf276d7"),
    pinned("burn-tensor", "0.22.1", "0f10e7e9a0408c31"),
    pinned("clap_builder", "4.6.7", "a23a93f645b0ebdd"),
    pinned("comfy-table", "8.0.1", "d61601d8b3f762de"),
    pinned("hashbrown", "0.16.1", "5f6295b932900484"),
    pinned("heapless", "0.9.3", "abc592fd956936ba"),
    pinned("indicatif", "0.18.6", "475ff66c52be9afb"),
    pinned("memchr", "2.8.3", "fcb54849785bed6c"),
    pinned("serde_json", "1.0.154", "38746e01687b6dbb"),
];

/// The `*.rs` files of all crates, named `NAME/path`.
pub(super) fn documents() -> Result<Vec<Document>, Error> {
    of_crates(&CRATES, is_rust)
}

/// The files of these crates that are `wanted` and not binary, named `NAME/path`.
///
/// # Errors
/// Crates that are not on this machine or not as they were published.
pub fn of_crates(crates: &[Pinned], wanted: fn(&Path) -> bool) -> Result<Vec<Document>, Error> {
    let indices = registries();
    let places: Vec<_> = crates.iter().map(|c| (c, find(&indices, c))).collect();
    let missing: Vec<String> = places
        .iter()
        .filter(|(_, place)| place.is_none())
        .map(|(c, _)| format!("{} {}", c.name, c.version))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Error::Missing { missing });
    }
    let mut all = Vec::new();
    for (pinned, place) in places {
        let Some(root) = place else { continue };
        let mut found = Vec::new();
        files::walk(&root, &root, &mut found, wanted)?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let hash = content_hash(&found);
        if hash != pinned.hash {
            return Err(Error::Changed {
                path: root,
                found: hash,
                expected: pinned.hash,
            });
        }
        all.extend(found.into_iter().map(|d| Document {
            name: format!("{}/{}", pinned.name, d.name),
            bytes: d.bytes,
            part: None,
        }));
    }
    Ok(all)
}

/// Whether a file is Rust.
pub fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

/// `CARGO_HOME/registry/src/*`, sorted.
fn registries() -> Vec<PathBuf> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => Some(PathBuf::from(home)),
        None => env::home_dir().map(|home| home.join(".cargo")),
    };
    let Some(entries) = home.and_then(|h| fs::read_dir(h.join("registry/src")).ok()) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
}

fn find(indices: &[PathBuf], pinned: &Pinned) -> Option<PathBuf> {
    let directory = format!("{}-{}", pinned.name, pinned.version);
    indices
        .iter()
        .map(|index| index.join(&directory))
        .find(|path| path.is_dir())
}
