//! What an application touches: a session with a model, a sampler, a tokenizer, a stream of samples, and the transcript
//! of a run.
//!
//! ```text
//! text ─► Tokenizer ─► tokens ─► Session::step ─► logits ─► Sampler ─► token ─► Tokenizer ─► text
//!                                  │ ▲
//!                             save ▼ │ restore       bytes that continue to the same bits
//!
//! sample ─► Stream ─► window ─► Session::classify ─► logits of classes
//! ```
//!
//! # Invariants
//! - No heap: a session lives in the arena it is given, and everything else borrows or is a few words.
//! - After an error the session stands where it stood; the next step may be tried.
//! - On a machine whose floating-point environment is not IEEE's default a session is refused, never wrong.
//!
//! # Why
//! [`crate::model::forward`] is enough to run a model; a session only holds its four arguments together, so that an
//! application cannot mix them up.

mod generate;
mod refusal;
mod sampler;
mod save;
mod self_test;
mod stream;
mod tokenizer;
mod transcript;
mod window;

pub use refusal::{Error, SaveError, TestError};
pub use sampler::{Sampler, argmax};
pub use stream::{Stream, StreamError};
pub use tokenizer::{BufferTooSmall, Tokenizer};
pub use transcript::Transcript;

pub use crate::model::WhenFull;

use crate::config::Config;
use crate::kernels::Isa;
use crate::model::{Limits, Model, State, forward, prefill};
use crate::probe::{Hook, NoProbe, Probe, Site};

/// How a session runs its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Options {
    /// How much it may hold; with the model's shape it decides the arena, see [`State::len`].
    pub limits: Limits,
    /// What a full context does.
    pub when_full: WhenFull,
    /// Which instructions to use; the choice changes no bit.
    pub isa: Isa,
}

impl Options {
    /// The model's whole context, an exact cache, an error when it is full, the fastest instructions here.
    pub fn new(config: &Config) -> Self {
        Self {
            limits: Limits::new(config),
            when_full: WhenFull::Error,
            isa: Isa::detect(),
        }
    }
}

/// A probe that hands on logits.
struct Logits<F>(F);

impl<F: FnMut(&[f32])> Probe for Logits<F> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if site.hook == Hook::Logits {
            (self.0)(x);
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        hook == Hook::Logits
    }
}

/// A model that is being run.
#[derive(Debug)]
pub struct Session<'a, P = NoProbe> {
    model: Model<'a>,
    state: State<'a>,
    isa: Isa,
    probe: P,
}

impl<'a> Session<'a> {
    /// A session without a probe in the front of `arena`.
    ///
    /// # Errors
    /// [`Error::Model`] if limits or arena do not fit, [`Error::FloatEnvironment`].
    pub fn new(model: Model<'a>, arena: &'a mut [u8], options: Options) -> Result<Self, Error> {
        Self::with_probe(model, arena, options, NoProbe)
    }
}

impl<'a, P: Probe> Session<'a, P> {
    /// A session whose activations `probe` sees.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn with_probe(
        model: Model<'a>,
        arena: &'a mut [u8],
        options: Options,
        probe: P,
    ) -> Result<Self, Error> {
        if !Isa::environment_ok() {
            return Err(Error::FloatEnvironment);
        }
        let state = State::new(model.config(), &options.limits, arena)?;
        Ok(Self {
            model,
            state: state.when_full(options.when_full)?,
            isa: options.isa,
            probe,
        })
    }

    /// Runs one token and gives the logits of the next, `(n_logits,)`.
    ///
    /// # Errors
    /// [`Error::Model`]: token out of range, context full, an activation that is not finite.
    pub fn step(&mut self, token: u32) -> Result<&[f32], Error> {
        forward(
            self.isa,
            &self.model,
            &mut self.state,
            token,
            &mut self.probe,
        )?;
        Ok(self.state.logits())
    }

    /// Runs `tokens`, up to `Limits::prefill` at once, and gives the logits after the last; without tokens, the present
    /// logits. The bits are those of one [`Session::step`] after the other; [`prefill`] says in which order a probe sees.
    ///
    /// # Errors
    /// As [`Session::step`]; tokens before the one that failed have been run.
    pub fn prompt(&mut self, tokens: &[u32]) -> Result<&[f32], Error> {
        let (model, probe) = (&self.model, &mut self.probe);
        prefill(self.isa, model, &mut self.state, tokens, probe)?;
        Ok(self.state.logits())
    }

    /// Like [`Session::prompt`], with the logits after every token, in order, handed to `each`.
    ///
    /// # Errors
    /// As [`Session::prompt`]; `each` has had the logits of the tokens before the one that failed.
    pub fn prompt_each(&mut self, tokens: &[u32], each: impl FnMut(&[f32])) -> Result<(), Error> {
        let mut probe = (&mut self.probe, Logits(each));
        prefill(self.isa, &self.model, &mut self.state, tokens, &mut probe)?;
        Ok(())
    }

    /// The next token by the present logits, which stay as they are.
    pub fn sample(&self, sampler: &mut Sampler) -> u32 {
        sampler.sample(self.state.logits())
    }

    /// Logits of the latest token or window, `(n_logits,)`; zeros before the first.
    pub fn logits(&self) -> &[f32] {
        self.state.logits()
    }

    /// Tokens run so far.
    pub fn position(&self) -> u64 {
        self.state.position()
    }

    /// Forgets everything run so far; the probe keeps what it has seen.
    pub fn clear(&mut self) {
        self.state.clear();
    }

    /// The model that runs.
    pub fn model(&self) -> &Model<'a> {
        &self.model
    }

    /// Which instructions are used.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// From here on with these instructions; the choice changes no bit.
    pub fn use_isa(&mut self, isa: Isa) {
        self.isa = isa;
    }

    /// The probe.
    pub fn probe(&self) -> &P {
        &self.probe
    }

    /// The probe, to be cleared or read out.
    pub fn probe_mut(&mut self) -> &mut P {
        &mut self.probe
    }
}
