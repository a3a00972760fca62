//! Times value and gradient on each path of the evaluation. Reads the name of a row from each line of standard input, runs it, and prints its
//! milliseconds, so that two builds can be timed in turns.
//!
//! ```text
//! cargo run --release --package unifocal-benches --features rows --bin rows -- [THREADS]
//! ```
//!
//! `rows list` prints the names.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut3};
use rayon::ThreadPoolBuilder;
use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;
use unifocal_benches::{Phantom, Target, limit, numbers};
use unifocal_ndarray::Evaluation;
use unifocal_ndarray::core::catalogue::Name;
use unifocal_ndarray::core::{AnyLoss, Input, Layout, Parameter, UnifiedFocal};

const ROWS: [&str; 56] = [
    "unified_2d",
    "unified_3d",
    "unified_slices",
    "unified_1gib",
    "gamma02_2d",
    "gamma02_3d",
    "gamma02_random_2d",
    "random_2d",
    "softmax2_2d",
    "softmax2_3d",
    "softmax2_gamma02_2d",
    "sigmoid1_2d",
    "sigmoid5_2d",
    "sigmoid5_regions_2d",
    "unified_5",
    "dicece_5",
    "dicece_14",
    "dicece_117",
    "smoothing_dicece_5",
    "annotated_dicece_5",
    "annotated_dicece_14",
    "unified_softmax_5",
    "dice_2d",
    "dice_3d",
    "tversky_2d",
    "log-dice_2d",
    "generalized-dice_2d",
    "cross-entropy_2d",
    "focal_2d",
    "poly-1_2d",
    "hard-voxels_2d",
    "exponential-log_2d",
    "log-cosh-dice_2d",
    "noise-robust-dice_2d",
    "mcc_2d",
    "dice_order2_2d",
    "unified_order2_2d",
    "order1_soft_2d",
    "order2_soft_2d",
    "weights_2d",
    "ignored_2d",
    "last_2d",
    "soft_2d",
    "onehot_2d",
    "i64_2d",
    "f64_2d",
    "f64_3d",
    "f64_gamma02_2d",
    "f64_softmax2_2d",
    "f64_dicece_5",
    "limit_2d",
    "limit_3d",
    "limit_1gib",
    "ce_2",
    "ce_4",
    "value_2d",
];

enum Data {
    F32(Array3<f32>, Array2<u8>),
    F64(Array3<f64>, Array2<u8>),
}

fn data(name: &str) -> Data {
    let logits = name.contains("softmax2") || name.contains("sigmoid1");
    let target = if name.contains("random") {
        Target::Random
    } else {
        Target::Lesions
    };
    let phantom = |(n, m, w)| {
        if logits {
            Phantom::logits(n, m, w, target)
        } else {
            Phantom::probabilities(n, m, w, target)
        }
    };
    let Phantom {
        prediction: p,
        labels: y,
    } = if name.ends_with("_5") {
        Phantom::organs(2, &[256; 2], 5)
    } else if name.ends_with("_14") {
        Phantom::organs(1, &[96; 3], 14)
    } else if name.ends_with("_117") {
        Phantom::organs(1, &[64; 3], 117)
    } else if name.starts_with("sigmoid5") {
        Phantom::organs(4, &[512; 2], 5)
    } else if name == "ce_2" {
        Phantom::organs(4, &[256; 2], 2)
    } else if name == "ce_4" {
        Phantom::organs(2, &[256; 2], 4)
    } else {
        phantom(if name.ends_with("_3d") {
            (1, 128 * 128 * 128, 128)
        } else if name.ends_with("_1gib") {
            (1, 512 * 512 * 512, 512)
        } else if name.ends_with("_slices") {
            (128, 1024 * 1024, 1024)
        } else {
            (4, 512 * 512, 512)
        })
    };
    let p = if name.starts_with("sigmoid1") {
        let (n, _, m) = p.dim();
        Array3::from_shape_fn((n, 1, m), |(n, _, m)| p[[n, 1, m]] - p[[n, 0, m]])
    } else if name == "unified_5" {
        let mut p = p;
        p.mapv_inplace(|z| 0.25 + z / 8.0);
        p
    } else {
        p
    };
    if name.starts_with("f64") {
        Data::F64(p.mapv(f64::from), y)
    } else {
        Data::F32(p, y)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("list") {
        ROWS.iter().for_each(|row| println!("{row}"));
        return Ok(());
    }
    ThreadPoolBuilder::new()
        .num_threads(argument.map_or(Ok(0), |n| n.parse())?)
        .build_global()?;
    let mut kept: HashMap<String, Data> = HashMap::new();
    for line in stdin().lock().lines() {
        let line = line?;
        let (name, runs) = line.split_once(' ').unwrap_or((&line, "3"));
        let runs: usize = runs.parse()?;
        if !ROWS.contains(&name) {
            return Err(format!("no row is named {name}; `rows list` prints the names").into());
        }
        if name.ends_with("1gib") || name.ends_with("slices") {
            kept.clear();
        }
        let data = kept.entry(name.into()).or_insert_with(|| data(name));
        let ms = match data {
            Data::F32(p, y) => row_f32(name, runs, p.view(), y.view()),
            Data::F64(p, y) => {
                let mut g = Array3::zeros(p.raw_dim());
                let e = Evaluation::labels(p.view(), y.view());
                let e = if name.contains("softmax") || name.contains("dicece") {
                    e.with_input(Input::Softmax)
                } else {
                    e
                };
                let loss = loss(name);
                timed(runs, || {
                    black_box(
                        e.value_and_gradient_into(&loss, g.view_mut())
                            .expect("the data are valid"),
                    );
                })
            }
        };
        println!("{ms:.4}");
        stdout().flush()?;
    }
    Ok(())
}

fn timed(runs: usize, mut run: impl FnMut()) -> f64 {
    run();
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::MAX, f64::min)
}

