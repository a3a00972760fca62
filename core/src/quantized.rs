//! Quantised numbers, as a network on a small device outputs them.

use core::ops::Range;

use crate::expect::expect_len;
use crate::parameter::ParameterError;
use crate::stretch::COMPACT;
use crate::{Error, Field, Shape};

/// Quantised numbers, q, as the real numbers scale·(q − zero point) that they stand for.
///
/// q is an `i8`, `u8`, `i16` or `u16`. There is one scale and zero point for the tensor, or one for each
/// channel, as in TensorFlow Lite. Its 8-bit softmax has the scale 1/256 and the zero point −128, so
/// its largest probability is 255/256. Numbers are converted where they are read, without a copy.
///
/// # Examples
///
/// The output of a network with a softmax over two classes, [N, H, W, C]:
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Labels, Quantized, Segmentation, Tversky};
///
/// let output: [i8; 8] = [127, -128, 100, -100, -90, 90, -128, 127];
/// let output = Dense::channels_last(&output, [1, 2, 4])?;
/// let prediction = Quantized::new(output, 1.0 / 256.0, -128)?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0, 1, 1], [1, 4])?);
///
/// let (dice, mut buffers) = (Tversky::dice(), Buffers::with_len::<2>());
/// let segmentation = Segmentation::new(prediction, labels)?;
/// let value = segmentation.evaluate(&dice, &Classes::default(), &mut buffers)?.value();
/// assert!(value < 0.07);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quantized<F, S = f32, Z = i32> {
    field: F,
    scale: S,
    zero_point: Z,
}

impl<F: Field<Item: Into<i32>>> Quantized<F> {
    /// Reads numbers with one scale and zero point.
    ///
    /// # Errors
    ///
    /// A scale that is not a finite number above 0.
    #[inline(always)]
    pub fn new(field: F, scale: f32, zero_point: i32) -> Result<Self, Error> {
        check(scale)?;
        Ok(Self {
            field,
            scale,
            zero_point,
        })
    }
}

impl<'a, F: Field<Item: Into<i32>>> Quantized<F, &'a [f32], &'a [i32]> {
    /// Reads numbers with a scale and a zero point for each channel.
    ///
    /// # Errors
    ///
    /// Another number of scales or zero points than of channels; a scale that is not a finite number
    /// above 0.
    pub fn per_channel(field: F, scales: &'a [f32], zero_points: &'a [i32]) -> Result<Self, Error> {
        let channels = field.shape().channels;
        expect_len("scales", scales.len(), channels)?;
        expect_len("zero points", zero_points.len(), channels)?;
        scales.iter().try_for_each(|scale| check(*scale))?;
        Ok(Self {
            field,
            scale: scales,
            zero_point: zero_points,
        })
    }
}

impl<F: Field<Item: Into<i32>>, S: Each<f32>, Z: Each<i32>> Quantized<F, S, Z> {
    /// The number that q of a channel stands for.
    #[inline(always)]
    fn number(&self, channel: usize) -> impl Fn(F::Item) -> f32 + use<F, S, Z> {
        let (scale, zero_point) = (self.scale.of(channel), self.zero_point.of(channel));
        move |q| scale * q.into().wrapping_sub(zero_point) as f32
    }
}

/// One number for all channels, or one for each. A type for either spares a device the other.
pub trait Each<T>: Copy {
    /// The number of a channel.
    fn of(self, channel: usize) -> T;
}

impl Each<Self> for f32 {
    #[inline(always)]
    fn of(self, _: usize) -> Self {
        self
    }
}

impl Each<Self> for i32 {
    #[inline(always)]
    fn of(self, _: usize) -> Self {
        self
    }
}

impl<T: Copy> Each<T> for &[T] {
    #[inline(always)]
    fn of(self, channel: usize) -> T {
        self[channel]
    }
}

#[inline(always)]
fn check(scale: f32) -> Result<(), Error> {
    // In f32, since f64 is software on small devices.
    if scale > 0.0 && scale < f32::INFINITY {
        return Ok(());
    }
    Err(Error::Parameter(ParameterError {
        parameter: "scale",
        found: Some(scale.into()),
        expected: "a finite number above 0",
    }))
}

impl<F: Field<Item: Into<i32>>, S: Each<f32>, Z: Each<i32>> Field for Quantized<F, S, Z> {
    type Item = f32;

    #[inline(always)]
    fn shape(&self) -> Shape {
        self.field.shape()
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> f32 {
        self.number(channel)(self.field.get(sample, channel, voxel))
    }

    #[inline(always)]
    fn read<R>(
        &self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        to: &mut [R],
        convert: impl Fn(f32) -> R,
    ) {
        if COMPACT {
            // Without a copy of the loop for slices, which costs code.
            for (to, voxel) in to.iter_mut().zip(voxels) {
                *to = convert(self.get(sample, channel, voxel));
            }
            return;
        }
        let number = self.number(channel);
        let converted = |q| convert(number(q));
        self.field.read(sample, channel, voxels, to, converted);
    }
}
