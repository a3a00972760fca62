//! [`Real`] for tensors, by lazy expressions.
//!
//! A formula builds an expression; libtorch computes it on demand. Constants are folded, unused results are never computed, and, unless
//! autograd records a graph, an operation overwrites operands that nothing else uses.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Div, Mul, Sub};
use std::rc::Rc;

use tch::{Device, Kind, TchError, Tensor};
use unifocal_core::{Dual, Exponent, Real, Share};

/// An expression over tensors of one shape (or of length 1 on some axes), or a constant.
///
/// `WIDE` selects f64 over f32. `GRAPH` means that autograd records the computation: then clips have the derivative 1 outside their
/// bounds, powers have the derivative 0 at 0, and nothing is overwritten.
#[derive(Clone, Debug)]
pub struct Values<const WIDE: bool, const GRAPH: bool>(Rc<RefCell<Expression<WIDE, GRAPH>>>);

/// A deferred computation.
struct Later(Box<dyn FnOnce() -> Result<Tensor, TchError>>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

#[derive(Debug)]
enum Expression<const WIDE: bool, const GRAPH: bool> {
    Constant(f64),
    /// A tensor that may be shared, so it is never overwritten.
    Given(Tensor),
    /// The result of an expression.
    Computed(Tensor),
    Later(Later),
    Unary(Unary, Values<WIDE, GRAPH>),
    Binary(Binary, Values<WIDE, GRAPH>, Values<WIDE, GRAPH>),
}

#[derive(Clone, Copy, Debug)]
enum Unary {
    Scale(f64),
    Shift(f64),
    /// k − x.
    From(f64),
    /// k / x.
    Over(f64),
    LnAbove(f64),
    Power(Exponent),
    Clip(f64, f64),
    /// x, or 1 where x is below this bound. The dividend is 0 there, and its derivative must be 0 too; times 1/TINY it could overflow.
    Divisor(f64),
    Positive,
    Exp,
    Expm1,
}

#[derive(Clone, Copy, Debug)]
enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// The result of an expression.
#[derive(Debug)]
pub(crate) enum Outcome {
    Constant(f64),
    Tensor(Tensor),
}

impl<const WIDE: bool, const GRAPH: bool> Values<WIDE, GRAPH> {
    /// Wraps a tensor, which is never overwritten. In products, a Bool mask counts as 0 and 1.
    pub(crate) fn given(tensor: Tensor) -> Self {
        Self::new(Expression::Given(tensor))
    }

    /// A new tensor, computed on demand.
    pub(crate) fn later(compute: impl FnOnce() -> Result<Tensor, TchError> + 'static) -> Self {
        Self::new(Expression::Later(Later(Box::new(compute))))
    }

    /// A constant.
    pub(crate) fn constant(value: f64) -> Self {
        Self::new(Expression::Constant(value))
    }

    /// The number, if the expression is constant.
    pub(crate) fn as_constant(&self) -> Option<f64> {
        match *self.0.borrow() {
            Expression::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// eˣ.
    pub(crate) fn exp(self) -> Self {
        self.unary(Unary::Exp)
    }

    /// eˣ − 1.
    pub(crate) fn expm1(self) -> Self {
        self.unary(Unary::Expm1)
    }

    /// Computes the expression.
    ///
    /// Uses an explicit stack: a mean over all classes is a chain too deep for recursion.
    pub(crate) fn outcome(&self) -> Result<Outcome, TchError> {
        let mut pending = vec![self.clone()];
        while let Some(last) = pending.last() {
            let operands = last.pending();
            if operands.is_empty() {
                let ready = pending.pop().expect("the stack is not empty");
                ready.compute()?;
            } else {
                pending.extend(operands.into_iter().rev());
            }
        }
        Ok(match &*self.0.borrow() {
            Expression::Constant(value) => Outcome::Constant(*value),
            Expression::Given(tensor) | Expression::Computed(tensor) => {
                Outcome::Tensor(tensor.shallow_clone())
            }
            _ => unreachable!("the expression has been computed"),
        })
    }

    /// The operands that have not been computed yet.
    fn pending(&self) -> Vec<Self> {
        let is_pending = |of: &&Self| {
            matches!(
                *of.0.borrow(),
                Expression::Later(_) | Expression::Unary(..) | Expression::Binary(..)
            )
        };
        match &*self.0.borrow() {
            Expression::Unary(_, x) => [x].into_iter().filter(is_pending).cloned().collect(),
            Expression::Binary(_, x, y) => [x, y].into_iter().filter(is_pending).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Computes the expression from its computed operands, unless it has been computed.
    fn compute(self) -> Result<(), TchError> {
        // Take the expression out, so that reference counts show the last use of an operand.
        let tensor = match self.0.replace(Expression::Constant(f64::NAN)) {
            Expression::Later(Later(compute)) => compute()?,
            Expression::Unary(unary, x) => unary.apply::<WIDE, GRAPH>(x.operand())?,
            Expression::Binary(binary, x, y) => {
                let (x, y) = (x.operand(), y.operand());
                binary.apply(x, y)?
            }
            other => {
                self.0.replace(other);
                return Ok(());
            }
        };
        self.0.replace(Expression::Computed(tensor));
        Ok(())
    }

    /// The computed tensor as an operand of another expression.
    fn operand(self) -> Operand {
        let last = !GRAPH && Rc::strong_count(&self.0) == 1;
        match &*self.0.borrow() {
            Expression::Given(tensor) => Operand {
                tensor: tensor.shallow_clone(),
                reusable: false,
            },
            Expression::Computed(tensor) => Operand {
                tensor: tensor.shallow_clone(),
                reusable: last,
            },
            // Operations with a constant are unary, and operands are computed first.
            _ => unreachable!("the operand is a computed tensor"),
        }
    }

    /// Moves the operands out if nothing else refers to this expression.
    fn release(&mut self, operands: &mut Vec<Self>) {
        if let Some(expression) = Rc::get_mut(&mut self.0) {
            match expression.replace(Expression::Constant(f64::NAN)) {
                Expression::Unary(_, x) => operands.push(x),
                Expression::Binary(_, x, y) => operands.extend([x, y]),
                _ => {}
            }
        }
    }

    fn new(expression: Expression<WIDE, GRAPH>) -> Self {
        Self(Rc::new(RefCell::new(expression)))
    }

    /// Applies a unary operation; a constant is folded.
    fn unary(self, unary: Unary) -> Self {
        match self.as_constant() {
            Some(value) => Self::constant(unary.of(value)),
            None => Self::new(Expression::Unary(unary, self)),
        }
    }

    fn binary(self, binary: Binary, other: Self) -> Self {
        Self::new(Expression::Binary(binary, self, other))
    }
}

impl<const GRAPH: bool> Values<true, GRAPH> {
    /// The expression as a tensor of this length, even if it is constant.
    pub(crate) fn filled(&self, length: i64, device: Device) -> Result<Tensor, TchError> {
        match self.outcome()? {
            Outcome::Tensor(tensor) => Ok(tensor),
            Outcome::Constant(value) => Tensor::f_full([length], value, (Kind::Double, device)),
        }
    }
}

/// Drops operands by an explicit stack too: an expression that was never computed may be as deep a chain.
impl<const WIDE: bool, const GRAPH: bool> Drop for Values<WIDE, GRAPH> {
    fn drop(&mut self) {
        let mut operands = Vec::new();
        self.release(&mut operands);
        while let Some(mut last) = operands.pop() {
            last.release(&mut operands);
        }
    }
}

impl<const WIDE: bool, const GRAPH: bool> Real for Values<WIDE, GRAPH> {
    const TINY: f64 = if WIDE { f64::TINY } else { f32::TINY };

    fn scale(self, k: f64) -> Self {
        match k {
            0.0 => Self::constant(0.0),
            1.0 => self,
            k => self.unary(Unary::Scale(k)),
        }
    }

    fn shift(self, k: f64) -> Self {
        match k {
            0.0 => self,
            k => self.unary(Unary::Shift(k)),
        }
    }

    fn ln_above(self, low: f64) -> Self {
        self.unary(Unary::LnAbove(low.max(Self::TINY)))
    }

    fn powf(self, e: Exponent) -> Self {
        match e {
            Exponent::Zero => Self::constant(1.0),
            Exponent::One => self,
            Exponent::Two => self.clone() * self,
            e => self.unary(Unary::Power(e)),
        }
    }

    fn clip(self, low: f64, high: f64) -> Self {
        let is_divisor = GRAPH && low == Self::TINY && high == f64::INFINITY;
        self.unary(if is_divisor {
            Unary::Divisor(low)
        } else {
            Unary::Clip(low, high)
        })
    }

    fn positive(self) -> Self {
        self.unary(Unary::Positive)
    }

    fn zero(&self) -> Self {
        Self::constant(0.0)
    }

    fn complement(self) -> Self {
        self.unary(Unary::From(1.0))
    }
}

impl<const WIDE: bool, const GRAPH: bool> Add for Values<WIDE, GRAPH> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (Some(k), _) => other.shift(k),
            (_, Some(k)) => self.shift(k),
            _ => self.binary(Binary::Add, other),
        }
    }
}

impl<const WIDE: bool, const GRAPH: bool> Sub for Values<WIDE, GRAPH> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (Some(k), _) => other.unary(Unary::From(k)),
            (_, Some(k)) => self.shift(-k),
            _ => self.binary(Binary::Sub, other),
        }
    }
}

