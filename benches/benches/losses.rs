#![allow(
    missing_docs,
    reason = "criterion's macros define undocumented functions"
)]
//! Times value, and value with gradient, of the main paths in voxels and bytes per second, next to the limit of memory bandwidth.
//!
//! `cargo bench -p unifocal-benches` runs everything; `-- NAME` runs the benchmarks whose names contain NAME.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array3;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::Duration;
use unifocal_benches::{Phantom, Target, limit};
use unifocal_ndarray::Evaluation;
use unifocal_ndarray::core::{AnyLoss, Input, UnifiedFocal, catalogue::Name};

/// Name, samples, voxels per sample, voxels per row.
const SIZES: [(&str, usize, usize, usize); 3] = [
    ("2d [4,2,512,512]", 4, 512 * 512, 512),
    ("3d [1,2,128,128,128]", 1, 128 * 128 * 128, 128),
    // Larger than any last-level cache.
    ("large [8,2,2048,2048]", 8, 2048 * 2048, 2048),
];

fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("the thread pool starts")
}

fn sizes(criterion: &mut Criterion) {
    for (name, samples, voxels, width) in SIZES {
        for (kind, input) in [
            ("probabilities", Input::Probabilities),
            ("softmax", Input::Softmax),
        ] {
            let phantom = match input {
                Input::Probabilities => {
                    Phantom::probabilities(samples, voxels, width, Target::Lesions)
                }
                _ => Phantom::logits(samples, voxels, width, Target::Lesions),
            };
            let one_hot = Array3::from_shape_fn(phantom.prediction.dim(), |(n, c, i)| {
                u8::from(usize::from(phantom.labels[[n, i]]) == c)
            });
            let mut gradient = Array3::zeros(phantom.prediction.raw_dim());
            let loss = UnifiedFocal::asymmetric();
            let labels = Evaluation::labels(phantom.prediction.view(), phantom.labels.view())
                .with_input(input);
            let soft =
                Evaluation::soft(phantom.prediction.view(), one_hot.view()).with_input(input);
            for threads in [1, 2] {
                let pool = pool(threads);
                let mut group =
                    criterion.benchmark_group(format!("{name}/{kind}/{threads} threads"));
                group.throughput(Throughput::ElementsAndBytes {
                    elements: (samples * voxels) as u64,
                    bytes: size_of_val(phantom.prediction.as_slice().unwrap_or_default()) as u64,
                });
                group.bench_function("value, labels", |bench| {
                    bench.iter(|| pool.install(|| labels.value(&loss)));
                });
                group.bench_function("value and gradient, labels", |bench| {
                    bench.iter(|| {
                        pool.install(|| labels.value_and_gradient_into(&loss, gradient.view_mut()))
                    });
                });
                group.bench_function("value and gradient, one-hot", |bench| {
                    bench.iter(|| {
                        pool.install(|| soft.value_and_gradient_into(&loss, gradient.view_mut()))
                    });
                });
                group.bench_function("limit: read p, write the gradient", |bench| {
                    bench.iter(|| {
                        pool.install(|| limit(phantom.prediction.view(), gradient.view_mut()));
                    });
                });
                group.finish();
            }
        }
    }
}

fn losses(criterion: &mut Criterion) {
    let (_, samples, voxels, width) = SIZES[0];
    let phantom = Phantom::probabilities(samples, voxels, width, Target::Lesions);
    let mut gradient = Array3::zeros(phantom.prediction.raw_dim());
    let evaluation = Evaluation::labels(phantom.prediction.view(), phantom.labels.view());
    let pool = pool(2);
    let mut group = criterion.benchmark_group("losses, value and gradient, 2d, 2 threads");
    group.throughput(Throughput::Elements((samples * voxels) as u64));
    for name in Name::ALL {
        let loss = AnyLoss::from(name);
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter(|| {
                pool.install(|| evaluation.value_and_gradient_into(&loss, gradient.view_mut()))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = sizes, losses
}
criterion_main!(benches);
