//! Which statistics, where, and of which tokens: a few bytes that firmware can be given while it runs.
//!
//! ```text
//! plan = rule*      rule = hooks × layers : statistics @ positions          the first rule that names a (site, statistic) has it
//! ```
//!
//! # Invariants
//! - At most [`MAX_RULES`] rules; any bit pattern of a rule means something, if only nothing.
//! - Statistics that have a meaning at logits only are taken at logits only.
//!
//! # Why
//! Rules in order, of which the first that fits counts, are what a reader of a routing table expects: the odd site first,
//! the rest below it.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{At, Hook, Site, Stat, StatSet};

/// Most rules of a plan.
pub const MAX_RULES: usize = 8;

/// Some hooks: bit `h as u8` for hook `h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HookSet(pub u16);

impl HookSet {
    /// All of them.
    pub const ALL: HookSet = HookSet((1 << Hook::ALL.len()) - 1);

    /// Just these.
    pub const fn of(hooks: &[Hook]) -> HookSet {
        let (mut bits, mut i) = (0, 0);
        while i < hooks.len() {
            bits |= 1 << hooks[i] as u16;
            i += 1;
        }
        HookSet(bits)
    }

    /// Whether `hook` is among them.
    pub const fn has(self, hook: Hook) -> bool {
        self.0 & 1 << hook as u16 != 0
    }

    /// Each, in the order a token meets them.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL.into_iter().filter(move |h| self.has(*h))
    }
}

/// Blocks `first ..= last`; hooks outside the blocks are in every range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layers {
    /// The first block.
    pub first: u8,
    /// The last block.
    pub last: u8,
}

impl Layers {
    /// Every block of every model.
    pub const ALL: Layers = Layers {
        first: 0,
        last: u8::MAX,
    };

    /// One block.
    pub const fn only(layer: u8) -> Layers {
        Layers {
            first: layer,
            last: layer,
        }
    }

    /// Whether `layer` is among them.
    pub const fn has(self, layer: u8) -> bool {
        self.first <= layer && layer <= self.last
    }
}

/// Which tokens are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Positions {
    /// Every token.
    All,
    /// The last token of each prompt, [`At::ends_prompt`].
    LastPrompt,
    /// Every n-th token of a session, of which the n-th is the first; every token for 0 and 1.
    Every(u16),
}

impl Positions {
    /// Whether the token is one of them.
    pub const fn has(self, at: At) -> bool {
        match self {
            Positions::All | Positions::Every(0) => true,
            Positions::LastPrompt => at.ends_prompt,
            Positions::Every(n) => at.position % n as u32 == n as u32 - 1,
        }
    }
}

/// Statistics at some sites of some tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    /// Where.
    pub hooks: HookSet,
    /// In which blocks.
    pub layers: Layers,
    /// What is measured.
    pub stats: StatSet,
    /// Of which tokens.
    pub positions: Positions,
}

impl Rule {
    /// What it measures at `site`.
    pub const fn stats_at(&self, site: Site) -> StatSet {
        if !self.hooks.has(site.hook) || (site.hook.in_block() && !self.layers.has(site.layer)) {
            return StatSet::EMPTY;
        }
        match site.hook {
            Hook::Logits => self.stats.and(StatSet::ALL),
            _ => self.stats.and(StatSet::ANYWHERE),
        }
    }
}

/// What to measure: rules, of which the first that names a statistic at a site has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ProbePlan {
    /// ε of [`Stat::LeEpsShare`], as its bits, so that plans can be compared.
    eps: u32,
    rules: heapless::Vec<Rule, MAX_RULES>,
}

impl ProbePlan {
    /// Nothing, with ε = [`super::DEFAULT_EPS`].
    pub const fn new() -> Self {
        Self::with_eps(super::DEFAULT_EPS)
    }

    /// Nothing, with this ε.
    pub const fn with_eps(eps: f32) -> Self {
        Self {
            eps: eps.to_bits(),
            rules: heapless::Vec::new(),
        }
    }

    /// A plan of these rules.
    ///
    /// # Errors
    /// [`TooManyRules`] if there are more than [`MAX_RULES`].
    pub fn of(rules: &[Rule]) -> Result<Self, TooManyRules> {
        let mut plan = Self::new();
        rules.iter().try_for_each(|r| plan.push(*r))?;
        Ok(plan)
    }

