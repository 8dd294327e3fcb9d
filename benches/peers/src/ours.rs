//! Our kernels as entrants: every form that the fixtures know, on every back-end of this machine.

use core::hint::black_box;

use lacuna::fixture::{Form, Parts};
use lacuna::kernels::{Batch, INPUT_PAD, Input, Isa, Lanes, Quantised};
use lacuna::sparse::Matrix;

use crate::case::Case;
use crate::race::{Entrant, Side};

/// Room for the int8 form of the activations.
#[derive(Debug)]
struct Room {
    q: Vec<i8>,
    scales: Vec<f32>,
}

impl Room {
    fn of(case: &Case) -> Room {
        Room {
            q: vec![0; case.x.len() + INPUT_PAD],
            scales: vec![0.0; case.tokens],
        }
    }
}

/// Activations that are ready for products: one token or several.
#[derive(Clone, Copy, Debug)]
enum Ready<'a> {
    One(Input<'a>),
    Many(Batch<'a>),
}

impl<'a> Ready<'a> {
    /// `None` where an activation is not finite, which no case has.
    fn of(case: &'a Case, isa: Isa, int8: bool, room: &'a mut Room) -> Option<Ready<'a>> {
        let Room { q, scales } = room;
        if case.tokens == 1 {
            return isa.input(&case.x, q, int8).ok().map(Ready::One);
        }
        let lanes = Lanes::with_stride(case.tokens, case.tokens)?;
        let int8 = int8.then_some(Quantised { q, scales });
        isa.batch(&case.x, lanes, int8).ok().map(Ready::Many)
    }

    fn product(&self, isa: Isa, w: &Matrix<'_>, y: &mut [f32]) {
        match self {
            Ready::One(x) => isa.matvec(w, x, None, y),
            Ready::Many(x) => isa.matmul(w, x, None, y),
        }
    }
}

/// The stored forms of one case and what their kernels need.
#[derive(Debug)]
pub struct Yard {
    stored: Vec<(Form, Parts, Vec<Isa>)>,
    /// Back-ends, whether they want an int8 input, and room for two.
    inputs: Vec<(Isa, bool, [Room; 2])>,
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
                    inputs.push((isa, int8, [Room::of(case), Room::of(case)]));
                }
            }
            stored.push((form, parts, isas));
        }
        Yard { stored, inputs }
    }

    /// Every product `Y = W X`, and what its input costs to make ready.
    pub fn products<'a>(&'a mut self, case: &'a Case) -> Vec<Entrant<'a>> {
        let (mut all, mut ready) = (Vec::new(), Vec::new());
        for (isa, int8, [one, two]) in &mut self.inputs {
            let (isa, int8) = (*isa, *int8);
            if let Some(input) = Ready::of(case, isa, int8, one) {
                ready.push((isa, int8, input));
            }
            let values = if int8 { "i8" } else { "f32" };
            let name = format!("input-{values}/{isa}");
            all.push(Entrant::new(name, Side::Input, move |_| {
                black_box(Ready::of(case, isa, int8, two));
            }));
        }
        for (form, parts, isas) in &self.stored {
            let Some(w) = parts.view() else { continue };
            for &isa in isas {
                let fits = |(i, q, _): &&(Isa, bool, _)| (*i, *q) == (isa, w.is_i8());
                if let Some(&(.., input)) = ready.iter().find(fits) {
                    let run = move |y: &mut [f32]| input.product(isa, &w, y);
                    all.push(Entrant::new(format!("{form}/{isa}"), Side::Ours, run));
                }
            }
        }
        all
    }
}
