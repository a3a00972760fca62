//! Trains a small U-Net on generated images whose lesions cover 1 % of the pixels, with any loss of the family.
//!
//! ```text
//! cargo run --release -p unifocal-burn --features train --example train -- --loss asymmetric-unified-focal --seeds 0,1,2
//! ```
//!
//! The last line is the result as JSON: the Dice score on held-out phantoms, per seed and on average.

#[path = "train/images.rs"]
mod images;
#[path = "train/model.rs"]
mod model;
#[path = "train/phantoms.rs"]
mod phantoms;
#[path = "train/training.rs"]
mod training;

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;
use unifocal_burn::burn::tensor::Device;

use crate::phantoms::Difficulty;
use crate::training::Run;

/// Train a small U-Net on generated phantoms.
#[derive(Debug, Parser)]
struct Arguments {
    /// Name of the loss
    #[arg(long, default_value = "asymmetric-unified-focal")]
    loss: String,
    /// Number of epochs
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// Number of training images
    #[arg(long, default_value_t = 192)]
    images: usize,
    /// Seeds; one run for each
    #[arg(long, value_delimiter = ',', default_value = "0")]
    seeds: Vec<u64>,
    /// Standard deviation of the noise
    #[arg(long, default_value_t = 0.2)]
    noise: f32,
    /// Brightness of lesions above their surroundings
    #[arg(long, default_value_t = 1.0)]
    contrast: f32,
    /// Device to compute on
    #[arg(long, value_enum, default_value_t = Place::Cpu)]
    device: Place,
    /// Folder for checkpoints and logs
    #[arg(long, default_value = "target/train")]
    folder: PathBuf,
}

/// A device, as far as the features provide it.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Place {
    /// Burn's CPU backend
    Cpu,
    /// The first GPU that wgpu finds
    #[cfg(feature = "wgpu")]
    Wgpu,
    /// The first CUDA GPU
    #[cfg(feature = "cuda")]
    Cuda,
}

impl Place {
    fn device(self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Device::wgpu(unifocal_burn::burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(0_usize),
        }
    }
}

/// The JSON result on the last line.
#[derive(Serialize)]
struct Outcome<'a> {
    loss: &'a str,
    epochs: usize,
    seeds: &'a [u64],
    dice: &'a [f64],
    mean: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let device = arguments.device.device();
    let mut dice = Vec::new();
    for seed in &arguments.seeds {
        let run = Run {
            loss: arguments.loss.clone(),
            epochs: arguments.epochs,
            images: arguments.images,
            seed: *seed,
            difficulty: Difficulty {
                size: 64,
                noise: arguments.noise,
                contrast: arguments.contrast,
                share: 0.01,
            },
        };
        let folder = arguments.folder.join(&run.loss).join(seed.to_string());
        dice.push(training::train(&run, &folder, &device)?);
    }
    let outcome = Outcome {
        loss: &arguments.loss,
        epochs: arguments.epochs,
        seeds: &arguments.seeds,
        dice: &dice,
        mean: dice.iter().sum::<f64>() / dice.len().max(1) as f64,
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
