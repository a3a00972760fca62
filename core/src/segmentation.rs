//! A prediction and its target in memory: one sweep for the sums, one for the gradient.

#[cfg(feature = "alloc")]
mod backend;
mod check;
mod nowhere;
mod unweighted;

use self::nowhere::Nowhere;
pub use self::unweighted::Unweighted;
use crate::kernel::{Baseline, Vectors};
use crate::sweep::Workspace;
use crate::values::{expect_len, mean_of_groups};
use crate::{
    ClassSums, Classes, Element, Error, Field, FieldMut, Input, Loss, Shape, Target, class_count,
};

/// Which voxels share their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Pooling {
    /// Each sample has its own sums; the loss is the mean over the samples.
    #[default]
    PerSample,
    /// The whole batch shares its sums, like one large sample. Other libraries call this
    /// `batch=True`.
    Batch,
}

/// A prediction with its target.
///
/// `P` and `T` say where to read them; nothing is copied or allocated. A prediction holds
/// probabilities, unless [`with_input`](Segmentation::with_input) declares logits. A single channel
/// is the foreground of two classes.
///
/// The evaluation has three steps, which can also run alone: the [sums](Segmentation::add_sums) over
/// the voxels, the [value](crate::mean) from the sums, and the [gradient](Segmentation::gradient)
/// from the sums. After the first step, the sums of other parts of the same batch can be
/// [merged](ClassSums::merge) in.
///
/// # Examples
///
/// One sample of two classes and three voxels, with the caller's buffer for the sums of each class:
///
/// ```
/// use unifocal_core::*;
///
/// let logits = Dense::channels_first(&[2.0_f32, 1.0, -1.0, -2.0, -1.0, 1.0], [1, 2, 3])?;
/// let labels = Labels::new(Dense::labels(&[0_u8, 0, 1], [1, 3])?);
/// let segmentation = Segmentation::new(logits, labels)?.with_input(Input::Softmax)?;
///
/// let loss = UnifiedFocal::asymmetric();
/// let classes = Classes::default();
/// let mut sums = [ClassSums::default(); 2];
/// let value = segmentation.value(&loss, &classes, &mut sums)?;
/// assert!(value > 0.0 && value < 0.2);
///
/// let mut gradient = [0.0_f32; 6];
/// let mut slopes = [[0.0; 4]; 2];
/// let out = &mut DenseMut::new(&mut gradient, [1, 2, 3], Layout::ChannelsFirst)?;
/// segmentation.gradient(&loss, &classes, &sums, &mut slopes, out)?;
/// assert!(gradient[2] > 0.0 && gradient[5] < 0.0); // the third voxel should lean further towards class 1
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Segmentation<P, T, W = Unweighted, V = Baseline> {
    pub(crate) prediction: P,
    pub(crate) target: T,
    pub(crate) weights: W,
    pub(crate) input: Input,
    pooling: Pooling,
    pub(crate) vectors: V,
}

/// Whether the gradient's memory holds numbers of [`forward`](Segmentation::forward).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It holds the numbers that [`forward`](Segmentation::forward) stored for the same loss,
    /// classes and prediction.
    ByForward,
    /// Its contents are unspecified.
    Nothing,
}

impl<P: Field<Item: Element>, T: Target> Segmentation<P, T> {
    /// Pairs probabilities with their target.
    ///
    /// # Errors
    ///
    /// The shapes do not match: different numbers of samples or voxels, or of channels for a
    /// one-hot or soft target; the prediction is empty.
    pub fn new(prediction: P, target: T) -> Result<Self, Error> {
        let shape = prediction.shape();
        shape.check("prediction")?;
        expect_shape("target", target.shape(), target.expected_shape(shape))?;
        Ok(Self {
            weights: Unweighted(shape.without_channels()),
            prediction,
            target,
            input: Input::Probabilities,
            pooling: Pooling::PerSample,
            vectors: Baseline,
        })
    }
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The shape of the prediction.
    pub fn shape(&self) -> Shape {
        self.prediction.shape()
    }

