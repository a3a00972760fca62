//! Quantised numbers, as a network on a small device outputs them.

use core::ops::Range as Voxels;

use crate::expect::expect_len;
use crate::parameter::Range;
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
pub struct Quantized<'a, F> {
    field: F,
    meaning: Meaning<'a>,
}

/// Scale and zero point.
#[derive(Clone, Copy, Debug)]
enum Meaning<'a> {
    PerTensor(f32, i32),
    PerChannel(&'a [f32], &'a [i32]),
}

impl<F: Field<Item: Into<i32>>> Quantized<'static, F> {
    /// Reads numbers with one scale and zero point.
    ///
    /// # Errors
    ///
    /// A scale that is not a finite number above 0.
    pub fn new(field: F, scale: f32, zero_point: i32) -> Result<Self, Error> {
        check(scale)?;
        let meaning = Meaning::PerTensor(scale, zero_point);
        Ok(Self { field, meaning })
    }
}

impl<'a, F: Field<Item: Into<i32>>> Quantized<'a, F> {
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
        let meaning = Meaning::PerChannel(scales, zero_points);
        Ok(Self { field, meaning })
    }

    /// The number that q of a channel stands for.
    #[inline(always)]
    fn number(&self, channel: usize) -> impl Fn(F::Item) -> f32 + use<F> {
        let (scale, zero_point) = match self.meaning {
            Meaning::PerTensor(scale, zero_point) => (scale, zero_point),
            Meaning::PerChannel(scales, zero_points) => (scales[channel], zero_points[channel]),
        };
        move |q| scale * q.into().wrapping_sub(zero_point) as f32
    }
}

fn check(scale: f32) -> Result<(), Error> {
    Range::SCALE.check("scale", scale.into())?;
    Ok(())
}

impl<F: Field<Item: Into<i32>>> Field for Quantized<'_, F> {
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
        voxels: Voxels<usize>,
        to: &mut [R],
        convert: impl Fn(f32) -> R,
    ) {
        let number = self.number(channel);
        let converted = |q| convert(number(q));
        self.field.read(sample, channel, voxels, to, converted);
    }
}