fn loss(name: &str) -> AnyLoss {
    let order = match name {
        _ if name.contains("order1") => Some(1.0),
        _ if name.contains("order2") => Some(2.0),
        _ => None,
    };
    let named = name.split_once('_').and_then(|(name, _)| name.parse().ok());
    let loss = if let Some(name) = named {
        Name::loss(name)
    } else if name.contains("smoothing") {
        UnifiedFocal::dice_cross_entropy()
            .with_label_smoothing(0.1)
            .expect("in range")
            .into()
    } else if name.contains("dicece") {
        UnifiedFocal::dice_cross_entropy().into()
    } else if name.contains("gamma02") {
        UnifiedFocal::asymmetric()
            .with_gamma(0.2)
            .expect("in range")
            .into()
    } else {
        UnifiedFocal::asymmetric().into()
    };
    match order {
        None => loss,
        order => loss.with(Parameter::Order, order).expect("in range"),
    }
}

fn row_f32(name: &str, runs: usize, p: ArrayView3<'_, f32>, y: ArrayView2<'_, u8>) -> f64 {
    let mut g = Array3::zeros(p.raw_dim());
    if name.starts_with("limit") {
        return timed(runs, || limit(p, g.view_mut()));
    }
    let e = Evaluation::labels(p, y);
    let e = match name {
        _ if name.contains("softmax") || name.contains("dicece") || name.starts_with("ce") => {
            e.with_input(Input::Softmax)
        }
        _ if name.contains("sigmoid") => e.with_input(Input::Sigmoid),
        _ => e,
    };
    let any = loss(name);
    macro_rules! run {
        ($e:expr, $g:expr) => {{
            let e = $e;
            macro_rules! with {
                ($loss:expr) => {
                    timed(runs, || {
                        black_box(
                            e.value_and_gradient_into(&$loss, $g)
                                .expect("the data are valid"),
                        );
                    })
                };
            }
            match any {
                AnyLoss::Tversky(loss) => with!(loss),
                AnyLoss::Focal(_) | AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_) => with!(any),
                AnyLoss::UnifiedFocal(loss) => with!(loss),
            }
        }};
    }
    match name {
        "value_2d" => timed(runs, || {
            black_box(
                e.value(&UnifiedFocal::asymmetric())
                    .expect("the data are valid"),
            );
        }),
        "weights_2d" => {
            let mut next = numbers();
            let w = y.mapv(|_| 0.5 + f64::from(next()));
            run!(e.with_voxel_weights(w.view()), g.view_mut())
        }
        "ignored_2d" => {
            let mut next = numbers();
            let mut left = 0;
            let y = y.mapv(|y| {
                if next() < 0.0003 {
                    left = 40;
                }
                left -= i32::from(left > 0);
                if left > 0 { 255 } else { y }
            });
            run!(
                Evaluation::labels(p, y.view()).with_ignore_label(255),
                g.view_mut()
            )
        }
        "last_2d" => {
            let last = p.permuted_axes([0, 2, 1]).as_standard_layout().into_owned();
            let mut g = Array3::zeros(last.raw_dim());
            fn view(g: &mut Array3<f32>) -> ArrayViewMut3<'_, f32> {
                g.view_mut()
            }
            run!(
                Evaluation::labels(last.view(), y).with_layout(Layout::ChannelsLast),
                view(&mut g)
            )
        }
        "sigmoid5_regions_2d" => {
            let regions = [[1, 2, 3, 4].as_slice(), &[2, 3], &[3], &[4], &[1, 4]];
            run!(e.with_regions(regions), g.view_mut())
        }
        _ if name.starts_with("annotated") => {
            // Every second class is not annotated.
            let (samples, classes, _) = p.dim();
            let mask = Array2::from_shape_fn((samples, classes), |(_, c)| c % 2 == 0);
            run!(e.with_annotated(mask.view()), g.view_mut())
        }
        _ if name.ends_with("soft_2d") => {
            let mut next = numbers();
            let soft = p.mapv(|p| 0.8 * p + 0.1 * next());
            run!(Evaluation::soft(p, soft.view()), g.view_mut())
        }
        "onehot_2d" => {
            let hot = Array3::from_shape_fn(p.raw_dim(), |(n, c, m)| {
                u8::from(usize::from(y[[n, m]]) == c)
            });
            run!(Evaluation::soft(p, hot.view()), g.view_mut())
        }
        "i64_2d" => {
            let y = y.mapv(i64::from);
            run!(Evaluation::labels(p, y.view()), g.view_mut())
        }
        _ => run!(e, g.view_mut()),
    }
}
