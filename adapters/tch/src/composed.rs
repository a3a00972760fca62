//! The composed route: evaluates the formulas as tensor operations, which libtorch differentiates to any order.

use tch::{Kind, Tensor};
use unifocal_core::formula::ClassSums;

use crate::extremes::Extremes;
use crate::operands::Operands;
use crate::plan::Plan;
use crate::tensors::Tensors;
use crate::values::Values;
use crate::{Error, Sum};

/// The sums of all terms, [G, C, 6] in f64.
pub(crate) fn sums(plan: &Plan, input: &Tensors) -> Result<Tensor, Error> {
    let extremes = Extremes::new(plan, input)?;
    let sums = match input.arithmetic() {
        Kind::Double => {
            Operands::<true, true>::new(&plan.settings, input, &extremes)?.stacked(plan)
        }
        _ => Operands::<false, true>::new(&plan.settings, input, &extremes)?.stacked(plan),
    };
    dependent(&sums?, &input.prediction)
}

/// The loss of each group and whether the group counts, both `[G]` in f64.
pub(crate) fn by_group(plan: &Plan, sums: &Tensor) -> Result<[Tensor; 2], Error> {
    if let Some(each) = by_region(plan, sums)? {
        let each = each.iter().map(|(plan, sums)| by_group(plan, sums));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        let (values, counts): (Vec<_>, Vec<_>) = each.into_iter().map(Into::into).unzip();
        let stacked = |each: &[Tensor]| Tensor::f_stack(each, 1)?.f_reshape([-1]);
        return Ok([stacked(&values)?, stacked(&counts)?]);
    }
    let classes = plan.settings.classes();
    let by_class = by_class(sums)?;
    let no_class = unifocal_core::Error::NoClassLeft;
    let value = classes.value(&plan.loss, &by_class).ok_or(no_class)?;
    let counts = classes.counts(&by_class).ok_or(no_class)?;
    let groups = sums.size()[0];
    Ok([
        dependent(&value.filled(groups, sums.device())?, sums)?,
        counts.filled(groups, sums.device())?,
    ])
}

/// The loss of each class, [G, C] in f64.
pub(crate) fn per_class(plan: &Plan, sums: &Tensor) -> Result<Tensor, Error> {
    if let Some(each) = by_region(plan, sums)? {
        let each = each.iter().map(|(plan, sums)| per_class(plan, sums));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        return Ok(Tensor::f_stack(&each, 1)?.f_reshape([-1, sums.size()[1]])?);
    }
    let by_class = by_class(sums)?;
    let count = by_class.len();
    let scores: Vec<Tensor> = by_class
        .iter()
        .enumerate()
        .map(|(class, of_class)| {
            plan.score(class, count, of_class)
                .filled(sums.size()[0], sums.device())
        })
        .collect::<Result<_, _>>()?;
    dependent(&Tensor::f_stack(&scores, 1)?, sums)
}

/// The plan and the sums of each region, if the regions differ in α.
fn by_region(plan: &Plan, sums: &Tensor) -> Result<Option<Vec<(Plan, Tensor)>>, Error> {
    let shape = sums.size();
    let count = shape[1] as usize;
    let regions = plan.settings.classes().region_count(count);
    if regions == 1 {
        return Ok(None);
    }
    let each = sums.f_reshape([-1, regions as i64, shape[1], shape[2]])?;
    let each = each.f_unbind(1)?.into_iter().enumerate();
    Ok(Some(
        each.map(|(region, sums)| (plan.of_region(region, count), sums))
            .collect(),
    ))
}

/// The sums of each class, with an entry per group.
pub(crate) fn by_class(sums: &Tensor) -> Result<Vec<ClassSums<Sum, 4>>, Error> {
    // One operation for all classes: the backward of each `select` would allocate a gradient of all sums.
    let of_class = |sums: Tensor| {
        let sums = sums.f_unbind(1)?.into_iter().map(Values::given);
        let sums: [_; 6] = sums
            .collect::<Vec<_>>()
            .try_into()
            .expect("a class has six sums");
        Ok(ClassSums::from(sums))
    };
    sums.f_unbind(1)?.into_iter().map(of_class).collect()
}

/// The value, made to depend on a tensor in libtorch's graph even where the formula is constant.
pub(crate) fn dependent(value: &Tensor, on: &Tensor) -> Result<Tensor, Error> {
    let nothing = on.f_reshape([-1])?.f_narrow(0, 0, 0)?;
    Ok(value.f_add(&nothing.f_sum(Kind::Double)?)?)
}
