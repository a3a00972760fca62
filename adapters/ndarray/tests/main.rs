//! Most tests share this program, so that the engine is compiled once. `threads` is its own program, because it counts allocations.

mod conformance;
#[cfg(feature = "half")]
mod elements;
mod levels_and_voxels;
mod nearest;
mod scores;
mod slabs;
mod strides;
mod tensor_like;
