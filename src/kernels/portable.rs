//! The definition of every product: plain loops whose bits all other back-ends reproduce.

use super::{INPUT_PAD, Input, NonFinite, portable_steps};
use crate::sparse::{Csr, Dense, Layout, Major, Matrix, Stored, Value};

/// All bits of a float but its sign. As integers, magnitudes order as the numbers do, infinity and NaN above all.
pub(super) const MAGNITUDE: u32 = 0x7fff_ffff;

/// Where a vector known to hold one has its first infinity or NaN.
#[cold]
pub(super) fn first_non_finite(x: &[f32]) -> NonFinite {
    let at = x.iter().position(|v| !v.is_finite());
    NonFinite {
        at: at.unwrap_or(x.len()),
    }
}

pub(super) fn input<'a>(
    x: &'a [f32],
    scratch: &'a mut [i8],
    int8: bool,
) -> Result<Input<'a>, NonFinite> {
    let largest = x.iter().fold(0, |m, v| (v.to_bits() & MAGNITUDE).max(m));
    if largest >= f32::INFINITY.to_bits() {
        return Err(first_non_finite(x));
    }
    if !int8 {
        return Ok(Input::plain(x));
    }
    let q = &mut scratch[..x.len() + INPUT_PAD];
    let scale = f32::from_bits(largest) / 127.0;
    q[x.len()..].fill(0);
    #[cfg(soft_float)]
    if let Some(integers) = super::quantise::Integers::new(largest, scale) {
        for (q, x) in q.iter_mut().zip(x) {
            *q = integers.quantise(*x);
        }
        return Ok(Input { x, q, scale });
    }
    for (q, x) in q.iter_mut().zip(x) {
        *q = quantise(*x, scale);
    }
    Ok(Input { x, q, scale })
}

/// `rne(x / scale)`, and zero where the scale is.
#[inline(always)]
pub(crate) fn quantise(x: f32, scale: f32) -> i8 {
    // Adding 1.5 · 2^23 rounds to nearest even, and leaves the integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // Where the scale is zero, |x| is far below a half.
    let divisor = if scale == 0.0 { 1.0 } else { scale };
    ((x / divisor).clamp(-127.0, 127.0) + ROUND).to_bits() as i8
}

pub(super) fn matvec(w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    match w.stored() {
        Stored::F32(l) => product(l, w.major(), x.x, y),
        Stored::F16(l) => product(l, w.major(), x.x, y),
        Stored::I8(l, scales) => {
            product_i8(l, w.major(), x.q, y);
            scale_i8(y, x.scale, scales);
        }
    }
}

fn product<V: Value>(w: Layout<'_, V>, major: Major, x: &[f32], y: &mut [f32]) {
    match (w, major) {
        (Layout::Dense(d), Major::Output) => dense_output(d, x, y),
        (Layout::Dense(d), Major::Input) => dense_input(d, x, y),
        (Layout::Csr(c), Major::Output) => csr_output(c, x, y),
        (Layout::Csr(c), Major::Input) => csr_input(c, x, y),
        (Layout::Gaps(g), _) => portable_steps::product(g, major, x, y),
        (Layout::Nibbles(n), _) => portable_steps::product(n, major, x, y),
        (_, Major::Output) => output(w, x, y),
        (_, Major::Input) => input_major(w, x, y),
    }
}

fn product_i8(w: Layout<'_, i8>, major: Major, q: &[i8], y: &mut [f32]) {
    match (w, major) {
        (Layout::Dense(d), Major::Output) => dense_output_i8(d, q, y),
        (Layout::Dense(d), Major::Input) => dense_input_i8(d, q, y),
        (Layout::Csr(c), Major::Output) => csr_output_i8(c, q, y),
        (Layout::Csr(c), Major::Input) => csr_input_i8(c, q, y),
        (Layout::Gaps(g), _) => portable_steps::product_i8(g, major, q, y),
        (Layout::Nibbles(n), _) => portable_steps::product_i8(n, major, q, y),
        (_, Major::Output) => output_i8(w, q, y),
        (_, Major::Input) => input_major_i8(w, q, y),
    }
}

/// `y = W x` for any layout whose rows are outputs, in the order of its storage.
fn output<V: Value>(w: Layout<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    w.for_each(|i, j, v| y[i] += v.to_f32() * x[j]);
}

