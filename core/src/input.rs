//! How to interpret the values of a prediction: as probabilities or as logits.

/// How to interpret the values of a prediction.
///
/// # Examples
///
/// A single logit z and the two logits (0, z) are the same prediction:
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Focal, Input, Labels, Segmentation};
///
/// let labels = [1_u8];
/// let target = Labels::new(Dense::per_voxel(&labels, [1, 1])?);
/// let mut buffers = Buffers::with_len::<2>();
/// let (loss, classes) = (Focal::cross_entropy(), Classes::default());
///
/// let one = Segmentation::new(Dense::channels_first(&[-3.0], [1, 1, 1])?, target)?;
/// let one = one.with_input(Input::Sigmoid)?;
/// let one = one.evaluate(&loss, &classes, &mut buffers)?.value();
/// let two = Segmentation::new(Dense::channels_first(&[0.0, -3.0], [1, 2, 1])?, target)?;
/// let two = two.with_input(Input::Softmax)?;
/// let two = two.evaluate(&loss, &classes, &mut buffers)?.value();
/// assert!((one - two).abs() < 1e-15);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// Probabilities. A single channel is the foreground; the background is its complement.
    #[default]
    Probabilities,
    /// Logits of a softmax over the class axis.
    Softmax,
    /// Logits of a sigmoid per channel. A single channel is the foreground; the background is its
    /// complement.
    Sigmoid,
}
