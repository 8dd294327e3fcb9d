//! `lacuna fleet`: hands its arguments to `lacuna-fleet`, which holds the query engine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, anyhow};

use crate::report::NextStep;

/// The program, as it is installed.
const PROGRAM: &str = "lacuna-fleet";

/// Ask a folder of telemetry from many devices: summary, outliers, drift, SQL, an HTML report
///
/// The query engine is a program of its own, `lacuna-fleet`, so that the tools build in minutes. It is looked for beside
/// `lacuna`, then on PATH; in a source tree cargo builds it (the first time takes a while). `lacuna fleet --help` is its help.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Args {
    /// Arguments of `lacuna-fleet`
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    args: Vec<OsString>,
}

/// Runs the command, and ends with the exit code of `lacuna-fleet`.
///
/// # Errors
/// There is no `lacuna-fleet`, and nothing to build it from.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let beside = env::current_exe().ok();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet/Cargo.toml");
    let mut command = match find(beside.as_deref(), &tree) {
        Some(Place::Program(program)) => Command::new(program),
        Some(Place::Source(manifest)) => {
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.args(["run", "--release", "--quiet", "--manifest-path"]);
            cargo.arg(manifest).args(["--bin", PROGRAM, "--"]);
            cargo
        }
        None => {
            return Err(anyhow!("{PROGRAM} is not installed")).next_step(|| {
                format!(
                    "install it from a source tree of lacuna: `cargo install --locked --path host-tools/fleet`, \
                     and run `{PROGRAM}` or `lacuna fleet`"
                )
            });
        }
    };
    if quiet {
        command.arg("--quiet");
    }
    let status = command
        .args(args.args)
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
        .next_step(|| "install Rust and cargo, or put `lacuna-fleet` on PATH".to_owned())?;
    // What it had to say it has said; killed by a signal, it has no code.
    process::exit(status.code().unwrap_or(1));
}

/// Where `lacuna-fleet` comes from.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Program(PathBuf),
    Source(PathBuf),
}

/// In a source tree the program beside `lacuna` may be older than the source, which cargo knows; elsewhere the installed
/// program is the only one.
fn find(lacuna: Option<&Path>, manifest: &Path) -> Option<Place> {
    let name = format!("{PROGRAM}{}", env::consts::EXE_SUFFIX);
    let folder = lacuna.and_then(Path::parent);
    let in_tree = manifest.is_file()
        && folder
            .zip(manifest.ancestors().nth(3))
            .is_some_and(|(folder, root)| folder.starts_with(root.join("target")));
    if in_tree {
        return Some(Place::Source(manifest.to_owned()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    folder
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|dir| dir.join(&name))
        .find(|program| program.is_file())
        .map(Place::Program)
        .or_else(|| {
            manifest
                .is_file()
                .then(|| Place::Source(manifest.to_owned()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_source_tree_first_then_the_neighbour() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path();
        let manifest = root.join("host-tools/fleet/Cargo.toml");
        let built = root.join("target/release");
        let installed = root.join("bin");
        for folder in [&root.join("host-tools/fleet"), &built, &installed] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let program = installed.join(format!("{PROGRAM}{}", env::consts::EXE_SUFFIX));
        fs::write(&program, "").expect("a file");
        let lacuna = installed.join("lacuna");
        assert_eq!(
            find(Some(&lacuna), &manifest),
            Some(Place::Program(program.clone()))
        );
        fs::write(&manifest, "").expect("a file");
        assert_eq!(
            find(Some(&lacuna), &manifest),
            Some(Place::Program(program))
        );
        let lacuna = built.join("lacuna");
        let source = Some(Place::Source(manifest.clone()));
        assert_eq!(find(Some(&lacuna), &manifest), source);
        // Neither beside it nor, by this name, on the PATH of a test.
        assert_eq!(find(None, &manifest), source);
    }
}
