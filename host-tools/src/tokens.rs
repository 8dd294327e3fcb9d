//! Text as the tokens of one model: read from data, or drawn from the model itself.
//!
//! ```text
//! documents ─► the model's tokenizer ─┐                  ┌► train      what is learned from, or calibrated on
//!                                     ├─► documents of   │
//! the model, at temperature 1 ────────┘   tokens, split ─┴► held_out   what is only predicted
//! ```
//!
//! # Invariants
//! - Tokens are the engine's, and so are the samples: the same checkpoint and seed give the same tokens on every machine.
//! - What is held out is what [`crate::data`] holds out under the same seed; held-out samples have a seed of their own.
//!
//! # Why
//! What happens to a model after its training needs text that it knows. Whoever has that text names it; the others let
//! the model write, which is the only text that an imported model surely knows.

use blake2::{Blake2s256, Digest};
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::probe::{NoProbe, Probe};
use lacuna::session::{self, Options, Session, Tokenizer};

use crate::checkpoint::Checkpoint;
use crate::data::{self, Part, Source};
use crate::eval::{self, Score};
use crate::export::{self, Exported, Plan, Values};
use crate::memory::Buffer;
use crate::repack;

/// Tokens that the engine takes at once.
const AT_ONCE: usize = 64;

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error("the checkpoint does not become a model")]
    Export(#[from] export::Error),
    #[error("the model cannot be read")]
    Format(#[from] lacuna::format::Error),
    #[error("the model cannot be repacked")]
    Repack(#[from] lacuna::model::repack::Error),
    #[error("the model cannot be run")]
    Session(#[from] session::Error),
    #[error("the model has no tokenizer: it reads no text")]
    NoTokenizer,
    #[error("the text cannot be cut into tokens")]
    Encode(#[from] session::BufferTooSmall),
    #[error("there is no text to learn from")]
    Empty,
}

/// Documents of tokens, without BOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// What is learned from.
    pub train: Vec<Vec<u32>>,
    /// What is only predicted.
    pub held_out: Vec<Vec<u32>>,
    /// The token before every document.
    pub bos: u32,
    /// 16 hex digits over all of it.
    pub id: String,
}

impl Tokens {
    fn new(train: Vec<Vec<u32>>, held_out: Vec<Vec<u32>>, bos: u32) -> Result<Tokens, Error> {
        if train.iter().all(Vec::is_empty) {
            return Err(Error::Empty);
        }
        let mut hash = Blake2s256::new();
        for part in [&train, &held_out] {
            hash.update((part.len() as u64).to_le_bytes());
            for document in part {
                hash.update((document.len() as u64).to_le_bytes());
                document.iter().for_each(|t| hash.update(t.to_le_bytes()));
            }
        }
        let digest = hash.finalize();
        Ok(Tokens {
            train,
            held_out,
            bos,
            id: digest[..8].iter().map(|b| format!("{b:02x}")).collect(),
        })
    }

    /// What is learned from as one stream: BOS, document, BOS, document, …
    pub fn stream(&self) -> Vec<u32> {
        let each = self.train.iter();
        each.flat_map(|d| [&[self.bos], d.as_slice()].concat())
            .collect()
    }
}

/// Windows of `documents`, BOS and at most `context` tokens each, evenly spaced and about `tokens` in all.
pub fn windows(documents: &[Vec<u32>], bos: u32, context: usize, tokens: usize) -> Vec<Vec<u32>> {
    let chunks = || documents.iter().flat_map(|d| d.chunks(context.max(1)));
    let (there, all) = chunks().fold((0, 0), |(n, t), c| (n + 1, t + c.len()));
    let share = (tokens as f64 / all.max(1) as f64).min(1.0);
    let wanted = ((share * there as f64).ceil() as usize).clamp(1, there.max(1));
    let taken = |i: usize| i * wanted / there != (i + 1) * wanted / there;
    let some = chunks().enumerate().filter(|(i, _)| taken(*i));
    some.map(|(_, chunk)| [&[bos], chunk].concat()).collect()
}

/// A checkpoint as the model that this machine runs, in memory.
#[derive(Debug)]
pub struct Reader {
    file: Exported,
}

impl Reader {
    /// `checkpoint` with its weights stored as `values`; `tokenizer` is the content of its `tokenizer.bin`, if it has one.
    ///
    /// # Errors
    /// A checkpoint that cannot be exported.
    pub fn new(
        checkpoint: &Checkpoint,
        tokenizer: Option<&[u8]>,
        values: Values,
    ) -> Result<Reader, Error> {
        let settings = export::Settings {
            values,
            golden: 0,
            plan: Plan::None,
            ..export::Settings::default()
        };
        let file = export::export(checkpoint, tokenizer, &settings)?;
        Ok(Reader { file })
    }

    /// Calls `act` with the model in this machine's forms.
    fn with<T>(
        &self,
        act: impl FnOnce(&Model<'_>, &Tokenizer<'_>, Options) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let isa = Isa::detect();
        let mut forms = Buffer::zeroed(0);
        let (model, _) = repack::repack(Model::new(&self.file.bytes)?, isa, &mut forms)?;
        let tokenizer = Tokenizer::new(model.file()).ok_or(Error::NoTokenizer)?;
        let limits = Limits::new(model.config());
        let options = Options {
            limits: Limits {
                prefill: AT_ONCE.min(limits.context).max(1),
                ..limits
            },
            isa,
            ..Options::new(model.config())
        };
        act(&model, &tokenizer, options)
    }

    /// The documents of `source`, split by `seed`.
    ///
    /// # Errors
    /// Documents that cannot be read, a model without a tokenizer.
    pub fn read(&self, source: &Source, seed: u64) -> Result<Tokens, Error> {
        let documents = data::documents(source)?;
        let parts = data::parts(&documents, seed);
        self.with(|_, tokenizer, _| {
            let (mut train, mut held_out) = (Vec::new(), Vec::new());
            for (document, part) in documents.iter().zip(parts) {
                let mut tokens = vec![0; document.bytes.len() + 2];
                let n = tokenizer.encode(&document.bytes, false, &mut tokens)?;
                tokens.truncate(n);
                match part {
                    Part::Train => train.push(tokens),
                    Part::Validation => held_out.push(tokens),
                    Part::Test => {}
                }
            }
            Tokens::new(train, held_out, tokenizer.bos().unwrap_or(0))
        })
    }

    /// Documents that the model writes itself at temperature 1: `tokens` to learn from, and a tenth as many held out.
    ///
    /// # Errors
    /// A model that cannot be run, or without a tokenizer.
    pub fn draw(&self, tokens: usize, seed: u64) -> Result<Tokens, Error> {
        self.with(|model, tokenizer, options| {
            let bos = tokenizer.bos().unwrap_or(0);
            let draw = |tokens, seed| -> Result<Vec<Vec<u32>>, Error> {
                let mut documents = eval::generate(model, tokenizer, tokens, seed, options)?;
                for document in &mut documents {
                    document.pop_if(|last| *last == bos);
                }
                Ok(documents)
            };
            let seed = data::mix(seed);
            let train = draw(tokens, seed)?;
            Tokens::new(train, draw(tokens.div_ceil(10), data::mix(seed))?, bos)
        })
    }

    /// How well the model predicts windows of tokens, of which the first is only read.
    ///
    /// # Errors
    /// A model that cannot be run, a window longer than its context.
    pub fn score(&self, windows: &[Vec<u32>]) -> Result<Score, Error> {
        self.with(|model, tokenizer, options| {
            let mut each = |_| {};
            let score = eval::score(model, tokenizer, windows, options, NoProbe, &mut each)?;
            Ok(score)
        })
    }

    /// Shows `probe` every token of every window but the last of each, which nothing would be predicted after.
    ///
    /// # Errors
    /// A model that cannot be run, a window longer than its context.
    pub fn observe(&self, windows: &[Vec<u32>], probe: impl Probe) -> Result<(), Error> {
        self.with(|model, _, options| {
            let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
            let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
            for window in windows {
                let Some((_, read)) = window.split_last() else {
                    continue;
                };
                session.clear();
                session.prompt(read)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::windows;

    #[test]
    fn windows_are_spread_over_all_documents() {
        let documents: Vec<Vec<u32>> = (0..10u32).map(|i| vec![i + 1; 8]).collect();
        let some = windows(&documents, 0, 4, 20);
        assert_eq!(some.len(), 5);
        assert!(some.iter().all(|w| w.len() == 5 && w[0] == 0));
        let first: Vec<u32> = some.iter().map(|w| w[1]).collect();
        assert_eq!(first, [2, 4, 6, 8, 10]);
        assert_eq!(windows(&documents, 0, 4, 1000).len(), 20);
        assert!(windows(&[], 0, 4, 1000).is_empty());
    }
}
