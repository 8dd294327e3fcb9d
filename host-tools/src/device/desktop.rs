//! The same job on this machine: what a device is compared with.

use lacuna::kernels::Isa;
use lacuna::model::{Model, State};
use lacuna::probe::{DEFAULT_EPS, LogitDigest, Site, SiteDigests, SiteStats, SparsityProbe};
use lacuna::session::{Error, Options, Session, argmax};

use super::job::Job;
use super::observation::{Observation, Step};
use crate::memory::Buffer;

/// Runs `job` with `isa` and keeps everything that can be compared.
///
/// # Errors
/// What the session meets.
pub fn observe(isa: Isa, model: &Model<'_>, job: &Job) -> Result<Observation, Error> {
    let n_layers = model.config().n_layers;
    let sites = Site::count(n_layers);
    let (mut stats, mut digests) = (vec![SiteStats::NEW; sites], vec![0; sites]);
    let probe = (
        // The slices have the length that the probes ask for.
        SparsityProbe::new(n_layers, DEFAULT_EPS, &mut stats).expect("one place per site"),
        (
            SiteDigests::new(n_layers, &mut digests).expect("one place per site"),
            LogitDigest::new(),
        ),
    );
    let mut arena = Buffer::zeroed(State::len(model.config(), &job.limits));
    let options = Options {
        limits: job.limits,
        when_full: job.when_full,
        isa,
    };
    let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
    let mut seen = Observation {
        prompt: job.prompt.clone(),
        ..Observation::default()
    };
    if model.config().window_len() > 0 {
        for window in golden_windows(model, job.tokens) {
            let class = argmax(session.classify(&window)?);
            seen.tokens.push(class);
            seen.steps.push(step(&session));
        }
    }
    for &token in &job.prompt {
        session.step(token)?;
        seen.steps.push(step(&session));
    }
    let mut sampler = job.sampling.sampler();
    let tokens = if job.prompt.is_empty() { 0 } else { job.tokens };
    for n in 1..=tokens {
        let token = session.sample(&mut sampler);
        seen.tokens.push(token);
        if n == tokens || Some(token) == job.stop {
            break;
        }
        session.step(token)?;
        seen.steps.push(step(&session));
    }
    let (stats, (_, digest)) = session.probe();
    seen.stats = stats.summaries().collect();
    seen.digest = digest.value();
    Ok(seen)
}

/// The first `n` windows of the golden window's samples in a loop, as a device streams them; none without such a window.
pub fn golden_windows(model: &Model<'_>, n: usize) -> Vec<Vec<f32>> {
    let (file, config) = (model.file(), model.config());
    let (len, channels) = (config.window_len(), config.channels());
    let (Some(golden), true) = (file.golden(), channels > 0) else {
        return Vec::new();
    };
    let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize);
    let window = |i: usize| {
        let start = (i * hop % (len / channels)) * channels;
        let samples = golden.window().iter().cycle().skip(start);
        samples.take(len).copied().collect()
    };
    (0..n).map(window).collect()
}

/// The position that was just computed.
fn step(session: &Session<'_, (SparsityProbe<'_>, (SiteDigests<'_>, LogitDigest))>) -> Step {
    Step {
        sites: session.probe().1.0.iter().collect(),
        logits: session.logits().to_vec(),
    }
}
