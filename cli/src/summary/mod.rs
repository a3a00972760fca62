//! Summaries of files of results: statistics per score and class, worst cases, subgroups, and two runs compared pair by pair.

mod args;
mod difference;
mod gather;
mod nnunet;
mod report;
mod rows;
mod score_name;

pub(crate) use args::{DiffArgs, SummaryArgs};
pub(crate) use difference::difference;
pub(crate) use rows::summarize;
