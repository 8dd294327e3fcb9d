//! `lacuna calibrate`: what is familiar to a model, into its file.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use lacuna::format::calibration::Watch;
use lacuna::model::Model;
use lacuna::probe::{Hook, Site, Stat, StatSet};
use lacuna::session::{Options, Tokenizer};

use super::open;
use super::run::isa;
use crate::calibrate::{self, Choice, Collected, Measure, Plan, STATISTICS, Summary, UnitKind};
use crate::data::{self, Source};
use crate::output;
use crate::plan;
use crate::report::{NextStep, Out};

/// Measure what is familiar to a model, and write a threshold with a stated false-alarm rate into its file
///
/// Runs the model over data that it was not trained on, with the monitor that a device runs. Units (files, people or
/// stretches of windows) are split: on some the score is fitted, on the others it is calibrated, each unit with one vote
/// (split-conformal). So n units support no rate below 1 / (n + 1). The model keeps its id; `lacuna monitor` and devices
/// then tell windows that are ok from unfamiliar ones, and notice drift.
///
/// The default score looks at the logits alone: in `lacuna study shift` on text, no score of activations inside the model
/// was shown to tell shifts better, and it is the cheapest.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Where to write the model with its calibration; may be the model itself
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// What tells unfamiliar from familiar windows [default: outputs, or mahalanobis with --statistics]
    #[arg(long, value_enum)]
    score: Option<ScoreName>,
    /// Sites and statistics of the scores `mahalanobis` and `nearest`, as in a probe plan [default: a few of the last
    /// norm, the final residual, the neurons and the logits]
    #[arg(long, value_name = "PLAN")]
    statistics: Option<String>,
    /// Directions of largest variance that scores of activations use, and `nearest`
    #[arg(long, value_name = "N", default_value_t = 16)]
    rank: usize,
    /// Stated false-alarm rate of a window
    #[arg(long, default_value_t = 0.01)]
    alpha: f64,
    /// Tokens of a window [default: 64, or the context where that is shorter]
    #[arg(long, value_name = "N")]
    window: Option<u32>,
    /// Measure every n-th token only
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

/// Data by unit.
#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// Text file, or directory of text; repeatable [default: what `lacuna train` holds out of `rust-source`]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Use only the files that `lacuna train --seed N` held out of the data
    #[arg(long, value_name = "N")]
    held_out: Option<u64>,
    /// What is exchangeable: `file`, `person` (a directory of files) or `window:N` (N windows of a file in a row)
    #[arg(long, value_name = "UNIT", default_value = "file", value_parser = unit)]
    pub(super) unit: UnitKind,
    /// Windows of a unit at most
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(super) most: usize,
}

impl DataArgs {
    /// Texts by unit.
    pub(super) fn units(&self) -> anyhow::Result<Vec<(String, Vec<Vec<u8>>)>> {
        let source = Source::named(&self.data);
        let all = data::documents(&source).context("there is no data to run the model on")?;
        let own = !matches!(source, Source::Paths(_));
        let seed = self.held_out.or(own.then_some(0));
        let some = seed.map_or(all.clone(), |seed| data::held_out(all, seed));
        Ok(calibrate::group(some, self.unit))
    }
}

