//! Values and gradients in f32 and f64 against the same formulas in 320-bit numbers, compared with
//! the arithmetic of the published implementations.
//!
//! This prints the table of `docs/numerics.md`:
//!
//! ```text
//! cargo test --release --package unifocal-core --test all multiple_precision -- --nocapture
//! ```

/// The arithmetic operators of a newtype around a number.
macro_rules! operators {
    ($number:ident: $($operator:ident $method:ident $symbol:tt)*) => {$(
        impl std::ops::$operator for $number {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self(self.0 $symbol other.0)
            }
        }
    )*};
}

mod cases;
mod exact;
mod functions;
mod reference;

use std::thread;

use unifocal_core::{
    AnyLoss, Classes, Dense, Error, Input, Labels, Segmentation,
    catalogue::Name,
    data::{Element, Field},
    evaluate,
    formula::{ClassSums, Dual, Loss, Probability, Real},
};

use cases::{Case, Kind, Structure};
use exact::Exact;

/// The kinds of input, with the number of channels.
const INPUTS: [(Input, usize); 5] = [
    (Input::Probabilities, 2),
    (Input::Probabilities, 3),
    (Input::Softmax, 2),
    (Input::Softmax, 4),
    (Input::Sigmoid, 1),
];

/// Errors of values are relative to the value, errors of gradients to the largest entry.
#[derive(Clone, Copy, Default)]
struct Errors {
    value_f32: f64,
    gradient_f32: f64,
    value_f64: f64,
    gradient_f64: f64,
    reference: f64,
}

impl Errors {
    fn max(self, other: Self) -> Self {
        Self {
            value_f32: self.value_f32.max(other.value_f32),
            gradient_f32: self.gradient_f32.max(other.gradient_f32),
            value_f64: self.value_f64.max(other.value_f64),
            gradient_f64: self.gradient_f64.max(other.gradient_f64),
            reference: self.reference.max(other.reference),
        }
    }

    fn print(self, what: &str) {
        let Self {
            value_f32,
            gradient_f32,
            value_f64,
            gradient_f64,
            reference,
        } = self;
        println!(
            "| {what} | {value_f32:.1e} | {gradient_f32:.1e} | {value_f64:.1e} | {gradient_f64:.1e} | {reference:.1e} |"
        );
    }
}

#[test]
fn errors_are_within_bounds() {
    // One thread per structure, because 320-bit arithmetic is slow.
    let found = thread::scope(|scope| {
        Structure::ALL
            .map(|structure| scope.spawn(move || errors_of_structure(structure)))
            .map(|worker| worker.join().expect("errors within bounds"))
    });
    println!("| | value f32 | gradient f32 | value f64 | gradient f64 | reference f32 |");
    for (index, loss) in losses().enumerate() {
        let of_loss = found.iter().map(|errors| errors[index]);
        of_loss
            .fold(Errors::default(), Errors::max)
            .print(&loss.to_string());
    }
    for (structure, errors) in Structure::ALL.into_iter().zip(found) {
        let of_structure = errors.into_iter().fold(Errors::default(), Errors::max);
        of_structure.print(&format!("{structure:?}"));
    }
}

/// Every loss with its defaults, and losses with options that change the formula.
fn losses() -> impl Iterator<Item = AnyLoss> {
    let variants = [
        "dice(order=1)",
        "dice(order=2)",
        "dice(order=2, smooth-numerator=0.0)",
        "weighted-tversky(fp-weight=2.0, fn-weight=0.5, order=2)",
        "asymmetric-unified-focal(order=2)",
        "log-dice(gamma=0.3)",
        "log-cosh-dice(gamma=0.3)",
        "noise-robust-dice(gamma=1.25)",
        "generalized-dice(volume-exponent=1)",
        "cross-entropy(label-smoothing=0.1)",
        "poly-1(gamma=2)",
        "focal(label-smoothing=0.1)",
        "dice-cross-entropy(label-smoothing=0.1)",
    ];
    let variants = variants.map(|text| text.parse().expect("a loss"));
    Name::ALL.into_iter().map(Name::loss).chain(variants)
}

