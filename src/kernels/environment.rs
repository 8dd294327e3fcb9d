//! Whether floats behave here as the numeric contract needs.

use core::hint::black_box;

use super::Isa;

impl Isa {
    /// True if this thread rounds to nearest even and keeps subnormals, in and out.
    ///
    /// Found by computing, not by reading a control register, so that the answer covers MXCSR, FPCR and FPSCR alike
    /// and means what it says. Costs a few nanoseconds; a session asks once.
    #[inline(never)]
    pub fn environment_ok() -> bool {
        let sum = |a: f32, b: f32| black_box(a) + black_box(b);
        let product = |a: f32, b: f32| black_box(a) * black_box(b);
        let ulp = f32::EPSILON;
        // Three quarters of a unit round away from zero on both sides; a half goes to even, whichever way that is.
        let nearest = sum(1.0, 0.75 * ulp) == 1.0 + ulp
            && sum(-1.0, -0.75 * ulp) == -1.0 - ulp
            && sum(1.0, 0.5 * ulp) == 1.0
            && sum(1.0 + ulp, 0.5 * ulp) == 1.0 + 2.0 * ulp;
        let smallest = f32::from_bits(1);
        let subnormals = product(f32::MIN_POSITIVE, 0.5).to_bits() == 0x0040_0000
            && product(smallest, 16_777_216.0).to_bits() == 0x0100_0000
            && sum(smallest, 0.0).to_bits() == 1;
        nearest && subnormals
    }
}

#[cfg(test)]
mod tests {
    use crate::kernels::Isa;

    #[test]
    fn a_fresh_thread_is_fit() {
        assert!(Isa::environment_ok());
    }
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))] // An interpreter has no control register.
#[allow(unsafe_code)]
mod x86_tests {
    use core::arch::asm;

    use crate::kernels::Isa;

    /// Runs `f` with other rounding or flushing bits in MXCSR.
    fn with_mxcsr(bits: u32, f: impl FnOnce() -> bool) -> bool {
        let (mut before, mut changed) = (0u32, 0u32);
        // SAFETY: stores and loads the control register; what was there is put back.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut before) };
        changed |= before | bits;
        // SAFETY: as above; the bits are defined ones.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &changed) };
        let answer = f();
        // SAFETY: as above.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &before) };
        answer
    }

    #[test]
    fn other_roundings_and_flushed_subnormals_are_seen() {
        assert!(with_mxcsr(0, Isa::environment_ok));
        for (name, bits) in [
            ("denormals are zero", 1 << 6),
            ("down", 1 << 13),
            ("up", 2 << 13),
            ("to zero", 3 << 13),
            ("flush to zero", 1 << 15),
        ] {
            assert!(!with_mxcsr(bits, Isa::environment_ok), "{name}");
        }
    }
}
