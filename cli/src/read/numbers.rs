//! The numbers of a file: in memory, or where they are on disk.
//!
//! A file that holds them as the processor does is mapped: its pages are read when they are looked at, once a sweep, and the
//! system may drop them again, so that a volume may be larger than the memory.

use std::fmt;
use std::fs::File;
use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::AnyBitPattern;
use memmap2::Mmap;
use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

/// An array of numbers.
#[derive(Clone)]
pub(crate) enum Numbers<T> {
    /// They were read.
    Read(ArrayD<T>),
    /// They are mapped.
    Mapped(Mapped<T>),
}

/// An array in a file.
#[derive(Clone)]
pub(crate) struct Mapped<T> {
    map: Arc<Mmap>,
    offset: usize,
    shape: Vec<usize>,
    fortran: bool,
    numbers: PhantomData<T>,
}

impl<T: AnyBitPattern> Numbers<T> {
    pub(crate) fn view(&self) -> ArrayViewD<'_, T> {
        match self {
            Self::Read(array) => array.view(),
            Self::Mapped(mapped) => mapped.view().expect("what was mapped has its shape"),
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Read(array) => array.shape(),
            Self::Mapped(mapped) => &mapped.shape,
        }
    }

    pub(crate) fn mapv<U>(&self, f: impl FnMut(T) -> U) -> ArrayD<U> {
        self.view().mapv(f)
    }

    pub(crate) fn into_owned(self) -> ArrayD<T> {
        match self {
            Self::Read(array) => array,
            Self::Mapped(_) => self.view().to_owned(),
        }
    }

    /// The numbers of this shape from `offset` of a file on; `None` where they cannot be used as they are.
    pub(super) fn map(file: &File, offset: u64, shape: &[usize], fortran: bool) -> Option<Self> {
        // SAFETY: the mapping is read only. Another program that cuts the file short while it is read ends this one, with a
        // bus error; one that writes to it changes the numbers under way, none of which is trusted: each is checked before
        // it is used, and read as plain numbers, for which any bits are valid.
        #[allow(unsafe_code, reason = "there is no safe way to map a file")]
        let map = unsafe { Mmap::map(file) }.ok()?;
        let mapped = Mapped {
            map: Arc::new(map),
            offset: usize::try_from(offset).ok()?,
            shape: shape.to_vec(),
            fortran,
            numbers: PhantomData,
        };
        mapped.view()?;
        Some(Self::Mapped(mapped))
    }
}

impl<T: AnyBitPattern> Mapped<T> {
    fn view(&self) -> Option<ArrayViewD<'_, T>> {
        let count: usize = self.shape.iter().product();
        let bytes = count.checked_mul(size_of::<T>())?;
        let end = self.offset.checked_add(bytes)?;
        let numbers = bytemuck::try_cast_slice(self.map.get(self.offset..end)?).ok()?;
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayViewD::from_shape(shape, numbers).ok()
    }
}

impl<T> From<ArrayD<T>> for Numbers<T> {
    fn from(array: ArrayD<T>) -> Self {
        Self::Read(array)
    }
}

impl<T: AnyBitPattern + PartialEq> PartialEq for Numbers<T> {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl<T: AnyBitPattern + fmt::Debug> fmt::Debug for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
