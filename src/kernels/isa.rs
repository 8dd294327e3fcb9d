//! Which instructions to use, found once.

/// Every instruction set lacuna has or plans a back-end for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum IsaName {
    /// Plain Rust: the definition.
    Portable = 0,
    /// x86-64 with AVX2 and F16C.
    Avx2 = 1,
    /// x86-64 with AVX-512 F, BW, VL, DQ.
    Avx512 = 2,
    /// aarch64 NEON.
    Neon = 3,
    /// WebAssembly SIMD.
    WasmSimd128 = 4,
    /// Armv7E-M DSP (Cortex-M4, M7; also M33's).
    Armv7em = 5,
    /// Helium (Cortex-M55).
    Mve = 6,
}

/// A back-end that this machine can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust.
    Portable,
}

impl Isa {
    /// The fastest back-end of this machine.
    pub fn detect() -> Isa {
        Isa::Portable
    }

    /// Every back-end that this machine can run, `Portable` first.
    pub fn available() -> impl Iterator<Item = Isa> {
        core::iter::once(Isa::Portable)
    }

    /// The name of this back-end.
    pub fn name(self) -> IsaName {
        IsaName::Portable
    }
}
