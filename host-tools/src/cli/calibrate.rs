//! `lacuna calibrate`: what is familiar to a model, into its file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::anyhow;
use lacuna::model::Model;

use super::open;
use super::scores::{ScoreArgs, ScoreName};
use super::units::{Cutting, UnitArgs};
use crate::calibrate::{
    self, Against, Calibrated, Choice, Collected, Measure, Plan, Scored, Shown, Summary, UnitKind,
};
use crate::output;
use crate::report::{NextStep, Out};

/// Rounds of the bootstrap over units.
const ROUNDS: usize = 300;
/// Tokens of a window unless asked otherwise.
const WINDOW: usize = 64;

/// Measure what is familiar to a model, and write a threshold with a stated false-alarm rate into its file
///
/// Runs the model over data that it was not trained on, with the monitor that a device runs: text, or for a classifier
/// recordings (--series), streamed as a device streams them. Units (files, people, recordings or stretches of windows) are
/// split: on some the score is fitted, on the others it is calibrated, each unit with one vote (split-conformal). So n
/// units support no rate below 1 / (n + 1), and what is promised is promised of the next unit: of the next person where
/// units are people, of these people where they are stretches of windows. The model keeps its id; `lacuna monitor` and
/// devices then tell windows that are ok from unfamiliar ones, and notice drift.
///
/// The default score is what `lacuna study shift` found best. On text that is the logits alone: no score of activations
/// inside the model was shown to tell shifts better, and it is the cheapest. On recordings of watches it is the distance
/// of the activations after the last norm (AUROC 0.70 over all shifts, `nearest` 0.66, `max-softmax` 0.64, `outputs`
/// 0.60); moments of the raw input, which no monitor sees, are better still (0.77).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    #[command(flatten)]
    data: UnitArgs,
    /// Where to write the model with its calibration; may be the model itself
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    score: ScoreArgs,
    /// Data that show a shift you fear, text or .ts files: say how well the monitor detects it, beside plain scores;
    /// repeatable
    #[arg(long, value_name = "PATH")]
    against: Vec<PathBuf>,
    /// Stated false-alarm rate of a window
    #[arg(long, default_value_t = 0.01)]
    alpha: f64,
    /// Tokens of a window [default: 64, or the context where that is shorter; a classifier has its own windows]
    #[arg(long, value_name = "N")]
    window: Option<u32>,
    /// Measure every n-th token or patch only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_535))]
    every: u32,
    /// Share of the units that the score is fitted on
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    fit_share: f64,
    /// Windows that make one step of the drift test [default: the fewest of a unit, at most 16]
    #[arg(long, value_name = "N")]
    block: Option<u32>,
    /// Least mean number of steps between false drift alarms
    #[arg(long, value_name = "STEPS", default_value_t = 10_000.0)]
    run_length: f32,
    /// Seed of the split into units to fit and to calibrate on
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Instructions to use; the choice changes no bit [default: the fastest here]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A model with its units, and how they are measured.
struct Bench<'a> {
    cutting: Cutting<'a>,
    plan: Plan,
    kind: UnitKind,
    out: Out,
}

