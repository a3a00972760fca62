//! The training loop: `burn-train` with a loss and metrics of this crate.

use std::path::Path;

use unifocal_burn::burn::data::dataloader::DataLoaderBuilder;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::optim::AdamConfig;
use unifocal_burn::burn::tensor::Device;
use unifocal_burn::burn::train::metric::Metric;
use unifocal_burn::burn::train::{
    InferenceStep, Learner, LearnerSummary, SupervisedTraining, TrainOutput, TrainStep,
};
use unifocal_burn::core::{Overlap, Scores};
use unifocal_burn::train::{OverlapMetric, SegmentationLossMetric, SegmentationOutput};
use unifocal_burn::{Input, NamedLossConfig, SegmentationLoss, Settings};

use crate::images::{Batch, Batches};
use crate::model::UNet;
use crate::phantoms::{self, Difficulty};

/// The settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) loss: String,
    pub(crate) epochs: usize,
    pub(crate) images: usize,
    pub(crate) seed: u64,
    pub(crate) difficulty: Difficulty,
}

/// A network with its training loss.
#[derive(Module, Debug)]
struct Segmenter {
    network: UNet,
    loss: SegmentationLoss,
}

impl Segmenter {
    fn output(&self, batch: Batch) -> SegmentationOutput {
        SegmentationOutput::new(&self.loss, self.network.forward(batch.images), batch.labels)
    }
}

impl TrainStep for Segmenter {
    type Input = Batch;
    type Output = SegmentationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<SegmentationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Segmenter {
    type Input = Batch;
    type Output = SegmentationOutput;

    fn step(&self, batch: Batch) -> SegmentationOutput {
        self.output(batch)
    }
}

/// Trains a network on phantoms and returns its Dice score on held-out ones.
pub(crate) fn train(
    run: &Run,
    folder: &Path,
    device: &Device,
) -> Result<f64, Box<dyn std::error::Error>> {
    device.seed(run.seed);
    let with_gradients = device.clone().autodiff();
    let loss = NamedLossConfig::new()
        .with_name(run.loss.clone())
        .with_input(Input::Softmax)
        .try_init()?;
    let of_lesion = Overlap::ALL.map(|overlap| OverlapMetric::new(overlap).with_class(1));
    let of_loss = SegmentationLossMetric::new(&loss);
    let model = Segmenter {
        network: UNet::new(8, 2, &with_gradients),
        loss: loss.clone(),
    };

    let [training, validation, held_out] =
        [(0, run.images), (1, run.images / 4), (2, run.images / 2)]
            .map(|(part, count)| phantoms::phantoms(count, 3 * run.seed + part, run.difficulty));
    let batches = Batches {
        size: [run.difficulty.size; 2],
    };
    let training = DataLoaderBuilder::new(batches.clone())
        .batch_size(8)
        .shuffle(run.seed)
        .set_device(with_gradients)
        .build(training);
    let validation = DataLoaderBuilder::new(batches.clone())
        .batch_size(8)
        .set_device(device.clone())
        .build(validation);

    let mut curves = vec![of_loss.name().to_string()];
    let mut supervised = SupervisedTraining::new(folder, training, validation)
        .metric_train_numeric(of_loss.clone())
        .metric_valid_numeric(of_loss)
        .with_default_checkpointers()
        .num_epochs(run.epochs);
    for metric in of_lesion {
        curves.push(metric.name().to_string());
        supervised = supervised.metric_valid_numeric(metric);
    }
    let learner = Learner::new(model, AdamConfig::new().init(), 5e-3);
    let result = supervised.launch(learner);
    print_curves(&LearnerSummary::new(folder, &curves)?);

    // The mean Dice score of the lesion over the images; 1 for an image without a lesion in which none is predicted.
    let batch = batches.whole(&held_out, device)?;
    let logits = result.model.network.forward(batch.images);
    let mut dice = Scores::new(Overlap::Dice, 2, Settings::default())?;
    dice.add(&loss.try_hard_sums(logits, batch.labels)?.try_to_vec()?)?;
    Ok(dice.per_class()[1].unwrap_or(f64::NAN))
}

/// Prints each metric over the epochs, as a line of bars from its smallest to its largest value.
fn print_curves(summary: &LearnerSummary) {
    let splits = [
        ("train", &summary.metrics.train),
        ("valid", &summary.metrics.valid),
    ];
    for (split, metrics) in splits {
        for metric in metrics {
            let values: Vec<f64> = metric.entries.iter().map(|entry| entry.value).collect();
            let (Some(first), Some(last)) = (values.first(), values.last()) else {
                continue;
            };
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let height =
                |value: f64| (7.0 * (value - low) / (high - low).max(f64::MIN_POSITIVE)) as u32;
            let bar = |value: &f64| char::from_u32(0x2581 + height(*value).min(7)).unwrap_or(' ');
            let bars: String = values.iter().map(bar).collect();
            println!("{split} {:<36} {bars} {first:.4} → {last:.4}", metric.name);
        }
    }
}
