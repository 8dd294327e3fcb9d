//! The definition of products with stepped rows: [`Gaps`](crate::sparse::Gaps) and [`Nibbles`](crate::sparse::Nibbles).
//!
//! Fillers are multiplied like any element: testing each for zero costs more, and no sum can show a zero.

use super::portable::add_i32;
use crate::sparse::{Major, Steps, Value};

pub(super) fn product<V: Value, const BITS: u32>(
    w: Steps<'_, V, BITS>,
    major: Major,
    x: &[f32],
    y: &mut [f32],
) {
    match major {
        Major::Output => output(w, x, y),
        Major::Input => input(w, x, y),
    }
}

pub(super) fn product_i8<const BITS: u32>(
    w: Steps<'_, i8, BITS>,
    major: Major,
    q: &[i8],
    y: &mut [f32],
) {
    match major {
        Major::Output => output_i8(w, q, y),
        Major::Input => input_i8(w, q, y),
    }
}

fn output<V: Value, const BITS: u32>(w: Steps<'_, V, BITS>, x: &[f32], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        let mut acc = 0.0;
        w.for_each_stored_in(row, |j, v| acc += v.to_f32() * x[j]);
        *y = acc;
    }
}

fn input<V: Value, const BITS: u32>(w: Steps<'_, V, BITS>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x != 0.0 {
            w.for_each_stored_in(j, |i, v| y[i] += v.to_f32() * x);
        }
    }
}

fn output_i8<const BITS: u32>(w: Steps<'_, i8, BITS>, q: &[i8], y: &mut [f32]) {
    for (row, y) in y.iter_mut().enumerate() {
        let mut acc = 0;
        w.for_each_stored_in(row, |j, v| acc += i32::from(v) * i32::from(q[j]));
        *y = f32::from_bits(acc as u32);
    }
}

fn input_i8<const BITS: u32>(w: Steps<'_, i8, BITS>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    for (j, &q) in q[..w.rows()].iter().enumerate() {
        if q != 0 {
            w.for_each_stored_in(j, |i, v| add_i32(&mut y[i], i32::from(v) * i32::from(q)));
        }
    }
}
