//! Machines a file can be made for, what decides between forms there, and the measured costs to decide by.
//!
//! # Invariants
//! - Every cost stands in a table under `benches/break-even`, as `lacuna bench-encodings` prints it.
//! - A target changes encodings and orientations, never a value: the model id and all bits stay the same.
//!
//! # Why
//! On a microcontroller flash is what runs out, so the smallest form wins and time decides between near equals; on a
//! desktop the fastest form wins. Tables, because a choice by hand is never revisited when a kernel changes.

use lacuna::kernels::IsaName;
use lacuna::model::break_even::{BreakEven, break_even};

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
    /// aarch64
    Neon,
    /// WebAssembly with 128-bit vectors
    WasmSimd128,
}

/// What decides between forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Of the forms within [`PATIENCE`] of the least time, the fastest within [`NEAR`] of their fewest bytes.
    Bytes,
    /// Fewest bytes among the forms within [`SLACK`] of the least time.
    Time,
}

/// How much longer than the fastest form a smaller one may take: less than the tables' own uncertainty.
pub(super) const SLACK: f64 = 1.15;

/// How much longer than the fastest form one that saves bytes may take.
pub(super) const PATIENCE: f64 = 2.0;

/// How much larger than the smallest form a faster one may be.
pub(super) const NEAR: f64 = 1.1;

macro_rules! kept {
    ($name:literal) => {
        BreakEven::new(include_str!(concat!(
            "../../../benches/break-even/",
            $name,
            ".csv"
        )))
    };
}

impl Target {
    /// The name the file's needs block carries as a hint.
    pub fn isa(self) -> IsaName {
        match self {
            Target::Portable | Target::CortexM0 | Target::Rv32 => IsaName::Portable,
            Target::CortexM4 | Target::CortexM33 => IsaName::Armv7em,
            Target::CortexM55 => IsaName::Mve,
            Target::Avx2 => IsaName::Avx2,
            Target::Avx512 => IsaName::Avx512,
            Target::Neon => IsaName::Neon,
            Target::WasmSimd128 => IsaName::WasmSimd128,
        }
    }

    pub(super) fn goal(self) -> Goal {
        match self {
            Target::Avx2 | Target::Avx512 | Target::Neon | Target::WasmSimd128 => Goal::Time,
            _ => Goal::Bytes,
        }
    }

    /// The target of an instruction set's own table.
    pub fn of(isa: IsaName) -> Target {
        match isa {
            IsaName::Avx2 => Target::Avx2,
            IsaName::Avx512 => Target::Avx512,
            IsaName::Neon => Target::Neon,
            IsaName::WasmSimd128 => Target::WasmSimd128,
            IsaName::Armv7em => Target::CortexM4,
            IsaName::Mve => Target::CortexM55,
            _ => Target::Portable,
        }
    }

    /// The word on the command line.
    pub fn name(self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self);
        value.map_or(String::new(), |v| v.get_name().to_owned())
    }

    /// The emulated board that counts for it; no other target than a desktop lacks one.
    pub fn board(self) -> Option<&'static str> {
        match self {
            Target::Portable => Some("qemu-mps2-an386"),
            Target::CortexM0 => Some("qemu-microbit"),
            Target::CortexM4 => Some("qemu-mps2-an386"),
            Target::CortexM33 => Some("qemu-mps2-an505"),
            Target::CortexM55 => Some("qemu-mps3-an547"),
            Target::Rv32 => Some("qemu-riscv32-virt"),
            _ => None,
        }
    }

    /// The kept table; that of a desktop is the engine's own.
    pub fn table(self) -> BreakEven<'static> {
        match self {
            Target::CortexM0 => kept!("cortex-m0"),
            Target::CortexM4 => kept!("cortex-m4"),
            Target::CortexM33 => kept!("cortex-m33"),
            Target::CortexM55 => kept!("cortex-m55"),
            Target::Rv32 => kept!("rv32"),
            _ => break_even(self.isa()).unwrap_or(kept!("portable")),
        }
    }
}
