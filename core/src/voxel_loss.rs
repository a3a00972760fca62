//! The part of a loss that is a mean over voxels, and so has a value at each of them.

use crate::{AnyLoss, ClassSums, Classes, Error, Focal, Loss};

/// The distribution-based part of a loss as a loss of each voxel,
///
/// ```text
/// ℓ_i = v_i·Σ_c u_c·b·w_c·f_c(i)        Σ_i ℓ_i / Σ_i v_i is the distribution-based part
/// ```
///
/// where f is the term of the [focal loss](Focal), w its weights, b the weight of the part in a compound
/// loss, u the [class weights](Classes::with_class_weights) and v the voxel weights. Region-based losses
/// are ratios of sums and have no such part; nor has [`HardVoxels`](crate::HardVoxels), which divides
/// by the number of hard voxels.
///
/// ℓ_i depends on the prediction at voxel i alone. So the gradient of Σ_i g_i·ℓ_i, for any g, is g_i times
/// the gradient of Σ ℓ at voxel i.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Classes, Error, Tversky, UnifiedFocal, engine::VoxelLoss};
///
/// let loss = UnifiedFocal::asymmetric().with_lambda(0.25)?; // λ·region + (1 − λ)·distribution
/// let of_voxels = VoxelLoss::new(loss)?;
/// assert_eq!(of_voxels.focal(), loss.distribution());
/// assert_eq!(of_voxels.factor(&Classes::default(), 1, 2), 0.75 * 0.6); // δ of a rare class
/// assert!(VoxelLoss::new(Tversky::dice()).is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoxelLoss {
    loss: AnyLoss,
    focal: Focal,
}

impl VoxelLoss {
    /// The part of this loss.
    ///
    /// # Errors
    ///
    /// The loss has no such part.
    pub fn new(loss: impl Into<AnyLoss>) -> Result<Self, Error> {
        let loss = loss.into();
        let focal = match loss {
            AnyLoss::Focal(focal) => focal,
            AnyLoss::UnifiedFocal(both) => both.distribution(),
            AnyLoss::Tversky(_) | AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_) => {
                let loss = loss
                    .name()
                    .map_or("a region-based loss", |name| name.as_str());
                return Err(Error::NoVoxelLoss { loss });
            }
        };
        Ok(Self { loss, focal })
    }

    /// The whole loss.
    pub fn loss(&self) -> AnyLoss {
        self.loss
    }

    /// The focal loss, whose term is f.
    pub fn focal(&self) -> Focal {
        self.focal
    }

    /// u·b·w of class `index` of `count`: the factor of its term.
    pub fn factor(&self, classes: &Classes<'_>, index: usize, count: usize) -> f64 {
        let of_class = classes.class(index, count);
        // The part is linear in F.
        let one = ClassSums {
            terms: [0.0, 0.0, 0.0, 1.0],
            target: 1.0,
            voxels: 1.0,
        };
        match classes.normalized()(index).sum {
            0.0 => 0.0,
            weight => weight * self.loss.finalize(&of_class, &one).sum,
        }
    }
}
