//! The outcome of many cases. A failed case does not affect the others.

use crate::args::Data;
use crate::failure::{Failed, Failure};
use crate::pair::Pair;
use crate::pairs::Cases;
use crate::parallel;

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
    let fail_fast = data.pairing.fail_fast;
    let Cases { cases, notes } = found;
    let mut found = Vec::with_capacity(cases.len());
    for case in cases {
        match case {
            Err(failed) if fail_fast => return Err(*failed.failure),
            case => found.push(case),
        }
    }
    let results = {
        let pairs: Vec<&Pair> = found.iter().filter_map(|case| case.as_ref().ok()).collect();
        let memory = data.memory.as_u64();
        parallel::in_pool(data.threads, || {
            parallel::in_order(&pairs, memory, fail_fast, &run)
        })?
    };
    let mut results = results.into_iter();
    let mut outcome = Outcome {
        good: Vec::new(),
        failed: Vec::new(),
        notes,
    };
    for case in found {
        match case {
            Err(failed) => outcome.failed.push(failed),
            Ok(pair) => match results.next() {
                Some(result) => outcome.add(pair, result, fail_fast)?,
                None => break,
            },
        }
    }
    Ok(outcome)
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
            outcome.add(pair, then(result), data.pairing.fail_fast)?;
        }
        Ok(outcome)
    }

    fn add(
        &mut self,
        pair: Pair,
        result: Result<R, Failure>,
        fail_fast: bool,
    ) -> Result<(), Failure> {
        match result {
            Ok(result) => self.good.push((pair, result)),
            Err(failure) if fail_fast => return Err(failure),
            Err(failure) => self.failed.push(Failed::new(pair, failure)),
        }
        Ok(())
    }

    /// The number of cases.
    pub(crate) fn count(&self) -> usize {
        self.good.len() + self.failed.len()
    }
}
