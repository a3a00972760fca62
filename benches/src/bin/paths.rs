//! Runs one path of the evaluation, for a simulator to count its instructions. `paths NAME` runs it once over [`VOXELS`] voxels;
//! `paths` lists the names.

use ndarray::Ix3;
use rayon::ThreadPoolBuilder;
use std::hint::black_box;
use unifocal_benches::{Phantom, Target};
use unifocal_ndarray::core::{Focal, Input, Tversky, UnifiedFocal, formula::Loss};
use unifocal_ndarray::{Error, Evaluation, LabelArray, Simd};

const VOXELS: usize = 1 << 16;

const NAMES: [&str; 7] = [
    "dice-value",
    "unified-value",
    "unified-gradient",
    "unified-gradient-random-labels",
    "unified-gradient-softmax",
    "unified-gradient-baseline",
    "dice-cross-entropy-14-gradient-softmax",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(name) = std::env::args().nth(1) else {
        for name in NAMES {
            println!("{name} {VOXELS}");
        }
        return Ok(());
    };
    // One thread, so that the simulator counts all of the work.
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    let target = if name.contains("random") {
        Target::Random
    } else {
        Target::Lesions
    };
    let (phantom, input) = if name.contains("-14-") {
        (Phantom::organs(1, &[256; 2], 14), Input::Softmax)
    } else if name.contains("softmax") {
        (Phantom::logits(1, VOXELS, 256, target), Input::Softmax)
    } else {
        let phantom = Phantom::probabilities(1, VOXELS, 256, target);
        (phantom, Input::Probabilities)
    };
    let simd = if name.contains("baseline") {
        Simd::Baseline
    } else {
        Simd::best()
    };
    let (prediction, labels) = (phantom.prediction.view(), phantom.labels.view());
    let gradient = name.contains("gradient");
    let evaluation = Evaluation::labels(prediction, labels)
        .with_input(input)
        .with_simd(simd);
    pool.install(|| {
        if name.starts_with("dice-cross-entropy") {
            let loss = UnifiedFocal::sum(Tversky::dice(), Focal::cross_entropy());
            measured(&evaluation, &loss, gradient)
        } else if name.starts_with("dice") {
            measured(&evaluation, &Tversky::dice(), gradient)
        } else {
            measured(&evaluation, &UnifiedFocal::asymmetric(), gradient)
        }
    })?;
    Ok(())
}

/// The function whose instructions are counted.
#[inline(never)]
fn measured<const K: usize>(
    evaluation: &Evaluation<'_, f32, Ix3, LabelArray<'_, u8>>,
    loss: &impl Loss<K>,
    gradient: bool,
) -> Result<(), Error> {
    if gradient {
        black_box(evaluation.value_and_gradient(loss)?);
    } else {
        black_box(evaluation.value(loss)?);
    }
    Ok(())
}
