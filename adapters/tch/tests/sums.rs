//! The sums of a loss: their layout, the loss as a function of them, and their total over the ranks of a batch.

use std::thread;

use tch::{Device, Kind, Reduction, Tensor};
use unifocal_tch::core::{AbsentClass, AnyLoss, Focal, Input, Pooling, Tversky, UnifiedFocal};
use unifocal_tch::{AllReduce, Error, Route, SegmentationLoss, Threads};

const ROUTES: [Route; 3] = [Route::Fused, Route::Operations, Route::Composed];
const CPU: Device = Device::Cpu;

/// Logits of three classes beside labels and voxel weights.
#[derive(Debug)]
struct Batch {
    logits: Tensor,
    labels: Tensor,
    weights: Tensor,
}

impl Batch {
    fn new(samples: i64, kind: Kind) -> Self {
        tch::manual_seed(11);
        let shape = [samples, 4, 5];
        Self {
            logits: Tensor::randn([samples, 3, 4, 5], (kind, CPU)) * 2.0,
            labels: Tensor::randint(3, shape, (Kind::Int64, CPU)),
            weights: Tensor::rand(shape, (Kind::Float, CPU)) * 2.0,
        }
    }

    /// A copy of some of the samples.
    fn samples(&self, first: i64, count: i64) -> Self {
        let of = |tensor: &Tensor| tensor.narrow(0, first, count).copy();
        Self {
            logits: of(&self.logits),
            labels: of(&self.labels),
            weights: of(&self.weights),
        }
    }

    /// The logits as a leaf of a graph.
    fn leaf(&self) -> Tensor {
        self.logits.detach().set_requires_grad(true)
    }
}

fn unified() -> SegmentationLoss {
    SegmentationLoss::new(UnifiedFocal::asymmetric()).with_input(Input::Softmax)
}

/// The value on each rank, which has so many of the samples, and the gradients of all ranks in a row.
fn on_ranks(loss: &SegmentationLoss, batch: &Batch, counts: &[i64]) -> (Vec<f64>, Tensor) {
    let mut first = 0;
    let ranks: Vec<_> = Threads::new(counts.len())
        .into_iter()
        .zip(counts)
        .map(|(rank, count)| {
            let (batch, loss) = (batch.samples(first, *count), loss.clone());
            first += count;
            thread::spawn(move || {
                let leaf = batch.leaf();
                let sums = loss
                    .with_voxel_weights(&batch.weights)
                    .sums(&leaf, &batch.labels)?;
                let value = sums.all_reduce(&rank)?.mean()?;
                value.backward();
                Ok::<_, Error>((value.double_value(&[]), leaf.grad()))
            })
        })
        .collect();
    let (values, gradients): (Vec<f64>, Vec<Tensor>) = ranks
        .into_iter()
        .map(|rank| {
            rank.join()
                .expect("no rank panics")
                .expect("the input is valid")
        })
        .unzip();
    (values, Tensor::cat(&gradients, 0))
}

/// Each rank gets the value of the whole batch, and the gradients averaged over the ranks are those of the whole batch.
#[test]
fn a_batch_split_over_ranks_matches_the_whole_batch() {
    for (kind, tolerance) in [
        (Kind::Double, 1e-12),
        (Kind::Float, 2e-5),
        (Kind::Half, 2e-3),
    ] {
        let batch = Batch::new(12, kind);
        for route in ROUTES {
            for absent in [AbsentClass::Smooth, AbsentClass::Skip] {
                let loss = unified()
                    .with_pooling(Pooling::Batch)
                    .with_absent_class(absent)
                    .with_route(route);
                let leaf = batch.leaf();
                let value = loss
                    .with_voxel_weights(&batch.weights)
                    .forward(&leaf, &batch.labels)
                    .unwrap();
                value.backward();
                let (value, gradient) = (value.double_value(&[]), leaf.grad());
                let most = gradient.abs().max().double_value(&[]);
                for counts in [&[12][..], &[5, 7], &[3, 1, 8]] {
                    let (values, sharded) = on_ranks(&loss, &batch, counts);
                    assert!(
                        values
                            .iter()
                            .all(|found| (found - value).abs() <= 1e-6 * value),
                        "{route:?}, {kind:?}: {values:?} are not {value}"
                    );
                    assert!(values.iter().all(|found| *found == values[0]));
                    let error = (sharded / counts.len() as f64 - &gradient).abs().max();
                    assert!(
                        error.double_value(&[]) <= tolerance * most,
                        "{route:?}, {kind:?}, {counts:?}: {error} of {most}"
                    );
                }
            }
        }
    }
}

