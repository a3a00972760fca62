//! The options of grids: a loss, and values of its parameters.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use unifocal_ndarray::core::Parameter;

use super::axis::Axis;
use crate::failure::Failure;
use crate::format::Format;
use crate::loss::{self, Chosen, LossArgs};

/// A loss, and values of its parameters.
#[derive(Debug)]
pub(crate) struct GridArgs {
    loss: String,
    axes: Vec<(Parameter, Axis)>,
}

/// A grid has at most this many points.
const MOST_POINTS: usize = 100_000;

impl Args for GridArgs {
    fn augment_args(command: Command) -> Command {
        let parser = clap::value_parser!(Axis);
        loss::options(command, parser.into(), |_| "VALUES")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GridArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            loss: loss::name(matches),
            axes: loss::given(matches),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl GridArgs {
    /// The parameters that have several values.
    pub(super) fn varied(&self) -> Vec<Parameter> {
        let varied = self.axes.iter().filter(|(_, axis)| axis.0.len() > 1);
        varied.map(|(parameter, _)| *parameter).collect()
    }

    /// The losses of the grid. The last parameter varies fastest.
    pub(crate) fn losses(&self) -> Result<Vec<Chosen>, Failure> {
        let points = self.axes.iter().map(|(_, axis)| axis.0.len());
        let points = points.fold(1, usize::saturating_mul);
        if points > MOST_POINTS {
            return Err(Failure::Option(format!(
                "the grid has {points} points, expected at most {MOST_POINTS}"
            )));
        }
        let loss = |mut point: usize| {
            let mut parameters = Vec::with_capacity(self.axes.len());
            for (parameter, axis) in self.axes.iter().rev() {
                let value = axis.0[point % axis.0.len()];
                parameters.push((*parameter, value));
                point /= axis.0.len();
            }
            parameters.reverse();
            LossArgs::new(&self.loss, parameters).choose()
        };
        (0..points).map(loss).collect()
    }
}

/// The output of a grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct GridOutput {
    /// Report format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Also draw it to FILE, an SVG picture
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// The options of `curve`.
#[derive(Debug, Args)]
pub(crate) struct CurveArgs {
    #[command(flatten)]
    pub(crate) grid: GridArgs,
    /// Evaluate N points between 0 and 1 [default: 9 in a table, else 99]
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub(crate) points: Option<u32>,
    #[command(flatten)]
    pub(crate) output: GridOutput,
}
