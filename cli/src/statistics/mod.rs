//! Statistics of numbers, one per case.

mod bootstrap;
mod describe;
mod wilcoxon;

pub(crate) use bootstrap::{Resampling, interval_of_mean};
pub(crate) use describe::{Description, describe};
pub(crate) use wilcoxon::{SignedRank, signed_rank};
