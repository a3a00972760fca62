//! Runs cases in parallel within a memory limit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rayon::ThreadPoolBuilder;

use crate::args::Data;
use crate::failure::Failure;
use crate::pair::Pair;
use crate::read;

/// The assumed compression ratio. Masks compress better, predictions worse.
const COMPRESSED: u64 = 16;

/// While a case takes long, results of at most this many later ones wait for it.
const MOST_WAITING: usize = 1000;

/// How many cases run at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The number of threads; 0 means one per core.
    pub(crate) threads: usize,
    /// Cases run together as long as their files, once read, are expected to fit into this many bytes.
    pub(crate) memory: u64,
}

impl Limits {
    pub(crate) fn of(data: &Data) -> Self {
        Self {
            threads: data.threads,
            // Processes that share each case take one at a time.
            memory: match data.team {
                Some(_) => 0,
                None => data.memory.as_u64(),
            },
        }
    }
}

/// Other processes that run cases for this one.
pub(crate) trait Helpers<R> {
    /// The next report of a helper, if there is one.
    fn poll(&mut self) -> Result<Option<Report<R>>, Failure>;

    /// Gives a case to a helper that has room for it.
    fn give(&mut self, helper: Helper, index: usize, pair: &Pair);
}

/// A helper, by its number.
pub(crate) type Helper = i32;

/// A message of a helper.
#[cfg_attr(
    not(feature = "mpi"),
    expect(dead_code, reason = "the helpers are ranks of MPI")
)]
pub(crate) enum Report<R> {
    /// It has room for a case.
    Idle(Helper),
    /// The result of the case with this index.
    Done(usize, R),
}

/// How long this process waits for its own cases before it listens to the helpers again.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);

/// Calls `run` for each pair, and `take` with each result, in order, as soon as it and all earlier ones are there. `take` may end the
/// run: no further case starts, and no further result is taken.
///
/// At least one case runs. No case waits for another one, unless memory is scarce.
pub(crate) fn in_order<R: Send>(
    pairs: &[&Pair],
    limits: Limits,
    run: impl Fn(&Pair) -> R + Sync,
    mut take: impl FnMut(R) -> ControlFlow<()>,
    mut helpers: Option<&mut dyn Helpers<R>>,
) -> Result<(), Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(limits.threads).build();
    let pool = pool.map_err(|error| Failure::Threads(error.to_string()))?;
    let most = pool.current_num_threads();
    let (sender, receiver) = mpsc::channel();
    let run = &run;
    // This thread hands out cases and takes results; the pool's threads run the cases.
    pool.in_place_scope(|scope| {
        let mut line = Line::new(pairs, limits.memory, most);
        let mut waiting = BTreeMap::new();
        let mut idle = Vec::new();
        let mut taken = 0;
        let mut ended = false;
        loop {
            while !ended && let Some(case) = line.next(taken) {
                line.expect_another();
                let (pair, sender) = (pairs[case.index], sender.clone());
                scope.spawn(move |_| {
                    let result = catch_unwind(AssertUnwindSafe(|| run(pair)));
                    // The receiver lives until the scope ends.
                    let _ = sender.send((case, result));
                });
            }
            if let Some(helpers) = &mut helpers {
                while !ended
                    && !idle.is_empty()
                    && let Some(index) = line.lend(taken)
                    && let Some(helper) = idle.pop()
                {
                    helpers.give(helper, index, pairs[index]);
                }
            }
            if line.running + line.lent == 0 {
                return Ok(());
            }
            let own = match &mut helpers {
                None => receiver.recv().ok(),
                Some(helpers) => match helpers.poll()? {
                    None => receiver.recv_timeout(PAUSE).ok(),
                    Some(Report::Idle(helper)) => {
                        idle.push(helper);
                        None
                    }
                    Some(Report::Done(index, result)) => {
                        line.lent -= 1;
                        waiting.insert(index, result);
                        None
                    }
                },
            };
            if let Some((case, result)) = own {
                line.finish(case);
                let result = result.unwrap_or_else(|panic| resume_unwind(panic));
                waiting.insert(case.index, result);
            }
            while !ended && let Some(result) = waiting.remove(&taken) {
                taken += 1;
                ended = take(result).is_break();
            }
        }
    })
}

/// A case that runs, and the memory that its files are expected to need.
#[derive(Clone, Copy)]
struct Started {
    index: usize,
    need: u64,
}

/// The cases that wait to be run.
struct Line<'a> {
    pairs: &'a [&'a Pair],
    memory: u64,
    most: usize,
    started: usize,
    running: usize,
    /// How many cases helpers run.
    lent: usize,
    used: u64,
}

impl<'a> Line<'a> {
    fn new(pairs: &'a [&'a Pair], memory: u64, most: usize) -> Self {
        Self {
            pairs,
            memory,
            most,
            started: 0,
            running: 0,
            lent: 0,
            used: 0,
        }
    }

    /// The next case, if it can run beside those that run now.
    fn next(&mut self, taken: usize) -> Option<Started> {
        let index = self.started;
        let pair = self.pairs.get(index)?;
        let need = need(pair);
        let used = self.used.saturating_add(need);
        let fits = used <= self.memory && self.running < self.most;
        if self.running > 0 && (!fits || index - taken >= MOST_WAITING) {
            return None;
        }
        self.started += 1;
        self.running += 1;
        self.used = used;
        Some(Started { index, need })
    }

    /// Has the files of a case fetched that starts when the ones that run are done.
    fn expect_another(&self) {
        if let Some(pair) = self.pairs.get(self.started + self.most - 1)
            && self.used.saturating_add(need(pair)) <= self.memory
        {
            read::expect(&pair.prediction);
            read::expect(&pair.target);
        }
    }

    /// The next case, for a helper.
    fn lend(&mut self, taken: usize) -> Option<usize> {
        let index = self.started;
        if index >= self.pairs.len() || index - taken >= MOST_WAITING {
            return None;
        }
        self.started += 1;
        self.lent += 1;
        Some(index)
    }

    fn finish(&mut self, case: Started) {
        self.running -= 1;
        self.used = self.used.saturating_sub(case.need);
    }
}

/// The memory that the files of a case are expected to need, in bytes.
pub(crate) fn need(pair: &Pair) -> u64 {
    of_file(&pair.prediction).saturating_add(of_file(&pair.target))
}

fn of_file(file: &Path) -> u64 {
    let (file, _) = read::split_key(file);
    // A missing file is reported when it is read.
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let name = file.to_string_lossy().to_ascii_lowercase();
    let plain = [".npy", ".nii"].iter().any(|end| name.ends_with(end));
    size.saturating_mul(if plain { 1 } else { COMPRESSED })
}
