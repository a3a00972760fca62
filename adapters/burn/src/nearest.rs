//! Targets at the size of smaller predictions.

use burn::tensor::{Device, Int, Tensor};
use unifocal_core::data::nearest as nearest_voxel;

use crate::Error;
use crate::inputs::{Flat, Targets, VoxelWeights};
use crate::loss::unwrap;

impl Targets {
    /// The targets at another size, the lengths of the spatial axes: each voxel takes the nearest of the given ones, as in PyTorch's
    /// `nearest-exact`. For deep supervision, in which predictions at several sizes are compared with the same labels.
    ///
    /// # Panics
    ///
    /// More lengths than axes; an axis or a length of 0. [`try_nearest`](Self::try_nearest) returns an error instead.
    ///
    /// # Example
    ///
    /// nnU-Net's weights for predictions at three sizes, the smallest of which is left out:
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::{Input, Pooling, SegmentationLoss, Targets, core::UnifiedFocal};
    ///
    /// let device = Device::flex();
    /// let loss = SegmentationLoss::new(UnifiedFocal::nnunet())
    ///     .with_input(Input::Softmax)
    ///     .with_pooling(Pooling::Batch)
    ///     .with_region_weights([0.0, 1.0]);
    /// let labels = Tensor::<3, Int>::from_data([[[0, 0], [0, 1]]], &device).repeat(&[1, 4, 4]); // [N, H, W]
    /// let targets = Targets::from(labels);
    /// let [full, half] = [8, 4].map(|size| Tensor::<4>::zeros([1, 2, size, size], &device));
    /// let value = loss.forward(full, targets.clone()) * (2.0 / 3.0) + loss.forward(half, targets.nearest([4, 4])) * (1.0 / 3.0);
    /// assert!(value.into_scalar::<f64>() < 1.0);
    /// ```
    #[must_use]
    pub fn nearest<const K: usize>(self, size: [usize; K]) -> Self {
        unwrap(self.try_nearest(size))
    }

    /// [`nearest`](Self::nearest), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// More lengths than axes; an axis or a length of 0.
    pub fn try_nearest<const K: usize>(self, size: [usize; K]) -> Result<Self, Error> {
        self.at_size(&size)
    }

    /// The targets at this size.
    pub(crate) fn at_size(self, size: &[usize]) -> Result<Self, Error> {
        let (shape, of) = nearest_voxels("target", &self.shape, size)?;
        let values = match self.values {
            Flat::Integers(values) => {
                let of = on(&values.device(), of);
                Flat::Integers(values.select(0, of))
            }
            Flat::Floats(values) => {
                let of = on(&values.device(), of);
                Flat::Floats(values.select(0, of))
            }
        };
        let weights = self.weights.map(|weights| -> Result<_, Error> {
            let (shape, of) = nearest_voxels("voxel weights", &weights.shape, size)?;
            let of = on(&weights.values.device(), of);
            let values = weights.values.select(0, of);
            Ok(VoxelWeights { shape, values })
        });
        Ok(Self {
            shape,
            values,
            weights: weights.transpose()?,
            annotated: self.annotated,
        })
    }
}

/// The shape with these lengths for its last axes, and the flat indices of the voxels that it takes.
fn nearest_voxels(
    what: &'static str,
    shape: &[usize],
    size: &[usize],
) -> Result<(Vec<usize>, Vec<i64>), Error> {
    let first = shape.len().checked_sub(size.len());
    let Some(first) = first.filter(|_| !shape.contains(&0) && !size.contains(&0)) else {
        return Err(Error::Size {
            what,
            found: shape.to_vec(),
            size: size.to_vec(),
        });
    };
    let (leading, spatial) = shape.split_at(first);
    let mut indices: Vec<usize> = (0..leading.iter().product()).collect();
    for (length, of) in size.iter().zip(spatial) {
        let along = (0..*length).map(|index| nearest_voxel(index, *length, *of));
        let along: Vec<usize> = along.collect();
        let next = indices
            .iter()
            .flat_map(|start| along.iter().map(move |index| start * of + index));
        indices = next.collect();
    }
    let indices = indices.into_iter().map(|index| index as i64).collect();
    Ok(([leading, size].concat(), indices))
}

/// Indices as a tensor.
fn on(device: &Device, indices: Vec<i64>) -> Tensor<1, Int> {
    Tensor::from_data(indices.as_slice(), device)
}
