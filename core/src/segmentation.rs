//! A prediction and its target in memory.

#[cfg(feature = "alloc")]
mod backend;
mod check;
mod evaluate;
mod nowhere;
mod sweeps;
mod unweighted;

pub use self::sweeps::Kept;
pub use self::unweighted::Unweighted;
use crate::expect::{expect_len, expect_shape, expect_voxels};
use crate::kernel::{Baseline, Vectors};
use crate::{Annotated, Element, Error, Field, Input, Shape, Target, check_annotated, class_count};

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
/// [`evaluate`](Segmentation::evaluate) gives the value, the scores of the classes and the gradient.
/// Its steps can also run alone: the [sums](Segmentation::add_sums) over the voxels, the
/// [value](crate::mean) and the [slopes](crate::slopes) from the sums, and the
/// [gradient](Segmentation::gradient_by) from the slopes.
///
/// # Examples
///
/// One sample of two classes and three voxels:
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, DenseMut, Input, Labels, Layout, Segmentation, UnifiedFocal};
///
/// let logits = Dense::channels_first(&[2.0_f32, 1.0, -1.0, -2.0, -1.0, 1.0], [1, 2, 3])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0, 1], [1, 3])?);
/// let segmentation = Segmentation::new(logits, labels)?.with_input(Input::Softmax)?;
///
/// let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
/// let mut buffers = Buffers::with_len::<2>(); // one entry per class
/// let mut evaluated = segmentation.evaluate(&loss, &classes, &mut buffers)?;
/// assert!(evaluated.value() > 0.0 && evaluated.value() < 0.2);
///
/// let mut gradient = [0.0_f32; 6];
/// evaluated.gradient_into(&mut DenseMut::new(&mut gradient, [1, 2, 3], Layout::ChannelsFirst)?)?;
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
    /// How many samples in a row are regions of the same sample.
    pub(crate) regions: usize,
    pub(crate) vectors: V,
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
        expect_voxels("prediction", shape)?;
        expect_shape("target", target.shape(), target.expected_shape(shape))?;
        Ok(Self {
            weights: Unweighted(shape.without_channels()),
            prediction,
            target,
            input: Input::Probabilities,
            pooling: Pooling::PerSample,
            regions: 1,
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

    /// The number of groups, each of which has its own sums: the samples, or for the whole batch one
    /// per region.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn groups(&self) -> usize {
        match self.pooling {
            Pooling::PerSample => self.prediction.shape().samples,
            Pooling::Batch => self.regions,
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
    /// A softmax over a single channel; a sigmoid for each class beside classes that are not
    /// [annotated](Segmentation::with_annotated).
    pub fn with_input(self, input: Input) -> Result<Self, Error> {
        let Shape {
            samples, channels, ..
        } = self.prediction.shape();
        if input == Input::Softmax && channels == 1 {
            return Err(Error::SoftmaxOfOneClass);
        }
        let mut samples = 0..samples;
        if input == Input::Sigmoid && samples.any(|n| self.target.annotated(n).is_some()) {
            return Err(Error::AnnotatedSigmoid);
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
            regions: self.regions,
            vectors: self.vectors,
        })
    }

    /// Sets which classes are annotated in each sample, [N, C]: an entry per channel of the prediction,
    /// sample by sample. `None` if all are.
    ///
    /// A class that is not annotated does not exist in that sample: it is left out of the mean over the
    /// classes and of the sum over them. Classes that exclude each other are then part of class 0: p
    /// and y of class 0 are p and y of any of them (marginal loss, Shi et al. 2021, arXiv 2007.03868),
    /// and they share its gradient. Where channels are [regions](Segmentation::with_regions), the
    /// channel of the sample is ignored, whatever it and its target hold.
    ///
    /// # Examples
    ///
    /// The spleen, class 2, is not annotated in this sample, so its voxel is labelled as background:
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, DenseMut, Error, Focal, Labels, Layout, Segmentation};
    ///
    /// let prediction = Dense::channels_first(&[0.3, 0.1, 0.1, 0.8, 0.6, 0.1], [1, 3, 2])?;
    /// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?);
    /// let segmentation = Segmentation::new(prediction, labels)?.with_annotated(&[true, true, false][..])?;
    ///
    /// let (loss, classes, mut buffers) = (Focal::cross_entropy(), Classes::default(), Buffers::with_len::<3>());
    /// let mut evaluated = segmentation.evaluate(&loss, &classes, &mut buffers)?;
    /// let expected = -(f64::ln(0.3 + 0.6) + f64::ln(0.8)) / 2.0;
    /// assert!((evaluated.value() - expected).abs() < 1e-6);
    ///
    /// let mut gradient = [0.0; 6];
    /// evaluated.gradient_into(&mut DenseMut::new(&mut gradient, [1, 3, 2], Layout::ChannelsFirst)?)?;
    /// assert_eq!(gradient[0], gradient[4]); // of background and spleen at the first voxel
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A mask of another length; of several channels, class 0 not annotated in a sample, or a sigmoid
    /// for each.
    pub fn with_annotated<'a>(
        self,
        mask: impl Into<Option<&'a [bool]>>,
    ) -> Result<Segmentation<P, Annotated<'a, T>, W, V>, Error> {
        let (mask, shape) = (mask.into(), self.prediction.shape());
        if let Some(mask) = mask {
            check_annotated(mask, shape, self.input)?;
        }
        Ok(Segmentation {
            prediction: self.prediction,
            target: Annotated::new(self.target, mask, shape.channels),
            weights: self.weights,
            input: self.input,
            pooling: self.pooling,
            regions: self.regions,
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
            regions: self.regions,
            vectors,
        }
    }

    /// Sets which voxels share their sums.
    pub fn with_pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// Declares that each `regions` samples in a row are the [regions](crate::Regions) of one sample,
    /// whose channels were made [samples](crate::data::Channels). With [`Pooling::Batch`], each
    /// region then has its own sums.
    ///
    /// # Errors
    ///
    /// The number of samples is not a multiple of `regions`.
    pub fn with_regions(self, regions: usize) -> Result<Self, Error> {
        let found = self.prediction.shape().samples;
        let regions = regions.max(1);
        let expected = (found / regions).max(1) * regions;
        expect_len("samples, regions of each sample included", found, expected)?;
        Ok(Self { regions, ..self })
    }
}
