//! The checks of values, one voxel at a time: where vectors have found that something is wrong.

use super::Segmentation;
use crate::kernel::Vectors;
use crate::limits::{LARGEST_WEIGHT, ROUNDING};
use crate::{Element, Error, Field, Float, Input, Position, Target, Valid};

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The weight of a voxel, 0 if it does not count.
    #[inline(always)]
    pub(crate) fn weight(&self, sample: usize, voxel: usize) -> Result<f64, Error> {
        let found = self.weights.get(sample, 0, voxel).real().to_f64();
        if found == 0.0 || !self.target.check(sample, voxel, self.class_count())? {
            return Ok(0.0);
        }
        if found > 0.0 && found <= LARGEST_WEIGHT {
            return Ok(found);
        }
        Err(Error::Value {
            expected: Valid::VoxelWeight,
            found,
            at: Position {
                sample,
                channel: 0,
                voxel,
            },
        })
    }

    /// Whether a number of the prediction is valid.
    #[inline(always)]
    pub(crate) fn is_valid(&self, found: f64) -> bool {
        match self.input {
            Input::Probabilities => (-ROUNDING..=1.0 + ROUNDING).contains(&found),
            Input::Softmax | Input::Sigmoid => found.is_finite(),
        }
    }

    /// Checks the prediction at a voxel.
    #[inline(always)]
    pub(crate) fn check_prediction(&self, sample: usize, voxel: usize) -> Result<(), Error> {
        for channel in 0..self.prediction.shape().channels {
            let found = self.prediction.get(sample, channel, voxel).real().to_f64();
            if !self.is_valid(found) {
                return Err(Error::Value {
                    expected: match self.input {
                        Input::Probabilities => Valid::Probability,
                        Input::Softmax | Input::Sigmoid => Valid::Logit,
                    },
                    found,
                    at: Position {
                        sample,
                        channel,
                        voxel,
                    },
                });
            }
        }
        Ok(())
    }
}
