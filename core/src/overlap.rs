//! Scores of how far a segmentation and its target overlap: Dice, IoU, precision and recall.

use core::fmt;

use crate::order::{Differences, Products};
use crate::{Class, ClassSums, Loss, Probability, Real, Score, Share};

/// An overlap score of a class, from 0 to 1, where 1 is best.
///
/// | score | formula | also called |
/// |---|---|---|
/// | [`Dice`](Overlap::Dice) | 2·TP / (2·TP + FP + FN) | F1 score |
/// | [`Iou`](Overlap::Iou) | TP / (TP + FP + FN) | Jaccard index |
/// | [`Precision`](Overlap::Precision) | TP / (TP + FP) | positive predictive value |
/// | [`Recall`](Overlap::Recall) | TP / (TP + FN) | sensitivity |
///
/// with TP = Σ p·y, FP = Σ p·(1−y), FN = Σ (1−p)·y. Nothing is smoothed. 0/0 is 1 if there is no
/// error (FP = FN = 0), and otherwise 0: a class that is absent and not predicted scores 1, and the
/// precision of a class that is present and never predicted is 0.
/// [`AbsentClass::Skip`](crate::AbsentClass::Skip) leaves absent classes out instead.
///
/// It takes the place of a [`Loss`] wherever one is evaluated, and has its four sums TP, FP, FN and F
/// = 0. So it can also be computed from the sums of any [`AnyLoss`](crate::AnyLoss) that has TP, FP
/// and FN. The sums of [`Focal`](crate::Focal) have not; from them, the score of a class that is
/// present is NaN.
///
/// Source: Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Med. Imaging
/// 15 (2015) 29.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Overlap, Segmentation, data::OneHot};
///
/// // Class 1 covers two voxels of four; three are predicted, two of them rightly.
/// let predicted = OneHot::new(Dense::per_voxel(&[0_u8, 1, 1, 1], [1, 4])?, 2)?;
/// let target = Labels::new(Dense::per_voxel(&[0_u8, 0, 1, 1], [1, 4])?);
/// let segmentation = Segmentation::new(predicted, target)?;
///
/// let lesion = |overlap: Overlap| -> Result<f64, Error> {
///     let mut buffers = Buffers::with_len::<2>();
///     let classes = Classes::default().with_class_weights(&[0.0, 1.0]);
///     Ok(segmentation.evaluate(&overlap, &classes, &mut buffers)?.value())
/// };
/// assert_eq!(lesion(Overlap::Dice)?, 4.0 / 5.0);
/// assert_eq!(lesion(Overlap::Iou)?, 2.0 / 3.0);
/// assert_eq!(lesion(Overlap::Precision)?, 2.0 / 3.0);
/// assert_eq!(lesion(Overlap::Recall)?, 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Overlap {
    /// 2·TP / (2·TP + FP + FN).
    Dice,
    /// TP / (TP + FP + FN).
    Iou,
    /// TP / (TP + FP).
    Precision,
    /// TP / (TP + FN).
    Recall,
}

impl Overlap {
    /// All overlap scores.
    pub const ALL: [Self; 4] = [Self::Dice, Self::Iou, Self::Precision, Self::Recall];

    /// The weights of FP and FN beside TP.
    fn weights(self) -> [f64; 2] {
        match self {
            Self::Dice => [0.5, 0.5],
            Self::Iou => [1.0, 1.0],
            Self::Precision => [1.0, 0.0],
            Self::Recall => [0.0, 1.0],
        }
    }
}

/// `Dice`, `IoU`, `Precision` or `Recall`.
impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dice => "Dice",
            Self::Iou => "IoU",
            Self::Precision => "Precision",
            Self::Recall => "Recall",
        })
    }
}

impl Loss<4> for Overlap {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 4] {
        let Probability { p, complement, .. } = prediction.clone();
        let zero = p.zero();
        let [tp, fp, fn_] = Products.terms(p, complement, y);
        [tp, fp, fn_, zero]
    }

    fn finalize<R: Real>(&self, _: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [tp, fp, fn_, _] = sums.terms.clone();
        let [fp_weight, fn_weight] = self.weights();
        let perfect = (fp.clone() + fn_.clone()).positive().complement();
        let found = (tp.clone() + fn_.clone()).positive();
        let whole = tp.clone() + fp.scale(fp_weight) + fn_.scale(fn_weight);
        let undefined = whole.clone().positive().complement();
        let score = (tp + undefined.clone() * perfect) / (whole + undefined);
        // TP + FN = Σ v·y, so a class that is present without them was summed for another loss: 0/0.
        let missing = sums.target.clone().positive() * found.complement();
        Score::mean(score + missing.zero() / missing.complement())
    }
}
