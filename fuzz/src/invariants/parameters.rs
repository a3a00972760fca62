//! Parameters of losses, in and out of their ranges.

use arbitrary::{Result, Unstructured};
use unifocal_conformance::tolerance::F64_OURS;
use unifocal_core::{AnyLoss, Focal, HardVoxels, Matthews, Tversky, UnifiedFocal, formula::Clip};

use super::outcomes::{assert_near, outcomes};
use crate::case::Case;
use crate::numbers::{Numbers, unit};

/// A parameter out of range is an error; a valid one gives a finite loss.
pub fn parameters(u: &mut Unstructured<'_>) -> Result<()> {
    let mut number = || -> Result<f64> {
        match u.int_in_range(0..=3)? {
            0 => u.arbitrary(),
            1 => Ok(*u.choose(&[f64::NAN, -0.0, -1e-300, 1.0 + 1e-15, 1e30, 1.1e30, 5e-324])?),
            _ => unit(u),
        }
    };
    let [lambda, delta, gamma, smooth, clip] =
        [number()?, number()?, number()?, number()?, number()?];
    let [a, b] = [number()?, number()?];
    let in_unit = |x: f64| (0.0..=1.0).contains(&x);
    let is_weight = |x: f64| (0.0..=1e30).contains(&x);
    let is_gamma = is_weight(gamma);
    let is_smooth = smooth >= 1e-30 && smooth.is_finite();
    let is_clip = clip > 0.0 && clip < 0.5;
    let mut losses: Vec<AnyLoss> = vec![UnifiedFocal::asymmetric().into()];
    macro_rules! holds {
        ($made:expr, $valid:expr) => {
            match ($made, $valid) {
                (Ok(loss), true) => losses.push(loss.into()),
                (Err(error), false) => assert!(!error.to_string().is_empty()),
                (made, valid) => panic!(
                    "found {made:?}, expected valid = {valid}: {lambda} {delta} {gamma} {smooth} {clip} {a} {b}"
                ),
            }
        };
    }
    holds!(Tversky::new().with_delta(delta), in_unit(delta));
    holds!(Tversky::focal().with_gamma(gamma), is_gamma);
    holds!(
        Tversky::asymmetric_focal().with_gamma(gamma),
        in_unit(gamma)
    );
    holds!(Tversky::symmetric_focal().with_smooth(smooth), is_smooth);
    holds!(Tversky::focal().with_clip(clip), is_clip);
    holds!(
        Tversky::jaccard().with_weights(a, b),
        is_weight(a) && is_weight(b)
    );
    holds!(Focal::new().with_gamma(gamma), is_gamma);
    holds!(Focal::asymmetric().with_delta(delta), in_unit(delta));
    holds!(Focal::cross_entropy().with_alpha(a), is_weight(a));
    holds!(Focal::symmetric().with_clip(clip), is_clip);
    holds!(
        UnifiedFocal::symmetric().with_lambda(lambda),
        in_unit(lambda)
    );
    holds!(UnifiedFocal::asymmetric().with_gamma(gamma), in_unit(gamma));
    holds!(
        UnifiedFocal::asymmetric().with_weights(a, b),
        is_weight(a) && is_weight(b)
    );
    holds!(UnifiedFocal::combo(a, b), in_unit(a) && in_unit(b));
    holds!(UnifiedFocal::combo(None, b), in_unit(b));
    holds!(
        UnifiedFocal::monai(a, gamma, delta),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    holds!(
        UnifiedFocal::geodl(a, gamma, delta),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    holds!(
        UnifiedFocal::paper_symmetric(a, delta, gamma, 3),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    let is_exponential = (1e-3..=5.0).contains(&gamma);
    holds!(Focal::exponential_log().with_gamma(gamma), is_exponential);
    holds!(
        UnifiedFocal::exponential_log().with_gamma(gamma),
        is_exponential
    );
    holds!(
        Tversky::noise_robust_dice().with_gamma(gamma),
        (1.0..=2.0).contains(&gamma)
    );
    holds!(Focal::poly1().with_poly(a), (-1.0..=1e30).contains(&a));
    holds!(Matthews::new().with_smooth(smooth), is_smooth);
    holds!(
        HardVoxels::new().with_threshold(a),
        (1e-30..=1.0).contains(&a)
    );
    assert_eq!(Clip::new(clip).is_ok(), is_clip);

    let case = Case::draw(u, Numbers::All)?;
    let loss = *u.choose(&losses)?;
    outcomes(&case, &loss);
    limits(&case, if in_unit(delta) { delta } else { 0.5 });
    Ok(())
}

/// Checks λ at its bounds and γ near 0.
fn limits(case: &Case, delta: f64) {
    let value = |loss: AnyLoss| case.evaluate(&loss).expect("a valid case").value;
    let with = |loss: UnifiedFocal, lambda: Option<f64>, gamma: f64| -> AnyLoss {
        let loss = loss
            .with_delta(delta)
            .and_then(|loss| loss.with_gamma(gamma));
        loss.and_then(|loss| loss.with_lambda(lambda))
            .expect("parameters in range")
            .into()
    };
    for loss in [UnifiedFocal::symmetric(), UnifiedFocal::asymmetric()] {
        let [none, all, sum, half] =
            [Some(0.0), Some(1.0), None, Some(0.5)].map(|lambda| value(with(loss, lambda, 0.5)));
        let what = || format!("{loss:?} at {delta} on {case:?}");
        assert_near(none + all, sum, 10.0 * F64_OURS, what);
        assert_near(0.5 * sum, half, 10.0 * F64_OURS, what);
        let [limit, near] = [0.0, 1e-9].map(|gamma| value(with(loss, Some(0.5), gamma)));
        // x^10⁻⁹ is 1 − 10⁻⁹·|ln x|.
        assert_near(limit, near, 2e-6, what);
    }
}
