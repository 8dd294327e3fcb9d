//! A run as in the field: what the plan and the monitor see, what they say, and what a token costs with them.
//!
//! ```text
//! boot   store ─► state     self-test ─► Health     Plan
//! token  ─► sketches, sums ─► Cost      every `report` tokens: Sketch, Sketch, …
//!                  window ends ─► Window, state ─► store
//! end    Sketch, Sketch, …  Monitor  Health if records were dropped
//! ```
//!
//! # Invariants
//! - The clock runs around the session with its probes and around the end of a window, not around what is said or stored.
//! - A window ends behind the same tokens however many run at once.
//! - Sketches take no more bytes of the channel than the job allows; those that find no room are counted, not numbered.

use core::marker::PhantomData;

use lacuna::model;
use lacuna::monitor::{Answer, Fault, Monitor, Store, Verdict, self_test, self_test_tokens};
use lacuna::probe::record::{MAX_PLAN, Record, Reset, SelfTest};
use lacuna::probe::{At, Hook, NoProbe, PlanProbe, Probe, ProbePlan, Site, Sketch};
use lacuna::session::Error;

use super::meter::{Meter, say_cost};
use super::{Failed, Run, Trouble};
use crate::board::{Board, Firmware};
use crate::orders::Orders;
use crate::wire::Wire;

/// Most bytes of a frame with a sketch.
const SKETCH_FRAME: u32 = 118;

/// Where monitors of this board keep their state.
pub(crate) type Kept<B> = Option<Store<<B as Board>::Flash>>;

impl<F: Firmware> Run<'_, F> {
    /// Says everything that a device in the field says; returns the deepest stack of a step.
    #[inline(never)]
    pub(crate) fn field<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        ring: &mut [f32],
        (cells, floats): (&mut [Sketch], &mut [f32]),
        mut kept: Kept<B>,
    ) -> Result<usize, Failed> {
        let n_layers = self.model.config().n_layers;
        let orders = Orders::of::<F>(&self.job, self.model.file())?;
        let mut field = Field::<F> {
            plan: None,
            monitor: None,
            prompt_end: (self.job.prompt().count() as u32).checked_sub(1),
            firmware: PhantomData,
        };
        let mut health = SelfTest::NotRun;
        if F::MONITOR
            && let Some(calibration) = orders.calibration
        {
            let mut monitor = Monitor::new(self.model.id(), calibration, floats)?;
            if let Some(state) = kept.as_mut().and_then(Store::load) {
                // A state of another model or calibration is not continued but replaced.
                let _ = monitor.resume(&state);
            }
            health = self.test(arena, &mut monitor)?;
            field.monitor = Some(monitor);
        }
        say_health(wire, health, 0);
        if F::PLAN
            && let Some(plan) = orders.plan
        {
            say_plan(wire, &plan);
            field.plan = Some(PlanProbe::new(plan, n_layers, cells)?);
        }
        let (window, report) = (self.window, self.job.report.unwrap_or(u32::MAX));
        let mut purse = Purse {
            left: self.job.budget.unwrap_or(u32::MAX),
            dropped: 0,
        };
        let mut made = self.session(arena, field);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let mut meter = Meter::new(&mut wire.board);
        let mut last = (Answer::Ok, 0.0);
        let played = self.play(session, ring, |session, turn| {
            if !turn.feed {
                return Ok(());
            }
            let n = turn.input.len();
            let ends = F::MONITOR && (turn.index + n).is_multiple_of(window);
            let step = || {
                Self::feed(session, turn.input)?;
                Ok::<_, Error>(match &mut session.probe_mut().monitor {
                    Some(monitor) if ends => monitor.end_window(),
                    _ => None,
                })
            };
            let (verdict, ticks) = meter.time(&mut wire.board, step)?;
            say_cost(wire, turn.index, n, None, ticks);
            if let (Some(verdict), Some(monitor)) = (verdict, &session.probe_mut().monitor) {
                last = (verdict.answer, verdict.drift);
                say_window(wire, &verdict, window);
                save(&mut kept, monitor);
            }
            if F::PLAN && (turn.index + n) % report < n {
                purse.report(wire, &mut session.probe_mut().plan);
            }
            Ok(())
        });
        let Field { plan, monitor, .. } = session.probe_mut();
        if F::PLAN && (played.is_err() || !played.as_ref().is_ok_and(|n| n % report == 0)) {
            purse.report(wire, plan);
        }
        if F::MONITOR
            && let Some(monitor) = monitor
        {
            if let Err(failed) = &played
                && matches!(
                    failed.error,
                    Trouble::Session(Error::Model(model::Error::NonFinite { .. }))
                )
            {
                monitor.fault(Fault::NonFinite);
            }
            let part = played.as_ref().map_or(1, |n| n % window);
            if part > 0
                && let Some(verdict) = monitor.end_window()
            {
                last = (verdict.answer, verdict.drift);
                say_window(wire, &verdict, part);
            }
            save(&mut kept, monitor);
            say_monitor(wire, monitor, last);
        }
        if purse.dropped > 0 {
            say_health(wire, health, purse.dropped);
        }
        played.map(|_| meter.deepest)
    }

    /// The self-test at boot, on an empty session.
    fn test(&self, arena: &mut [u8], monitor: &mut Monitor<'_>) -> Result<SelfTest, Failed> {
        let mut session = self.session(arena, NoProbe).map_err(Failed::at(0))?;
        let outcome = if F::WINDOWS {
            self_test(&mut session)
        } else {
            self_test_tokens(&mut session)
        };
        monitor.tested(outcome);
        Ok(match outcome {
            Ok(_) => SelfTest::Passed,
            Err(Fault::Kernels) => SelfTest::Kernels,
            Err(_) => SelfTest::Golden,
        })
    }
}