impl<const WIDE: bool, const GRAPH: bool> Mul for Values<WIDE, GRAPH> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (Some(k), _) => other.scale(k),
            (_, Some(k)) => self.scale(k),
            _ => self.binary(Binary::Mul, other),
        }
    }
}

impl<const WIDE: bool, const GRAPH: bool> Div for Values<WIDE, GRAPH> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        match (self.as_constant(), other.as_constant()) {
            (Some(0.0), None) => Self::constant(0.0),
            (Some(k), _) => other.unary(Unary::Over(k)),
            (_, Some(k)) => self.scale(1.0 / k),
            _ => self.binary(Binary::Div, other),
        }
    }
}

/// The target y of a class: a mask, or numbers.
#[derive(Debug)]
pub(crate) struct ClassTarget(Tensor);

impl ClassTarget {
    pub(crate) fn new(tensor: Tensor) -> Self {
        Self(tensor)
    }

    /// The tensor of y.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }
}

impl<const WIDE: bool, const GRAPH: bool> Share<Values<WIDE, GRAPH>> for ClassTarget {
    fn of(&self, x: Values<WIDE, GRAPH>) -> Values<WIDE, GRAPH> {
        x * Values::given(self.0.shallow_clone())
    }

    fn complement(&self) -> Self {
        // The tensor has been checked, so this can only run out of memory.
        Self(if self.0.kind() == Kind::Bool {
            self.0.logical_not()
        } else {
            self.0.rsub_scalar(1.0)
        })
    }
}

