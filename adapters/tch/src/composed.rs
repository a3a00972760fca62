//! The composed route: evaluates the formulas as tensor operations, which libtorch differentiates to any order.

use tch::{Kind, Tensor};

use crate::extremes::Extremes;
use crate::operands::Operands;
use crate::tensors::Tensors;
use crate::{Error, SegmentationLoss};

/// The loss of each group and whether the group counts, both `[G]` in f64.
///
/// The loss depends on the prediction in libtorch's graph even where the formula is constant.
pub(crate) fn by_group(of: &SegmentationLoss, input: &Tensors) -> Result<[Tensor; 2], Error> {
    fn value<const WIDE: bool>(
        of: &SegmentationLoss,
        input: &Tensors,
    ) -> Result<[Tensor; 2], Error> {
        let operands = Operands::<WIDE, true>::new(of, input, &Extremes::new(of, input)?)?;
        let sums = operands.sums(&of.loss, &of.settings.classes())?;
        let no_class = unifocal_core::Error::NoClassLeft;
        let value = of
            .settings
            .classes()
            .value(&of.loss, &sums)
            .ok_or(no_class)?;
        let counts = of.settings.classes().counts(&sums).ok_or(no_class)?;
        let nothing = input.prediction.f_reshape([-1])?.f_narrow(0, 0, 0)?;
        let value = operands.by_group(&value)?;
        let value = value.f_add(&nothing.f_sum(Kind::Double)?)?;
        Ok([value, operands.by_group(&counts)?])
    }
    match input.arithmetic() {
        Kind::Double => value::<true>(of, input),
        _ => value::<false>(of, input),
    }
}

/// The loss of each class, [G, C] in f64.
pub(crate) fn per_class(of: &SegmentationLoss, input: &Tensors) -> Result<Tensor, Error> {
    fn scores<const WIDE: bool>(of: &SegmentationLoss, input: &Tensors) -> Result<Tensor, Error> {
        let operands = Operands::<WIDE, true>::new(of, input, &Extremes::new(of, input)?)?;
        let sums = operands.sums(&of.loss, &of.settings.classes())?;
        let scores: Vec<Tensor> = sums
            .iter()
            .enumerate()
            .map(|(class, sums)| operands.by_group(&of.score(class, sums)))
            .collect::<Result<_, _>>()?;
        Ok(Tensor::f_stack(&scores, 1)?)
    }
    match input.arithmetic() {
        Kind::Double => scores::<true>(of, input),
        _ => scores::<false>(of, input),
    }
}