/// Values, mean and scores from the sums are those of the loss itself, with the same gradients.
#[test]
fn the_loss_is_a_function_of_its_sums() {
    let batch = Batch::new(4, Kind::Double);
    let gradient = |value: &Tensor, leaf: &Tensor| {
        let factors = Tensor::arange(value.numel() as i64, (Kind::Double, CPU)) + 0.5;
        (value * factors.view_as(value))
            .sum(Kind::Double)
            .backward();
        leaf.grad()
    };
    for route in ROUTES {
        for pooling in [Pooling::PerSample, Pooling::Batch] {
            let loss = unified().with_pooling(pooling).with_route(route);
            let losses = loss.clone().with_reduction(Reduction::None);
            let groups = if pooling == Pooling::Batch { 1 } else { 4 };
            for output in 0..3 {
                let (leaf, other) = (batch.leaf(), batch.leaf());
                let sums = loss.sums(&leaf, &batch.labels).unwrap();
                assert_eq!(sums.tensor().size(), [groups, 3, 6]);
                assert_eq!(sums.tensor().kind(), Kind::Double);
                let (found, expected, shape) = match output {
                    0 => (
                        sums.values(),
                        losses.forward(&other, &batch.labels),
                        vec![groups],
                    ),
                    1 => (sums.mean(), loss.forward(&other, &batch.labels), vec![]),
                    _ => (
                        sums.per_class(),
                        loss.per_class(&other, &batch.labels),
                        vec![groups, 3],
                    ),
                };
                let (found, expected) = (found.unwrap(), expected.unwrap());
                assert_eq!(found.size(), shape);
                assert!(found.equal(&expected), "{route:?}: {found} {expected}");
                assert!(
                    gradient(&found, &leaf).equal(&gradient(&expected, &other)),
                    "{route:?}"
                );
            }
        }
    }
}

/// The tensor has TP, FP, FN, F, Σ v·y and Σ v of each group and class, with their derivatives.
#[test]
fn the_tensor_holds_the_sums_of_the_terms() {
    let batch = Batch::new(2, Kind::Double);
    let p = batch.logits.softmax(1, Kind::Double);
    let y = batch
        .labels
        .one_hot(3)
        .movedim_int(-1, 1)
        .to_kind(Kind::Double);
    let v = batch
        .weights
        .to_kind(Kind::Double)
        .unsqueeze(1)
        .expand_as(&p);
    let sum = |of: &Tensor| of.sum_dim_intlist([2_i64, 3].as_slice(), false, Kind::Double);
    // A column of the tensor, the terms of its sums, and their derivatives by p.
    type Column = (i64, Tensor, Tensor);
    let losses: [(AnyLoss, &[Column]); 2] = [
        (
            Tversky::dice().into(),
            &[
                (0, &p * &y * &v, &y * &v),
                (1, &p * (1.0 - &y) * &v, (1.0 - &y) * &v),
                (2, (1.0 - &p) * &y * &v, -(&y * &v)),
                (4, &y * &v, Tensor::zeros_like(&p)),
                (5, v.shallow_clone(), Tensor::zeros_like(&p)),
            ],
        ),
        (
            Focal::cross_entropy().into(),
            &[(3, -p.log() * &y * &v, -(&y / &p) * &v)],
        ),
    ];
    for route in ROUTES {
        for (loss, terms) in &losses {
            for (column, term, slope) in *terms {
                let leaf = p.detach().set_requires_grad(true);
                let loss = SegmentationLoss::new(*loss).with_route(route);
                let sums = loss
                    .with_voxel_weights(&batch.weights)
                    .sums(&leaf, &batch.labels)
                    .unwrap();
                let found = sums.tensor().select(2, *column);
                assert!(
                    found.allclose(&sum(term), 1e-12, 1e-12, false),
                    "{route:?}, {column}: {found}"
                );
                found.sum(Kind::Double).backward();
                assert!(
                    leaf.grad().allclose(slope, 1e-12, 1e-12, false),
                    "{route:?}, {column}"
                );
            }
        }
    }
}

/// Any function of the sums can be differentiated, here −ln of the Dice score: once on the fused routes, twice on the composed one.
#[test]
fn a_function_of_the_sums_is_differentiated() {
    let batch = Batch::new(3, Kind::Double);
    let p = batch.logits.softmax(1, Kind::Double);
    let y = batch
        .labels
        .one_hot(3)
        .movedim_int(-1, 1)
        .to_kind(Kind::Double);
    let sum = |of: &Tensor| of.sum_dim_intlist([2_i64, 3].as_slice(), false, Kind::Double);
    let log_dice = |tp: &Tensor, fp: &Tensor, fn_: &Tensor| {
        let dice: Tensor = 2.0 * tp / (2.0 * tp + fp + fn_);
        -dice.log().mean(Kind::Double)
    };
    let leaf = p.detach().set_requires_grad(true);
    let expected = log_dice(
        &sum(&(&leaf * &y)),
        &sum(&(&leaf * (1.0 - &y))),
        &sum(&((1.0 - &leaf) * &y)),
    );
    let expected = Tensor::run_backward(&[expected], &[&leaf], false, false).remove(0);
    for route in ROUTES {
        let loss = SegmentationLoss::new(Tversky::dice()).with_route(route);
        let leaf = p.detach().set_requires_grad(true);
        let sums = loss.sums(&leaf, &batch.labels).unwrap().tensor();
        let value = log_dice(&sums.select(2, 0), &sums.select(2, 1), &sums.select(2, 2));
        let gradient = Tensor::run_backward(&[value], &[&leaf], true, true).remove(0);
        assert!(
            gradient.allclose(&expected, 1e-10, 1e-12, false),
            "{route:?}"
        );
        let norm = gradient.square().sum(Kind::Double);
        let second = Tensor::f_run_backward(&[norm], &[&leaf], false, false);
        match route {
            Route::Composed => assert!(second.unwrap()[0].abs().max().double_value(&[]) > 0.0),
            _ => assert!(second.unwrap_err().to_string().contains("Route::Composed")),
        }
    }
}

