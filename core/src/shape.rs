//! The sizes of a tensor: samples, channels and voxels.

use core::fmt;

/// The numbers of samples, channels and voxels of a tensor. All spatial axes count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// N, the number of samples.
    pub samples: usize,
    /// C, the length of the class axis; 1 for tensors without one.
    pub channels: usize,
    /// M, the number of voxels per sample.
    pub voxels: usize,
}

impl Shape {
    /// The number of values, or `None` if it overflows.
    pub fn checked_len(&self) -> Option<usize> {
        self.samples
            .checked_mul(self.channels)?
            .checked_mul(self.voxels)
    }

    /// The same shape with one channel, as labels and voxel weights have.
    pub fn without_channels(self) -> Self {
        Self {
            channels: 1,
            ..self
        }
    }
}

impl From<[usize; 3]> for Shape {
    fn from([samples, channels, voxels]: [usize; 3]) -> Self {
        Self {
            samples,
            channels,
            voxels,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            samples,
            channels,
            voxels,
        } = self;
        write!(f, "[{samples}, {channels}, {voxels}]")
    }
}
