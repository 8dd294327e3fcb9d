//! The calibration block: what is familiar to a model, measured on data it was not trained on.
//!
//! ```text
//! +0    u8  version 1 · u8 input · u8 rule · u8 unit
//! +4    u32 inputs n · rows r · bank m · nearest k · sites S · tails T · window · every · block
//! +40   u32 units · fitted · windows · 0
//! +56   f32 eps · alpha · rate low · rate high · threshold · run length
//! +80   f32 × 15  edges between the levels of the drift test
//! +140  u32 × 16  units of calibration in each level
//! +204  S × (u8 layer · u8 hook · u16 0 · u32 statistics)       where to look
//! …     f32 × n      mean                                       x: the mean over a window
//! …     f32 × n      sd                                         z = (x − mean) / sd
//! …     f32 × r·n    map, row by row; none where r is 0         y = map · z, or z
//! …     f32 × m·d    bank, d = r or else n                      score by rule of y
//! …     f32 × T      scores, ascending                          p = 1 up to the first,
//! …     f32 × T      tails, descending                          tails[i] above scores[i]
//! ```
//!
//! | number | input | rule | unit |
//! |---|---|---|---|
//! | 0 | statistics of sites, by number | y₀, a weighted sum (r = 1) | a file |
//! | 1 | the activations of one site | Σ y², Mahalanobis where the map whitens | a person |
//! | 2 | | squared distance to the k-th nearest of the bank | a stretch of windows |
//!
//! # Invariants
//! - Sites are in the order a token meets them, each at most once, and belong to the configuration; a site of
//!   activations has no statistics and n channels.
//! - Every number is finite; sd is positive; rates lie in 0…1 and alpha is no smaller than 1 / (units + 1).
//! - Read in place: the view borrows the file, and checking takes time linear in the block.
//!
//! # Why
//! One map and three rules are every score worth shipping: a fitted combination, Mahalanobis over statistics or over
//! activations, nearest neighbours, and the baselines (max-softmax, entropy and energy are weighted sums of one
//! statistic of the logits, input Mahalanobis looks at the embedding). The map is the factor of a precision rather than
//! the precision, so that no hostile byte makes a distance negative. The table of tails is the whole calibration: a
//! p-value is a look-up, and what a score means needs no distribution.

mod check;
mod head;
mod refusal;

pub use head::{Input, LEVELS, Rule, Settings, Unit, Watch};
pub use refusal::{Error, Kind};

use zerocopy::{FromBytes, IntoBytes};

use crate::config::Config;
use crate::num::Crc32;
use head::Head;

/// Most sites that a block may name.
pub const MAX_SITES: usize = 32;
/// Most neighbours that a score may look for.
pub const MAX_NEAREST: usize = 16;

/// The arrays of a block, before they are checked; shapes as the module draws them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arrays<'a> {
    /// Where to look, `(S,)`.
    pub sites: &'a [Watch],
    /// Means of the inputs, `(n,)`.
    pub mean: &'a [f32],
    /// Standard deviations of the inputs, `(n,)`.
    pub sd: &'a [f32],
    /// Row-major `(r, n)`, or empty.
    pub map: &'a [f32],
    /// Row-major `(m, r or n)`, or empty.
    pub bank: &'a [f32],
    /// Scores of calibration, ascending, `(T,)`.
    pub scores: &'a [f32],
    /// p-value above each score, descending, `(T,)`.
    pub tails: &'a [f32],
}

/// What is familiar to a model: a score, its threshold, and the reference of the drift test. Borrowed and checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration<'a> {
    settings: Settings,
    arrays: Arrays<'a>,
    nearest: u32,
}

impl<'a> Calibration<'a> {
    /// Wraps the parts of a calibration of a model of this configuration; `nearest` counts from 1 and is 0 but for
    /// [`Rule::Nearest`].
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module.
    pub fn new(
        config: &Config,
        settings: Settings,
        nearest: u32,
        arrays: Arrays<'a>,
    ) -> Result<Self, Error> {
        let calibration = Self {
            settings,
            arrays,
            nearest,
        };
        calibration.check(config)?;
        Ok(calibration)
    }

