//! Times value and gradient of samples of 2¹² to 2²⁸ voxels, with one thread and with two: milliseconds, and nanoseconds per voxel.

use ndarray::Array3;
use rayon::ThreadPoolBuilder;
use unifocal_benches::{Phantom, Target, shortest};
use unifocal_ndarray::Evaluation;
use unifocal_ndarray::core::UnifiedFocal;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let loss = UnifiedFocal::asymmetric();
    println!("| voxels | 1 thread, ms | 2 threads, ms | ns per voxel, 2 threads | 1 thread / 2 |");
    println!("|---|---|---|---|---|");
    for exponent in (12..=28).step_by(2) {
        let voxels = 1_usize << exponent;
        let phantom = Phantom::probabilities(1, voxels, 512, Target::Lesions);
        let mut gradient = Array3::zeros(phantom.prediction.raw_dim());
        let evaluation = Evaluation::labels(phantom.prediction.view(), phantom.labels.view());
        let runs = (1_usize << 27 >> exponent).clamp(3, 200);
        let mut times = Vec::new();
        for threads in [1, 2] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
            let time = pool.install(|| {
                shortest(runs, || {
                    let value = evaluation.value_and_gradient_into(&loss, gradient.view_mut());
                    value.expect("the phantom is valid");
                })
            });
            times.push(time.as_secs_f64() * 1e3);
        }
        let per_voxel = times[1] * 1e6 / voxels as f64;
        let speedup = times[0] / times[1];
        println!(
            "| 2^{exponent} | {:.3} | {:.3} | {per_voxel:.2} | {speedup:.2} |",
            times[0], times[1]
        );
    }
    Ok(())
}
