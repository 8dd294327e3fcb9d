//! The probe that carries out a plan.
//!
//! ```text
//! cells   │ site 0: stat, stat │ site 1: │ site 2: stat, stat, stat │ …          one sketch each, sites as a token meets them
//! ```
//!
//! # Invariants
//! - Memory is borrowed and known before: [`PlanProbe::cells_len`] sketches of 52 bytes.
//! - Tokens that run one by one and tokens that run at once leave the same bits.
//! - A vector that is not finite changes no sketch and is counted.
//!
//! # Why
//! A table of where each site's cells begin would be memory too. Sites come in order, so the place is walked to from the
//! last one, a few instructions for each site passed.

use super::measure::{Values, measure};
use super::{At, Hook, Probe, ProbePlan, Site, Sketch, Stat};

/// Keeps a [`Sketch`] for each site and statistic of a plan.
#[derive(Debug)]
pub struct PlanProbe<'a> {
    plan: ProbePlan,
    n_layers: usize,
    cells: &'a mut [Sketch],
    /// Number of a site, and cells before it.
    place: (usize, usize),
    /// Whether any rule looks at the token, which is asked once a token where they run one by one.
    due: (At, bool),
    faulty: u32,
}

/// Fewer cells than the plan has sites and statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooFewCells {
    /// [`PlanProbe::cells_len`] of plan and model.
    pub needed: usize,
    /// Length of the slice.
    pub given: usize,
}

impl core::fmt::Display for TooFewCells {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { needed, given } = self;
        write!(f, "a plan of {needed} sketches was given {given}")
    }
}

impl core::error::Error for TooFewCells {}

impl<'a> PlanProbe<'a> {
    /// Sketches that `plan` needs in a model with `n_layers` blocks.
    pub fn cells_len(plan: &ProbePlan, n_layers: usize) -> usize {
        plan.pairs(n_layers).count()
    }

    /// A probe of a model with `n_layers` blocks; `cells` is cleared.
    ///
    /// Shape: `cells (cells_len(plan, n_layers),)` or longer.
    ///
    /// # Errors
    /// [`TooFewCells`] with both numbers.
    pub fn new(
        plan: ProbePlan,
        n_layers: usize,
        cells: &'a mut [Sketch],
    ) -> Result<Self, TooFewCells> {
        let (needed, given) = (Self::cells_len(&plan, n_layers), cells.len());
        let Some(cells) = cells.get_mut(..needed) else {
            return Err(TooFewCells { needed, given });
        };
        cells.fill(Sketch::EMPTY);
        let due = (At::default(), plan.due(At::default()));
        Ok(Self {
            due,
            plan,
            n_layers,
            cells,
            place: (0, 0),
            faulty: 0,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &ProbePlan {
        &self.plan
    }

    /// Vectors that were to be measured and were not finite.
    pub fn faulty(&self) -> u32 {
        self.faulty
    }

    /// Every sketch with its site and statistic, sites in the order a token meets them.
    pub fn cells(&self) -> impl Iterator<Item = (Site, Stat, &Sketch)> + '_ {
        self.plan
            .pairs(self.n_layers)
            .zip(self.cells.iter())
            .map(|((site, stat), cell)| (site, stat, cell))
    }

    /// The sketch of one statistic at one site.
    pub fn cell(&self, site: Site, stat: Stat) -> Option<&Sketch> {
        let mut cells = self.cells();
        cells.find(|c| (c.0, c.1) == (site, stat)).map(|c| c.2)
    }

    /// Forgets everything seen.
    pub fn clear(&mut self) {
        self.cells.fill(Sketch::EMPTY);
        self.faulty = 0;
    }

    /// Cells before those of `site`.
    fn first_cell(&mut self, site: Site) -> usize {
        let index = site.index(self.n_layers);
        if index < self.place.0 {
            self.place = (0, 0);
        }
        let (mut at, mut cell) = self.place;
        while at < index {
            if let Some(site) = Site::from_index(at, self.n_layers) {
                cell += self.plan.stats_at(site).len();
            }
            at += 1;
        }
        self.place = (at, cell);
        cell
    }

    #[inline(never)]
    fn look(&mut self, at: At, site: Site, x: &[f32]) {
        let due = self.plan.due_at(site, at);
        let exists = !site.hook.in_block() || usize::from(site.layer) < self.n_layers;
        if due.is_empty() || !exists {
            return;
        }
        let mut values = Values::EMPTY;
        if !measure(x, due, self.plan.eps(), &mut values) {
            self.faulty = self.faulty.saturating_add(1);
            return;
        }
        let (all, first) = (self.plan.stats_at(site), self.first_cell(site));
        for (stat, value) in values.iter() {
            if let Some(cell) = self.cells.get_mut(first + all.rank(stat)) {
                cell.push(stat, value);
            }
        }
    }
}

impl Probe for PlanProbe<'_> {
    /// A vector of an unknown token: the first of a session, and not the end of a prompt.
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.look(At::default(), site, x);
    }

    #[inline]
    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        if self.due.0 != at {
            self.due = (at, self.plan.due(at));
        }
        if self.due.1 {
            self.look(at, site, x);
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        self.plan.wants(hook)
    }

    fn wants_at(&self, at: At, hook: Hook) -> bool {
        self.plan.wants_at(at, hook)
    }
}
