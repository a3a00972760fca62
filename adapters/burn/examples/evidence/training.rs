//! Trains each loss: its trials, then the best of them with several seeds.

use std::path::Path;

use unifocal_burn::burn::data::dataloader::batcher::Batcher;
use unifocal_burn::burn::data::dataset::Dataset;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::optim::{AdamConfig, GradientsParams};
use unifocal_burn::burn::tensor::Device;
use unifocal_burn::core::{AnyLoss, Overlap, Scores, Settings};
use unifocal_burn::{Error, Input, SegmentationLoss};

use crate::data::{self, Batch, Difficulty, Phantoms};
use crate::model::UNet;
use crate::protocol::{LOSSES, Scale, Trial};
use crate::results::{self, Row};

type Failure = Box<dyn std::error::Error>;

/// Runs what the file lacks of an experiment.
pub(crate) fn run(scale: &Scale, path: &Path) -> Result<(), Failure> {
    let known = if path.exists() {
        results::read(path)?
    } else {
        Vec::new()
    };
    let mut writer = results::appender(path)?;
    let mut all =
        |part: &str, loss: &str, trial: Trial, share: f32, seed: u64| -> Result<Row, Failure> {
            let wanted = Row {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                part: part.to_owned(),
                loss: loss.to_owned(),
                setting: trial.0.to_owned(),
                rate: trial.1,
                share,
                steps: scale.steps,
                seed,
                validation: f64::NAN,
                first: None,
                diverged: false,
                test: String::new(),
            };
            if let Some(row) = known.iter().find(|row| row.is_like(&wanted)) {
                return Ok(row.clone());
            }
            let row = train(scale, wanted)?;
            eprintln!(
                "{part} {share} {} {} seed {seed}: {:.3}",
                row.setting, row.rate, row.validation
            );
            writer.serialize(&row)?;
            writer.flush()?;
            Ok(row)
        };
    for share in scale.shares {
        for (loss, trials) in LOSSES {
            let mut best: Option<(Trial, f64)> = None;
            for trial in trials.into_iter().rev().take(scale.trials) {
                // Seeds of trials are not those of tests.
                let row = all("trial", loss, trial, *share, 1000)?;
                if best.is_none_or(|(_, most)| row.validation > most) {
                    best = Some((trial, row.validation));
                }
            }
            let (trial, _) = best.ok_or("a loss has trials")?;
            for seed in 0..scale.seeds {
                all("test", loss, trial, *share, seed)?;
            }
        }
    }
    Ok(())
}

/// Trains a network, and adds its scores to the row.
fn train(scale: &Scale, mut row: Row) -> Result<Row, Failure> {
    let device = Device::flex();
    device.seed(row.seed);
    let with_gradients = device.clone().autodiff();
    let difficulty = Difficulty {
        noise: 0.3,
        contrast: 1.0,
        share: row.share,
    };
    let [training, validation, test] = [0, 1, 2].map(|part: u64| {
        data::phantoms(scale.images[part as usize], 3 * row.seed + part, difficulty)
    });
    let loss: AnyLoss = row.setting.parse()?;
    let loss = SegmentationLoss::new(loss).with_input(Input::Softmax);
    let mut network = UNet::new(scale.channels, &with_gradients);
    let mut optimizer = AdamConfig::new().init();
    let mut order = fastrand::Rng::with_seed(row.seed);
    let validation = data::whole(&validation, &device)?;

    for step in 1..=scale.steps {
        let drawn = (0..scale.batch).map(|_| training.get(order.usize(0..training.len())));
        let drawn: Vec<_> = drawn.collect::<Result<_, _>>()?;
        let batch = Phantoms.batch(drawn, &with_gradients);
        let value = match loss.try_forward(network.forward(batch.images), batch.masks) {
            Ok(value) => value,
            // The only possible error here is a logit that is not finite.
            Err(Error::Core(_)) => {
                row.diverged = true;
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        network = optimizer.step(row.rate, network, gradients);
        if step % scale.every == 0 || step == scale.steps {
            row.validation = match dice(&loss, &network, &validation) {
                Ok(scores) => mean(&scores),
                Err(_) => f64::NAN,
            };
            if row.validation > 0.0 && row.first.is_none() {
                row.first = Some(step);
            }
        }
    }
    row.diverged |= !row.validation.is_finite();
    if row.diverged {
        row.validation = 0.0;
    }
    if row.part == "test" {
        let scores = match row.diverged {
            true => vec![0.0; test.len()],
            false => dice(&loss, &network, &data::whole(&test, &device)?)?,
        };
        let scores: Vec<String> = scores.iter().map(|score| format!("{score:.4}")).collect();
        row.test = scores.join(" ");
    }
    Ok(row)
}

/// The Dice score of the lesion in each image.
fn dice(loss: &SegmentationLoss, network: &UNet, images: &Batch) -> Result<Vec<f64>, Failure> {
    let logits = network.valid().forward(images.images.clone());
    let sums = loss
        .try_hard_sums(logits, images.masks.clone())?
        .try_to_vec()?;
    let of_image = |sums| -> Result<f64, Failure> {
        let mut scores = Scores::new(Overlap::Dice, 2, Settings::default())?;
        scores.add(sums)?;
        Ok(scores.per_class()[1].unwrap_or(f64::NAN))
    };
    sums.chunks(2).map(of_image).collect()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
