//! Our side of the comparison with other implementations: reads the name of a measurement from each line of the standard input, runs
//! it once, and answers with a line of JSON, the milliseconds of value and gradient and those of the limit.
//!
//! `ours [THREADS]`; without a number, the processor's own number of threads.

use ndarray::Array3;
use rayon::ThreadPoolBuilder;
use serde_json::json;
use std::io::{BufRead, stdin};
use unifocal_benches::{Phantom, Target, limit, shortest};
use unifocal_ndarray::core::{Activation, Focal, Loss, Tversky, UnifiedFocal};
use unifocal_ndarray::{Evaluation, Simd};

/// [4, 2, 512, 512], as PyTorch would say it.
const IMAGES: (usize, usize, usize) = (4, 512 * 512, 512);

/// [1, 2, 128, 128, 128].
const VOLUME: (usize, usize, usize) = (1, 128 * 128 * 128, 128);

/// [1, 2, 512, 512, 512]: a prediction of 1 GiB in one sample, whose sums are known only after all of it was read.
const GIBIBYTE: (usize, usize, usize) = (1, 512 * 512 * 512, 512);

/// [128, 2, 1024, 1024]: a prediction of 1 GiB in many samples.
const GIBIBYTE_OF_SLICES: (usize, usize, usize) = (128, 1024 * 1024, 1024);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(0), |n| n.parse())?;
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;

    let mut names = stdin().lock().lines().peekable();
    while let Some(name) = names.next().transpose()? {
        let (kind, size) = name.split_once('_').ok_or("a name is LOSS_SIZE")?;
        let (samples, voxels, width) = match size {
            "2d" => IMAGES,
            "3d" => VOLUME,
            "1gib" => GIBIBYTE,
            "1gib-slices" => GIBIBYTE_OF_SLICES,
            _ => return Err(format!("no size is called {size}").into()),
        };
        // As often as it is asked for, one after the other.
        let mut again = || {
            let same = names.next_if(|next| next.as_ref().is_ok_and(|next| *next == name));
            same.is_some()
        };
        match kind {
            "unified" => measure(
                &Phantom::probabilities(samples, voxels, width, Target::Lesions),
                Activation::Identity,
                &UnifiedFocal::asymmetric(),
                &mut again,
            ),
            "dicefocal" => measure(
                &Phantom::logits(samples, voxels, width, Target::Lesions),
                Activation::Softmax,
                &UnifiedFocal::sum(Tversky::dice(), Focal::new()),
                &mut again,
            ),
            _ => return Err(format!("no loss is called {kind}").into()),
        }
    }
    Ok(())
}

/// Measures once, and then as long as it is wanted `again`.
fn measure<const K: usize>(
    phantom: &Phantom,
    activation: Activation,
    loss: &impl Loss<K>,
    again: &mut dyn FnMut() -> bool,
) {
    let Phantom { prediction, labels } = phantom;
    let mut gradient = Array3::zeros(prediction.raw_dim());
    let evaluation = Evaluation::labels(prediction.view(), labels.view()).activation(activation);
    loop {
        // What others have done in between is in the caches: the first run of each is not timed.
        let [ours, limit] = [false, true].map(|is_limit| {
            let mut run = || {
                if is_limit {
                    return limit(prediction.view(), gradient.view_mut());
                }
                let value = evaluation.gradient_into(loss, gradient.view_mut());
                value.expect("a phantom without errors");
            };
            run();
            shortest(1, run).as_secs_f64() * 1e3
        });
        let simd = format!("{:?}", Simd::best());
        println!("{}", json!({ "ours": ours, "limit": limit, "simd": simd }));
        if !again() {
            return;
        }
    }
}