/// The largest errors of each loss over a structure. Checks that they are within bounds.
fn errors_of_structure(structure: Structure) -> Vec<Errors> {
    let mut largest = vec![Errors::default(); losses().count()];
    for (input, channels) in INPUTS {
        let case = Case::new(structure, input, channels);
        for (loss, largest) in losses().zip(&mut largest) {
            let what = format!("{loss}, {structure:?}, {input:?} of {channels}");
            let errors = errors(&loss, &case).unwrap_or_else(|error| panic!("{what}: {error}"));
            // The slopes of its numerator and of its denominator nearly cancel where both are sums of
            // small p.
            let is_robust = matches!(loss, AnyLoss::Tversky(loss) if loss.noise_robust());
            let slack = if is_robust { 2.0 } else { 1.0 };
            for (part, found, bound) in [
                ("value, f32", errors.value_f32, 6e-7),
                ("gradient, f32", errors.gradient_f32, slack * 5e-6),
                ("value, f64", errors.value_f64, 5e-15),
                ("gradient, f64", errors.gradient_f64, slack * 5e-15),
            ] {
                assert!(
                    found < bound,
                    "{what}: {part}: {found:e}, expected {bound:e}"
                );
            }
            *largest = largest.max(errors);
        }
    }
    largest
}

fn errors(loss: &AnyLoss, case: &Case) -> Result<Errors, Error> {
    let (value, gradient) = exact(loss, case, |kind| probabilities(case.input, &kind.given));
    // The published implementations clamp the probabilities, so their errors are measured against
    // the clamped ones.
    let (clipped, _) = exact(loss, case, |kind| {
        let given = probabilities(case.input, &kind.given);
        given.into_iter().map(|p| Probability::new(p.p)).collect()
    });
    // Combo is a difference, and is rounded like the numbers subtracted.
    let least = Exact::new(if loss.name() == Some(Name::Combo) {
        0.5
    } else {
        1e-30
    });
    let relative = |found: f64, value: &Exact| value.error_of(found, &value.abs().max(&least));

    let (value_f32, gradient_f32) = ours(loss, case, |x| x)?;
    let (value_f64, gradient_f64) = ours(loss, case, f64::from)?;
    let largest = gradient
        .iter()
        .flatten()
        .fold(Exact::new(1e-30), |most, g| most.max(&g.abs()));
    let worst = |found: &[Vec<f64>]| {
        let pairs = found.iter().flatten().zip(gradient.iter().flatten());
        pairs
            .map(|(found, g)| g.error_of(*found, &largest))
            .fold(0.0, f64::max)
    };
    Ok(Errors {
        value_f32: relative(value_f32, &value),
        gradient_f32: worst(&gradient_f32),
        value_f64: relative(value_f64, &value),
        gradient_f64: worst(&gradient_f64),
        reference: relative(reference::value(loss, case), &clipped),
    })
}

/// The library's value, and its gradient at one voxel of each kind, in numbers of this type.
fn ours<T: Element<Real = T> + Copy + Into<f64> + Default>(
    loss: &AnyLoss,
    case: &Case,
    number: impl Fn(f32) -> T,
) -> Result<(f64, Vec<Vec<f64>>), Error>
where
    for<'a> Dense<'a, T>: Field<Item = T>,
{
    let (voxels, channels) = (case.order.len(), case.kinds[0].given.len());
    let prediction: Vec<T> = (0..channels)
        .flat_map(|channel| case.order.iter().map(move |kind| (channel, *kind)))
        .map(|(channel, kind)| number(case.kinds[kind].given[channel]))
        .collect();
    let labels: Vec<u8> = case
        .order
        .iter()
        .map(|kind| case.kinds[*kind].label as u8)
        .collect();
    let shape = [1, channels, voxels];
    let target = Labels::new(Dense::per_voxel(&labels, [1, voxels])?);
    let segmentation = Segmentation::new(Dense::channels_first(&prediction, shape)?, target)?
        .with_input(case.input)?;
    let classes = Classes::default();
    let evaluated = evaluate(&segmentation, loss, &classes)?;
    let gradient = evaluated.gradient()?;
    let of_kind = |kind: usize| -> Vec<f64> {
        match case.order.iter().position(|of_voxel| *of_voxel == kind) {
            Some(voxel) => (0..channels)
                .map(|channel| gradient[channel * voxels + voxel].into())
                .collect(),
            None => vec![0.0; channels],
        }
    };
    Ok((
        evaluated.value(),
        (0..case.kinds.len()).map(of_kind).collect(),
    ))
}

