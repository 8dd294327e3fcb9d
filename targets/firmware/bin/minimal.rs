//! The least firmware that runs a model: no log, no record, no allocator; features `plan` and `monitor` add one each.
#![no_std]
#![no_main]

use lacuna::format::StaticModel;
use lacuna::model::{Arena, Limits, Model, State};
use lacuna::session::{Options, Sampler, Session};

#[path = "../panic.rs"]
mod panic;
#[cfg_attr(feature = "plan", path = "../watch/plan.rs")]
#[cfg_attr(feature = "monitor", path = "../watch/monitor.rs")]
#[cfg_attr(not(feature = "watch"), path = "../watch/none.rs")]
mod watch;

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const RAM: usize = State::len(&MODEL.config, &Limits::new(&MODEL.config));
static mut ARENA: Arena<RAM> = Arena::new();

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let model = Model::new(MODEL.bytes).expect("the file is whole");
    let (arena, probe) = (&raw mut ARENA, watch::watch(&model));
    // SAFETY: `main` runs once, and nothing else names this static.
    let arena = unsafe { &mut (*arena).0 };
    let made = Session::with_probe(model, arena, Options::new(&MODEL.config), probe);
    let mut session = made.expect("it was sized for it");
    watch::tested(&mut session);
    let (mut token, mut sampler) = (0, Sampler::greedy());
    while session.step(token).is_ok() {
        watch::stepped(&mut session);
        token = session.sample(&mut sampler);
    }
    semihosting::process::exit(0)
}
