//! The powers of the focal losses, as a type for each exponent that has a shortcut.

use crate::{Exponent, Real};

/// A focal loss is y times a function of 1 − p and −ln p: in most forms, (1 − p)^γ·(−ln p).
pub(crate) trait Power: Copy + Send + Sync {
    /// γ.
    fn exponent(self) -> Exponent;

    /// (1 − p)^γ·x, from 1 − p and x = −ln p.
    #[inline(always)]
    fn times<R: Real>(self, complement: R, x: R) -> R {
        complement.powf(self.exponent()) * x
    }
}

impl Power for Exponent {
    #[inline(always)]
    fn exponent(self) -> Exponent {
        self
    }

    #[inline(always)]
    fn times<R: Real>(self, complement: R, x: R) -> R {
        match self {
            Self::Zero => Zero.times(complement, x),
            exponent => complement.powf(exponent) * x,
        }
    }
}

/// γ = 0. Its derivative needs no logarithm.
#[derive(Clone, Copy)]
pub(crate) struct Zero;

impl Power for Zero {
    #[inline(always)]
    fn exponent(self) -> Exponent {
        Exponent::Zero
    }

    #[inline(always)]
    fn times<R: Real>(self, _: R, x: R) -> R {
        x
    }
}

/// (−ln p)^γ, without a factor of 1 − p.
#[derive(Clone, Copy)]
pub(crate) struct OfLog<P>(pub(crate) P);

/// The largest −ln p of a power above 1. Its fifth power is in range of f32, and so are sums of it.
const LARGEST_LOG: f64 = 1e6;

/// (1 − p)^γ·(−ln p + ε·(1 − p)).
#[derive(Clone, Copy)]
pub(crate) struct Poly<P> {
    pub(crate) power: P,
    /// ε.
    pub(crate) coefficient: f64,
}

impl<P: Power> Power for Poly<P> {
    #[inline(always)]
    fn exponent(self) -> Exponent {
        self.power.exponent()
    }

    #[inline(always)]
    fn times<R: Real>(self, complement: R, x: R) -> R {
        let x = x + complement.clone().scale(self.coefficient);
        self.power.times(complement, x)
    }
}

impl<P: Power> Power for OfLog<P> {
    #[inline(always)]
    fn exponent(self) -> Exponent {
        self.0.exponent()
    }

    #[inline(always)]
    fn times<R: Real>(self, _: R, x: R) -> R {
        let exponent = self.exponent();
        match exponent {
            Exponent::ThreeHalves | Exponent::Two | Exponent::Other(_) => {
                x.clip(f64::NEG_INFINITY, LARGEST_LOG).powf(exponent)
            }
            Exponent::Zero | Exponent::Half | Exponent::One | Exponent::Root(_) => x.powf(exponent),
        }
    }
}

/// Types for exponents: each calls [`Real::powf`] with its own variant, so that the compiler drops
/// the others before it inlines them.
macro_rules! powers {
    ($($(#[$doc:meta])* $name:ident$(($e:ident: $type:ty))?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name$((pub(crate) $type))?;

        impl Power for $name {
            #[inline(always)]
            fn exponent(self) -> Exponent {
                $(let Self($e) = self;)?
                Exponent::$name$(($e))?
            }
        }
    )*};
}

powers! {
    /// γ = ½.
    Half;
    /// γ = 1.
    One;
    /// γ = 1½.
    ThreeHalves;
    /// γ = 2.
    Two;
    /// Any other γ up to 1.
    Root(e: f64);
    /// Any other γ.
    Other(e: f64);
}
