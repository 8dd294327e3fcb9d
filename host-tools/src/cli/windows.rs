//! `lacuna run` of a model of windows: recordings streamed as a device would stream them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::probe::{
    At, DEFAULT_EPS, Hook, LogitDigest, PlanProbe, Probe, ProbePlan, Site, SiteStats, SparsityProbe,
};
use lacuna::session::{Options, Session, Stream, argmax};
use serde::Serialize;

use crate::data::series::Set;
use crate::memory::Buffer;
use crate::plan::{self, Measured};
use crate::report::{NextStep, Out, bytes, percent, table};
use crate::run::Sites;

/// One window of a recording.
#[derive(Debug, Serialize)]
struct Window {
    /// Number of the recording, from 0; of the golden window none.
    recording: Option<usize>,
    /// Number of the window in it, from 0.
    window: usize,
    /// The class it was told to be.
    class: String,
    /// Its share of the softmax over the classes.
    probability: f64,
    /// What the recording is said to be.
    label: Option<String>,
}

/// A run, as JSON.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    isa: String,
    windows: Vec<Window>,
    /// FNV-1a-64 of all logits.
    digest: String,
    ram_bytes: usize,
    windows_per_second: f64,
    sites: Option<Sites>,
    /// A probe adds its own time.
    probed: bool,
    /// What a plan found.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Measured>,
}

/// What to run.
pub(super) struct Request<'a> {
    pub(super) path: &'a Path,
    /// A `.ts` file or a directory of them; the golden window without it.
    pub(super) series: Option<&'a PathBuf>,
    pub(super) isa: Isa,
    pub(super) probe: bool,
    pub(super) plan: Option<ProbePlan>,
}

/// The class of the logits and its probability.
fn told(model: &Model<'_>, logits: &[f32]) -> (String, f64) {
    let class = argmax(logits) as usize;
    let name = model.file().labels().and_then(|names| names.get(class));
    let bits = crate::eval::bits(logits, class as u32);
    (
        name.map_or(class.to_string(), str::to_owned),
        (-bits).exp2(),
    )
}

/// Streams every recording through `session`; `each` sees the windows.
fn stream<P: Probe>(
    model: &Model<'_>,
    session: &mut Session<'_, P>,
    set: Option<&Set>,
) -> anyhow::Result<Vec<Window>> {
    let (config, file) = (model.config(), model.file());
    let mut windows = Vec::new();
    let Some(set) = set else {
        let golden = file.golden().context("the model has no golden window");
        let golden = golden.next_step(|| "give a recording with --series".to_owned())?;
        let (class, probability) = told(model, session.classify(golden.window())?);
        windows.push(Window {
            recording: None,
            window: 0,
            class,
            probability,
            label: None,
        });
        return Ok(windows);
    };
    let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize);
    let mut ring = vec![0.0; config.window_len()];
    let mut stream = Stream::new(config, hop, &mut ring)?;
    let series = set.files.iter().flat_map(|file| &file.series);
    for (recording, series) in series.enumerate() {
        stream.clear();
        let mut window = 0;
        for sample in series.samples.chunks_exact(set.channels) {
            let Some(samples) = stream.push(sample)? else {
                continue;
            };
            let (class, probability) = told(model, session.classify(samples)?);
            windows.push(Window {
                recording: Some(recording),
                window,
                class,
                probability,
                label: set.classes.get(series.class).cloned(),
            });
            window += 1;
        }
    }
    Ok(windows)
}

/// Runs the command.
///
/// # Errors
/// Unreadable recordings, recordings with other channels, a model without a golden window where none are given.
pub(super) fn run(model: &Model<'_>, request: &Request<'_>, out: &Out) -> anyhow::Result<()> {
    let config = model.config();
    let set = request.series.map(|path| Set::load(path)).transpose();
    let set = set.next_step(|| "give --series a .ts file, or a directory of them".to_owned())?;
    if let Some(found) = set
        .as_ref()
        .map(|s| s.channels)
        .filter(|&n| n != config.channels())
    {
        let expected = config.channels();
        return Err(anyhow!(
            "the recordings have {found} channels, the model {expected}"
        ))
        .next_step(|| "give recordings of the sensor it was trained for".to_owned());
    }
    let limits = Limits::new(config);
    let options = Options {
        limits,
        isa: request.isa,
        ..Options::new(config)
    };
    let ram_bytes = State::len(config, &limits);
    let mut arena = Buffer::zeroed(ram_bytes);
    let mut places = vec![SiteStats::NEW; Site::count(config.n_layers)];
    let stats = SparsityProbe::new(config.n_layers, DEFAULT_EPS, &mut places)?;
    let plan = request.plan.clone().unwrap_or_default();
    let mut cells = plan::cells(&plan, config);
    let planned = PlanProbe::new(plan, config.n_layers, &mut cells)?;
    let (planned, stats) = (
        Maybe(request.plan.is_some().then_some(planned)),
        Maybe(request.probe.then_some(stats)),
    );
    let probe = ((LogitDigest::new(), planned), stats);
    let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
    let began = Instant::now();
    let windows = stream(model, &mut session, set.as_ref())
        .with_context(|| format!("{} stopped", request.path.display()))?;
    let seconds = began.elapsed().as_secs_f64().max(1e-9);
    let ((digest, Maybe(planned)), Maybe(stats)) = session.probe();
    let report = Report {
        model: format!("{:016x}", u64::from_be_bytes(model.id())),
        isa: request.isa.to_string(),
        windows_per_second: windows.len() as f64 / seconds,
        windows,
        digest: format!("{:016x}", digest.value()),
        ram_bytes,
        probed: request.probe || request.plan.is_some(),
        probe: planned.as_ref().map(|p| Measured::new(p, config)),
        sites: stats.as_ref().map(|s| Sites(s.summaries().collect())),
    };
    out.result(&report, || text(&report))?;
    Ok(())
}

/// A probe that may be absent.
struct Maybe<P>(Option<P>);

impl<P: Probe> Probe for Maybe<P> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if let Some(probe) = &mut self.0 {
            probe.observe(site, x);
        }
    }

    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        if let Some(probe) = &mut self.0 {
            probe.observe_at(at, site, x);
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        self.0.as_ref().is_some_and(|probe| probe.wants(hook))
    }

    fn wants_at(&self, at: At, hook: Hook) -> bool {
        self.0
            .as_ref()
            .is_some_and(|probe| probe.wants_at(at, hook))
    }
}

fn text(report: &Report) -> String {
    let rows = report.windows.iter().map(|w| {
        [
            w.recording.map_or("golden".to_owned(), |n| n.to_string()),
            w.window.to_string(),
            w.class.clone(),
            percent(w.probability),
            w.label.clone().unwrap_or_default(),
        ]
    });
    let windows = table(
        ["recording", "window", "class", "probability", "label"],
        rows,
    );
    let sites = report.sites.as_ref().map(|s| format!("\n\n{}", s.table()));
    let measured = report.probe.as_ref();
    let found = measured.map(|m| format!("\n\n{}", m.table()));
    format!(
        "{windows}\n\n{} windows, {:.0} a second on {}, {} of RAM, digest {}{}{}",
        report.windows.len(),
        report.windows_per_second,
        report.isa,
        bytes(report.ram_bytes as u64),
        report.digest,
        sites.unwrap_or_default(),
        found.unwrap_or_default()
    )
}
