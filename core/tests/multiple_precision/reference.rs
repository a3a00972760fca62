//! The f32 arithmetic of the published implementations: they compute 1 − TI and 1 − p by
//! subtraction, and sum in f32.

use std::array::from_fn;

use unifocal_core::{
    AnyLoss, Classes, Input,
    formula::{ClassSums, Exponent, Loss, Probability, Real},
};

use super::cases::Case;

/// An f32 with the arithmetic of the published implementations.
#[derive(Clone, Copy, Debug, Default)]
struct Reference(f32);

/// The value of a loss in that arithmetic.
pub(crate) fn value(loss: &AnyLoss, case: &Case) -> f64 {
    let classes = Classes::default();
    let kinds: Vec<Vec<Reference>> = case
        .kinds
        .iter()
        .map(|kind| probabilities(case.input, &kind.given))
        .collect();
    let sums: Vec<ClassSums<Reference, 4>> = (0..case.classes())
        .map(|index| {
            let class = classes.class(index, case.classes());
            let terms: Vec<[Reference; 4]> = case
                .kinds
                .iter()
                .zip(&kinds)
                .map(|(kind, p)| {
                    let y = Reference(if kind.label == index { 1.0 } else { 0.0 });
                    loss.terms(&class, &Probability::new(clamped(loss, p[index])), &y)
                })
                .collect();
            ClassSums {
                terms: pairwise(&case.order, &terms),
                target: Reference(1.0),
                voxels: Reference(case.order.len() as f32),
            }
        })
        .collect();
    let value = classes.value(loss, &sums).expect("there are classes");
    f64::from(value.0)
}

fn probabilities(input: Input, given: &[f32]) -> Vec<Reference> {
    let both = |p: f32| vec![Reference(1.0 - p), Reference(p)];
    match input {
        Input::Probabilities => given.iter().copied().map(Reference).collect(),
        Input::Sigmoid => both(1.0 / (1.0 + (-given[0]).exp())),
        Input::Softmax => {
            let largest = given.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers = given.iter().map(|z| (z - largest).exp());
            let sum: f32 = powers.clone().sum();
            powers.map(|power| Reference(power / sum)).collect()
        }
    }
}

/// Clamps p if the loss does. The published implementations clamp first, and then subtract from 1.
fn clamped(loss: &AnyLoss, p: Reference) -> Reference {
    let clips = match loss {
        AnyLoss::Tversky(loss) => loss.clip().is_some(),
        AnyLoss::Focal(loss) => loss.clip().is_some(),
        AnyLoss::UnifiedFocal(loss) => loss.region().clip().is_some(),
        AnyLoss::Matthews(loss) => loss.clip().is_some(),
        AnyLoss::HardVoxels(loss) => loss.clip().is_some(),
    };
    if clips { p.clip(1e-7, 1.0 - 1e-7) } else { p }
}

/// Sums the terms of these voxels pairwise, as TensorFlow and PyTorch do.
fn pairwise(order: &[usize], terms: &[[Reference; 4]]) -> [Reference; 4] {
    let add = |sums: [Reference; 4], more: [Reference; 4]| from_fn(|k| sums[k] + more[k]);
    if order.len() <= 16 {
        let of_voxels = order.iter().map(|kind| terms[*kind]);
        return of_voxels.fold([Reference(0.0); 4], add);
    }
    let (left, right) = order.split_at(order.len() / 2);
    add(pairwise(left, terms), pairwise(right, terms))
}

operators!(Reference: Add add + Sub sub - Mul mul * Div div /);

impl Real for Reference {
    const TINY: f64 = f32::MIN_POSITIVE as f64;

    fn scale(self, k: f64) -> Self {
        Self(self.0 * k as f32)
    }

    fn shift(self, k: f64) -> Self {
        Self(self.0 + k as f32)
    }

    fn ln_above(self, low: f64) -> Self {
        Self(self.0.max(low as f32).ln())
    }

    fn ln_1p(self) -> Self {
        Self((1.0 + self.0).ln())
    }

    fn powf(self, e: Exponent) -> Self {
        Self(self.0.powf(e.to_f64() as f32))
    }

    fn clip(self, low: f64, high: f64) -> Self {
        Self(self.0.clamp(low as f32, high as f32))
    }

    fn positive(self) -> Self {
        Self(if self.0 > 0.0 { 1.0 } else { 0.0 })
    }

    /// 1 − TI, by subtraction.
    fn over_sum_with(self, rest: Self) -> Self {
        Self(1.0 - rest.0 / (self.0 + rest.0))
    }
}
