//! Compares losses on generated images with little foreground: the same network, data, steps and number of trials for each.
//!
//! ```text
//! cargo run --release -p unifocal-burn --features train --example evidence -- run results.csv
//! cargo run --release -p unifocal-burn --features train --example evidence -- report results.csv plot.svg
//! ```
//!
//! `run` trains every loss on every share of foreground: some trials with different settings, which a validation set decides between, then
//! the best setting with several seeds on other images. It appends a row per training to the file, and leaves out those that the file has,
//! so it can be interrupted. `run --minute` does the same with fewer trials, steps, images, shares and seeds: it shows that the program
//! works, and nothing about the losses. `report` prints the tables and draws the plot.

#[path = "train/data.rs"]
mod data;
#[path = "train/model.rs"]
mod model;
#[path = "evidence/plot.rs"]
mod plot;
#[path = "evidence/protocol.rs"]
mod protocol;
#[path = "evidence/report.rs"]
mod report;
#[path = "evidence/results.rs"]
mod results;
#[path = "evidence/training.rs"]
mod training;

use std::path::PathBuf;

use clap::Parser;

use crate::protocol::Scale;

/// Compare losses on generated images.
#[derive(Debug, Parser)]
enum Arguments {
    /// Train, and append a row per training to a CSV file
    Run {
        /// The file
        results: PathBuf,
        /// A version that takes a minute
        #[arg(long)]
        minute: bool,
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
        Arguments::Run { results, minute } => {
            let scale = if minute { Scale::MINUTE } else { Scale::FULL };
            training::run(&scale, &results)
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
