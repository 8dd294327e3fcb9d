//! The finite check and the int8 form of a batch.

use super::{Batch, Lanes, NonFiniteToken, Quantised};
use crate::kernels::INPUT_PAD;
use crate::kernels::portable::{MAGNITUDE, quantise};
use crate::kernels::run::Op;
use crate::num::simd::Simd;

/// What is infinite or NaN has a magnitude from here on.
const INFINITE: u32 = f32::INFINITY.to_bits();

/// Makes a batch. Lanes are tokens, so plain loops fill whatever vectors the instructions have.
pub(super) struct Check<'a> {
    pub(super) x: &'a [f32],
    pub(super) lanes: Lanes,
    pub(super) int8: Option<Quantised<'a>>,
}

impl<'a> Op for Check<'a> {
    type Output = Result<Batch<'a>, NonFiniteToken>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Self::Output {
        let Check { x, lanes, int8 } = self;
        let mut batch = Batch {
            lanes,
            x,
            q: &[],
            scales: &[],
        };
        let finite = match int8 {
            None => largest(x, lanes) < INFINITE,
            Some(Quantised { q, scales }) => {
                let (q, scales) = (&mut q[..x.len() + INPUT_PAD], &mut scales[..lanes.tokens]);
                let finite = largest_each(x, lanes, scales) < INFINITE;
                if finite {
                    quantise_all(x, lanes, q, scales);
                }
                (batch.q, batch.scales) = (q, scales);
                finite
            }
        };
        if finite {
            Ok(batch)
        } else {
            Err(first_non_finite(x, lanes))
        }
    }
}

/// Largest magnitude of all tokens.
#[inline(always)]
fn largest(x: &[f32], lanes: Lanes) -> u32 {
    // Without free lanes there is one long row.
    let (tokens, stride) = match lanes {
        Lanes { tokens, stride } if tokens == stride => (x.len(), x.len().max(1)),
        Lanes { tokens, stride } => (tokens, stride),
    };
    let rows = x.chunks_exact(stride).map(|row| {
        let magnitudes = row[..tokens].iter().map(|v| v.to_bits() & MAGNITUDE);
        magnitudes.fold(0, u32::max)
    });
    rows.fold(0, u32::max)
}

/// Largest magnitude of each token, as floats; returns the largest of them.
#[inline(always)]
fn largest_each(x: &[f32], lanes: Lanes, each: &mut [f32]) -> u32 {
    each.fill(0.0);
    for row in x.chunks_exact(lanes.stride) {
        for (most, x) in each.iter_mut().zip(row) {
            let bits = (x.to_bits() & MAGNITUDE).max(most.to_bits());
            *most = f32::from_bits(bits);
        }
    }
    each.iter().fold(0, |m, v| v.to_bits().max(m))
}

/// Turns the largest magnitudes of the tokens into their scales, and `x` into `q`.
#[inline(always)]
fn quantise_all(x: &[f32], lanes: Lanes, q: &mut [i8], scales: &mut [f32]) {
    scales.iter_mut().for_each(|s| *s /= 127.0);
    let rows = q.chunks_exact_mut(lanes.stride);
    for (q, x) in rows.zip(x.chunks_exact(lanes.stride)) {
        for ((q, x), &scale) in q.iter_mut().zip(x).zip(&*scales) {
            *q = quantise(*x, scale);
        }
    }
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
