//! Views of a tensor's memory as an array.

use half::{bf16, f16};
use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn, ShapeBuilder, StrideShape};
use tch::{Device, Kind, Tensor};

use crate::Error;

/// A number with the same memory layout in libtorch and Rust.
///
/// # Safety
///
/// Every element of a tensor of these kinds is a valid value of the type.
pub(crate) unsafe trait Stored: Copy {
    /// Whether a tensor of this kind stores this type.
    fn is(kind: Kind) -> bool;
}

macro_rules! stored {
    ($($type:ident = $($kind:ident)|+;)*) => {$(
        // SAFETY: libtorch stores these kinds in the size and format of the type, and every bit pattern is valid.
        unsafe impl Stored for $type {
            fn is(kind: Kind) -> bool {
                matches!(kind, $(Kind::$kind)|+)
            }
        }
    )*};
}

stored! {
    // Bool as bytes: a tensor viewed as Bool may hold other bytes than 0 and 1, which `bool` does not allow.
    u8 = Uint8 | Bool;
    i8 = Int8;
    i16 = Int16;
    i32 = Int;
    i64 = Int64;
    f16 = Half;
    bf16 = BFloat16;
    f32 = Float;
    f64 = Double;
}

/// Views a tensor's memory in place.
///
/// # Errors
///
/// The tensor has no accessible memory.
pub(crate) fn view<T: Stored>(tensor: &Tensor) -> Result<ArrayViewD<'_, T>, Error> {
    let (shape, pointer) = place::<T>(tensor)?;
    // SAFETY: `place` returns the shape and strides of the tensor's memory, whose elements are of type `T`, valid for any bits. The storage
    // lives as long as the borrowed tensor. As for any libtorch operation, nothing may write to an operand meanwhile.
    Ok(unsafe { ArrayViewD::from_shape_ptr(shape, pointer) })
}

/// A tensor that shares its memory with no other.
pub(crate) struct Own(Tensor);

impl Own {
    /// Allocates an uninitialized tensor of `like`'s shape and device and of this kind.
    ///
    /// # Errors
    ///
    /// libtorch is out of memory.
    pub(crate) fn like(like: &Tensor, kind: Kind) -> Result<Self, Error> {
        // Keeps the strides of `like` if they are dense and do not overlap; otherwise the tensor is contiguous.
        let mut tensor = like.f_detach()?.f_empty_like()?;
        if kind != tensor.f_kind()? {
            let options = (kind, tensor.device());
            tensor = Tensor::f_empty_strided(tensor.size(), tensor.stride(), options)?;
        }
        Ok(Self(tensor))
    }

    /// Views its memory in place.
    ///
    /// # Errors
    ///
    /// The tensor has no accessible memory.
    pub(crate) fn view_mut<T: Stored>(&mut self) -> Result<ArrayViewMutD<'_, T>, Error> {
        let (shape, pointer) = place::<T>(&self.0)?;
        // SAFETY: as in `view`. Nothing else shares the memory, and its elements do not overlap. The memory comes from an allocator opaque
        // to the compiler, and any bits it left there are valid.
        Ok(unsafe { ArrayViewMutD::from_shape_ptr(shape, pointer) })
    }

    /// Releases the tensor, which may then be shared.
    pub(crate) fn into_tensor(self) -> Tensor {
        self.0
    }
}

/// Shape, strides and address of a tensor's memory.
fn place<T: Stored>(tensor: &Tensor) -> Result<(StrideShape<IxDyn>, *mut T), Error> {
    let kind = tensor.f_kind()?;
    assert!(
        T::is(kind) && tensor.device() == Device::Cpu,
        "cannot view a tensor of kind {kind:?} on {:?} as this type",
        tensor.device()
    );
    let unsigned = |of: Vec<i64>| -> Vec<usize> { of.into_iter().map(|n| n as usize).collect() };
    let shape = IxDyn(&unsigned(tensor.size())).strides(IxDyn(&unsigned(tensor.stride())));
    let pointer = tensor.data_ptr().cast::<T>();
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Error::Layout { what: "tensor" });
    }
    Ok((shape, pointer))
}
