//! Loops over slices in vectors: whole vectors first, what is left of one last.
//!
//! ```text
//! x  │ vector │ vector │ … │ rest │        load · f · store ── no lane is masked before the rest
//! ```
//!
//! # Why
//! A masked store costs several plain ones, and what it wrote cannot be handed on to a load before it reaches the cache.
//! What is done to a vector is a type, not a closure or a function: those are called through a shim of `Fn` that is
//! compiled without the instructions of its caller, and then every addition is a call.

use super::simd::Simd;

/// What is done to every element.
pub(crate) trait Lanewise: Copy {
    /// The new value of `x`; `y` is the element of another vector, or what every element is done with. Marked
    /// `inline(always)` where it is written.
    fn of<S: Simd>(self, s: S, x: S::F, y: S::F) -> S::F;
}

/// `x[i] ← f(x[i], with)`
#[inline(always)]
pub(crate) fn map<S: Simd>(s: S, x: &mut [f32], with: S::F, f: impl Lanewise) {
    let mut whole = x.chunks_exact_mut(S::N);
    for x in whole.by_ref() {
        s.store(f.of(s, s.load(x), with), x);
    }
    let rest = whole.into_remainder();
    if !rest.is_empty() {
        s.store_some(f.of(s, s.load_some(rest), with), rest);
    }
}

/// `x[i] ← f(x[i], y[i])`. Shapes: `x (n,)`, `y (n,)`.
#[inline(always)]
pub(crate) fn map_pairs<S: Simd>(s: S, x: &mut [f32], y: &[f32], f: impl Lanewise) {
    let (mut xs, mut ys) = (x.chunks_exact_mut(S::N), y.chunks_exact(S::N));
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        s.store(f.of(s, s.load(x), s.load(y)), x);
    }
    let (x, y) = (xs.into_remainder(), ys.remainder());
    if !x.is_empty() {
        s.store_some(f.of(s, s.load_some(x), s.load_some(y)), x);
    }
}

/// `out[i] = (x[i] · scale) · y[i]`. Shapes: `out (n,)`, `x (n,)`, `y (n,)`.
#[inline(always)]
pub(crate) fn scaled_product<S: Simd>(
    s: S,
    out: &mut [f32],
    (x, y): (&[f32], &[f32]),
    scale: S::F,
) {
    let mut outs = out.chunks_exact_mut(S::N);
    let (mut xs, mut ys) = (x.chunks_exact(S::N), y.chunks_exact(S::N));
    for (out, (x, y)) in outs.by_ref().zip(xs.by_ref().zip(ys.by_ref())) {
        s.store(s.mul(s.mul(s.load(x), scale), s.load(y)), out);
    }
    let (out, x, y) = (outs.into_remainder(), xs.remainder(), ys.remainder());
    if !out.is_empty() {
        s.store_some(s.mul(s.mul(s.load_some(x), scale), s.load_some(y)), out);
    }
}
