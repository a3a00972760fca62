//! The outcome of many cases. A failed case does not affect the others.

use std::ops::ControlFlow;

use crate::args::Data;
use crate::failure::{Failed, Failure};
use crate::pair::Pair;
use crate::pairs::Cases;
use crate::parallel::{self, Helpers, Limits};
use crate::progress::Progress;

/// The cases that succeeded and those that failed. There is at least one case.
#[derive(Debug)]
pub(crate) struct Outcome<R> {
    pub(crate) good: Vec<(Pair, R)>,
    pub(crate) failed: Vec<Failed>,
    /// Notes about how the cases were found.
    pub(crate) notes: Vec<String>,
}

/// Calls `run` for each case and returns the results in order. With `--fail-fast` the first failure is the only result.
pub(crate) fn of_each<R: Send>(
    found: Cases,
    data: &Data,
    run: impl Fn(&Pair) -> Result<R, Failure> + Sync,
) -> Result<Outcome<R>, Failure> {
    let mut outcome = Outcome {
        good: Vec::new(),
        failed: Vec::new(),
        notes: found.notes,
    };
    each(
        found.cases,
        data,
        run,
        |result| {
            match result {
                Ok(scored) => outcome.good.push(scored),
                Err(failed) => outcome.failed.push(failed),
            }
            Ok(())
        },
        None,
    )?;
    Ok(outcome)
}

/// Calls `run` for each case, many at a time, and `take` with each result, in order, as soon as it and all earlier ones are there.
/// With `--fail-fast`, the first failure ends this, as a failure of `take` does. Helpers take a part of the cases.
pub(crate) fn each<R: Send>(
    found: Vec<Result<Pair, Failed>>,
    data: &Data,
    run: impl Fn(&Pair) -> Result<R, Failure> + Sync,
    mut take: impl FnMut(Result<(Pair, R), Failed>) -> Result<(), Failure>,
    helpers: Option<&mut dyn Helpers<Result<R, Failure>>>,
) -> Result<(), Failure> {
    let fail_fast = data.pairing.fail_fast;
    let is_missing = |case: &Result<Pair, Failed>| case.is_err();
    if fail_fast && let Some(missing) = found.iter().position(is_missing) {
        let missing = found.into_iter().nth(missing).and_then(Result::err);
        return missing.map_or(Ok(()), |failed| Err(*failed.failure));
    }
    let progress = Progress::of(found.len());
    let pairs: Vec<Pair> = found.iter().flatten().cloned().collect();
    let pairs: Vec<&Pair> = pairs.iter().collect();
    let mut found = found.into_iter();
    let mut end = Ok(());
    // Takes the cases up to the next one that was run, whose result this is.
    let mut step = |result: Option<Result<R, Failure>>| -> Result<(), Failure> {
        for case in found.by_ref() {
            progress.advance();
            match case {
                Err(failed) => take(Err(failed))?,
                Ok(pair) => {
                    return match result {
                        Some(Err(failure)) if fail_fast => Err(failure),
                        Some(Err(failure)) => take(Err(Failed::new(pair, failure))),
                        Some(Ok(result)) => take(Ok((pair, result))),
                        None => Ok(()),
                    };
                }
            }
        }
        Ok(())
    };
    let take = |result| {
        end = step(Some(result));
        match end {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    parallel::in_order(&pairs, Limits::of(data), &run, take, helpers)?;
    end?;
    step(None)
}

impl<R> Outcome<R> {
    /// Calls `then` for the cases that succeeded.
    pub(crate) fn and_then<S>(
        self,
        data: &Data,
        mut then: impl FnMut(R) -> Result<S, Failure>,
    ) -> Result<Outcome<S>, Failure> {
        let mut outcome = Outcome {
            good: Vec::new(),
            failed: self.failed,
            notes: self.notes,
        };
        for (pair, result) in self.good {
            match then(result) {
                Ok(result) => outcome.good.push((pair, result)),
                Err(failure) if data.pairing.fail_fast => return Err(failure),
                Err(failure) => outcome.failed.push(Failed::new(pair, failure)),
            }
        }
        Ok(outcome)
    }

    /// The number of cases.
    pub(crate) fn count(&self) -> usize {
        self.good.len() + self.failed.len()
    }
}
