//! Segmentation in [`burn::train`]: the output of a step, and metrics that are exact over an epoch.
//!
//! | metric | of |
//! |---|---|
//! | [`OverlapMetric`] | Dice, IoU, precision or recall of the hard segmentation: the mean over the classes, or one class |
//! | [`SegmentationLossMetric`] | any loss of the family: its value, or the score of one class |
//!
//! Both add up sums over the voxels, not the values of batches, as [`Scores`](crate::core::Scores) does. So the value of an epoch is that
//! of all its voxels at once, whatever the sizes of the batches and the voxels that they ignore. `burn-train` logs it as the final value
//! of the epoch. Of several devices, it passes all outputs to the same metrics.
//!
//! `burn-train`'s `Evaluator` asks no metric for a final value: it averages those of the batches, weighted by the samples that count. Per
//! sample, that is the mean over all samples; with [`Pooling::Batch`](crate::Pooling::Batch) and for classes that do not count
//! everywhere, use [`Scores`](crate::core::Scores) for a test set.
//!
//! # Example
//!
//! ```
//! use unifocal_burn::burn::module::Module;
//! use unifocal_burn::burn::nn::conv::Conv2d;
//! use unifocal_burn::burn::tensor::{Int, Tensor};
//! use unifocal_burn::burn::train::{InferenceStep, TrainOutput, TrainStep};
//! use unifocal_burn::{SegmentationLoss, train::SegmentationOutput};
//!
//! #[derive(Module, Debug)]
//! struct Segmenter {
//!     network: Conv2d,
//!     loss: SegmentationLoss,
//! }
//!
//! impl TrainStep for Segmenter {
//!     type Input = (Tensor<4>, Tensor<3, Int>);
//!     type Output = SegmentationOutput;
//!
//!     fn step(&self, (images, labels): Self::Input) -> TrainOutput<SegmentationOutput> {
//!         let output = SegmentationOutput::new(&self.loss, self.network.forward(images), labels);
//!         TrainOutput::new(self, output.loss.backward(), output)
//!     }
//! }
//!
//! impl InferenceStep for Segmenter {
//!     type Input = (Tensor<4>, Tensor<3, Int>);
//!     type Output = SegmentationOutput;
//!
//!     fn step(&self, (images, labels): Self::Input) -> SegmentationOutput {
//!         SegmentationOutput::new(&self.loss, self.network.forward(images), labels)
//!     }
//! }
//! ```
//!
//! The training then has, for example, `.metric_train_numeric(SegmentationLossMetric::new(&loss))` and
//! `.metric_valid_numeric(OverlapMetric::dice().with_class(1))`.

mod epoch;
mod loss;
mod output;
mod overlap;

pub use loss::SegmentationLossMetric;
pub use output::{SegmentationInput, SegmentationOutput};
pub use overlap::OverlapMetric;
