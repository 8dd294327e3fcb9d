//! The passes of a run, each over the same tokens from an empty cache.
//!
//! ```text
//! count    NoProbe      Cost of every token, stack
//! field    Field        instead of count where there is a plan or a monitor: Cost with them, and what they say
//! layers   Watch        Cost of every block
//! observe  Watch        Token, SiteDigest, Logits, Stat, digest
//! ```
//!
//! # Invariants
//! - The clock runs only around the session: nothing that is said is counted.
//! - All passes generate the same tokens, because a probe can change no bit.
//! - Tokens of a prompt that ran at once are told one by one: each has its own records, and its share of their cost.
//!
//! # Why
//! One pass that did everything would count its own windows.

mod count;
mod field;
mod layers;
mod meter;
mod observe;
mod stream;

use core::fmt;
use core::marker::PhantomData;

use lacuna::model::Model;
use lacuna::monitor::TooSmall;
use lacuna::probe::{Probe, TooFewCells, TooFewSites};
use lacuna::session::{Error, Options, Session, StreamError};

use crate::board::{Firmware, MOST_AT_ONCE};
use crate::job::Job;
use crate::orders::Refusal;

pub(crate) use field::Kept;

/// An error and the position where it was met.
pub(crate) struct Failed {
    pub(crate) position: usize,
    pub(crate) error: Trouble,
}

/// What can go wrong once a run has started.
pub(crate) enum Trouble {
    Session(Error),
    Sites(TooFewSites),
    Cells(TooFewCells),
    Floats(TooSmall),
    Stream(StreamError),
    Orders(Refusal),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Session(error) => error.fmt(f),
            Trouble::Sites(error) => error.fmt(f),
            Trouble::Cells(error) => error.fmt(f),
            Trouble::Floats(error) => error.fmt(f),
            Trouble::Stream(error) => error.fmt(f),
            Trouble::Orders(refusal) => refusal.fmt(f),
        }
    }
}

impl Failed {
    fn at(position: usize) -> impl FnOnce(Error) -> Failed {
        move |error| Failed {
            position,
            error: Trouble::Session(error),
        }
    }
}

impl From<Trouble> for Failed {
    fn from(error: Trouble) -> Failed {
        Failed { position: 0, error }
    }
}

impl From<TooFewSites> for Failed {
    fn from(error: TooFewSites) -> Failed {
        Trouble::Sites(error).into()
    }
}

impl From<TooFewCells> for Failed {
    fn from(error: TooFewCells) -> Failed {
        Trouble::Cells(error).into()
    }
}

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Failed {
        Trouble::Stream(error).into()
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Failed {
        Trouble::Orders(refusal).into()
    }
}

impl From<TooSmall> for Failed {
    fn from(error: TooSmall) -> Failed {
        Trouble::Floats(error).into()
    }
}

/// What every pass runs.
pub(crate) struct Run<'a, F> {
    pub(crate) job: Job<'a>,
    pub(crate) model: &'a Model<'a>,
    pub(crate) options: Options,
    /// Tokens of a window of the monitor.
    pub(crate) window: u32,
    pub(crate) firmware: PhantomData<F>,
}

/// What runs at once, of which the first has number `index`.
struct Turn<'t> {
    index: u32,
    input: Input<'t>,
    prompt: bool,
    /// False for the last generated token, which nothing follows.
    feed: bool,
}

/// Tokens, or a window of samples.
#[derive(Clone, Copy)]
enum Input<'t> {
    Tokens(&'t [u32]),
    Window(&'t [f32]),
}

impl<'t> Input<'t> {
    /// Positions that this computes.
    fn len(self) -> u32 {
        match self {
            Input::Tokens(tokens) => tokens.len() as u32,
            Input::Window(_) => 1,
        }
    }

    /// The tokens, if it is tokens.
    fn tokens(self) -> &'t [u32] {
        match self {
            Input::Tokens(tokens) => tokens,
            Input::Window(_) => &[],
        }
    }
}

impl<F: Firmware> Run<'_, F> {
    fn session<'s, P: Probe>(
        &'s self,
        arena: &'s mut [u8],
        probe: P,
    ) -> Result<Session<'s, P>, Error> {
        Session::with_probe(*self.model, arena, self.options, probe)
    }

    /// True if the model takes windows and not tokens.
    pub(crate) fn takes_windows(&self) -> bool {
        F::WINDOWS && self.model.config().window_len() > 0
    }

    /// Runs an input; what runs several tokens at once is not in a firmware that never does.
    fn feed<P: Probe>(session: &mut Session<'_, P>, input: Input<'_>) -> Result<(), Error> {
        match input {
            Input::Window(window) if F::WINDOWS => session.classify(window).map(drop),
            Input::Window(_) => Ok(()),
            Input::Tokens(many) if F::PREFILL > 1 && many.len() > 1 => {
                session.prompt(many).map(drop)
            }
            Input::Tokens(few) => few
                .iter()
                .try_for_each(|token| session.step(*token).map(drop)),
        }
    }

    /// Shows all inputs to `turn`, which feeds them to the session; returns the number of positions.
    fn play<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        ring: &mut [f32],
        turn: impl FnMut(&mut Session<'s, P>, Turn<'_>) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        if self.takes_windows() {
            self.stream(session, ring, turn)
        } else {
            self.tokens(session, turn)
        }
    }

    /// Shows all tokens to `turn`; returns the number of positions.
    fn tokens<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        mut turn: impl FnMut(&mut Session<'s, P>, Turn<'_>) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        let limits = &self.options.limits;
        let mut index = 0;
        let mut next = |session: &mut Session<'s, P>, tokens: &[u32], prompt, feed| {
            let this = Turn {
                index,
                input: Input::Tokens(tokens),
                prompt,
                feed,
            };
            let done = turn(session, this);
            done.map_err(Failed::at(session.position() as usize))?;
            index += if feed { tokens.len() as u32 } else { 0 };
            Ok::<(), Failed>(())
        };
        let mut prompt = self.job.prompt();
        let mut tokens = heapless::Vec::<u32, MOST_AT_ONCE>::new();
        let mut fed = 0;
        loop {
            // A window that slides does so one token at a time.
            let room = limits.context.saturating_sub(session.position() as usize);
            let most = limits.prefill.min(room).clamp(1, F::PREFILL);
            // Nor does what runs at once reach over the end of a window.
            let most = most.min((self.window - fed % self.window) as usize);
            tokens.clear();
            tokens.extend(prompt.by_ref().take(most));
            if tokens.is_empty() {
                break;
            }
            next(session, &tokens, true, true)?;
            fed += tokens.len() as u32;
        }
        let mut sampler = self.job.sampler();
        for left in (0..self.job.tokens).rev() {
            let token = session.sample(&mut sampler);
            let last = left == 0 || self.job.stop == Some(token);
            next(session, &[token], false, !last)?;
            if last {
                break;
            }
        }
        Ok(index)
    }
}
