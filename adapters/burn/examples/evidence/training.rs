//! Trains each loss: its trials, then the best parameter and learning rate with several seeds.

use std::path::Path;

use unifocal_burn::burn::data::dataloader::batcher::Batcher;
use unifocal_burn::burn::data::dataset::Dataset;
use unifocal_burn::burn::module::Module;
use unifocal_burn::burn::optim::{AdamConfig, GradientsParams};
use unifocal_burn::burn::tensor::Device;
use unifocal_burn::core::{AnyLoss, Overlap, Scores};
use unifocal_burn::{Error, SegmentationLoss, Settings};

use crate::images::{Batch, Batches};
use crate::model::UNet;
use crate::protocol::{LOSSES, Scale};
use crate::results::{self, Row};
use crate::sets::Set;

type Failure = Box<dyn std::error::Error>;

/// The seed of the trials, which is none of the tests.
const TRIAL_SEED: u64 = 1000;

/// Runs what the file lacks of an experiment.
pub(crate) fn run(scale: &Scale, sets: &[Set], path: &Path) -> Result<(), Failure> {
    let known = if path.exists() {
        results::read(path)?
    } else {
        Vec::new()
    };
    let mut writer = results::appender(path)?;
    let mut all = |part: &str, loss: &str, of: (&str, f64), set: &Set, seed: u64| {
        let wanted = Row::new(part, set, loss, of, set.steps(scale), seed);
        if let Some(row) = known.iter().find(|row| row.is_like(&wanted)) {
            return Ok::<Row, Failure>(row.clone());
        }
        let row = train(scale, set, wanted, |_, _| {})?;
        let (name, (parameter, rate), score) = (set.name(), of, row.validation);
        eprintln!("{name}: {part} of {loss}({parameter}) at {rate}, seed {seed}: {score:.3}");
        writer.serialize(&row)?;
        writer.flush()?;
        Ok(row)
    };
    for set in sets {
        let mut chosen = Vec::new();
        for loss in LOSSES {
            let mut best = None;
            for trial in loss.trials(scale) {
                let score = all("trial", loss.name, trial, set, TRIAL_SEED)?.validation;
                if best.is_none_or(|(_, most)| score > most) {
                    best = Some((trial, score));
                }
            }
            chosen.extend(best.map(|(trial, _)| (loss.name, trial)));
        }
        for seed in 0..scale.seeds {
            for (loss, trial) in &chosen {
                all("test", loss, *trial, set, seed)?;
            }
        }
    }
    Ok(())
}

/// Trains a network, and adds its scores to the row. `watch` gets each validated step and its score.
pub(crate) fn train(
    scale: &Scale,
    set: &Set,
    mut row: Row,
    watch: impl Fn(usize, f64),
) -> Result<Row, Failure> {
    let device = Device::flex();
    device.seed(row.seed);
    let with_gradients = device.clone().autodiff();
    let [training, validation, test] = set.images(row.seed);
    let loss: AnyLoss = match row.parameter.as_str() {
        "" => row.loss.parse()?,
        parameter => format!("{}({parameter})", row.loss).parse()?,
    };
    let loss = SegmentationLoss::new(loss).with_settings(set.settings(&row.loss));
    let mut network = UNet::new(scale.channels, set.classes, &with_gradients);
    let mut optimizer = AdamConfig::new().init();
    let mut order = fastrand::Rng::with_seed(row.seed);
    let batches = Batches { size: set.size };
    let validation = batches.whole(&validation, &device)?;

    for step in 1..=row.steps {
        let drawn = (0..scale.batch).map(|_| training.get(order.usize(0..training.len())));
        let drawn: Vec<_> = drawn.collect::<Result<_, _>>()?;
        let batch = batches.batch(drawn, &with_gradients);
        let value = match loss.try_forward(network.forward(batch.images), batch.labels) {
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
        if step % scale.every == 0 || step == row.steps {
            row.validation = match dice(set, &loss, &network, &validation) {
                Ok(scores) => mean(&scores),
                Err(_) => f64::NAN,
            };
            watch(step, row.validation);
            row.first = match row.validation > 0.0 {
                true => row.first.or(Some(step)),
                // Weights as they begin may hit something by chance.
                false => None,
            };
        }
    }
    row.diverged |= !row.validation.is_finite();
    if row.diverged {
        row.validation = 0.0;
    }
    if row.part == "test" {
        let scores = match row.diverged {
            true => vec![0.0; set.scores(test.len())],
            false => dice(set, &loss, &network, &batches.whole(&test, &device)?)?,
        };
        let scores: Vec<String> = scores.iter().map(|score| format!("{score:.4}")).collect();
        row.test = scores.join(" ");
    }
    Ok(row)
}

/// The Dice scores of the foreground: of the lesion in each phantom, or of each structure over all slices.
fn dice(
    set: &Set,
    loss: &SegmentationLoss,
    network: &UNet,
    images: &Batch,
) -> Result<Vec<f64>, Failure> {
    let logits = network.valid().forward(images.images.clone());
    let sums = loss
        .try_hard_sums(logits, images.labels.clone())?
        .try_to_vec()?;
    let settings = Settings::default().with_pooling(set.pooling);
    // Sums of a batch come as one sample.
    let mut all = Vec::new();
    for sums in sums.chunks(set.classes) {
        let mut scores = Scores::new(Overlap::Dice, set.classes, settings.clone())?;
        scores.add(sums)?;
        let of_class = |class: &Option<f64>| class.unwrap_or(f64::NAN);
        all.extend(scores.per_class()[1..].iter().map(of_class));
    }
    Ok(all)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
