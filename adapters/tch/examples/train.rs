//! Trains a small U-Net with the asymmetric Unified Focal loss on generated images whose faint lesions cover 2 % of the pixels.
//!
//! `cargo run --manifest-path adapters/tch/Cargo.toml --example train [-- --device cuda] [--steps N]`

use std::error::Error;

use tch::nn::{self, Module, OptimizerConfig};
use tch::{Cuda, Device, Kind, Tensor};
use unifocal_tch::SegmentationLoss;
use unifocal_tch::core::{Input, Pooling, Tversky, UnifiedFocal};

const SIZE: i64 = 64;
const BATCH: i64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let (device, steps) = arguments()?;
    // The images are too small for several threads to help.
    tch::set_num_threads(1);
    tch::manual_seed(1);
    let variables = nn::VarStore::new(device);
    let net = UNet::new(&variables.root());
    let mut optimizer = nn::Adam::default().build(&variables, 5e-3)?;

    let criterion = SegmentationLoss::new(UnifiedFocal::asymmetric()).with_input(Input::Softmax);
    // The reported score: Dice of the lesions over the batch.
    let dice = SegmentationLoss::new(Tversky::dice())
        .with_input(Input::Softmax)
        .with_pooling(Pooling::Batch);
    let (held_out, target) = phantoms(2 * BATCH, device);
    let evaluate = || -> Result<[f64; 2], Box<dyn Error>> {
        let logits = tch::no_grad(|| net.forward(&held_out));
        let loss = criterion.forward(&logits, &target)?;
        let scores = dice.per_class(&logits, &target)?;
        Ok([loss.double_value(&[]), 1.0 - scores.double_value(&[0, 1])])
    };

    println!("step  loss (held out)  Dice score of the lesions (held out)");
    let before = evaluate()?;
    println!("{:4}  {:15.4}  {:.4}", 0, before[0], before[1]);
    for step in 1..=steps {
        let (images, labels) = phantoms(BATCH, device);
        let loss = criterion.forward(&net.forward(&images), &labels)?;
        optimizer.backward_step(&loss);
        if step % 10 == 0 {
            let [loss, score] = evaluate()?;
            println!("{step:4}  {loss:15.4}  {score:.4}");
        }
    }
    let after = evaluate()?;
    if after[0] > 0.5 * before[0] || after[1] < 0.7 {
        return Err(format!(
            "training failed: loss and Dice score went from {before:?} to {after:?}"
        )
        .into());
    }
    Ok(())
}

/// The device and the number of steps.
fn arguments() -> Result<(Device, usize), Box<dyn Error>> {
    let usage = "usage: train [--device cpu|cuda] [--steps N]";
    let (mut device, mut steps) = (Device::Cpu, 60);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next().as_deref()) {
            ("--device", Some("cpu")) => device = Device::Cpu,
            ("--device", Some("cuda")) if Cuda::is_available() => device = Device::Cuda(0),
            ("--device", Some("cuda")) => {
                return Err("libtorch finds no CUDA device, use --device cpu".into());
            }
            ("--steps", Some(number)) => steps = number.parse().map_err(|_| usage)?,
            _ => return Err(usage.into()),
        }
    }
    Ok((device, steps))
}

/// Two levels down and two up, with a skip connection at each level.
#[derive(Debug)]
struct UNet {
    down: [nn::Sequential; 3],
    up: [nn::Sequential; 2],
    head: nn::Conv2D,
}

impl UNet {
    fn new(path: &nn::Path<'_>) -> Self {
        let block = |name: &str, from, to| {
            let path = path / name;
            let same = nn::ConvConfig {
                padding: 1,
                ..Default::default()
            };
            nn::seq()
                .add(nn::conv2d(&path / "first", from, to, 3, same))
                .add_fn(Tensor::relu)
                .add(nn::conv2d(&path / "second", to, to, 3, same))
                .add_fn(Tensor::relu)
        };
        Self {
            down: [
                block("down0", 1, 8),
                block("down1", 8, 16),
                block("down2", 16, 32),
            ],
            up: [block("up1", 48, 16), block("up0", 24, 8)],
            head: nn::conv2d(path / "head", 8, 2, 1, Default::default()),
        }
    }
}

impl Module for UNet {
    fn forward(&self, images: &Tensor) -> Tensor {
        let fine = self.down[0].forward(images);
        let middle = self.down[1].forward(&fine.max_pool2d_default(2));
        let coarse = self.down[2].forward(&middle.max_pool2d_default(2));
        let wider = |of: &Tensor, like: &Tensor| {
            let [.., height, width] = like.size()[..] else {
                unreachable!("an image has two axes")
            };
            of.upsample_nearest2d([height, width], None, None)
        };
        let up = self.up[0].forward(&Tensor::cat(&[wider(&coarse, &middle), middle], 1));
        let up = self.up[1].forward(&Tensor::cat(&[wider(&up, &fine), fine], 1));
        self.head.forward(&up)
    }
}

/// Noisy images [N, 1, H, W] of an ellipse and two brighter discs, and labels [N, H, W] of the discs.
fn phantoms(count: i64, device: Device) -> (Tensor, Tensor) {
    let on = (Kind::Float, device);
    let at = Tensor::arange(SIZE, on);
    let random = |low: f64, high: f64| Tensor::rand([count, 1, 1], on) * (high - low) + low;
    let ellipse = |height: &Tensor, width: &Tensor| {
        let margin = 10.0;
        let [y, x] = [(); 2].map(|()| random(margin, SIZE as f64 - margin));
        let rows = ((at.view([1, -1, 1]) - y) / height).square();
        let columns = ((at.view([1, 1, -1]) - x) / width).square();
        (rows + columns).lt(1.0)
    };
    let organ = ellipse(&random(15.0, 25.0), &random(15.0, 25.0));
    let [first, second] = [(); 2].map(|()| random(2.5, 5.5));
    let lesions = ellipse(&first, &first).logical_or(&ellipse(&second, &second));
    let noise = Tensor::randn([count, SIZE, SIZE], on) * 0.15;
    let images = organ.to_kind(Kind::Float) * 0.5 + lesions.to_kind(Kind::Float) * 0.8 + noise;
    (images.unsqueeze(1), lesions.to_kind(Kind::Int64))
}
