//! The operations of expressions, on tensors.

use tch::{Kind, TchError, Tensor};
use unifocal_core::formula::{Exponent, Real};

/// An operation on one operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unary {
    Scale(f64),
    Shift(f64),
    /// k − x.
    From(f64),
    /// k / x.
    Over(f64),
    LnAbove(f64),
    Ln1p,
    Power(Exponent),
    Clip(f64, f64),
    /// x, or 1 where x is below this bound. The dividend is 0 there, and its derivative must be 0 too; times 1/TINY it could overflow.
    Divisor(f64),
    Positive,
    Exp,
    Expm1,
}

/// An operation on two operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// A tensor that an operation is applied to.
pub(super) struct Operand {
    pub(super) tensor: Tensor,
    /// Whether the result may overwrite it.
    pub(super) reusable: bool,
}

/// Calls the in-place method if the operand is reusable, otherwise the one that allocates.
macro_rules! apply {
    ($operand:ident, $in_place:ident, $new:ident $(, $argument:expr)*) => {{
        let Operand { mut tensor, reusable } = $operand;
        if reusable {
            tensor.$in_place($($argument),*)
        } else {
            tensor.$new($($argument),*)
        }
    }};
}

impl Unary {
    /// Applies the operation to a number.
    pub(super) fn of(self, x: f64) -> f64 {
        match self {
            Self::Scale(k) => x.scale(k),
            Self::Shift(k) => x.shift(k),
            Self::From(k) => k - x,
            Self::Over(k) => k / x,
            Self::LnAbove(low) => x.ln_above(low),
            Self::Ln1p => x.ln_1p(),
            Self::Power(e) => Real::powf(x, e),
            Self::Clip(low, high) => x.clip(low, high),
            Self::Divisor(low) => {
                if x < low {
                    1.0
                } else {
                    x
                }
            }
            Self::Positive => x.positive(),
            Self::Exp => x.exp(),
            Self::Expm1 => x.exp_m1(),
        }
    }

    /// Applies the operation to a tensor.
    pub(super) fn apply<const WIDE: bool, const GRAPH: bool>(
        self,
        x: Operand,
    ) -> Result<Tensor, TchError> {
        let kind = if WIDE { Kind::Double } else { Kind::Float };
        // A mask times a number would be a Float, whatever the kind of the others.
        let x = match x.tensor.f_kind()? {
            Kind::Bool => Operand {
                tensor: x.tensor.f_to_kind(kind)?,
                reusable: !GRAPH,
            },
            _ => x,
        };
        match self {
            Self::Scale(k) => apply!(x, f_mul_scalar_, f_mul_scalar, k),
            Self::Shift(k) => apply!(x, f_add_scalar_, f_add_scalar, k),
            Self::From(k) => x.tensor.f_rsub_scalar(k),
            Self::Over(k) => x.tensor.f_reciprocal()?.f_mul_scalar_(k),
            Self::LnAbove(low) if GRAPH => clip_through(&x.tensor, low, f64::INFINITY)?.f_log(),
            Self::LnAbove(low) => apply!(x, f_clamp_min_, f_clamp_min, low)?.f_log_(),
            Self::Ln1p => apply!(x, f_log1p_, f_log1p),
            Self::Power(e) if GRAPH => {
                let counts = x.tensor.f_gt(if WIDE { f64::TINY } else { f32::TINY })?;
                let power = powered(&x.tensor.f_where_scalarother(&counts, 1.0)?, e)?;
                power.f_where_scalarother(&counts, 0.0)
            }
            Self::Power(e) => powered(&x.tensor, e),
            Self::Clip(low, high) if GRAPH && x.tensor.requires_grad() => {
                clip_through(&x.tensor, low, high)
            }
            Self::Clip(low, f64::INFINITY) => apply!(x, f_clamp_min_, f_clamp_min, low),
            Self::Clip(f64::NEG_INFINITY, high) => apply!(x, f_clamp_max_, f_clamp_max, high),
            Self::Clip(low, high) => apply!(x, f_clamp_, f_clamp, low, high),
            Self::Divisor(low) => {
                let counts = x.tensor.f_ge(low)?;
                x.tensor.f_where_scalarother(&counts, 1.0)
            }
            Self::Positive => x.tensor.f_gt(0.0)?.f_to_kind(kind),
            Self::Exp => apply!(x, f_exp_, f_exp),
            Self::Expm1 => apply!(x, f_expm1_, f_expm1),
        }
    }
}

/// Clamps x but keeps the derivative of x. Computes (x − x) + clamped, so that the clamped value is not rounded.
fn clip_through(x: &Tensor, low: f64, high: f64) -> Result<Tensor, TchError> {
    let detached = x.f_detach()?;
    x.f_sub(&detached)?.f_add_(&detached.f_clamp(low, high)?)
}

fn powered(x: &Tensor, e: Exponent) -> Result<Tensor, TchError> {
    match e {
        Exponent::Half => x.f_sqrt(),
        Exponent::ThreeHalves => x.f_sqrt()?.f_mul(x),
        e => x.f_pow_tensor_scalar(e.to_f64()),
    }
}

impl Binary {
    /// Applies the operation to tensors.
    pub(super) fn apply(self, mut x: Operand, mut y: Operand) -> Result<Tensor, TchError> {
        let commutes = matches!(self, Self::Add | Self::Mul);
        if commutes && y.takes(&x.tensor)? && !x.takes(&y.tensor)? {
            std::mem::swap(&mut x, &mut y);
        }
        let y = y.tensor;
        let in_place = x.takes(&y)?;
        let mut x = x.tensor;
        match (self, in_place) {
            (Self::Add, true) => x.f_add_(&y),
            (Self::Add, false) => x.f_add(&y),
            (Self::Sub, true) => x.f_sub_(&y),
            (Self::Sub, false) => x.f_sub(&y),
            (Self::Mul, true) => x.f_mul_(&y),
            (Self::Mul, false) => x.f_mul(&y),
            (Self::Div, true) => x.f_div_(&y),
            (Self::Div, false) => x.f_div(&y),
        }
    }
}

impl Operand {
    /// Whether the result of an operation with `other` can be stored in this operand.
    fn takes(&self, other: &Tensor) -> Result<bool, TchError> {
        let kind = self.tensor.f_kind()?;
        let (shape, others) = (self.tensor.size(), other.size());
        let fits = shape.len() == others.len()
            && shape
                .iter()
                .zip(&others)
                .all(|(n, other)| other == n || *other == 1);
        let other = other.f_kind()?;
        Ok(self.reusable && fits && (other == kind || other == Kind::Bool))
    }
}
