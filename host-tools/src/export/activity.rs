//! How many inputs of each matrix are not zero, measured by running the model.
//!
//! ```text
//! text, or what the model writes itself ─► engine + probe ─► nonzero share of every matrix's input ─► choose
//! ```
//!
//! # Invariants
//! - The run is of the very weights that will be stored; every machine measures the same.
//! - A share is what a skipping kernel of floats multiplies; int8 rounds some more inputs to zero, so there it is an upper
//!   bound.
//!
//! # Why
//! Half of a symmetric distribution passes a ReLU, but a trained model is not symmetric: some pass a tenth, and then
//! input-major forms that skip zeros win where the guess would not have them. A model that neither rectifies nor keeps
//! its largest activations has no zeros to count and is not run.

use lacuna::config::Config;
use lacuna::format;
use lacuna::format::schema::{self, Id, Tensor};
use lacuna::model::repack::active;
use lacuna::model::{Model, State};
use lacuna::probe::{Hook, Probe, Site};
use lacuna::session::{self, Options, Sampler, Session, Tokenizer};

use crate::memory::Buffer;

/// Why activity could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine does not read the file.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// The engine does not run the model.
    #[error(transparent)]
    Session(#[from] session::Error),
    /// A text was given and the model cannot read it.
    #[error("the model has no tokenizer for the text to calibrate on")]
    NoTokenizer,
    /// The text has no tokens.
    #[error("the text to calibrate on is empty")]
    EmptyText,
}

/// Tokens that are run; of a long text, the first.
const TOKENS: usize = 256;

/// Nonzero shares of the inputs of matrices, where they were measured.
#[derive(Debug, Default)]
pub(super) struct Activity(Vec<Count>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    nonzero: u64,
    all: u64,
}

impl Count {
    fn share(self) -> Option<f32> {
        (self.all > 0).then(|| (self.nonzero as f64 / self.all as f64) as f32)
    }
}

/// Where the input of a product can be seen; nothing else is multiplied.
fn input(id: Id) -> Option<Hook> {
    match id {
        Id::Wq | Id::Wk | Id::Wv => Some(Hook::AttnIn),
        Id::Wo => Some(Hook::Z),
        Id::W1 | Id::W3 => Some(Hook::MlpIn),
        Id::W2 => Some(Hook::MlpPost),
        Id::Head => Some(Hook::LnFinal),
        _ => None,
    }
}

impl Activity {
    /// Share of the inputs of `tensor` that are not zero: measured, or else [`active`]'s expectation.
    pub(super) fn of(&self, config: &Config, tensor: &Tensor) -> f32 {
        let measured = input(tensor.id).and_then(|hook| {
            let layer = tensor.layer as u8;
            let site = Site { layer, hook };
            self.0.get(site.index(config.n_layers))?.share()
        });
        measured.unwrap_or_else(|| active(config, tensor.id))
    }

    /// Measured shares by the names of sites, those below one.
    pub(super) fn named(&self, n_layers: usize) -> serde_json::Map<String, serde_json::Value> {
        let sites = self.0.iter().enumerate().filter_map(|(i, count)| {
            let share = count.share().filter(|&share| share < 1.0)?;
            let site = Site::from_index(i, n_layers)?;
            Some((site.to_string(), f64::from(share).into()))
        });
        sites.collect()
    }

    #[cfg(test)]
    pub(super) fn given(config: &Config, site: Site, share: f32) -> Activity {
        let mut counts = vec![Count::default(); Site::count(config.n_layers)];
        counts[site.index(config.n_layers)] = Count {
            nonzero: (share * 1000.0) as u64,
            all: 1000,
        };
        Activity(counts)
    }
}

/// True if activations of such a model hold zeros worth counting, and if it can write a text to count them on.
pub(super) fn expected(config: &Config) -> bool {
    config.window_len() == 0 && schema::tensors(config).any(|t| active(config, t.id) < 1.0)
}

struct Counter {
    counts: Vec<Count>,
    n_layers: usize,
}

const INPUTS: [Hook; 5] = [
    Hook::AttnIn,
    Hook::Z,
    Hook::MlpIn,
    Hook::MlpPost,
    Hook::LnFinal,
];

impl Probe for Counter {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if self.wants(site.hook) {
            let count = &mut self.counts[site.index(self.n_layers)];
            count.nonzero += x.iter().filter(|v| **v != 0.0).count() as u64;
            count.all += x.len() as u64;
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        INPUTS.contains(&hook)
    }
}

/// Runs the model in `bytes` on the first tokens of `text`, or on what it draws itself at temperature 1 from BOS on (token
/// 0 where it has none), starting again whenever its context is full.
pub(super) fn measure(bytes: &[u8], text: Option<&[u8]>) -> Result<Activity, Error> {
    let model = Model::new(bytes)?;
    let config = *model.config();
    let bos = model.file().tokenizer().and_then(|t| t.bos()).unwrap_or(0);
    let mut read = Vec::new();
    if let Some(text) = text {
        let tokenizer = Tokenizer::new(model.file()).ok_or(Error::NoTokenizer)?;
        // Enough bytes for the tokens that are run, whatever the text.
        let text = &text[..text.len().min(64 * TOKENS)];
        read = vec![0; text.len() + 2];
        let n = tokenizer.encode(text, false, &mut read).unwrap_or(0);
        read.truncate(n.min(TOKENS));
        if read.is_empty() {
            return Err(Error::EmptyText);
        }
    }
    let counter = Counter {
        counts: vec![Count::default(); Site::count(config.n_layers)],
        n_layers: config.n_layers,
    };
    let options = Options::new(&config);
    let context = options.limits.context;
    let mut arena = Buffer::zeroed(State::len(&config, &options.limits));
    let mut session = Session::with_probe(model, &mut arena, options, counter)?;
    let mut sampler = Sampler::new(1.0, 0, 1.0, 0);
    let tokens = if text.is_some() { read.len() } else { TOKENS };
    let mut read = read.into_iter();
    session.step(bos)?;
    for _ in 0..tokens {
        let token = read.next();
        let token = token.unwrap_or_else(|| session.sample(&mut sampler));
        if session.position() == context as u64 {
            session.clear();
            if context > 1 {
                session.step(bos)?;
            }
        }
        session.step(token)?;
    }
    let counts = core::mem::take(&mut session.probe_mut().counts);
    Ok(Activity(counts))
}