    /// How the score is made, and what is promised of it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The numbers.
    pub fn arrays(&self) -> &Arrays<'a> {
        &self.arrays
    }

    /// Which neighbour's distance counts, from 1; 0 where the rule looks for none.
    pub fn nearest(&self) -> usize {
        self.nearest as usize
    }

    /// Inputs of the score, n.
    pub fn inputs(&self) -> usize {
        self.arrays.mean.len()
    }

    /// Length of y: rows of the map, or n without one.
    pub fn outputs(&self) -> usize {
        match self.arrays.map.len() / self.inputs().max(1) {
            0 => self.inputs(),
            rows => rows,
        }
    }

    /// The p-value of a window: how many windows of a new unit score as high, at most; 1 / (units + 1) at the least.
    ///
    /// Valid on average over units that are exchangeable with those of calibration (split-conformal with one vote a unit;
    /// Lee, Barber and Willett, "Distribution-free inference with hierarchical data", 2023).
    pub fn p(&self, score: f32) -> f32 {
        let below = self.arrays.scores.partition_point(|s| *s < score);
        let tail = below.checked_sub(1).and_then(|i| self.arrays.tails.get(i));
        tail.copied().unwrap_or(1.0)
    }

    /// The level of a score in the drift test, in `0..LEVELS`.
    pub fn level(&self, score: f32) -> usize {
        self.settings.edges.partition_point(|e| *e < score)
    }

    /// CRC-32 of the block as a file holds it.
    pub fn digest(&self) -> u32 {
        let mut crc = Crc32::new();
        let Ok(()) = self.parts(|part| {
            crc.update(part);
            Ok::<(), core::convert::Infallible>(())
        });
        crc.finish()
    }

    /// Bytes of the block.
    pub fn len(&self) -> usize {
        let a = &self.arrays;
        let floats = a.mean.len() + a.sd.len() + a.map.len() + a.bank.len();
        let table = a.scores.len() + a.tails.len();
        size_of::<Head>() + size_of_val(a.sites) + 4 * (floats + table)
    }

    /// False: a block has at least its head.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Hands the block to `write` in file order.
    ///
    /// # Errors
    /// What `write` says; it is not called again then.
    pub fn parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let a = &self.arrays;
        let head = Head::of(&self.settings, a, self.nearest);
        write(head.as_bytes())?;
        write(a.sites.as_bytes())?;
        for part in [a.mean, a.sd, a.map, a.bank, a.scores, a.tails] {
            write(part.as_bytes())?;
        }
        Ok(())
    }

    /// Cuts and checks a 4-aligned block; the error carries a byte offset within it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(config: &Config, block: &'a [u8]) -> Result<Self, Error> {
        let short = Error::new(Kind::Length, 0);
        let (head, rest) = Head::read_from_prefix(block).map_err(|_| short)?;
        let settings = head.settings()?;
        let mut rest = rest;
        let mut take = |count: u64, size: u64| {
            let bytes = count.checked_mul(size).and_then(|n| n.try_into().ok());
            let (front, back) = rest.split_at_checked(bytes?)?;
            rest = back;
            Some(front)
        };
        let [n, r, m] = [head.inputs, head.rows, head.bank].map(u64::from);
        let (sites, tails) = (u64::from(head.sites), u64::from(head.tails));
        let y = if r == 0 { n } else { r };
        let watch = size_of::<Watch>() as u64;
        let parts = [
            take(sites, watch),
            take(n, 4),
            take(n, 4),
            take(r.saturating_mul(n), 4),
            take(m.saturating_mul(y), 4),
            take(tails, 4),
            take(tails, 4),
        ];
        let [Some(sites), floats @ ..] = parts else {
            return Err(short);
        };
        let mut slices = [&[][..]; 6];
        for (slice, bytes) in slices.iter_mut().zip(floats) {
            let floats = bytes.and_then(|b| <[f32]>::ref_from_bytes(b).ok());
            *slice = floats.ok_or(short)?;
        }
        if !rest.is_empty() {
            return Err(short);
        }
        let [mean, sd, map, bank, scores, tails] = slices;
        let sites = <[Watch]>::ref_from_bytes(sites).map_err(|_| short)?;
        let arrays = Arrays {
            sites,
            mean,
            sd,
            map,
            bank,
            scores,
            tails,
        };
        Self::new(config, settings, head.nearest, arrays)
    }

    /// Reads a block that starts at byte `at` of a file.
    pub(crate) fn parse(config: &Config, block: &'a [u8], at: usize) -> Result<Self, super::Error> {
        Self::read(config, block)
            .map_err(|e| super::Error::new(super::Kind::Calibration(e.kind), at + e.at))
    }
}
