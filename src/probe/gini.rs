//! Gini's coefficient without sorting.
//!
//! ```text
//! a ≥ 2⁻¹⁶·max:  128 bins, 8 to an octave, each with n and Σa          smaller a share the lowest bin
//! Σ rank·a = Σ over bins (n below + (n + 1)/2)·Σa + what the order within a bin adds, as if spread evenly
//! ```
//!
//! # Why
//! Ranks ask for a sorted copy or for d² comparisons; a device has memory for neither and time for neither. A bin of n
//! elements between lo and lo + w adds between 0 and n²w/4 to Σ rank·a by its order, and n(n² − 1)w/(6n) if they lie evenly, which
//! is what is taken. With w ≤ lo/8 the result is off by at most (largest share of elements in one bin)/48 + d·2⁻¹⁸; on
//! vectors of Gaussians by less than 0.0005, which a test holds it to.

const BINS: usize = 128;

/// 2·Σ i·a₍ᵢ₎/(d·Σa) − (d+1)/d, a = |scale·x| ascending and below 4; `sum` is Σa > 0. Shape: `x (d,)`.
///
/// One pass over x and one over the bins, 1 KiB of stack.
pub(super) fn gini(x: &[f32], scale: f32, sum: f32) -> f32 {
    let (mut counts, mut sums) = ([0u32; BINS], [0.0f32; BINS]);
    for v in x {
        let a = (v * scale).abs();
        let bin = bin(a);
        counts[bin] += 1;
        sums[bin] += a;
    }
    let d = x.len() as f32;
    // Ranks from the middle, so that terms on either side of it cancel and 2i − (d + 1) needs no large difference.
    let (mut below, mut total) = (0u32, 0.0);
    for (b, (&n, &s)) in counts.iter().zip(&sums).enumerate() {
        if n > 0 {
            let rank = (2 * u64::from(below) + u64::from(n)) as f32 - d;
            let m = n as f32;
            let spread = if n > 1 {
                (m * m - 1.0) * (width(b) / 3.0)
            } else {
                0.0
            };
            total += rank * s + spread;
            below += n;
        }
    }
    (total / (d * sum)).clamp(0.0, 1.0 - 1.0 / d)
}

/// 2¹ has the highest bin; 8 bins an octave below it.
const HIGHEST: u32 = (128 << 3) - 1;

fn bin(a: f32) -> usize {
    let place = (a.to_bits() >> 20).min(HIGHEST);
    (BINS - 1).saturating_sub((HIGHEST - place) as usize)
}

/// The width of bin `b`.
fn width(b: usize) -> f32 {
    let place = HIGHEST - (BINS - 1 - b) as u32;
    let (lo, hi) = (place << 20, (place + 1) << 20);
    if b == 0 {
        f32::from_bits(hi)
    } else {
        f32::from_bits(hi) - f32::from_bits(lo)
    }
}
