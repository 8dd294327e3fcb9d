//! The least firmware that runs a model: no log, no record, no allocator. Its text is the size of the engine.
#![no_std]
#![no_main]

use lacuna::format::StaticModel;
use lacuna::model::{Arena, Limits, Model, State};
use lacuna::session::{Options, Sampler, Session};

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const RAM: usize = State::len(&MODEL.config, &Limits::new(&MODEL.config));

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut ARENA: Arena<RAM> = Arena::new();
    let model = Model::new(MODEL.bytes).expect("the file is whole");
    let options = Options::new(&MODEL.config);
    let mut session = Session::new(model, &mut ARENA.0, options).expect("it was sized for it");
    let (mut token, mut sampler) = (0, Sampler::greedy());
    while session.step(token).is_ok() {
        token = session.sample(&mut sampler);
    }
    semihosting::process::exit(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::process::exit(1)
}
