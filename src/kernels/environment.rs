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
