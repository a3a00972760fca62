//! Runs that write their scores to a file as they come, and can be continued and split.

pub(crate) mod args;
mod write;

pub(crate) use write::Streamed;
