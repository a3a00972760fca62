//! A small U-Net: two levels down, two up.

use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::nn::conv::{Conv2d, Conv2dConfig};
use unifocal_burn::burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use unifocal_burn::burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use unifocal_burn::burn::nn::{InstanceNorm, InstanceNormConfig, PaddingConfig2d};
use unifocal_burn::burn::tensor::activation::relu;
use unifocal_burn::burn::tensor::{Device, Tensor};

/// Two 3 × 3 convolutions, each followed by an instance normalization and a ReLU, as in nnU-Net.
#[derive(Module, Debug)]
struct Block {
    convs: [Conv2d; 2],
    norms: [InstanceNorm; 2],
}

impl Block {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let conv = |from| {
            Conv2dConfig::new([from, to], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device)
        };
        Self {
            convs: [conv(from), conv(to)],
            norms: [0, 1].map(|_| InstanceNormConfig::new(to).init(device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let layers = self.convs.iter().zip(&self.norms);
        layers.fold(x, |x, (conv, norm)| relu(norm.forward(conv.forward(x))))
    }
}

/// A small U-Net (Ronneberger et al. 2015, arXiv 1505.04597).
#[derive(Module, Debug)]
pub(crate) struct UNet {
    down: [Block; 2],
    bottom: Block,
    up: [Block; 2],
    head: Conv2d,
    pool: MaxPool2d,
    double: Interpolate2d,
}

impl UNet {
    /// `channels` is the number of channels at full resolution.
    pub(crate) fn new(channels: usize, classes: usize, device: &Device) -> Self {
        let block = |from, to| Block::new(from, to, device);
        Self {
            down: [block(1, channels), block(channels, 2 * channels)],
            bottom: block(2 * channels, 4 * channels),
            up: [
                block(6 * channels, 2 * channels),
                block(3 * channels, channels),
            ],
            head: Conv2dConfig::new([channels, classes], [1, 1]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            double: Interpolate2dConfig::new()
                .with_scale_factor(Some([2.0, 2.0]))
                .with_mode(InterpolateMode::Nearest)
                .init(),
        }
    }

    /// Logits [N, C, H, W] of images [N, 1, H, W]; height and width are multiples of 4.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let full = self.down[0].forward(images);
        let half = self.down[1].forward(self.pool.forward(full.clone()));
        let bottom = self.bottom.forward(self.pool.forward(half.clone()));
        let up = |x, skip, block: &Block| {
            block.forward(Tensor::cat(vec![self.double.forward(x), skip], 1))
        };
        let half = up(bottom, half, &self.up[0]);
        let full = up(half, full, &self.up[1]);
        self.head.forward(full)
    }
}
