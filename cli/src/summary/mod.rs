//! Summaries of files of results: statistics per score and class, worst cases, subgroups, and two runs compared pair by pair.

mod args;
mod difference;
mod gather;
mod nnunet;
mod report;
mod rows;
mod score_name;

pub(crate) use args::{DiffArgs, RunArgs, SummaryArgs};
pub(crate) use difference::difference;
pub(crate) use report::count;
pub(crate) use rows::{Row, Summary, of_losses, summarize};
pub(crate) use score_name::ScoreName;