    /// The number of groups, each of which has its own sums: the samples, or one for the whole batch.
    pub fn groups(&self) -> usize {
        match self.pooling {
            Pooling::PerSample => self.prediction.shape().samples,
            Pooling::Batch => 1,
        }
    }

    /// The number of classes.
    #[inline(always)]
    pub fn class_count(&self) -> usize {
        class_count(self.prediction.shape().channels)
    }

    /// Sets how to interpret the values of the prediction: as probabilities by default.
    ///
    /// # Errors
    ///
    /// A softmax over a single channel.
    pub fn with_input(self, input: Input) -> Result<Self, Error> {
        if input == Input::Softmax && self.prediction.shape().channels == 1 {
            return Err(Error::SoftmaxOfOneClass);
        }
        Ok(Self { input, ..self })
    }

    /// Sets a weight per voxel, with the shape [N, spatial…]. A mask consists of weights 0 and 1.
    ///
    /// A voxel of weight 0 is ignored, whatever it holds, and does not count in the M that cross
    /// entropies are divided by.
    ///
    /// # Errors
    ///
    /// Weights with another number of samples or voxels, or with channels.
    pub fn with_voxel_weights<X: Field<Item: Element>>(
        self,
        weights: X,
    ) -> Result<Segmentation<P, T, X, V>, Error> {
        let expected = self.prediction.shape().without_channels();
        expect_shape("voxel weights", weights.shape(), expected)?;
        Ok(Segmentation {
            prediction: self.prediction,
            target: self.target,
            weights,
            input: self.input,
            pooling: self.pooling,
            vectors: self.vectors,
        })
    }

    /// Sets the vector instructions to use.
    pub fn with_vectors<X: Vectors>(self, vectors: X) -> Segmentation<P, T, W, X> {
        Segmentation {
            prediction: self.prediction,
            target: self.target,
            weights: self.weights,
            input: self.input,
            pooling: self.pooling,
            vectors,
        }
    }

