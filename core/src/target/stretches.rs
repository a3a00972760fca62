//! A row of values by stretches.

use core::ops::Range;

use crate::Field;
use crate::stretch::STRETCH;

/// The number of values in a stretch for which `holds` is true.
#[inline(always)]
pub(super) fn count<T: Copy>(stretch: &[T], holds: impl Fn(T) -> bool) -> usize {
    const { assert!(STRETCH < 256) };
    let mut count = 0_u8;
    for x in stretch {
        count += u8::from(holds(*x));
    }
    usize::from(count)
}

/// Calls `visit` with the index and the values of each stretch of a channel. The compiler knows the
/// length of full stretches.
#[inline(always)]
pub(super) fn for_each_stretch<F: Field>(
    field: &F,
    sample: usize,
    channel: usize,
    voxels: Range<usize>,
    mut visit: impl FnMut(usize, &[F::Item]),
) {
    let stretches = voxels.len().div_ceil(STRETCH);
    let slice = field.slice(sample, channel, voxels.clone());
    for index in 0..stretches {
        let at = index * STRETCH;
        if let Some(slice) = slice
            && let Some(full) = slice[at..].first_chunk::<STRETCH>()
        {
            visit(index, full);
        } else {
            let start = voxels.start + at;
            let len = STRETCH.min(voxels.end - start);
            let mut gathered = [field.get(sample, channel, start); STRETCH];
            let voxels = start..start + len;
            field.read(sample, channel, voxels, &mut gathered[..len], |value| value);
            visit(index, &gathered[..len]);
        }
    }
}
