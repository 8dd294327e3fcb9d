//! What the statistics of a probe cost, one by one and all together.

use harness::Board;
use lacuna::fixture::{Numbers, activations};
use lacuna::kernels::Isa;
use lacuna::num::Rng;
use lacuna::probe::{Stat, StatSet, Values, measure};

use crate::{Clock, line};

/// Widths of the vectors.
const WIDTHS: [usize; 2] = [64, 256];

/// Prints `stat-hoyer-64` and the like; `stat-anywhere-64` is all that are not of logits. `None` if a vector could not be
/// measured.
pub(crate) fn costs<B: Board>(clock: &mut Clock<B>) -> Option<()> {
    for d in WIDTHS {
        let x = activations(&mut Rng::new(2), d, 0, Numbers::Tame);
        let mut count = |name: &str, set: StatSet| {
            let (mut values, mut ok) = (Values::EMPTY, true);
            let instructions = clock.instructions(|| ok &= measure(&x, set, 0.0, &mut values));
            line(
                &format_args!("stat-{name}-{d}"),
                Isa::Portable,
                instructions,
                d,
            );
            (ok && values.set() == set).then_some(())
        };
        for stat in Stat::ALL {
            count(stat.name(), StatSet::of(&[stat]))?;
        }
        count("anywhere", StatSet::ANYWHERE)?;
    }
    Some(())
}
