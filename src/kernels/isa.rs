//! Which instructions to use, found once.

use core::fmt;
use core::str::FromStr;

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
    /// Armv7E-M or Armv8-M with DSP and floats (Cortex-M4F, M7, M33, M55).
    Armv7em = 5,
    /// Helium (Cortex-M55).
    Mve = 6,
}

impl IsaName {
    /// Every name, those without a back-end included.
    pub const ALL: [IsaName; 7] = [
        IsaName::Portable,
        IsaName::Avx2,
        IsaName::Avx512,
        IsaName::Neon,
        IsaName::WasmSimd128,
        IsaName::Armv7em,
        IsaName::Mve,
    ];

    /// The name as it is written on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            IsaName::Portable => "portable",
            IsaName::Avx2 => "avx2",
            IsaName::Avx512 => "avx512",
            IsaName::Neon => "neon",
            IsaName::WasmSimd128 => "wasm-simd128",
            IsaName::Armv7em => "armv7em",
            IsaName::Mve => "mve",
        }
    }
}

impl fmt::Display for IsaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnknownIsa;

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown instruction set, the names are")?;
        IsaName::ALL.iter().try_for_each(|n| write!(f, " {n}"))
    }
}

impl core::error::Error for UnknownIsa {}

impl FromStr for IsaName {
    type Err = UnknownIsa;

    fn from_str(s: &str) -> Result<Self, UnknownIsa> {
        let named = IsaName::ALL.into_iter().find(|n| n.as_str() == s);
        named.ok_or(UnknownIsa)
    }
}

/// Proof that this processor has AVX2 and F16C and that its operating system keeps their registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Avx2(());

/// Proof that this processor has AVX-512 F, BW, VL and DQ besides AVX2 and F16C.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Avx512 {
    bytes: bool,
}

/// Proof that this processor has AVX-512 VBMI and VNNI besides what [`Avx512`] says: byte look-up, byte dot products.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512Bytes(());

/// Proof that this core has the DSP extension of Armv7E-M beside a floating-point unit.
#[cfg(cortex_m_fp)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Armv7em(());
/// What this processor has besides NEON, which every one of this target has.
#[cfg(all(quad, target_arch = "aarch64"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Neon {
    sdot: bool,
}

/// Proof that this core has Helium beside what [`Armv7em`] promises.
#[cfg(armv8m)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mve(Armv7em);

/// A back-end that this machine can run. The proofs are made by detection alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust.
    Portable,
    /// 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// 512-bit vectors with masks.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// Scalar, with dual multipliers.
    #[cfg(cortex_m_fp)]
    Armv7em(Armv7em),
    /// 128-bit vectors for int8, else as [`Isa::Armv7em`].
    #[cfg(armv8m)]
    Mve(Mve),
    /// 128-bit vectors.
    #[cfg(all(quad, target_arch = "aarch64"))]
    Neon(Neon),
    /// 128-bit vectors of a module built with them.
    #[cfg(all(quad, target_arch = "wasm32"))]
    WasmSimd128,
}

impl Isa {
    /// The fastest back-end of this machine.
    pub fn detect() -> Isa {
        Isa::available().last().unwrap_or(Isa::Portable)
    }

    /// Every back-end that this machine can run, `Portable` first, the fastest last.
    pub fn available() -> impl Iterator<Item = Isa> {
        let named = IsaName::ALL.into_iter();
        named.filter_map(Isa::from_name)
    }

    /// The back-end of that name, or `None` where this machine or this version of lacuna lacks it.
    pub fn from_name(name: IsaName) -> Option<Isa> {
        match name {
            IsaName::Portable => Some(Isa::Portable),
            #[cfg(target_arch = "x86_64")]
            IsaName::Avx2 => Avx2::detect().map(Isa::Avx2),
            #[cfg(target_arch = "x86_64")]
            IsaName::Avx512 => Avx512::detect().map(Isa::Avx512),
            #[cfg(cortex_m_fp)]
            IsaName::Armv7em => Armv7em::detect().map(Isa::Armv7em),
            #[cfg(armv8m)]
            IsaName::Mve => Mve::detect().map(Isa::Mve),
            #[cfg(all(quad, target_arch = "aarch64"))]
            IsaName::Neon => Some(Isa::Neon(Neon::detect())),
            #[cfg(all(quad, target_arch = "wasm32"))]
            IsaName::WasmSimd128 => Some(Isa::WasmSimd128),
            _ => None,
        }
    }

