//! The loop: `burn-train` with a loss of this crate, and the Dice score as a metric.

use std::path::Path;
use std::sync::Arc;

use unifocal_burn::burn::data::dataloader::DataLoaderBuilder;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::optim::AdamConfig;
use unifocal_burn::burn::tensor::{Device, Int, Tensor};
use unifocal_burn::burn::train::metric::state::{FormatOptions, NumericMetricState};
use unifocal_burn::burn::train::metric::{
    Adaptor, ItemLazy, LossInput, LossMetric, Metric, MetricAttributes, MetricMetadata, MetricName,
    Numeric, NumericAttributes, NumericEntry, SerializedEntry,
};
use unifocal_burn::burn::train::{
    InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep,
};
use unifocal_burn::{Activation, NamedLossConfig, SegmentationLoss};

use crate::data::{self, Batch, Difficulty, Phantoms};
use crate::model::UNet;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Run {
    pub loss: String,
    pub epochs: usize,
    pub images: usize,
    pub seed: u64,
    pub difficulty: Difficulty,
}

/// A network and the loss it learns from.
#[derive(Module, Debug)]
struct Segmenter {
    network: UNet,
    loss: SegmentationLoss,
}

impl Segmenter {
    fn output(&self, batch: Batch) -> Output {
        let logits = self.network.forward(batch.images);
        Output {
            loss: self.loss.forward(logits.clone(), batch.masks.clone()),
            logits,
            masks: batch.masks,
        }
    }
}

impl TrainStep for Segmenter {
    type Input = Batch;
    type Output = Output;

    fn step(&self, batch: Batch) -> TrainOutput<Output> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Segmenter {
    type Input = Batch;
    type Output = Output;

    fn step(&self, batch: Batch) -> Output {
        self.output(batch)
    }
}

/// Trains a network with these phantoms; its Dice score on others, which it has not seen.
pub fn train(run: &Run, folder: &Path, device: &Device) -> Result<f64, Box<dyn std::error::Error>> {
    device.seed(run.seed);
    let with_gradients = device.clone().autodiff();
    let loss = NamedLossConfig::new()
        .with_name(run.loss.clone())
        .with_activation(Activation::Softmax)
        .try_init(&with_gradients)?;
    let model = Segmenter {
        network: UNet::new(8, &with_gradients),
        loss,
    };

    let [training, validation, held_out] =
        [(0, run.images), (1, run.images / 4), (2, run.images / 2)]
            .map(|(part, count)| data::phantoms(count, 3 * run.seed + part, run.difficulty));
    let training = DataLoaderBuilder::new(Phantoms)
        .batch_size(8)
        .shuffle(run.seed)
        .set_device(with_gradients)
        .build(training);
    let validation = DataLoaderBuilder::new(Phantoms)
        .batch_size(8)
        .set_device(device.clone())
        .build(validation);

    let learner = Learner::new(model, AdamConfig::new().init(), 5e-3);
    let result = SupervisedTraining::new(folder, training, validation)
        .metric_train_numeric(LossMetric::new())
        .metric_valid_numeric(LossMetric::new())
        .metric_valid_numeric(DiceScore::default())
        .with_default_checkpointers()
        .num_epochs(run.epochs)
        .launch(learner);

    let batch = data::whole(&held_out, device);
    let logits = result.model.network.forward(batch.images);
    Ok(dice(logits, batch.masks))
}

/// The mean over the images of 2·TP / (predicted + true) of the lesion; of an image without any, 1.
fn dice(logits: Tensor<4>, masks: Tensor<3, Int>) -> f64 {
    let predicted = logits.argmax(1).squeeze_dim::<3>(1);
    let count = masks.dims()[0];
    let of_image = |image: usize| {
        let part = |tensor: &Tensor<3, Int>| tensor.clone().narrow(0, image, 1);
        let sum = |tensor: Tensor<3, Int>| tensor.sum().into_scalar::<i64>() as f64;
        let (predicted, mask) = (part(&predicted), part(&masks));
        let overlap = sum(predicted.clone() * mask.clone());
        let both = sum(predicted) + sum(mask);
        if both == 0.0 {
            1.0
        } else {
            2.0 * overlap / both
        }
    };
    (0..count).map(of_image).sum::<f64>() / count as f64
}

/// What a step gives to the metrics.
struct Output {
    loss: Tensor<1>,
    logits: Tensor<4>,
    masks: Tensor<3, Int>,
}

impl ItemLazy for Output {
    fn sync(self) -> Self {
        Self {
            loss: self.loss.no_grad(),
            logits: self.logits.no_grad(),
            masks: self.masks,
        }
    }
}

impl Adaptor<LossInput> for Output {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// Logits and masks.
struct DiceInput(Tensor<4>, Tensor<3, Int>);

impl Adaptor<DiceInput> for Output {
    fn adapt(&self) -> DiceInput {
        DiceInput(self.logits.clone(), self.masks.clone())
    }
}

/// The Dice score of the lesion, as a metric.
#[derive(Clone, Default)]
struct DiceScore {
    state: NumericMetricState,
}

impl Metric for DiceScore {
    type Input = DiceInput;

    fn name(&self) -> MetricName {
        Arc::new(String::from("Dice"))
    }

    fn update(
        &mut self,
        DiceInput(logits, masks): &DiceInput,
        _: &MetricMetadata,
    ) -> SerializedEntry {
        let count = masks.dims()[0];
        self.state
            .update(dice(logits.clone(), masks.clone()), count);
        self.state
            .compute_update(FormatOptions::new(self.name()).precision(3))
    }

    fn compute(&mut self) -> SerializedEntry {
        self.state
            .compute_final(FormatOptions::new(self.name()).precision(3))
    }

    fn clear(&mut self) {
        self.state.reset();
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: None,
            higher_is_better: true,
        }
        .into()
    }
}

impl Numeric for DiceScore {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.state.current_value())
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.state.running_value())
    }

    fn final_value(&self) -> NumericEntry {
        self.state.final_value()
    }
}