    /// Adds a rule below the others.
    ///
    /// # Errors
    /// [`TooManyRules`] if there are [`MAX_RULES`] already.
    pub fn push(&mut self, rule: Rule) -> Result<(), TooManyRules> {
        self.rules.push(rule).map_err(|_| TooManyRules)
    }

    /// The rules, first to last.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// ε of [`Stat::LeEpsShare`].
    pub const fn eps(&self) -> f32 {
        f32::from_bits(self.eps)
    }

    /// Every statistic at `site`, of whatever tokens.
    pub fn stats_at(&self, site: Site) -> StatSet {
        let sets = self.rules.iter().map(|r| r.stats_at(site));
        sets.fold(StatSet::EMPTY, StatSet::or)
    }

    /// The statistics at `site` of the token `at`.
    pub fn due_at(&self, site: Site, at: At) -> StatSet {
        let (mut taken, mut due) = (StatSet::EMPTY, StatSet::EMPTY);
        for rule in &self.rules {
            let stats = rule.stats_at(site).without(taken);
            taken = taken.or(stats);
            if rule.positions.has(at) {
                due = due.or(stats);
            }
        }
        due
    }

    /// Of which tokens `stat` is measured at `site`.
    pub fn positions_of(&self, site: Site, stat: Stat) -> Option<Positions> {
        let has = |r: &&Rule| r.stats_at(site).has(stat);
        self.rules.iter().find(has).map(|r| r.positions)
    }

    /// Whether any rule looks at the token `at`.
    pub fn due(&self, at: At) -> bool {
        self.rules.iter().any(|r| r.positions.has(at))
    }

    /// Whether any rule looks at `hook`.
    pub fn wants(&self, hook: Hook) -> bool {
        if hook.in_block() {
            let named = |r: &Rule| r.hooks.has(hook) && r.stats.meets(StatSet::ANYWHERE);
            return self.rules.iter().any(named);
        }
        !self.stats_at(Site { layer: 0, hook }).is_empty()
    }

    /// Whether any rule looks at `hook` of the token `at`.
    pub fn wants_at(&self, at: At, hook: Hook) -> bool {
        if hook.in_block() {
            let named = |r: &Rule| r.hooks.has(hook) && r.stats.meets(StatSet::ANYWHERE);
            return self.rules.iter().any(|r| named(r) && r.positions.has(at));
        }
        !self.due_at(Site { layer: 0, hook }, at).is_empty()
    }

    /// Each (site, statistic) of a model with `n_layers` blocks, sites in the order a token meets them.
    pub fn pairs(&self, n_layers: usize) -> impl Iterator<Item = (Site, Stat)> + '_ {
        (0..Site::count(n_layers))
            .filter_map(move |i| Site::from_index(i, n_layers))
            .flat_map(|site| self.stats_at(site).iter().map(move |stat| (site, stat)))
    }
}

/// More rules than a plan has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooManyRules;

impl fmt::Display for TooManyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a plan has at most {MAX_RULES} rules; join some")
    }
}

impl core::error::Error for TooManyRules {}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Positions::All => f.write_str("all"),
            Positions::LastPrompt => f.write_str("last"),
            Positions::Every(n) => write!(f, "every={n}"),
        }
    }
}

/// `blocks.*.mlp.hook_post:hoyer,top10@every=8`; several hooks have `|` between them, all of them are `*`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layers { first, last } = self.layers;
        if self.hooks == HookSet::ALL && self.layers == Layers::ALL {
            f.write_str("*")?;
        } else {
            for (i, hook) in self.hooks.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { "|" })?;
                match hook.in_block() {
                    false => {}
                    true if self.layers == Layers::ALL => f.write_str("blocks.*.")?,
                    true if first == last => write!(f, "blocks.{first}.")?,
                    true => write!(f, "blocks.{first}-{last}.")?,
                }
                f.write_str(hook.name())?;
            }
        }
        write!(f, ":{}@{}", self.stats, self.positions)
    }
}

/// Rules with `; ` between them.
impl fmt::Display for ProbePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rule) in self.rules.iter().enumerate() {
            write!(f, "{}{rule}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
