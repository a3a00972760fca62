//! Whole tensors as `Real`, as frameworks use the formulas. The tensor here is a vector of f64.

use std::ops::{Add, Div, Mul, Sub};

use proptest::prelude::*;
use unifocal_core::{
    AbsentClass, AnyLoss, Classes, Dense, Error, Segmentation, Soft, TensorLike,
    catalogue::Name,
    evaluate,
    formula::{ClassSums, Dual, Exponent, Loss, Probability, Real},
};

/// A tensor of one axis with elementwise arithmetic.
#[derive(Clone, Debug)]
struct Tensor(Vec<f64>);

impl Tensor {
    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().map(|x| f(*x)).collect())
    }

    fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "shapes are never mixed");
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(a, b)| f(*a, *b))
                .collect(),
        )
    }
}

macro_rules! operator {
    ($operator:ident $method:ident $symbol:tt) => {
        impl $operator for Tensor {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                self.zip(&other, |a, b| a $symbol b)
            }
        }
    };
}

operator!(Add add +);
operator!(Sub sub -);
operator!(Mul mul *);
operator!(Div div /);

impl Real for Tensor {
    const TINY: f64 = f64::TINY;

    fn scale(self, k: f64) -> Self {
        self.map(|x| x * k)
    }

    fn shift(self, k: f64) -> Self {
        self.map(|x| x + k)
    }

    fn ln_above(self, low: f64) -> Self {
        self.map(|x| x.ln_above(low))
    }

    fn ln_1p(self) -> Self {
        self.map(f64::ln_1p)
    }

    fn powf(self, e: Exponent) -> Self {
        self.map(|x| Real::powf(x, e))
    }

    fn clip(self, low: f64, high: f64) -> Self {
        self.map(|x| x.clamp(low, high))
    }

    fn positive(self) -> Self {
        self.map(Real::positive)
    }
}

/// Predictions and one-hot targets per class; within a class ordered by sample, then by voxel.
struct Composed {
    prediction: Vec<Tensor>,
    target: Vec<Tensor>,
    voxels: usize,
}

impl<L: Loss<K>, const K: usize> TensorLike<L, K> for Composed {
    /// One entry per sample.
    type Sum = Tensor;

    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        Ok(self.prediction.len())
    }

    fn sums(&self, loss: &L, classes: &Classes<'_>) -> Result<Vec<ClassSums<Tensor, K>>, Error> {
        let sum = |tensor: &Tensor| {
            Tensor(
                tensor
                    .0
                    .chunks(self.voxels)
                    .map(|v| v.iter().sum())
                    .collect(),
            )
        };
        let of_class = |(index, target): (usize, &Tensor)| {
            let probability = Probability::new(self.prediction[index].clone());
            let terms = loss.terms(
                &classes.class(index, self.prediction.len()),
                &probability,
                target,
            );
            ClassSums {
                terms: terms.each_ref().map(&sum),
                target: sum(target),
                voxels: sum(&target.map(|_| 1.0)),
            }
        };
        Ok(self.target.iter().enumerate().map(of_class).collect())
    }
}

proptest! {
    #[test]
    fn tensors_and_slices_agree(
        voxels in prop::collection::vec((prop::array::uniform3(0.0..=1.0_f64), 0..3_usize), 8),
        skip in any::<bool>(),
    ) {
        const SAMPLES: usize = 2;
        let size = voxels.len() / SAMPLES;
        let classes = Classes::default().with_absent_class(if skip { AbsentClass::Skip } else { AbsentClass::Smooth });
        let one_hot = |label: usize, class: usize| if label == class { 1.0 } else { 0.0 };
        let composed = Composed {
            prediction: (0..3).map(|c| Tensor(voxels.iter().map(|(p, _)| p[c]).collect())).collect(),
            target: (0..3).map(|c| Tensor(voxels.iter().map(|(_, y)| one_hot(*y, c)).collect())).collect(),
            voxels: size,
        };
        let prediction: Vec<f64> = voxels.iter().flat_map(|(p, _)| *p).collect();
        let target: Vec<f64> = voxels.iter().flat_map(|(_, y)| [0, 1, 2].map(|c| one_hot(*y, c))).collect();
        let shape = [SAMPLES, 3, size];
        let segmentation = Segmentation::new(
            Dense::channels_last(&prediction, shape).unwrap(),
            Soft(Dense::channels_last(&target, shape).unwrap()),
        ).unwrap();
        for name in Name::ALL {
            let loss = AnyLoss::from(name);
            let values = evaluate(&composed, &loss, &classes).unwrap().value().0;
            let composed = values.iter().sum::<f64>() / SAMPLES as f64;
            let slices = evaluate(&segmentation, &loss, &classes).unwrap().value();
            prop_assert!((composed - slices).abs() <= 1e-13 * slices.abs().max(1.0), "{name}: {composed} is not {slices}");
        }
    }

    /// Duals nest: their second derivative is the analytic one.
    #[test]
    fn duals_nest(p in 0.05..0.95_f64, gamma in 0.0..3.0_f64) {
        let x = Dual::variable(Dual::variable(p));
        let second = (x.complement().powf(gamma.into()) * x.ln()).derivative.derivative;
        let q = 1.0 - p;
        let expected = gamma * (gamma - 1.0) * f64::powf(q, gamma - 2.0) * p.ln()
            - 2.0 * gamma * f64::powf(q, gamma - 1.0) / p
            - f64::powf(q, gamma) / (p * p);
        prop_assert!((second - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{second} is not {expected}");
    }
}
