//! The definition of every product with a batch.

use half::f16;

use super::{Batch, Lanes};
use crate::sparse::{Layout, Major, Matrix, Stored, Value};

/// Tokens whose sums stay in registers while a row goes by.
const GROUP: usize = 4;

/// A stored value, what it is multiplied with, and what the products are summed in.
trait Term: Value {
    type X: Copy;
    type Sum: Copy;

    const ZERO: Self::Sum;

    fn add(sum: Self::Sum, v: Self, x: Self::X) -> Self::Sum;

    /// A sum as it waits in `y`; int8 ones wait as i32 bits until they are scaled.
    fn put(sum: Self::Sum) -> f32;

    /// The reverse.
    fn take(y: f32) -> Self::Sum;
}

/// Floats are summed as f32.
macro_rules! float_term {
    ($($value:ty),*) => {$(
        impl Term for $value {
            type X = f32;
            type Sum = f32;

            const ZERO: f32 = 0.0;

            #[inline(always)]
            fn add(sum: f32, v: Self, x: f32) -> f32 {
                sum + v.to_f32() * x
            }

            #[inline(always)]
            fn put(sum: f32) -> f32 {
                sum
            }

            #[inline(always)]
            fn take(y: f32) -> f32 {
                y
            }
        }
    )*};
}

float_term!(f32, f16);

impl Term for i8 {
    type X = i8;
    type Sum = i32;

    const ZERO: i32 = 0;

    #[inline(always)]
    fn add(sum: i32, v: i8, q: i8) -> i32 {
        sum + i32::from(v) * i32::from(q)
    }

    #[inline(always)]
    fn put(sum: i32) -> f32 {
        f32::from_bits(sum as u32)
    }

    #[inline(always)]
    fn take(y: f32) -> i32 {
        y.to_bits() as i32
    }
}

pub(in crate::kernels) fn matmul(w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    match w.stored() {
        Stored::F32(l) => product(l, w.major(), b.x, b.lanes, y),
        Stored::F16(l) => product(l, w.major(), b.x, b.lanes, y),
        Stored::I8(l, scales) => {
            product(l, w.major(), b.q, b.lanes, y);
            scale_i8(b, scales, y);
        }
    }
}

fn product<V: Term>(w: Layout<'_, V>, major: Major, x: &[V::X], lanes: Lanes, y: &mut [f32]) {
    match (w, major) {
        (
            Layout::Dense(_) | Layout::Csr(_) | Layout::Gaps(_) | Layout::Nibbles(_),
            Major::Output,
        ) => rows(w, x, lanes, y),
        _ => scatter(w, major, x, lanes, y),
    }
}

/// Any layout: every element adds its products to the sums of its output.
fn scatter<V: Term>(w: Layout<'_, V>, major: Major, x: &[V::X], lanes: Lanes, y: &mut [f32]) {
    let Lanes { tokens, stride } = lanes;
    for y in y.chunks_exact_mut(stride) {
        y[..tokens].fill(V::put(V::ZERO));
    }
    w.for_each(|major_at, minor_at, v| {
        let (row, col) = match major {
            Major::Output => (major_at, minor_at),
            Major::Input => (minor_at, major_at),
        };
        let (x, y) = (&x[col * stride..], &mut y[row * stride..]);
        for (y, &x) in y[..tokens].iter_mut().zip(&x[..tokens]) {
            *y = V::put(V::add(V::take(*y), v, x));
        }
    });
}

/// Output-major layouts whose rows can be read on their own.
fn rows<V: Term>(w: Layout<'_, V>, x: &[V::X], lanes: Lanes, y: &mut [f32]) {
    for (row, y) in y.chunks_exact_mut(lanes.stride).enumerate() {
        let (groups, rest) = y[..lanes.tokens].as_chunks_mut::<GROUP>();
        let whole = groups.len() * GROUP;
        for (g, y) in groups.iter_mut().enumerate() {
            *y = sums(w, row, &x[g * GROUP..], lanes.stride);
        }
        for (t, y) in rest.iter_mut().enumerate() {
            [*y] = sums(w, row, &x[whole + t..], lanes.stride);
        }
    }
}

/// One output of `N` tokens, those of the first lanes of `x`.
#[inline(always)]
fn sums<V: Term, const N: usize>(
    w: Layout<'_, V>,
    row: usize,
    x: &[V::X],
    stride: usize,
) -> [f32; N] {
    let mut sums = [V::ZERO; N];
    w.for_each_in(row, |j, v| {
        for (sum, &x) in sums.iter_mut().zip(&x[j * stride..][..N]) {
            *sum = V::add(*sum, v, x);
        }
    });
    sums.map(V::put)
}

/// `y = acc · (sx · sw)`, in place.
pub(in crate::kernels) fn scale_i8(b: &Batch<'_>, scales: &[f32], y: &mut [f32]) {
    for (y, sw) in y.chunks_exact_mut(b.lanes.stride).zip(scales) {
        for (y, sx) in y.iter_mut().zip(b.scales) {
            *y = i8::take(*y) as f32 * (sx * sw);
        }
    }
}
