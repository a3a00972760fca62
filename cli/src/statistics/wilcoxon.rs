//! The Wilcoxon signed-rank test of paired differences.
//!
//! Wilcoxon, F. (1945). Individual comparisons by ranking methods. Biometrics Bulletin 1(6).

/// The result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SignedRank {
    /// The smaller of the sums of ranks of positive and of negative differences.
    pub(crate) statistic: f64,
    /// The two-sided p-value.
    pub(crate) p: f64,
}

/// The p-value is exact up to this number of differences, if no two have the same size and none is 0.
const MOST_EXACT: usize = 50;

/// Tests whether differences are symmetric about 0. Differences of 0 are left out; `None` if no other is left, or one is NaN.
pub(crate) fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    if differences.iter().any(|difference| difference.is_nan()) {
        return None;
    }
    let mut others: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    others.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    if others.is_empty() {
        return None;
    }
    let mut positive = 0.0;
    // Σ (t³ − t) over groups of t equal sizes.
    let mut ties = 0.0;
    let mut rank = 0.0;
    for group in others.chunk_by(|a, b| a.abs() == b.abs()) {
        let size = group.len() as f64;
        let shared = rank + (size + 1.0) / 2.0;
        positive += shared * group.iter().filter(|difference| **difference > 0.0).count() as f64;
        ties += size.powi(3) - size;
        rank += size;
    }
    let n = others.len() as f64;
    let all = n * (n + 1.0) / 2.0;
    let statistic = f64::min(positive, all - positive);
    let exact = others.len() <= MOST_EXACT && ties == 0.0 && others.len() == differences.len();
    let p = if exact {
        exact_p(others.len(), statistic as usize)
    } else {
        let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0;
        let z = (statistic - all / 2.0) / variance.sqrt();
        libm::erfc(-z / std::f64::consts::SQRT_2)
    };
    Some(SignedRank {
        statistic,
        p: p.min(1.0),
    })
}

/// Twice the share of the 2ⁿ choices of signs whose positive ranks sum to at most `statistic`.
fn exact_p(n: usize, statistic: usize) -> f64 {
    let mut shares = vec![0.0; n * (n + 1) / 2 + 1];
    shares[0] = 1.0;
    for rank in 1..=n {
        // Each rank is positive or negative with probability ½.
        for sum in (0..shares.len()).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = (shares[sum] + with) / 2.0;
        }
    }
    2.0 * shares[..=statistic].iter().sum::<f64>()
}
