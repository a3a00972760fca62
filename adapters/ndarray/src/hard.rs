//! The sums of a hard segmentation, in which each voxel belongs to one class.

use ndarray::{Array, Axis, Dimension};
use unifocal_core::{
    Input, Layout, Overlap,
    data::Element,
    formula::{ClassSums, Float},
};

use crate::{Error, Evaluation, TargetArray};

impl<P, D, T> Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
{
    /// TP, FP and FN after each voxel was given to its most probable class, ordered by group (a sample, or the batch), then class: for
    /// [`Overlap`] scores. Of equal classes, the first one counts. A single channel, or each of several
    /// regions, is the foreground where p > ½.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value).
    ///
    /// # Examples
    ///
    /// The Dice score of the lesion over two batches, in which 255 means "not annotated":
    ///
    /// ```
    /// use ndarray::array;
    /// use unifocal_ndarray::{Evaluation, core::{Input, Overlap, Pooling, Scores, Settings}};
    ///
    /// let settings = Settings::default().with_input(Input::Sigmoid).with_pooling(Pooling::Batch).with_ignore_label(255);
    /// let mut dice = Scores::new(Overlap::Dice, 2, settings.clone())?;
    /// // Logits [N, 1, M] of the lesion, labels [N, M].
    /// for (logits, labels) in [
    ///     (array![[[2.0, -1.0, 0.5]], [[-3.0, -1.0, 1.0]]], array![[1_u8, 0, 1], [0, 1, 255]]),
    ///     (array![[[1.0, -2.0, -0.1]]], array![[0, 0, 1]]),
    /// ] {
    ///     let batch = Evaluation::labels(logits.view(), labels.view()).with_settings(settings.clone());
    ///     dice.add(&batch.hard_sums()?)?;
    /// }
    /// assert_eq!(dice.per_class()[1], Some(2.0 * 2.0 / (3.0 + 4.0))); // 2·TP / (predicted + true)
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    pub fn hard_sums(&self) -> Result<Vec<ClassSums<f64, 4>>, Error> {
        let hard = self.hard()?;
        self.of_probabilities(hard.view()).sums(&Overlap::Dice)
    }

    /// The segmentation that [`hard_sums`](Evaluation::hard_sums) scores, in the prediction's shape: 1 for the most probable class of each
    /// voxel, the first of equal ones, and 0 for the others; or 1 where p > ½, for a single channel and for regions. The target is not
    /// read. A number that is no probability or logit stays, or is NaN, so that it is found where its voxel counts.
    ///
    /// # Errors
    ///
    /// A prediction without a class axis, or a softmax over one channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use unifocal_ndarray::Evaluation;
    ///
    /// let prediction = array![[[0.7, 0.5, 0.2], [0.3, 0.5, 0.8]]]; // [N, C, M]
    /// let labels = array![[0_u8, 1, 1]];
    /// let hard = Evaluation::labels(prediction.view(), labels.view()).hard()?;
    /// assert_eq!(hard, array![[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]);
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    pub fn hard(&self) -> Result<Array<f32, D>, Error> {
        // The class axis exists.
        self.class_count()?;
        let prediction = &self.prediction;
        let axis = match self.layout {
            Layout::ChannelsFirst => Axis(1),
            Layout::ChannelsLast => Axis(prediction.ndim() - 1),
        };
        let each_alone = prediction.len_of(axis) == 1 || self.settings.is_multilabel();
        if self.settings.input == Input::Softmax && each_alone {
            return Err(unifocal_core::Error::SoftmaxOfOneClass.into());
        }
        let is_probability = self.settings.input == Input::Probabilities;
        let half = if is_probability { 0.5 } else { 0.0 };
        let is_valid = |x: f64| x.is_finite() && (!is_probability || (0.0..=1.0).contains(&x));

        let mut hard = Array::zeros(prediction.raw_dim());
        for (channels, mut hard) in prediction.lanes(axis).into_iter().zip(hard.lanes_mut(axis)) {
            let (mut best, mut most) = ((!each_alone).then_some(0), f64::NEG_INFINITY);
            for (channel, x) in channels.iter().enumerate() {
                let x = x.real().to_f64();
                if each_alone {
                    hard[channel] = if x > half { 1.0 } else { 0.0 };
                } else if x > most {
                    (best, most) = (Some(channel), x);
                }
                if !is_valid(x) {
                    // Rounded to f32, a number may become valid.
                    let rounded = x as f32;
                    let is_found = !is_valid(rounded.into());
                    hard[channel] = if is_found { rounded } else { f32::NAN };
                }
            }
            // An invalid number is not overwritten.
            if let Some(best) = best.filter(|best| hard[*best] == 0.0) {
                hard[best] = 1.0;
            }
        }
        Ok(hard)
    }
}