/// Sums record no graph unless gradients are required, before and after they are added up.
#[test]
fn no_graph_without_gradients() {
    let batch = Batch::new(2, Kind::Float);
    for route in ROUTES {
        let loss = unified().with_pooling(Pooling::Batch).with_route(route);
        let leaf = batch.leaf();
        let run = |logits: &Tensor| {
            let rank = Threads::new(1).remove(0);
            let sums = loss.sums(logits, &batch.labels).unwrap();
            sums.all_reduce(&rank).unwrap()
        };
        let without = tch::no_grad(|| run(&leaf));
        for sums in [without, run(&batch.logits)] {
            assert!(!sums.tensor().requires_grad());
            assert!(!sums.mean().unwrap().requires_grad());
            assert!(!sums.per_class().unwrap().requires_grad());
        }
        assert!(run(&leaf).mean().unwrap().requires_grad());
    }
}

#[test]
fn sums_per_sample_cannot_be_added_up() {
    let batch = Batch::new(2, Kind::Float);
    for route in ROUTES {
        let sums = unified()
            .with_route(route)
            .sums(&batch.logits, &batch.labels);
        let error = sums.unwrap().all_reduce(&Threads::new(1)[0]).unwrap_err();
        assert!(matches!(error, Error::PerSample));
        assert!(error.to_string().contains("`Pooling::Batch`"), "{error}");
    }
}

/// Ranks with other numbers of classes all get an error, and can add up other sums afterwards.
#[test]
fn ranks_must_have_the_same_classes() {
    let ranks: Vec<_> = Threads::new(2)
        .into_iter()
        .zip([2, 3])
        .map(|(rank, classes)| {
            thread::spawn(move || {
                let loss = SegmentationLoss::new(Tversky::dice()).with_pooling(Pooling::Batch);
                let labels = Tensor::zeros([1, 6], (Kind::Int64, CPU));
                let sums = |classes| {
                    let predictions = Tensor::full([1, classes, 6], 0.5, (Kind::Float, CPU));
                    loss.sums(&predictions, &labels).unwrap()
                };
                let error = sums(classes).all_reduce(&rank).unwrap_err();
                (error, sums(2).all_reduce(&rank).unwrap().tensor())
            })
        })
        .collect();
    for (rank, [own, others]) in ranks.into_iter().zip([[2, 3], [3, 2]]) {
        let (error, sums) = rank.join().unwrap();
        let Error::Shape {
            found, expected, ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(found, &[1, others, 6]);
        assert_eq!(expected, &[1, own, 6]);
        // Σ v of both ranks.
        assert_eq!(sums.double_value(&[0, 0, 5]), 12.0);
    }
}

#[test]
fn a_rank_that_stops_is_an_error_of_the_others() {
    let batch = Batch::new(1, Kind::Float);
    let mut ranks = Threads::new(3);
    drop(ranks.remove(1));
    for rank in &ranks {
        let loss = unified().with_pooling(Pooling::Batch);
        let sums = loss.sums(&batch.logits, &batch.labels).unwrap();
        let error = sums.all_reduce(rank).unwrap_err();
        assert!(matches!(error, Error::AllReduce(_)));
        assert!(error.to_string().contains("rank 1 has stopped"), "{error}");
    }
}

/// An implementation that returns something else than the sum of tensors of its own shape.
struct Wrong;

impl AllReduce for Wrong {
    fn ranks(&self) -> usize {
        2
    }

    fn sum(&self, own: Tensor) -> Result<Tensor, Error> {
        Ok(own.narrow(1, 0, 1))
    }
}

#[test]
fn a_sum_of_another_shape_is_an_error() {
    let batch = Batch::new(1, Kind::Float);
    let loss = unified().with_pooling(Pooling::Batch);
    let sums = loss.sums(&batch.logits, &batch.labels).unwrap();
    let message = sums.all_reduce(&Wrong).unwrap_err().to_string();
    assert_eq!(
        message,
        "the shape of the sum over the ranks is [1, 1, 6], expected [1, 3, 6]"
    );
}
