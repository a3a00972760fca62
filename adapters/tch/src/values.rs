//! [`Real`] for tensors, by lazy expressions.
//!
//! A formula builds an expression; libtorch computes it on demand. Constants are folded, unused results are never computed, and, unless
//! autograd records a graph, an operation overwrites operands that nothing else uses.

mod operation;

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Div, Mul, Sub};
use std::rc::Rc;

use tch::{Device, Kind, TchError, Tensor};
use unifocal_core::formula::{Exponent, Real};

use operation::{Binary, Operand, Unary};

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

    fn ln_1p(self) -> Self {
        self.unary(Unary::Ln1p)
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
