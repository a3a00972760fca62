//! The training loop: `burn-train` with a loss of this crate and the Dice score as a metric.

use std::path::Path;

use unifocal_burn::burn::data::dataloader::DataLoaderBuilder;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::optim::AdamConfig;
use unifocal_burn::burn::tensor::{Device, ExecutionError, Int, Tensor, activation};
use unifocal_burn::burn::train::metric::{
    Adaptor, ConfusionStatsInput, FBetaScoreMetric, ItemLazy, LossInput, LossMetric,
};
use unifocal_burn::burn::train::{
    InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep,
};
use unifocal_burn::{Input, NamedLossConfig, SegmentationLoss};

use crate::data::{self, Batch, Difficulty, Phantoms};
use crate::model::UNet;

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
        // The F1 score of pixels is the Dice score.
        .metric_valid_numeric(FBetaScoreMetric::binary(1.0, 0.5))
        .with_default_checkpointers()
        .num_epochs(run.epochs)
        .launch(learner);

    let batch = data::whole(&held_out, device)?;
    let logits = result.model.network.forward(batch.images);
    Ok(dice(logits, batch.masks))
}

/// The mean Dice score of the lesion, 2·TP / (predicted + true); 1 for an image without a lesion.
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

/// The output of a step, as the metrics need it.
struct Output {
    loss: Tensor<1>,
    logits: Tensor<4>,
    masks: Tensor<3, Int>,
}

impl ItemLazy for Output {
    fn sync(self) -> Result<Self, ExecutionError> {
        self.loss.device().flush()?;
        Ok(Self {
            loss: self.loss.without_autodiff(),
            logits: self.logits.without_autodiff(),
            masks: self.masks.without_autodiff(),
        })
    }
}

impl Adaptor<LossInput> for Output {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

impl Adaptor<ConfusionStatsInput> for Output {
    fn adapt(&self) -> ConfusionStatsInput {
        let p = activation::softmax(self.logits.clone(), 1).narrow(1, 1, 1);
        let pixels = [p.shape().num_elements(), 1];
        let lesions = self.masks.clone().equal_elem(1);
        ConfusionStatsInput::new(p.reshape(pixels), lesions.reshape(pixels))
    }
}
