//! FNV-1a, 64 bits: the digest by which two runs are called equal.

/// The bits that stand for every NaN in a digest; machines differ in which NaN they make.
pub const CANONICAL_NAN: u32 = 0x7fc0_0000;

/// FNV-1a-64 over bytes, or over the little-endian bits of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fnv64(u64);

impl Fnv64 {
    /// The digest of nothing.
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Appends bytes: `h = (h ⊕ byte) · 0x100000001b3` for each.
    pub fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Appends the little-endian bits of `x`, every NaN as [`CANONICAL_NAN`].
    pub fn update_f32(&mut self, x: &[f32]) {
        for v in x {
            let bits = if v.is_nan() {
                CANONICAL_NAN
            } else {
                v.to_bits()
            };
            self.update(&bits.to_le_bytes());
        }
    }

    /// The digest of everything appended so far; written as 16 lower-case hex digits.
    pub const fn finish(self) -> u64 {
        self.0
    }
}

impl Default for Fnv64 {
    fn default() -> Self {
        Self::new()
    }
}

/// FNV-1a-64 of `bytes`.
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    let mut digest = Fnv64::new();
    digest.update(bytes);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::{Fnv64, fnv1a64};

    #[test]
    fn published_test_values() {
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn floats_are_their_little_endian_bits_and_all_nans_are_one() {
        let of = |x: &[f32]| {
            let mut d = Fnv64::new();
            d.update_f32(x);
            d.finish()
        };
        assert_eq!(of(&[1.0]), fnv1a64(&[0, 0, 0x80, 0x3f]));
        assert_eq!(of(&[f32::from_bits(0xffc1_2345)]), of(&[f32::NAN]));
        assert_ne!(of(&[0.0]), of(&[-0.0]));
    }
}
