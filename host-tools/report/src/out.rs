//! Where a command prints.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Where a command prints, decided by its flags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Out {
    /// No progress and no notes.
    pub quiet: bool,
    /// The result is one JSON object.
    pub json: bool,
}

impl Out {
    /// Prints the result: `value` as JSON, or else the text.
    ///
    /// # Errors
    /// stdout is closed or full.
    pub fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut stdout, value).map_err(io::Error::from)?;
            writeln!(stdout)?;
        } else {
            writeln!(stdout, "{}", text().trim_end())?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Says something to a person on stderr, unless quiet.
    pub fn note(&self, text: impl core::fmt::Display) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// A bar of `len` steps with rate and remaining time on stderr; invisible when quiet or stderr is not a terminal.
    pub fn progress(&self, len: u64, what: &'static str) -> ProgressBar {
        let target = if self.quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(len), target).with_message(what);
        let style = "{msg:12} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Bars of `len` steps each, one below the other, for work that runs side by side.
    pub fn bars<const N: usize>(&self, len: u64, names: [&'static str; N]) -> [ProgressBar; N] {
        let target = if self.quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let all = MultiProgress::with_draw_target(target);
        let template = "{prefix:12} [{bar:30}] {human_pos}/{human_len} {eta} left  {msg}";
        names.map(|name| {
            let bar = all.add(ProgressBar::new(len)).with_prefix(name);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        })
    }
}

/// How a command line ends: 0 done, 1 failed, with the error on stderr as `render` says it. `… | head` ends quietly.
pub fn exit(done: anyhow::Result<()>, render: fn(&anyhow::Error) -> String) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", render(&error));
            ExitCode::FAILURE
        }
    }
}

fn closed_pipe(error: &anyhow::Error) -> bool {
    !io::stdout().is_terminal()
        && error.chain().any(|cause| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        })
}
