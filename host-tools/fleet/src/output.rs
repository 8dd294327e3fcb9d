//! Files that appear complete under their name, or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::failure::Failure;

/// Writes `bytes` to `path` by way of a temporary file beside it.
///
/// # Errors
/// What the operating system reports; what stood under the name before still stands there then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            // A pipe or a device: there is nothing to rename over.
            return fs::write(path, bytes);
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lacuna-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut temporary = builder.tempfile_in(directory)?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(Failure::write(path))
}
