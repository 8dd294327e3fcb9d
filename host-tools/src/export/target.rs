//! Machines a file can be made for, and what their products cost: the break-even table.
//!
//! # Invariants
//! - Every number of the table is here, with where it comes from.
//! - A target changes encodings and orientations, never a value: the model id and all bits stay the same.
//!
//! # Why
//! On a microcontroller flash is what runs out, so the smallest form wins and time decides between equals; on a desktop
//! the fastest form wins. One table, because a choice by hand is never revisited when a kernel changes.

use lacuna::format::ValueType;
use lacuna::kernels::IsaName;

/// A machine to choose encodings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Any machine: the smallest file
    Portable,
    /// Armv6-M without floating point unit
    CortexM0,
    /// Armv7E-M with single-precision unit
    CortexM4,
    /// Armv8-M Mainline with single-precision unit
    CortexM33,
    /// Armv8.1-M with Helium
    CortexM55,
    /// RV32IMAC without floating point unit
    Rv32,
    /// x86-64 with AVX2
    Avx2,
    /// x86-64 with AVX-512
    Avx512,
}

/// What decides between forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Fewest bytes, then least time.
    Bytes,
    /// Fewest bytes among the forms within [`SLACK`] of the least time.
    Time,
}

/// How much longer than the fastest form a smaller one may take: less than the table's own uncertainty.
pub(super) const SLACK: f64 = 1.15;

/// Time of a product in one unit within a line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    /// Dense, output-major, per element.
    pub(super) dense_output: f64,
    /// Dense, input-major, per element of an input that is not zero.
    pub(super) dense_input: f64,
    /// CSR, output-major, per nonzero and per output.
    pub(super) csr_output: (f64, f64),
    /// CSR, input-major, per nonzero and per input, of inputs that are not zero.
    pub(super) csr_input: (f64, f64),
}

impl Target {
    /// The name the file's needs block carries as a hint.
    pub(super) fn isa(self) -> IsaName {
        match self {
            Target::Portable | Target::CortexM0 | Target::Rv32 => IsaName::Portable,
            Target::CortexM4 | Target::CortexM33 => IsaName::Armv7em,
            Target::CortexM55 => IsaName::Mve,
            Target::Avx2 => IsaName::Avx2,
            Target::Avx512 => IsaName::Avx512,
        }
    }

    pub(super) fn goal(self) -> Goal {
        match self {
            Target::Avx2 | Target::Avx512 => Goal::Time,
            _ => Goal::Bytes,
        }
    }

    /// The line of the break-even table.
    pub(super) fn costs(self, values: ValueType) -> Costs {
        let [dense_output, dense_input, a, b, c, d] = match (self, values) {
            (Target::Avx512, ValueType::I8) => AVX512_I8,
            (Target::Avx512, ValueType::F16) => AVX512_F16,
            (Target::Avx512, _) => AVX512_F32,
            (Target::Avx2, ValueType::I8) => AVX2_I8,
            (Target::Avx2, ValueType::F16) => AVX2_F16,
            (Target::Avx2, _) => AVX2_F32,
            (_, ValueType::I8) => SCALAR_I8,
            (_, ValueType::F16) => SCALAR_F16,
            _ => SCALAR_F32,
        };
        Costs {
            dense_output,
            dense_input,
            csr_output: (a, b),
            csr_input: (c, d),
        }
    }
}

// dense output, dense input, csr output per nonzero and per output, csr input per nonzero and per input.
// Nanoseconds on x86-64: `cargo bench -p lacuna-tools --bench break_even` on a core with AVX-512 at 3.4 GHz.
const AVX512_F32: [f64; 6] = [0.044, 0.047, 0.233, 2.3, 0.424, 0.7];
const AVX512_F16: [f64; 6] = [0.051, 0.041, 0.235, 2.3, 0.261, 7.4];
const AVX512_I8: [f64; 6] = [0.018, 0.024, 0.108, 2.4, 0.443, 0.7];
const AVX2_F32: [f64; 6] = [0.061, 0.052, 0.257, 3.3, 0.427, 0.7];
const AVX2_F16: [f64; 6] = [0.068, 0.049, 0.256, 3.1, 0.270, 7.4];
const AVX2_I8: [f64; 6] = [0.019, 0.024, 0.301, 1.7, 0.445, 0.7];
// Instructions on Cortex-M4F, portable kernels, counted by QEMU (`-icount`) on 64 × 64 to 384 × 96 at 3 to 30 % density;
// exact to half an instruction. Other scalar machines choose alike: their loops are the same.
const SCALAR_F32: [f64; 6] = [4.5, 5.5, 9.0, 31.0, 12.0, 29.0];
const SCALAR_F16: [f64; 6] = [24.2, 22.2, 25.1, 33.0, 28.0, 32.0];
const SCALAR_I8: [f64; 6] = [6.5, 4.8, 9.5, 49.0, 10.0, 31.0];

/// Share of the inputs of `w2` that are expected to be nonzero after ReLU or ReLU² without AbsTopK: half of a
/// symmetric distribution.
pub(super) const RELU_ACTIVE: f64 = 0.5;
