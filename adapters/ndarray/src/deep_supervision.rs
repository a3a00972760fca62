//! Deep supervision: the loss of predictions at several sizes.

use ndarray::{Array, ArrayView, Dimension};
use unifocal_core::{
    LevelWeights,
    data::Element,
    formula::{Loss, Real},
};

use crate::nearest::strided;
use crate::target::without_channels;
use crate::{Error, Evaluation, TargetArray};

/// The predictions of a deeply supervised network at several sizes, the full one first, each with its target. The loss is
/// Σ_l weight_l·loss_l, with [nnU-Net's weights](LevelWeights) by default.
///
/// [`Evaluation::with_deep_supervision`] makes it from one target.
///
/// # Examples
///
/// nnU-Net's loss of three sizes, the smallest of which has the weight 0:
///
/// ```
/// use ndarray::{Array3, Array4};
/// use unifocal_ndarray::{Evaluation, core::{Input, Pooling, UnifiedFocal}};
///
/// let labels = Array3::from_shape_fn((1, 8, 8), |(_, y, x)| u8::from(y > 3 && x > 2)); // [N, H, W]
/// let [full, half, quarter] = [8, 4, 2].map(|size| Array4::<f32>::zeros((1, 2, size, size)));
///
/// let levels = Evaluation::labels(full.view(), labels.view())
///     .with_input(Input::Softmax)
///     .with_pooling(Pooling::Batch)
///     .with_region_weights([0.0, 1.0])
///     .with_deep_supervision([half.view(), quarter.view()])?;
/// let (value, gradients) = levels.value_and_gradients(&UnifiedFocal::nnunet())?;
/// assert!(value.is_finite());
/// assert_eq!(gradients[1].dim(), half.dim());
/// assert!(gradients[2].iter().all(|slope| *slope == 0.0));
/// # Ok::<(), unifocal_ndarray::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeepSupervision<'a, P, D: Dimension, T> {
    levels: Vec<Evaluation<'a, P, D, T>>,
    weights: LevelWeights,
}

impl<'a, P: Element, D: Dimension, T: TargetArray> Evaluation<'a, P, D, T> {
    /// Adds predictions of smaller sizes, as a deeply supervised network makes them, from the second largest to the smallest. They are read
    /// and compared with the same settings.
    ///
    /// The size of each must divide that of this evaluation's prediction. Its target and voxel weights are views of this evaluation's:
    /// where an axis is s times shorter, voxels ⌊s/2⌋, ⌊s/2⌋ + s, ⌊s/2⌋ + 2s, … These are the voxels of
    /// [`nearest`](fn@crate::nearest), and so those of PyTorch's `nearest-exact`, which nnU-Net 2 and MONAI use; PyTorch's `nearest` would
    /// start at voxel 0.
    ///
    /// # Errors
    ///
    /// A size that does not divide that of the full prediction, or a prediction without a class axis.
    pub fn with_deep_supervision(
        self,
        smaller: impl IntoIterator<Item = ArrayView<'a, P, D>>,
    ) -> Result<DeepSupervision<'a, P, D, T>, Error> {
        self.class_count()?;
        let mut levels = vec![self];
        for prediction in smaller {
            let (full, level) = (&levels[0], levels.len());
            let next = full.at_size_of(prediction);
            levels.push(next.map_err(|error| at_level(level, error))?);
        }
        Ok(DeepSupervision::new(levels))
    }

    /// A smaller prediction beside the same target and weights.
    fn at_size_of(&self, prediction: ArrayView<'a, P, D>) -> Result<Self, Error> {
        let mut next = self.clone();
        next.prediction = prediction;
        next.class_count()?;
        let size = |of: &Self| without_channels(of.prediction.shape(), of.layout)[1..].to_vec();
        let (found, of) = (size(&next), size(self));
        let target = self.target.clone().at_size(&found, self.layout);
        let weights = match self.weights.clone() {
            None => Some(None),
            Some(weights) => strided(weights, 1, &found).map(Some),
        };
        match (target, weights) {
            (Some(target), Some(weights)) if found.len() == of.len() => {
                (next.target, next.weights) = (target, weights);
                Ok(next)
            }
            _ => Err(Error::Factor { found, of }),
        }
    }
}

impl<'a, P, D: Dimension, T> DeepSupervision<'a, P, D, T> {
    /// Takes predictions with a target each, the full size first: for targets that were resized in another way, and for sizes that do not
    /// divide the full one, whose targets [`nearest`](fn@crate::nearest) copies.
    pub fn new(levels: impl IntoIterator<Item = Evaluation<'a, P, D, T>>) -> Self {
        Self {
            levels: levels.into_iter().collect(),
            weights: LevelWeights::default(),
        }
    }

    /// Sets the weights of the levels: nnU-Net's by default.
    #[must_use]
    pub fn with_level_weights(self, weights: impl Into<LevelWeights>) -> Self {
        let weights = weights.into();
        Self { weights, ..self }
    }
}

impl<P: Element, D: Dimension, T: TargetArray> DeepSupervision<'_, P, D, T> {
    /// The weighted sum of the losses of the levels.
    ///
    /// # Errors
    ///
    /// Those of [`Evaluation::value`], with the level; no level; invalid weights.
    pub fn value<const K: usize>(&self, loss: &impl Loss<K>) -> Result<f64, Error> {
        let of_levels = self.of_levels(|evaluation| evaluation.value(loss))?;
        let weighted = of_levels.into_iter().flatten();
        Ok(weighted.map(|(weight, value)| weight * value).sum())
    }

    /// The weighted sum of the losses of the levels, and its gradient with respect to the prediction of each. The gradient of a level
    /// with the weight 0 is 0.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Self::value).
    #[expect(
        clippy::type_complexity,
        reason = "a value, and an array for each level"
    )]
    pub fn value_and_gradients<const K: usize>(
        &self,
        loss: &impl Loss<K>,
    ) -> Result<(f64, Vec<Array<P::Real, D>>), Error> {
        let of_levels = self.of_levels(|evaluation| evaluation.value_and_gradient(loss))?;
        let mut value = 0.0;
        let mut gradients = Vec::with_capacity(self.levels.len());
        for (evaluation, of_level) in self.levels.iter().zip(of_levels) {
            gradients.push(match of_level {
                None => evaluation.empty_gradient(),
                Some((weight, (of_level, gradient))) => {
                    value += weight * of_level;
                    gradient.mapv_into(|slope| slope.scale(weight))
                }
            });
        }
        Ok((value, gradients))
    }

    /// The weight of each level and what `evaluate` returns for it; nothing for a level of weight 0.
    fn of_levels<R>(
        &self,
        evaluate: impl Fn(&Evaluation<'_, P, D, T>) -> Result<R, Error>,
    ) -> Result<Vec<Option<(f64, R)>>, Error> {
        let weights = self.weights.of(self.levels.len())?;
        let levels = self.levels.iter().zip(weights).enumerate();
        levels
            .map(|(level, (evaluation, weight))| match weight {
                0.0 => Ok(None),
                _ => match evaluate(evaluation) {
                    Ok(result) => Ok(Some((weight, result))),
                    Err(error) => Err(at_level(level, error)),
                },
            })
            .collect()
    }
}

fn at_level(level: usize, error: Error) -> Error {
    let error = Box::new(error);
    Error::Level { level, error }
}
