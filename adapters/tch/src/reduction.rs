//! Reduces the losses of the groups to one.

use tch::{Kind, Reduction, TchError, Tensor};

/// Reduces the losses of the groups, given which of them count, both `[G]` in f64.
pub(crate) fn reduced(
    [by_group, counts]: [Tensor; 2],
    reduction: Reduction,
) -> Result<Tensor, TchError> {
    match reduction {
        Reduction::None => Ok(by_group),
        Reduction::Sum => by_group.f_sum(Kind::Double),
        // The mean is over the groups that count.
        Reduction::Mean | Reduction::Other(_) => {
            let counted = counts.f_sum(Kind::Double)?.f_clamp_min(1.0)?;
            by_group.f_sum(Kind::Double)?.f_div(&counted)
        }
    }
}
