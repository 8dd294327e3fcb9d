//! The finite check and the int8 form of a batch.

use super::{Batch, Lanes, NonFiniteToken, Quantised};
use crate::kernels::INPUT_PAD;
use crate::kernels::portable::{MAGNITUDE, quantise};

/// What is infinite or NaN has a magnitude from here on.
const INFINITE: u32 = f32::INFINITY.to_bits();

pub(super) fn batch<'a>(
    x: &'a [f32],
    lanes: Lanes,
    int8: Option<Quantised<'a>>,
) -> Result<Batch<'a>, NonFiniteToken> {
    let Lanes { tokens, stride } = lanes;
    let Some(Quantised { q, scales }) = int8 else {
        let rows = x.chunks_exact(stride).flat_map(|row| &row[..tokens]);
        let largest = rows.fold(0, |m, v| (v.to_bits() & MAGNITUDE).max(m));
        if largest >= INFINITE {
            return Err(first_non_finite(x, lanes));
        }
        return Ok(Batch {
            lanes,
            x,
            q: &[],
            scales: &[],
        });
    };
    let (q, scales) = (&mut q[..x.len() + INPUT_PAD], &mut scales[..tokens]);
    scales.fill(0.0);
    for row in x.chunks_exact(stride) {
        for (largest, x) in scales.iter_mut().zip(row) {
            let bits = (x.to_bits() & MAGNITUDE).max(largest.to_bits());
            *largest = f32::from_bits(bits);
        }
    }
    if scales.iter().any(|largest| !largest.is_finite()) {
        return Err(first_non_finite(x, lanes));
    }
    scales.iter_mut().for_each(|s| *s /= 127.0);
    for (q, x) in q.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
        for ((q, x), &scale) in q.iter_mut().zip(x).zip(&*scales) {
            *q = quantise(*x, scale);
        }
    }
    Ok(Batch {
        lanes,
        x,
        q,
        scales,
    })
}

/// Where a batch known to hold one has its first infinity or NaN.
#[cold]
pub(super) fn first_non_finite(x: &[f32], lanes: Lanes) -> NonFiniteToken {
    let of = |token: usize| {
        let mut x = x.iter().skip(token).step_by(lanes.stride);
        let at = x.position(|v| !v.is_finite())?;
        Some(NonFiniteToken { token, at })
    };
    let first = (0..lanes.tokens).find_map(of);
    first.unwrap_or(NonFiniteToken {
        token: lanes.tokens,
        at: x.len() / lanes.stride,
    })
}
