//! One look at all numbers of a file: how large they are, which labels occur.

use bytemuck::AnyBitPattern;
use ndarray::{ArrayD, ArrayViewD, Axis};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::read::{Numbers, Scaling, Stored, Values, Volume};
use crate::reading::numbers::Summary;

/// Evaluates an expression for the numbers of a file, whatever their type.
macro_rules! with_numbers {
    ($values:expr, $numbers:ident => $result:expr) => {
        match $values {
            $crate::read::Values::U8($numbers) => $result,
            $crate::read::Values::U16($numbers) => $result,
            $crate::read::Values::I32($numbers) => $result,
            $crate::read::Values::I64($numbers) => $result,
            $crate::read::Values::F32($numbers) => $result,
            $crate::read::Values::F64($numbers) => $result,
        }
    };
}
pub(crate) use with_numbers;

/// A number of a file.
pub(crate) trait Number: AnyBitPattern + PartialEq {
    fn to_f64(self) -> f64;
}

macro_rules! number {
    ($($type:ty),*) => { $(impl Number for $type {
        fn to_f64(self) -> f64 {
            self as f64
        }
    })* };
}
number!(u8, u16, i32, i64, f32, f64);

/// How many different integers are counted before they are many.
const FEW: usize = 256;

/// A summary of all numbers; NaN is looked for by whoever needs numbers.
pub(crate) fn summarize(volume: &Volume) -> Summary {
    let values = &volume.values;
    let (min, max) = with_numbers!(values, numbers => range(numbers));
    let integers = !matches!(values, Values::F32(_) | Values::F64(_));
    Summary {
        min,
        max,
        integers,
        bf16: volume.stored == Stored::Bf16,
        distinct: integers.then(|| occurring_up_to(values, FEW).len()),
    }
}

fn range<T: Number>(numbers: &Numbers<T>) -> (f64, f64) {
    let mut range = (f64::INFINITY, f64::NEG_INFINITY);
    for_each(numbers.view(), |number: T| {
        let number = number.to_f64();
        range = (range.0.min(number), range.1.max(number));
    });
    range
}

/// Calls `f` with all numbers, in the order of memory if that is possible.
fn for_each<T: Copy>(view: ArrayViewD<'_, T>, f: impl FnMut(T)) {
    match view.as_slice_memory_order() {
        Some(slice) => slice.iter().copied().for_each(f),
        None => view.iter().copied().for_each(f),
    }
}

/// The labels that occur in integers, in ascending order.
pub(crate) fn occurring(values: &Values) -> Vec<i64> {
    let mut labels = occurring_up_to(values, usize::MAX);
    labels.sort_unstable();
    labels
}

fn occurring_up_to(values: &Values, most: usize) -> Vec<i64> {
    match values {
        Values::U8(numbers) => distinct_small(numbers.view()),
        Values::U16(numbers) => distinct_small(numbers.view()),
        Values::I32(numbers) => distinct(numbers.view(), i64::from, most),
        Values::I64(numbers) => distinct(numbers.view(), |label| label, most),
        Values::F32(_) | Values::F64(_) => Vec::new(),
    }
}

/// The labels that occur, of a type so small that a table holds all of its values.
fn distinct_small<T: Copy + Into<u16>>(view: ArrayViewD<'_, T>) -> Vec<i64> {
    let mut found = [false; 1 << 16];
    for_each(view, |number| found[usize::from(number.into())] = true);
    let found = (0..).zip(found).filter(|(_, found)| *found);
    found.map(|(label, _)| label).collect()
}

fn distinct<T: Copy + PartialEq>(
    view: ArrayViewD<'_, T>,
    label: impl Fn(T) -> i64,
    most: usize,
) -> Vec<i64> {
    let mut found = FxHashSet::default();
    let mut last = None;
    for_each(view, |number| {
        // Neighbours mostly have the same label.
        if last != Some(number) && found.len() <= most {
            found.insert(label(number));
            last = Some(number);
        }
    });
    found.into_iter().collect()
}

/// Whether the numbers along an axis sum to `total`, within the rounding of what is stored with few digits, at every place whose
/// numbers can be probabilities.
pub(crate) fn sums_to(values: &Values, axis: usize, total: f64) -> bool {
    with_numbers!(values, numbers => sums(numbers.view(), Axis(axis), total))
}

const SUM_TOLERANCE: f64 = 0.02;

