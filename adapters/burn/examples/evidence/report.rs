//! Tables of the results, with bootstrap intervals.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::protocol::{BASELINE, LOSSES};
use crate::results::Row;

/// Resamples for an interval.
const RESAMPLES: usize = 2000;

/// A Dice score below this is a collapsed training.
const COLLAPSED: f64 = 0.01;

/// A loss at one share of foreground.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) loss: &'static str,
    pub(crate) share: f32,
    /// The mean Dice score over seeds and images, with its 95 % interval.
    pub(crate) dice: [f64; 3],
    /// The difference to the baseline, of the same seeds and images, with its 95 % interval.
    pub(crate) difference: [f64; 3],
    /// Trainings; of which never found anything, diverged, or ended below a Dice score of 0.01.
    pub(crate) trainings: usize,
    pub(crate) failed: usize,
    /// The median step of the first Dice score above 0.
    pub(crate) first: Option<usize>,
    /// The setting that the trials chose.
    pub(crate) setting: String,
}

/// Summarizes the test rows.
pub(crate) fn summarize(rows: &[Row]) -> Vec<Summary> {
    // Shares above 0 sort by their bits.
    let shares: BTreeSet<u32> = rows.iter().map(|row| row.share.to_bits()).collect();
    let mut summaries = Vec::new();
    for share in shares.into_iter().map(f32::from_bits) {
        let of = |loss: &str| -> Vec<&Row> {
            let is_test = |row: &&Row| row.part == "test" && row.share == share && row.loss == loss;
            let mut found: Vec<&Row> = rows.iter().filter(is_test).collect();
            found.sort_by_key(|row| row.seed);
            found
        };
        let baseline: Vec<Vec<f64>> = of(BASELINE).iter().map(|row| row.scores()).collect();
        for (loss, _) in LOSSES {
            let own = of(loss);
            let Some(any) = own.first() else { continue };
            let scores: Vec<Vec<f64>> = own.iter().map(|row| row.scores()).collect();
            let differences: Vec<Vec<f64>> = scores
                .iter()
                .zip(&baseline)
                .map(|(own, other)| own.iter().zip(other).map(|(a, b)| a - b).collect())
                .collect();
            let mut firsts: Vec<usize> = own.iter().filter_map(|row| row.first).collect();
            firsts.sort_unstable();
            let is_failed = |row: &&&Row| row.diverged || mean(&row.scores()) < COLLAPSED;
            summaries.push(Summary {
                loss,
                share,
                dice: interval(&scores),
                difference: interval(&differences),
                trainings: own.len(),
                failed: own.iter().filter(is_failed).count(),
                first: firsts.get(firsts.len() / 2).copied(),
                setting: format!("{} at {}", any.setting, any.rate),
            });
        }
    }
    summaries
}

/// The mean over seeds and images with its 95 % interval: seeds are drawn again, and within each its images.
fn interval(scores: &[Vec<f64>]) -> [f64; 3] {
    let all: Vec<f64> = scores.iter().flatten().copied().collect();
    if all.is_empty() {
        return [f64::NAN; 3];
    }
    let mut rng = fastrand::Rng::with_seed(0);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = (0..scores.len())
                .flat_map(|_| {
                    let of_seed = &scores[rng.usize(0..scores.len())];
                    let images: Vec<f64> = (0..of_seed.len())
                        .map(|_| of_seed[rng.usize(0..of_seed.len())])
                        .collect();
                    images
                })
                .collect();
            mean(&drawn)
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
    [mean(&all), at(0.025), at(0.975)]
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// The tables as Markdown.
pub(crate) fn tables(rows: &[Row], summaries: &[Summary]) -> String {
    let mut text = String::new();
    let versions: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    let trials = rows.iter().filter(|row| row.part == "trial").count();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{trials} trials, {} tests, unifocal-burn {}; intervals of 95 %, the difference to {BASELINE} over the same seeds and images\n",
        rows.len() - trials,
        versions.into_iter().collect::<Vec<_>>().join(", "),
    );
    text += "| foreground | loss | Dice | difference | failed | first step above 0 | chosen |\n|---|---|---|---|---|---|---|\n";
    for of in summaries {
        let [dice, low, high] = of.dice;
        let [difference, less, more] = of.difference;
        let first = of
            .first
            .map_or_else(|| "never".to_owned(), |step| step.to_string());
        let _ = writeln!(
            text,
            "| {:.1} % | {} | {dice:.3} ({low:.3} to {high:.3}) | {difference:+.3} ({less:+.3} to {more:+.3}) | {} of {} | {first} | {} |",
            100.0 * of.share,
            of.loss,
            of.failed,
            of.trainings,
            of.setting,
        );
    }
    text
}
