//! Products with several tokens: a value in all lanes times four tokens' x.
//!
//! ```text
//! v₀ │ v₀ v₀ v₀ v₀ │ · │ x[c₀] of tokens 0 1 2 3 │ 4 5 6 7 │ …     sixteen sums in registers while a row goes by
//! v₁ │ v₁ v₁ v₁ v₁ │ · │ x[c₁] of tokens 0 1 2 3 │ 4 5 6 7 │ …
//! ```

use super::{Float, Quad, padded};
use crate::kernels::batch::{self, Batch, Lanes};
use crate::sparse::{Layout, Major, Matrix, Stored};

/// `Y = W X` as `batch::portable` defines it.
pub(in crate::kernels) fn matmul<Q: Quad>(w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(l @ (Layout::Csr(_) | Layout::Dense(_))), Major::Output) => {
            rows::<Q, _>(l, b.x(), b.lanes(), y);
        }
        (Stored::F16(l @ (Layout::Csr(_) | Layout::Dense(_))), Major::Output) => {
            rows::<Q, _>(l, b.x(), b.lanes(), y);
        }
        _ => batch::portable(w, b, y),
    }
}

fn rows<Q: Quad, V: Float>(w: Layout<'_, V>, x: &[f32], lanes: Lanes, y: &mut [f32]) {
    for (row, y) in y.chunks_exact_mut(lanes.stride()).enumerate() {
        let y = &mut y[..lanes.tokens()];
        match w {
            Layout::Csr(c) => {
                let (indices, values) = c.row(row);
                tokens::<Q, V>(values, |i| usize::from(indices[i]), x, lanes, y);
            }
            Layout::Dense(d) => tokens::<Q, V>(d.row(row), |i| i, x, lanes, y),
            _ => {}
        }
    }
}

/// All tokens of one row; element i is in column `column(i)`.
#[inline(always)]
fn tokens<Q: Quad, V: Float>(
    values: &[V],
    column: impl Fn(usize) -> usize,
    x: &[f32],
    lanes: Lanes,
    y: &mut [f32],
) {
    let (sixteens, rest) = y.as_chunks_mut::<16>();
    let mut at = 0;
    for y in sixteens {
        sums::<Q, V, 4>(
            values,
            |i| &x[column(i) * lanes.stride() + at..],
            y.as_chunks_mut().0,
        );
        at += 16;
    }
    let (fours, rest) = rest.as_chunks_mut::<4>();
    for y in fours {
        sums::<Q, V, 1>(
            values,
            |i| &x[column(i) * lanes.stride() + at..],
            y.as_chunks_mut().0,
        );
        at += 4;
    }
    for (t, y) in rest.iter_mut().enumerate() {
        let elements = values.iter().enumerate();
        *y = elements.fold(0.0, |sum, (i, v)| {
            sum + v.to_f32() * x[column(i) * lanes.stride() + at + t]
        });
    }
}

/// The sums of `4 T` tokens; `x(i)` begins with their x for element i.
#[inline(always)]
fn sums<'x, Q: Quad, V: Float, const T: usize>(
    values: &[V],
    x: impl Fn(usize) -> &'x [f32],
    y: &mut [[f32; 4]],
) {
    let mut acc = [Q::splat(0.0); T];
    let mut add = |v: f32, i: usize| {
        let v = Q::splat(v);
        for (acc, x) in acc.iter_mut().zip(x(i)[..4 * T].as_chunks().0) {
            *acc = Q::add(*acc, Q::mul(v, Q::load(x)));
        }
    };
    let (fours, rest) = values.as_chunks::<4>();
    let mut wide = [0.0; 4];
    for (at, v) in fours.iter().enumerate() {
        Q::store(&mut wide, V::quad::<Q>(v));
        for (i, &v) in wide.iter().enumerate() {
            add(v, 4 * at + i);
        }
    }
    if !rest.is_empty() {
        Q::store(&mut wide, V::quad::<Q>(&padded(rest)));
        for (i, &v) in wide[..rest.len()].iter().enumerate() {
            add(v, 4 * fours.len() + i);
        }
    }
    for (y, acc) in y.iter_mut().zip(acc) {
        Q::store(y, acc);
    }
}
