//! The options of `check` besides those of the files and the loss.

use clap::Args;

use crate::format::Format;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CheckArgs {
    /// Compare the gradient with central differences at N random numbers of PRED
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Check")]
    pub(crate) samples: usize,
    /// Set the seed of the random choice
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Check")]
    pub(crate) seed: u64,
    /// Report format
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: Format,
}
