//! How many seeds a question takes.

/// Seeds with which a mean as far from `limit` as that of `values`, one a seed, would be told from it: two-sided 5 %,
/// power 80 %. `None` for fewer than two values, for no spread, and for a mean at the limit.
///
/// n = ((1.96 + 0.84) · sd / |mean − limit|)², at least 2.
pub fn seeds_needed(values: &[f64], limit: f64) -> Option<usize> {
    const NORMAL: f64 = 1.959_964 + 0.841_621;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let wanted = (NORMAL * (squares / (n - 1.0)).sqrt() / (mean - limit)).powi(2);
    let told = values.len() > 1 && squares > 0.0 && wanted.is_finite();
    told.then_some((wanted.ceil() as usize).max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_the_textbook() {
        // sd 1, one sd from the limit: (1.96 + 0.84)² = 7.85.
        assert_eq!(seeds_needed(&[0.0, 1.0, 2.0], 0.0), Some(8));
        assert_eq!(seeds_needed(&[0.0, 1.0, 2.0], -9.0), Some(2));
        assert_eq!(seeds_needed(&[0.0, 2.0], 1.0), None);
        assert_eq!(seeds_needed(&[1.0, 1.0], 0.0), None);
        assert_eq!(seeds_needed(&[1.0], 0.0), None);
        assert_eq!(seeds_needed(&[f64::NAN, 1.0], 0.0), None);
    }
}
