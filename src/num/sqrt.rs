//! Square roots.
#![allow(unsafe_code)]

/// √x, correctly rounded; NaN below zero.
///
/// By one instruction on Cortex-M with floats: a correctly rounded result has one value, and `libm`'s is as long as a
/// small kernel there.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    #[cfg(cortex_m_fp)]
    return vsqrt(x);
    #[cfg(not(cortex_m_fp))]
    libm::sqrtf(x)
}

/// Naked because `asm!` has no float operands on these targets. The triple says that the instruction is there.
#[cfg(cortex_m_fp)]
#[unsafe(naked)]
extern "C" fn vsqrt(x: f32) -> f32 {
    core::arch::naked_asm!(".fpu fpv4-sp-d16", "vsqrt.f32 s0, s0", "bx lr")
}
