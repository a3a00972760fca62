//! The order in which the axes of space are swept: that of memory, which is the reverse of the axes in NIfTI files. The engine takes
//! stretches of neighbours at a time.

use std::cmp::Reverse;

use ndarray::{ArrayBase, ArrayViewD, IxDyn, RawData, Shape, ShapeBuilder};
use unifocal_ndarray::Error;
use unifocal_ndarray::core::data::Position;

use super::{Scored, Task};
use crate::case::{Arrays, Prediction};

/// An order of the axes of space, by their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Order(Vec<usize>);

impl Order {
    /// The order in memory of the axes of [sample, class, voxels…].
    fn in_memory<T>(array: &ArrayViewD<'_, T>) -> Self {
        let strides = &array.strides()[2..];
        let mut order: Vec<usize> = (0..strides.len()).collect();
        order.sort_by_key(|axis| Reverse(strides[*axis].unsigned_abs()));
        Self(order)
    }

    /// An array whose axes of space begin at `lead`, with these in this order.
    pub(super) fn applied<S: RawData>(
        &self,
        array: ArrayBase<S, IxDyn>,
        lead: usize,
    ) -> ArrayBase<S, IxDyn> {
        let order = (0..lead).chain(self.0.iter().map(|axis| lead + axis));
        array.permuted_axes(order.collect::<Vec<_>>())
    }

    /// An array that has its axes of space in this order, with these in the file's order.
    pub(super) fn undone<S: RawData>(
        &self,
        array: ArrayBase<S, IxDyn>,
        lead: usize,
    ) -> ArrayBase<S, IxDyn> {
        let mut back = vec![0; self.0.len()];
        for (place, axis) in self.0.iter().enumerate() {
            back[*axis] = place;
        }
        Self(back).applied(array, lead)
    }
}

/// The shape of an array, and which of its axes is the first in memory.
pub(super) fn shape_of<T>(array: &ArrayViewD<'_, T>) -> Shape<IxDyn> {
    let fortran = array.view().reversed_axes().is_standard_layout();
    array.raw_dim().set_f(fortran)
}

impl<'a> Task<'a> {
    /// Scores arrays in the order of memory. An error names a voxel in the order of the file's axes, and of the whole case if this process
    /// holds a slab of it.
    pub(super) fn in_memory_order(self, arrays: &'a Arrays) -> Result<Scored, Error> {
        let order = match &arrays.prediction {
            Prediction::F32(numbers) => Order::in_memory(&arrays.prediction(numbers.view())),
            Prediction::F64(numbers) => Order::in_memory(&arrays.prediction(numbers.view())),
        };
        let plain = Order((0..order.0.len()).collect());
        let task = Self { order, ..self };
        task.dispatch(arrays).or_else(|error| {
            let task = Self {
                order: plain,
                team: None,
                ..task
            };
            let Some(slab) = &arrays.slab else {
                return task.dispatch(arrays);
            };
            // Another process may have found the error.
            let refused = task.dispatch(arrays).err().unwrap_or(error);
            Err(match refused {
                Error::Core(refused) => Error::Core(refused.map_position(|at| {
                    let [sample, voxel] = slab.whole_place(at.sample, at.voxel);
                    Position {
                        sample,
                        voxel,
                        ..at
                    }
                })),
                other => other,
            })
        })
    }
}
