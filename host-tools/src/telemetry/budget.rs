//! How much of a model can be watched for so many bytes a day.
//!
//! ```text
//! bytes a day − starts (Hello, Plan) − windows (Window) = reports × (Health + Monitor + one Sketch a site and statistic)
//! ```
//!
//! # Invariants
//! - Sizes are those of frames that were encoded, with the numbers of a device that has run for a month.
//!
//! # Why
//! A link's bill is in bytes a day, and a plan's is in sketches: only the real frames can tell how the one becomes the other.

use lacuna::probe::record::{Encoder, MAX_PLAN, Record, Reset, SelfTest};
use lacuna::probe::{
    Answer, BINS, Hook, HookSet, Layers, Positions, ProbePlan, Rule, Site, Sketch, Stat, StatSet,
};
use serde::Serialize;

/// Bytes of the frames of each kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sizes {
    /// One statistic at one site.
    pub sketch: u64,
    /// A verdict.
    pub window: u64,
    /// The state of the sequential test.
    pub monitor: u64,
    /// How the device is.
    pub health: u64,
    /// The greeting after a start.
    pub hello: u64,
    /// The plan, said after a start.
    pub plan: u64,
}

impl Sizes {
    /// The sizes for a device with this plan.
    pub fn of(plan: &ProbePlan) -> Sizes {
        // A month of milliseconds, 300 starts, a frame every two seconds.
        const UPTIME: u64 = 30 * 24 * 3600 * 1000;
        let bytes = |record: Record<'_>| {
            let mut encoder = Encoder::new(u64::MAX / 3, 300);
            encoder.model_id = [0x5a; 8];
            encoder.skip(1 << 20);
            encoder.frame(UPTIME, record).map_or(0, <[u8]>::len) as u64
        };
        let mut memory = [0; MAX_PLAN];
        let (answer, drift) = (Answer::Unfamiliar, 1.1);
        Sizes {
            sketch: bytes(Record::Sketch {
                site: Site {
                    layer: 3,
                    hook: Hook::MlpPost,
                },
                stat: Stat::Hoyer,
                sketch: Sketch {
                    n: 100_000,
                    mean: 0.3,
                    m2: 1.1,
                    min: 0.1,
                    max: 0.9,
                    histogram: [6250; BINS],
                },
            }),
            window: bytes(Record::Window {
                index: 1 << 20,
                positions: 64,
                answer,
                score: 1.1,
                p: 0.3,
                drift,
            }),
            monitor: bytes(Record::Monitor {
                answer,
                windows: 1 << 20,
                unfamiliar: 1 << 14,
                drift,
                threshold: 20.3,
                saves: 1 << 14,
            }),
            health: bytes(Record::Health {
                reset: Reset::PowerOn,
                self_test: SelfTest::Passed,
                dropped: 0,
                stack: 5000,
            }),
            hello: bytes(Record::Hello {
                board: "a-board-of-20-letters",
                isa: "armv7em",
                ram: 100_000,
                flash: 1_000_000,
                context: 256,
                ticks_per_second: 64_000_000,
            }),
            plan: bytes(Record::plan(plan, &mut memory)),
        }
    }
}

/// What a link carries in a day besides sketches.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spending {
    /// Bytes that may be sent in a day.
    pub bytes_per_day: u64,
    /// Windows whose verdict is sent.
    pub windows_per_day: u64,
    /// Starts of the device.
    pub starts_per_day: u64,
}

/// A plan and what it costs.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    /// What it is, in a few words.
    pub name: &'static str,
    /// The plan's text.
    pub plan: String,
    /// Sites it looks at.
    pub sites: usize,
    /// Sketches of a report.
    pub sketches: usize,
    /// Bytes of a report: health, monitor and all sketches.
    pub report_bytes: u64,
    /// Most reports a day; fractions of one, where it takes days to send one.
    pub reports_per_day: f64,
    /// Seconds between reports; nothing if the budget has no room for any.
    pub interval_s: Option<f64>,
    /// What must be said whatever the plan, bytes a day.
    pub fixed_bytes_per_day: u64,
    /// Whether the wanted interval can be kept; true where none was asked for.
    pub fits: bool,
}

