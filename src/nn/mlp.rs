//! The nonlinearities of the MLP, and its gate.

use crate::num;

/// `h[i] ← gelu(h[i])`, tanh form.
pub fn gelu(h: &mut [f32]) {
    h.iter_mut().for_each(|v| *v = num::gelu(*v));
}

/// `h[i] ← max(h[i], 0)`; a silent neuron is +0.0, never −0.0, and NaN stays: a fault must not look like silence.
pub fn relu(h: &mut [f32]) {
    for v in h {
        if *v <= 0.0 {
            *v = 0.0;
        }
    }
}

/// `h[i] ← max(h[i], 0)²` (So et al., "Primer", 2021).
pub fn relu2(h: &mut [f32]) {
    relu(h);
    h.iter_mut().for_each(|v| *v *= *v);
}

/// `h[i] ← h[i] · sigmoid(h[i])`.
pub fn silu(h: &mut [f32]) {
    h.iter_mut().for_each(|v| *v = num::silu(*v));
}

/// `h[i] ← h[i] · g[i]` (Shazeer, "GLU Variants Improve Transformer", 2020). Shapes: `h (n,)`, `g (n,)`.
pub fn gate(h: &mut [f32], g: &[f32]) {
    for (h, g) in h.iter_mut().zip(g) {
        *h *= g;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(act: fn(&mut [f32]), x: f32) -> f32 {
        let mut h = [x];
        act(&mut h);
        h[0]
    }

    #[test]
    fn values() {
        assert_eq!(of(relu, -0.0).to_bits(), 0);
        assert_eq!(of(relu, 2.5), 2.5);
        assert_eq!(of(relu2, 3.0), 9.0);
        assert_eq!(of(relu2, -3.0).to_bits(), 0);
        assert!((of(silu, 1.0) - 0.731_058_6).abs() < 1e-6);
        assert!((of(gelu, 1.0) - 0.841_192).abs() < 1e-6);
    }

    #[test]
    fn a_fault_stays_visible() {
        for act in [gelu, relu, relu2, silu] {
            assert!(of(act, f32::NAN).is_nan());
        }
    }

    #[test]
    fn gate_multiplies() {
        let mut h = [2.0, 3.0];
        gate(&mut h, &[0.5, -1.0]);
        assert_eq!(h, [1.0, -3.0]);
    }
}
