//! Evaluates a case by the core.

use unifocal_core::{
    AnyLoss, Dense, DenseMut, Error, Labels, Layout, Segmentation, Soft,
    data::{Element, Field, Shape},
    engine::BuffersMut,
    formula::{ClassSums, Float},
};

use crate::case::{Case, IGNORED, Target};
use crate::either::{AnyTarget, Weights};

/// The result of evaluating a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub value: f64,
    /// [N, C, voxels].
    pub gradient: Vec<f64>,
    pub sums: Vec<ClassSums<f64, 4>>,
}

impl Case {
    /// Evaluates the value, the sums and the gradient in f64.
    pub fn evaluate(&self, loss: &AnyLoss) -> core::result::Result<Outcome, Error> {
        self.evaluate_in(loss, |x| x)
    }

    /// Evaluates in f32.
    pub fn evaluate_narrow(&self, loss: &AnyLoss) -> core::result::Result<Outcome, Error> {
        self.evaluate_in(loss, |x| x as f32)
    }

    fn evaluate_in<T: Element<Real = T> + Float>(
        &self,
        loss: &AnyLoss,
        narrow: fn(f64) -> T,
    ) -> core::result::Result<Outcome, Error> {
        let Shape {
            samples, voxels, ..
        } = self.shape;
        let prediction: Vec<T> = self.laid_out(&self.prediction, narrow);
        let soft: Vec<T> = match &self.target {
            Target::Labels(_) => Vec::new(),
            Target::Soft(soft) => self.laid_out(soft, narrow),
        };
        let target = match &self.target {
            Target::Labels(labels) => AnyTarget::Labels(
                Labels::new(Dense::per_voxel(labels, [samples, voxels])?)
                    .with_ignore_label(i64::from(IGNORED)),
            ),
            Target::Soft(_) => AnyTarget::Soft(Soft(Dense::new(&soft, self.shape, self.layout)?)),
        };
        let weights = match &self.weights {
            None => Weights::One(self.shape.without_channels()),
            Some(weights) => Weights::PerVoxel(Dense::per_voxel(weights, [samples, voxels])?),
        };
        let segmentation =
            Segmentation::new(Dense::new(&prediction, self.shape, self.layout)?, target)?
                .with_input(self.settings.input)?
                .with_voxel_weights(weights)?
                .with_pooling(self.settings.pooling);
        let classes = self.settings.classes();
        let len = segmentation.buffers_len();
        let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 4]; len]);
        let buffers = BuffersMut::new(&mut sums, &mut slopes);
        let mut evaluated = segmentation.evaluate(loss, &classes, buffers)?;
        let mut written = vec![T::default(); prediction.len()];
        let mut out = DenseMut::new(&mut written, self.shape, self.layout)?;
        evaluated.gradient_into(&mut out)?;
        let value = evaluated.value();
        let written = Dense::new(&written, self.shape, self.layout)?;
        let mut gradient = Vec::with_capacity(self.prediction.len());
        self.for_each(|sample, channel, voxel| {
            gradient.push(written.get(sample, channel, voxel).to_f64());
        });
        Ok(Outcome {
            value,
            gradient,
            sums,
        })
    }

    /// Rearranges numbers [N, C, voxels] to the layout of the case.
    fn laid_out<T: Float>(&self, numbers: &[f64], narrow: fn(f64) -> T) -> Vec<T> {
        let Shape {
            channels, voxels, ..
        } = self.shape;
        let mut out: Vec<T> = numbers.iter().map(|x| narrow(*x)).collect();
        if self.layout == Layout::ChannelsLast {
            self.for_each(|sample, channel, voxel| {
                out[(sample * voxels + voxel) * channels + channel] =
                    narrow(numbers[self.at(sample, channel, voxel)]);
            });
        }
        out
    }
}
