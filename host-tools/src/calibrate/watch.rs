//! The monitor over units of data, as a device would meet them: one life, one drift test.

use lacuna::format::Calibration;
use lacuna::model::{Model, State};
use lacuna::monitor::{Answer, Monitor, Passed, Verdict, self_test};
use lacuna::session::{self, Options, Session};
use serde::Serialize;

use super::Error;
use super::shown::Shown;
use crate::memory::Buffer;

/// What the monitor said of one unit.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Name of the unit.
    pub unit: String,
    /// Full windows.
    pub windows: usize,
    /// Windows above the threshold.
    pub unfamiliar: usize,
    /// Mean score.
    pub score: f64,
    /// Mean p-value.
    pub p: f64,
    /// The gravest answer.
    pub answer: &'static str,
    /// Evidence of the drift test at its end, 1 being an alarm.
    pub drift: f64,
}

impl Report {
    /// Share of windows above the threshold.
    pub fn rate(&self) -> f64 {
        self.unfamiliar as f64 / self.windows.max(1) as f64
    }
}

/// Everything said of a run.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Unit by unit, those without a full window left out.
    pub reports: Vec<Report>,
    /// What the self-test at the start has shown.
    pub passed: Result<Passed, lacuna::monitor::Fault>,
    /// Number of the window that raised the first drift alarm.
    pub drifted: Option<u32>,
}

/// Runs `model` over units under its calibration; `each` is called after every unit.
///
/// # Errors
/// What a session meets other than a number that is not finite, which is an answer.
pub fn watch(
    model: &Model<'_>,
    calibration: Calibration<'_>,
    units: &[Shown],
    options: Options,
    each: &mut dyn FnMut(),
) -> Result<Watched, Error> {
    let mut memory = vec![0.0; Monitor::memory_len(&calibration)];
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let monitor = Monitor::new(model.id(), calibration, &mut memory);
    let monitor = monitor.map_err(|e| Error::Write(e.to_string()))?;
    let mut session = Session::with_probe(*model, &mut arena, options, monitor)?;
    let passed = self_test(&mut session);
    session.probe_mut().tested(passed);
    let mut watched = Watched {
        reports: Vec::new(),
        passed,
        drifted: None,
    };
    for Shown { name, windows } in units {
        let mut report = Report {
            unit: name.clone(),
            ..Report::default()
        };
        let mut gravest = Answer::Ok;
        for window in windows {
            if let Err(e) = window.run(&mut session) {
                let session::Error::Model(lacuna::model::Error::NonFinite { .. }) = e else {
                    return Err(e.into());
                };
                session.probe_mut().fault(lacuna::monitor::Fault::NonFinite);
            }
            let Some(verdict) = session.probe_mut().end_window() else {
                continue;
            };
            gravest = gravest.max(verdict.answer);
            add(&mut report, &verdict);
            if verdict.answer == Answer::Drifting {
                watched.drifted.get_or_insert(verdict.window);
            }
        }
        if report.windows > 0 {
            report.score /= report.windows as f64;
            report.p /= report.windows as f64;
            report.answer = gravest.name();
            watched.reports.push(report);
        }
        each();
    }
    Ok(watched)
}

fn add(report: &mut Report, verdict: &Verdict) {
    report.windows += 1;
    report.unfamiliar += usize::from(verdict.unfamiliar);
    report.score += f64::from(verdict.score);
    report.p += f64::from(verdict.p);
    report.drift = f64::from(verdict.drift);
}
