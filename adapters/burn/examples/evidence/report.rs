//! Tables of the results, with bootstrap intervals.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::brain::STRUCTURES;
use crate::protocol::{BASELINE, LOSSES};
use crate::results::Row;
use crate::sets::{BRAIN, Name};

/// Resamples for an interval.
const RESAMPLES: usize = 2000;

/// A Dice score below this is a collapsed training.
const COLLAPSED: f64 = 0.01;

/// A loss on one set of images.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) loss: &'static str,
    pub(crate) set: Name,
    /// The mean Dice score over the seeds and what is scored of each, with its 95 % interval.
    pub(crate) dice: [f64; 3],
    /// The difference to the baseline, of the same seeds and images, with its 95 % interval.
    pub(crate) difference: [f64; 3],
    /// Trainings; of these, those that diverged; and those that did not, and ended below a Dice score of 0.01.
    pub(crate) trainings: usize,
    pub(crate) diverged: usize,
    pub(crate) collapsed: usize,
    /// The median step from which on the validated Dice score is above 0; none if that is no step.
    pub(crate) first: Option<usize>,
    /// The parameter and the learning rate that the trials chose.
    pub(crate) parameter: String,
    pub(crate) rate: f64,
    /// For the brain: the same two numbers, Dice and difference, of each structure.
    pub(crate) structures: Vec<[[f64; 3]; 2]>,
}

/// Summarizes the test rows.
pub(crate) fn summarize(rows: &[Row]) -> Vec<Summary> {
    let mut sets: Vec<Name> = rows.iter().map(Row::name).collect();
    // Phantoms come first. Shares are numbers, so that any two sets compare.
    sets.sort_by(|a, b| {
        let name = b.set.cmp(&a.set);
        name.then(a.share.partial_cmp(&b.share).unwrap_or(Ordering::Equal))
    });
    sets.dedup();
    sets.iter().flat_map(|set| summaries(rows, set)).collect()
}

/// Summarizes the test rows of a set.
fn summaries(rows: &[Row], set: &Name) -> Vec<Summary> {
    let of = |loss: &str| -> Vec<&Row> {
        let is_test = |row: &&Row| row.part == "test" && row.name() == *set && row.loss == loss;
        let mut found: Vec<&Row> = rows.iter().filter(is_test).collect();
        found.sort_by_key(|row| row.seed);
        found
    };
    let baseline = of(BASELINE);
    // Structures are the same in each training; phantoms are a sample.
    let are_drawn = set.set != BRAIN;
    let summary = |loss: &'static str| {
        let own = of(loss);
        let any = own.first()?;
        let scores: Vec<Vec<f64>> = own.iter().map(|row| row.scores()).collect();
        let differences = |(own, other): (&&Row, &&Row)| -> Vec<f64> {
            let pairs = own.scores().into_iter().zip(other.scores());
            pairs.map(|(own, other)| own - other).collect()
        };
        let same_seed = |row: &&&Row| baseline.iter().find(|other| other.seed == row.seed);
        let pairs = own.iter().filter_map(|row| Some((row, same_seed(&row)?)));
        let differences: Vec<Vec<f64>> = pairs.map(differences).collect();
        let mut firsts: Vec<Option<usize>> = own.iter().map(|row| row.first).collect();
        firsts.sort_unstable_by_key(|first| first.unwrap_or(usize::MAX));
        let diverged = own.iter().filter(|row| row.diverged).count();
        let is_failed = |row: &&&Row| row.diverged || mean(&row.scores()) < COLLAPSED;
        let structures = match are_drawn {
            true => Vec::new(),
            false => (0..STRUCTURES.len())
                .map(|at| {
                    [&scores, &differences].map(|all| interval(&of_structure(all, at), false))
                })
                .collect(),
        };
        Some(Summary {
            loss,
            set: set.clone(),
            dice: interval(&scores, are_drawn),
            difference: interval(&differences, are_drawn),
            trainings: own.len(),
            diverged,
            collapsed: own.iter().filter(is_failed).count() - diverged,
            first: firsts[firsts.len() / 2],
            parameter: any.parameter.clone(),
            rate: any.rate,
            structures,
        })
    };
    LOSSES
        .iter()
        .filter_map(|loss| summary(loss.name))
        .collect()
}

/// The score of one structure for each seed.
fn of_structure(scores: &[Vec<f64>], structure: usize) -> Vec<Vec<f64>> {
    let of_seed = |scores: &Vec<f64>| scores.get(structure).map(|score| vec![*score]);
    scores.iter().filter_map(of_seed).collect()
}

/// The mean with its 95 % interval: seeds are drawn again, and within each its images.
fn interval(scores: &[Vec<f64>], are_drawn: bool) -> [f64; 3] {
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
                    let mut of_image = |image| match are_drawn {
                        true => of_seed[rng.usize(0..of_seed.len())],
                        false => of_seed[image],
                    };
                    (0..of_seed.len()).map(&mut of_image).collect::<Vec<f64>>()
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
    text += "| images | loss | Dice | difference | diverged | collapsed | above 0 from step | parameter | learning rate |\n|---|---|---|---|---|---|---|---|---|\n";
    for of in summaries {
        let first = of
            .first
            .map_or_else(|| "never".to_owned(), |step| step.to_string());
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} of {n} | {} of {n} | {first} | {} | {} |",
            of.set,
            of.loss,
            score(of.dice),
            difference(of.difference),
            of.diverged,
            of.collapsed,
            of.parameter,
            of.rate,
            n = of.trainings,
        );
    }
    if summaries.iter().any(|of| !of.structures.is_empty()) {
        let all = |which: usize| move |of: &[[f64; 3]; 2]| of[which];
        text += &of_structures(summaries, "Dice score of each structure", all(0), score);
        text += &of_structures(
            summaries,
            "Its difference to that of the baseline",
            all(1),
            difference,
        );
    }
    text
}

fn score([mean, low, high]: [f64; 3]) -> String {
    format!("{mean:.3} ({low:.3} to {high:.3})")
}

fn difference([mean, low, high]: [f64; 3]) -> String {
    format!("{mean:+.3} ({low:+.3} to {high:+.3})")
}

/// A table of the brain's structures.
fn of_structures(
    summaries: &[Summary],
    title: &str,
    which: impl Fn(&[[f64; 3]; 2]) -> [f64; 3],
    format: impl Fn([f64; 3]) -> String,
) -> String {
    let names = STRUCTURES.map(|(name, _)| name).join(" | ");
    let lines = "---|".repeat(STRUCTURES.len());
    let mut text = format!("\n{title}\n\n| loss | {names} |\n|---|{lines}\n");
    for of in summaries.iter().filter(|of| !of.structures.is_empty()) {
        let cells = of.structures.iter().map(|of| format(which(of)));
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| `{}` | {} |", of.loss, cells.join(" | "));
    }
    text
}