impl<const WIDE: bool, const GRAPH: bool> Share<Dual<Values<WIDE, GRAPH>>> for ClassTarget {
    fn of(&self, x: Dual<Values<WIDE, GRAPH>>) -> Dual<Values<WIDE, GRAPH>> {
        Dual {
            value: self.of(x.value),
            derivative: self.of(x.derivative),
        }
    }

    fn complement(&self) -> Self {
        Share::<Values<WIDE, GRAPH>>::complement(self)
    }
}

/// A tensor that an operation is applied to.
struct Operand {
    tensor: Tensor,
    /// Whether the result may overwrite it.
    reusable: bool,
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
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Scale(k) => x.scale(k),
            Self::Shift(k) => x.shift(k),
            Self::From(k) => k - x,
            Self::Over(k) => k / x,
            Self::LnAbove(low) => x.ln_above(low),
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
    fn apply<const WIDE: bool, const GRAPH: bool>(self, x: Operand) -> Result<Tensor, TchError> {
        match self {
            Self::Scale(k) => apply!(x, f_mul_scalar_, f_mul_scalar, k),
            Self::Shift(k) => apply!(x, f_add_scalar_, f_add_scalar, k),
            Self::From(k) => x.tensor.f_rsub_scalar(k),
            Self::Over(k) => x.tensor.f_reciprocal()?.f_mul_scalar_(k),
            Self::LnAbove(low) if GRAPH => clip_through(&x.tensor, low, f64::INFINITY)?.f_log(),
            Self::LnAbove(low) => apply!(x, f_clamp_min_, f_clamp_min, low)?.f_log_(),
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
            Self::Positive => {
                let kind = if WIDE { Kind::Double } else { Kind::Float };
                x.tensor.f_gt(0.0)?.f_to_kind(kind)
            }
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
    fn apply(self, mut x: Operand, mut y: Operand) -> Result<Tensor, TchError> {
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
