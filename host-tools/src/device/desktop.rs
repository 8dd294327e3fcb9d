//! The same job on this machine: what a device is compared with.

use lacuna::kernels::Isa;
use lacuna::model::{Model, State};
use lacuna::monitor::{Monitor, Passed};
use lacuna::probe::{
    At, DEFAULT_EPS, LogitDigest, PlanProbe, Probe, Site, SiteDigests, SiteStats, Sketch,
    SparsityProbe,
};
use lacuna::session::{Error, Options, Session, argmax};

use super::job::Job;
use super::observation::{Observation, Step, Window, remembered};
use super::stream;
use crate::memory::Buffer;

/// Runs `job` with `isa`, token by token or window by window, and keeps everything that can be compared.
///
/// # Errors
/// What the session meets.
pub fn observe(isa: Isa, model: &Model<'_>, job: &Job) -> Result<Observation, Error> {
    observe_with(isa, model, job, &stream::windows(model, job.tokens))
}

/// The same of a model of windows that is shown these.
///
/// # Errors
/// What the session meets.
pub fn observe_with(
    isa: Isa,
    model: &Model<'_>,
    job: &Job,
    shown: &[Vec<f32>],
) -> Result<Observation, Error> {
    let n_layers = model.config().n_layers;
    let sites = Site::count(n_layers);
    let (mut stats, mut digests) = (vec![SiteStats::NEW; sites], vec![0; sites]);
    let demand = job.demand(model);
    let (mut cells, mut floats) = (vec![Sketch::EMPTY; demand.cells], vec![0.0; demand.floats]);
    let calibration = model.file().calibration().filter(|_| job.monitor);
    // The slices have the lengths that the probes ask for.
    let probe = Windows {
        stats: SparsityProbe::new(n_layers, DEFAULT_EPS, &mut stats).expect("one place per site"),
        digests: SiteDigests::new(n_layers, &mut digests).expect("one place per site"),
        digest: LogitDigest::new(),
        plan: (job.plan.clone())
            .map(|p| PlanProbe::new(p, n_layers, &mut cells).expect("one place per cell")),
        monitor: calibration
            .map(|c| Monitor::new(model.id(), c, &mut floats).expect("as many as it needs")),
    };
    let mut arena = Buffer::zeroed(State::len(model.config(), &job.limits));
    let options = Options {
        limits: job.limits,
        when_full: job.when_full,
        isa,
    };
    let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
    if let Some(monitor) = &mut session.probe_mut().monitor {
        // The device tests itself too, and a test that fails is what a comparison is to show.
        monitor.tested(Ok(Passed::Golden));
    }
    let own = calibration.map_or(u32::MAX, |c| c.settings().window);
    let mut seen = Observation {
        prompt: job.prompt.clone(),
        ..Observation::default()
    };
    let windows = model.config().window_len() > 0;
    let pace = Pace {
        window: if windows {
            1
        } else {
            job.window.unwrap_or(own).max(1)
        },
        report: job.report.unwrap_or(u32::MAX),
    };
    for window in shown {
        let class = argmax(session.classify(window)?);
        seen.tokens.push(class);
        pace.see(&mut session, &mut seen);
    }
    for (i, &token) in job.prompt.iter().enumerate() {
        if i + 1 < job.prompt.len() {
            session.step(token)?;
        } else {
            session.prompt(&[token])?;
        }
        pace.see(&mut session, &mut seen);
    }
    let mut sampler = job.sampling.sampler();
    let tokens = if windows { 0 } else { job.tokens };
    for n in 1..=tokens {
        let token = session.sample(&mut sampler);
        seen.tokens.push(token);
        if n == tokens || Some(token) == job.stop {
            break;
        }
        session.step(token)?;
        pace.see(&mut session, &mut seen);
    }
    let positions = seen.steps.len() as u32;
    let probe = session.probe_mut();
    if !positions.is_multiple_of(pace.report) {
        probe.report(&mut seen);
    }
    if !positions.is_multiple_of(pace.window) {
        probe.end_window(positions % pace.window, &mut seen);
    }
    // In the field a device keeps no statistics over the run.
    if !job.in_the_field() {
        seen.stats = probe.stats.summaries().collect();
    }
    seen.state = (probe.monitor.as_ref())
        .map(|m| remembered(&m.state().to_bytes()))
        .unwrap_or_default();
    seen.digest = probe.digest.value();
    Ok(seen)
}

/// When windows end and sketches are reported.
struct Pace {
    window: u32,
    report: u32,
}

impl Pace {
    /// Keeps the position that was just computed, and what is due behind it.
    fn see(&self, session: &mut Session<'_, Windows<'_>>, seen: &mut Observation) {
        seen.steps.push(Step {
            sites: session.probe().digests.iter().collect(),
            logits: session.logits().to_vec(),
        });
        let positions = seen.steps.len() as u32;
        let probe = session.probe_mut();
        if positions.is_multiple_of(self.window) {
            probe.end_window(self.window, seen);
        }
        if positions.is_multiple_of(self.report) {
            probe.report(seen);
        }
    }
}

/// Everything that a device may see of a run.
struct Windows<'a> {
    stats: SparsityProbe<'a>,
    digests: SiteDigests<'a>,
    digest: LogitDigest,
    plan: Option<PlanProbe<'a>>,
    monitor: Option<Monitor<'a>>,
}

impl Windows<'_> {
    fn end_window(&mut self, positions: u32, seen: &mut Observation) {
        if let Some(verdict) = self.monitor.as_mut().and_then(Monitor::end_window) {
            seen.windows.push(Window {
                index: verdict.window,
                positions,
                answer: verdict.answer,
                score: verdict.score,
                p: verdict.p,
                drift: verdict.drift,
            });
        }
    }

    fn report(&mut self, seen: &mut Observation) {
        if let Some(plan) = &mut self.plan {
            let cells = plan.cells().filter(|c| c.2.n > 0);
            seen.sketches
                .extend(cells.map(|(site, stat, s)| (site, stat, *s)));
            plan.clear();
        }
    }
}

impl Probe for Windows<'_> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.observe_at(At::default(), site, x);
    }

    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        self.stats.observe(site, x);
        self.digests.observe(site, x);
        self.digest.observe(site, x);
        if let Some(plan) = &mut self.plan {
            plan.observe_at(at, site, x);
        }
        if let Some(monitor) = &mut self.monitor {
            monitor.observe_at(at, site, x);
        }
    }
}
