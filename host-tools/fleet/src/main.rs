//! The `lacuna-fleet` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lacuna_fleet::cli::main()
}
