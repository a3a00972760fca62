//! Cross entropy of the hard voxels.

use crate::name::Origin;
use crate::parameter::{ParameterError, Range};
use crate::{Class, ClassSums, Clip, Loss, Name, Parameter, Probability, Real, Score, Share};

/// The cross entropy of the hard voxels, whose p of the true class is below a threshold τ, divided
/// by their number:
///
/// ```text
/// Σ_c r_c·a_c·Σ y·[p < τ]·(−ln p) / Σ_c r_c·Σ y·[p < τ]        0 if no voxel is hard
/// ```
///
/// Here r are the class weights and a is the α per class. At τ = 1 it is cross entropy, if the
/// weights are equal. The other voxels have no gradient, and the gradient of the hard ones grows as
/// they get fewer. Which voxels are hard jumps at p = τ, and the value with it, so the loss may rise
/// when an easy voxel leaves the mean.
///
/// It has two sums: `Σ y·[p < τ]`, and this times −ln p.
///
/// Source: Wu, Shen, van den Hengel 2016, "Bridging category-level and instance-level semantic image
/// segmentation", arXiv 1605.06885. It is also known as online hard example mining with a threshold.
/// A top-k loss that keeps a share of the voxels sorts them, and is of another family.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Error, HardVoxels, Labels, Segmentation};
///
/// let prediction = Dense::channels_last(&[0.9, 0.1, 0.4, 0.6, 0.8, 0.2], [1, 2, 3])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1, 1], [1, 3])?);
/// let segmentation = Segmentation::new(prediction, labels)?;
/// let mut buffers = Buffers::with_len::<2>();
/// let loss = HardVoxels::new().with_threshold(0.7)?;
/// let value = segmentation.evaluate(&loss, &Classes::default(), &mut buffers)?.value();
/// assert!((value - -(f64::ln(0.6) + f64::ln(0.2)) / 2.0).abs() < 1e-12); // 0.9 is easy
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardVoxels {
    threshold: f64,
    clip: Option<Clip>,
    pub(crate) origin: Origin,
}

/// A class without hard voxels counts as this many: too few to change a mean, and enough to divide
/// by twice.
const LEAST_VOXELS: f64 = 1e-30;

impl HardVoxels {
    /// The loss with τ = 0.7 and clip 10⁻⁷.
    pub fn new() -> Self {
        Self {
            threshold: 0.7,
            clip: Some(Clip::REFERENCE),
            origin: Origin(Name::HardVoxels),
        }
    }

    /// Sets the threshold τ.
    ///
    /// # Errors
    ///
    /// τ outside (0, 1].
    pub fn with_threshold(self, threshold: f64) -> Result<Self, ParameterError> {
        let threshold = Range::THRESHOLD.check(Parameter::Threshold.as_str(), threshold)?;
        Ok(Self { threshold, ..self })
    }

    /// Clamps probabilities to [ε, 1 − ε]; `None` does not clamp. Logits are never clamped. The
    /// threshold applies to p before the clip.
    ///
    /// # Errors
    ///
    /// ε outside (0, ½).
    pub fn with_clip(self, epsilon: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        let clip = epsilon.into().map(Clip::new).transpose()?;
        Ok(Self { clip, ..self })
    }

    /// τ, the threshold.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The clip, if there is one.
    pub fn clip(&self) -> Option<Clip> {
        self.clip
    }
}

impl Default for HardVoxels {
    fn default() -> Self {
        Self::new()
    }
}

impl Loss<2> for HardVoxels {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 2] {
        // τ − p = (1 − p) − (1 − τ), which is exact for every p near 1.
        let is_hard = prediction
            .complement
            .clone()
            .shift(self.threshold - 1.0)
            .positive();
        let entropy = prediction.clipped(self.clip).ln().scale(-1.0);
        [y.of(is_hard.clone()), y.of(is_hard * entropy)]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 2>) -> Score<R> {
        let [voxels, entropy] = sums.terms.clone();
        let voxels = voxels.clip(LEAST_VOXELS, f64::INFINITY);
        let mean = entropy.scale(class.alpha) / voxels.clone();
        Score {
            share: Some(voxels),
            ..Score::mean(mean)
        }
    }
}