/// `y = W x` for any layout whose rows are inputs; zero inputs are skipped.
fn input_major<V: Value>(w: Layout<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x != 0.0 {
            w.for_each_in(j, |i, v| y[i] += v.to_f32() * x);
        }
    }
}

fn dense_output<V: Value>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        *y = dense_row(w.row(row), x);
    }
}

/// One output of [`dense_output`].
#[inline(always)]
pub(super) fn dense_row<V: Value>(row: &[V], x: &[f32]) -> f32 {
    let pairs = row.iter().zip(x);
    pairs.fold(0.0, |acc, (v, x)| acc + v.to_f32() * x)
}

fn dense_input<V: Value>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x != 0.0 {
            for (y, v) in y.iter_mut().zip(w.row(j)) {
                *y += v.to_f32() * x;
            }
        }
    }
}

fn csr_output<V: Value>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        let (indices, values) = w.row(row);
        *y = csr_row(indices, values, x);
    }
}

/// One output of [`csr_output`].
#[inline(always)]
pub(super) fn csr_row<V: Value>(indices: &[u16], values: &[V], x: &[f32]) -> f32 {
    let pairs = indices.iter().zip(values);
    pairs.fold(0.0, |acc, (&j, v)| acc + v.to_f32() * x[usize::from(j)])
}

fn csr_input<V: Value>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x != 0.0 {
            let (indices, values) = w.row(j);
            for (&i, v) in indices.iter().zip(values) {
                y[i as usize] += v.to_f32() * x;
            }
        }
    }
}

// int8 sums live as i32 bits in `y` until `scale_i8` turns them into numbers: no second buffer.

fn output_i8(w: Layout<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    w.for_each(|i, j, v| add_i32(&mut y[i], i32::from(v) * i32::from(q[j])));
}

fn input_major_i8(w: Layout<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    for (j, &q) in q[..w.shape().0].iter().enumerate() {
        if q != 0 {
            w.for_each_in(j, |i, v| add_i32(&mut y[i], i32::from(v) * i32::from(q)));
        }
    }
}

fn dense_output_i8(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        *y = dense_row_i8(w.row(row), q);
    }
}

/// One output of [`dense_output_i8`], as i32 bits.
#[inline(always)]
pub(super) fn dense_row_i8(row: &[i8], q: &[i8]) -> f32 {
    let pairs = row.iter().zip(q);
    let sum = pairs.fold(0i32, |sum, (&v, &q)| sum + i32::from(v) * i32::from(q));
    f32::from_bits(sum as u32)
}

fn dense_input_i8(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    for (j, &q) in q[..w.rows()].iter().enumerate() {
        if q != 0 {
            for (y, &v) in y.iter_mut().zip(w.row(j)) {
                add_i32(y, i32::from(v) * i32::from(q));
            }
        }
    }
}

fn csr_output_i8(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        let (indices, values) = w.row(row);
        *y = csr_row_i8(indices, values, q);
    }
}

/// One output of [`csr_output_i8`], as i32 bits.
#[inline(always)]
pub(super) fn csr_row_i8(indices: &[u16], values: &[i8], q: &[i8]) -> f32 {
    let pairs = indices.iter().zip(values);
    let sum = pairs.fold(0i32, |sum, (&j, &v)| {
        sum + i32::from(v) * i32::from(q[usize::from(j)])
    });
    f32::from_bits(sum as u32)
}

fn csr_input_i8(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    for (j, &q) in q[..w.rows()].iter().enumerate() {
        if q != 0 {
            let (indices, values) = w.row(j);
            for (&i, &v) in indices.iter().zip(values) {
                add_i32(&mut y[i as usize], i32::from(v) * i32::from(q));
            }
        }
    }
}

#[inline(always)]
pub(super) fn add_i32(y: &mut f32, term: i32) {
    *y = f32::from_bits((y.to_bits() as i32 + term) as u32);
}

#[inline(always)]
pub(super) fn scale_i8(y: &mut [f32], sx: f32, scales: &[f32]) {
    for (y, sw) in y.iter_mut().zip(scales) {
        *y = (y.to_bits() as i32) as f32 * (sx * sw);
    }
}
