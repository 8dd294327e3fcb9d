//! Our kernels as entrants: every form that the fixtures know, on every back-end of this machine.

use lacuna::fixture::{Form, Parts};
use lacuna::kernels::{INPUT_PAD, Isa};

use crate::case::Case;
use crate::race::{Entrant, Side};

/// The stored forms of one case and what their kernels need.
#[derive(Debug)]
pub struct Yard {
    stored: Vec<(Form, Parts, Vec<Isa>)>,
    /// Back-ends, whether they want an int8 input, and room for two.
    inputs: Vec<(Isa, bool, [Vec<i8>; 2])>,
}

impl Yard {
    /// Stores the case in every form that some back-end is `wanted` to run.
    pub fn new(case: &Case, wanted: &dyn Fn(&Form, Isa) -> bool) -> Yard {
        let (mut stored, mut inputs) = (Vec::new(), Vec::new());
        for form in Form::all() {
            let isas: Vec<Isa> = Isa::available().filter(|&i| wanted(&form, i)).collect();
            if isas.is_empty() {
                continue;
            }
            let parts = case.stored(form);
            let int8 = parts.view().is_some_and(|w| w.is_i8());
            for &isa in &isas {
                if !inputs.iter().any(|(i, q, _)| (*i, *q) == (isa, int8)) {
                    let room = || vec![0i8; case.cols + INPUT_PAD];
                    inputs.push((isa, int8, [room(), room()]));
                }
            }
            stored.push((form, parts, isas));
        }
        Yard { stored, inputs }
    }

    /// Every product `y = W x`, and what one input costs to make ready.
    pub fn products<'a>(&'a mut self, case: &'a Case) -> Vec<Entrant<'a>> {
        let (mut all, mut ready) = (Vec::new(), Vec::new());
        for (isa, int8, [one, two]) in &mut self.inputs {
            let (isa, int8) = (*isa, *int8);
            if let Ok(input) = isa.input(&case.x, one, int8) {
                ready.push((isa, int8, input));
            }
            let values = if int8 { "i8" } else { "f32" };
            let name = format!("input-{values}/{isa}");
            all.push(Entrant::new(name, Side::Input, move |_| {
                let _ = core::hint::black_box(isa.input(&case.x, two, int8));
            }));
        }
        for (form, parts, isas) in &self.stored {
            let Some(w) = parts.view() else { continue };
            for &isa in isas {
                let fits = |(i, q, _): &&(Isa, bool, _)| (*i, *q) == (isa, w.is_i8());
                if let Some(&(.., input)) = ready.iter().find(fits) {
                    let run = move |y: &mut [f32]| isa.matvec(&w, &input, None, y);
                    all.push(Entrant::new(format!("{form}/{isa}"), Side::Ours, run));
                }
            }
        }
        all
    }
}
