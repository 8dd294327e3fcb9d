//! One invented device: when it starts, what it measures, what its link loses.
//!
//! ```text
//! value = base(site, statistic) + offset(device) + day and night + drift(cohort, day) + trouble + noise
//! ```
//!
//! # Invariants
//! - Everything of a device follows from the plan's seed and the device's number.
//! - Shares stay within 0 … 1.

use fastrand::Rng;
use lacuna::probe::{Sketch, Stat};
use statrs::distribution::{ContinuousCDF, Normal};

use super::sheet::{Sheet, Sketched};
use super::{BEGIN_MS, COHORTS, HOUR_MS, Plan};

/// What is measured: layer, hook, site, statistic, usual value, spread within a device.
pub(super) const MEASURED: [(u8, &str, &str, Stat, f64, f64); 12] = [
    (
        0,
        "mlp.hook_post",
        "blocks.0.mlp.hook_post",
        Stat::ZeroShare,
        0.874,
        0.012,
    ),
    (
        0,
        "mlp.hook_post",
        "blocks.0.mlp.hook_post",
        Stat::Top10,
        0.812,
        0.021,
    ),
    (
        1,
        "mlp.hook_post",
        "blocks.1.mlp.hook_post",
        Stat::ZeroShare,
        0.861,
        0.014,
    ),
    (
        1,
        "mlp.hook_post",
        "blocks.1.mlp.hook_post",
        Stat::Top10,
        0.794,
        0.024,
    ),
    (
        0,
        "attn.hook_z",
        "blocks.0.attn.hook_z",
        Stat::Hoyer,
        0.324,
        0.019,
    ),
    (
        1,
        "attn.hook_z",
        "blocks.1.attn.hook_z",
        Stat::Hoyer,
        0.342,
        0.022,
    ),
    (
        0,
        "hook_resid_final",
        "hook_resid_final",
        Stat::Hoyer,
        0.231,
        0.011,
    ),
    (
        0,
        "hook_resid_final",
        "hook_resid_final",
        Stat::Top10,
        0.452,
        0.016,
    ),
    (
        0,
        "hook_resid_final",
        "hook_resid_final",
        Stat::EffRankEnergy,
        0.468,
        0.013,
    ),
    (
        0,
        "hook_resid_final",
        "hook_resid_final",
        Stat::Rms,
        3.91,
        0.27,
    ),
    (
        0,
        "unembed.hook_logits",
        "unembed.hook_logits",
        Stat::MaxSoftmax,
        0.612,
        0.083,
    ),
    (
        0,
        "unembed.hook_logits",
        "unembed.hook_logits",
        Stat::Entropy,
        1.347,
        0.214,
    ),
];

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    Saturated,
    BadLink,
    Faulty,
}

impl Trouble {
    /// The trouble of device `number`; the first dozen devices have one of each.
    pub(super) fn of(number: u32) -> Self {
        match number {
            4 => Trouble::Saturated,
            6 => Trouble::BadLink,
            9 => Trouble::Faulty,
            _ => Trouble::None,
        }
    }
}

/// One start of a device, and how long it then ran.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot {
    pub(super) number: u32,
    begin_ms: u64,
    end_ms: u64,
}

fn rng(plan: &Plan, number: u32, what: u64) -> Rng {
    Rng::with_seed(plan.seed.wrapping_mul(0x9e37_79b9) ^ (u64::from(number) << 24) ^ what)
}

/// Standard normal (Box and Muller, 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (core::f64::consts::TAU * rng.f64()).cos()
}

/// The starts of device `number`: every four days or so it is reset.
pub(super) fn boots(plan: &Plan, number: u32) -> Vec<Boot> {
    let mut rng = rng(plan, number, 0xb007);
    let end = u64::from(plan.days) * 24 * HOUR_MS;
    let (mut begin, mut boots) = (rng.u64(0..HOUR_MS), Vec::new());
    while begin < end {
        let days = -4.0 * (1.0 - rng.f64()).ln();
        let ran = (days * 24.0 * HOUR_MS as f64) as u64 + HOUR_MS;
        boots.push(Boot {
            number: boots.len() as u32 + 1,
            begin_ms: begin,
            end_ms: (begin + ran).min(end),
        });
        begin += ran + rng.u64(2_000..600_000);
    }
    boots
}

