//! The names of scores on the command line, and what each is made of.

use clap::ValueEnum;
use lacuna::format::calibration::Watch;
use lacuna::model::Model;
use lacuna::probe::{Hook, Site, Stat, StatSet};

use crate::calibrate::{Choice, Measure, STATISTICS};
use crate::plan;

/// Directions of scores of a text model's activations, unless asked otherwise.
const RANK: usize = 16;

/// How a score is chosen.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ScoreArgs {
    /// What tells unfamiliar from familiar windows [default: mahalanobis with --statistics, last-layer of a classifier,
    /// else outputs]
    #[arg(long, value_enum)]
    score: Option<ScoreName>,
    /// Sites and statistics of the scores `mahalanobis` and `nearest`, as in a probe plan [default: a few of the last
    /// norm, the final residual, the neurons and the logits]
    #[arg(long, value_name = "PLAN")]
    statistics: Option<String>,
    /// Directions of largest variance that scores of activations use, and `nearest` [default: 16, or all of a
    /// classifier's activations]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rank: Option<u32>,
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ScoreName {
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

impl core::fmt::Display for ScoreName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |v| v.get_name()))
    }
}

impl ScoreArgs {
    /// The score that was asked for, or the one that did best where that was studied.
    pub(super) fn name(&self, model: &Model<'_>) -> ScoreName {
        let samples = model.config().window_len() > 0;
        self.score
            .unwrap_or(match (self.statistics.is_some(), samples) {
                (true, _) => ScoreName::Mahalanobis,
                (false, true) => ScoreName::LastLayer,
                (false, false) => ScoreName::Outputs,
            })
    }

    /// What score `name` of `model` is made of, and how.
    ///
    /// # Errors
    /// --statistics that cannot be read.
    pub(super) fn choice(
        &self,
        name: ScoreName,
        model: &Model<'_>,
    ) -> Result<(Measure, Choice), plan::Error> {
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
            let plan = plan::parse(self.statistics.as_deref().unwrap_or(STATISTICS))?;
            Ok::<_, plan::Error>(Measure::of_plan(&plan, model.config().n_layers))
        };
        let asked = self.rank.map(|n| n as usize);
        let near = || Choice::Nearest {
            rank: asked.unwrap_or(RANK),
            k: 5,
            bank: 64,
        };
        // A classifier is narrow, and its last directions were shown to matter.
        let all = if model.config().window_len() > 0 {
            0
        } else {
            RANK
        };
        let far = || Choice::Mahalanobis {
            rank: asked.unwrap_or(all),
        };
        Ok(match name {
            ScoreName::Mahalanobis => (statistics()?, Choice::Mahalanobis { rank: 0 }),
            ScoreName::Nearest => (statistics()?, near()),
            ScoreName::Outputs => {
                let watch = Watch::new(site(Hook::Logits), StatSet::OF_LOGITS.0);
                let measure = Measure::Statistics(vec![watch]);
                (measure, Choice::Mahalanobis { rank: 0 })
            }
            ScoreName::LastLayer => (activations(Hook::LnFinal), far()),
            ScoreName::LastLayerNearest => (activations(Hook::LnFinal), near()),
            ScoreName::Input => (activations(Hook::Embed), far()),
            ScoreName::MaxSoftmax => logits(Stat::MaxSoftmax, -1.0),
            ScoreName::Entropy => logits(Stat::Entropy, 1.0),
            ScoreName::Energy => logits(Stat::EnergyScore, 1.0),
        })
    }
}
