//! What a device in the field is to measure, as job and model say it.
//!
//! # Why
//! Plan and calibration are some hundred bytes. A run that has neither is not to carry their places on its stack, so what
//! they need is found first and they are read again by the pass that follows them.

use core::fmt;

use lacuna::config::Config;
use lacuna::format::{Calibration, File};
use lacuna::model::Limits;
use lacuna::monitor::Monitor;
use lacuna::probe::record::{self, MAX_PLAN};
use lacuna::probe::{PlanProbe, ProbePlan};

use crate::board::Firmware;
use crate::job::{Job, Plan};
use crate::memory::Needs;

/// A plan, a calibration to monitor by, or both.
pub(crate) struct Orders<'a> {
    pub(crate) plan: Option<ProbePlan>,
    pub(crate) calibration: Option<Calibration<'a>>,
}

/// Orders that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The firmware was built without it.
    NotBuilt(&'static str),
    /// The bytes of a plan are none.
    BadPlan,
    /// The model file has no such block.
    NoBlock(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotBuilt(what) => write!(f, "this firmware was built without {what}"),
            Refusal::BadPlan => f.write_str("the probe plan is not well formed"),
            Refusal::NoBlock(what) => write!(f, "the model has no {what}"),
        }
    }
}

impl<'a> Orders<'a> {
    /// The orders of `job` for a model, as far as firmware `F` can follow them.
    ///
    /// # Errors
    /// [`Refusal`].
    #[inline(never)]
    pub(crate) fn of<F: Firmware>(job: &Job<'_>, file: &File<'a>) -> Result<Self, Refusal> {
        let plan = match job.plan {
            None => None,
            Some(_) if !F::PLAN => return Err(Refusal::NotBuilt("probe plans")),
            Some(Plan::File) => Some(file.plan().ok_or(Refusal::NoBlock("probe plan"))?),
            Some(Plan::Hex(hex)) => {
                let mut buffer = [0; MAX_PLAN];
                let plan = Plan::bytes(hex, &mut buffer).and_then(record::plan);
                Some(plan.ok_or(Refusal::BadPlan)?)
            }
        };
        let calibration = match job.monitor {
            false => None,
            true if !F::MONITOR => return Err(Refusal::NotBuilt("a monitor")),
            true => Some(file.calibration().ok_or(Refusal::NoBlock("calibration"))?),
        };
        Ok(Orders { plan, calibration })
    }
}

/// What a run of `job` under `limits` needs, and the tokens of a window.
///
/// # Errors
/// [`Refusal`].
#[inline(never)]
pub(crate) fn needs<F: Firmware>(
    job: &Job<'_>,
    file: &File<'_>,
    limits: Limits,
) -> Result<(Needs, u32), Refusal> {
    let config: &Config = file.config();
    let windows = config.window_len() > 0;
    if windows && !F::WINDOWS {
        return Err(Refusal::NotBuilt("models of windows"));
    }
    let (mut cells, mut floats, mut window) = (0, 0, u32::MAX);
    if job.in_the_field() {
        let orders = Orders::of::<F>(job, file)?;
        let of = |plan| PlanProbe::cells_len(plan, config.n_layers);
        cells = orders.plan.as_ref().map_or(0, of);
        if let Some(calibration) = &orders.calibration {
            floats = Monitor::memory_len(calibration);
            window = calibration.settings().window;
        }
    }
    // A model of windows is asked about each.
    let window = if windows {
        1
    } else {
        job.window.unwrap_or(window).max(1)
    };
    Ok((Needs::of(config, limits, cells, floats), window))
}
