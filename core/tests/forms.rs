//! The types that a loss is specialized to have the terms of the loss. Debug builds do not specialize,
//! so this test says most in a release build.

use unifocal_core::catalogue::Name;
use unifocal_core::data::Extent;
use unifocal_core::formula::{Class, Dual, Loss, Probability, Visitor};
use unifocal_core::{AnyLoss, Classes, Focal, Parameter, Tversky, UnifiedFocal};

const PROBABILITIES: [f64; 7] = [0.0, 1e-9, 0.03, 0.5, 0.83, 1.0 - 1e-9, 1.0];

/// The terms of a voxel and their derivatives by p, where the class covers all, some or none of the voxels.
struct Terms<const COVERED: usize> {
    class: Class,
    p: f64,
    y: f64,
}

impl<const K: usize, const COVERED: usize> Visitor<K> for Terms<COVERED> {
    type Output = [[f64; 2]; K];

    const EXTENT: Extent = [Extent::None, Extent::Some, Extent::All][COVERED];

    fn visit(self, loss: impl Loss<K>) -> Self::Output {
        let p = Probability::new(Dual::variable(self.p));
        loss.terms(&self.class, &p, &self.y)
            .map(|term| [term.value, term.derivative])
    }
}

/// Every loss by name, with several values of each of its parameters, and sums of two sides that have no
/// name.
fn losses() -> Vec<AnyLoss> {
    let named = Name::ALL.map(Name::loss);
    let (cross_entropy, exponential) = (Focal::cross_entropy(), Focal::exponential_log());
    let smoothed = Focal::new().with_label_smoothing(0.1).expect("in range");
    let linear = exponential
        .with_clip(None)
        .and_then(|loss| loss.with_gamma(1.0))
        .expect("in range");
    let sums = [
        UnifiedFocal::sum(Tversky::dice(), Focal::poly1()),
        UnifiedFocal::sum(Tversky::dice(), smoothed),
        UnifiedFocal::sum(Tversky::noise_robust_dice(), cross_entropy),
        UnifiedFocal::sum(Tversky::noise_robust_dice(), exponential),
        UnifiedFocal::sum(Tversky::dice(), linear),
    ];
    let gammas = [0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0].map(Some);
    let values: [(Parameter, &[Option<f64>]); 5] = [
        (Parameter::Gamma, &gammas),
        (Parameter::Order, &[Some(1.0), Some(2.0)]),
        (Parameter::LabelSmoothing, &[Some(0.2)]),
        (Parameter::Poly, &[Some(-0.5)]),
        (Parameter::Clip, &[None]),
    ];
    let varied = |loss: AnyLoss| {
        // Each value of a parameter with each of the next one.
        values
            .iter()
            .fold(vec![loss], |mut losses, (parameter, values)| {
                let changed: Vec<_> = losses
                    .iter()
                    .flat_map(|loss| values.iter().filter_map(|v| loss.with(*parameter, *v).ok()))
                    .collect();
                losses.extend(changed);
                losses
            })
    };
    let all = named.into_iter().chain(sums.map(AnyLoss::from));
    all.flat_map(varied).collect()
}

#[test]
fn types_have_the_terms_of_the_loss() {
    let classes = Classes::default();
    let losses = losses();
    assert!(losses.len() > 300, "{}", losses.len());
    for (loss, index, p) in losses.iter().flat_map(|loss| {
        let classes = [0, 1].into_iter();
        classes.flat_map(move |index| PROBABILITIES.map(|p| (loss, index, p)))
    }) {
        let class = classes.class(index, 3);
        compare::<0>(loss, class, p, 0.0);
        for y in [0.0, 0.3, 1.0] {
            compare::<1>(loss, class, p, y);
        }
        compare::<2>(loss, class, p, 1.0);
    }
}

fn compare<const COVERED: usize>(loss: &AnyLoss, class: Class, p: f64, y: f64) {
    let terms = || Terms::<COVERED> { class, p, y };
    let found = loss.specialize(&class, terms());
    for (found, expected) in found.iter().zip(terms().visit(*loss)) {
        for (found, expected) in found.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-14 * expected.abs(),
                "{loss}, class {}, p {p}, y {y} of {COVERED}: {found} is not {expected}",
                class.index
            );
        }
    }
}