    /// Sets which voxels share their sums.
    pub fn with_pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// The value of the loss. On return, `sums` (groups × classes) holds the sums.
    ///
    /// # Errors
    ///
    /// An invalid prediction, target, label or weight, with its position; invalid class options;
    /// `sums` of the wrong length.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn value<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<f64, Error> {
        sums.fill(ClassSums::default());
        self.add_sums(loss, classes, sums)?;
        mean_of_groups(loss, classes, self.class_count(), sums)
    }

    /// Adds the sums of a loss's terms to `sums`, group by group, and within a group class by class.
    ///
    /// # Errors
    ///
    /// As [`value`](Segmentation::value). The contents of `sums` are then unspecified.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn add_sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<(), Error> {
        let none = None::<&mut Nowhere<_>>;
        self.forward(loss, classes, sums, none, &mut Workspace::new())
    }

    /// The gradient of the loss with respect to the values of the prediction, from `sums` over this
    /// batch and everything that was merged into them.
    ///
    /// `slopes` is a buffer for the derivatives with respect to the sums, as long as `sums`. Voxels
    /// that do not count get the gradient 0. The result is finite: values beyond the range of the
    /// type become its largest number.
    ///
    /// The data are not checked again. Take the sums from this segmentation.
    ///
    /// # Errors
    ///
    /// Invalid class options; `sums`, `slopes` or `gradient` of the wrong size.
    pub fn gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &[ClassSums<f64, K>],
        slopes: &mut [[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        self.expect_len("class sums", sums.len())?;
        crate::slopes(loss, classes, self.class_count(), sums, slopes)?;
        self.gradient_by(loss, classes, slopes, gradient)
    }

    /// The gradient of Σ slope·sum with respect to the values of the prediction. This is the second
    /// half of [`gradient`](Segmentation::gradient), for [slopes](crate::slopes) that are shared by
    /// several parts, or scaled.
    ///
    /// # Errors
    ///
    /// `slopes` or `gradient` of the wrong size.
    pub fn gradient_by<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let mut workspace = Workspace::new();
        self.backward(
            loss,
            classes,
            slopes,
            gradient,
            Kept::Nothing,
            &mut workspace,
        )
    }

    /// Adds the sums, as [`add_sums`](Segmentation::add_sums) does. If `gradient` is given, stores
    /// numbers in it from which [`backward`](Segmentation::backward) computes the gradient without
    /// repeating the work.
    ///
    /// # Examples
    ///
    /// A loss and its gradient in two sweeps:
    ///
    /// ```
    /// use unifocal_core::*;
    ///
    /// let probabilities = Dense::channels_first(&[0.9_f32, 0.2, 0.1, 0.8], [1, 2, 2])?;
    /// let labels = Labels::new(Dense::labels(&[0_u8, 1], [1, 2])?);
    /// let segmentation = Segmentation::new(probabilities, labels)?;
    /// let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    ///
    /// let (mut sums, mut slopes) = ([ClassSums::default(); 2], [[0.0; 4]; 2]);
    /// let mut numbers = [0.0_f32; 4];
    /// let mut gradient = DenseMut::new(&mut numbers, [1, 2, 2], Layout::ChannelsFirst)?;
    /// let mut workspace = Workspace::new();
    /// segmentation.forward(&loss, &classes, &mut sums, Some(&mut gradient), &mut workspace)?;
    /// let value = mean(&loss, &classes, 2, &sums)?;
    /// unifocal_core::slopes(&loss, &classes, 2, &sums, &mut slopes)?;
    /// segmentation.backward(&loss, &classes, &slopes, &mut gradient, Kept::ByForward, &mut workspace)?;
    /// assert!(value > 0.0 && numbers[0] < 0.0 && numbers[1] > 0.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_sums`](Segmentation::add_sums); `gradient` of the wrong size. On error the contents
    /// of `sums` and `gradient` are unspecified.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn forward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: Option<&mut impl FieldMut<Item = <P::Item as Element>::Real>>,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check(self.class_count())?;
        self.expect_len("class sums", sums.len())?;
        if let Some(gradient) = &gradient {
            expect_shape("gradient", gradient.shape(), shape)?;
        }
        let scratch = workspace.scratch();
        for sample in 0..shape.samples {
            let sums = &mut sums[self.first_sum(sample)..];
            for chunk in self.chunks(sample) {
                let gradient = gradient.as_deref_mut();
                self.add_chunk(loss, classes, &chunk, scratch, sums, gradient)?;
            }
        }
        Ok(())
    }

    /// Writes the gradient, as [`gradient_by`](Segmentation::gradient_by) does. With
    /// [`Kept::ByForward`], starts from the numbers that [`forward`](Segmentation::forward) stored
    /// in `gradient`; see the example there.
    ///
    /// # Errors
    ///
    /// `slopes` or `gradient` of the wrong size.
    pub fn backward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
        kept: Kept,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check(self.class_count())?;
        self.expect_len("slopes", slopes.len())?;
        expect_shape("gradient", gradient.shape(), shape)?;
        let scratch = workspace.scratch();
        for sample in 0..shape.samples {
            let slopes = &slopes[self.first_sum(sample)..];
            for chunk in self.chunks(sample) {
                for part in self.parts_of(&chunk) {
                    if kept == Kept::Nothing {
                        self.keep_chunk(loss, classes, &part, scratch, gradient);
                    }
                    self.finish(loss, classes, slopes, &part, scratch, gradient);
                }
            }
        }
        Ok(())
    }

    /// The index of the first sum of a sample's group.
    fn first_sum(&self, sample: usize) -> usize {
        match self.pooling {
            Pooling::PerSample => sample * self.class_count(),
            Pooling::Batch => 0,
        }
    }

    fn expect_len(&self, what: &'static str, found: usize) -> Result<(), Error> {
        expect_len(what, found, self.groups() * self.class_count())
    }
}

fn expect_shape(what: &'static str, found: Shape, expected: Shape) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            what,
            found,
            expected,
        })
    }
}
