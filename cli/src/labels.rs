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

/// Evaluates an expression for labels of any type.
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

/// A number type for labels.
pub(crate) trait Label: AnyBitPattern + PartialEq + Into<i64> {}

impl<T: AnyBitPattern + PartialEq + Into<i64>> Label for T {}

/// A number that is not a label, and its index.
#[derive(Debug)]
pub(crate) struct NoLabel {
    pub(crate) found: f64,
    pub(crate) index: Vec<usize>,
}

/// Labels are not rounded if the header's scaling can move them further than this.
const MOST_ROUNDED: f64 = 0.05;

/// Larger numbers are not labels, because f64 does not hold all integers above 2^53 ≈ 9e15.
const LARGEST: f64 = 9e15;

impl Labels {
    /// Converts numbers to labels and returns the largest rounding distance, or else the unchanged numbers and the first one that is
    /// not a label.
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

/// Whether [`Labels::of`] takes the numbers.
pub(crate) fn are_labels(values: &Values, scaling: Option<Scaling>) -> bool {
    match values {
        Values::F32(numbers) => rounded(numbers.view(), scaling).is_ok(),
        Values::F64(numbers) => rounded(numbers.view(), scaling).is_ok(),
        _ => true,
    }
}

/// Rounds numbers to integers if the rounding of the header's scaling explains the distance; also returns the largest distance.
fn rounded<T: AnyBitPattern + Into<f64>>(
    view: ArrayViewD<'_, T>,
    scaling: Option<Scaling>,
) -> Result<(ArrayD<i64>, f64), NoLabel> {
    let is_wrong = |number: f64| {
        let distance = (number - number.round()).abs();
        let error = || scaling.map_or(0.0, |scaling| scaling.error(number).min(MOST_ROUNDED));
        // A label is finite, not too large, and near an integer.
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

/// The labels that occur, in ascending order; within the mask if there is one.
pub(crate) fn occurring<T: Label>(
    labels: &ArrayViewD<'_, T>,
    inside: Option<&ArrayViewD<'_, bool>>,
) -> Vec<i64> {
    let mut seen = Seen::default();
    match inside {
        None => match labels.as_slice_memory_order() {
            Some(labels) => seen.add_all(labels),
            None => labels.iter().for_each(|label| seen.add(*label)),
        },
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

/// Distinct labels. The last one is kept apart, because neighbouring voxels mostly have the same label.
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
    /// Looks at many labels at a time, since most of them equal the last one.
    fn add_all(&mut self, labels: &[T]) {
        let (chunks, rest) = labels.as_chunks::<64>();
        for chunk in chunks {
            let known = self.last.is_some_and(|last| {
                let differ = chunk.iter().map(|label| *label != last);
                !differ.fold(false, |any, differs| any | differs)
            });
            if !known {
                chunk.iter().for_each(|label| self.add(*label));
            }
        }
        rest.iter().for_each(|label| self.add(*label));
    }

    fn add(&mut self, label: T) {
        if self.last != Some(label) {
            self.found.insert(label.into());
            self.last = Some(label);
        }
    }
}

/// Maps each label by `f`.
pub(crate) fn mapped<T: Label, U: Copy>(
    labels: &ArrayViewD<'_, T>,
    f: impl Fn(i64) -> U,
) -> ArrayD<U> {
    labels.mapv(remembering(f))
}

/// Maps each label by `f` into an array of the same shape.
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

/// A version of `f` that is called once per run of equal labels.
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