/// A plan, how often it reports, and what that takes.
#[derive(Clone, Debug, Serialize)]
pub struct Price {
    /// Frames of all kinds in a day, bytes.
    pub bytes_per_day: u64,
    /// The plan with that budget: it fits exactly.
    #[serde(flatten)]
    pub plan: Offer,
}

const CHEAP: StatSet = StatSet::of(&[Stat::ZeroShare, Stat::LeEpsShare, Stat::Hoyer]);
const LIGHT: StatSet = StatSet::of(&[Stat::ZeroShare, Stat::Rms]);
const AT_LOGITS: StatSet = StatSet::of(&[Stat::MaxSoftmax, Stat::Entropy, Stat::EnergyScore]);

fn plan(rules: &[(HookSet, StatSet)]) -> ProbePlan {
    let mut plan = ProbePlan::new();
    for (hooks, stats) in rules {
        let rule = Rule {
            hooks: *hooks,
            layers: Layers::ALL,
            stats: *stats,
            positions: Positions::Every(8),
        };
        // Far fewer than a plan has room for.
        let _ = plan.push(rule);
    }
    plan
}

/// Plans of falling size, the model's own first if it has one.
pub fn choices(own: Option<ProbePlan>) -> Vec<(&'static str, ProbePlan)> {
    let logits = HookSet::of(&[Hook::Logits]);
    let inside = HookSet(HookSet::ALL.0 & !logits.0);
    let blocks = HookSet::of(&[Hook::AttnOut, Hook::MlpPost, Hook::ResidFinal]);
    let last = HookSet::of(&[Hook::ResidFinal]);
    let mut all: Vec<_> = own.into_iter().map(|p| ("the chosen plan", p)).collect();
    all.extend([
        (
            "everything everywhere",
            plan(&[(HookSet::ALL, StatSet::ALL)]),
        ),
        (
            "zeros, small values and Hoyer everywhere",
            plan(&[(logits, CHEAP.or(AT_LOGITS)), (inside, CHEAP)]),
        ),
        (
            "the same at attn_out, mlp post, the last residual and logits",
            plan(&[(logits, AT_LOGITS), (blocks, CHEAP)]),
        ),
        (
            "zeros and rms at the same sites",
            plan(&[(logits, AT_LOGITS), (blocks, LIGHT)]),
        ),
        (
            "rms of the last residual, entropy and softmax of the logits",
            plan(&[(logits, AT_LOGITS), (last, StatSet::of(&[Stat::Rms]))]),
        ),
        (
            "one number: entropy of the logits",
            plan(&[(logits, StatSet::of(&[Stat::Entropy]))]),
        ),
    ]);
    all
}

/// The offers for a model with `n_layers` blocks, in the order of [`choices`]; `interval_s` is what is wanted.
pub fn offers(
    n_layers: usize,
    own: Option<ProbePlan>,
    spending: Spending,
    interval_s: Option<f64>,
) -> Vec<Offer> {
    let each = choices(own).into_iter();
    each.map(|(name, plan)| offer(name, &plan, n_layers, spending, interval_s))
        .collect()
}

/// What `plan` costs, and how often `spending` lets it report.
pub fn offer(
    name: &'static str,
    plan: &ProbePlan,
    n_layers: usize,
    spending: Spending,
    interval_s: Option<f64>,
) -> Offer {
    let sizes = Sizes::of(plan);
    let pairs: Vec<(Site, Stat)> = plan.pairs(n_layers).collect();
    let mut sites: Vec<Site> = pairs.iter().map(|(site, _)| *site).collect();
    sites.dedup();
    let report_bytes = sizes.health + sizes.monitor + sizes.sketch * pairs.len() as u64;
    let starts = (sizes.hello + sizes.plan).saturating_mul(spending.starts_per_day);
    let windows = sizes.window.saturating_mul(spending.windows_per_day);
    let fixed = starts.saturating_add(windows);
    let left = spending.bytes_per_day.saturating_sub(fixed);
    let reports_per_day = left as f64 / report_bytes as f64;
    let interval = (left > 0).then(|| 86_400.0 / reports_per_day);
    Offer {
        name,
        plan: plan.to_string(),
        sites: sites.len(),
        sketches: pairs.len(),
        report_bytes,
        reports_per_day,
        interval_s: interval,
        fixed_bytes_per_day: fixed,
        fits: interval.is_some_and(|i| interval_s.is_none_or(|wanted| i <= wanted)),
    }
}

