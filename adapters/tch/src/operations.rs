//! The fused route by tensor operations, for devices whose memory the engine cannot access.
//!
//! The sums are copied to the host, which computes the slopes of the loss. The gradient is written class by class, by the same formulas on
//! dual numbers. Autograd records none of it, so temporaries can be overwritten.

use tch::{Kind, Tensor};
use unifocal_core::{Input, formula::{ClassSums, Loss}};

use crate::engine::narrowed;
use crate::extremes::Extremes;
use crate::operands::{ClassProbability, Operands};
use crate::tensors::Tensors;
use crate::values::{Outcome, Values};
use crate::{Error, SegmentationLoss};

/// The sums of all terms, ordered by group, then class.
pub(crate) fn sums(
    of: &SegmentationLoss,
    input: &Tensors,
    extremes: &Extremes,
) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let _guard = tch::no_grad_guard();
    match input.arithmetic() {
        Kind::Double => sums_in::<true>(of, input, extremes),
        _ => sums_in::<false>(of, input, extremes),
    }
}

fn sums_in<const WIDE: bool>(
    of: &SegmentationLoss,
    input: &Tensors,
    extremes: &Extremes,
) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let operands = Operands::<WIDE, false>::new(of, input, extremes)?;
    let mut all = Vec::new();
    for ClassSums {
        terms,
        target,
        voxels,
    } in operands.sums(&of.loss, &of.settings.classes())?
    {
        for values in terms.iter().chain([&target, &voxels]) {
            all.push(operands.by_group(values)?);
        }
    }
    // A single copy to the host, [G, C, 6].
    let shape = [operands.class_count(), 6, operands.group_count()];
    let all = Tensor::f_stack(&all, 0)?.f_reshape(shape)?;
    let all = all.f_permute([2_i64, 0, 1].as_slice())?.f_reshape([-1])?;
    let all = Vec::<f64>::try_from(all.f_to(tch::Device::Cpu)?)?;
    let (rows, _) = all.as_chunks();
    Ok(rows
        .iter()
        .map(|sums: &[f64; 6]| ClassSums::from(*sums))
        .collect())
}

/// The gradient of Σ upstream·slope·sum with respect to the prediction, in its kind; `upstream` is [G, C].
pub(crate) fn gradient(
    of: &SegmentationLoss,
    input: &Tensors,
    extremes: &Extremes,
    slopes: &[[f64; 4]],
    upstream: &Tensor,
) -> Result<Tensor, Error> {
    let _guard = tch::no_grad_guard();
    match input.arithmetic() {
        Kind::Double => gradient_in::<true>(of, input, extremes, slopes, upstream),
        _ => gradient_in::<false>(of, input, extremes, slopes, upstream),
    }
}

fn gradient_in<const WIDE: bool>(
    of: &SegmentationLoss,
    input: &Tensors,
    extremes: &Extremes,
    slopes: &[[f64; 4]],
    upstream: &Tensor,
) -> Result<Tensor, Error> {
    let operands = Operands::<WIDE, false>::new(of, input, extremes)?;
    let (groups, classes) = (operands.group_count(), operands.class_count());
    let kind = input.arithmetic();
    let most = if WIDE { f64::MAX } else { f64::from(f32::MAX) } / 64.0;

    // Slopes times upstream gradient, [G, C, 4] on the device.
    let slopes = Tensor::from_slice(slopes.as_flattened()).f_reshape([groups, classes, 4])?;
    let slopes = slopes.f_to(input.prediction.device())?;
    let slopes = slopes.f_mul(&upstream.f_unsqueeze(-1)?)?;
    let slopes = slopes.f_clamp(-most, most)?.f_to_kind(kind)?;

    let (samples, channels) = (input.samples(), input.channels());
    let mut gradient = input.prediction.f_detach()?.f_empty_like()?;
    if gradient.f_kind()? != kind {
        gradient = gradient.f_to_kind(kind)?;
    }
    let gradient = gradient.f_reshape([samples, channels, -1])?;
    let weights = operands
        .weights()
        .map(|weights| weights.f_to_kind(kind))
        .transpose()?;

    // Σ_k slope_k·∂term_k of a class, [N, M].
    let slope = |class: i64,
                 probability: &ClassProbability<Values<WIDE, false>>|
     -> Result<Values<WIDE, false>, Error> {
        let y = operands.class_target(class)?;
        let terms = of.loss.terms(
            &of.settings.classes().class(class as usize),
            &probability.dual(),
            &y,
        );
        let by_term = slopes.f_select(1, class)?;
        let mut sum = Values::constant(0.0);
        for (k, term) in (0..).zip(terms) {
            let slope = by_term.f_narrow(1, k, 1)?;
            sum = sum + term.derivative * Values::given(slope);
        }
        Ok(match &weights {
            Some(weights) => sum * Values::given(weights.shallow_clone()),
            None => sum,
        })
    };
    let write = |channel: i64, values: Values<WIDE, false>| -> Result<(), Error> {
        let mut room = gradient.f_select(1, channel)?;
        match values.outcome()? {
            Outcome::Tensor(values) => room.f_copy_(&values)?,
            Outcome::Constant(value) => drop(room.f_fill_(value)?),
        }
        Ok(())
    };

    if channels == 1 {
        let (background, lesion) = (
            operands.class_probability(0)?,
            operands.class_probability(1)?,
        );
        let (h0, h1) = (slope(0, &background)?, slope(1, &lesion)?);
        write(
            0,
            match lesion {
                ClassProbability::Linear(_) => h1 - h0,
                // ∂ln p = 1 − p, ∂ln(1 − p) = −p.
                ClassProbability::Logarithm { p, complement, .. } => h1 * complement - h0 * p,
            },
        )?;
    } else {
        for class in 0..classes {
            let probability = operands.class_probability(class)?;
            let h = slope(class, &probability)?;
            write(
                class,
                match (of.settings.input, probability) {
                    (Input::Sigmoid, ClassProbability::Logarithm { complement, .. }) => {
                        h * complement
                    }
                    _ => h,
                },
            )?;
        }
    }
    if let Some(top) = operands.top() {
        // g_k = h_k·(1 − p_k) − p_k·Σ_{j≠k} h_j. Sum the unlikely classes first: the likeliest class's h would swamp theirs.
        let of_top = gradient.f_gather(1, top, false)?.f_squeeze_dim(1)?;
        let others = gradient.f_scatter_value(1, top, 0.0)?;
        let others = others.f_sum_dim_intlist([1_i64].as_slice(), false, None)?;
        let top = top.f_squeeze_dim(1)?;
        for class in 0..classes {
            let ClassProbability::Logarithm { p, complement, .. } =
                operands.class_probability(class)?
            else {
                unreachable!("softmax probabilities have logarithms")
            };
            let h = gradient.f_select(1, class)?;
            // Σ_{j≠k} h_j.
            let mut rest = others.f_sub(&h)?.f_add_(&of_top)?;
            rest = others.f_where_self(&top.f_eq(class)?, &rest)?;
            let given = Values::given;
            write(class, complement * given(h) - p * given(rest))?;
        }
    }
    let mut gradient = gradient;
    let gradient = gradient.f_clamp_(-most, most)?;
    narrowed(
        gradient.f_reshape(input.prediction.size())?,
        input.prediction.f_kind()?,
    )
}
