//! Exact selection of the k largest |x|, ties to the lower index.
//!
//! ```text
//! |x| as bits ─► bisect the bits until at most k are above ─► mask of 0 and 1
//! ```
//!
//! # Invariants
//! - The kept set is that of `lacuna::num::abs_top_k` for finite input.
//!
//! # Why
//! |x| of finite floats orders like its bits, so counting in a bisection vectorises where sorting does not.

/// Whether AbsTopK with this k does anything to rows of this width; 0 keeps all.
pub(crate) fn selects(k: usize, width: usize) -> bool {
    k != 0 && k < width
}

/// Sets `mask` to 1 where x is among the k largest and 0 elsewhere; k may be 0 or exceed the length.
#[inline(always)]
pub(crate) fn mark(x: &[f32], mask: &mut [f32], k: usize) {
    if k >= x.len() {
        mask.fill(1.0);
        return;
    }
    let (threshold, above) = threshold(x, k);
    if above == k {
        for (x, mask) in x.iter().zip(mask) {
            *mask = if size(*x) > threshold { 1.0 } else { 0.0 };
        }
        return;
    }
    let mut ties = k - above;
    for (x, mask) in x.iter().zip(mask) {
        let tie = size(*x) == threshold && ties > 0;
        ties -= usize::from(tie);
        *mask = if size(*x) > threshold || tie {
            1.0
        } else {
            0.0
        };
    }
}

/// Clears what is not among the k largest to +0.0 and says in `mask` what stayed.
#[inline(always)]
pub(crate) fn keep(x: &mut [f32], mask: &mut [f32], k: usize) {
    mark(x, mask, k);
    for (x, mask) in x.iter_mut().zip(mask) {
        *x = if *mask == 0.0 { 0.0 } else { *x };
    }
}

/// Bits of |x|.
#[inline(always)]
fn size(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// `(t, n)`: n ≤ k values have |x| bits above t, and with n < k the rest are ties at t.
#[inline(always)]
fn threshold(x: &[f32], k: usize) -> (u32, usize) {
    // count(low) > k ≥ count(high), where count(t) is how many are above t and low = −1 stands for "everything".
    let (mut low, mut high, mut above) = (-1i64, 0x7fff_ffffi64, 0);
    while high - low > 1 {
        let middle = (low + high) / 2;
        let n = count_above(x, middle as u32);
        if n == k {
            return (middle as u32, n);
        }
        if n > k {
            low = middle;
        } else {
            high = middle;
            above = n;
        }
    }
    (high as u32, above)
}

#[inline(always)]
fn count_above(x: &[f32], threshold: u32) -> usize {
    let mut n = 0u32;
    for x in x {
        n += u32::from(size(*x) > threshold);
    }
    n as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_engine_also_on_ties() {
        let mut rng = lacuna::num::Rng::new(3);
        for width in [1, 2, 7, 64, 100] {
            for k in [1, 2, width / 2, width - 1, width, width + 1] {
                for coarse in [false, true] {
                    let mut x: Vec<f32> = (0..width).map(|_| rng.next_f32() - 0.5).collect();
                    if coarse {
                        x.iter_mut().for_each(|x| *x = (*x * 4.0).round());
                    }
                    if k == 0 {
                        continue;
                    }
                    let (mut ours, mut engine, mut mask) = (x.clone(), x, vec![9.0; width]);
                    keep(&mut ours, &mut mask, k);
                    lacuna::num::abs_top_k(&mut engine, k);
                    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&ours), bits(&engine), "{width} {k}");
                    assert_eq!(mask.iter().sum::<f32>(), k.min(width) as f32);
                }
            }
        }
    }
}
