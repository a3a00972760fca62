//! The memory of an evaluation without an allocator.

use crate::{ClassSums, Error};

/// Memory for evaluating a loss: the sums of `N` classes, and the derivatives with respect to them.
///
/// `N` is the number of classes, times the number of samples if each
/// [has its own sums](crate::Pooling). More does no harm. `K` is the number of terms of the loss; a
/// call that gets the loss and the buffers tells the compiler.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky};
///
/// // One sample of two classes and three voxels.
/// let prediction = Dense::channels_last(&[0.9, 0.1, 0.8, 0.2, 0.4, 0.6], [1, 2, 3])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0, 1], [1, 3])?);
/// let segmentation = Segmentation::new(prediction, labels)?;
/// let classes = Classes::default();
///
/// let mut buffers = Buffers::with_len::<2>();
/// let dice = segmentation.evaluate(&Tversky::dice(), &classes, &mut buffers)?.value();
/// # assert!(dice > 0.0 && dice < 0.5);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Buffers<const K: usize, const N: usize> {
    sums: [ClassSums<f64, K>; N],
    slopes: [[f64; K]; N],
}

impl<const K: usize> Buffers<K, 0> {
    /// Buffers for `N` classes, and for a loss that the compiler infers from their use.
    pub const fn with_len<const N: usize>() -> Buffers<K, N> {
        Buffers::new()
    }
}

impl<const K: usize, const N: usize> Buffers<K, N> {
    /// Buffers of the type's size, for a `static` or a field.
    pub const fn new() -> Self {
        Self {
            sums: [ClassSums {
                terms: [0.0; K],
                target: 0.0,
                voxels: 0.0,
            }; N],
            slopes: [[0.0; K]; N],
        }
    }
}

impl<const K: usize, const N: usize> Default for Buffers<K, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The same memory as slices, for a number of classes that is known only at run time.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Classes, Dense, Error, Focal, Labels, Segmentation, engine::BuffersMut, formula::ClassSums};
///
/// let prediction = Dense::channels_last(&[0.9, 0.1, 0.8, 0.2], [2, 2, 1])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1], [2, 1])?);
/// let segmentation = Segmentation::new(prediction, labels)?;
/// let (loss, classes) = (Focal::cross_entropy(), Classes::default());
///
/// let len = segmentation.buffers_len();
/// assert_eq!(len, 4); // two classes of two samples
/// let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![Default::default(); len]);
/// let buffers = BuffersMut::new(&mut sums, &mut slopes);
/// let value = segmentation.evaluate(&loss, &classes, buffers)?.value();
/// # assert!((value + (0.9_f64.ln() + 0.2_f64.ln()) / 2.0).abs() < 1e-6);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct BuffersMut<'a, const K: usize> {
    pub(crate) sums: &'a mut [ClassSums<f64, K>],
    pub(crate) slopes: &'a mut [[f64; K]],
}

impl<'a, const K: usize> BuffersMut<'a, K> {
    /// Memory for as many classes as the shorter slice has entries.
    pub fn new(sums: &'a mut [ClassSums<f64, K>], slopes: &'a mut [[f64; K]]) -> Self {
        Self { sums, slopes }
    }

    /// The first `len` entries of each, with the sums of no voxel.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn cleared(self, len: usize) -> Result<Self, Error> {
        let found = self.sums.len().min(self.slopes.len());
        let (Some(sums), Some(slopes)) = (self.sums.get_mut(..len), self.slopes.get_mut(..len))
        else {
            return Err(Error::Length {
                what: "entries in the buffers",
                found,
                expected: len,
            });
        };
        sums.fill(ClassSums::default());
        Ok(Self { sums, slopes })
    }
}

impl<'a, const K: usize, const N: usize> From<&'a mut Buffers<K, N>> for BuffersMut<'a, K> {
    fn from(Buffers { sums, slopes }: &'a mut Buffers<K, N>) -> Self {
        Self { sums, slopes }
    }
}

impl<'a, const K: usize> From<&'a mut BuffersMut<'_, K>> for BuffersMut<'a, K> {
    fn from(BuffersMut { sums, slopes }: &'a mut BuffersMut<'_, K>) -> Self {
        Self { sums, slopes }
    }
}

/// The sums.
impl<const K: usize> AsRef<[ClassSums<f64, K>]> for BuffersMut<'_, K> {
    fn as_ref(&self) -> &[ClassSums<f64, K>] {
        self.sums
    }
}

/// The sums.
impl<const K: usize> AsMut<[ClassSums<f64, K>]> for BuffersMut<'_, K> {
    fn as_mut(&mut self) -> &mut [ClassSums<f64, K>] {
        self.sums
    }
}
