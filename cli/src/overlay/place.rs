//! Which sample, and the planes through which voxel, a picture shows.

use ndarray::{ArrayD, ArrayViewD, Axis};

use super::args::View;
use super::marks::Mark;
use crate::failure::Failure;
use crate::pair::Pair;
use crate::reading::Axes;

/// A voxel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) sample: usize,
    /// Its index along each axis of space, in PRED's order.
    pub(super) voxel: Vec<usize>,
}

/// The voxel that the options name, or the one with the most errors along each axis.
///
/// `axes` are the axes of space.
pub(super) fn of(
    marks: &ArrayD<Mark>,
    axes: &Axes,
    view: &View,
    pair: &Pair,
) -> Result<Place, Failure> {
    let samples = marks.len_of(Axis(0));
    let sample = match view.sample {
        Some(sample) if sample < samples => sample,
        Some(sample) => {
            return Err(pair.failure(format!(
                "--sample is {sample}, expected a number below {samples}, the number of samples"
            )));
        }
        None => {
            let errors = |sample| errors(&marks.index_axis(Axis(0), sample));
            first_largest((0..samples).map(errors))
        }
    };
    let marks = marks.index_axis(Axis(0), sample);
    let shape = marks.shape();
    let voxel = match &view.at {
        Some(at) => {
            let fits = at.len() == shape.len() && at.iter().zip(shape).all(|(at, n)| at < n);
            if !fits {
                return Err(pair.failure(format!(
                    "--at is {}, expected an index from 0 for each of PRED's axes {axes}, below {shape:?}",
                    joined(at)
                )));
            }
            at.clone()
        }
        None if errors(&marks) > 0 => most_errors(&marks),
        None => centre(&marks),
    };
    Ok(Place { sample, voxel })
}

fn errors(marks: &ArrayViewD<'_, Mark>) -> usize {
    marks.iter().filter(|mark| mark.is_error()).count()
}

/// Along each axis the index of the plane with the most errors; of equal ones the first.
fn most_errors(marks: &ArrayViewD<'_, Mark>) -> Vec<usize> {
    let along = |axis| {
        let planes = marks.axis_iter(Axis(axis));
        first_largest(planes.map(|plane| errors(&plane)))
    };
    (0..marks.ndim()).map(along).collect()
}

/// The centre of the box around what the target has, or of the volume.
fn centre(marks: &ArrayViewD<'_, Mark>) -> Vec<usize> {
    let along = |axis| {
        let has = |plane: ArrayViewD<'_, Mark>| plane.iter().any(|m| *m == Mark::TruePositive);
        let mut inside = (marks.axis_iter(Axis(axis)).enumerate())
            .filter(|(_, plane)| has(plane.view()))
            .map(|(index, _)| index);
        match inside.next() {
            Some(first) => (first + inside.last().unwrap_or(first)) / 2,
            None => marks.len_of(Axis(axis)) / 2,
        }
    };
    (0..marks.ndim()).map(along).collect()
}

/// The place of the largest number; of equal ones the first.
fn first_largest(numbers: impl Iterator<Item = usize>) -> usize {
    let mut best = (0, 0);
    for (place, number) in numbers.enumerate() {
        if number > best.1 {
            best = (place, number);
        }
    }
    best.0
}

/// `3, 4, 5`.
fn joined(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    numbers.join(", ")
}