fn sums<T: Number>(view: ArrayViewD<'_, T>, axis: Axis, total: f64) -> bool {
    let mut seen = false;
    for lane in view.lanes(axis) {
        let mut sum = 0.0;
        let mut valid = true;
        for number in lane {
            let number = number.to_f64();
            valid &= (0.0..=1.001 * total).contains(&number);
            sum += number;
        }
        if valid {
            if (sum - total).abs() > SUM_TOLERANCE * total {
                return false;
            }
            seen = true;
        }
    }
    seen
}

/// Labels, and how far the file's numbers were from them if they had to be rounded.
#[derive(Debug)]
pub(crate) struct LabelMap {
    pub(crate) values: Values,
    pub(crate) occurring: Vec<i64>,
    pub(crate) rounded: Option<f64>,
}

/// Header scaling that moves labels further than this is no rounding.
const MOST_ROUNDED: f64 = 0.05;

/// The labels of a file, or the first number that is none, with its index.
pub(crate) fn label_map(
    values: Values,
    scaling: Option<Scaling>,
) -> Result<LabelMap, (f64, Vec<usize>)> {
    let (values, rounded) = match &values {
        Values::F32(numbers) => rounded(numbers.view(), scaling)?,
        Values::F64(numbers) => rounded(numbers.view(), scaling)?,
        _ => (values, 0.0),
    };
    Ok(LabelMap {
        occurring: occurring(&values),
        values,
        rounded: (rounded > 0.0).then_some(rounded),
    })
}

fn rounded<T: Number>(
    view: ArrayViewD<'_, T>,
    scaling: Option<Scaling>,
) -> Result<(Values, f64), (f64, Vec<usize>)> {
    let mut largest = 0.0_f64;
    let labels: ArrayD<i64> = view.mapv(|number| {
        let number = number.to_f64();
        largest = largest.max((number - number.round()).abs());
        number.round() as i64
    });
    let tolerance = |number: f64| {
        let error = scaling.map_or(0.0, |scaling| scaling.error(number));
        error.min(MOST_ROUNDED)
    };
    // What is not finite, too large or between two labels.
    let wrong = |number: &f64| {
        !(number.abs() < 9e15 && (number - number.round()).abs() <= tolerance(*number))
    };
    let found = view
        .indexed_iter()
        .map(|(index, number)| (index, number.to_f64()))
        .find(|(_, number)| wrong(number));
    match found {
        Some((index, number)) => Err((number, ndarray::Dimension::slice(&index).to_vec())),
        None => Ok((Values::I64(labels.into()), largest)),
    }
}

/// Labels as indices into the list of those that occur, in ascending order.
pub(crate) fn codes(map: &LabelMap) -> ArrayD<u32> {
    let index = map.occurring.iter().copied().zip(0..);
    let index: FxHashMap<i64, u32> = index.collect();
    each_label(&map.values, 0, |label| {
        index.get(&label).copied().unwrap_or(0)
    })
}

/// An array of what `f` makes of each label.
pub(crate) fn each_label<T: Copy>(values: &Values, start: T, f: impl Fn(i64) -> T) -> ArrayD<T> {
    match values {
        Values::U8(numbers) => mapped_small(numbers.view(), &f),
        Values::U16(numbers) => mapped_small(numbers.view(), &f),
        Values::I32(numbers) => mapped(numbers.view(), i64::from, start, f),
        Values::I64(numbers) => mapped(numbers.view(), |label| label, start, f),
        // Label maps hold integers.
        Values::F32(numbers) => mapped(numbers.view(), |label| label as i64, start, f),
        Values::F64(numbers) => mapped(numbers.view(), |label| label as i64, start, f),
    }
}

/// The same for labels of a type so small that a table holds all of its values.
fn mapped_small<T: Copy + Into<u16>, U: Copy>(
    view: ArrayViewD<'_, T>,
    f: &impl Fn(i64) -> U,
) -> ArrayD<U> {
    let mut table = [None; 1 << 16];
    view.mapv(|number| {
        let label: u16 = number.into();
        *table[usize::from(label)].get_or_insert_with(|| f(label.into()))
    })
}

fn mapped<T: Copy + PartialEq, U: Copy>(
    view: ArrayViewD<'_, T>,
    label: impl Fn(T) -> i64,
    start: U,
    f: impl Fn(i64) -> U,
) -> ArrayD<U> {
    // Neighbours mostly have the same label.
    let mut last = (None, start);
    view.mapv(|number| {
        if last.0 != Some(number) {
            last = (Some(number), f(label(number)));
        }
        last.1
    })
}
