//! `merge` of the partial sums of the cubes, and the sum over the threads of a cube.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Threads per cube.
pub(in crate::fused::cube) const THREADS: u32 = 256;

/// Tree reduction over the threads of a cube, `count` numbers each, in a fixed order.
#[cube]
pub(super) fn add_up(shared: &mut Shared<[f32]>, #[comptime] count: usize) {
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if UNIT_POS < half {
            #[unroll]
            for k in 0..count {
                let first = k * comptime!(THREADS as usize);
                shared[first + UNIT_POS as usize] += shared[first + (UNIT_POS + half) as usize];
            }
        }
        sync_cube();
        half /= 2;
    }
}

/// Merges the sums of a sample's chunks, [N, C, 6].
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(in crate::fused::cube) fn merge(
    partial: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    samples: usize,
    chunks: usize,
    count: usize,
) {
    let cube = CUBE_POS;
    let sample = cube / count;
    let in_range = sample < samples;
    let end = select(in_range, chunks, 0);
    let mut total = f32::new(0.0);
    let mut chunk = UNIT_POS as usize;
    while chunk < end {
        total += partial[(sample * chunks + chunk) * count + cube % count];
        chunk += THREADS as usize;
    }
    let mut shared = Shared::new_slice(THREADS as usize);
    shared[UNIT_POS as usize] = total;
    add_up(&mut shared, 1usize);
    if in_range && UNIT_POS == 0 {
        sums[cube] = shared[0];
    }
}