/// The probes of a device in the field.
struct Field<'a, F> {
    plan: Option<PlanProbe<'a>>,
    monitor: Option<Monitor<'a>>,
    /// Position of the prompt's last token; a model of windows has none.
    prompt_end: Option<u32>,
    firmware: PhantomData<F>,
}

impl<F> Field<'_, F> {
    /// `at`, with what a session that is given a prompt in pieces cannot tell.
    #[inline]
    fn placed(&self, at: At) -> At {
        let Some(end) = self.prompt_end else {
            return at;
        };
        let ends_prompt = at.position == end;
        At { ends_prompt, ..at }
    }
}

impl<F: Firmware> Probe for Field<'_, F> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.observe_at(At::default(), site, x);
    }

    #[inline]
    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        let at = self.placed(at);
        if F::PLAN
            && let Some(plan) = &mut self.plan
        {
            plan.observe_at(at, site, x);
        }
        if F::MONITOR
            && let Some(monitor) = &mut self.monitor
        {
            monitor.observe_at(at, site, x);
        }
    }

    #[inline]
    fn wants(&self, hook: Hook) -> bool {
        let plan = F::PLAN && self.plan.as_ref().is_some_and(|p| p.wants(hook));
        plan || F::MONITOR && self.monitor.as_ref().is_some_and(|m| m.wants(hook))
    }

    #[inline]
    fn wants_at(&self, at: At, hook: Hook) -> bool {
        let at = self.placed(at);
        let plan = F::PLAN && (self.plan.as_ref()).is_some_and(|p| p.wants_at(at, hook));
        plan || F::MONITOR && (self.monitor.as_ref()).is_some_and(|m| m.wants_at(at, hook))
    }
}

/// The bytes of the channel that sketches may still take.
struct Purse {
    left: u32,
    dropped: u32,
}

impl Purse {
    /// Says every sketch that has seen something and for which there is room; the probe begins anew.
    fn report<B: Board>(&mut self, wire: &mut Wire<B>, plan: &mut Option<PlanProbe<'_>>) {
        let Some(plan) = plan else { return };
        for (site, stat, sketch) in plan.cells().filter(|c| c.2.n > 0) {
            if self.left < SKETCH_FRAME {
                self.dropped += 1;
                continue;
            }
            let sketch = *sketch;
            let sent = wire.say(Record::Sketch { site, stat, sketch });
            self.left = self.left.saturating_sub(sent as u32);
        }
        plan.clear();
    }
}

#[inline(never)]
fn say_plan<B: Board>(wire: &mut Wire<B>, plan: &ProbePlan) {
    let mut memory = [0; MAX_PLAN];
    wire.say(Record::plan(plan, &mut memory));
}

fn say_health<B: Board>(wire: &mut Wire<B>, self_test: SelfTest, dropped: u32) {
    wire.say(Record::Health {
        reset: Reset::Unknown,
        self_test,
        dropped,
        stack: 0,
    });
}

fn say_window<B: Board>(wire: &mut Wire<B>, verdict: &Verdict, positions: u32) {
    defmt::info!("window {}: {}", verdict.window, verdict.answer);
    wire.say(Record::Window {
        index: verdict.window,
        positions,
        answer: verdict.answer,
        score: verdict.score,
        p: verdict.p,
        drift: verdict.drift,
    });
}

fn say_monitor<B: Board>(
    wire: &mut Wire<B>,
    monitor: &Monitor<'_>,
    (answer, drift): (Answer, f32),
) {
    let counters = monitor.counters();
    wire.say(Record::Monitor {
        answer,
        windows: counters.windows,
        unfamiliar: counters.unfamiliar,
        drift,
        threshold: 1.0,
        saves: monitor.state().sequence(),
    });
}

/// Keeps what the monitor remembers, where there is a place for it.
fn save<F: embedded_storage::nor_flash::NorFlash>(
    kept: &mut Option<Store<F>>,
    monitor: &Monitor<'_>,
) {
    if let Some(store) = kept
        && store.save(monitor.state()).is_err()
    {
        defmt::warn!("the monitor's state is not kept: the flash refuses");
    }
}
