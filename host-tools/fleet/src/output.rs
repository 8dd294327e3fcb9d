//! Files that appear complete under their name, or not at all, as a failure of this program says it.

use std::path::Path;

use crate::failure::Failure;

/// Writes `bytes` to `path` by way of a temporary file beside it.
///
/// # Errors
/// What the operating system reports; what stood under the name before still stands there then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = lacuna_report::output::write(path, |to| to.write_all(bytes));
    written.map_err(|lacuna_report::output::Error { path, source }| Failure::Write { path, source })
}
