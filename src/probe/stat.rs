//! The statistics, by name and number.

use core::fmt;

use serde::{Deserialize, Serialize};

/// One number that says how a vector x of width d is shaped; a = |x|.
///
/// Numbers are stored in files and sent by devices: they are never used again for something else. Formulas are those of
/// `2603.03415` and its code; where its scripts differ, both forms are here under names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Stat {
    /// Share of elements that are exactly zero.
    ZeroShare = 0,
    /// Share of elements with a ≤ ε, exact zeros included.
    LeEpsShare = 1,
    /// Share of elements with a > mean(a) + sd(a), sd of the population; the paper's "L0 norm".
    AboveShare = 2,
    /// Σa / (d · rms): 1 for equal magnitudes, 1/√d for one nonzero element.
    L1 = 3,
    /// √(Σa²/d), in the units of x.
    Rms = 4,
    /// (√d − Σa/√Σa²) / (√d − 1): 0 for equal magnitudes, 1 for one nonzero element (Hoyer, 2004).
    Hoyer = 5,
    /// 2·Σ i·a₍ᵢ₎/(d·Σa) − (d+1)/d over ascending a₍ᵢ₎: 0 for equal magnitudes, 1 − 1/d for one nonzero element.
    Gini = 6,
    /// Share of Σa² in the max(1, ⌊d/100⌋) largest elements.
    Top1 = 7,
    /// Share of Σa² in the max(1, ⌊5d/100⌋) largest elements.
    Top5 = 8,
    /// Share of Σa² in the max(1, ⌊10d/100⌋) largest elements.
    Top10 = 9,
    /// (Σa²)² / (d·Σa⁴): participation ratio, 1 for equal magnitudes, 1/d for one nonzero element.
    Participation = 10,
    /// m₄/m₂² of a about its mean (Pearson's, not the excess); 1 where all are equal.
    Kurtosis = 11,
    /// exp(−Σ p ln p)/d with p = a²/Σa²: effective rank, 1 for equal magnitudes, 1/d for one nonzero element.
    EffRankEnergy = 12,
    /// The same with p = a/Σa.
    EffRankMagnitude = 13,
    /// The largest probability of softmax(x); of logits only.
    MaxSoftmax = 14,
    /// −Σ p ln p of p = softmax(x), nats; of logits only.
    Entropy = 15,
    /// −ln Σ exp(x), nats (Liu et al., "Energy-based out-of-distribution detection"); of logits only.
    EnergyScore = 16,
}

impl Stat {
    /// Number of statistics.
    pub const COUNT: usize = 17;

    /// Every statistic by its number.
    pub const ALL: [Stat; Stat::COUNT] = [
        Stat::ZeroShare,
        Stat::LeEpsShare,
        Stat::AboveShare,
        Stat::L1,
        Stat::Rms,
        Stat::Hoyer,
        Stat::Gini,
        Stat::Top1,
        Stat::Top5,
        Stat::Top10,
        Stat::Participation,
        Stat::Kurtosis,
        Stat::EffRankEnergy,
        Stat::EffRankMagnitude,
        Stat::MaxSoftmax,
        Stat::Entropy,
        Stat::EnergyScore,
    ];

    /// The name in tables, plans and columns: snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Stat::ZeroShare => "zero_share",
            Stat::LeEpsShare => "le_eps_share",
            Stat::AboveShare => "above_share",
            Stat::L1 => "l1",
            Stat::Rms => "rms",
            Stat::Hoyer => "hoyer",
            Stat::Gini => "gini",
            Stat::Top1 => "top1",
            Stat::Top5 => "top5",
            Stat::Top10 => "top10",
            Stat::Participation => "participation",
            Stat::Kurtosis => "kurtosis",
            Stat::EffRankEnergy => "eff_rank_energy",
            Stat::EffRankMagnitude => "eff_rank_magnitude",
            Stat::MaxSoftmax => "max_softmax",
            Stat::Entropy => "entropy",
            Stat::EnergyScore => "energy_score",
        }
    }

    /// The statistic of a name.
    pub fn from_name(name: &str) -> Option<Stat> {
        Stat::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The statistic of a number.
    pub const fn from_number(number: u8) -> Option<Stat> {
        if (number as usize) < Stat::COUNT {
            Some(Stat::ALL[number as usize])
        } else {
            None
        }
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Some statistics: bit `s as u8` for statistic `s`. Bits without a meaning are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatSet(pub u32);

impl StatSet {
    /// None.
    pub const EMPTY: StatSet = StatSet(0);
    /// All of them.
    pub const ALL: StatSet = StatSet((1 << Stat::COUNT) - 1);
    /// Those that have a meaning at logits only.
    pub const OF_LOGITS: StatSet = StatSet(0b111 << 14);
    /// Those that have a meaning at every site.
    pub const ANYWHERE: StatSet = StatSet(Self::ALL.0 & !Self::OF_LOGITS.0);

    /// Just these.
    pub const fn of(stats: &[Stat]) -> StatSet {
        let (mut bits, mut i) = (0, 0);
        while i < stats.len() {
            bits |= 1 << stats[i] as u32;
            i += 1;
        }
        StatSet(bits)
    }

    /// These and `stat`.
    #[must_use]
    pub const fn with(self, stat: Stat) -> StatSet {
        StatSet(self.0 | 1 << stat as u32)
    }

    /// Those in either.
    #[must_use]
    pub const fn or(self, other: StatSet) -> StatSet {
        StatSet(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: StatSet) -> StatSet {
        StatSet(self.0 & other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: StatSet) -> StatSet {
        StatSet(self.0 & !other.0)
    }

    /// Whether `stat` is among them.
    pub const fn has(self, stat: Stat) -> bool {
        self.0 & 1 << stat as u32 != 0
    }

    /// Whether any of `other` is among them.
    pub const fn meets(self, other: StatSet) -> bool {
        self.0 & other.0 & Self::ALL.0 != 0
    }

    /// Whether none is.
    pub const fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        (self.0 & Self::ALL.0).count_ones() as usize
    }

    /// How many have a lower number than `stat`.
    pub const fn rank(self, stat: Stat) -> usize {
        (self.0 & ((1 << stat as u32) - 1)).count_ones() as usize
    }

    /// Each, by ascending number.
    pub fn iter(self) -> impl Iterator<Item = Stat> {
        Stat::ALL.into_iter().filter(move |s| self.has(*s))
    }
}

/// Names with commas between them, as a plan has them.
impl fmt::Display for StatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, stat) in self.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(stat.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back() {
        for (i, stat) in Stat::ALL.into_iter().enumerate() {
            assert_eq!(stat as usize, i);
            assert_eq!(Stat::from_number(i as u8), Some(stat));
            assert_eq!(Stat::from_name(stat.name()), Some(stat));
        }
        assert_eq!(Stat::from_number(17), None);
        assert_eq!(Stat::from_name(""), None);
    }

    #[test]
    fn sets_are_sets() {
        let some = StatSet::of(&[Stat::Top10, Stat::Hoyer]);
        assert_eq!((some.len(), some.rank(Stat::Top10)), (2, 1));
        assert!(some.iter().eq([Stat::Hoyer, Stat::Top10]));
        assert!(StatSet::ALL.iter().eq(Stat::ALL));
        assert!(
            StatSet::OF_LOGITS
                .iter()
                .eq([Stat::MaxSoftmax, Stat::Entropy, Stat::EnergyScore])
        );
        assert!(StatSet(1 << 31).is_empty() && !some.meets(StatSet::OF_LOGITS));
        assert_eq!(StatSet::ALL.without(StatSet::OF_LOGITS), StatSet::ANYWHERE);
    }
}
