//! The metrics for `burn-train`: their values, entries and names, alone and in a training.

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_burn::burn::data::dataloader::batcher::Batcher;
use unifocal_burn::burn::data::dataloader::{DataLoaderBuilder, Progress};
use unifocal_burn::burn::data::dataset::InMemDataset;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::nn::conv::{Conv1d, Conv1dConfig};
use unifocal_burn::burn::optim::AdamConfig;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::burn::train::metric::{
    Adaptor, ItemLazy, LossInput, LossMetric, Metric, MetricAttributes, MetricMetadata, Numeric,
    NumericEntry, SerializedEntry,
};
use unifocal_burn::burn::train::{
    InferenceStep, Learner, LearnerSummary, SupervisedTraining, TrainOutput, TrainStep,
};
use unifocal_burn::core::{AnyLoss, Focal, Overlap, Scores, UnifiedFocal};
use unifocal_burn::train::{OverlapMetric, SegmentationLossMetric, SegmentationOutput};
use unifocal_burn::{AbsentClass, Input, Pooling, SegmentationLoss, Settings};
use unifocal_conformance::tolerance;

const CLASSES: usize = 3;
const VOXELS: usize = 5;

/// Logits and labels of a sample, of which 255 is ignored.
type Sample = (Vec<f64>, Vec<i64>);

fn metadata() -> MetricMetadata {
    MetricMetadata {
        progress: Progress {
            items_processed: 0,
            items_total: 0,
            unit: None,
        },
        iteration: None,
        lr: None,
    }
}

fn tensors(samples: &[Sample], device: &Device) -> (Tensor<3>, Tensor<2, Int>) {
    let logits: Vec<f64> = samples
        .iter()
        .flat_map(|(logits, _)| logits.clone())
        .collect();
    let labels: Vec<i64> = samples
        .iter()
        .flat_map(|(_, labels)| labels.clone())
        .collect();
    let logits = TensorData::new(logits, [samples.len(), CLASSES, VOXELS]);
    let labels = TensorData::new(labels, [samples.len(), VOXELS]);
    (
        Tensor::from_data(logits, (device, DType::F64)),
        Tensor::from_data(labels, (device, DType::I64)),
    )
}

fn loss(settings: &Settings) -> SegmentationLoss {
    SegmentationLoss::new(UnifiedFocal::asymmetric()).with_settings(settings.clone())
}

/// The output of a step, as the metrics get it.
fn output(loss: &SegmentationLoss, samples: &[Sample]) -> SegmentationOutput {
    let (logits, labels) = tensors(samples, &Device::flex().autodiff());
    let output = SegmentationOutput::new(loss, logits.require_grad(), labels);
    output.sync().expect("the device works")
}

fn update<M>(metric: &mut M, output: &SegmentationOutput) -> SerializedEntry
where
    M: Metric,
    SegmentationOutput: Adaptor<M::Input>,
{
    metric
        .update(&output.adapt(), &metadata())
        .expect("valid data")
}

/// The final value after these batches.
fn after<M>(mut metric: M, loss: &SegmentationLoss, batches: &[&[Sample]]) -> f64
where
    M: Metric + Numeric,
    SegmentationOutput: Adaptor<M::Input>,
{
    for batch in batches {
        update(&mut metric, &output(loss, batch));
    }
    let entry = metric.compute().expect("the device works");
    let value = metric.final_value();
    assert!(matches!(value, NumericEntry::Final(_)));
    if value.current().is_nan() {
        assert!(entry.is_not_available());
    } else {
        assert_eq!(entry.serialized, value.serialize());
        assert_eq!(metric.running_value().unwrap().current(), value.current());
    }
    value.current()
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let labels = prop_oneof![
        4 => prop::collection::vec(select(vec![0, 1, 2, 255]), VOXELS),
        1 => Just(vec![255; VOXELS]),
    ];
    let logits = prop::collection::vec(-4.0..4.0_f64, CLASSES * VOXELS);
    prop::collection::vec((logits, labels), 1..9)
}

