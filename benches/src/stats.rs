//! Order statistics over small samples.

/// The value below which `share` of the sample lies; 0 for an empty sample.
pub(crate) fn quantile(sample: &mut [f64], share: f64) -> f64 {
    sample.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank in a sample that fits in memory"
    )]
    let rank = (share * sample.len().saturating_sub(1) as f64).round() as usize;
    sample.get(rank).copied().unwrap_or_default()
}

/// The middle of the sample; between its two middle values when there are two.
pub(crate) fn median(sample: impl IntoIterator<Item = f64>) -> f64 {
    let mut sample: Vec<f64> = sample.into_iter().filter(|value| value.is_finite()).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let middle = sample.len() / 2;
    let upper = sample.get(middle).copied().unwrap_or_default();
    if sample.len() % 2 == 1 || middle == 0 {
        return upper;
    }
    f64::midpoint(sample.get(middle - 1).copied().unwrap_or_default(), upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every expected value here is a double as it stands.
    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < f64::EPSILON
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut sample: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert!(is(quantile(&mut sample, 0.5), 50.0));
        assert!(is(quantile(&mut sample, 0.99), 99.0));
        assert!(is(quantile(&mut [], 0.5), 0.0));
    }

    #[test]
    fn a_median_ignores_what_is_no_number() {
        assert!(is(median([3.0, f64::NAN, 1.0, 2.0]), 2.0));
        assert!(is(median([1.0, 2.0]), 1.5));
        assert!(is(median([]), 0.0));
    }
}
