//! A row of weights as a file stores it in one byte each: the one place that knows the rounding.
//!
//! ```text
//! s = max|w| / 127 over the weights of an output      q = rne(w / s), −127 … 127; 0 where s is 0
//! ```
//!
//! # Why
//! The exporter writes q and s, and training that is to end in int8 sees q · s: were the two apart by one rounding, what
//! was learned would not be what runs.

/// The scale of a row.
pub fn scale(row: &[f32]) -> f32 {
    row.iter().fold(0.0f32, |max, w| max.max(w.abs())) / 127.0
}

/// A weight in steps of `scale`.
pub fn round(w: f32, scale: f32) -> i8 {
    match scale == 0.0 {
        true => 0,
        false => (w / scale).round_ties_even().clamp(-127.0, 127.0) as i8,
    }
}

/// Every row of `cols` weights as the numbers that its bytes stand for.
pub fn fake(values: &mut [f32], cols: usize) {
    for row in values.chunks_mut(cols.max(1)) {
        let scale = scale(row);
        for w in row {
            *w = f32::from(round(*w, scale)) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rounded_stays_as_it_is() {
        let mut w = [0.3, -0.7, 1e-4, 0.0, 0.0, 0.0, 5.0, -2.5];
        fake(&mut w, 3);
        assert_eq!((w[1], w[3]), (-0.7 / 127.0 * 127.0, 0.0));
        assert!((w[0] - 0.3).abs() <= 0.7 / 254.0);
        let before = w;
        fake(&mut w, 3);
        assert_eq!(w, before);
    }
}