/// Frames on their way to the host: numbered, some lost.
struct Link<'a> {
    sheet: &'a mut Sheet,
    rng: Rng,
    loss: f64,
    seq: u32,
    /// Lost since the last frame that arrived; the first and the last of a boot cannot be counted.
    missing: u64,
    lost: u64,
    heard: bool,
}

impl Link<'_> {
    /// Sends one frame; `write` is called if it arrives.
    fn send(&mut self, uptime_ms: u64, received_ms: i64, write: impl FnOnce(&mut Sheet)) {
        let seq = self.seq;
        self.seq += 1;
        if self.rng.f64() < self.loss {
            self.missing += u64::from(self.heard);
            return;
        }
        self.lost += core::mem::take(&mut self.missing);
        self.heard = true;
        self.sheet.begin(seq, uptime_ms, received_ms);
        write(self.sheet);
    }
}

/// Runs device `number` from one start to the next and returns how many frames were lost on the way.
pub(super) fn run(plan: &Plan, number: u32, boot: &Boot, sheet: &mut Sheet) -> u64 {
    let trouble = Trouble::of(number);
    let mut offsets = rng(plan, number, 0x0ff);
    let offset: Vec<f64> = MEASURED
        .iter()
        .map(|m| 0.25 * m.5 * normal(&mut offsets))
        .collect();
    let mut rng = rng(plan, number, u64::from(boot.number) << 8);
    let mut link = Link {
        sheet,
        rng: rng.fork(),
        loss: if trouble == Trouble::BadLink {
            0.2
        } else {
            0.008
        },
        seq: 0,
        missing: 0,
        lost: 0,
        heard: false,
    };
    let drifts = number as usize % COHORTS.len() == COHORTS.len() - 1;
    let mut now = boot.begin_ms;
    let at = |now: u64| (now - boot.begin_ms, BEGIN_MS + now as i64);
    let (up, host) = at(now);
    link.send(up, host, |s| s.text("hello", "qemu-mps2-an386 armv7em"));
    link.send(up, host, |s| {
        s.text("health", "reset power_on, self-test passed")
    });
    while now < boot.end_ms {
        let day = now as f64 / (24.0 * HOUR_MS as f64);
        let half = f64::from(plan.days) / 2.0;
        // From the middle on, by a sixth of the usual spread a day.
        let moved = if drifts {
            (day - half).max(0.0) / 6.0
        } else {
            0.0
        };
        let night = 0.1 * (core::f64::consts::TAU * day).sin();
        let (up, host) = at(now);
        for (m, offset) in MEASURED.iter().zip(&offset) {
            let (layer, hook, site, stat, usual, spread) = *m;
            let saturated = trouble == Trouble::Saturated && hook == "mlp.hook_post";
            let centre =
                usual + offset + spread * (night + moved - if saturated { 2.5 } else { 0.0 });
            let top = if matches!(stat, Stat::Rms | Stat::Entropy) {
                f64::MAX
            } else {
                1.0
            };
            let mut sketch = Sketch::default();
            for _ in 0..24 + rng.u32(0..16) {
                let value = (centre + spread * normal(&mut rng)).clamp(0.0, top);
                sketch.push(stat, value as f32);
            }
            let sketched = Sketched {
                layer,
                hook,
                site,
                stat: stat.name(),
                sketch,
            };
            link.send(up, host, |s| s.sketch(&sketched));
        }
        for window in 0..6u64 {
            let at_window = now + window * u64::from(plan.hours) * HOUR_MS / 6;
            if at_window >= boot.end_ms {
                break;
            }
            let (up, host) = at(at_window);
            let score = normal(&mut rng) + moved;
            let p = 1.0 - lower(score);
            let faulty = trouble == Trouble::Faulty && rng.f64() < 0.03;
            let answer = match () {
                () if faulty => "faulty",
                () if moved > 0.6 && rng.f64() < moved / 3.0 => "drifting",
                () if p < 0.01 => "unfamiliar",
                () => "ok",
            };
            let wealth = (moved * 4.0).exp() * rng.f64();
            link.send(up, host, |s| s.window(answer, score, p, wealth));
        }
        now += u64::from(plan.hours.max(1)) * HOUR_MS;
    }
    link.lost
}

/// P(Z ≤ z) of a standard normal Z.
fn lower(z: f64) -> f64 {
    // Mean 0 and deviation 1 are a distribution.
    Normal::new(0.0, 1.0).map_or(0.5, |normal| normal.cdf(z))
}
