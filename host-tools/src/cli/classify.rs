//! `lacuna train --task classify`: the part of `train` that knows windows.

use core::time::Duration;
use std::path::Path;

use anyhow::anyhow;
use lacuna::config::{Config, Input, Output};
use serde_json::json;

use crate::data::series::Set;
use crate::report::{NextStep, Out, count, percent, table};
use crate::train::classify::{self, Classify, Summary};
use crate::train::{Metrics, Saving, Settings};

/// Steps, windows a step, width and head of a classifier unless asked otherwise.
pub(super) const STEPS: u64 = 1500;
pub(super) const BATCH: usize = 32;
pub(super) const DIM: usize = 32;
pub(super) const HEAD: usize = 16;

/// Windows of recordings, with --task classify
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Windows")]
pub(super) struct WindowArgs {
    /// File whose series are not learned from, by name or by number from 1; repeatable
    #[arg(long, value_name = "FILE|N")]
    hold_out: Vec<String>,
    /// Hold out one file after the other, each run in a directory of its own below --output
    #[arg(long, conflicts_with = "hold_out")]
    folds: bool,
    /// Samples in a window, a multiple of --patch
    #[arg(long, value_name = "SAMPLES", default_value_t = 100)]
    window: usize,
    /// Samples in a patch, which becomes one position
    #[arg(long, value_name = "SAMPLES", default_value_t = 10)]
    patch: usize,
    /// Samples from one window to the next on a device, and where accuracy is counted [default: half a window]
    #[arg(long, value_name = "SAMPLES")]
    hop: Option<usize>,
    /// Samples a second, noted in the file [default: unknown]
    #[arg(long, value_name = "HZ")]
    rate: Option<f32>,
    /// Gain, offset and noise by which windows are changed as they are learned, in deviations of a channel; 0 for none
    #[arg(long, value_name = "X", default_value_t = 0.2)]
    jitter: f32,
}

impl WindowArgs {
    /// `config` as an encoder of the windows of `set`.
    ///
    /// # Errors
    /// A window that is not whole patches.
    pub(super) fn config(&self, set: &Set, config: Config) -> anyhow::Result<Config> {
        if self.patch == 0 || self.window == 0 || !self.window.is_multiple_of(self.patch) {
            let (window, patch) = (self.window, self.patch);
            return Err(anyhow!(
                "a window of {window} samples is not made of patches of {patch}"
            ))
            .next_step(|| "choose a --window that is a multiple of --patch".to_owned());
        }
        Ok(Config {
            vocab_size: 0,
            seq_len: self.window / self.patch,
            bigram: false,
            tied: false,
            input: Input::Patches {
                channels: set.channels,
                len: self.patch,
            },
            causal: false,
            output: Output::Classes(set.classes.len()),
            ..config
        })
    }

    fn classify(&self, hold_out: Vec<String>) -> Classify {
        Classify {
            hold_out,
            hop: self.hop.unwrap_or((self.window / 2).max(1)),
            rate: self.rate.unwrap_or(0.0),
            jitter: self.jitter,
        }
    }
}

fn show(bar: &indicatif::ProgressBar, m: &Metrics) {
    bar.set_position(m.step);
    bar.set_message(format!(
        "{:.3} bits/window  density {}  lr {:.4}  {} windows/s",
        m.smoothed,
        percent(m.density),
        m.lr,
        count(m.tokens_per_second as u64),
    ));
}

/// Trains one classifier, or one for each file.
///
/// # Errors
/// Settings, recordings or files that cannot be, or a run that diverged.
pub(super) fn run(
    args: &WindowArgs,
    settings: &Settings,
    set: &Set,
    dir: &Path,
    save: (u64, u64),
    out: &Out,
) -> anyhow::Result<()> {
    let runs: Vec<_> = match args.folds {
        true => set
            .files
            .iter()
            .map(|f| (dir.join(&f.name), vec![f.name.clone()]))
            .collect(),
        false => vec![(dir.to_owned(), args.hold_out.clone())],
    };
    let saving = Saving {
        steps: save.0,
        time: Duration::from_secs(save.1),
    };
    let mut summaries = Vec::new();
    for (dir, hold_out) in runs {
        let settings = Settings {
            classify: Some(args.classify(hold_out)),
            ..settings.clone()
        };
        let bar = super::train::bar(settings.schedule.steps, out.quiet);
        let done = classify::run(&settings, set, &dir, saving, &mut |m| show(&bar, m));
        bar.finish_and_clear();
        summaries.push(done.next_step(|| "`lacuna train --help` lists every setting".to_owned())?);
    }
    let value = json!({ "settings": settings, "summaries": summaries });
    out.result(&value, || text(&summaries, dir))
}

fn text(summaries: &[Summary], dir: &Path) -> String {
    let share = |s: Option<f64>| s.map_or("-".to_owned(), percent);
    let rows = summaries.iter().map(|s| {
        [
            s.hold_out.join(" "),
            count(s.parameters as u64),
            percent(s.density),
            count(s.held_out_windows as u64),
            share(s.accuracy),
            share(s.nearest_accuracy),
        ]
    });
    let heads = [
        "held out",
        "parameters",
        "density",
        "windows",
        "accuracy",
        "nearest neighbour",
    ];
    let first = summaries.first().map_or(dir, |s| &s.checkpoint);
    format!(
        "{}\n\nwrote {}; next: lacuna export {}",
        table(heads, rows),
        dir.display(),
        first.display()
    )
}
