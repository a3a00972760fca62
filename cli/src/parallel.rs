//! Runs cases in parallel within a memory limit.

use std::path::Path;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use crate::failure::Failure;
use crate::pair::Pair;
use crate::read;

/// The assumed compression ratio. Masks compress better, predictions worse.
const COMPRESSED: u64 = 16;

/// Runs `f` in a pool of this many threads; 0 means one per core.
pub(crate) fn in_pool<R: Send>(
    threads: usize,
    run: impl FnOnce() -> R + Send,
) -> Result<R, Failure> {
    match ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => Ok(pool.install(run)),
        Err(error) => Err(Failure::Threads(error.to_string())),
    }
}

/// Calls `run` for each pair and returns the results in order; with `fail_fast`, up to the first failure.
///
/// Cases run in parallel as long as their files, once read, are expected to fit into `memory` bytes together. At least one runs.
pub(crate) fn in_order<R: Send>(
    pairs: &[&Pair],
    memory: u64,
    fail_fast: bool,
    run: impl Fn(&Pair) -> Result<R, Failure> + Sync,
) -> Vec<Result<R, Failure>> {
    let mut results = Vec::with_capacity(pairs.len());
    let mut rest = pairs;
    while !rest.is_empty() {
        let mut needed: u64 = 0;
        let fitting = rest
            .iter()
            .take_while(|pair| {
                let more = need(&pair.prediction).saturating_add(need(&pair.target));
                needed = needed.saturating_add(more);
                needed <= memory
            })
            .count();
        let (batch, later) = rest.split_at(fitting.max(1));
        let batch: Vec<_> = batch.par_iter().map(|pair| run(pair)).collect();
        for result in batch {
            let ends = fail_fast && result.is_err();
            results.push(result);
            if ends {
                return results;
            }
        }
        rest = later;
    }
    results
}

/// The memory that a file is expected to need, in bytes.
fn need(file: &Path) -> u64 {
    let (file, _) = read::split_key(file);
    // A missing file is reported when it is read.
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let name = file.to_string_lossy().to_ascii_lowercase();
    let plain = [".npy", ".nii"].iter().any(|end| name.ends_with(end));
    size.saturating_mul(if plain { 1 } else { COMPRESSED })
}
