//! The metrics in a training.

use unifocal_burn::burn::data::dataloader::DataLoaderBuilder;
use unifocal_burn::burn::data::dataloader::batcher::Batcher;
use unifocal_burn::burn::data::dataset::InMemDataset;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::nn::conv::{Conv1d, Conv1dConfig};
use unifocal_burn::burn::optim::AdamConfig;
use unifocal_burn::burn::tensor::{Device, Int, Tensor, TensorData};
use unifocal_burn::burn::train::metric::Metric;
use unifocal_burn::burn::train::{
    InferenceStep, Learner, LearnerSummary, SupervisedTraining, TrainOutput, TrainStep,
};
use unifocal_burn::core::{Overlap, Scores, UnifiedFocal};
use unifocal_burn::train::{OverlapMetric, SegmentationLossMetric, SegmentationOutput};
use unifocal_burn::{Input, Pooling, SegmentationLoss, Settings};

use crate::{Sample, VOXELS};

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

/// A training logs for its last epoch the score of its last network over all samples at once.
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
