//! The memory of a run: how much it needs, and what a board lends it.

use core::fmt;

use lacuna::config::Config;
use lacuna::model::{Limits, State};
use lacuna::probe::{Site, SiteStats, Sketch};

use crate::job;

/// What a run needs.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// What decides the arena.
    pub limits: Limits,
    /// Sites whose statistics are kept over the run; 0 in the field.
    pub stats: usize,
    /// Sketches of a probe plan.
    pub cells: usize,
    /// Floats of a monitor.
    pub floats: usize,
    /// Digests of sites, for a model of windows.
    pub digests: usize,
    /// Numbers of the ring that samples are streamed through, for a model of windows.
    pub ring: usize,
}

/// The memory of a run.
#[derive(Debug)]
pub struct Memory {
    /// At least `State::len` bytes, aligned to 16.
    pub arena: &'static mut [u8],
    /// At least as many places as are needed; so are the others.
    pub stats: &'static mut [SiteStats],
    /// Sketches.
    pub cells: &'static mut [Sketch],
    /// Floats.
    pub floats: &'static mut [f32],
    /// Digests.
    pub digests: &'static mut [u64],
    /// The ring.
    pub ring: &'static mut [f32],
}

/// Less memory than a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes needed for the arena.
    pub arena: usize,
    /// Bytes needed for probes.
    pub probes: usize,
}

impl Needs {
    /// What there is not enough of.
    pub fn refused(&self, config: &Config) -> OutOfMemory {
        let cells = self.cells * size_of::<Sketch>() + (self.floats + self.ring) * size_of::<f32>();
        OutOfMemory {
            arena: State::len(config, &self.limits),
            probes: cells + self.stats * size_of::<SiteStats>() + self.digests * size_of::<u64>(),
        }
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arena, probes } = self;
        write!(
            f,
            "the heap lacks {arena} bytes of state and {probes} of probes"
        )
    }
}

/// Probes' memory of known sizes, for a static.
#[derive(Debug)]
pub struct Probes<
    const STATS: usize,
    const CELLS: usize,
    const FLOATS: usize,
    const DIGESTS: usize,
    const RING: usize,
> {
    stats: [SiteStats; STATS],
    cells: [Sketch; CELLS],
    floats: [f32; FLOATS],
    digests: [u64; DIGESTS],
    ring: [f32; RING],
}

impl<const S: usize, const C: usize, const F: usize, const D: usize, const R: usize>
    Probes<S, C, F, D, R>
{
    /// Nothing seen.
    pub const NEW: Self = Self {
        stats: [SiteStats::NEW; S],
        cells: [Sketch::EMPTY; C],
        floats: [0.0; F],
        digests: [0; D],
        ring: [0.0; R],
    };

    /// The memory of a run, with this arena.
    pub fn with(&'static mut self, arena: &'static mut [u8]) -> Memory {
        Memory {
            arena,
            stats: &mut self.stats,
            cells: &mut self.cells,
            floats: &mut self.floats,
            digests: &mut self.digests,
            ring: &mut self.ring,
        }
    }
}

impl Needs {
    /// Those of a firmware with its model in flash, from its build environment: texts of context, cache, prefill, cells
    /// and floats. A firmware with a plan or a monitor keeps no statistics over the run.
    ///
    /// # Panics
    /// At compile time: a text is no number, context or prefill is 0, or `cache` is no type.
    pub const fn built(config: &Config, texts: [Option<&str>; 5]) -> Needs {
        let [context, cache, prefill, cells, floats] = texts;
        let mut limits = Limits::new(config);
        limits.context = number(context, limits.context);
        limits.prefill = number(prefill, limits.prefill);
        assert!(limits.context > 0, "LACUNA_CONTEXT is not positive");
        assert!(limits.prefill > 0, "LACUNA_PREFILL is not positive");
        if let Some(text) = cache {
            match job::cache(text) {
                Some(cache) => limits.cache = cache,
                None => panic!("LACUNA_CACHE is not f32, f16 or i8"),
            }
        }
        Needs::of(config, limits, number(cells, 0), number(floats, 0))
    }

    /// What a run under `limits` needs, with so many sketches of a plan and floats of a monitor.
    pub(crate) const fn of(config: &Config, limits: Limits, cells: usize, floats: usize) -> Needs {
        let (sites, ring) = (Site::count(config.n_layers), config.window_len());
        Needs {
            limits,
            stats: if cells == 0 && floats == 0 { sites } else { 0 },
            cells,
            floats,
            digests: if ring == 0 { 0 } else { sites },
            ring,
        }
    }
}

/// The number that a text of the build environment says.
///
/// # Panics
/// At compile time: it says none.
const fn number(text: Option<&str>, default: usize) -> usize {
    match text {
        None => default,
        Some(text) => match usize::from_str_radix(text, 10) {
            Ok(n) => n,
            Err(_) => panic!("a LACUNA_ variable of the build environment is not a number"),
        },
    }
}
