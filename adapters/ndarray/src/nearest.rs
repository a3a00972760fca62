//! Targets at the size of smaller predictions.

use ndarray::{ArrayView, Axis, CowArray, Dimension, RemoveAxis, Slice};
use unifocal_core::data::nearest as nearest_voxel;

use crate::Error;

/// Labels, a one-hot target or voxel weights at another size: the last axes get these lengths, and each voxel takes the nearest of
/// the given ones, as in PyTorch's `nearest-exact`.
///
/// Nothing is copied if each axis becomes shorter by a whole factor. For deep supervision, in which predictions at several sizes are
/// compared with the same labels.
///
/// # Errors
///
/// More lengths than axes; an axis or a length of 0.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use unifocal_ndarray::nearest;
///
/// let labels = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| 10 * y + x);
/// let half = nearest(labels.view(), &[2, 2])?;
/// assert!(half.is_view());
/// assert_eq!(half, ndarray::array![[[11, 13], [31, 33]]]);
/// # Ok::<(), unifocal_ndarray::Error>(())
/// ```
pub fn nearest<'a, A: Clone, D: RemoveAxis>(
    array: ArrayView<'a, A, D>,
    size: &[usize],
) -> Result<CowArray<'a, A, D>, Error> {
    let shape = array.shape().to_vec();
    let first = shape.len().checked_sub(size.len());
    let Some(first) = first.filter(|_| !shape.contains(&0) && !size.contains(&0)) else {
        return Err(Error::Size {
            what: "target",
            found: shape,
            size: size.to_vec(),
        });
    };
    if let Some(view) = strided(array.clone(), first, size) {
        return Ok(CowArray::from(view));
    }
    let axes = || size.iter().zip(&shape[first..]);
    let mut copy = CowArray::from(array);
    for (axis, (length, of)) in axes().enumerate() {
        let nearest: Vec<usize> = (0..*length)
            .map(|index| nearest_voxel(index, *length, *of))
            .collect();
        copy = copy.select(Axis(first + axis), &nearest).into();
    }
    Ok(copy)
}

/// The same as a view, if each axis from `first` on becomes shorter by a whole factor.
pub(crate) fn strided<'a, A, D: Dimension>(
    mut view: ArrayView<'a, A, D>,
    first: usize,
    size: &[usize],
) -> Option<ArrayView<'a, A, D>> {
    for (axis, length) in (first..).zip(size) {
        let of = *view.shape().get(axis)?;
        let step = of.checked_div(*length).filter(|step| step * length == of)?;
        let every = Slice::new(step as isize / 2, None, step.max(1) as isize);
        view.slice_axis_inplace(Axis(axis), every);
    }
    Some(view)
}
