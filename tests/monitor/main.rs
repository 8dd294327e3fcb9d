//! The monitor from outside: what it answers, what it remembers, and how often it is wrong.

mod alarms;
mod drift;
mod store;
mod verdicts;

use lacuna::config::Config;
use lacuna::fixture::model::{self, DENSE, Lines, QUARTER};
use lacuna::fixture::{Form, Pattern};
use lacuna::format::Calibration;
use lacuna::format::calibration::{Arrays, Input, LEVELS, Rule, Settings, Unit, Watch};
use lacuna::num::Rng;
use lacuna::probe::{Hook, Site};
use lacuna::sparse::{Major, ValueType};

pub(crate) const MODEL: [u8; 8] = *b"a model.";
pub(crate) const LOGITS: Site = Site {
    layer: 0,
    hook: Hook::Logits,
};
/// The score of a window of vectors of one element is their mean size.
pub(crate) const RMS: u32 = 1 << 4;
pub(crate) static WATCH: [Watch; 1] = [Watch::new(LOGITS, RMS)];

pub(crate) fn config() -> Config {
    DENSE
}

/// A model with AbsTopK, a tenth of its weights present.
pub(crate) fn quarter() -> Lines {
    let csr = Form {
        pattern: Pattern::Csr,
        value_type: ValueType::F32,
        major: Major::Output,
    };
    model::file(&QUARTER, 26, &|_| csr).expect("a file")
}

/// A calibration whose score is the mean rms of the logits.
pub(crate) fn calibration<'a>(
    settings: Settings,
    scores: &'a [f32],
    tails: &'a [f32],
) -> Calibration<'a> {
    let arrays = Arrays {
        sites: &WATCH,
        mean: &[0.0],
        sd: &[1.0],
        map: &[1.0],
        bank: &[],
        scores,
        tails,
    };
    Calibration::new(&config(), settings, 0, arrays).expect("a calibration")
}

/// Windows of two tokens, blocks of one window, a false alarm in four.
pub(crate) fn settings() -> Settings {
    Settings {
        input: Input::Statistics,
        rule: Rule::Weighted,
        unit: Unit::File,
        window: 2,
        every: 1,
        block: 1,
        units: 3,
        fitted: 3,
        windows: 3,
        eps: 0.0,
        alpha: 0.25,
        rate_low: 0.0,
        rate_high: 1.0,
        threshold: 3.0,
        run_length: 50.0,
        edges: core::array::from_fn(|i| (i + 1) as f32 / 4.0),
        counts: [0; LEVELS],
    }
}

/// A standard normal number, by Box and Muller.
pub(crate) fn normal(rng: &mut Rng) -> f32 {
    let (u, v) = (1.0 - f64::from(rng.next_f32()), f64::from(rng.next_f32()));
    ((-2.0 * u.ln()).sqrt() * (core::f64::consts::TAU * v).cos()) as f32
}
