//! The parts of the score of a case.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;
use serde::Serialize;

use crate::account::Account;
use crate::metrics::Confusion;
use crate::reading::classes::Name;
use crate::sweeps::Sums;

/// The score of a case.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    /// `None` if no voxel is scored.
    pub(crate) value: Option<f64>,
    pub(crate) per_class: Vec<ClassScore>,
    /// The value of each sample, if requested; `None` for a sample of which no voxel is scored.
    pub(crate) samples: Vec<Option<f64>>,
    /// How the case was read.
    pub(crate) account: Arc<Account>,
}

/// The score of a class: the mean over the samples.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassScore {
    pub(crate) class: Name,
    /// The loss of the class; `None` if no voxel is scored, or the class is skipped or has weight 0.
    pub(crate) value: Option<f64>,
    /// The sums, if requested.
    #[serde(flatten)]
    pub(crate) sums: Option<KnownSums>,
}

/// The sums of a class that reports show, over the voxels of all samples.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct KnownSums {
    #[serde(flatten)]
    pub(crate) confusion: Confusion,
    /// (1/M) Σ y·(−ln p).
    pub(crate) cross_entropy: f64,
}

impl KnownSums {
    /// From the sums of the loss whose sums reports show.
    pub(super) fn of(sums: &Sums) -> Self {
        let [tp, fp, fn_, _] = sums.terms;
        let tn = (sums.voxels - tp - fp - fn_).max(0.0);
        Self {
            confusion: Confusion { tp, fp, fn_, tn },
            cross_entropy: sums.per_voxel(3),
        }
    }
}

/// The results to compute besides the value. A gradient takes another pass over the voxels, the sums take one if they are not those
/// of the loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) gradient: bool,
    pub(crate) known_sums: bool,
    /// The value of each sample.
    pub(crate) samples: bool,
    /// The most probable classes.
    pub(crate) hard: bool,
}

/// A gradient in the precision and shape of the prediction's file.
#[derive(Debug)]
pub(crate) enum Gradient {
    F32(ArrayD<f32>),
    F64(ArrayD<f64>),
}

impl Gradient {
    pub(crate) fn to_f64(&self) -> ArrayD<f64> {
        match self {
            Self::F32(slopes) => slopes.mapv(f64::from),
            Self::F64(slopes) => slopes.clone(),
        }
    }

    /// Writes it as `.npy`.
    pub(crate) fn write(&self, file: &mut dyn Write) -> Result<(), Box<dyn Error>> {
        match self {
            Self::F32(slopes) => slopes.as_standard_layout().write_npy(file)?,
            Self::F64(slopes) => slopes.as_standard_layout().write_npy(file)?,
        }
        Ok(())
    }
}

/// The results for a case.
#[derive(Debug)]
pub(crate) struct Scored {
    /// The score by each loss.
    pub(crate) scores: Vec<Score>,
    /// The gradient of the first loss, if requested and the case is not one of label maps.
    pub(crate) gradient: Option<Gradient>,
    /// 1 for the most probable classes and 0 for the others, as [sample, class, voxels…], on the same condition.
    pub(crate) hard: Option<ArrayD<f32>>,
}

impl Scored {
    pub(super) fn of(scores: Vec<Score>) -> Self {
        Self {
            scores,
            gradient: None,
            hard: None,
        }
    }

    pub(super) fn with_gradient(self, gradient: Option<Gradient>) -> Self {
        Self { gradient, ..self }
    }
}
