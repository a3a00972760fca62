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

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

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
    let found = errors_of_cases();
    println!("| | value f32 | gradient f32 | value f64 | gradient f64 | reference f32 |");
    for (index, loss) in losses().enumerate() {
        let of_loss = found.iter().map(|(_, errors)| errors[index]);
        of_loss
            .fold(Errors::default(), Errors::max)
            .print(&loss.to_string());
    }
    for structure in Structure::ALL {
        let of_structure = found.iter().filter(|(found, _)| *found == structure);
        let errors = of_structure.flat_map(|(_, errors)| errors.iter().copied());
        errors
            .fold(Errors::default(), Errors::max)
            .print(&format!("{structure:?}"));
    }
}

/// The errors of each loss on every structure and input.
fn errors_of_cases() -> Vec<(Structure, Vec<Errors>)> {
    // The structures with the most voxels come first, so that the threads finish together. Small devices compute the same bits from the same
    // formulas, so a quarter of the cases shows that their engine does, too.
    let cases: Vec<_> = Structure::ALL
        .into_iter()
        .rev()
        .flat_map(|structure| INPUTS.map(|input| (structure, input)))
        .step_by(if cfg!(feature = "compact") { 4 } else { 1 })
        .collect();
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some((structure, input)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push((*structure, errors_of_case(*structure, *input)));
            }
            found
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("errors within bounds"))
            .collect()
    })
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

/// The errors of each loss. Checks that they are within bounds.
fn errors_of_case(structure: Structure, (input, channels): (Input, usize)) -> Vec<Errors> {
    let case = Case::new(structure, input, channels);
    let kinds = case.kinds.iter();
    let exact: Vec<Vec<_>> = kinds
        .map(|kind| probabilities(input, &kind.given))
        .collect();
    // The published implementations clamp the probabilities, so their errors are measured against
    // the clamped ones.
    let clamped = |given: &Vec<Probability<Exact>>| {
        let given = given.iter().map(|p| Probability::new(p.p.clone()));
        given.collect()
    };
    let clamped: Vec<Vec<_>> = exact.iter().map(clamped).collect();
    let errors_of = |loss: AnyLoss| {
        let what = format!("{loss}, {structure:?}, {input:?} of {channels}");
        let errors = errors(&loss, &case, &exact, &clamped)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
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
        errors
    };
    losses().map(errors_of).collect()
}

/// The errors of a loss, given the probabilities of each kind of voxels and their clamped version.
fn errors(
    loss: &AnyLoss,
    case: &Case,
    exact: &[Vec<Probability<Exact>>],
    clamped: &[Vec<Probability<Exact>>],
) -> Result<Errors, Error> {
    let sums = exact_sums(loss, case, exact);
    let value = exact_value(loss, &sums);
    let gradient = exact_gradient(loss, case, exact, &sums);
    let clipped = exact_value(loss, &exact_sums(loss, case, clamped));
    // Combo is a difference, and is rounded like the numbers subtracted.
    let least = Exact::new(if loss.name() == Some(Name::Combo) {
        0.5
    } else {
        1e-30
    });
    let relative = |found: f64, value: &Exact| value.error_of(found, &value.abs().max(&least));

    let (value_f32, gradient_f32) = ours(loss, case, &case.f32)?;
    let (value_f64, gradient_f64) = ours(loss, case, &case.f64)?;
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
    prediction: &[T],
) -> Result<(f64, Vec<Vec<f64>>), Error>
where
    for<'a> Dense<'a, T>: Field<Item = T>,
{
    let (voxels, channels) = (case.order.len(), case.kinds[0].given.len());
    let shape = [1, channels, voxels];
    let target = Labels::new(Dense::per_voxel(&case.labels, [1, voxels])?);
    let segmentation = Segmentation::new(Dense::channels_first(prediction, shape)?, target)?
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

/// y of a kind of voxels.
fn share(kind: &Kind, class: usize) -> Exact {
    Exact::new(if kind.label == class { 1.0 } else { 0.0 })
}

/// The exact sums of each class, given the probabilities of each kind of voxels.
fn exact_sums(
    loss: &AnyLoss,
    case: &Case,
    kinds: &[Vec<Probability<Exact>>],
) -> Vec<ClassSums<Exact, 4>> {
    let zero = || Exact::new(0.0);
    let of_class = |index: usize| {
        let class = Classes::default().class(index, case.classes());
        let mut sums = ClassSums {
            terms: [(); 4].map(|()| zero()),
            target: zero(),
            voxels: zero(),
        };
        for ((kind, p), count) in case.kinds.iter().zip(kinds).zip(&case.counts) {
            let y = share(kind, index);
            let terms = loss.terms(&class, &p[index], &y);
            sums.merge(&ClassSums {
                terms: terms.map(|term| term.scale(*count)),
                target: y.scale(*count),
                voxels: Exact::new(*count),
            });
        }
        sums
    };
    (0..case.classes()).map(of_class).collect()
}

fn exact_value(loss: &AnyLoss, sums: &[ClassSums<Exact, 4>]) -> Exact {
    let value = Classes::default().value(loss, sums);
    value.expect("there are classes")
}

/// The exact gradient at one voxel of each kind.
fn exact_gradient(
    loss: &AnyLoss,
    case: &Case,
    kinds: &[Vec<Probability<Exact>>],
    sums: &[ClassSums<Exact, 4>],
) -> Vec<Vec<Exact>> {
    let classes = Classes::default();
    let zero = || Exact::new(0.0);
    let mut slopes = vec![[(); 4].map(|()| zero()); sums.len()];
    classes.slopes(loss, sums, &mut slopes);

    case.kinds
        .iter()
        .zip(kinds)
        .zip(&case.counts)
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
        })
        .collect()
}
