//! The weights of the levels of a deeply supervised network.

use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::expect::expect_len;
use crate::parameter::Range;

/// The weights of the levels of a deeply supervised network, which predicts at several sizes: the loss
/// is Σ_l weight_l·loss_l. Level 0 is the full size, and the last one the smallest.
///
/// | | weight of level l | of four levels | in |
/// |---|---|---|---|
/// | `Nnunet` | ½^l, and 0 for the last of several levels, divided by their sum | 4/7, 2/7, 1/7, 0 | nnU-Net's trainer |
/// | `Exponential` | ½^l, at least 1/16 | 1, ½, ¼, ⅛ | MONAI's `weight_mode="exp"` |
/// | `Same` | 1 | 1, 1, 1, 1 | MONAI's `"same"` |
/// | `Two` | 1, and ½ for all levels but the first | 1, ½, ½, ½ | MONAI's `"two"` |
/// | `Given` | given | | MONAI's `weights`, nnU-Net's `weight_factors` |
///
/// A level of weight 0 is not evaluated.
///
/// Sources: the code of nnU-Net 2.8 (`nnUNetTrainer._build_loss`) and MONAI 1.6 (`DeepSupervisionLoss`). On several
/// devices without compilation, nnU-Net gives the last level 10⁻⁶ instead of 0 before the division.
///
/// # Examples
///
/// ```
/// use unifocal_core::LevelWeights;
///
/// assert_eq!(LevelWeights::Nnunet.of(4)?, [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0, 0.0]);
/// assert_eq!(LevelWeights::Nnunet.of(1)?, [1.0]);
/// assert_eq!(LevelWeights::from([1.0, 0.3]).of(2)?, [1.0, 0.3]);
/// assert!(LevelWeights::from([1.0, 0.3]).of(3).is_err());
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum LevelWeights {
    /// ½^l, and 0 for the last of several levels, divided by their sum.
    #[default]
    Nnunet,
    /// ½^l, at least 1/16.
    Exponential,
    /// 1 for every level.
    Same,
    /// 1 for the first level, ½ for the others.
    Two,
    /// A weight per level, in [0, 10³⁰], at least one above 0.
    Given(Vec<f64>),
}

impl LevelWeights {
    /// The weights of this many levels.
    ///
    /// # Errors
    ///
    /// No level; another number of given weights; a given weight outside [0, 10³⁰], or none above 0.
    pub fn of(&self, levels: usize) -> Result<Vec<f64>, Error> {
        expect_len("levels", levels, levels.max(1))?;
        // ½^l, which is 0 from level 1075 on.
        let halves = core::iter::successors(Some(1.0), |half| Some(0.5 * half)).take(levels);
        Ok(match self {
            Self::Nnunet => {
                let kept = (levels - 1).max(1);
                let mut weights: Vec<f64> = halves.collect();
                weights[kept..].fill(0.0);
                let sum: f64 = weights.iter().sum();
                for weight in &mut weights {
                    *weight /= sum;
                }
                weights
            }
            Self::Exponential => halves.map(|half| half.max(1.0 / 16.0)).collect(),
            Self::Same => vec![1.0; levels],
            Self::Two => halves.map(|half| half.max(0.5)).collect(),
            Self::Given(weights) => {
                expect_len("level weights", weights.len(), levels)?;
                for weight in weights {
                    Range::WEIGHT.check("level weight", *weight)?;
                }
                match weights.iter().any(|weight| *weight > 0.0) {
                    true => weights.clone(),
                    false => return Err(Error::NoLevelLeft),
                }
            }
        })
    }
}

impl From<Vec<f64>> for LevelWeights {
    fn from(weights: Vec<f64>) -> Self {
        Self::Given(weights)
    }
}

impl<const L: usize> From<[f64; L]> for LevelWeights {
    fn from(weights: [f64; L]) -> Self {
        Self::Given(weights.into())
    }
}
