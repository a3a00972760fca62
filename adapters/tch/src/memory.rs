//! The memory of a tensor as an array: half of this crate's `unsafe`.

use half::{bf16, f16};
use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn, ShapeBuilder, StrideShape};
use tch::{Device, Kind, Tensor};

use crate::Error;

/// A number that libtorch keeps in memory as Rust does.
///
/// # Safety
///
/// Every element of a tensor of these kinds is a valid value of the type.
pub(crate) unsafe trait Stored: Copy {
    /// Whether a tensor of this kind holds such numbers.
    fn is(kind: Kind) -> bool;
}

macro_rules! stored {
    ($($type:ident = $($kind:ident)|+;)*) => {$(
        // SAFETY: integers and floating-point numbers of the same size and format; any bits are a value of the type.
        unsafe impl Stored for $type {
            fn is(kind: Kind) -> bool {
                matches!(kind, $(Kind::$kind)|+)
            }
        }
    )*};
}

stored! {
    // Bytes rather than `bool`: what was made a Bool by a change of view may hold others than 0 and 1.
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

/// The numbers of a tensor, where they are.
///
/// # Errors
///
/// The tensor has no memory to look at.
pub(crate) fn view<T: Stored>(tensor: &Tensor) -> Result<ArrayViewD<'_, T>, Error> {
    let (shape, pointer) = place::<T>(tensor)?;
    // SAFETY: `place` has found `shape` to be that of the tensor's memory, in elements of the type, of which any bits are a value. The
    // storage lives as long as the borrowed tensor. That nobody writes to it meanwhile is libtorch's own rule for the operands of an
    // operation.
    Ok(unsafe { ArrayViewD::from_shape_ptr(shape, pointer) })
}

/// A tensor that nothing else knows of.
pub(crate) struct Own(Tensor);

impl Own {
    /// A new one like this one but for its kind, with any numbers.
    ///
    /// # Errors
    ///
    /// libtorch has no memory left.
    pub(crate) fn like(like: &Tensor, kind: Kind) -> Result<Self, Error> {
        // Strides as those of `like` if these are dense and without overlap, and those of a contiguous tensor otherwise.
        let mut tensor = like.f_detach()?.f_empty_like()?;
        if kind != tensor.f_kind()? {
            let options = (kind, tensor.device());
            tensor = Tensor::f_empty_strided(tensor.size(), tensor.stride(), options)?;
        }
        Ok(Self(tensor))
    }

    /// Its numbers, where they are.
    ///
    /// # Errors
    ///
    /// It has no memory to look at.
    pub(crate) fn view_mut<T: Stored>(&mut self) -> Result<ArrayViewMutD<'_, T>, Error> {
        let (shape, pointer) = place::<T>(&self.0)?;
        // SAFETY: as in `view`, and nothing else knows of the tensor, whose elements do not overlap. Its memory comes from an allocator that
        // the compiler knows nothing of, and any bits that it left there are a value.
        Ok(unsafe { ArrayViewMutD::from_shape_ptr(shape, pointer) })
    }

    /// The tensor, for others to know of.
    pub(crate) fn into_tensor(self) -> Tensor {
        self.0
    }
}

/// Shape, strides and address of a tensor's memory.
fn place<T: Stored>(tensor: &Tensor) -> Result<(StrideShape<IxDyn>, *mut T), Error> {
    let kind = tensor.f_kind()?;
    assert!(
        T::is(kind) && tensor.device() == Device::Cpu,
        "a view of {kind:?} on {:?}",
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