fn is_close(a: f64, b: f64) -> bool {
    a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance::F64_OURS * a.abs().max(1e-3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_do_not_matter(
        samples in samples(),
        cuts in prop::collection::vec(1..4_usize, 1..4),
        pooling in select(vec![Pooling::PerSample, Pooling::Batch]),
        absent in select(vec![AbsentClass::Smooth, AbsentClass::Skip]),
    ) {
        let settings = Settings::default()
            .with_input(Input::Softmax)
            .with_pooling(pooling)
            .with_absent_class(absent)
            .with_ignore_label(255);
        let training = loss(&settings);
        let losses: [AnyLoss; 2] = [UnifiedFocal::asymmetric().into(), Focal::new().into()];
        let mut batches: Vec<&[Sample]> = Vec::new();
        let mut rest = &samples[..];
        for cut in cuts.iter().cycle() {
            let (batch, after) = rest.split_at((*cut).min(rest.len()));
            batches.push(batch);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }

        let (logits, labels) = tensors(&samples, &Device::flex());
        let hard = training.hard_sums(logits.clone(), labels.clone()).to_vec();
        for overlap in Overlap::ALL {
            let mut whole = Scores::new(overlap, CLASSES, settings.clone()).unwrap();
            whole.add(&hard).unwrap();
            let metric = OverlapMetric::new(overlap).with_pooling(pooling).with_absent_class(absent);
            let expected = whole.value().unwrap_or(f64::NAN);
            let found = after(metric.clone(), &training, &batches);
            prop_assert!(is_close(found, expected), "{}: {} is not {}", overlap, found, expected);
            for (class, expected) in whole.per_class().into_iter().enumerate() {
                let found = after(metric.clone().with_class(class), &training, &batches);
                prop_assert!(is_close(found, expected.unwrap_or(f64::NAN)), "{} {}", overlap, class);
            }
        }
        for any in losses {
            let loss = SegmentationLoss::new(any).with_settings(settings.clone());
            let metric = SegmentationLossMetric::new(&loss);
            let found = after(metric.clone(), &training, &batches);
            let expected: f64 = loss.forward(logits.clone(), labels.clone()).into_scalar();
            // The loss is 0 if nothing counts, and the metric has no value.
            let found_or_0 = if found.is_nan() { 0.0 } else { found };
            prop_assert!(is_close(found_or_0, expected), "{} is not {}", found, expected);
            let mut whole = Scores::new(any, CLASSES, settings.clone()).unwrap();
            whole.add(&loss.sums(logits.clone(), labels.clone()).to_vec()).unwrap();
            for (class, expected) in whole.per_class().into_iter().enumerate() {
                let found = after(metric.clone().with_class(class), &training, &batches);
                prop_assert!(is_close(found, expected.unwrap_or(f64::NAN)));
            }
        }
    }
}

/// A batch has the value of its own samples, with their number.
#[test]
fn entries_are_those_of_burn_train() {
    let samples: [Sample; 2] = [
        (vec![0.0; CLASSES * VOXELS], vec![0, 0, 0, 0, 1]),
        (vec![0.0; CLASSES * VOXELS], vec![255; VOXELS]),
    ];
    let training = loss(
        &Settings::default()
            .with_input(Input::Softmax)
            .with_ignore_label(255),
    );
    let mut recall = OverlapMetric::recall()
        .with_class(0)
        .with_absent_class(AbsentClass::Skip);
    assert!(recall.value().is_none() && recall.running_value().is_none());
    assert!(recall.final_value().current().is_nan());
    assert!(recall.compute().unwrap().is_not_available());

    // Of equal classes, the CPU takes the first one.
    let entry = update(&mut recall, &output(&training, &samples));
    assert_eq!(entry.formatted, "epoch 1.0000 - batch 1.0000");
    assert_eq!(entry.serialized, "1,1");
    let Some(NumericEntry::Aggregated {
        aggregated_value,
        count,
    }) = recall.value()
    else {
        panic!("a batch is aggregated");
    };
    assert_eq!((aggregated_value, count), (1.0, 1));

    // Nothing counts in this batch.
    let entry = update(&mut recall, &output(&training, &samples[1..]));
    assert_eq!(entry.formatted, "epoch 1.0000 - batch N/A");
    assert!(entry.is_not_available());
    assert!(recall.value().is_none());
    assert_eq!(recall.compute().unwrap().serialized, "1,final");
    recall.clear();
    assert!(recall.running_value().is_none());
    assert_eq!(*recall.name(), "Recall [class 0, Skip]");

    // burn-train's own metric weights the batches by their numbers of samples.
    let mut burns = LossMetric::new();
    let output = output(&training, &samples);
    let input: LossInput = output.adapt();
    burns.update(&input, &metadata()).unwrap();
    let Some(NumericEntry::Aggregated {
        aggregated_value,
        count,
    }) = burns.value()
    else {
        panic!("a batch is aggregated");
    };
    assert_eq!(count, 2);
    assert!((aggregated_value - output.loss.into_scalar::<f64>()).abs() < 1e-6);
}

#[test]
fn names_say_what_is_scored() {
    let dice = OverlapMetric::dice();
    assert_eq!(*dice.name(), "Dice");
    assert_eq!(*dice.clone().with_class(2).name(), "Dice [class 2]");
    let foreground = dice
        .with_class_weights([0.0, 1.0])
        .with_pooling(Pooling::Batch);
    assert_eq!(*foreground.name(), "Dice [weights [0.0, 1.0], Batch]");
    assert_eq!(*OverlapMetric::iou().name(), "IoU");
    assert_eq!(*OverlapMetric::precision().name(), "Precision");
    let metric = SegmentationLossMetric::new(&SegmentationLoss::new(UnifiedFocal::asymmetric()));
    assert_eq!(*metric.name(), "Loss [asymmetric-unified-focal]");
    assert_eq!(*metric.clone().with_name("Ours").name(), "Ours");
    let nameless = UnifiedFocal::monai(0.5, 0.5, 0.7).unwrap();
    let nameless = SegmentationLossMetric::new(&SegmentationLoss::new(nameless));
    assert_eq!(*nameless.name(), "Loss [compound]");
    let better = |attributes| match attributes {
        MetricAttributes::Numeric(numeric) => numeric.higher_is_better,
        MetricAttributes::None => panic!("the metrics are numeric"),
    };
    assert!(better(foreground.attributes()) && !better(metric.attributes()));
}

#[test]
fn mistakes_are_errors() {
    let samples: [Sample; 1] = [(vec![0.0; CLASSES * VOXELS], vec![0, 1, 2, 0, 1])];
    let softmax = Settings::default().with_input(Input::Softmax);
    let output = output(&loss(&softmax), &samples);
    let message = |metric: &mut OverlapMetric| {
        let error = metric.update(&output.adapt(), &metadata()).unwrap_err();
        error.to_string()
    };
    let found = message(&mut OverlapMetric::dice().with_class(3));
    assert!(
        found.contains("class 3 of the metric does not exist: there are 3 classes"),
        "{found}"
    );
    let found = message(&mut OverlapMetric::dice().with_class_weights([1.0]));
    assert!(
        found.contains("the number of class weights is 1, expected 3"),
        "{found}"
    );
    // Logits are no probabilities.
    let other = loss(&Settings::default().with_class_weights([1.0]));
    let error = SegmentationLossMetric::new(&other).update(&output.adapt(), &metadata());
    let found = error.unwrap_err().to_string();
    assert!(
        found.contains("the number of class weights is 1, expected 3"),
        "{found}"
    );
}

/// A network of one layer with its loss.
#[derive(Module, Debug)]
struct Segmenter {
    network: Conv1d,
    loss: SegmentationLoss,
}

impl Segmenter {
    fn output(&self, (images, labels): (Tensor<3>, Tensor<2, Int>)) -> SegmentationOutput {
        SegmentationOutput::new(&self.loss, self.network.forward(images), labels)
    }
}

impl TrainStep for Segmenter {
    type Input = (Tensor<3>, Tensor<2, Int>);
    type Output = SegmentationOutput;

    fn step(&self, batch: Self::Input) -> TrainOutput<SegmentationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Segmenter {
    type Input = (Tensor<3>, Tensor<2, Int>);
    type Output = SegmentationOutput;

    fn step(&self, batch: Self::Input) -> SegmentationOutput {
        self.output(batch)
    }
}

/// Batches samples of one channel.
#[derive(Clone, Debug)]
struct Samples;

impl Batcher<Sample, (Tensor<3>, Tensor<2, Int>)> for Samples {
    fn batch(&self, items: Vec<Sample>, device: &Device) -> (Tensor<3>, Tensor<2, Int>) {
        let images: Vec<f32> = items
            .iter()
            .flat_map(|(image, _)| image)
            .map(|x| *x as f32)
            .collect();
        let labels: Vec<i64> = items
            .iter()
            .flat_map(|(_, labels)| labels.clone())
            .collect();
        let images = TensorData::new(images, [items.len(), 1, VOXELS]);
        let labels = TensorData::new(labels, [items.len(), VOXELS]);
        (
            Tensor::from_data(images, device),
            Tensor::from_data(labels, device),
        )
    }
}

/// What a training logs for its last epoch is what its last network scores over all samples at once.
#[test]
fn a_training_logs_the_scores_of_the_epoch() {
    let device = Device::flex();
    device.seed(3);
    let with_gradients = device.clone().autodiff();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut sample = || -> Sample {
        let labels: Vec<i64> = (0..VOXELS)
            .map(|_| [0, 0, 1, 255][rng.usize(0..4)])
            .collect();
        let image = labels
            .iter()
            .map(|label| *label as f64 % 255.0 + rng.f64())
            .collect();
        (image, labels)
    };
    // Batches of three, three and one.
    let samples: Vec<Sample> = (0..7).map(|_| sample()).collect();
    let loader = |device: &Device| {
        let loader = DataLoaderBuilder::new(Samples)
            .batch_size(3)
            .set_device(device.clone());
        loader.build(InMemDataset::new(samples.clone()))
    };
    let loss = SegmentationLoss::new(UnifiedFocal::asymmetric())
        .with_input(Input::Softmax)
        .with_ignore_label(255);
    let batchwise = loss.clone().with_pooling(Pooling::Batch);
    let overlaps = [
        OverlapMetric::dice().with_class(1),
        OverlapMetric::iou().with_pooling(Pooling::Batch),
    ];
    let losses = [
        SegmentationLossMetric::new(&loss),
        SegmentationLossMetric::new(&batchwise).with_name("Loss of the epoch"),
    ];
    let model = Segmenter {
        network: Conv1dConfig::new(1, 2, 1).init(&with_gradients),
        loss: loss.clone(),
    };

    let folder = std::env::temp_dir().join(format!("unifocal-burn-metrics-{}", std::process::id()));
    let mut training = SupervisedTraining::new(&folder, loader(&with_gradients), loader(&device))
        .metric_train_numeric(SegmentationLossMetric::new(&loss))
        .num_epochs(2);
    for metric in overlaps.clone() {
        training = training.metric_valid_numeric(metric);
    }
    for metric in losses.clone() {
        training = training.metric_valid_numeric(metric);
    }
    let result = training.launch(Learner::new(model, AdamConfig::new().init(), 0.1));

    let names = [
        overlaps.map(|metric| metric.name().to_string()),
        losses.map(|metric| metric.name().to_string()),
    ]
    .concat();
    let summary = LearnerSummary::new(&folder, &names).expect("the training wrote its logs");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    let logged: Vec<f64> = summary
        .metrics
        .valid
        .iter()
        .map(|metric| metric.entries.last().expect("two epochs").value)
        .collect();

    let (images, labels) = Samples.batch(samples.clone(), &device);
    let logits = result.model.network.forward(images);
    let hard = loss.hard_sums(logits.clone(), labels.clone()).to_vec();
    let mut dice = Scores::new(Overlap::Dice, 2, Settings::default()).unwrap();
    dice.add(&hard).unwrap();
    let batch = Settings::default().with_pooling(Pooling::Batch);
    let mut iou = Scores::new(Overlap::Iou, 2, batch).unwrap();
    iou.add(&hard).unwrap();
    let expected = [
        dice.per_class()[1].unwrap(),
        iou.value().unwrap(),
        loss.forward(logits.clone(), labels.clone())
            .into_scalar::<f64>(),
        batchwise.forward(logits, labels).into_scalar::<f64>(),
    ];
    assert_eq!(logged.len(), expected.len());
    for ((name, logged), expected) in names.iter().zip(logged).zip(expected) {
        assert!(
            (logged - expected).abs() <= 1e-6 * expected.abs(),
            "{name}: {logged} is not {expected}"
        );
    }
    assert_eq!(summary.metrics.train.len(), 1);
}