fn unit(text: &str) -> Result<UnitKind, String> {
    match text.split_once(':') {
        None if text == "file" => Ok(UnitKind::File),
        None if text == "person" => Ok(UnitKind::Person),
        Some(("window", n)) => match n.parse() {
            Ok(n) if n > 0 => Ok(UnitKind::Stretch(n)),
            _ => Err(format!("`{n}` is no number of windows")),
        },
        _ => Err("a unit is `file`, `person` or `window:N`".to_owned()),
    }
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ScoreName {
    /// Mahalanobis distance of the window means of --statistics
    Mahalanobis,
    /// Distance of the same to the fifth nearest of 64 familiar windows
    Nearest,
    /// Mahalanobis distance of the three statistics of logits, whichever way they move
    Outputs,
    /// Mahalanobis distance of the mean activations after the last norm
    LastLayer,
    /// Distance of these to the fifth nearest of 64 familiar windows
    LastLayerNearest,
    /// Mahalanobis distance of the mean embedding: a baseline that sees the input alone
    Input,
    /// Baseline: 1 − the largest probability
    MaxSoftmax,
    /// Baseline: entropy of the prediction
    Entropy,
    /// Baseline: −ln Σ exp of the logits
    Energy,
}

impl ScoreName {
    fn choice(self, args: &Args, model: &Model<'_>) -> anyhow::Result<(Measure, Choice)> {
        let site = |hook| Site { layer: 0, hook };
        let logits = |stat: Stat, sign: f32| {
            let watch = Watch::new(site(Hook::Logits), StatSet::of(&[stat]).0);
            (
                Measure::Statistics(vec![watch]),
                Choice::Weighted(vec![sign]),
            )
        };
        let activations = |hook| Measure::Activations(Watch::new(site(hook), 0));
        let statistics = || {
            let plan = plan::parse(args.statistics.as_deref().unwrap_or(STATISTICS))?;
            Ok::<_, plan::Error>(Measure::of_plan(&plan, model.config().n_layers))
        };
        let rank = args.rank.max(1);
        let near = |rank| Choice::Nearest {
            rank,
            k: 5,
            bank: 64,
        };
        Ok(match self {
            ScoreName::Mahalanobis => (statistics()?, Choice::Mahalanobis { rank: 0 }),
            ScoreName::Nearest => (statistics()?, near(rank)),
            ScoreName::Outputs => {
                let watch = Watch::new(site(Hook::Logits), StatSet::OF_LOGITS.0);
                let measure = Measure::Statistics(vec![watch]);
                (measure, Choice::Mahalanobis { rank: 0 })
            }
            ScoreName::LastLayer => (activations(Hook::LnFinal), Choice::Mahalanobis { rank }),
            ScoreName::LastLayerNearest => (activations(Hook::LnFinal), near(rank)),
            ScoreName::Input => (activations(Hook::Embed), Choice::Mahalanobis { rank }),
            ScoreName::MaxSoftmax => logits(Stat::MaxSoftmax, -1.0),
            ScoreName::Entropy => logits(Stat::Entropy, 1.0),
            ScoreName::Energy => logits(Stat::EnergyScore, 1.0),
        })
    }
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
    let tokenizer = text_tokenizer(&args.model, &model)?;
    let score = args.score.unwrap_or(match args.statistics {
        Some(_) => ScoreName::Mahalanobis,
        None => ScoreName::Outputs,
    });
    let (measure, choice) = score
        .choice(&args, &model)
        .next_step(|| "name sites and statistics as `lacuna run --probe` prints them".to_owned())?;
    let context = model.config().seq_len as u32;
    let plan = Plan {
        window: args.window.unwrap_or(64).clamp(1, context.min(65_535)),
        every: args.every,
        alpha: args.alpha,
        fit_share: args.fit_share.clamp(0.0, 1.0),
        block: args.block,
        run_length: args.run_length,
        unit: args.data.unit.unit(),
        seed: args.seed,
    };
    let units = args.data.units()?;
    let options = options(&model, args.isa.as_deref(), plan.window)?;
    let bar = out.progress(units.len() as u64, "measuring");
    let kind = (args.data.unit, args.data.most);
    let mut each = || bar.inc(1);
    let collected = calibrate::collect(
        &model,
        &tokenizer,
        &units,
        kind,
        (&measure, &plan),
        options,
        &mut each,
    )?;
    bar.finish_and_clear();
    let calibrated = calibrate::calibrate(&model, &choice, &plan, &collected)
        .next_step(|| advice(&plan, &collected))?;
    let view = calibrated.view(&model)?;
    let file = calibrate::rewrite(&model, view)?;
    output::write(&args.out, |w| w.write_all(&file))
        .next_step(|| "choose a file that can be written".to_owned())?;
    let seconds = begun.elapsed().as_secs_f64();
    let summary = Summary::new(&model, &calibrated, view, &collected, seconds);
    out.result(&summary, || summary.text())
}

/// The tokenizer of a model of text.
pub(super) fn text_tokenizer<'a>(
    path: &std::path::Path,
    model: &Model<'a>,
) -> anyhow::Result<Tokenizer<'a>> {
    Tokenizer::new(model.file())
        .with_context(|| format!("{} has no tokenizer", path.display()))
        .next_step(|| "only models of text can be run on text".to_owned())
}

/// Whole contexts, a window at once.
pub(super) fn options(
    model: &Model<'_>,
    name: Option<&str>,
    window: u32,
) -> anyhow::Result<Options> {
    let mut options = Options {
        isa: isa(name)?,
        ..Options::new(model.config())
    };
    options.limits.prefill = (window as usize).min(64);
    Ok(options)
}

fn advice(plan: &Plan, collected: &Collected) -> String {
    let units = collected.units.len();
    let held = units as f64 * (1.0 - plan.fit_share);
    let least = 1.0 / (held.floor() + 1.0);
    format!(
        "{units} units have a full window of {} tokens; give more --data or a shorter --window, a smaller --fit-share, or \
         an --alpha of {:.3} or more",
        plan.window,
        (least * 1000.0).ceil() / 1000.0
    )
}
