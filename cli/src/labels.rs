//! Integer labels, one per voxel.

use bytemuck::AnyBitPattern;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Zip};
use rustc_hash::FxHashSet;

use crate::read::{Numbers, Scaling, Values};

/// The labels of a file, in the type that it has them in.
#[derive(Debug)]
pub(crate) enum Labels {
    U8(Numbers<u8>),
    U16(Numbers<u16>),
    I32(Numbers<i32>),
    I64(Numbers<i64>),
}

/// Evaluates an expression for labels, whatever their type.
macro_rules! with_labels {
    ($labels:expr, $numbers:ident => $result:expr) => {
        match $labels {
            $crate::labels::Labels::U8($numbers) => $result,
            $crate::labels::Labels::U16($numbers) => $result,
            $crate::labels::Labels::I32($numbers) => $result,
            $crate::labels::Labels::I64($numbers) => $result,
        }
    };
}
pub(crate) use with_labels;

/// A label in a file's type.
pub(crate) trait Label: AnyBitPattern + PartialEq + Into<i64> {}

impl<T: AnyBitPattern + PartialEq + Into<i64>> Label for T {}

/// A number that is no label, and its index.
#[derive(Debug)]
pub(crate) struct NoLabel {
    pub(crate) found: f64,
    pub(crate) index: Vec<usize>,
}

/// Labels that a header's scaling moves further than this are not rounded.
const MOST_ROUNDED: f64 = 0.05;

/// Larger numbers are no labels: f64 does not hold all integers above.
const LARGEST: f64 = 9e15;

impl Labels {
    /// The labels that these numbers are, and the largest distance by which they were rounded; or the numbers as they are, and the
    /// first that is no label.
    pub(crate) fn of(
        values: Values,
        scaling: Option<Scaling>,
    ) -> Result<(Self, f64), Box<(Values, NoLabel)>> {
        let rounded = match &values {
            Values::F32(numbers) => rounded(numbers.view(), scaling),
            Values::F64(numbers) => rounded(numbers.view(), scaling),
            _ => Ok((ArrayD::default(ndarray::IxDyn(&[0])), 0.0)),
        };
        Ok(match (values, rounded) {
            (Values::U8(labels), _) => (Self::U8(labels), 0.0),
            (Values::U16(labels), _) => (Self::U16(labels), 0.0),
            (Values::I32(labels), _) => (Self::I32(labels), 0.0),
            (Values::I64(labels), _) => (Self::I64(labels), 0.0),
            (_, Ok((labels, distance))) => (Self::I64(labels.into()), distance),
            (values, Err(wrong)) => return Err(Box::new((values, wrong))),
        })
    }
}

/// The nearest integers of finite numbers that are labels up to the rounding of a header's scaling, and the largest distance.
fn rounded<T: AnyBitPattern + Into<f64>>(
    view: ArrayViewD<'_, T>,
    scaling: Option<Scaling>,
) -> Result<(ArrayD<i64>, f64), NoLabel> {
    let is_wrong = |number: f64| {
        let distance = (number - number.round()).abs();
        let error = || scaling.map_or(0.0, |scaling| scaling.error(number).min(MOST_ROUNDED));
        // A label is finite, not too large, and at most that far from an integer.
        !(number.abs() < LARGEST && (distance == 0.0 || distance <= error()))
    };
    let (mut largest, mut wrong) = (0.0_f64, false);
    let labels = view.mapv(|number| {
        let number: f64 = number.into();
        wrong |= is_wrong(number);
        largest = largest.max((number - number.round()).abs());
        number.round() as i64
    });
    if !wrong {
        return Ok((labels, largest));
    }
    let mut numbers = view
        .indexed_iter()
        .map(|(index, number)| (index, (*number).into()));
    let (index, found) = numbers
        .find(|(_, number)| is_wrong(*number))
        .unwrap_or_default();
    let index = ndarray::Dimension::slice(&index).to_vec();
    Err(NoLabel { found, index })
}

/// The labels that occur, in ascending order; where a mask has `true`, if there is one of the labels' shape.
pub(crate) fn occurring<T: Label>(
    labels: &ArrayViewD<'_, T>,
    inside: Option<&ArrayViewD<'_, bool>>,
) -> Vec<i64> {
    let mut seen = Seen::default();
    match inside {
        None => Zip::from(labels).for_each(|label| seen.add(*label)),
        Some(inside) => Zip::from(labels).and(inside).for_each(|label, inside| {
            if *inside {
                seen.add(*label);
            }
        }),
    }
    let mut found: Vec<i64> = seen.found.into_iter().collect();
    found.sort_unstable();
    found
}

/// Distinct labels, and the one that was seen last: neighbours mostly have the same.
struct Seen<T> {
    found: FxHashSet<i64>,
    last: Option<T>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        let found = FxHashSet::default();
        Self { found, last: None }
    }
}

impl<T: Label> Seen<T> {
    fn add(&mut self, label: T) {
        if self.last != Some(label) {
            self.found.insert(label.into());
            self.last = Some(label);
        }
    }
}

/// Calls `f` for each label.
pub(crate) fn mapped<T: Label, U: Copy>(
    labels: &ArrayViewD<'_, T>,
    f: impl Fn(i64) -> U,
) -> ArrayD<U> {
    labels.mapv(remembering(f))
}

/// Calls `f` for each label and writes the results to an array of the labels' shape.
pub(crate) fn map_into<T: Label, U: Copy>(
    labels: &ArrayViewD<'_, T>,
    into: ArrayViewMutD<'_, U>,
    f: impl Fn(i64) -> U,
) {
    let mut f = remembering(f);
    Zip::from(into)
        .and(labels)
        .for_each(|into, label| *into = f(*label));
}

/// The same function, which is called once for neighbours with the same label.
fn remembering<T: Label, U: Copy>(f: impl Fn(i64) -> U) -> impl FnMut(T) -> U {
    let mut last: Option<(T, U)> = None;
    move |label| match last {
        Some((same, result)) if same == label => result,
        _ => {
            let result = f(label.into());
            last = Some((label, result));
            result
        }
    }
}
