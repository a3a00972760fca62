//! Targets at the size of smaller predictions.

use tch::Tensor;
use unifocal_core::data::nearest as nearest_voxel;

use crate::Error;

/// Labels, a one-hot target or voxel weights at another size: the last axes get these lengths, and each voxel takes the nearest of
/// the given ones, as in PyTorch's `nearest-exact`, which does not take integers.
///
/// The result is a view of the tensor if each axis becomes shorter by a whole factor. For deep supervision, in which predictions at
/// several sizes are compared with the same labels.
///
/// # Errors
///
/// More lengths than axes; an axis or a length of 0; an undefined tensor; an error of libtorch.
///
/// # Examples
///
/// nnU-Net's weights for predictions at three sizes, the smallest of which is left out:
///
/// ```
/// use tch::{Device, Kind, Tensor};
/// use unifocal_tch::{SegmentationLoss, core::{Input, Pooling, UnifiedFocal}, nearest};
///
/// let criterion = SegmentationLoss::new(UnifiedFocal::nnunet())
///     .with_input(Input::Softmax)
///     .with_pooling(Pooling::Batch)
///     .with_region_weights([0.0, 1.0]);
/// let labels = Tensor::from_slice(&[0_u8, 0, 0, 1]).view([1, 2, 2]).repeat([1, 4, 4]); // [N, H, W]
/// let logits = [8, 4].map(|size| Tensor::zeros([1, 2, size, size], (Kind::Float, Device::Cpu)).set_requires_grad(true));
/// let mut loss = Tensor::from(0.0_f32);
/// for (logits, weight) in logits.iter().zip([2.0 / 3.0, 1.0 / 3.0]) {
///     loss += weight * criterion.forward(logits, &nearest(&labels, &logits.size()[2..])?)?;
/// }
/// loss.backward();
/// assert_eq!(logits[1].grad().size(), [1, 2, 4, 4]);
/// # Ok::<(), unifocal_tch::Error>(())
/// ```
pub fn nearest(target: &Tensor, size: &[i64]) -> Result<Tensor, Error> {
    let what = "target";
    if !target.defined() {
        return Err(Error::Layout { what });
    }
    let shape = target.size();
    let is_possible = |length: &i64| *length > 0;
    let first = shape.len().checked_sub(size.len());
    let Some(first) = first.filter(|_| shape.iter().chain(size).all(is_possible)) else {
        return Err(Error::Size {
            what,
            found: shape,
            size: size.to_vec(),
        });
    };
    let axes = || size.iter().zip(&shape[first..]);
    let is_view = axes().all(|(length, of)| of % length == 0);
    let mut resized = target.shallow_clone();
    for (axis, (length, of)) in (first as i64..).zip(axes()) {
        resized = if is_view {
            let step = of / length;
            resized.f_slice(axis, step / 2, None, step)?
        } else {
            let nearest: Vec<i64> = (0..*length as usize)
                .map(|index| nearest_voxel(index, *length as usize, *of as usize) as i64)
                .collect();
            let nearest = Tensor::f_from_slice(&nearest)?.f_to_device(target.device())?;
            resized.f_index_select(axis, &nearest)?
        };
    }
    Ok(resized)
}
