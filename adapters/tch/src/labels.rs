//! Labels compared with numbers in a width that holds both.
//!
//! libtorch brings a number to the kind of the tensor that it is compared with: beside Uint8, 256 is 0.

use tch::{Kind, TchError, Tensor};

/// Where labels are this number: nowhere, if it is none of their kind.
pub(crate) fn equal(labels: &Tensor, number: i64) -> Result<Tensor, TchError> {
    if holds(labels.f_kind()?, number) {
        labels.f_eq(number)
    } else {
        Tensor::f_zeros(labels.size(), (Kind::Bool, labels.device()))
    }
}

/// Whether a kind of integers has this number.
fn holds(kind: Kind, number: i64) -> bool {
    match kind {
        Kind::Bool => (0..=1).contains(&number),
        Kind::Uint8 => u8::try_from(number).is_ok(),
        Kind::Int8 => i8::try_from(number).is_ok(),
        Kind::Int16 => i16::try_from(number).is_ok(),
        Kind::Int => i32::try_from(number).is_ok(),
        _ => true,
    }
}