    /// The name of this back-end.
    pub fn name(self) -> IsaName {
        match self {
            Isa::Portable => IsaName::Portable,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => IsaName::Avx2,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => IsaName::Avx512,
            #[cfg(cortex_m_fp)]
            Isa::Armv7em(_) => IsaName::Armv7em,
            #[cfg(armv8m)]
            Isa::Mve(_) => IsaName::Mve,
            #[cfg(all(quad, target_arch = "aarch64"))]
            Isa::Neon(_) => IsaName::Neon,
            #[cfg(all(quad, target_arch = "wasm32"))]
            Isa::WasmSimd128 => IsaName::WasmSimd128,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod detected {
    cpufeatures::new!(has_avx2, "avx2");
    cpufeatures::new!(has_avx512, "avx512f", "avx512bw", "avx512vl", "avx512dq");

    /// AVX2 and F16C; the latter, which `cpufeatures` does not know, is bit 29 of ECX in leaf 1.
    pub(super) fn avx2() -> bool {
        has_avx2::get() && core::arch::x86_64::__cpuid(1).ecx & (1 << 29) != 0
    }

    pub(super) fn avx512() -> bool {
        avx2() && has_avx512::get()
    }

    /// VBMI and VNNI, which `cpufeatures` does not know: bits 1 and 11 of ECX in leaf 7. The registers are AVX-512's.
    pub(super) fn avx512_bytes() -> bool {
        const BOTH: u32 = 1 << 1 | 1 << 11;
        avx512() && core::arch::x86_64::__cpuid_count(7, 0).ecx & BOTH == BOTH
    }
}

/// An interpreter has no processor to ask.
#[cfg(all(target_arch = "x86_64", miri))]
mod detected {
    pub(super) fn avx2() -> bool {
        false
    }

    pub(super) fn avx512() -> bool {
        false
    }

    pub(super) fn avx512_bytes() -> bool {
        false
    }
}

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    fn detect() -> Option<Avx2> {
        detected::avx2().then_some(Avx2(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    fn detect() -> Option<Avx512> {
        let bytes = detected::avx512_bytes();
        detected::avx512().then_some(Avx512 { bytes })
    }

    /// The extensions, where the processor has them.
    pub(super) fn bytes(self) -> Option<Avx512Bytes> {
        self.bytes.then_some(Avx512Bytes(()))
    }

    /// The same without VBMI and VNNI, as on the first processors with AVX-512.
    #[cfg(feature = "_fixture")]
    #[doc(hidden)]
    pub fn without_bytes(self) -> Avx512 {
        Avx512 { bytes: false }
    }

    /// Where AVX-512 runs, so does AVX2.
    pub(super) fn avx2(self) -> Avx2 {
        Avx2(())
    }
}

#[cfg(cortex_m_fp)]
impl Armv7em {
    fn detect() -> Option<Armv7em> {
        super::armv7em::has_dsp().then_some(Armv7em(()))
    }
}

/// Linux tells every process what its processor has; `cpufeatures` does not know this bit.
#[cfg(all(
    quad,
    target_arch = "aarch64",
    any(target_os = "linux", target_os = "android"),
    not(miri)
))]
#[allow(unsafe_code)]
fn has_sdot() -> bool {
    // SAFETY: reads the auxiliary vector; a key that is not there gives 0.
    let has = unsafe { libc::getauxval(libc::AT_HWCAP) };
    has & libc::HWCAP_ASIMDDP != 0
}

/// Elsewhere what the target promises, as Apple's do: bare metal may not be asked without the right to ask.
#[cfg(all(
    quad,
    target_arch = "aarch64",
    not(all(any(target_os = "linux", target_os = "android"), not(miri)))
))]
fn has_sdot() -> bool {
    cfg!(all(target_feature = "dotprod", not(miri)))
}

#[cfg(all(quad, target_arch = "aarch64"))]
impl Neon {
    fn detect() -> Neon {
        Neon { sdot: has_sdot() }
    }

    /// The same without dot products, as on the first processors of this target.
    #[cfg(feature = "_fixture")]
    #[doc(hidden)]
    pub fn without_sdot(self) -> Neon {
        Neon { sdot: false }
    }

    /// Whether there are dot products of bytes.
    pub(super) fn sdot(self) -> bool {
        self.sdot
    }
}

#[cfg(armv8m)]
impl Mve {
    fn detect() -> Option<Mve> {
        let scalar = Armv7em::detect()?;
        super::mve::has_mve().then_some(Mve(scalar))
    }

    /// Where Helium runs, so does DSP.
    pub(super) fn armv7em(self) -> Armv7em {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Isa, IsaName};

    #[test]
    fn names_come_back_and_portable_is_first() {
        for name in IsaName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert!("sse".parse::<IsaName>().is_err());
        assert_eq!(Isa::available().next(), Some(Isa::Portable));
        for isa in Isa::available() {
            assert_eq!(Isa::from_name(isa.name()), Some(isa));
        }
        assert_eq!(Isa::from_name(IsaName::Mve), None);
    }
}