/// What reporting `plan` every `interval_s` takes, whatever `spending` says of bytes: the other way round of [`offer`].
pub fn price(plan: &ProbePlan, n_layers: usize, spending: Spending, interval_s: f64) -> Price {
    let free = Spending {
        bytes_per_day: u64::MAX,
        ..spending
    };
    let offered = |spending| offer("this plan", plan, n_layers, spending, Some(interval_s));
    let at_all = offered(free);
    let reports = at_all.report_bytes as f64 * (86_400.0 / interval_s);
    // A report that is begun on one day and ends on the next is paid for in parts; a started byte is a whole one.
    let bytes_per_day = (at_all.fixed_bytes_per_day).saturating_add(reports.ceil() as u64);
    Price {
        bytes_per_day,
        plan: offered(Spending {
            bytes_per_day,
            ..spending
        }),
    }
}

/// Bytes that a serial line of `baud` carries in a day, ten bits a byte, if `share` of its time is given to records.
pub fn of_baud(baud: u32, share: f64) -> u64 {
    (f64::from(baud) / 10.0 * 86_400.0 * share) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENDING: Spending = Spending {
        bytes_per_day: 20_000,
        windows_per_day: 24,
        starts_per_day: 1,
    };

    #[test]
    fn sizes_are_those_of_frames() {
        let sizes = Sizes::of(&choices(None)[0].1);
        for size in [
            sizes.sketch,
            sizes.window,
            sizes.monitor,
            sizes.health,
            sizes.hello,
            sizes.plan,
        ] {
            assert!((30..=150).contains(&size), "{sizes:?}");
        }
    }

    #[test]
    fn an_interval_spends_the_day_and_no_more() {
        let all = offers(4, None, SPENDING, None);
        for offer in &all {
            let spent = offer.reports_per_day * offer.report_bytes as f64;
            assert!((spent + offer.fixed_bytes_per_day as f64 - 20_000.0).abs() < 1e-6);
            assert!((offer.interval_s.unwrap() * offer.reports_per_day - 86_400.0).abs() < 1e-6);
        }
        let bytes: Vec<u64> = all.iter().map(|o| o.report_bytes).collect();
        assert!(bytes.is_sorted_by(|a, b| a > b), "{bytes:?}");
        assert_eq!(all[0].sites, Site::count(4));
        assert_eq!(all.last().unwrap().sketches, 1);
    }

    #[test]
    fn a_price_is_the_budget_that_just_fits() {
        let plan = choices(None)[2].1.clone();
        for interval in [60.0, 3600.0, 86_400.0 * 3.0] {
            let price = price(&plan, 4, SPENDING, interval);
            assert!(price.plan.fits && price.plan.interval_s.unwrap() <= interval);
            let less = Spending {
                bytes_per_day: price.bytes_per_day - 1,
                ..SPENDING
            };
            let offer = offer("", &plan, 4, less, Some(interval));
            assert!(!offer.fits, "{interval}");
            let fixed = price.plan.fixed_bytes_per_day;
            let reports = (price.bytes_per_day - fixed) as f64 / price.plan.report_bytes as f64;
            assert!(
                (reports * interval / 86_400.0 - 1.0).abs() < 1e-2,
                "{reports}"
            );
        }
    }

    #[test]
    fn the_wanted_interval_decides_and_a_poor_link_sends_nothing() {
        let hourly = offers(4, None, SPENDING, Some(3600.0));
        assert!(!hourly[0].fits && hourly.last().unwrap().fits);
        let poor = Spending {
            bytes_per_day: 100,
            ..SPENDING
        };
        let none = offers(4, Some(ProbePlan::new()), poor, None);
        assert!(none.iter().all(|o| !o.fits && o.interval_s.is_none()));
        assert_eq!((none[0].sketches, none[0].name), (0, "the chosen plan"));
        assert_eq!(of_baud(9600, 0.5), 41_472_000);
    }
}
