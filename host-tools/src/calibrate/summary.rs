//! What a calibration says of itself, as JSON and as text.

use lacuna::format::Calibration;
use lacuna::format::calibration::Unit;
use lacuna::model::Model;
use lacuna::monitor::{Monitor, MonitorState};
use lacuna::probe::{StatSet, null};
use serde::Serialize;

use super::{Against, Calibrated, Collected, Measure};
use crate::report::{bytes, count, percent, table};
use crate::stats::Interval;
use crate::train::classify::window_samples;

/// `unit` in the plural.
pub(crate) fn plural(unit: Unit) -> &'static str {
    match unit {
        Unit::File => "files",
        Unit::Person => "people",
        Unit::Stretch => "stretches",
    }
}

/// One input of the score.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Where.
    pub site: String,
    /// Name of the statistic.
    pub stat: &'static str,
    /// Mean over the windows it was fitted on.
    pub mean: f32,
    /// Their standard deviation.
    pub sd: f32,
    /// Mean of the statistic of Gaussian vectors as wide, where it has one.
    pub null: Option<f32>,
}

/// What a calibration says of itself.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Hex.
    pub model_id: String,
    /// How the score is made.
    pub rule: &'static str,
    /// Of how many numbers.
    pub inputs: usize,
    /// A window above is unfamiliar.
    pub threshold: f32,
    /// Stated rate.
    pub alpha: f32,
    /// Found when each unit was left out.
    pub rate: f64,
    /// 95 % over units.
    pub rate_interval: Interval,
    /// What the units support.
    pub least_alpha: f64,
    /// What is exchangeable.
    pub unit: &'static str,
    #[serde(skip)]
    units: &'static str,
    /// Units of the score.
    pub units_fitted: u32,
    /// Units of the threshold.
    pub units_calibrated: u32,
    /// Their windows.
    pub windows_calibrated: u32,
    /// Whether one file gives several units, so that nothing is promised of another file.
    pub within_files: bool,
    /// Tokens of a window, or patches of a classifier's.
    pub window_tokens: u32,
    /// Samples of a classifier's window.
    pub window_samples: Option<usize>,
    /// Of the correlation, 0…1.
    pub shrinkage: f64,
    /// Windows of a step.
    pub drift_block_windows: u32,
    /// Steps between false alarms, at least.
    pub drift_run_length_steps: f32,
    /// Of the monitor and its memory.
    pub ram_bytes: usize,
    /// Of the state that survives a reset.
    pub persisted_bytes: usize,
    /// Of the block.
    pub flash_bytes: usize,
    /// That this took.
    pub seconds: f64,
    /// Inputs that are statistics.
    pub features: Vec<Line>,
    /// How the score does on shifts that were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Against>,
}

impl Summary {
    /// What is said of `calibrated`.
    pub fn new(
        model: &Model<'_>,
        calibrated: &Calibrated,
        view: Calibration<'_>,
        collected: &Collected,
        seconds: f64,
        against: Vec<Against>,
    ) -> Self {
        let samples = window_samples(model.config());
        let s = &calibrated.settings;
        let left_out = &calibrated.left_out;
        Summary {
            model_id: format!("{:016x}", u64::from_be_bytes(model.id())),
            rule: s.rule.name(),
            inputs: view.inputs(),
            threshold: s.threshold,
            alpha: s.alpha,
            rate: left_out.iter().sum::<f64>() / left_out.len() as f64,
            rate_interval: calibrated.interval(),
            least_alpha: 1.0 / (f64::from(s.units) + 1.0),
            unit: s.unit.name(),
            units: plural(s.unit),
            units_fitted: s.fitted,
            units_calibrated: s.units,
            windows_calibrated: s.windows,
            within_files: false,
            window_tokens: s.window,
            window_samples: (samples > 0).then_some(samples),
            shrinkage: calibrated.fitted.shrinkage,
            drift_block_windows: s.block,
            drift_run_length_steps: s.run_length,
            ram_bytes: size_of::<Monitor<'_>>() + 4 * Monitor::memory_len(&view),
            persisted_bytes: MonitorState::LEN,
            flash_bytes: view.len(),
            seconds,
            features: features(model, calibrated, &collected.measure),
            against,
        }
    }

    /// As a person reads it.
    pub fn text(&self) -> String {
        let r = self;
        let rows = r.features.iter().map(|f| {
            [
                f.site.clone(),
                f.stat.to_owned(),
                format!("{:.4}", f.mean),
                format!("{:.4}", f.sd),
                f.null.map_or(String::new(), |n| format!("{n:.4}")),
            ]
        });
        let mut text = String::new();
        if !r.features.is_empty() {
            text = table(["site", "statistic", "mean", "sd", "gaussian"], rows) + "\n\n";
        }
        let Interval { low, high } = r.rate_interval;
        let window = match r.window_samples {
            Some(samples) => format!("{samples} samples"),
            None => format!("{} tokens", r.window_tokens),
        };
        let whose = match r.within_files {
            true => "of the same files".to_owned(),
            false => format!("of a new {}", r.unit),
        };
        text += &format!(
            "score        {} of {} inputs; a window of {window} above {:.4} is unfamiliar\n\
         false alarms at most {} of the windows {whose}, on average\n\
         left out     {} found when each {unit} was left out, 95 % interval {} to {}\n\
         evidence     {} {units} with {} windows calibrated, {} fitted; they support no rate below {}\n\
         drift        a step is {} windows; at least {} steps between false alarms on average\n\
         costs        {} RAM, {} kept through a reset, {} in the file",
            r.rule,
            r.inputs,
            r.threshold,
            percent(f64::from(r.alpha)),
            percent(r.rate),
            percent(low),
            percent(high),
            r.units_calibrated,
            count(u64::from(r.windows_calibrated)),
            r.units_fitted,
            percent(r.least_alpha),
            r.drift_block_windows,
            count(r.drift_run_length_steps as u64),
            bytes(r.ram_bytes as u64),
            bytes(r.persisted_bytes as u64),
            bytes(r.flash_bytes as u64),
            unit = r.unit,
            units = r.units,
        );
        for against in &r.against {
            text += &format!("\n\n{}", against.text(f64::from(r.alpha)));
        }
        text
    }
}

/// Each statistic with what it is on familiar windows; activations have too many channels to list.
fn features(model: &Model<'_>, calibrated: &Calibrated, measure: &Measure) -> Vec<Line> {
    let Measure::Statistics(sites) = measure else {
        return Vec::new();
    };
    let pairs = sites
        .iter()
        .filter_map(|w| Some((w.site()?, StatSet(w.stats()))));
    let pairs =
        pairs.flat_map(|(site, stats)| stats.iter().map(move |s| (site, s)).collect::<Vec<_>>());
    let fitted = calibrated.fitted.mean.iter().zip(&calibrated.fitted.sd);
    let lines = pairs.zip(fitted).map(|((site, stat), (mean, sd))| Line {
        site: site.to_string(),
        stat: stat.name(),
        mean: *mean,
        sd: *sd,
        null: null(stat, model.config().width_of(site.hook)).map(|n| n.mean),
    });
    lines.collect()
}
