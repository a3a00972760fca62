//! The sums of a case of which several processes hold a slab each.

use ndarray::IxDyn;
use unifocal_ndarray::core::{
    AnyLoss, Error as CoreError,
    data::{Element, Position},
};
use unifocal_ndarray::{Error, Evaluation, TargetArray};

use super::Task;
use crate::case::Arrays;
use crate::sweeps::Sums;

impl Task<'_> {
    /// The sums of a loss in each sample, over all slabs if this process holds one.
    pub(super) fn sums<P: Element, T: TargetArray>(
        &self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
        arrays: &Arrays,
        loss: &AnyLoss,
    ) -> Result<Vec<Sums>, Error> {
        let (Some(team), Some(slab)) = (self.team, &arrays.slab) else {
            return evaluation.sums(loss);
        };
        let own = evaluation.slab_sums(loss, &slab.slabs, slab.index())?;
        // As bits, which pass through any text.
        let bits = |sums: &Sums| <[f64; 6]>::from(*sums).map(f64::to_bits);
        let own: Vec<Vec<[u64; 6]>> = (own.iter())
            .map(|half| half.iter().map(bits).collect())
            .collect();
        // If another process has failed, halves are missing, which is refused.
        let all = team.gather(own).unwrap_or_default();
        let sums = |bits: [u64; 6]| Sums::from(bits.map(f64::from_bits));
        let halves = all.into_iter().flatten();
        let halves = halves.map(|half| half.into_iter().map(sums).collect());
        evaluation.merge_slabs(&slab.slabs, halves.collect())
    }
}

/// The voxel that an error names.
pub(super) fn position(error: &Error) -> Option<Position> {
    match error {
        Error::Core(CoreError::Value { at, .. } | CoreError::Label { at, .. }) => Some(*at),
        _ => None,
    }
}
