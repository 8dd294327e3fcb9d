//! Finding what a run on a board needs: the emulator, the Rust target, the firmware's source.
//!
//! # Why
//! Each thing that can be missing has an error with the one command that installs it; `demo` asks before it runs that.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Board;

/// Something that is not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// The emulator's program is not on `PATH`.
    #[error("{program} is not installed")]
    Emulator {
        /// Name of the program.
        program: &'static str,
        /// Debian package that has it.
        package: &'static str,
    },
    /// rustc has no standard library for the board.
    #[error("the Rust target {triple} is not installed")]
    Target {
        /// The target.
        triple: &'static str,
    },
    /// There is no cargo.
    #[error("cargo is not installed, it builds the firmware")]
    Cargo,
}

impl Missing {
    /// The shell command that installs it on Debian or Ubuntu.
    pub fn install(&self) -> String {
        match self {
            // Recommended packages conflict with a preinstalled qemu-utils of another version.
            Missing::Emulator { package, .. } => {
                format!("apt-get update && apt-get install -y --no-install-recommends {package}")
            }
            Missing::Target { triple } => format!("rustup target add {triple}"),
            Missing::Cargo => "curl https://sh.rustup.rs -sSf | sh".to_owned(),
        }
    }
}

/// The full path of a program on `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// The emulator of a board.
///
/// # Errors
/// [`Missing::Emulator`].
pub fn emulator(board: &'static Board) -> Result<PathBuf, Missing> {
    program(board.emulator).ok_or(Missing::Emulator {
        program: board.emulator,
        package: board.package,
    })
}

/// cargo, once it and rustc can build for the board.
///
/// # Errors
/// [`Missing::Cargo`] or [`Missing::Target`].
pub fn cargo(board: &'static Board, source: &Path) -> Result<PathBuf, Missing> {
    let cargo = program("cargo").ok_or(Missing::Cargo)?;
    // The folder decides which toolchain rustup picks.
    let libdir = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", board.triple])
        .current_dir(source)
        .stderr(Stdio::null())
        .output()
        .map_err(|_| Missing::Cargo)?;
    let path = String::from_utf8_lossy(&libdir.stdout);
    if libdir.status.success() && Path::new(path.trim()).is_dir() {
        Ok(cargo)
    } else {
        Err(Missing::Target {
            triple: board.triple,
        })
    }
}

/// The firmware's source in the tree that this program was built from, if it is still there.
pub fn source(board: &Board) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()?
        .join("targets")
        .join(board.name);
    folder.join("Cargo.toml").is_file().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::board::BOARDS;

    #[test]
    fn what_is_missing_says_how_to_get_it() {
        let missing = Missing::Emulator {
            program: BOARDS[0].emulator,
            package: BOARDS[0].package,
        };
        assert_eq!(missing.to_string(), "qemu-system-arm is not installed");
        assert!(
            missing
                .install()
                .ends_with("--no-install-recommends qemu-system-arm")
        );
        assert_eq!(program("surely-not-a-program"), None);
        for board in &BOARDS {
            assert!(source(board).is_some());
        }
    }
}
