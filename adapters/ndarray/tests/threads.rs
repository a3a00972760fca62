//! Any number of threads gives the same bits and the same errors, at any size and with little memory.

use std::alloc::{GlobalAlloc, Layout as MemoryLayout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array, Array2, Array3, ArrayView2, ArrayView3};
use rayon::ThreadPoolBuilder;
use unifocal_ndarray::Evaluation;
use unifocal_ndarray::core::{Input, Pooling, Tversky, UnifiedFocal};

/// The system's allocator, with a count of allocated bytes.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: MemoryLayout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: MemoryLayout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Serializes the tests of this file, because one of them counts all allocations.
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

fn with_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("the thread pool starts").install(run)
}

fn batch(samples: usize, channels: usize, voxels: usize) -> (Array3<f32>, Array2<u8>) {
    let mut seed = 7_u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32
    };
    let prediction =
        Array::from_shape_simple_fn((samples, channels, voxels), || 0.01 + 0.98 * next());
    let mut label = 0;
    let labels = Array::from_shape_simple_fn((samples, voxels), || {
        if next() < 0.005 {
            label = (channels as f32 * next()) as u8;
        }
        label
    });
    (prediction, labels)
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let _alone = ONE_BY_ONE.lock();
    let loss = UnifiedFocal::asymmetric();
    for (samples, channels, voxels) in [
        (3, 2, 200_001),
        (5, 3, 30_000),
        (1, 2, 70_000),
        (300, 2, 130),
    ] {
        let (prediction, labels) = batch(samples, channels, voxels);
        for pooling in [Pooling::PerSample, Pooling::Batch] {
            for input in [Input::Probabilities, Input::Softmax] {
                let evaluation = Evaluation::labels(prediction.view(), labels.view())
                    .with_pooling(pooling)
                    .with_input(input);
                let expected = with_threads(1, || evaluation.value_and_gradient(&loss).unwrap());
                for threads in [2, 3, 8, 64] {
                    let found =
                        with_threads(threads, || evaluation.value_and_gradient(&loss).unwrap());
                    assert!(
                        found == expected,
                        "{threads} threads: {} is not {}",
                        found.0,
                        expected.0
                    );
                }
                assert_eq!(evaluation.value(&loss).unwrap(), expected.0);
            }
        }
    }
}

/// Arrays whose rows are not contiguous are halved, too.
#[test]
fn same_bits_for_any_strides() {
    let _alone = ONE_BY_ONE.lock();
    let loss = UnifiedFocal::asymmetric();
    let (prediction, labels) = batch(2, 2, 300 * 200);
    let prediction = prediction.into_shape_with_order((2, 2, 300, 200)).unwrap();
    let labels = labels.into_shape_with_order((2, 300, 200)).unwrap();
    let transposed = Evaluation::labels(
        prediction.view().permuted_axes([0, 1, 3, 2]),
        labels.view().permuted_axes([0, 2, 1]),
    );
    let (expected, expected_gradient) =
        with_threads(1, || transposed.value_and_gradient(&loss).unwrap());
    let (value, gradient) = with_threads(3, || transposed.value_and_gradient(&loss).unwrap());
    assert_eq!((value, &gradient), (expected, &expected_gradient));
    let plain = Evaluation::labels(prediction.view(), labels.view()).value_and_gradient(&loss);
    let (plain, plain_gradient) = plain.unwrap();
    assert!((value - plain).abs() <= 1e-6 * plain);
    let close = gradient
        .permuted_axes([0, 1, 3, 2])
        .iter()
        .zip(&plain_gradient)
        .all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs());
    assert!(close);
}

/// Of several errors, the first in array order is reported, whichever thread finds one first.
#[test]
fn the_first_error_is_reported() {
    let _alone = ONE_BY_ONE.lock();
    let (mut prediction, mut labels) = batch(3, 2, 200_000);
    prediction[[1, 1, 150_001]] = f32::NAN;
    labels[[1, 199_999]] = 7;
    prediction[[2, 0, 5]] = 1.5;
    for threads in [1, 2, 8] {
        let evaluation = Evaluation::labels(prediction.view(), labels.view());
        let error =
            with_threads(threads, || evaluation.value_and_gradient(&Tversky::dice())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the prediction is NaN at sample 1, channel 1, voxel 150001, expected a probability in [0, 1]"
        );
    }
}

/// 3·10⁸ voxels of one class, far more than an f32 can count. The arrays are broadcast from 1000 voxels.
#[test]
fn more_voxels_than_f32_can_count() {
    let _alone = ONE_BY_ONE.lock();
    const VOXELS: usize = 300_000_000;
    let run = Array3::from_shape_fn((1, 2, 1000), |(_, class, _)| [0.75_f32, 0.25][class]);
    let labels = Array2::<u8>::zeros((1, 1000));
    let prediction: ArrayView3<'_, f32> = run.view();
    let repeated = prediction.into_shape_with_order((1, 2, 1, 1000)).unwrap();
    let repeated = repeated.broadcast((1, 2, VOXELS / 1000, 1000)).unwrap();
    let labels: ArrayView2<'_, u8> = labels.view();
    let labels = labels.into_shape_with_order((1, 1, 1000)).unwrap();
    let labels = labels.broadcast((1, VOXELS / 1000, 1000)).unwrap();
    let sums = Evaluation::labels(repeated, labels)
        .sums(&UnifiedFocal::asymmetric())
        .unwrap();
    let voxels = VOXELS as f64;
    assert_eq!(
        (sums[0].voxels, sums[0].target, sums[1].target),
        (voxels, voxels, 0.0)
    );
    let [tp, fp, fn_, f] = sums[0].terms;
    assert_eq!((tp, fp, fn_), (0.75 * voxels, 0.0, 0.25 * voxels));
    let expected = voxels * 0.5 * -0.75_f64.ln();
    assert!(
        (f - expected).abs() <= 1e-6 * expected,
        "{f} is not {expected}"
    );
    assert_eq!(sums[1].terms[1], 0.25 * voxels);
}

/// Besides the arrays, each thread needs less than a mebibyte.
#[test]
fn a_thread_allocates_little() {
    let _alone = ONE_BY_ONE.lock();
    let loss = UnifiedFocal::asymmetric();
    let (prediction, labels) = batch(2, 2, 1 << 20);
    let mut gradient = prediction.clone();
    for threads in [1, 2] {
        with_threads(threads, || {
            let evaluation = Evaluation::labels(prediction.view(), labels.view());
            let before = NOW.load(Ordering::Relaxed);
            MOST.store(before, Ordering::Relaxed);
            evaluation
                .value_and_gradient_into(&loss, gradient.view_mut())
                .unwrap();
            let needed = MOST.load(Ordering::Relaxed) - before;
            assert!(
                needed < threads << 20,
                "{needed} bytes for {threads} threads"
            );
        });
    }
}
