//! The Matthews correlation coefficient as a loss.

use crate::name::Origin;
use crate::order::{Differences, Products};
use crate::parameter::ParameterError;
use crate::smoothing::Smoothing;
use crate::{Class, ClassSums, Clip, Exponent, Loss, Name, Probability, Real, Score, Share};

/// 1 − MCC, the Matthews correlation coefficient of a class and its prediction, averaged over the
/// classes. It is from 0 to 2; a prediction that knows nothing of the class scores 1.
///
/// Per sample and class, with TP = Σ p·y, FP = Σ p·(1−y), FN = Σ (1−p)·y and TN = Σ (1−p)·(1−y),
///
/// ```text
/// MCC = (TP·TN − FP·FN) / √((TP+FP)·(TP+FN)·(TN+FP)·(TN+FN))
///     = A − B      A = √(TPR·PPV·TNR·NPV)      B = √(FNR·FDR·FPR·FOR)
/// 1 − MCC = (1 − A²)/(1 + A) + B
/// ```
///
/// where 1 − A² is a sum of products of the error rates. So nothing near-equal is subtracted, near a
/// perfect score nor anywhere else, and no product of four sums can overflow.
///
/// s is added to TP and TN: a class that is absent and not predicted scores 0. With
/// [`with_smooth_numerator`](Matthews::with_smooth_numerator), r is added to TP and TN, and s − r to
/// FP and FN.
///
/// It has four sums: TP, FP, FN and TN. TN is a sum of its own, since M − TP − FP − FN would lose
/// the digits of a small TN.
///
/// Source: Abhishek & Hamarneh 2021, "Matthews correlation coefficient loss for deep convolutional
/// networks: application to skin lesion segmentation", ISBI 2021, arXiv 2010.13454.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Matthews, Segmentation};
///
/// let prediction = Dense::channels_last(&[0.9, 0.1, 0.2, 0.8, 0.7, 0.3], [1, 2, 3])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1, 0], [1, 3])?);
/// let segmentation = Segmentation::new(prediction, labels)?;
/// let mut buffers = Buffers::with_len::<2>();
/// let value = segmentation.evaluate(&Matthews::new(), &Classes::default(), &mut buffers)?.value();
/// let (tp, fp, fn_, tn) = (0.8, 0.1 + 0.3, 0.2, 0.9 + 0.7); // of class 1, and those of class 0 swapped
/// let product: f64 = (tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_);
/// assert!((value - (1.0 - (tp * tn - fp * fn_) / product.sqrt())).abs() < 1e-5);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matthews {
    smoothing: Smoothing,
    clip: Option<Clip>,
    pub(crate) origin: Origin,
}

impl Matthews {
    /// The loss with s = 10⁻⁶, without a clip.
    pub fn new() -> Self {
        Self {
            smoothing: Smoothing::new(1e-6),
            clip: None,
            origin: Origin(Name::Matthews),
        }
    }

    /// Sets the smoothing term s.
    ///
    /// # Errors
    ///
    /// s below 10⁻³⁰ or not finite.
    pub fn with_smooth(self, smooth: f64) -> Result<Self, ParameterError> {
        let smoothing = self.smoothing.with_s(smooth)?;
        Ok(Self { smoothing, ..self })
    }

    /// Sets r, which is added to TP and TN in place of s, and s − r (at least 0) to FP and FN;
    /// `None` is s.
    ///
    /// At r = 0, a class that is absent scores 1, with next to no gradient, as in MONAI. With
    /// s = 2ε and r = ε it is segmentation-models-pytorch's `MCCLoss(eps=ε)`, in which a class that is
    /// absent and not predicted scores ½.
    ///
    /// # Errors
    ///
    /// r negative or not finite.
    pub fn with_smooth_numerator(
        self,
        smooth: impl Into<Option<f64>>,
    ) -> Result<Self, ParameterError> {
        let smoothing = self.smoothing.with_r(smooth.into())?;
        Ok(Self { smoothing, ..self })
    }

    /// Clamps probabilities to [ε, 1 − ε]; `None` does not clamp. Logits are never clamped.
    ///
    /// # Errors
    ///
    /// ε outside (0, ½).
    pub fn with_clip(self, epsilon: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        let clip = epsilon.into().map(Clip::new).transpose()?;
        Ok(Self { clip, ..self })
    }

    /// s, the smoothing term.
    pub fn smooth(&self) -> f64 {
        self.smoothing.s
    }

    /// r of [`with_smooth_numerator`](Matthews::with_smooth_numerator), if it is set.
    pub fn smooth_numerator(&self) -> Option<f64> {
        self.smoothing.r
    }

    /// The clip, if there is one.
    pub fn clip(&self) -> Option<Clip> {
        self.clip
    }
}

impl Default for Matthews {
    fn default() -> Self {
        Self::new()
    }
}

impl Loss<4> for Matthews {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 4] {
        let Probability { p, complement, .. } = prediction.clipped(self.clip);
        let tn = y.complement().of(complement.clone());
        let [tp, fp, fn_] = Products.terms(p, complement, y);
        [tp, fp, fn_, tn]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, _: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [tp, fp, fn_, tn] = sums.terms.clone();
        let [tp, tn] = [tp, tn].map(|sum| sum.shift(self.smoothing.of_right()));
        let [fp, fn_] = [fp, fn_].map(|sum| self.smoothing.wrong(sum));

        // The pairs of a right and a wrong sum, whose total is a row or a column of the matrix.
        let rates = [(&tn, &fn_), (&tn, &fp), (&tp, &fp), (&tp, &fn_)];
        // 1 − Π (1 − e) = e₁ + (1 − e₁)·(e₂ + …), with the error rates e.
        let error = rates.into_iter().fold(tp.zero(), |rest, (right, wrong)| {
            let rate = |of: &R, other: &R| of.clone().over_sum_with(other.clone());
            rate(wrong, right) + rate(right, wrong) * rest
        });
        let root = |a: &R, b: &R| (a.clone() + b.clone()).powf(Exponent::Half);
        let [of_tn_fn, of_tn_fp, of_tp_fp, of_tp_fn] =
            rates.map(|(right, wrong)| root(right, wrong));
        let over = |sum: R, a: &R, b: &R| sum / a.clone() / b.clone();
        let agreement = over(tp.clone(), &of_tp_fp, &of_tp_fn) * over(tn, &of_tn_fp, &of_tn_fn);
        let disagreement = over(fp, &of_tp_fp, &of_tn_fp) * over(fn_, &of_tp_fn, &of_tn_fn);
        Score::mean(error / agreement.shift(1.0) + disagreement)
    }
}
