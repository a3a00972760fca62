//! The value of a loss from its sums, and the derivatives of it.

use crate::expect::expect_len;
use crate::{ClassSums, Classes, Error, Loss, Real};

/// The mean of a loss over groups of `count` classes each, from their sums.
///
/// Leaves out groups in which nothing [counts](Classes::counts). The mean is 0 if no group counts.
///
/// # Examples
///
/// Two halves of one sample, summed separately and merged:
///
/// ```
/// use unifocal_core::{Classes, Dense, Error, Labels, Segmentation, Tversky, formula::{ClassSums, mean}};
///
/// let half = |probabilities: [f64; 4], labels: [u8; 2]| -> Result<_, Error> {
///     let prediction = Dense::channels_last(&probabilities, [1, 2, 2])?;
///     let target = Labels::new(Dense::per_voxel(&labels, [1, 2])?);
///     let mut sums = [ClassSums::default(); 2];
///     Segmentation::new(prediction, target)?.add_sums(&Tversky::dice(), &Classes::default(), &mut sums)?;
///     Ok(sums)
/// };
/// let mut sums = half([0.9, 0.1, 0.8, 0.2], [0, 0])?;
/// for (sums, other) in sums.iter_mut().zip(half([0.7, 0.3, 0.4, 0.6], [0, 1])?) {
///     sums.merge(&other);
/// }
/// let dice = mean(&Tversky::dice(), &Classes::default(), 2, &sums)?;
/// let [background, lesion] = [2.0 * 2.4 / (2.8 + 3.0), 2.0 * 0.6 / (1.2 + 1.0)];
/// assert!((dice - (1.0 - (background + lesion) / 2.0)).abs() < 1e-6);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
///
/// # Errors
///
/// The number of sums is 0, or not a multiple of `count`; invalid class options.
pub fn mean<R: Real, const K: usize>(
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    count: usize,
    sums: &[ClassSums<R, K>],
) -> Result<R, Error> {
    let groups = sums.len() / count.max(1);
    classes.check_groups(count, groups)?;
    let expected = groups.max(1) * count;
    expect_len("class sums", sums.len(), expected)?;
    mean_of_groups(loss, classes, count, sums).ok_or(Error::Length {
        what: "class sums",
        found: sums.len(),
        expected,
    })
}

/// The [`mean`], with class options and a number of sums that fit. Returns `None` if there are no
/// sums.
// Inlined on microcontrollers, where the loss is mostly a compile-time constant.
#[cfg_attr(target_os = "none", inline(always))]
pub(crate) fn mean_of_groups<R: Real, const K: usize>(
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    count: usize,
    sums: &[ClassSums<R, K>],
) -> Option<R> {
    let mut all: Option<(R, R)> = None;
    for (group, sums) in sums.chunks(count.max(1)).enumerate() {
        let Some(parts) = classes.of_group(group, count).parts(loss, sums) else {
            continue;
        };
        let (value, counts) = (parts.clone().value(), parts.counts());
        all = Some(match all {
            Some((total, counted)) => (total + value, counted + counts),
            None => (value, counts),
        });
    }
    all.map(|(total, counted)| total / counted.clip(1.0, f64::INFINITY))
}

/// The derivatives of [`mean`] with respect to the sums, from which gradients are computed.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Classes, Focal, formula::{ClassSums, slopes}};
///
/// // The cross entropy is F / M, so its slope is 1 / M for each class.
/// let sums = [ClassSums { terms: [3.0], target: 2.0, voxels: 4.0 }; 2];
/// let mut by = [[0.0]; 2];
/// slopes(&Focal::cross_entropy(), &Classes::default(), 2, &sums, &mut by)?;
/// assert_eq!(by, [[0.25], [0.25]]);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
///
/// # Errors
///
/// The number of sums is 0, or not a multiple of `count`; invalid class options; `slopes` of the
/// wrong length.
pub fn slopes<const K: usize>(
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    count: usize,
    sums: &[ClassSums<f64, K>],
    slopes: &mut [[f64; K]],
) -> Result<(), Error> {
    let groups = sums.len() / count.max(1);
    classes.check_groups(count, groups)?;
    expect_len("class sums", sums.len(), groups.max(1) * count)?;
    expect_len("slopes", slopes.len(), sums.len())?;
    let mut counted = 0.0;
    let groups = sums.chunks(count).zip(slopes.chunks_mut(count));
    for (group, (sums, slopes)) in groups.enumerate() {
        let classes = classes.of_group(group, count);
        classes.slopes(loss, sums, slopes);
        counted += classes.counts(sums).unwrap_or(0.0);
    }
    for slope in slopes.iter_mut().flatten() {
        *slope /= counted.max(1.0);
    }
    Ok(())
}
