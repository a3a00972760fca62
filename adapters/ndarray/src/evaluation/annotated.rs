//! Classes that are annotated in some samples only.

use ndarray::{ArrayView2, Dimension};
use unifocal_core::data::{Element, Shape, check_annotated};

use super::{Evaluation, expect_shape};
use crate::Error;

impl<'a, P, D: Dimension, T> Evaluation<'a, P, D, T> {
    /// Sets which classes are annotated in each sample, [N, C]: an entry per channel of the prediction.
    ///
    /// A class that is not annotated does not exist in that sample: it is left out of the mean over the classes and of the sum over
    /// them. Classes that exclude each other are then part of class 0: p and y of class 0 are p and y of any of them (marginal loss, Shi
    /// et al. 2021, arXiv 2007.03868), and they share its gradient. With [`with_multilabel`](Evaluation::with_multilabel), the channel of
    /// the sample is ignored, whatever it and its target hold. An error if class 0 of several classes is not annotated, or each of them
    /// has a sigmoid.
    ///
    /// # Examples
    ///
    /// Two data sets in one batch, with classes for the liver and the spleen. The second one has no annotations of the spleen:
    ///
    /// ```
    /// use ndarray::array;
    /// use unifocal_ndarray::{Evaluation, core::Focal};
    ///
    /// let prediction = array![[[0.2, 0.7], [0.7, 0.2], [0.1, 0.1]], [[0.3, 0.1], [0.1, 0.8], [0.6, 0.1]]]; // [N, C, M]
    /// let labels = array![[1_u8, 0], [0, 1]];
    /// let annotated = array![[true, true, true], [true, true, false]];
    /// let evaluation = Evaluation::labels(prediction.view(), labels.view()).with_annotated(annotated.view());
    /// let (value, gradient) = evaluation.value_and_gradient(&Focal::cross_entropy())?;
    /// let each = [0.7, 0.7, 0.3 + 0.6, 0.8].map(|p| -f64::ln(p));
    /// assert!((value - each.iter().sum::<f64>() / 4.0).abs() < 1e-6);
    /// assert_eq!(gradient[[1, 0, 0]], gradient[[1, 2, 0]]); // of background and spleen
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    #[must_use]
    pub fn with_annotated(self, mask: ArrayView2<'a, bool>) -> Self {
        let contiguous = match mask.is_standard_layout() {
            true => mask.into(),
            false => mask.as_standard_layout().into_owned().into(),
        };
        let annotated = Some(contiguous);
        Self { annotated, ..self }
    }
}

impl<P: Element, D: Dimension, T: crate::TargetArray> Evaluation<'_, P, D, T> {
    /// Whether each channel is annotated, sample by sample; `None` if all are.
    pub(super) fn annotated_channels(&self) -> Result<Option<&[bool]>, Error> {
        let Some(mask) = &self.annotated else {
            return Ok(None);
        };
        let [samples, channels] = [self.prediction.shape()[0], self.channels()?];
        expect_shape("annotated classes", mask.shape(), &[samples, channels])?;
        let mask = mask.as_slice().unwrap_or_default();
        if !self.settings.is_multilabel() {
            let shape = Shape::from([samples, channels, 1]);
            check_annotated(mask, shape, self.settings.input)?;
        }
        Ok(Some(mask))
    }
}