impl Bench<'_> {
    fn measured(&self, measure: &Measure, units: &[Shown]) -> anyhow::Result<Collected> {
        let bar = self.out.progress(units.len() as u64, "measuring");
        let mut each = || bar.inc(1);
        let (model, options) = (self.cutting.model, self.cutting.options);
        let how = (measure, &self.plan);
        let collected = calibrate::collect(model, units, self.kind, how, options, &mut each)?;
        bar.finish_and_clear();
        Ok(collected)
    }

    fn calibrated(&self, choice: &Choice, collected: &Collected) -> anyhow::Result<Calibrated> {
        calibrate::calibrate(self.cutting.model, choice, &self.plan, collected)
            .next_step(|| self.advice(collected.units.len()))
    }

    /// What to do where units are too few.
    fn advice(&self, units: usize) -> String {
        let held = units as f64 * (1.0 - self.plan.fit_share);
        let least = (1000.0 / (held.floor() + 1.0)).ceil() / 1000.0;
        let (unit, window) = (self.plan.unit.name(), self.plan.window);
        let all = calibrate::plural(self.plan.unit);
        let (what, more) = match self.cutting.samples() {
            true => ("window of samples".to_owned(), "people in --series"),
            false => (
                format!("window of {window} tokens"),
                "--data or a shorter --window",
            ),
        };
        let mut advice = format!(
            "{units} {all} have a full {what}; give more {more}, a smaller --fit-share, or an --alpha of {least:.3} or \
             more"
        );
        if !self.kind.within_files() {
            let finer = match self.cutting.samples() {
                true => "--unit recording or window:N",
                false => "--unit window:N",
            };
            advice += &format!(
                ". With {finer} there are more units, but then the rate is promised for more windows of these {all}, and \
                 not for a {unit} that is not among them"
            );
        }
        advice
    }

    /// How the calibrated score, and plain ones beside it, do on what lies at `path`.
    fn against(
        &self,
        args: &Args,
        familiar: &[Shown],
        path: &Path,
    ) -> anyhow::Result<Option<Against>> {
        let shifted = args.data.others(&self.cutting, path)?;
        if shifted.iter().all(|unit| unit.windows.is_empty()) {
            return Err(anyhow!("{} has no full window", path.display()))
                .next_step(|| "give --against longer texts or recordings".to_owned());
        }
        let model = self.cutting.model;
        let own = args.score.name(model);
        let mut names = vec![own, ScoreName::MaxSoftmax, ScoreName::Outputs];
        names.dedup();
        let mut scored = Vec::new();
        for name in names {
            if name == own && !scored.is_empty() {
                continue;
            }
            let (measure, choice) = args.score.choice(name, model)?;
            let calibrated = self.calibrated(&choice, &self.measured(&measure, familiar)?)?;
            let seen = self.measured(&measure, &shifted)?;
            let view = calibrated.view(model)?;
            scored.push(Scored {
                name: name.to_string(),
                shifted: calibrate::scores(&view, &seen.units),
                threshold: calibrated.settings.threshold,
                flash_bytes: view.len(),
                familiar: calibrated.familiar.clone(),
            });
        }
        let name = path.display().to_string();
        Ok(calibrate::judge(name, &scored, (ROUNDS, args.seed)))
    }
}

/// Tokens of a window, or the patches that a classifier takes at once.
fn window(args: &Args, model: &Model<'_>) -> anyhow::Result<usize> {
    let config = model.config();
    if config.window_len() == 0 {
        let asked = args.window.map_or(WINDOW, |n| n as usize);
        return Ok(asked.clamp(1, config.seq_len.min(65_535)));
    }
    let patches = config.seq_len;
    if args.window.is_some() {
        return Err(anyhow!("a classifier has windows of its own"))
            .next_step(|| "leave out --window".to_owned());
    }
    // The logits come with the last patch.
    if !patches.is_multiple_of(args.every as usize) {
        let every = args.every;
        return Err(anyhow!(
            "of {patches} patches, every {every}th does not end with the last"
        ))
        .next_step(|| format!("choose an --every that divides {patches}"));
    }
    Ok(patches)
}

/// Runs the command.
///
/// # Errors
/// Unreadable model or data, too few units for the rate.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let begun = Instant::now();
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    let window = window(&args, &model)?;
    let bench = Bench {
        cutting: Cutting::new(&args.model, &model, window, args.isa.as_deref())?,
        plan: Plan {
            window: window as u32,
            every: args.every,
            alpha: args.alpha,
            fit_share: args.fit_share.clamp(0.0, 1.0),
            block: args.block,
            run_length: args.run_length,
            unit: args.data.unit.unit(),
            seed: args.seed,
        },
        kind: args.data.unit,
        out,
    };
    let (measure, choice) = args
        .score
        .choice(args.score.name(&model), &model)
        .next_step(|| "name sites and statistics as `lacuna run --probe` prints them".to_owned())?;
    let units = args.data.shown(&bench.cutting, true, &out)?;
    let collected = bench.measured(&measure, &units)?;
    let calibrated = bench.calibrated(&choice, &collected)?;
    let judged = args.against.iter();
    let judged: Vec<Option<Against>> = judged
        .map(|path| bench.against(&args, &units, path))
        .collect::<Result<_, _>>()?;
    let view = calibrated.view(&model)?;
    let file = calibrate::rewrite(&model, view)?;
    output::write(&args.out, |w| w.write_all(&file))
        .next_step(|| "choose a file that can be written".to_owned())?;
    let seconds = begun.elapsed().as_secs_f64();
    let judged = judged.into_iter().flatten().collect();
    let mut summary = Summary::new(&model, &calibrated, view, &collected, seconds, judged);
    summary.within_files = args.data.unit.within_files();
    out.result(&summary, || summary.text())
}
