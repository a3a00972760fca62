//! Compares losses on generated images with little foreground and on a brain: the same network, data, steps and trials for each.
//!
//! ```text
//! cargo run --release -p unifocal-burn --features train --example evidence -- run results.csv --brain templates
//! cargo run --release -p unifocal-burn --features train --example evidence -- report results.csv plot.svg
//! ```
//!
//! `run` trains with every loss: trials at some parameters and learning rates, which a validation set decides between, then the best of them with
//! several seeds.
//! It appends a row per training to the file, and leaves out those that the file has, so it can be interrupted. `--brain` takes the folder
//! with MRIcron's templates; without it, all images are generated. `--minute` takes fewer trials, steps, images and seeds: it shows that the
//! program works, and nothing about the losses. `report` prints the tables and draws the plot. `once` is a single training, to look at its
//! course. `docs/evidence.md` has the results, and says where to get the brain.

#[path = "evidence/brain.rs"]
mod brain;
#[path = "train/images.rs"]
mod images;
#[path = "train/model.rs"]
mod model;
#[path = "train/phantoms.rs"]
mod phantoms;
#[path = "evidence/plot.rs"]
mod plot;
#[path = "evidence/protocol.rs"]
mod protocol;
#[path = "evidence/report.rs"]
mod report;
#[path = "evidence/results.rs"]
mod results;
#[path = "evidence/sets.rs"]
mod sets;
#[path = "evidence/training.rs"]
mod training;

use std::path::PathBuf;

use clap::Parser;

use crate::protocol::{Phantoms, Scale};
use crate::results::Row;
use crate::sets::Set;

/// Compare losses on generated images, and on a brain.
#[derive(Debug, Parser)]
enum Arguments {
    /// Train, and append a row per training to a CSV file
    Run {
        /// The file
        results: PathBuf,
        /// Train on the brain in this folder, too (ch2.nii.gz and aal.nii.gz of MRIcron's templates)
        #[arg(long, value_name = "FOLDER")]
        brain: Option<PathBuf>,
        /// A version that takes a minute
        #[arg(long)]
        minute: bool,
    },
    /// Train once, and print the scores on the way
    Once {
        /// The loss, such as 'tversky'
        loss: String,
        /// Its parameter, such as 'delta=0.6'
        #[arg(long, default_value = "")]
        parameter: String,
        /// The learning rate
        #[arg(long, default_value_t = 1e-2)]
        rate: f64,
        /// The seed of the weights, the order of the images, and the phantoms
        #[arg(long, default_value_t = 3000)]
        seed: u64,
        /// The share of the pixels that the lesions of phantoms cover
        #[arg(long, default_value_t = 0.01)]
        share: f32,
        /// Train on the brain in this folder instead of phantoms
        #[arg(long, value_name = "FOLDER")]
        brain: Option<PathBuf>,
    },
    /// Print the tables of a CSV file and draw its plot
    Report {
        /// The file
        results: PathBuf,
        /// The plot, as SVG
        plot: PathBuf,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Arguments::parse() {
        Arguments::Run {
            results,
            brain,
            minute,
        } => {
            let (scale, phantoms) = match minute {
                true => (Scale::MINUTE, Phantoms::MINUTE),
                false => (Scale::FULL, Phantoms::FULL),
            };
            let mut sets = phantoms.sets();
            if let Some(folder) = brain {
                sets.insert(2, Set::brain(&folder)?);
            }
            training::run(&scale, &sets, &results)
        }
        Arguments::Once {
            loss,
            parameter,
            rate,
            seed,
            share,
            brain,
        } => {
            let scale = Scale::FULL;
            let set = match brain {
                Some(folder) => Set::brain(&folder)?,
                None => Set::phantoms(share, Phantoms::FULL.images),
            };
            let row = Row::new(
                "test",
                &set,
                &loss,
                (&parameter, rate),
                set.steps(&scale),
                seed,
            );
            let row = training::train(&scale, &set, row, |step, dice| {
                println!("step {step}: {dice:.3}");
            })?;
            println!("test: {}", row.test);
            Ok(())
        }
        Arguments::Report { results, plot } => {
            let rows = results::read(&results)?;
            let summaries = report::summarize(&rows);
            print!("{}", report::tables(&rows, &summaries));
            std::fs::write(&plot, plot::svg(&summaries))?;
            Ok(())
        }
    }
}
