//! Reads a case and scores it.

use crate::args::Data;
use crate::assemble;
use crate::case::Content;
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::score::{Scored, Wanted, score};

/// Scores the files of a case with each loss, as [`score`] does.
///
/// A look at all numbers before they are scored takes a quarter of the time, and tells of most probabilities nothing but that they are
/// some. So it comes only if they are refused.
pub(crate) fn score_files(
    pair: &Pair,
    data: &Data,
    losses: &[Chosen],
    wanted: Wanted,
) -> Result<Scored, Failure> {
    if let Some(team) = &data.team {
        team.begin(pair);
    }
    let case = together(data, || assemble::read_trusting(pair, data))?;
    let scored = together(data, || score(&case, pair, data, losses, wanted));
    match &case.content {
        Content::Arrays(arrays) if arrays.summary.is_none() && scored.is_err() => {
            let case = together(data, || assemble::read(pair, data))?;
            together(data, || score(&case, pair, data, losses, wanted))
        }
        _ => scored,
    }
}

/// Takes a step, together with the processes that hold the other slabs, if there are any.
fn together<R>(data: &Data, step: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    match &data.team {
        Some(team) => team.together(step),
        None => step(),
    }
}
