//! What the emulated board needs: found, installed with consent, or left out by name.

use std::io::{self, IsTerminal, Write};
use std::process::Command;

use crate::device::{self, Board, Missing};
use crate::report::Out;

/// True if `board` can be emulated now; says in `left_out` what cannot be done.
pub(super) fn ready(
    board: &'static Board,
    yes: bool,
    out: &Out,
    left_out: &mut Vec<String>,
) -> bool {
    let emulator = have(|| device::emulator(board).map(drop), yes, out);
    if let Err(missing) = emulator {
        left_out.push(format!("{board}: {missing} (`{}`)", missing.install()));
        return false;
    }
    if let Some(source) = device::source(board)
        && let Err(missing) = have(|| device::cargo(board, &source).map(drop), yes, out)
    {
        left_out.push(format!(
            "model in flash on {board}: {missing} (`{}`); the prebuilt firmware was used",
            missing.install()
        ));
    }
    true
}

/// Finds something; if it is missing, installs it with consent and looks again.
fn have(find: impl Fn() -> Result<(), Missing>, yes: bool, out: &Out) -> Result<(), Missing> {
    match find() {
        Err(missing) if yes || agreed(&missing) => {
            let command = missing.install();
            out.note(format_args!("installing: {command}"));
            install(&missing, &command);
            find()
        }
        found => found,
    }
}

/// Asks a person; nobody there is a no.
fn agreed(missing: &Missing) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    eprint!("{missing}. Run `{}`? [y/N] ", missing.install());
    let mut answer = String::new();
    let read = io::stderr()
        .flush()
        .and_then(|()| io::stdin().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Runs an installation, system packages as root. Whether it worked is seen by looking again.
fn install(missing: &Missing, command: &str) {
    let line = match missing {
        Missing::Emulator { .. } => {
            format!("if [ \"$(id -u)\" = 0 ]; then {command}; else sudo sh -c '{command}'; fi")
        }
        _ => command.to_owned(),
    };
    // The output of package managers belongs on stderr: stdout is for the result.
    let line = format!("{{ {line}; }} >&2");
    if let Err(error) = Command::new("sh").arg("-c").arg(line).status() {
        eprintln!("cannot run sh: {error}");
    }
}
