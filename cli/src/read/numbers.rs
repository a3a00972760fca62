//! The numbers of a file, in memory or memory-mapped.
//!
//! A file with the processor's number format is mapped. Its pages are read on access and the system may drop them again, so a
//! volume can be larger than the memory.

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
    /// In memory.
    Read(ArrayD<T>),
    /// Mapped from a file.
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
            Self::Mapped(mapped) => mapped.view().expect("the shape was checked when mapping"),
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

    /// Maps the numbers of this shape at `offset`; `None` if they cannot be used without conversion.
    pub(super) fn map(file: &File, offset: u64, shape: &[usize], fortran: bool) -> Option<Self> {
        // SAFETY: the mapping is read-only. If another program truncates the file meanwhile, this one ends with a bus error.
        // If another program writes to it, numbers change, but none is trusted: each is checked before use, and any bits are
        // valid for these plain types.
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

/// Asks the system for the pages of a file, without waiting for them.
pub(super) fn fetch(file: &File) {
    // SAFETY: no page is looked at.
    #[allow(unsafe_code, reason = "there is no safe way to map a file")]
    let map = unsafe { Mmap::map(file) };
    #[cfg(unix)]
    if let Ok(map) = map {
        // Only a hint, which need not succeed.
        let _ = map.advise(memmap2::Advice::WillNeed);
    }
    #[cfg(not(unix))]
    drop(map);
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
