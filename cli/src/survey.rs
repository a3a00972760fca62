//! Summaries of all numbers of a file: their range, how many differ, and what they sum to.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use bytemuck::AnyBitPattern;
use ndarray::{ArrayViewD, Axis};

use crate::args::Data;
use crate::read::{Numbers, Stored, Values, Volume};
use crate::reading::numbers::Summary;

/// Evaluates an expression for numbers of any type.
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
pub(crate) trait Number: AnyBitPattern + PartialOrd {
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

/// Distinct integers are counted up to this number.
const FEW: usize = 256;

/// The content of a file and a summary of its numbers, which is computed on first use.
#[derive(Debug)]
pub(crate) struct Surveyed {
    pub(crate) volume: Volume,
    summary: OnceCell<Summary>,
}

impl From<Volume> for Surveyed {
    fn from(volume: Volume) -> Self {
        let summary = OnceCell::new();
        Self { volume, summary }
    }
}

impl Surveyed {
    pub(crate) fn summary(&self, data: &Data) -> Summary {
        *self.summary.get_or_init(|| summarize(&self.volume, data))
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.volume.values.shape()
    }
}

/// Summarizes all numbers. NaN is not checked here but where the numbers are used.
fn summarize(volume: &Volume, data: &Data) -> Summary {
    let values = &volume.values;
    let (min, max) = with_numbers!(values, numbers => range(numbers));
    // As bits, since JSON has no infinity.
    let [min, max] = data
        .merged(
            [min, max].map(f64::to_bits),
            |[min, max], [other_min, other_max]| {
                let of = |bits| f64::from_bits(bits);
                [
                    of(min).min(of(other_min)).to_bits(),
                    of(max).max(of(other_max)).to_bits(),
                ]
            },
        )
        .map(f64::from_bits);
    let integers = !matches!(values, Values::F32(_) | Values::F64(_));
    Summary {
        min,
        max,
        integers,
        bf16: volume.stored == Stored::Bf16,
        distinct: integers.then(|| {
            let found = data.merged(distinct(values, FEW), |found, others| {
                found.union(&others).copied().collect()
            });
            found.len().min(FEW + 1)
        }),
    }
}

/// The smallest and the largest number that is not NaN.
fn range<T: Number>(numbers: &Numbers<T>) -> (f64, f64) {
    let view = numbers.view();
    let Some(first) = view.iter().find(|number| !number.to_f64().is_nan()) else {
        return (f64::INFINITY, f64::NEG_INFINITY);
    };
    let (mut least, mut most) = ([*first; LANES], [*first; LANES]);
    match view.as_slice_memory_order() {
        Some(slice) => {
            let (chunks, rest) = slice.as_chunks::<LANES>();
            for chunk in chunks {
                widen(&mut least, &mut most, chunk);
            }
            widen(&mut least, &mut most, rest);
        }
        None => {
            for number in view {
                widen(&mut least, &mut most, &[*number]);
            }
        }
    }
    let least = least.into_iter().map(Number::to_f64);
    let most = most.into_iter().map(Number::to_f64);
    (
        least.fold(f64::INFINITY, f64::min),
        most.fold(f64::NEG_INFINITY, f64::max),
    )
}

/// So many ranges are widened side by side, so that the loop is vectorised.
const LANES: usize = 16;

#[inline(always)]
fn widen<T: Number>(least: &mut [T; LANES], most: &mut [T; LANES], numbers: &[T]) {
    for ((least, most), number) in least.iter_mut().zip(most).zip(numbers) {
        // NaN is neither below nor above a number.
        *least = if *number < *least { *number } else { *least };
        *most = if *number > *most { *number } else { *most };
    }
}

/// Calls `f` with all numbers, in memory order if possible.
fn for_each<T: Copy>(view: ArrayViewD<'_, T>, f: impl FnMut(T)) {
    match view.as_slice_memory_order() {
        Some(slice) => slice.iter().copied().for_each(f),
        None => view.iter().copied().for_each(f),
    }
}

/// The distinct integers, up to `most` + 1 of them.
fn distinct(values: &Values, most: usize) -> BTreeSet<i64> {
    match values {
        Values::U8(numbers) => distinct_of(numbers, most),
        Values::U16(numbers) => distinct_of(numbers, most),
        Values::I32(numbers) => distinct_of(numbers, most),
        Values::I64(numbers) => distinct_of(numbers, most),
        Values::F32(_) | Values::F64(_) => BTreeSet::new(),
    }
}

fn distinct_of<T: Number + Into<i64>>(numbers: &Numbers<T>, most: usize) -> BTreeSet<i64> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for_each(numbers.view(), |number| {
        // Neighbouring numbers are mostly equal.
        if last != Some(number) && found.len() <= most {
            found.insert(number.into());
            last = Some(number);
        }
    });
    found
}

/// Whether the numbers along an axis sum to `total` everywhere, up to the rounding of numbers with few digits. Positions with a
/// number that is not a probability are skipped.
pub(crate) fn sums_to(values: &Values, axis: usize, total: f64, data: &Data) -> bool {
    let own = with_numbers!(values, numbers => sums(numbers.view(), Axis(axis), total));
    let merged = data.merged(own, |ours, theirs| match (ours, theirs) {
        (Some(ours), Some(theirs)) => Some(ours && theirs),
        (ours, theirs) => ours.or(theirs),
    });
    merged.unwrap_or(false)
}

const SUM_TOLERANCE: f64 = 0.02;

/// `None` if all positions are skipped.
fn sums<T: Number>(view: ArrayViewD<'_, T>, axis: Axis, total: f64) -> Option<bool> {
    let mut seen = None;
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
                return Some(false);
            }
            seen = Some(true);
        }
    }
    seen
}
