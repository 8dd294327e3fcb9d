//! Instructions of every product on a board, as text on standard output.
//!
//! ```text
//! fixture ─► Matrix (heap) ─► ticks around Isa::matvec ─► "csr-f32-output-10 portable 55753 6577 8.47"
//!                                                          form and density, kernels, instructions, products, each
//!
//! csr-f32-output-10        one token, no activation is zero
//! csr-f32-input-10-sparse  three activations in four are zero: what skipping them saves
//! csr-f32-output-10-x4     four tokens at once; the products are those of all of them
//! input-i8                 the check that activations are finite, and their int8 form
//! stat-hoyer-64            one statistic of 64 activations
//! ```
//!
//! # Invariants
//! - The clock runs around the product alone, and what reading it costs is taken off.
//! - Nothing is counted before all kernels gave the definition's bits on every awkward shape: else the board fails.
//! - Seeded matrices and `-icount`: every run prints the same text.
//!
//! # Why
//! What a nonzero costs decides which encoding a matrix gets, and an emulator that counts instructions is the one clock
//! that repeats: the figures are checked in as `benches/boards.txt` and gated. All of a product is counted, the call,
//! every row's overhead and the scaling of int8 included.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod same;
mod statistics;

use alloc::vec;
use core::fmt::Display;

use harness::Board;
use lacuna::fixture::{Form, Numbers, Pattern, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Isa, Lanes, Quantised};
use lacuna::num::Rng;
use lacuna::sparse::{Major, Matrix};
use semihosting::println;

/// Present elements of the sparse forms, in percent.
const DENSITIES: [u32; 2] = [10, 45];
/// Tokens at once.
const TOKENS: usize = 4;

/// Prints the cost of every form of `shape` (rows, columns) at every density and stops the board.
///
/// `per_tick` is the instructions of one tick, a fraction. The heap must hold a matrix, what makes it, and its vectors.
pub fn run<B: Board>(board: B, shape: (usize, usize), per_tick: (u64, u64)) -> ! {
    println!("# {}: {} x {}", B::NAME, shape.0, shape.1);
    let mut clock = Clock { board, per_tick };
    let ok = all(&mut clock, shape).is_some();
    clock.board.stop(ok)
}

/// Everything; `None` if a back-end gave other bits than the definition, or the fixture made something that is no matrix, or activations that are no numbers.
fn all<B: Board>(clock: &mut Clock<B>, shape: (usize, usize)) -> Option<()> {
    same::same_bits().then_some(())?;
    for isa in Isa::available() {
        inputs(clock, isa, shape.1)?;
    }
    // All statistics together do not fit in the flash of a small board.
    if !harness::SMALL {
        statistics::costs(clock)?;
    }
    // Panels are look-ups in vector registers that no board has.
    let panel = |form: &Form| matches!(form.pattern, Pattern::Panel16 | Pattern::Panel32);
    for form in Form::all().filter(|form| !panel(form)) {
        // A dense form costs the same at every density.
        let densities = if form.is_sparse() {
            &DENSITIES[..]
        } else {
            &[100]
        };
        for percent in densities {
            let (mut rng, chance) = (Rng::new(1), (percent * 256 + 50) / 100);
            let parts = matrix(&mut rng, form, shape, chance, Numbers::Tame);
            let w = parts.view()?;
            for isa in Isa::available() {
                let name = format_args!("{form}-{percent}");
                one(clock, isa, &w, 0, &name)?;
                if form.major == Major::Input {
                    one(clock, isa, &w, 192, &format_args!("{name}-sparse"))?;
                }
                several(clock, isa, &w, &format_args!("{name}-x{TOKENS}"))?;
            }
        }
    }
    Some(())
}

/// The check and the int8 form of `n` activations.
fn inputs<B: Board>(clock: &mut Clock<B>, isa: Isa, n: usize) -> Option<()> {
    let x = activations(&mut Rng::new(2), n, 0, Numbers::Tame);
    let mut scratch = vec![0; n + INPUT_PAD];
    for (name, int8) in [("input-f32", false), ("input-i8", true)] {
        let mut ok = true;
        let instructions = clock.instructions(|| ok &= isa.input(&x, &mut scratch, int8).is_ok());
        line(&name, isa, instructions, n);
        ok.then_some(())?;
    }
    Some(())
}

/// One token, of whose activations about `zeros` in 256 are zero.
fn one<B: Board>(
    clock: &mut Clock<B>,
    isa: Isa,
    w: &Matrix<'_>,
    zeros: u32,
    name: &dyn Display,
) -> Option<()> {
    let x = activations(&mut Rng::new(2), w.cols(), zeros, Numbers::Tame);
    let mut scratch = vec![0; x.len() + INPUT_PAD];
    let mut y = vec![0.0; w.rows()];
    let input = isa.input(&x, &mut scratch, w.is_i8()).ok()?;
    let instructions = clock.instructions(|| isa.matvec(w, &input, None, &mut y));
    line(name, isa, instructions, w.nonzeros());
    Some(())
}

/// Several tokens at once.
fn several<B: Board>(
    clock: &mut Clock<B>,
    isa: Isa,
    w: &Matrix<'_>,
    name: &dyn Display,
) -> Option<()> {
    let lanes = Lanes::of(TOKENS);
    let x = activations(
        &mut Rng::new(2),
        w.cols() * lanes.stride(),
        0,
        Numbers::Tame,
    );
    let (mut q, mut scales) = (vec![0; x.len() + INPUT_PAD], [0.0; TOKENS]);
    let mut y = vec![0.0; w.rows() * lanes.stride()];
    let int8 = w.is_i8().then_some(Quantised {
        q: &mut q,
        scales: &mut scales,
    });
    let batch = isa.batch(&x, lanes, int8).ok()?;
    let instructions = clock.instructions(|| isa.matmul(w, &batch, None, &mut y));
    line(name, isa, instructions, w.nonzeros() * TOKENS);
    Some(())
}

/// A figure, in all and for each of `n`.
fn line(name: &dyn Display, isa: Isa, instructions: u64, n: usize) {
    let hundredths = instructions * 100 / (n as u64).max(1);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    println!("{name} {isa} {instructions} {n} {whole}.{rest:02}");
}

/// A board that counts.
struct Clock<B> {
    board: B,
    per_tick: (u64, u64),
}

impl<B: Board> Clock<B> {
    /// Instructions of `what`, the second time: what a first call pays is not a product's.
    #[inline(never)]
    fn instructions(&mut self, mut what: impl FnMut()) -> u64 {
        what();
        let start = self.board.ticks();
        let idle = self.board.ticks() - start;
        let start = self.board.ticks();
        what();
        let ticks = self.board.ticks() - start - idle;
        ticks * self.per_tick.0 / self.per_tick.1
    }
}
