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
    /// Least time, then fewest bytes.
    Time,
}

/// Time of a product per stored element, in one unit within a line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    /// Dense, output-major.
    pub(super) dense_output: f64,
    /// Dense, input-major, per element of an input that is not zero.
    pub(super) dense_input: f64,
    /// CSR, output-major.
    pub(super) csr_output: f64,
    /// CSR, input-major, per element of an input that is not zero.
    pub(super) csr_input: f64,
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

    /// The break-even table.
    pub(super) fn costs(self, values: ValueType) -> Costs {
        let [dense_output, dense_input, csr_output, csr_input] = match (self, values) {
            (Target::Avx512, ValueType::I8) => AVX512_I8,
            (Target::Avx512, _) => AVX512_F32,
            (Target::Avx2, ValueType::I8) => AVX2_I8,
            (Target::Avx2, _) => AVX2_F32,
            _ => SCALAR,
        };
        Costs {
            dense_output,
            dense_input,
            csr_output,
            csr_input,
        }
    }
}

// dense_output, dense_input, csr_output, csr_input
const AVX512_F32: [f64; 4] = [0.10, 0.06, 0.2, 0.8];
const AVX512_I8: [f64; 4] = [0.02, 0.06, 0.2, 0.8];
const AVX2_F32: [f64; 4] = [0.15, 0.08, 0.25, 0.8];
const AVX2_I8: [f64; 4] = [0.03, 0.08, 0.25, 0.8];
const SCALAR: [f64; 4] = [5.0, 7.0, 7.0, 8.0];

/// Share of the inputs of `w2` that are expected to be nonzero after ReLU or ReLU² without AbsTopK: half of a
/// symmetric distribution.
pub(super) const RELU_ACTIVE: f64 = 0.5;
