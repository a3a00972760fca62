//! The losses of the focal family that have names.

use super::{Focal, Form, Weights};
use crate::name::Origin;
use crate::{Clip, Exponent, Name};

impl Focal {
    /// The focal loss: γ = 2, equal weights, clip 10⁻⁷.
    pub fn new() -> Self {
        Self {
            gamma: Exponent::Two,
            weights: None,
            alpha: 1.0,
            label_smoothing: None,
            asymmetric: false,
            form: Form::Entropy,
            clip: Some(Clip::REFERENCE),
            origin: Origin(Name::Focal),
        }
    }

    /// Cross entropy: the focal loss at γ = 0.
    pub fn cross_entropy() -> Self {
        Self {
            gamma: Exponent::Zero,
            origin: Origin(Name::CrossEntropy),
            ..Self::new()
        }
    }

    /// The symmetric focal loss: δ = 0.7, γ = 2, clip 10⁻⁷.
    pub fn symmetric() -> Self {
        Self {
            weights: Some(Weights::of_delta(0.7)),
            origin: Origin(Name::SymmetricFocal),
            ..Self::new()
        }
    }

    /// The asymmetric focal loss, without focus for rare classes: δ = 0.7, γ = 2, clip 10⁻⁷.
    pub fn asymmetric() -> Self {
        Self {
            asymmetric: true,
            origin: Origin(Name::AsymmetricFocal),
            ..Self::symmetric()
        }
    }

    /// Poly-1 cross entropy, −ln p + ε·(1 − p): ε = 2, γ = 0, clip 10⁻⁷.
    ///
    /// With [`with_gamma`](Focal::with_gamma) it is the Poly-1 focal loss. ε = 0 is
    /// [`cross_entropy`](Focal::cross_entropy).
    ///
    /// Source: Leng et al. 2022, arXiv 2204.12511.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Focal, Labels, Segmentation};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1], [1, 2, 1])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8], [1, 1])?))?;
    /// let (classes, mut buffers) = (Classes::default(), Buffers::with_len::<2>());
    /// let value = segmentation.evaluate(&Focal::poly1(), &classes, &mut buffers)?.value();
    /// assert!((value - (-f64::ln(0.9) + 2.0 * 0.1)).abs() < 1e-12);
    /// assert_eq!(Focal::poly1().with_poly(0.0)?, Focal::cross_entropy());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn poly1() -> Self {
        Self {
            form: Form::Poly(2.0),
            origin: Origin(Name::Poly1),
            ..Self::cross_entropy()
        }
    }

    /// (−ln p)^γ, the cross entropy side of the exponential logarithmic loss: γ = 0.3, clip 10⁻⁷.
    ///
    /// For γ < 1, errors near p = 1 weigh more than in cross entropy, and those near p = 0 less. At γ = 1 it is
    /// cross entropy. γ is at most 5, and for γ > 1, −ln p counts as at most 10⁶, so that its powers are finite.
    ///
    /// Source: Wong et al. 2018, arXiv 1809.00076.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Focal, Labels, Segmentation};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1], [1, 2, 1])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8], [1, 1])?))?;
    /// let (classes, mut buffers) = (Classes::default(), Buffers::with_len::<2>());
    /// let value = segmentation.evaluate(&Focal::exponential_log(), &classes, &mut buffers)?.value();
    /// assert!((value - (-f64::ln(0.9)).powf(0.3)).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn exponential_log() -> Self {
        Self {
            gamma: Exponent::Root(0.3),
            form: Form::Exponential,
            ..Self::new()
        }
    }
}
