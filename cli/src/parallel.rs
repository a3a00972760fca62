//! Many cases at the same time, within a bound of memory.

use std::path::Path;

use rayon::prelude::*;

use crate::failure::Failure;
use crate::pairs::Pair;

/// How much larger than its file a compressed volume is taken to be: masks compress well, predictions do not.
const COMPRESSED: u64 = 16;

/// What `run` gives for each pair, in their order; of several failures, the first.
///
/// As many cases run at the same time as their files, once read, are expected to fit into `memory` bytes together, and one in
/// any case.
pub(crate) fn in_order<R: Send>(
    pairs: &[Pair],
    memory: u64,
    run: impl Fn(&Pair) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let mut results = Vec::with_capacity(pairs.len());
    let mut rest = pairs;
    while !rest.is_empty() {
        let mut needed = 0;
        let fitting = rest
            .iter()
            .take_while(|pair| {
                needed += need(&pair.prediction) + need(&pair.target);
                needed <= memory
            })
            .count();
        let (batch, later) = rest.split_at(fitting.max(1));
        let batch: Vec<_> = batch.par_iter().map(&run).collect();
        for result in batch {
            results.push(result?);
        }
        rest = later;
    }
    Ok(results)
}

/// How many bytes a file is expected to need.
fn need(file: &Path) -> u64 {
    // A file that is not there is told of when it is read.
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let name = file.to_string_lossy().to_ascii_lowercase();
    let plain = [".npy", ".nii"].iter().any(|end| name.ends_with(end));
    size.saturating_mul(if plain { 1 } else { COMPRESSED })
}
