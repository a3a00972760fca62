//! The metrics for `burn-train`: their values, entries and names.

mod training;

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_burn::burn::data::dataloader::Progress;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::burn::train::metric::{
    Adaptor, ItemLazy, LossInput, LossMetric, Metric, MetricAttributes, MetricMetadata, Numeric,
    NumericEntry, SerializedEntry,
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
