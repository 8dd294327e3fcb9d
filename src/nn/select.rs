//! AbsTopK with the instructions of a back-end.

use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::abs_top_k_in;
use crate::num::simd::Simd;

/// Zeroes (+0.0) all but the `k` largest |x|, ties to the lower index. `k == 0` or `k >= x.len()` leaves `x` alone.
///
/// Shape: `x (n,)`. The definition is [`crate::num::abs_top_k`].
pub fn abs_top_k(isa: Isa, x: &mut [f32], k: usize) {
    if k != 0 && k < x.len() {
        isa.run(AbsTopK(x, k));
    }
}

struct AbsTopK<'a>(&'a mut [f32], usize);

impl Op for AbsTopK<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        abs_top_k_in(s, self.0, self.1);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::abs_top_k;
    use crate::kernels::Isa;
    use crate::num::Rng;

    fn check(x: &[f32]) {
        let n = x.len();
        for k in (0..n.min(40)).chain([n / 4, n / 2, n.saturating_sub(1), n, n + 1]) {
            let of = |isa| -> Vec<u32> {
                let mut x = x.to_vec();
                abs_top_k(isa, &mut x, k);
                x.iter().map(|v| v.to_bits()).collect()
            };
            for isa in Isa::available() {
                assert_eq!(of(isa), of(Isa::Portable), "{isa} {n} {k}");
            }
        }
    }

    #[test]
    fn every_back_end_keeps_what_the_definition_keeps() {
        check(&[f32::NAN, -0.0, f32::INFINITY, 0.0, -1.0, f32::NAN, 1e-45]);
        check(&[0.0; 33]);
        let mut rng = Rng::new(1);
        for n in [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257] {
            let any: Vec<f32> = (0..n).map(|_| f32::from_bits(rng.next_u32())).collect();
            check(&any);
            let ties: Vec<f32> = (0..n).map(|_| rng.below(5) as f32 - 2.0).collect();
            check(&ties);
        }
    }
}
