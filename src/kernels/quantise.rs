//! The int8 form of an activation without a floating-point unit.
//!
//! ```text
//! |x| ─► m, 16 bits in units of the largest's exponent ─► v = m · k ≈ q · 2^24 ─► the same integer at both ends
//!                                                         of what v leaves open, or the definition
//! ```
//!
//! # Why
//! In software a division and two additions are some hundred instructions an element, more than a small matrix costs
//! after it. One multiplication of integers decides all but one element in a hundred.

use super::portable::quantise;

/// Quantises by integers, for one scale.
pub(super) struct Integers {
    /// Exponent of the largest magnitude, biased.
    exponent: u32,
    /// 127 · 2^32 over the significand of the largest, rounded down: at most 16 bits.
    k: u32,
    scale: f32,
}

impl Integers {
    /// For vectors of this largest magnitude (its bits) and the scale that follows from it; `None` where subnormals
    /// come near.
    pub(super) fn new(largest: u32, scale: f32) -> Option<Self> {
        let (exponent, significand) = (largest >> 23, u64::from(largest & 0x7f_ffff | 0x80_0000));
        (exponent >= 32).then(|| Self {
            exponent,
            k: ((127 << 32) / significand) as u32,
            scale,
        })
    }

    /// [`quantise`] of an `x` that is not larger than the largest.
    #[inline]
    pub(super) fn quantise(&self, x: f32) -> i8 {
        let bits = x.to_bits();
        // An exponent that is not larger: no underflow. Subnormals and zeros lie far beyond 15.
        let below = self.exponent.wrapping_sub(bits >> 23 & 0xff);
        if below > 15 {
            return 0;
        }
        let v = ((bits & 0x7f_ffff | 0x80_0000) >> 8 >> below) * self.k;
        // m and k were rounded down, so the quotient is v or up to m + k < 2^17 more; the roundings of the scale and of
        // the quotient itself move it by less than 261, one way or the other. A half lies between both ends.
        const HALF: u32 = 1 << 23;
        let n = (v + HALF - 261) >> 24;
        if n != (v + HALF + (1 << 17) + 261) >> 24 {
            return quantise(x, self.scale);
        }
        let n = n as i8;
        if bits >> 31 == 0 { n } else { -n }
    }
}

#[cfg(test)]
mod tests {
    use super::{Integers, quantise};
    use crate::num::Rng;

    #[test]
    fn integers_give_what_the_definition_gives() {
        let mut rng = Rng::new(1);
        for _ in 0..if cfg!(miri) { 20 } else { 3000 } {
            let largest = (32 + rng.below(223)) << 23 | rng.next_u32() & 0x7f_ffff;
            let max = f32::from_bits(largest);
            let scale = max / 127.0;
            let integers = Integers::new(largest, scale).unwrap();
            let check =
                |x: f32| assert_eq!(integers.quantise(x), quantise(x, scale), "{x:e} {max:e}");
            for n in 0..=254 {
                // Halves of the step and their neighbours, where rounding decides.
                let x = (n as f32 * 0.5 * scale).min(max);
                for ulp in -3..=3i32 {
                    let near = f32::from_bits(x.to_bits().saturating_add_signed(ulp)).min(max);
                    check(near);
                    check(-near);
                }
            }
            for _ in 0..200 {
                check(f32::from_bits(rng.next_u32() % (largest + 1)));
                check(max * ((rng.next_u32() >> 8) as f32 / 16_777_216.0));
            }
        }
        assert!(Integers::new(31 << 23, 1.0).is_none());
    }
}
