//! The target of a class as a factor in formulas over tensors.

use tch::{Kind, Tensor};
use unifocal_core::formula::{Dual, Share};

use crate::values::Values;

/// The target y of a class: a mask, or numbers.
#[derive(Debug)]
pub(crate) struct ClassTarget(Tensor);

impl ClassTarget {
    pub(crate) fn new(tensor: Tensor) -> Self {
        Self(tensor)
    }

    /// The tensor of y.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }
}

impl<const WIDE: bool, const GRAPH: bool> Share<Values<WIDE, GRAPH>> for ClassTarget {
    fn of(&self, x: Values<WIDE, GRAPH>) -> Values<WIDE, GRAPH> {
        x * Values::given(self.0.shallow_clone())
    }

    fn complement(&self) -> Self {
        // The tensor has been checked, so this can only run out of memory.
        Self(if self.0.kind() == Kind::Bool {
            self.0.logical_not()
        } else {
            self.0.rsub_scalar(1.0)
        })
    }

    fn is_hard(&self) -> bool {
        self.0.kind() == Kind::Bool
    }
}

impl<const WIDE: bool, const GRAPH: bool> Share<Dual<Values<WIDE, GRAPH>>> for ClassTarget {
    fn of(&self, x: Dual<Values<WIDE, GRAPH>>) -> Dual<Values<WIDE, GRAPH>> {
        Dual {
            value: self.of(x.value),
            derivative: self.of(x.derivative),
        }
    }

    fn complement(&self) -> Self {
        Share::<Values<WIDE, GRAPH>>::complement(self)
    }

    fn is_hard(&self) -> bool {
        Share::<Values<WIDE, GRAPH>>::is_hard(self)
    }
}
