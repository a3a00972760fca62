//! The fused route by tensor operations, for devices whose memory the engine cannot access.
//!
//! The gradient is written class by class, by the same formulas on dual numbers. Autograd records none of it, so temporaries can be
//! overwritten.

use tch::{Kind, Tensor};
use unifocal_core::{Input, formula::Loss};

use crate::Error;
use crate::engine::narrowed;
use crate::extremes::Extremes;
use crate::operands::{ClassProbability, Operands};
use crate::plan::Plan;
use crate::tensors::Tensors;
use crate::values::{Outcome, Values};

/// The sums of all terms, [G, C, 6] in f64.
pub(crate) fn sums(plan: &Plan, input: &Tensors, extremes: &Extremes) -> Result<Tensor, Error> {
    let _guard = tch::no_grad_guard();
    match input.arithmetic() {
        Kind::Double => {
            Operands::<true, false>::new(&plan.settings, input, extremes)?.stacked(plan)
        }
        _ => Operands::<false, false>::new(&plan.settings, input, extremes)?.stacked(plan),
    }
}

/// The gradient of Σ slope·sum with respect to the prediction, in its kind; `slopes` are those of the terms, [G, C, 4] in f64.
pub(crate) fn gradient(
    plan: &Plan,
    input: &Tensors,
    extremes: &Extremes,
    slopes: &Tensor,
) -> Result<Tensor, Error> {
    let _guard = tch::no_grad_guard();
    match input.arithmetic() {
        Kind::Double => gradient_in::<true>(plan, input, extremes, slopes),
        _ => gradient_in::<false>(plan, input, extremes, slopes),
    }
}

fn gradient_in<const WIDE: bool>(
    plan: &Plan,
    input: &Tensors,
    extremes: &Extremes,
    slopes: &Tensor,
) -> Result<Tensor, Error> {
    let operands = Operands::<WIDE, false>::new(&plan.settings, input, extremes)?;
    let classes = operands.class_count();
    let kind = input.arithmetic();
    let most = if WIDE { f64::MAX } else { f64::from(f32::MAX) } / 64.0;

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
        let terms = plan.loss.terms(
            &plan
                .settings
                .classes()
                .class(class as usize, classes as usize),
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
                match (plan.settings.input, probability) {
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
