//! What the engine shows of every window: statistics of sites, the loss, and vectors that baselines are made of.
//!
//! ```text
//! trial ─► Session (engine) ─┬► plan: mean of each statistic at each site over the window        ─► values
//!                            ├► the same after the last norm at the last token alone             ─► values
//!                            ├► mean activations after the last norm                             ─► hidden
//!                            └► logits ─► −log₂ p(next token), or of the class                   ─► loss
//! window ─► shares of bytes and of pairs of bytes, or moments of channels                        ─► inputs
//! ```
//!
//! # Invariants
//! - Every number but `inputs` is read from the engine; nothing is taken from the training graph.

use lacuna::model::{Model, State};
use lacuna::probe::{
    At, Hook, HookSet, Layers, PlanProbe, Positions, Probe, ProbePlan, Rule, Site, Stat, StatSet,
};
use lacuna::session::{Options, Session};

use super::trial::{Family, Side, Trial, Window};
use crate::data::series::nearest::features;
use crate::eval::bits;
use crate::memory::Buffer;
use crate::plan;
use crate::stats::Place;

/// What was seen of one window.
#[derive(Clone, Debug)]
pub struct Item {
    /// Number of its family.
    pub family: usize,
    /// Its grade.
    pub level: usize,
    /// What it is used for.
    pub side: Side,
    /// Seed, stratum, unit and part.
    pub place: Place,
    /// Tokens or samples that were run.
    pub length: usize,
    /// The last token, 0 for samples.
    pub last: u32,
    /// Bits a predicted token, or bits of the class; NaN for a class that the model does not have.
    pub loss: f64,
    /// The same of the clamped model; NaN where it was not run.
    pub clamped: f64,
    /// Statistics by [`Seen::columns`].
    pub values: Vec<f32>,
    /// Vectors of the input by [`Seen::inputs`].
    pub inputs: Vec<Vec<f32>>,
    /// Mean activations after the last norm.
    pub hidden: Vec<f32>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What was shown.
    pub families: Vec<Family>,
    /// Statistics by name, `site:statistic`, with `@last` where only the last token counts.
    pub columns: Vec<String>,
    /// Names of vectors of the input.
    pub inputs: Vec<&'static str>,
    /// Units by number.
    pub units: Vec<String>,
    /// Windows.
    pub items: Vec<Item>,
}

/// How to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Look {
    /// Every how many tokens statistics are taken.
    pub every: u16,
    /// Where.
    pub at: Where,
}

/// Sites that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// All, every statistic.
    Everywhere,
    /// The last residual with and without its norm, by its largest shares, and the logits: a tenth of the time.
    Head,
}

/// Means of the activations after the last norm.
#[derive(Debug, Default)]
struct Hidden {
    sums: Vec<f32>,
    n: f32,
}

impl Probe for Hidden {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if site.hook == Hook::LnFinal {
            self.sums.resize(x.len(), 0.0);
            self.sums.iter_mut().zip(x).for_each(|(s, x)| *s += x);
            self.n += 1.0;
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        hook == Hook::LnFinal
    }

    fn wants_at(&self, _: At, hook: Hook) -> bool {
        self.wants(hook)
    }
}

impl Hidden {
    fn take(&mut self) -> Vec<f32> {
        let n = core::mem::take(&mut self.n).max(1.0);
        let sums = core::mem::take(&mut self.sums);
        sums.into_iter().map(|s| s / n).collect()
    }
}

/// What `look` says, and the last norm at the last token.
fn plans(look: Look) -> [ProbePlan; 2] {
    let shares = StatSet::of(&[Stat::Hoyer, Stat::Top5, Stat::Top10]);
    let (hooks, stats) = match look.at {
        Where::Everywhere => (HookSet::ALL, [StatSet::ALL, StatSet::ANYWHERE]),
        Where::Head => {
            let hooks = HookSet::of(&[Hook::ResidFinal, Hook::LnFinal]);
            (hooks, [shares, shares])
        }
    };
    let all = Rule {
        hooks,
        layers: Layers::ALL,
        stats: stats[0],
        positions: Positions::Every(look.every),
    };
    let last = Rule {
        hooks: HookSet::of(&[Hook::LnFinal]),
        stats: stats[1],
        positions: Positions::LastPrompt,
        ..all
    };
    // The logits of a classifier come once, at the last position, which may be one that is passed over.
    let logits = Rule {
        hooks: HookSet::of(&[Hook::Logits]),
        stats: match look.at {
            Where::Everywhere => StatSet::ALL,
            Where::Head => StatSet::of(&[Stat::Entropy, Stat::MaxSoftmax]),
        },
        positions: Positions::All,
        ..all
    };
    [[logits, all].as_slice(), &[last]].map(|rules| ProbePlan::of(rules).unwrap_or_default())
}

