//! A row of values by stretches.

use core::ops::Range;

use crate::Field;
use crate::stretch::STRETCH;

/// The number of values in a stretch for which `holds` is true.
#[inline(always)]
pub(super) fn count<T: Copy>(stretch: &[T; STRETCH], holds: impl Fn(T) -> bool) -> usize {
    const { assert!(STRETCH < 256) };
    let mut count = 0_u8;
    for x in stretch {
        count += u8::from(holds(*x));
    }
    usize::from(count)
}

/// Calls `visit` with the index and the values of each stretch of a channel. A shorter last stretch
/// is filled up with its first value, so that the compiler knows the length of all of them.
#[inline(always)]
pub(super) fn for_each_stretch<F: Field>(
    field: &F,
    sample: usize,
    channel: usize,
    voxels: Range<usize>,
    mut visit: impl FnMut(usize, &[F::Item; STRETCH]),
) {
    let slice = field.slice(sample, channel, voxels.clone());
    for index in 0..voxels.len().div_ceil(STRETCH) {
        let full = slice.and_then(|slice| slice[index * STRETCH..].first_chunk());
        let mut gathered;
        let stretch = match full {
            Some(full) => full,
            None => {
                let start = voxels.start + index * STRETCH;
                let voxels = start..voxels.end.min(start + STRETCH);
                gathered = [field.get(sample, channel, start); STRETCH];
                let known = &mut gathered[..voxels.len()];
                field.read(sample, channel, voxels, known, |value| value);
                &gathered
            }
        };
        visit(index, stretch);
    }
}
