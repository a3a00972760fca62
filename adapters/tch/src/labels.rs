//! Compares labels with numbers that their kind may not hold.
//!
//! libtorch casts the number to the tensor's kind: compared with Uint8 labels, 256 would become 0.

use tch::{Kind, TchError, Tensor};

/// Where labels equal this number: nowhere if their kind cannot hold it.
pub(crate) fn equal(labels: &Tensor, number: i64) -> Result<Tensor, TchError> {
    if holds(labels.f_kind()?, number) {
        labels.f_eq(number)
    } else {
        Tensor::f_zeros(labels.size(), (Kind::Bool, labels.device()))
    }
}

/// Whether an integer kind can hold this number.
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