impl Seen {
    /// Nothing yet of these families.
    pub fn new(families: Vec<Family>) -> Self {
        Self {
            families,
            ..Self::default()
        }
    }

    fn unit(&mut self, name: &str) -> u32 {
        let known = self.units.iter().position(|u| u == name);
        let number = known.unwrap_or_else(|| {
            self.units.push(name.to_owned());
            self.units.len() - 1
        });
        number as u32
    }

    /// Runs `model` on `trials` as the runs of one training seed; `each` is called after every window.
    ///
    /// # Errors
    /// What a session meets.
    pub fn run(
        &mut self,
        model: &Model<'_>,
        trials: &[Trial],
        seed: u32,
        look: Look,
        each: &mut dyn FnMut(),
    ) -> Result<(), lacuna::session::Error> {
        let config = model.config();
        let options = options(model);
        let plans = plans(look);
        let mut cells = plans.each_ref().map(|p| plan::cells(p, config));
        let [everywhere, last] = &mut cells;
        let [of_all, of_last] = plans;
        let probes = (
            PlanProbe::new(of_all, config.n_layers, everywhere),
            PlanProbe::new(of_last, config.n_layers, last),
        );
        let (Ok(everywhere), Ok(last)) = probes else {
            return Ok(());
        };
        let mut arena = Buffer::zeroed(State::len(config, &options.limits));
        let probe = ((everywhere, last), Hidden::default());
        let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
        for trial in trials {
            let ((everywhere, last), _) = session.probe_mut();
            everywhere.clear();
            last.clear();
            let (loss, length, last_token) = show(&mut session, &trial.window)?;
            let ((everywhere, last), hidden) = session.probe_mut();
            let cells = everywhere.cells().map(|c| (c, ""));
            let cells = cells.chain(last.cells().map(|c| (c, "@last")));
            let (names, values): (Vec<String>, Vec<f32>) = cells
                .map(|((site, stat, sketch), at)| (format!("{site}:{stat}{at}"), sketch.mean))
                .unzip();
            let hidden = hidden.take();
            self.columns = names;
            let (inputs, vectors) = inputs(&trial.window, config.channels());
            self.inputs = inputs;
            let place = Place {
                seed,
                // Sides are drawn apart: every draw has as many units to test on.
                stratum: 2 * trial.stratum + trial.side as u32,
                unit: self.unit(&trial.unit),
                part: trial.part,
            };
            self.items.push(Item {
                family: trial.family,
                level: trial.level,
                side: trial.side,
                place,
                length,
                last: last_token,
                loss,
                clamped: f64::NAN,
                values,
                inputs: vectors,
                hidden,
            });
            each();
        }
        Ok(())
    }
}

/// Whole contexts at once, the fastest instructions.
pub fn options(model: &Model<'_>) -> Options {
    let mut options = Options::new(model.config());
    options.limits.prefill = options.limits.context.min(64);
    options
}

/// Runs a window; bits of what came, tokens or samples run, the last token.
pub fn show<P: Probe>(
    session: &mut Session<'_, P>,
    window: &Window,
) -> Result<(f64, usize, u32), lacuna::session::Error> {
    match window {
        Window::Tokens(tokens) => {
            session.clear();
            let (read, predicted) = match tokens.split_last() {
                Some((_, read)) => (read, &tokens[1..]),
                None => return Ok((f64::NAN, 0, 0)),
            };
            let (mut sum, mut next) = (0.0, predicted.iter());
            session.prompt_each(read, |logits| {
                sum += next.next().map_or(0.0, |token| bits(logits, *token));
            })?;
            let last = read.last().copied().unwrap_or(0);
            Ok((sum / predicted.len().max(1) as f64, read.len(), last))
        }
        Window::Samples(samples, class) => {
            let logits = session.classify(samples)?;
            let loss = class.map_or(f64::NAN, |class| bits(logits, class as u32));
            Ok((loss, samples.len(), 0))
        }
    }
}

/// What a baseline that sees the input alone may use.
fn inputs(window: &Window, channels: usize) -> (Vec<&'static str>, Vec<Vec<f32>>) {
    match window {
        Window::Tokens(tokens) => {
            let (mut bytes, mut pairs) = (vec![0.0; 256], vec![0.0; 256]);
            let share = 1.0 / tokens.len().max(1) as f32;
            for token in tokens {
                bytes[*token as usize % 256] += share;
            }
            for [a, b] in tokens.array_windows() {
                // Pairs share 256 places (Weinberger et al., "Feature hashing", 2009).
                let place = crate::data::mix(u64::from(*a) << 32 | u64::from(*b)) % 256;
                pairs[place as usize] += share;
            }
            (vec!["input_bytes", "input_pairs"], vec![bytes, pairs])
        }
        Window::Samples(samples, _) => {
            let moments = features(samples, channels);
            let moments = moments.into_iter().map(|x| x as f32).collect();
            (vec!["input_moments"], vec![moments])
        }
    }
}
