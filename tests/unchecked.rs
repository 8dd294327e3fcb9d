//! Parts that were never checked may give wrong numbers or a panic, but must touch no other memory.
#![cfg(panic = "unwind")] // Elsewhere a panic ends the test.

use lacuna::kernels::{INPUT_PAD, Isa};
use lacuna::sparse::panel::{self, LANES};
use lacuna::sparse::{Bitmask, Csr, Layout, Major, Matrix, Panel, Stored, bitmask};

/// Every back-end of this machine, also as on processors without its newer extensions.
fn isas() -> impl Iterator<Item = Isa> {
    let plain = |isa| match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(proof) => Some(Isa::Avx512(proof.without_bytes())),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(proof) => Some(Isa::Neon(proof.without_sdot())),
        _ => None,
    };
    Isa::available().chain(Isa::available().filter_map(plain))
}

/// `W x`, as many numbers as there are.
fn run(isa: Isa, w: &Matrix<'_>, x: &[f32]) -> Vec<f32> {
    let mut scratch = vec![99i8; x.len() + INPUT_PAD];
    let input = isa.input(x, &mut scratch, w.is_i8()).expect("finite");
    let mut y = vec![f32::NAN; w.rows()];
    isa.matvec(w, &input, None, &mut y);
    y
}

#[test]
fn lying_indices_stay_inside() {
    let (indptr, indices) = ([0u32, 60, 3, 40], [u16::MAX; 40]);
    let x = vec![1.0; 8];
    for isa in isas() {
        for int8 in [false, true] {
            let result = std::panic::catch_unwind(|| {
                let (values, bytes) = ([1.0f32; 40], [1i8; 40]);
                let stored = if int8 {
                    let c = Csr::trusted(3, 8, &indptr, &indices, &bytes).expect("lengths");
                    Stored::I8(Layout::Csr(c), &[1.0; 3])
                } else {
                    let c = Csr::trusted(3, 8, &indptr, &indices, &values).expect("lengths");
                    Stored::F32(Layout::Csr(c))
                };
                let w = Matrix::trusted(Major::Output, stored).expect("lengths");
                run(isa, &w, &x)
            });
            assert!(result.map_or(true, |y| y.len() == 3), "{isa}");
        }
    }
}

/// Kernels trust neither bases nor starts nor orders nor bits.
#[test]
fn lying_panels_and_bitmasks_stay_inside() {
    for isa in isas() {
        for cols in [1, 31, 32, 200] {
            let (bases, starts) = ([u16::MAX; 3], [0u32, 9, 3]);
            let run_one = |window: usize, order: &[u8]| {
                let parts = panel::Parts {
                    starts: &starts,
                    bases: &bases,
                    indices: &[u8::MAX; 3 * LANES],
                    values: &[1.0f32; 3 * LANES],
                    order,
                };
                let p = Panel::trusted((70, cols), window, parts).expect("lengths");
                let stored = Stored::F32(Layout::Panel(p));
                let w = Matrix::trusted(Major::Output, stored).expect("lengths");
                run(isa, &w, &vec![1.0; cols]).len()
            };
            let run_bytes = |window: usize| {
                let parts = panel::Parts {
                    starts: &starts,
                    bases: &bases,
                    indices: &[u8::MAX; 12 * LANES],
                    values: &[1i8; 12 * LANES],
                    order: &[],
                };
                let p = Panel::trusted((70, cols), window, parts).expect("lengths");
                let stored = Stored::I8(Layout::Panel(p), &[1.0; 70]);
                let w = Matrix::trusted(Major::Output, stored).expect("lengths");
                run(isa, &w, &vec![1.0; cols]).len()
            };
            let run_mask = |major| {
                let masks = vec![u32::MAX; 2 * bitmask::words(cols)];
                let b = Bitmask::trusted((2, cols), &[0, 2, 3], &masks, &[1.0f32; 3]);
                let stored = Stored::F32(Layout::Bitmask(b.expect("lengths")));
                let w = Matrix::trusted(major, stored).expect("lengths");
                let x = vec![1.0; w.cols()];
                run(isa, &w, &x).len()
            };
            for window in [16, 32, 64, 128] {
                let plain = std::panic::catch_unwind(|| run_one(window, &[]));
                assert!(plain.map_or(true, |n| n == 70), "{isa}");
                let sorted = std::panic::catch_unwind(|| run_one(window, &[255; 70]));
                assert!(sorted.map_or(true, |n| n == 70), "{isa}");
                let bytes = std::panic::catch_unwind(|| run_bytes(window));
                assert!(bytes.map_or(true, |n| n == 70), "{isa}");
            }
            for major in [Major::Output, Major::Input] {
                let mask = std::panic::catch_unwind(|| run_mask(major));
                assert!(mask.map_or(true, |n| n == 2 || n == cols), "{isa}");
            }
        }
    }
}
