//! The plan that a file gets unless somebody chooses another.
//!
//! Costs are those of the Cortex-M4F that `cargo bench --bench boards` counts: a statistic's instructions on 64 and on 256
//! elements give what it costs in general, a straight line; the products of a token come from the exporter's own table.
//! Statistics that are measured together share passes over the vector, which is not counted: the true share is lower.

use core::str::FromStr;
use std::sync::LazyLock;

use lacuna::config::Config;
use lacuna::probe::{
    Hook, HookSet, Layers, PlanProbe, Positions, ProbePlan, Rule, Sketch, Stat, StatSet,
};

/// Most of a token's instructions that a default plan may take.
const SHARE: f64 = 0.05;
/// Tokens between two that are looked at, beyond which a leaner plan is taken.
const FAR: u64 = 64;
/// Sketches that no device misses, bytes.
const FEW: usize = 4096;
/// Instructions of a site that is not looked at.
const PASSED: f64 = 12.0;

/// What a token costs without a probe, and what memory there is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Instructions of a token's products on a Cortex-M4F.
    pub instructions: f64,
    /// `State::len` of the whole context.
    pub state: usize,
}

/// A plan and what it is expected to cost.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The plan.
    pub plan: ProbePlan,
    /// Share of a token's instructions.
    pub share: f64,
}

/// The richest of a few plans that takes at most 5 % of a token's instructions, and of memory 4 KiB or a tenth of the
/// state; the leanest, as rarely as it must be, where none does.
///
/// All of them look at every site of every n-th token, and at the final norm and the logits where a prompt ends, which
/// is counted as often.
pub fn choose(config: &Config, load: Load) -> Chosen {
    let everywhere: [&[Stat]; 4] = [
        &[
            Stat::ZeroShare,
            Stat::Hoyer,
            Stat::Top10,
            Stat::Participation,
        ],
        &[Stat::ZeroShare, Stat::Hoyer, Stat::Participation],
        &[Stat::ZeroShare, Stat::Hoyer],
        &[Stat::Hoyer],
    ];
    let mut last = None;
    for (i, stats) in everywhere.into_iter().enumerate() {
        let stats = StatSet::of(stats);
        let ends = if i < 3 { StatSet::ALL } else { stats };
        let cost = cost(&plan(stats, ends, 1), config);
        let passed = PASSED * lacuna::probe::Site::count(config.n_layers) as f64;
        let room = (SHARE * load.instructions - passed).max(1.0);
        let n = (cost / room).ceil().clamp(1.0, f64::from(u16::MAX)) as u64;
        let plan = plan(stats, ends, n as u16);
        let bytes = PlanProbe::cells_len(&plan, config.n_layers) * size_of::<Sketch>();
        let share = (cost / n as f64 + passed) / load.instructions.max(1.0);
        let near = n <= FAR.min(config.seq_len as u64 / 2);
        let chosen = Chosen { plan, share };
        if near && bytes <= FEW.max(load.state / 10) {
            return chosen;
        }
        last = Some(chosen);
    }
    last.unwrap_or(Chosen {
        plan: ProbePlan::new(),
        share: 0.0,
    })
}

fn plan(everywhere: StatSet, ends: StatSet, n: u16) -> ProbePlan {
    let rule = |hooks, stats, positions| Rule {
        hooks,
        layers: Layers::ALL,
        stats,
        positions,
    };
    let rules = [
        rule(
            HookSet::of(&[Hook::Logits]),
            everywhere.or(StatSet::OF_LOGITS),
            Positions::LastPrompt,
        ),
        rule(
            HookSet::of(&[Hook::LnFinal]),
            ends.and(StatSet::ANYWHERE),
            Positions::LastPrompt,
        ),
        rule(HookSet::ALL, everywhere, Positions::Every(n)),
    ];
    ProbePlan::of(&rules).unwrap_or_default()
}

/// Instructions of a token at which all of the plan is due.
fn cost(plan: &ProbePlan, config: &Config) -> f64 {
    let pairs = plan.pairs(config.n_layers);
    pairs
        .map(|(site, stat)| {
            let (fixed, each) = COSTS[stat as usize];
            fixed + each * config.width_of(site.hook) as f64
        })
        .sum()
}

/// Instructions of every statistic: of a vector, and of an element.
static COSTS: LazyLock<[(f64, f64); Stat::COUNT]> = LazyLock::new(|| {
    let text = include_str!("../../../benches/boards.txt");
    Stat::ALL.map(|stat| {
        let at = |d: usize| {
            let name = format!("qemu-mps2-an386 stat-{stat}-{d} ");
            let line = text.lines().find_map(|l| l.strip_prefix(&name))?;
            f64::from_str(line.split(' ').nth(1)?).ok()
        };
        // A statistic that nobody has counted is taken for the dearest kind.
        let (small, large) = (at(64).unwrap_or(20_000.0), at(256).unwrap_or(80_000.0));
        let each = (large - small) / 192.0;
        (small - 64.0 * each, each)
    })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::PLAIN;

    const CONFIG: Config = Config {
        dim: 128,
        hidden_dim: 512,
        n_layers: 4,
        n_heads: 4,
        n_kv_heads: 4,
        head_dim: 32,
        seq_len: 256,
        position: lacuna::config::Position::Rope,
        ..PLAIN
    };

    #[test]
    fn every_statistic_has_been_counted() {
        for (stat, (fixed, each)) in Stat::ALL.into_iter().zip(*COSTS) {
            assert!(
                each > 1.0 && each < 300.0,
                "{stat}: {fixed} + {each} an element"
            );
        }
    }

    #[test]
    fn a_dear_token_buys_a_rich_plan_and_every_plan_keeps_its_share() {
        let of = |instructions, state| {
            let chosen = choose(
                &CONFIG,
                Load {
                    instructions,
                    state,
                },
            );
            let n = match chosen.plan.rules()[2].positions {
                Positions::Every(n) => n,
                other => panic!("{other}"),
            };
            (chosen, n)
        };
        let (rich, n) = of(3e6, 1 << 20);
        assert!(n <= 64 && rich.share <= SHARE, "{n} {}", rich.share);
        let (lean, m) = of(3e5, 1 << 20);
        assert!(lean.share <= SHARE && m >= n, "{m} {}", lean.share);
        let (small, _) = of(3e6, 0);
        let bytes = |c: &Chosen| PlanProbe::cells_len(&c.plan, 4);
        assert!(bytes(&small) < bytes(&rich));
    }
}