/// p, 1 − p and ln p of each class.
fn probabilities(input: Input, given: &[f32]) -> Vec<Probability<Exact>> {
    let given: Vec<Exact> = given.iter().map(|x| Exact::new(f64::from(*x))).collect();
    let logits = match input {
        Input::Probabilities => return given.into_iter().map(Probability::new).collect(),
        Input::Softmax => given,
        Input::Sigmoid => vec![Exact::new(0.0), given[0].clone()],
    };
    let powers: Vec<Exact> = logits.iter().map(Exact::exp).collect();
    let sum = |skipped: Option<usize>| {
        let kept = powers
            .iter()
            .enumerate()
            .filter(|(class, _)| Some(*class) != skipped);
        kept.fold(Exact::new(0.0), |sum, (_, power)| sum + power.clone())
    };
    let total = sum(None);
    (0..powers.len())
        .map(|class| {
            let ln = logits[class].clone() - total.ln_exact();
            let [p, complement] =
                [powers[class].clone(), sum(Some(class))].map(|x| x / total.clone());
            Probability::from_ln(p, complement, ln)
        })
        .collect()
}

/// The exact value, and the exact gradient at one voxel of each kind.
fn exact(
    loss: &AnyLoss,
    case: &Case,
    given: impl Fn(&Kind) -> Vec<Probability<Exact>>,
) -> (Exact, Vec<Vec<Exact>>) {
    let classes = Classes::default();
    let zero = || Exact::new(0.0);
    let share = |kind: &Kind, class: usize| Exact::new(if kind.label == class { 1.0 } else { 0.0 });
    let mut counts = vec![0.0; case.kinds.len()];
    for kind in &case.order {
        counts[*kind] += 1.0;
    }
    let kinds: Vec<Vec<Probability<Exact>>> = case.kinds.iter().map(given).collect();
    let sums: Vec<ClassSums<Exact, 4>> = (0..case.classes())
        .map(|index| {
            let mut sums = ClassSums {
                terms: [(); 4].map(|()| zero()),
                target: zero(),
                voxels: zero(),
            };
            for ((kind, p), count) in case.kinds.iter().zip(&kinds).zip(&counts) {
                let y = share(kind, index);
                let terms = loss.terms(&classes.class(index, case.classes()), &p[index], &y);
                sums.merge(&ClassSums {
                    terms: terms.map(|term| term.scale(*count)),
                    target: y.scale(*count),
                    voxels: Exact::new(*count),
                });
            }
            sums
        })
        .collect();
    let value = classes.value(loss, &sums).expect("there are classes");
    let mut slopes = vec![[(); 4].map(|()| zero()); sums.len()];
    classes.slopes(loss, &sums, &mut slopes);

    let gradient = case
        .kinds
        .iter()
        .zip(&kinds)
        .zip(&counts)
        .map(|((kind, given), count)| {
            if *count == 0.0 {
                return vec![zero(); kind.given.len()];
            }
            // With respect to p, or to ln p.
            let by: Vec<Exact> = (0..given.len())
                .map(|index| {
                    let Probability { p, complement, .. } = given[index].clone();
                    let dual = |value, derivative| Dual { value, derivative };
                    let variable = match case.input {
                        Input::Probabilities => Probability::new(Dual::variable(p)),
                        Input::Softmax | Input::Sigmoid => Probability::from_ln(
                            dual(p.clone(), p.clone()),
                            dual(complement, p.scale(-1.0)),
                            dual(given[index].ln(), Exact::new(1.0)),
                        ),
                    };
                    let terms = loss.terms(
                        &classes.class(index, case.classes()),
                        &variable,
                        &share(kind, index),
                    );
                    let products = terms.into_iter().zip(&slopes[index]);
                    products.fold(zero(), |sum, (term, slope)| {
                        sum + term.derivative * slope.clone()
                    })
                })
                .collect();
            match case.input {
                Input::Probabilities => by,
                Input::Softmax | Input::Sigmoid => {
                    let total = by.iter().fold(zero(), |sum, h| sum + h.clone());
                    let all = by
                        .iter()
                        .zip(given)
                        .map(|(h, p)| h.clone() - p.p.clone() * total.clone());
                    all.skip(by.len() - kind.given.len()).collect()
                }
            }
        });
    (value, gradient.collect())
}
