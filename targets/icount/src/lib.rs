//! Instructions of every product on a board, as text on standard output.
//!
//! ```text
//! fixture ─► Matrix (heap) ─► ticks around Isa::matvec ─► "csr-f32-output-10 portable 55753 6577 8.47"
//!                                                          form and density, kernels, instructions, stored, per stored
//! ```
//!
//! # Invariants
//! - The clock runs around the product alone, and what reading it costs is taken off.
//! - Seeded matrices and `-icount`: every run prints the same text.
//!
//! # Why
//! What a nonzero costs decides which encoding a matrix gets, and an emulator that counts instructions is the one clock
//! that repeats: the figures are checked in as `benches/boards.txt` and gated. All of a product is counted, the call,
//! every row's overhead and the scaling of int8 included.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;

use harness::Board;
use lacuna::fixture::{Form, Numbers, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Input, Isa};
use lacuna::num::Rng;
use lacuna::sparse::Matrix;
use semihosting::println;

/// Present elements of the sparse forms, in percent.
const DENSITIES: [u32; 2] = [10, 45];

/// Prints the cost of every form of `shape` (rows, columns) at every density and stops the board.
///
/// `per_tick` is the instructions of one tick, a fraction. The heap must hold a matrix, what makes it, and its vectors.
pub fn run<B: Board>(mut board: B, shape: (usize, usize), per_tick: (u64, u64)) -> ! {
    println!("# {}: {} x {}", B::NAME, shape.0, shape.1);
    let mut ok = true;
    for form in Form::all() {
        // A dense form costs the same at every density.
        let densities = if form.is_sparse() { &DENSITIES[..] } else { &[100] };
        for &percent in densities {
            ok &= count(&mut board, shape, per_tick, form, percent).is_some();
        }
    }
    board.stop(ok)
}

/// One line for each back-end; `None` if the fixture made something that is no matrix.
fn count<B: Board>(
    board: &mut B,
    (rows, cols): (usize, usize),
    (n, d): (u64, u64),
    form: Form,
    percent: u32,
) -> Option<()> {
    let mut rng = Rng::new(1);
    let x = activations(&mut rng, cols, 0, Numbers::Tame);
    let parts = matrix(
        &mut rng,
        form,
        (rows, cols),
        (percent * 256 + 50) / 100,
        Numbers::Tame,
    );
    let w = parts.view()?;
    let mut scratch = vec![0; cols + INPUT_PAD];
    let mut y = vec![0.0; rows];
    for isa in Isa::available() {
        let input = isa.input(&x, &mut scratch, w.is_i8()).ok()?;
        // Once unseen: whatever a first call pays is not a product's.
        ticks(board, isa, &w, &input, &mut y);
        let instructions = ticks(board, isa, &w, &input, &mut y) * n / d;
        let hundredths = instructions * 100 / (w.nnz() as u64).max(1);
        println!(
            "{form}-{percent} {isa} {instructions} {} {}.{:02}",
            w.nnz(),
            hundredths / 100,
            hundredths % 100
        );
    }
    Some(())
}

/// Ticks of one product.
#[inline(never)]
fn ticks<B: Board>(board: &mut B, isa: Isa, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) -> u64 {
    let start = board.ticks();
    let idle = board.ticks() - start;
    let start = board.ticks();
    isa.matvec(w, x, None, y);
    board.ticks() - start - idle
}
