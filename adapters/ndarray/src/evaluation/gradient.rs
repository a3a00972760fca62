//! The gradient: together with the value, from slopes, or in the forward and backward passes of a framework.

use ndarray::{Array, ArrayViewMut, ArrayViewMutD, Dimension};
use unifocal_core::{
    Classes,
    data::Element,
    engine::Kept,
    formula::{ClassSums, Loss},
};

use super::{Evaluation, expect_shape};
use crate::halves::Half;
use crate::{Error, TargetArray, rows};

impl<P, D, T> Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
{
    /// The loss and its gradient with respect to the prediction, in the prediction's shape.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value).
    pub fn value_and_gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
    ) -> Result<(f64, Array<P::Real, D>), Error> {
        let mut gradient = self.empty_gradient();
        let value = self.value_and_gradient_into(loss, gradient.view_mut())?;
        Ok((value, gradient))
    }

    /// The loss; writes its gradient to `gradient`, which has the prediction's shape and any strides.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value), and a gradient of another shape. On error, the gradient's contents are unspecified.
    pub fn value_and_gradient_into<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        gradient: ArrayViewMut<'_, P::Real, D>,
    ) -> Result<f64, Error> {
        let task = self.task(loss, self.settings.classes())?;
        let mut sums = vec![ClassSums::default(); task.groups * task.count];
        self.with_gradient(gradient, |whole, mut gradient| {
            whole
                .clone()
                .sums_and_gradient(&task, &mut sums, gradient.view_mut())?;
            let mut groups = sums.chunks(task.count);
            if groups.all(|sums| task.classes.counts(sums) == Some(1.0)) {
                return Ok(());
            }
            // Some groups do not count, so the gradient was divided by too many groups: compute it again.
            let mut slopes = vec![[0.0; K]; sums.len()];
            unifocal_core::formula::slopes(loss, &task.classes, task.count, &sums, &mut slopes)?;
            whole.backward(&task, &slopes, Kept::Nothing, gradient)
        })?;
        Ok(unifocal_core::formula::mean(
            loss,
            &task.classes,
            task.count,
            &sums,
        )?)
    }

    /// Writes the gradient of Σ slope·sum to `gradient`, which has the prediction's shape and any strides.
    ///
    /// If the slopes are the derivatives of a value by each of the [`sums`](Evaluation::sums), this is the gradient of that
    /// value. Use it for a loss over several arrays, whose sums were merged, or for a loss that is part of another function.
    ///
    /// This does not check the data again, so take the sums from this same evaluation.
    ///
    /// # Examples
    ///
    /// Two machines with half of a batch each:
    ///
    /// ```
    /// use ndarray::{Array3, array};
    /// use unifocal_ndarray::{Evaluation, core::{Classes, Pooling, Tversky, formula::slopes}};
    ///
    /// let half = |p: f64| array![[[p, 0.2], [1.0 - p, 0.8]]];
    /// let [mine, theirs] = [half(0.9), half(0.6)];
    /// let labels = array![[0_u8, 1]];
    /// let of = |half| Evaluation::labels(half, labels.view()).with_pooling(Pooling::Batch);
    ///
    /// let dice = Tversky::dice();
    /// let mut sums = of(mine.view()).sums(&dice)?;
    /// for (sums, others) in sums.iter_mut().zip(of(theirs.view()).sums(&dice)?) {
    ///     sums.merge(&others);
    /// }
    /// let mut by_sums = vec![[0.0; 3]; sums.len()];
    /// slopes(&dice, &Classes::default(), 2, &sums, &mut by_sums)?;
    /// let mut gradient = Array3::zeros(mine.raw_dim());
    /// of(mine.view()).gradient_by(&dice, &by_sums, gradient.view_mut())?;
    /// assert!(gradient[[0, 0, 0]] < 0.0); // more of the right class lowers the loss
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Mismatched shapes, a wrong number of slopes, invalid class options.
    pub fn gradient_by<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        slopes: &[[f64; K]],
        gradient: ArrayViewMut<'_, P::Real, D>,
    ) -> Result<(), Error> {
        self.write_gradient(
            loss,
            self.settings.classes(),
            slopes,
            Kept::Nothing,
            gradient,
        )
    }

    /// The [`sums`](Evaluation::sums). Leaves intermediate results in `gradient`, from which [`backward`](Evaluation::backward) computes the
    /// gradient. The two split [`value_and_gradient_into`](Evaluation::value_and_gradient_into) for frameworks that compute the gradient later.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::{Array3, array};
    /// use unifocal_ndarray::{Evaluation, core::{Classes, UnifiedFocal, formula::{mean, slopes}}};
    ///
    /// let prediction = array![[[0.9, 0.2], [0.1, 0.8]]];
    /// let labels = array![[0_u8, 1]];
    /// let evaluation = Evaluation::labels(prediction.view(), labels.view());
    /// let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    ///
    /// let mut gradient = Array3::zeros(prediction.raw_dim());
    /// let sums = evaluation.forward(&loss, gradient.view_mut())?;
    /// let value = mean(&loss, &classes, 2, &sums)?;
    /// let mut by_sums = vec![[0.0; 4]; sums.len()];
    /// slopes(&loss, &classes, 2, &sums, &mut by_sums)?;
    /// evaluation.backward(&loss, &by_sums, gradient.view_mut())?;
    /// assert_eq!((value, gradient), evaluation.value_and_gradient(&loss)?);
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value), and a gradient of another shape. On error, the gradient's contents are unspecified.
    pub fn forward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        gradient: ArrayViewMut<'_, P::Real, D>,
    ) -> Result<Vec<ClassSums<f64, K>>, Error> {
        let task = self.task(loss, self.settings.classes())?;
        let mut sums = vec![ClassSums::default(); task.groups * task.count];
        self.with_gradient(gradient, |whole, gradient| {
            whole.forward(&task, &mut sums, Some(gradient))
        })?;
        Ok(sums)
    }

    /// Like [`gradient_by`](Evaluation::gradient_by), but `gradient` must hold what [`forward`](Evaluation::forward) left there for the same
    /// loss and data. See the example there.
    ///
    /// # Errors
    ///
    /// Those of [`gradient_by`](Evaluation::gradient_by).
    pub fn backward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        slopes: &[[f64; K]],
        gradient: ArrayViewMut<'_, P::Real, D>,
    ) -> Result<(), Error> {
        self.write_gradient(
            loss,
            self.settings.classes(),
            slopes,
            Kept::ByForward,
            gradient,
        )
    }

    /// Writes the gradient of Σ slope·sum.
    pub(crate) fn write_gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: Classes<'_>,
        slopes: &[[f64; K]],
        kept: Kept,
        gradient: ArrayViewMut<'_, P::Real, D>,
    ) -> Result<(), Error> {
        let task = self.task(loss, classes)?;
        let expected = task.groups * task.count;
        if slopes.len() != expected {
            return Err(Error::Core(unifocal_core::Error::Length {
                what: "slopes",
                found: slopes.len(),
                expected,
            }));
        }
        self.with_gradient(gradient, |whole, gradient| {
            whole.backward(&task, slopes, kept, gradient)
        })
    }

    /// Calls `write` with the arrays and the gradient, both with their spatial axes merged as far as both allow.
    fn with_gradient(
        &self,
        gradient: ArrayViewMut<'_, P::Real, D>,
        write: impl FnOnce(
            Half<'_, P, T>,
            ArrayViewMutD<'_, P::Real>,
        ) -> Result<(), unifocal_core::Error>,
    ) -> Result<(), Error> {
        let expected = self.prediction.shape();
        expect_shape("gradient", gradient.shape(), expected)?;
        let mut gradient = rows::channels_first(gradient.into_dyn(), self.layout);
        let axes = (3..gradient.ndim())
            .find(|axes| rows::merged(gradient.view_mut(), *axes).is_some())
            .unwrap_or(gradient.ndim());
        let whole = self.whole(axes)?;
        let axes = whole.prediction.ndim();
        let gradient: ArrayViewMutD<'_, _> =
            rows::merged(gradient.view_mut(), axes).expect("merged to fewer axes above");
        Ok(write(whole, gradient)?)
    }
}
